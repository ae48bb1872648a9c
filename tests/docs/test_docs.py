"""What exists has a line in the documents: settings, commands, rules, reasons, dependencies, make targets."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from lti_tool.cli import main
from lti_tool.planning.explain import LEFT_OUT_WORDS, REASON_WORDS
from lti_tool.planning.plan import ChangeReason
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.taking_part import LeftOut
from lti_tool.planning.warnings import WARNING_WORDS, PlanWarning
from lti_tool.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(group: click.Group, path: str = "peer-allocator") -> list[str]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, f"{path} {name}")
        else:
            found.append(f"{path} {name}")
    return found


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in read("docs/configuration.md")


@pytest.mark.parametrize("name", list(PlanRules.model_fields))
def test_every_rule_is_documented(name: str) -> None:
    assert f"`{name}`" in read("docs/rules.md")


@pytest.mark.parametrize("command", commands(main))
def test_every_command_is_documented(command: str) -> None:
    assert command in read("docs/command-line.md")


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    names = [re.split(r"[\[>=<]", line)[0] for line in project["project"]["dependencies"]]
    text = read("docs/dependencies.md")
    assert [name for name in names if name not in text.lower()] == []


def test_every_code_has_words() -> None:
    assert set(REASON_WORDS) == set(ChangeReason)
    assert set(LEFT_OUT_WORDS) == set(LeftOut)
    assert set(WARNING_WORDS) == set(PlanWarning)


def test_links_between_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for target in re.findall(r"docs/[\w-]+\.md", page.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{page.name}: {target}"


def test_the_example_configuration_is_usable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from lti_tool.lti.registration import Registrations

    monkeypatch.setenv("PEER_ALLOCATOR_CONFIG", str(ROOT / "config.json"))
    settings = load_settings(instance=tmp_path)
    (registration,) = Registrations.from_config(settings.platforms, allow_http_loopback=False).all()
    assert registration.canvas_origin == "https://canvas.example.edu"


def test_the_example_rules_are_usable() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", read("docs/rules.md"), re.DOTALL)
    assert PlanRules.model_validate(json.loads(example)).reviews_per_reviewer == 2
