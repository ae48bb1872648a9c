"""What the engine answers: pairs, their qualities, and the reasons why more was not possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, cast

from allocation.errors import EngineError
from allocation.roster import Roster
from allocation.rules import Pair, Rules
from allocation.sentences import Sentence

if TYPE_CHECKING:
    import networkx as nx

Status = Literal["ok", "partial", "infeasible"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of the rules that was tried and makes the allocation possible.

    Attributes
    ----------
    code : str
        lower_k, allow_other_sections, allow_same_section, allow_section_pairs, allow_section_shares,
        allow_co_authors, allow_own_group, allow_other_groups, allow_forbidden,
        allow_repeats, allow_reciprocal, allow_uneven, or several.
    params : mapping
        The fields of `Rules` that change, with their new values.
    words : Sentence
        The change in words, an imperative.
    """

    code: str
    params: Mapping[str, object] = field(hash=False)
    words: Sentence

    @property
    def text(self) -> str:
        """The change in English."""
        return str(self.words)

    def apply(self, rules: Rules) -> Rules:
        """The rules with this remedy in force."""
        return replace(rules, **self.params)  # type: ignore[arg-type]  # fields of Rules, made by this package


def _as_it_is(name: str) -> str:
    return name


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the quotas cannot all be met: people and works whose demands exceed what the rules leave them.

    Attributes
    ----------
    code : str
        people_short (these people can find fewer works than they must review), works_short (these works can
        find fewer
        reviewers than they must have), reciprocal (two people would have to review each other).
    people, submissions : tuple of str
        people_short: the people whose reviews do not fit, and every work that they may review.
        works_short: the works that need reviews, and everybody who may give them one.
    need, have : int
        Reviews wanted and reviews possible; need > have proves that it cannot work (`certificate_holds`
        recounts them).
    words : Sentence
        The same in words, with mentions of at most five people, sections or groups a list.
    remedies : tuple of Remedy
        Changes that make everything possible, the smallest first; each was tried.
    shares : tuple of (str, str)
        people_short under a matrix of shares: of these people, the reviews that they owe to works that
        count for this section (empty: for none that their row names). Empty without a matrix.
    """

    code: str
    people: tuple[str, ...]
    submissions: tuple[str, ...]
    need: int
    have: int
    words: Sentence
    remedies: tuple[Remedy, ...] = ()
    shares: tuple[tuple[str, str], ...] = ()

    def render(
        self,
        name_of: Callable[[str], str],
        *,
        section_name: Callable[[str], str] = _as_it_is,
        group_name: Callable[[str], str] = _as_it_is,
    ) -> str:
        """The reason in English, with names instead of ids.

        Parameters
        ----------
        name_of : callable
            From the id of a person to the name to show. A work is named by its authors.
        section_name, group_name : callable, optional
            From the label of a section or group to its name, where labels are not names already.

        Examples
        --------
        >>> words = Sentence("%(who)s must wait.", {"who": Mention("person", "u7")})
        >>> reason = Reason("people_short", ("u7",), (), 3, 2, words)
        >>> reason.text, reason.render({"u7": "Ada"}.__getitem__)
        ('u7 must wait.', 'Ada must wait.')
        """
        names = {"person": name_of, "section": section_name, "group": group_name}
        return str(self.words.named(lambda mention: names[mention.kind](mention.id)))

    @property
    def text(self) -> str:
        """The reason in English, people named by their ids."""
        return self.render(_as_it_is)


@dataclass(frozen=True, slots=True)
class Quality:
    """Numbers about a set of pairs, for people and for pictures.

    Attributes
    ----------
    given : mapping
        Reviews that each participant gives.
    received : mapping
        Reviews that each submission gets.
    sections : mapping
        (section of reviewer, section of author) -> reviews; somebody in several sections counts in each.
    reciprocal : int
        Pairs of people who review each other; co-authors who review the same works count as one.
    repeats : int
        Pairs that the avoid rule names.
    moved : int
        Existing pairs that are gone.
    weak : int
        Submissions without a strong reviewer; 0 when the rules have no such goal.
    components : int
        Islands of the comparison graph: people and works that reviews (and common authorship) join.
    across : int
        Reviews between strong people and others; 0 when the rules do not say who is strong.
    one_sided : int
        Submissions without a strong reviewer, plus those without one of the others; 0 as above.
    together : int
        How often two or more people who wrote a work together review the same other work.
    """

    given: Mapping[str, int] = field(hash=False)
    received: Mapping[str, int] = field(hash=False)
    sections: Mapping[tuple[str, str], int] = field(hash=False)
    reciprocal: int
    repeats: int
    moved: int
    weak: int
    components: int
    across: int = 0
    one_sided: int = 0
    together: int = 0


@dataclass(frozen=True, slots=True)
class GoalReport:
    """What became of one soft goal: its value, and a bound.

    Attributes
    ----------
    name : str
        The name of the `Goal`.
    value : int
        What this allocation has.
    bound : int
        No allocation that keeps the rules, the number of reviews, the evenness and the values reported for
        the goals before this one has less. ``value == bound``: optimal given the earlier goals; otherwise
        the value is the best that was found.

    Raises
    ------
    EngineError
        A value below its bound: one of the two is wrong.
    """

    name: str
    value: int
    bound: int

    def __post_init__(self) -> None:
        if self.value < self.bound:
            raise EngineError(
                f"The goal {self.name!r} has the value {self.value}, below its bound {self.bound}. "
                "This is an error of the engine: please report it with the roster and the rules."
            )

    @property
    def proven(self) -> bool:
        """Whether the value is optimal given the values of the goals before."""
        return self.value == self.bound

    @property
    def text(self) -> str:
        """The report in English.

        Examples
        --------
        >>> GoalReport("repeats", 3, 3).text, GoalReport("mixed", 3, 2).text
        ('repeats: 3, optimal given the earlier goals', 'mixed: best found 3, at least 2')
        """
        if self.proven:
            return f"{self.name}: {self.value}, optimal given the earlier goals"
        return f"{self.name}: best found {self.value}, at least {self.bound}"


@dataclass(frozen=True, slots=True)
class Allocation:
    """A set of pairs that breaks no rule.

    Attributes
    ----------
    pairs : tuple of Pair
        Sorted.
    status : {"ok", "partial", "infeasible"}
        ok: every quota is met. partial: the largest possible number of reviews, not all. infeasible: no
        review at all fits.
    reasons : tuple of Reason
        Empty when ok.
    quality : Quality
    seed : str
        The same roster, rules and seed give the same pairs on every machine.
    strategy : str
        Name and version of the method, for the record.
    goals : tuple of GoalReport
        The soft goals in order, each with its value and a bound given the goals before.
    """

    pairs: tuple[Pair, ...]
    status: Status
    reasons: tuple[Reason, ...]
    quality: Quality
    seed: str
    strategy: str
    goals: tuple[GoalReport, ...]
    roster: Roster = field(repr=False)
    rules: Rules = field(repr=False)

    _made: dict[str, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What is worked out when it is first asked for: the graph, and pairs by reviewer and by submission."""

    def graph(self) -> nx.DiGraph[str]:
        """The reviewer graph: an edge from each reviewer to each author of a submission that they review.

        It is made once; the same graph is returned each time, and it is frozen: change a ``copy()``.

        Returns
        -------
        networkx.DiGraph
            Every participant is a node with ``sections``, ``groups`` and ``submissions`` (texts; several
            separated by ``;``), ``given`` and ``received`` (numbers of reviews) and, if it is known,
            ``ability``. An edge has ``submissions``, the submissions that it stands for (two authors of one
            submission share it), and ``reviews``, their number. Graph attributes: ``seed``, ``strategy``,
            ``status``. For classes without group work its edges are the pairs, one to one.
        """
        from allocation.graph import reviewer_graph

        graph = self._made.get("graph")
        if graph is None:
            graph = self._made["graph"] = reviewer_graph(self)
        return cast("nx.DiGraph[str]", graph)

    def given_by(self, reviewer: str) -> tuple[str, ...]:
        """The submissions that this person reviews, sorted."""
        return self._by("reviewer").get(reviewer, ())

    def reviewers_of(self, submission: str) -> tuple[str, ...]:
        """The people who review this submission, sorted."""
        return self._by("submission").get(submission, ())

    def _by(self, side: Literal["reviewer", "submission"]) -> dict[str, tuple[str, ...]]:
        """The other half of the pairs by one half; one pass over the pairs, when it is first asked for."""
        found = self._made.get(side)
        if found is None:
            lists: dict[str, list[str]] = {}
            for reviewer, submission in self.pairs:
                key, value = (reviewer, submission) if side == "reviewer" else (submission, reviewer)
                lists.setdefault(key, []).append(value)
            found = self._made[side] = {key: tuple(some) for key, some in lists.items()}
        return cast("dict[str, tuple[str, ...]]", found)
