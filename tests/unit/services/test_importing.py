"""Tables from spreadsheets: every program's CSV is read, and what is wrong is told by row and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from lti_tool.planning.plan import ChangeKind, Plan
from lti_tool.planning.rules import Exclusion, PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.editing import Editing, broken_by
from lti_tool.services.plan_table import plan_rows
from lti_tool.services.spreadsheet import csv_bytes
from lti_tool.services.spreadsheet_reading import CellTrouble, TableUnusable, read_table
from tests.builders import ASSIGNMENT, review, snapshot, user
from tests.unit.services.test_planning import ACTOR, planning

HEADER = "Change,Reviewer,Reviewer id,Reviews the work of,Author id"


class Desk:
    """A plan, its download, and files that come back."""

    def __init__(self, folder: Path, base: Snapshot, rules: PlanRules) -> None:
        self.base = base
        self.plans = planning(folder, base)
        self.editing = Editing(self.plans)
        self.plan: Plan = self.plans.make_plan(ACTOR, ASSIGNMENT, rules)

    @property
    def download(self) -> bytes:
        return csv_bytes(*plan_rows(self.plan, self.base))

    def wrong(self, *lines: str, header: str = HEADER) -> list[tuple[CellTrouble, int, str]]:
        with pytest.raises(TableUnusable) as refused:
            self.editing.import_table(ACTOR, self.plan.id, "\n".join([header, *lines]).encode())
        return [(one.trouble, one.row, one.column) for one in refused.value.problems]


AWKWARD = snapshot(
    12,
    groups={"Friends": [6, 7]},
    reviews=[review(1, 2, completed=True), review(3, 4), review(5, 12), review(6, 7, id_="x"), review(6, 7)],
    change_people={
        3: {"name": "=HYPERLINK(0)", "sortable_name": "=0"},
        4: {"name": 'Kim, "Ada"', "sortable_name": "Kim"},
        5: {"name": "Kim"},
        6: {"name": "\u202eevil"},
        12: {"state": "inactive"},
    },
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    return Desk(folder, AWKWARD, PlanRules(seed="s", exclude=(Exclusion(user=user(11), reason="ill"),)))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    base = snapshot(12, reviews=[review(1, 2)])
    return Desk(tmp_path_factory.mktemp("plain"), base, PlanRules(seed="s"))


@pytest.mark.parametrize(
    "through",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-8"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: b"sep=;\r\n" + text.replace(",", ";").encode(),
        lambda text: text.replace("\r\n", "\n").encode(),
        lambda text: (text + ",,,,,\r\n\r\n").encode(),
    ],
    ids=["mark", "utf-8", "utf-16", "little", "big", "tabs", "semicolons", "unix", "empty rows"],
)
def test_a_download_that_comes_back_unedited_asks_for_nothing(plain: Desk, through: object) -> None:
    text = plain.download.decode("utf-8-sig")
    back = plain.editing.import_table(ACTOR, plain.plan.id, through(text))  # type: ignore[operator]  # a function
    assert back.plan is None


def test_an_awkward_download_comes_back_as_it_was(desk: Desk) -> None:
    assert desk.plan.counts[ChangeKind.BLOCKED]
    assert desk.editing.import_table(ACTOR, desk.plan.id, desk.download).plan is None
    assert broken_by(desk.plan, desk.base) == (), "what must stay breaks no rule of the plan"


def test_an_edited_row_becomes_the_plan_and_what_it_breaks_is_told(desk: Desk) -> None:
    lines = desk.download.decode("utf-8-sig").splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("Create"))
    (gone,) = desk.plan.pairs_after - pairs_of(desk, [*lines[:place], *lines[place + 1 :]])
    taken = desk.editing.import_table(
        ACTOR, desk.plan.id, "\n".join([*lines[:place], *lines[place + 1 :]]).encode()
    )
    assert ("gives", gone[0], None) in [(one.code, one.reviewer, one.author) for one in taken.broken]


def pairs_of(desk: Desk, lines: list[str]) -> frozenset[tuple[str, str]]:
    made = desk.editing.import_table(ACTOR, desk.plan.id, "\n".join(lines).encode()).plan
    assert made is not None
    assert made.based_on == desk.plan.id
    return made.pairs_after


def test_names_do_where_the_spreadsheet_spoilt_the_ids(desk: Desk) -> None:
    spoilt = desk.editing.import_table(
        ACTOR, desk.plan.id, f'{HEADER}\n,Student 7,1.04E+16,"0008, Student",\n'.encode()
    )
    assert spoilt.plan is not None
    assert (user(7), user(8)) in spoilt.plan.pairs_after


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (f",Student 7,{user(7)},Student 8,999", (CellTrouble.UNKNOWN_PERSON, "Author id")),
        (f",Nobody,,,{user(8)}", (CellTrouble.UNKNOWN_PERSON, "Reviewer")),
        (f",Student 8,{user(7)},,{user(9)}", (CellTrouble.NAME_AND_ID_DIFFER, "Reviewer")),
        (f",Kim,,,{user(9)}", (CellTrouble.SEVERAL_PEOPLE, "Reviewer")),
        (f",,{user(7)},,{user(7)}", (CellTrouble.OWN_WORK, "Reviews the work of")),
        (f",,{user(7)},,{user(11)}", (CellTrouble.TAKES_NO_PART, "Reviews the work of")),
        (f",,{user(12)},,{user(7)}", (CellTrouble.TAKES_NO_PART, "Reviewer")),
        (f",,=1+1,,{user(7)}", (CellTrouble.FORMULA, "Reviewer id")),
        (f",,@SUM(1),,{user(7)}", (CellTrouble.FORMULA, "Reviewer id")),
        (f",=cmd|'/c calc'!A1,,,{user(7)}", (CellTrouble.FORMULA, "Reviewer")),
        (f",,1.04E+16,,{user(7)}", (CellTrouble.MANGLED_ID, "Reviewer id")),
        (f",,,,{user(7)}", (CellTrouble.NOBODY, "Reviewer id")),
        (f",,{user(7)},,{user(8)},more", (CellTrouble.ROW_TOO_LONG, "")),
        (f",{'x' * 3000},{user(7)},,{user(8)}", (CellTrouble.CELL_TOO_LONG, "Reviewer")),
    ],
)
def test_each_mistake_is_told_by_row_and_column(
    desk: Desk, line: str, wanted: tuple[CellTrouble, str]
) -> None:
    good = f",,{user(8)},,{user(9)}"
    assert desk.wrong(good, line) == [(wanted[0], 3, wanted[1])]
    assert len(desk.plans.stored(ACTOR, desk.plan.id).plan.changes) == len(desk.plan.changes)


def test_a_pair_twice_names_both_rows(desk: Desk) -> None:
    pair = f",,{user(8)},,{user(9)}"
    with pytest.raises(TableUnusable) as refused:
        desk.editing.import_table(ACTOR, desk.plan.id, "\n".join([HEADER, pair, pair]).encode())
    (problem,) = refused.value.problems
    assert (problem.trouble, problem.row, problem.also) == (CellTrouble.TWICE, 3, "2")


def test_rows_are_counted_as_the_spreadsheet_counts_them(desk: Desk) -> None:
    two_lines = f',"Student 8",{user(8)},"Student\n9",'
    assert desk.wrong("", two_lines, ",,nobody,,") == [
        (CellTrouble.UNKNOWN_PERSON, 4, "Reviewer id"),
        (CellTrouble.NOBODY, 4, "Author id"),
    ]


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", CellTrouble.EMPTY),
        (b",,,\n,,\n", CellTrouble.EMPTY),
        (b"\xef\xbb\xbf  \r\n", CellTrouble.EMPTY),
        (b"Reviewer,Author\n\x00,1\n", CellTrouble.NOT_TEXT),
        (b"PK\x03\x04" + bytes(range(256)) * 9, CellTrouble.NOT_TEXT),
        (b"\xff\xfeR", CellTrouble.NOT_TEXT),
        (b'Reviewer,Author\n"1,2\n3,4\n', CellTrouble.NOT_CSV),
        (b'Reviewer,Author\n"' + b"x" * 200_000 + b'",4\n', CellTrouble.NOT_CSV),
        (b"Reviewer,Author,Why\n1,2,x\n3,4", CellTrouble.CUT_OFF),
        (b"Reviewer,Reviewer,Author\n1,1,2\n", CellTrouble.COLUMN_TWICE),
        (b"Who,Whom\n1,2\n", CellTrouble.COLUMN_MISSING),
        (b"a" + b"," * 100 + b"\n", CellTrouble.TOO_WIDE),
        (b"x" * 4_000_001, CellTrouble.TOO_LARGE),
        (b"Reviewer,Author\n" + b"1,2\n" * 50_001, CellTrouble.TOO_MANY_ROWS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_are_no_table_are_refused_whole(desk: Desk, content: bytes, trouble: CellTrouble) -> None:
    with pytest.raises(TableUnusable) as refused:
        desk.editing.import_table(ACTOR, desk.plan.id, content)
    assert refused.value.problems[0].trouble is trouble


def test_a_file_full_of_mistakes_tells_fifty_and_how_many_more(desk: Desk) -> None:
    content = "\n".join([HEADER, *[",,nobody,,nobody"] * 2_000]).encode()
    with pytest.raises(TableUnusable) as refused:
        desk.editing.import_table(ACTOR, desk.plan.id, content)
    assert (len(refused.value.problems), refused.value.more) == (50, 3_950)


def test_windows_text_is_read() -> None:
    table = read_table("Reviewer;Author\nJosé Peña;Zoë\n".encode("cp1252"))
    assert table.rows[0].cells == ["José Peña", "Zoë"]
