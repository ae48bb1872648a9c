"""The tables of the guard and of what a limited viewer sees, against everything that can be asked for."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from lti_tool.planning.snapshot import Snapshot
from lti_tool.services import follow_up_cases, use_cases
from lti_tool.services.guarding import BY_PERSON, EVENTS, PLAIN, QUIET, UNGUARDED, WITHOUT_ACTOR
from lti_tool.services.limiting import NOBODY, OF_ONES_OWN_READING, NotLimitable, limited, shown_to
from lti_tool.services.viewing import Viewer
from lti_tool.services.watching import WatchReport

HIDING = Viewer(frozenset())


def methods() -> Iterator[tuple[str, str, Any]]:
    """Every method of every use case that is guarded."""
    for field in dataclasses.fields(use_cases.UseCases):
        protocol = get_type_hints(use_cases.UseCases)[field.name]
        for name, function in inspect.getmembers(protocol, inspect.isfunction):
            if not name.startswith("_") and field.name not in UNGUARDED:
                yield field.name, name, function


def returned(function: Any) -> Iterator[Any]:
    """The types that a method gives back, taken apart."""
    space = vars(use_cases) | vars(follow_up_cases) | {"WatchReport": WatchReport}
    yield from taken_apart(get_type_hints(function, space)["return"])


def taken_apart(kind: Any) -> Iterator[Any]:
    kind = getattr(kind, "__supertype__", kind)
    origin = get_origin(kind)
    if origin in (UnionType, typing.Union, tuple, list):
        for part in get_args(kind):
            if part is not Ellipsis:
                yield from taken_apart(part)
    else:
        yield origin or kind


def test_every_method_is_in_one_table_and_nothing_else_is() -> None:
    found = {(cases, name) for cases, name, _ in methods()}
    quiet = {(cases, name) for cases, names in QUIET.items() for name in names}
    assert found == set(EVENTS) | quiet | WITHOUT_ACTOR
    assert not set(EVENTS) & quiet


def test_every_method_takes_the_actor_first() -> None:
    for cases, name, function in methods():
        if (cases, name) not in WITHOUT_ACTOR:
            assert list(inspect.signature(function).parameters)[1] == "actor", (cases, name)


def test_every_type_that_a_use_case_gives_back_can_be_limited() -> None:
    for cases, name, function in methods():
        for kind in returned(function):
            if kind is Mapping:
                assert (cases, name) in BY_PERSON | PLAIN, (cases, name)
                continue
            known = limited.dispatch(kind) is not limited.dispatch(object)
            assert known or issubclass(kind, (*NOBODY, *OF_ONES_OWN_READING)), (cases, name, kind)


def test_every_list_of_a_snapshot_is_limited() -> None:
    """A field that is added to a snapshot is in the list below, and in ``limiting``."""
    names = {field.name for field in dataclasses.fields(Snapshot)}
    about_nobody = {
        "canvas", "course_id", "course_name", "assignment", "new_allocation_feature", "taken_at", "after_run",
        "sees_everybody",
    }  # fmt: skip
    assert names - about_nobody == {
        "people", "left", "sections", "groups", "works", "reviews", "earlier", "scores", "listed",
    }  # fmt: skip


def test_an_unknown_type_is_refused() -> None:
    class New:
        """Nobody said what a limited viewer sees of it."""

    with pytest.raises(NotLimitable, match="New"):
        shown_to(HIDING, New())
    assert isinstance(shown_to(Viewer(), New()), New), "whoever sees everybody sees it"
