"""How commands answer: text for people, JSON for programs, and the three exit codes."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from allocation import Reason, Sentence

DONE, WITH_ISSUES, REFUSED = 0, 1, 2

P = ParamSpec("P")
R = TypeVar("R")

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people or JSON for programs.",
)


def _one_course(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> str:
    """The course; of several at once why that cannot be."""
    if len(set(given)) > 1:
        from lti_tool.planning.pool import INSTEAD, NOT_ACROSS

        refuse(f"{NOT_ACROSS} {INSTEAD}")
    return given[0]


course_option = click.option(
    "--course",
    required=True,
    multiple=True,
    callback=_one_course,
    metavar="ID",
    help="Canvas course id; one, since Canvas has no pairs across courses.",
)


def refuse(message: str) -> NoReturn:
    """Say why on standard error and end with the exit code for refused or unusable input."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(REFUSED)


def print_json(value: Any) -> None:
    """One JSON document on standard output, indented, in the order given."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def explains_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what is not a defect of the program into one message and exit code 2; a defect shows as it is."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except Exception as error:
            words = _words_for_people(error)
            if words is None:
                raise
            refuse(words)

    return wrapped


class ExplainingGroup(click.Group):
    """The program: no command of it, whatever it is made of, ends in a traceback for what people can mend."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that the line names."""
        return explains_errors(super().invoke)(ctx)


OURS = (
    ("allocation.errors", "AllocationError"),
    ("lti_tool.applying.answers", "ReadFailed"),
    ("lti_tool.defects", "PlanBroken"),
    ("lti_tool.services.errors", "ServiceError"),
    ("lti_tool.settings", "SettingsError"),
)
"""Errors whose text is written for people. Looked up by name: an error can only have come from a module that
is loaded, and `allocate` shall not pay for the modules of the others."""


def _words_for_people(error: Exception) -> str | None:
    if any(
        isinstance(error, getattr(sys.modules[module], name))
        for module, name in OURS
        if module in sys.modules
    ):
        return str(error)
    if "sqlalchemy" not in sys.modules:
        return None
    from lti_tool.services.outages import outage_words

    words = outage_words(error)
    return None if words is None else str(words)


def reason_lines(reasons: Sequence[Reason], sentences: Sequence[Sentence] | None = None) -> list[str]:
    """Each reason with its ways out, one a line; ``sentences`` are the reasons with names instead of ids."""
    lines = []
    for reason, sentence in zip(reasons, sentences or [reason.words for reason in reasons], strict=True):
        lines.append(f"- {sentence}")
        lines += [f"    Would work: {remedy.text}" for remedy in reason.remedies]
    return lines
