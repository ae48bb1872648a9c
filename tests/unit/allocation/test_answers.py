"""What callers see: words and remedies, the graph, the checker, errors, cancelling, running examples."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import allocation
from allocation import (
    Cancelled,
    Infeasible,
    Pair,
    Participant,
    Roster,
    RosterError,
    Rules,
    RulesError,
    Submission,
    allocate,
    certificate_holds,
    feasibility,
    quality,
    verify,
)
from tests.unit.allocation.instances import plain

ROOT = Path(__file__).resolve().parents[3]


def class_with_small_section() -> Roster:
    """27 people of section A and 3 of section D."""
    people = tuple(Participant(f"p{i:02}", frozenset({"D" if i < 3 else "A"})) for i in range(30))
    return Roster(people, tuple(Submission("w" + one.id, (one.id,)) for one in people))


def test_a_section_that_is_too_small_is_named_with_numbers() -> None:
    roster, rules = class_with_small_section(), Rules(sections="same")
    (reason,) = feasibility(roster, rules)
    assert reason.text == (
        "“D” has 3 people, who must give 9 reviews inside their section, "
        "but the 3 works there can take only 6 of them (3 too few). "
        "With 3 reviews each, a section needs at least 4 people who hand in."
    )
    assert (reason.code, reason.people, reason.need, reason.have) == (
        "people_short",
        ("p00", "p01", "p02"),
        9,
        6,
    )
    assert certificate_holds(roster, rules, reason)
    assert [remedy.code for remedy in reason.remedies] == ["allow_other_sections", "lower_k"]
    for remedy in reason.remedies:
        assert feasibility(roster, remedy.apply(rules)) == ()
    assert reason.remedies[1].apply(rules).reviews_per_reviewer == 2


def test_the_best_that_can_be_done_is_even() -> None:
    with pytest.raises(Infeasible) as caught:
        allocate(class_with_small_section(), Rules(sections="same"), seed=1)
    best = caught.value.best
    assert best.status == "partial"
    assert sorted(best.quality.received.values()) == [2] * 3 + [3] * 27
    assert sorted(best.quality.given.values()) == [2] * 3 + [3] * 27


def test_two_rules_that_hurt_only_together_are_lifted_only_as_far_as_needed() -> None:
    people = tuple(
        Participant(f"p{i}", frozenset({f"S{i // 2}"}), frozenset({f"g{i // 2}"})) for i in range(4)
    )
    roster = Roster(people, tuple(Submission("w" + one.id, (one.id,)) for one in people))
    rules = Rules(1, sections="same", groups="different")
    reason = feasibility(roster, rules)[0]
    assert {remedy.code for remedy in reason.remedies} >= {"allow_other_sections", "allow_own_group"}
    for remedy in reason.remedies:
        assert feasibility(roster, remedy.apply(rules)) == ()


def test_nothing_at_all_can_be_placed() -> None:
    roster = plain(2)
    barred = frozenset({Pair("p000", "w001"), Pair("p001", "w000")})
    with pytest.raises(Infeasible) as caught:
        allocate(roster, Rules(1, forbidden=barred), seed=1)
    assert caught.value.best.status == "infeasible"
    assert caught.value.best.pairs == ()


def test_forbidden_reciprocal_pairs_that_cannot_be_avoided_say_so() -> None:
    roster, rules = plain(4), Rules(3, reciprocal="forbid")
    with pytest.raises(Infeasible) as caught:
        allocate(roster, rules, seed=1)
    (reason,) = caught.value.reasons
    assert reason.code == "reciprocal"
    assert "at least 6" in reason.text
    assert {broken.code for broken in verify(roster, rules, caught.value.best.pairs)} <= {"gives", "receives"}
    assert {remedy.code for remedy in reason.remedies} >= {"allow_reciprocal", "lower_k"}
    for remedy in reason.remedies:
        mended = remedy.apply(rules)
        assert verify(roster, mended, allocate(roster, mended, seed=2).pairs) == ()


def test_a_section_matrix_says_who_reviews_whom() -> None:
    roster = plain(9, sections=3)
    rules = Rules(2, section_pairs=frozenset({("S0", "S1"), ("S1", "S2"), ("S2", "S0")}))
    found = allocate(roster, rules, seed=1)
    assert set(found.quality.sections) == {("S0", "S1"), ("S1", "S2"), ("S2", "S0")}


def test_the_graph_has_an_edge_for_each_pair_and_author() -> None:
    people = tuple(Participant(name) for name in "abcd")
    roster = Roster(people, (Submission("ab", ("a", "b")), Submission("cd", ("c", "d"))))
    graph = allocate(roster, Rules(1), seed=1).graph()
    assert set(graph.edges) == {(r, s) for r in "ab" for s in "cd"} | {(r, s) for r in "cd" for s in "ab"}
    assert graph.edges["a", "c"] == {"submissions": "cd", "reviews": 1}
    assert graph.nodes["a"]["submissions"] == "ab"
    assert graph.graph["status"] == "ok"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ([Pair("p000", "w000")], "own_work"),
        ([Pair("p000", "w003")], "section"),
        ([Pair("p001", "w004")], "forbidden"),
        ([Pair("ghost", "w001")], "unknown_reviewer"),
        ([Pair("p001", "ghost")], "unknown_submission"),
        ([Pair("p001", "w007"), Pair("p001", "w007")], "twice"),
    ],
)
def test_the_checker_finds_what_is_broken(change: list[Pair], code: str) -> None:
    roster = plain(9, sections=3)
    rules = Rules(1, sections="different", forbidden=frozenset({Pair("p001", "w003"), Pair("p001", "w004")}))
    valid = list(allocate(roster, rules, seed=1).pairs)
    assert verify(roster, rules, valid) == ()
    assert code in {broken.code for broken in verify(roster, rules, valid[1:] + change)} | (
        {code} if code == "twice" and Pair("p001", "w007") in valid else set()
    )


def test_the_checker_counts_quotas() -> None:
    roster = plain(5)
    valid = allocate(roster, Rules(2), seed=1).pairs
    codes = [broken.code for broken in verify(roster, Rules(2), valid[1:])]
    assert codes == ["gives", "receives"]


def test_rules_that_name_somebody_unknown_are_refused() -> None:
    for name in ("forbidden", "required", "kept", "avoid"):
        for pair in (Pair("ghost", "w001"), Pair("p001", "ghost")):
            with pytest.raises(RulesError, match=f"{name}.*ghost"):
                allocate(plain(4), Rules(1, **{name: frozenset({pair})}))  # type: ignore[arg-type]  # by name
    with pytest.raises(RulesError, match="nobody reviews a work of his own"):
        allocate(plain(4), Rules(1, required=frozenset({Pair("p001", "w001")})))
    with pytest.raises(RulesError, match="section_pairs: Nobody is in section Z"):
        allocate(plain(4), Rules(1, section_pairs=frozenset({("Z", "Z")})))


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(RulesError, match="reviews_per_reviewer"):
        Rules(-1)
    with pytest.raises(RulesError, match="strong_at"):
        Rules(strong_at=float("nan"))
    with pytest.raises(RosterError, match=r"'a'.*nan"):
        Roster((Participant("a", ability=float("nan")), Participant("b")), (Submission("x", ("a",)),))


def test_a_caller_can_cancel() -> None:
    with pytest.raises(Cancelled):
        allocate(plain(10), Rules(), cancelled=lambda: True)


def test_quality_counts_loads_and_islands() -> None:
    roster = plain(4)
    measured = quality(roster, Rules(1), [Pair("p000", "w001"), Pair("p001", "w000"), Pair("p002", "w003")])
    assert measured.given == {"p000": 1, "p001": 1, "p002": 1, "p003": 0}
    assert measured.received == {"w000": 1, "w001": 1, "w002": 0, "w003": 1}
    assert (measured.reciprocal, measured.components) == (1, 2)


def test_the_examples_in_docstrings_and_documentation_run() -> None:
    tried = 0
    for module in pkgutil.walk_packages(allocation.__path__, "allocation."):
        names = vars(allocation) | vars(loaded := importlib.import_module(module.name))
        result = doctest.testmod(loaded, extraglobs=names)
        assert result.failed == 0
        tried += result.attempted
    result = doctest.testfile(str(ROOT / "docs" / "allocation.md"), module_relative=False)
    assert result.failed == 0
    assert result.attempted > 5
    assert tried > 5


def test_a_check_without_a_graph_does_not_load_networkx() -> None:
    program = (
        "import sys\n"
        "from allocation import *\n"
        "people = (Participant('a'), Participant('b'))\n"
        "feasibility(Roster(people, (Submission('x', ('a',)),)), Rules())\n"
        "sys.exit('networkx' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_nothing_that_decides_correctness_is_an_assertion() -> None:
    """`python -O` leaves assertions out."""
    for path in sorted((ROOT / "allocation").rglob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        assert not any(isinstance(node, ast.Assert) for node in nodes), path


def test_the_package_works_without_networkx_until_a_graph_is_asked_for() -> None:
    program = (
        "import sys\n"
        "sys.modules['networkx'] = None\n"
        "from allocation import *\n"
        "people = tuple(map(Participant, 'abc'))\n"
        "roster = Roster(people, [Submission('w' + one.id, [one.id]) for one in people])\n"
        "found = allocate(roster, Rules(1), seed=1)\n"
        "found.given_by('a'), export(found, 'csv'), write_allocation('x', found)\n"
        "try:\n    found.graph()\nexcept ImportError:\n    sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-O", "-c", program], cwd=ROOT, check=False)
    assert done.returncode == 7
