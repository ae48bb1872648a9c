"""Who takes part as a table and back: left out or not, with a reason, and numbers of reviews of one's own.

A row speaks of one student; who is not in the file stays as is. Without the columns *takes part* and *gives*
the file is a list of students to leave out. Rows that fit nobody are told apart from rows that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lti_tool.planning.ids import UserId
from lti_tool.planning.people_list import Contact, Directory, Match
from lti_tool.planning.rules import Exclusion, Load, PlanRules, Volunteer
from lti_tool.planning.snapshot import Person, Snapshot
from lti_tool.services.spreadsheet import Cell
from lti_tool.services.spreadsheet_reading import (
    CellProblem,
    CellTrouble,
    Columns,
    Row,
    Table,
    TableUnusable,
    is_formula,
    shown_text,
)

MOST_REVIEWS: Final = 50
LONGEST_REASON: Final = 500

ENGLISH_PEOPLE: Final[Mapping[str, Sequence[str]]] = {
    "id": ("Student id", "id", "user_id", "Canvas id", "Canvas user id"),
    "name": ("Student", "name", "Sortable name", "Full name"),
    "login": ("Login", "login_id", "SIS login id", "Login ID"),
    "sis": ("SIS id", "sis_user_id", "SIS User ID"),
    "email": ("E-mail", "email", "E-mail address"),
    "takes_part": ("Takes part",),
    "gives": ("Gives", "reviews", "Reviews each student gives"),
    "spare": ("Spare", "Spare reviewer"),
    "extra": ("Extra", "Extra reviews", "Volunteers for"),
    "reason": ("Reason",),
}
"""Names of the columns, among them those of Canvas's own gradebook export."""

ENGLISH_ANSWERS: Final[Mapping[bool, Sequence[str]]] = {
    True: ("yes", "y", "true", "1"),
    False: ("no", "n", "false", "0"),
}


@dataclass(frozen=True, slots=True)
class PeopleVocabulary:
    """The words that a file may use."""

    columns: Mapping[str, Sequence[str]]
    answers: Mapping[bool, Sequence[str]]


ENGLISH: Final = PeopleVocabulary(ENGLISH_PEOPLE, ENGLISH_ANSWERS)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one entry wants of one student. ``left_out`` and ``gives`` None: as it is."""

    user: UserId
    left_out: bool | None = None
    gives: int | None = None
    usual_number: bool = False
    """Whether the student shall give what everybody gives."""
    spare: bool | None = None
    extra: int | None = None
    """Most extra reviews as a volunteer; 0: is none any more."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What a list or file says: wishes in order, and the entries that fit nobody or several."""

    wishes: tuple[Wish, ...]
    unmatched: tuple[tuple[int, Match], ...]
    """(line or row, what stands there)."""


def directory_for(
    snapshot: Snapshot, texts: Iterable[str], contacts: Callable[[], Mapping[UserId, Contact]]
) -> Directory:
    """Everybody by name and id; by login, SIS id and address too where the entries ask for it.

    Numbers always do: a student number of one may be the Canvas id of another.
    """
    plain = Directory(snapshot.people)
    for text in texts:
        bare = text.strip()
        if bare and (bare.isdigit() or plain.find(bare).person is None):
            return Directory(snapshot.people, contacts())
    return plain


def wishes_of_list(lines: Sequence[str], directory: Directory, wish: Callable[[UserId], Wish]) -> Read:
    """A pasted list of students, of all of whom the same is wished."""
    wishes, unmatched = [], []
    for number, line in enumerate(lines, 1):
        match = directory.find(line)
        if match.person is None:
            unmatched.append((number, match))
        else:
            wishes.append(wish(match.person.id))
    return Read(tuple(wishes), tuple(unmatched))


NAMING: Final = ("id", "login", "sis", "email", "name")


def table_texts(table: Table, vocabulary: PeopleVocabulary = ENGLISH) -> list[str]:
    """Everything in a file that names somebody, except the Canvas ids."""
    columns = _columns(table, vocabulary)
    named = [key for key in NAMING[1:] if key in columns and "id" not in columns]
    return [shown_text(columns.cell(row, key)) for row in table.rows for key in named]


def wishes_of_table(table: Table, directory: Directory, vocabulary: PeopleVocabulary = ENGLISH) -> Read:
    """Read a file.

    Raises:
        TableUnusable: with row and column of every cell that cannot be understood.
    """
    columns = _columns(table, vocabulary)
    reader = _Reader(columns, directory, vocabulary)
    for row in table.rows:
        reader.read(row)
    if reader.problems:
        raise TableUnusable(reader.problems)
    return Read(tuple(reader.wishes), tuple(reader.unmatched))


def _columns(table: Table, vocabulary: PeopleVocabulary) -> Columns:
    columns = Columns(table, {key: tuple(names) for key, names in vocabulary.columns.items()})
    if not any(key in columns for key in NAMING):
        raise TableUnusable([CellProblem(CellTrouble.COLUMN_MISSING, 1, vocabulary.columns["name"][0])])
    return columns


class _Reader:
    def __init__(self, columns: Columns, directory: Directory, vocabulary: PeopleVocabulary) -> None:
        self._columns = columns
        self._directory = directory
        self._yes, self._no = (
            {word.casefold() for word in vocabulary.answers[answer]} for answer in (True, False)
        )
        self._only_names = not any(key in columns for key in ("takes_part", "gives", "spare", "extra"))
        self._rows: dict[UserId, int] = {}
        self.wishes: list[Wish] = []
        self.unmatched: list[tuple[int, Match]] = []
        self.problems: list[CellProblem] = []

    def read(self, row: Row) -> None:
        match = self._match(row)
        if match is None:
            return
        if match.person is None:
            self.unmatched.append((row.number, match))
            return
        user = match.person.id
        if user in self._rows:
            self._wrong(CellTrouble.TWICE, row, "name", "", str(self._rows[user]))
            return
        self._rows[user] = row.number
        wish = Wish(
            user,
            left_out=True if self._only_names else self._answer(row, "takes_part", False),
            gives=self._number(row, "gives"),
            spare=self._answer(row, "spare", True),
            extra=self._number(row, "extra"),
            usual_number="gives" in self._columns and not self._columns.cell(row, "gives"),
            reason=self._reason(row),
        )
        self.wishes.append(wish)

    def _match(self, row: Row) -> Match | None:
        """By the first cell that names exactly one; formulas are mistakes."""
        tried = []
        for key in NAMING:
            raw = self._columns.cell(row, key)
            text = shown_text(raw)
            if not text:
                continue
            match = self._found(key, text)
            if match.person is not None:
                return match
            if raw == text and is_formula(raw):
                self._wrong(CellTrouble.FORMULA, row, key, text)
                return None
            tried.append(match)
        if not tried:
            self._wrong(CellTrouble.NOBODY, row, "name", "")
            return None
        return tried[-1]

    def _found(self, key: str, text: str) -> Match:
        if key != "id":
            return self._directory.find(text)
        person = self._directory.with_id(text)
        return Match(text, () if person is None else (person,))

    def _answer(self, row: Row, key: str, wanted: bool) -> bool | None:
        """Whether the answer in this column is the wanted one; None without an answer."""
        text = shown_text(self._columns.cell(row, key)).casefold()
        if not text:
            return None
        if text not in self._yes | self._no:
            self._wrong(CellTrouble.NOT_YES_OR_NO, row, key, text)
        return text in (self._yes if wanted else self._no)

    def _number(self, row: Row, key: str) -> int | None:
        text = shown_text(self._columns.cell(row, key))
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 3 or int(text) > MOST_REVIEWS:
            self._wrong(CellTrouble.NOT_A_NUMBER, row, key, text)
            return None
        return int(text)

    def _reason(self, row: Row) -> str:
        text = shown_text(self._columns.cell(row, "reason"))
        if len(text) > LONGEST_REASON:
            self._wrong(CellTrouble.REASON_TOO_LONG, row, "reason", "", str(LONGEST_REASON))
        return text[:LONGEST_REASON]

    def _wrong(self, trouble: CellTrouble, row: Row, key: str, value: str, also: str = "") -> None:
        titles = self._columns.title
        column = titles.get(key) or next((titles[one] for one in NAMING if one in titles), key)
        self.problems.append(CellProblem(trouble, row.number, column, value[:80], also))


def with_wishes(rules: PlanRules, wishes: Iterable[Wish]) -> PlanRules:
    """The rules with these wishes granted."""
    exclude = {one.user: one for one in rules.exclude}
    loads = {one.user: one for one in rules.loads}
    spare = dict.fromkeys(rules.spare)
    volunteers = {one.user: one for one in rules.volunteers}
    for wish in wishes:
        if wish.left_out:
            before = exclude.get(wish.user)
            reason = wish.reason or (before.reason if before else "")
            exclude[wish.user] = Exclusion(user=wish.user, reason=reason)
        elif wish.left_out is False:
            exclude.pop(wish.user, None)
        if wish.gives is not None:
            loads[wish.user] = Load(user=wish.user, gives=wish.gives)
        elif wish.usual_number:
            loads.pop(wish.user, None)
        if wish.spare is False or wish.extra:
            spare.pop(wish.user, None)
        if wish.extra is not None or wish.spare:
            volunteers.pop(wish.user, None)
        if wish.spare and not wish.extra:
            spare[wish.user] = None
        if wish.extra:
            volunteers[wish.user] = Volunteer(user=wish.user, up_to=wish.extra)
    return rules.model_copy(
        update={
            "exclude": tuple(exclude.values()),
            "loads": tuple(loads.values()),
            "spare": tuple(spare),
            "volunteers": tuple(volunteers.values()),
        }
    )


def people_rows(
    people: Sequence[Person], rules: PlanRules, yes: str = "yes", no: str = "no"
) -> list[list[Cell]]:
    """A row for each student: id, name, whether she takes part, her own number of reviews, whether she is
    spare, how many extra reviews she volunteers for, the reason."""
    reasons = {one.user: one.reason for one in rules.exclude}
    gives = rules.gives
    return [
        [
            person.id,
            person.sortable_name,
            no if person.id in reasons else yes,
            gives.get(person.id),
            yes if person.id in rules.spare else no,
            rules.extras.get(person.id, 0),
            reasons.get(person.id, ""),
        ]
        for person in people
        if not person.test_student
    ]
