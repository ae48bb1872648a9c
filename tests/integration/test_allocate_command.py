"""``peer-allocator allocate``: instance in, allocation out, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lti_tool.cli import main


def instance(**changes: Any) -> dict[str, Any]:
    people = "abcdef"
    made: dict[str, Any] = {
        "format": "peer-instance/1",
        "name": "six",
        "k": 2,
        "seed": 7,
        "rules": {"sections": "any", "groups": "any"},
        "students": [{"id": name} for name in people],
        "submissions": [{"id": f"s{name}", "authors": [name]} for name in people],
    }
    return made | changes


def run(folder: Path, content: object, *words: str) -> tuple[Result, Path]:
    given, output = folder / "instance.json", folder / "allocation.json"
    given.write_text(content if isinstance(content, str) else json.dumps(content))
    return (
        CliRunner().invoke(
            main,
            ["allocate", "--instance", str(given), "--output", str(output), *words],
            catch_exceptions=False,
        ),
        output,
    )


def test_a_class_is_allocated_and_the_seed_repeats_it(tmp_path: Path) -> None:
    result, output = run(tmp_path, instance())
    assert result.exit_code == 0
    first = json.loads(output.read_text())
    assert (first["format"], first["instance"], first["status"], first["seed"]) == (
        "peer-allocation/1",
        "six",
        "ok",
        7,
    )
    assert len(first["edges"]) == 12
    assert all(f"s{reviewer}" != work for reviewer, work in first["edges"])
    run(tmp_path, instance())
    assert json.loads(output.read_text()) == first
    run(tmp_path, instance(), "--seed", "8")
    other = json.loads(output.read_text())
    assert other["seed"] == 8, "the seed on the command line wins"
    assert other["edges"] != first["edges"]


def test_what_cannot_be_met_is_written_with_reasons_and_exit_code_1(tmp_path: Path) -> None:
    result, output = run(tmp_path, instance(k=6))
    assert result.exit_code == 1
    best = json.loads(output.read_text())
    assert best["status"] == "partial"
    assert len(best["edges"]) == 30, "the largest possible coverage"
    assert best["reasons"][0]["need"] > best["reasons"][0]["have"]
    assert "Would work" in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (instance(kk=3), "kk"),
        (instance(rules={"sectoins": "any"}), "sectoins"),
        (instance(students=[{"id": "a"}, {"id": "a"}]), "a"),
        (instance(forbidden=[["a", "nobody"]]), "nobody"),
        (instance(format="peer-instance/2"), "format"),
        ("{", "JSON"),
        (instance(students=[]), "at least two people, and the roster has 0"),
        (instance(students=[{"id": "a"}]), "at least two people, and the roster has 1"),
        (instance(submissions=[]), "nothing to review"),
        (instance(submissions=[{"id": "x", "authors": []}]), "'x' has no author"),
        (instance(submissions=[{"id": "x", "authors": ["z"]}]), "its author 'z' is not a participant"),
        (instance(submissions=[{"id": "x", "authors": ["a"]}] * 2), "submission id 'x' occurs twice"),
        (instance(required=[["z", "sa"]]), "required: the pair ('z', 'sa') names the reviewer 'z'"),
        (instance(kept=[["a", "sa"]]), "kept: 'a' is an author of 'sa'"),
        (instance(k=-1), "k: expected a whole number from 0 to 1000, found -1"),
        (instance(k=10**9), "k: expected a whole number from 0 to 1000"),
        (instance(rules={"section_pairs": [["S", "T"]]}), "section_pairs: Nobody is in section S"),
        (instance(rules={"section_shares": [["S", "T", 1]]}), "section_shares: Nobody is in section S"),
        (instance(rules={"section_shares": [["S", "T"]]}), "rules.section_shares[0]: expected [section,"),
        (
            instance(rules={"section_shares": [["S", "T", 1.5]]}),
            "rules.section_shares[0][2]: expected a whole",
        ),
        (
            instance(rules={"section_shares": [["S", "T", 1]] * 2}),
            "rules.section_shares[1]: 'S' to 'T' is there",
        ),
        (instance(rules={"co_authors": "both"}), "co_authors is 'both'. Say one of any, different, same"),
        (instance(rules={"goals": ["mixed"]}), "goals: 'mixed' needs strong_at"),
        (json.dumps(instance(strong_at=0.5)).replace("0.5", "NaN"), "number NaN is not allowed"),
        (json.dumps(instance(strong_at=0.5)).replace("0.5", "1e999"), "strong_at is inf"),
    ],
)
def test_unusable_input_writes_nothing_and_names_the_place(
    tmp_path: Path, content: object, said: str
) -> None:
    result, output = run(tmp_path, content)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not output.exists()


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    missing = CliRunner().invoke(
        main, ["allocate", "--instance", str(tmp_path / "no"), "--output", str(tmp_path / "out")]
    )
    assert (missing.exit_code, "cannot read" in missing.stderr) == (2, True)
    given = tmp_path / "instance.json"
    given.write_text(json.dumps(instance()))
    nowhere = CliRunner().invoke(
        main, ["allocate", "--instance", str(given), "--output", "/no/such/folder/x"]
    )
    assert (nowhere.exit_code, "cannot write" in nowhere.stderr) == (2, True)
