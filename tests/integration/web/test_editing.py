"""Editing plans on the pages: by hand, in a spreadsheet, by another draw; pairs and named rules."""

from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from lti_tool.planning.ids import AssignmentId, PlanId, UserId
from lti_tool.planning.plan import Plan
from lti_tool.planning.rules import Exclusion, PairRule, PlanRules
from lti_tool.planning.snapshot import Earlier
from tests.integration.web.course import ASSIGNMENT, TEACHER, Course, a_course
from tests.integration.web.test_pages import GOOD_RULES, HOME, PEOPLE, RULES, Browser, words_of

PAIRS = f"{RULES}/pairs"
NAMED = f"{RULES}/named"


class Teacher(Browser):
    """A teacher with a plan of a class of 24 in three sections."""

    def __init__(self, rules: PlanRules | None = None, course: Course | None = None) -> None:
        self.course = course or a_course()
        super().__init__(self.course)
        self.plan: Plan = self.course.make_plan(TEACHER, ASSIGNMENT, rules or PlanRules(seed="7"))
        self.here = f"{HOME}/plans/{self.plan.id}"
        self.names = {one.id: one.name for one in self.course.read.people}

    def upload(self, content: bytes) -> TestResponse:
        head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="plan.csv"\r\n\r\n'
        return self._client.post(
            f"{self.here}/import",
            data=head + content + b"\r\n--cut--\r\n",
            content_type="multipart/form-data; boundary=cut",
            headers=self._headers,
        )

    def made(self, answer: TestResponse) -> Plan:
        """The plan that an edit led to, as its comparison with the one before."""
        assert answer.status_code == 200, words_of(answer)
        location = answer.get_json()["location"]
        before, after = re.fullmatch(rf"{HOME}/plans/(\w+)/compare/(\w+)", location).groups()  # type: ignore[union-attr]  # the assertion is the match
        assert before == self.plan.id
        return self.course.plans[PlanId(after)]

    def forms(self, page: TestResponse, button: str) -> dict[str, str]:
        """The hidden fields of the form that has this button, and the button's own value."""
        for form in re.findall(r"<form\b.*?</form>", page.text, re.S):
            if button in html.unescape(form):
                pairs = re.findall(r'name="([^"]+)" value="([^"]*)"', form)
                return {html.unescape(name): html.unescape(value) for name, value in pairs}
        raise AssertionError(f"no form with {button!r}")


@pytest.fixture
def teacher() -> Teacher:
    return Teacher()


def test_from_a_line_of_the_preview_to_a_forbidden_pair(teacher: Teacher) -> None:
    preview = teacher.get(teacher.here)
    link = html.unescape(re.search(r'href="([^"]*/edit\?[^"]*)"', preview.text).group(1))  # type: ignore[union-attr]  # the assertion is the match
    page = teacher.get(link)
    reviewer, author = (
        html.unescape(re.search(rf'name="{name}" value="([^"]+)"', page.text).group(1))  # type: ignore[union-attr]  # as above
        for name in ("reviewer", "author")
    )
    made = teacher.made(
        teacher.send(f"{teacher.here}/edit", do="forbid", reviewer=reviewer, author=author, reason="sisters")
    )
    (rule,) = made.rules.forbidden
    assert rule.who not in made.pairs_after
    assert rule.who in teacher.plan.pairs_after
    assert rule.reason == "sisters"
    comparison = words_of(teacher.get(f"{teacher.here}/compare/{made.id}"))
    assert f"{len(made.pairs_after & teacher.plan.pairs_after)} are the same" in comparison
    assert "forbidden pairs01" in comparison
    assert "1 pair is forbidden" in words_of(teacher.get(f"{HOME}/plans/{made.id}"))


def test_names_and_ids_both_do_and_what_is_unclear_is_told_at_its_field(teacher: Teacher) -> None:
    wrong = teacher.send(f"{teacher.here}/edit", do="pin", reviewer="Ada Adeyemi", author="Nobody At All")
    assert wrong.status_code == 422
    assert "“Nobody At All” is no student of this course." in words_of(wrong)
    assert 'value="Nobody At All"' in wrong.text
    assert re.search(r'id="author"[^>]*aria-invalid="true"', wrong.text)
    own = teacher.send(f"{teacher.here}/edit", do="pin", reviewer="100", author="Adeyemi, Ada")
    assert "Ada Adeyemi cannot review the own work." in words_of(own)


def test_two_people_of_one_name_are_told_apart_by_their_ids() -> None:
    names = ["Kim Lee", "Kim Lee", *(f"Student {n}" for n in range(10))]
    teacher = Teacher(course=a_course(12, 1, names))
    answer = teacher.send(f"{teacher.here}/edit", do="leave_out", person="kim lee")
    assert "fits several students" in words_of(answer)
    assert "Lee, Kim (101)" in words_of(answer)
    made = teacher.made(teacher.send(f"{teacher.here}/edit", do="leave_out", person="Lee, Kim (101)"))
    assert made.rules.excluded == {"101"}


def test_a_pin_that_breaks_a_rule_asks_first_and_then_offers_what_would_work() -> None:
    course = a_course()
    course.read = replace(course.read, reviews=())
    teacher = Teacher(PlanRules(seed="7", sections="same", reviews_per_reviewer=2), course)
    pin = {"do": "pin", "reviewer": "100", "author": "101"}
    asked = teacher.send(f"{teacher.here}/edit", **pin)
    assert asked.status_code == 422
    assert "Ada Adeyemi and Bilal Bergström do not fit the section rule." in words_of(asked)
    again = teacher.forms(asked, "Do it all the same") | {"anyway": "yes"}
    stuck = teacher.send(f"{teacher.here}/edit", **again)
    assert "No plan can hold this" in words_of(stuck)
    form = teacher.forms(stuck, "Let works get numbers that are close instead of equal")
    made = teacher.made(teacher.send(f"{teacher.here}/edit", **form))
    assert (UserId("100"), UserId("101")) in made.pairs_after
    assert made.rules.balance == "close"
    assert len(teacher.course.plans) == 2, "questions make no plans"


def test_swap_and_leave_out_and_back(teacher: Teacher) -> None:
    pairs = sorted(teacher.plan.pairs_after)
    one, other = next(
        (a, b)
        for a in pairs
        for b in pairs
        if len({*a, *b}) == 4
        and not {(a[0], b[1]), (b[0], a[1]), (b[1], a[0]), (a[1], b[0])} & teacher.plan.pairs_after
        and {*a, *b}.isdisjoint({"100", "123"})
    )
    made = teacher.made(
        teacher.send(
            f"{teacher.here}/edit", do="swap", swap_reviewer=one[0], swap_author=one[1],
            other_reviewer=other[0], other_author=other[1],
        )
    )  # fmt: skip
    assert made.pairs_after - teacher.plan.pairs_after == {(one[0], other[1]), (other[0], one[1])}
    out = teacher.made(teacher.send(f"{teacher.here}/edit", do="leave_out", person="100", reason="ill"))
    assert out.rules.exclude == (Exclusion(user="100", reason="ill"),)
    page = teacher.get(f"{HOME}/plans/{out.id}/edit")
    assert "ill" in page.text
    back = teacher.send(f"{HOME}/plans/{out.id}/edit", **teacher.forms(page, "Take in again"))
    assert teacher.course.plans[PlanId(back.get_json()["location"].rpartition("/")[2])].rules.exclude == ()


def test_another_draw_is_compared_and_the_way_back_restores_the_rules(teacher: Teacher) -> None:
    other = teacher.made(teacher.send(f"{teacher.here}/again"))
    assert other.seed != teacher.plan.seed
    comparison = teacher.get(f"{teacher.here}/compare/{other.id}")
    differing = len(other.pairs_after - teacher.plan.pairs_after)
    assert f"{differing} reviews differ" in words_of(comparison)
    assert teacher.course.saved.seed is None
    back = teacher.send(f"{teacher.here}/keep", instead=other.id)
    assert back.get_json() == {"location": teacher.here}
    assert teacher.course.saved.seed == "7"


def test_a_download_edited_in_a_spreadsheet_becomes_a_plan(teacher: Teacher) -> None:
    download = teacher.get(f"{teacher.here}/changes.csv").data
    assert "exactly this plan" in words_of(teacher.upload(download))
    rows = list(csv.reader(io.StringIO(download.decode("utf-8-sig"))))
    place = next(n for n, cells in enumerate(rows) if cells[0] == "Create")
    gone = (rows[place][2], rows[place][4])
    free = next(
        user for user, name in teacher.names.items()
        if (gone[0], user) not in teacher.plan.pairs_after and user != gone[0]
        and user in {one.id for one in teacher.course.plan(TEACHER, teacher.plan.id).taking_part.authors}
    )  # fmt: skip
    rows[place][3:5] = [teacher.names[free], ""]
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    made = teacher.made(teacher.upload(text.getvalue().encode("utf-16")))
    assert teacher.plan.pairs_after - made.pairs_after == {gone}
    assert made.pairs_after - teacher.plan.pairs_after == {(gone[0], free)}
    comparison = teacher.get(f"{teacher.here}/compare/{made.id}")
    assert "The new plan breaks rules" in words_of(comparison), "one work gets a review less"
    assert "This plan breaks" in words_of(teacher.get(f"{HOME}/plans/{made.id}"))
    repaired = teacher.send(f"{HOME}/plans/{made.id}/edit", do="repair").get_json()["location"]
    assert "breaks rules" not in words_of(teacher.get(repaired))


def test_a_wrong_file_tells_row_and_column_and_makes_nothing(teacher: Teacher) -> None:
    answer = teacher.upload(b"Reviewer,Author\n100,101\n<b>x</b>,101\n")
    assert answer.status_code == 422
    found = r'<td class="number">3</td><td>Reviewer</td><td>“&lt;b&gt;x&lt;/b&gt;” is no student'
    assert re.search(found, answer.text)
    for content in (b"", b"\x00" * 100, b"x" * 4_000_001):
        assert teacher.upload(content).status_code == 422
    assert teacher.upload(b"x" * 10_000_000).status_code == 413
    assert len(teacher.course.plans) == 1


def test_plans_of_other_courses_and_undos_are_not_edited(teacher: Teacher) -> None:
    assert teacher.send(f"{HOME}/plans/none/edit", do="repair").status_code == 404
    undo = teacher.course.keep(teacher.plan.changes, PlanRules(), undo_of=None)
    assert teacher.get(f"{teacher.here}/compare/none").status_code == 404
    assert teacher.get(f"{teacher.here}/compare/{undo.id}").status_code == 200


def test_pairs_by_field_and_by_list() -> None:
    teacher = Teacher()
    teacher.send(f"{PAIRS}/one", do="pin", reviewer="100", author="101", reason="second draft")
    assert teacher.course.saved.fixed == (PairRule(reviewer="100", author="101", reason="second draft"),)
    pasted = "Bergström, Bilal > Adeyemi, Ada > sisters\r\n\r\n102\t103\nNobody > 100"
    refused = teacher.send(f"{PAIRS}/list", do="forbid", list=pasted)
    assert refused.status_code == 422
    assert "Line 4: “\u2068Nobody\u2069”" in words_of(refused) or "Line 4: “Nobody”" in words_of(refused)
    assert pasted.replace("\r\n", "\n").splitlines()[0] in html.unescape(refused.text)
    assert not teacher.course.saved.forbidden
    teacher.send(f"{PAIRS}/list", do="forbid", list=pasted, those_that_fit="yes")
    assert {(pair.who, pair.reason) for pair in teacher.course.saved.forbidden} == {
        (("101", "100"), "sisters"),
        (("102", "103"), ""),
    }
    page = teacher.get(PAIRS)
    teacher.send(f"{PAIRS}/free", **teacher.forms(page, "No longer fix"))
    assert teacher.course.rules(TEACHER, ASSIGNMENT).fixed == ()
    assert len(teacher.course.saved.forbidden) == 2


def test_earlier_assignments_are_chosen_and_forbid_what_they_had() -> None:
    teacher = Teacher()
    seen = tuple((UserId("100"), UserId(str(n))) for n in range(101, 123))
    teacher.course.earlier = (Earlier(AssignmentId("76"), "Essay 1: sources", seen),)
    assert "Essay 1: sources" in teacher.get(PAIRS).text
    assert 'id="earlier-78"' not in teacher.get(PAIRS).text, "it has no peer reviews"
    teacher.send(f"{PAIRS}/earlier", earlier="76", repeats="forbid")
    assert (teacher.course.saved.earlier, teacher.course.saved.repeats) == (("76",), "forbid")
    answer = teacher.send(f"{RULES}/feasibility", **GOOD_RULES).get_json()["html"]
    assert "<bdi>Ada Adeyemi</bdi>" in answer
    assert "Allow earlier pairs again where it cannot be helped" in html.unescape(answer)


def test_reviews_in_return_and_the_same_pairs_are_chosen_but_not_both() -> None:
    teacher = Teacher()
    drafts = tuple((UserId(str(n)), UserId(str(100 + (n + 1) % 24))) for n in range(100, 124))
    gone = (UserId("999"), UserId("100"))
    teacher.course.earlier = (Earlier(AssignmentId("76"), "Essay 1: sources", (*drafts, gone)),)
    teacher.send(f"{PAIRS}/earlier", earlier="76", returns="forbid")
    assert teacher.course.saved.returns == "forbid"
    refused = teacher.send(f"{PAIRS}/same", same_pairs_as="76", same_pairs="fix")
    assert refused.status_code == 422
    assert "cannot both be the same and not come again" in refused.text
    teacher.send(f"{PAIRS}/earlier")
    teacher.send(f"{PAIRS}/same", same_pairs_as="76", same_pairs="fix")
    assert (teacher.course.saved.same_pairs_as, teacher.course.saved.same_pairs) == ("76", "fix")
    assert "the same pairs as in another assignment" in teacher.get(RULES).text
    made = teacher.send(RULES, **GOOD_RULES).get_json()["location"]
    preview = html.unescape(teacher.get(made).text)
    assert "18 of 25 pairs are the same as in <bdi>Essay 1: sources</bdi>." in preview
    assert "<bdi>999</bdi> → <bdi>Ada Adeyemi</bdi>: the reviewer takes no part now" in preview


def test_levels_are_chosen_and_given_as_a_list() -> None:
    teacher = Teacher()
    here = f"{RULES}/levels"
    assert "there is none yet; give it below" in teacher.get(here).text
    nothing = teacher.send(here, levels="strong", levels_by="points", strong_share="50")
    assert nothing.status_code == 422
    assert "Choose at least one assignment" in nothing.text
    teacher.send(here, levels="strong", levels_by="points", levels_from="76", strong_share="30")
    saved = teacher.course.saved
    assert (saved.levels, saved.levels_from, saved.strong_share) == ("strong", ("76",), 30)
    assert "by the points of 1 assignment" in teacher.get(RULES).text

    def given() -> int:
        listed = teacher.course.read.listed
        return len(listed.levels) if listed else 0

    def send(text: str) -> TestResponse:
        head = '--cut\r\nContent-Disposition: form-data; name="file"; filename="l.csv"\r\n\r\n'
        return teacher._client.post(
            f"{here}/file",
            data=f"{head}{text}\r\n--cut--\r\n".encode(),
            content_type="multipart/form-data; boundary=cut",
            headers=teacher._headers,
        )

    wrong = send("Student id,Level\n100,best\n101,2\n")
    assert wrong.status_code == 422
    assert "Level: “best” is no level." in words_of(wrong)
    assert given() == 0
    assert send("Student id,Level\n100,3\n101,2\n").get_json() == {"location": here}
    assert (teacher.course.saved.levels, teacher.course.saved.levels_by) == ("strong", "list")
    assert given() == 2
    assert "2 levels were given at" in teacher.get(here).text
    teacher.send(f"{here}/forget")
    assert given() == 0
    assert (teacher.course.saved.levels, teacher.course.saved.levels_by) == ("off", "points")
    assert teacher.send(f"{here}/column", column="72").status_code == 422
    teacher.send(f"{here}/column", column="71")
    assert given() == 2, "somebody in the column is not in the course"


def test_cross_listed_sections_are_one_pool_and_separate_courses_cannot_be() -> None:
    teacher = Teacher()
    own = html.unescape(teacher.get(RULES).text)
    assert "only in the course whose assignment it is" in own
    assert "All sections are one pool already" not in own
    read = teacher.course.read
    guests = tuple(replace(one, came_from="12") for one in read.sections[1:])
    teacher.course.read = replace(read, sections=(read.sections[0], *guests))
    page = html.unescape(teacher.get(RULES).text)
    assert f"{len(guests)} sections come from other courses" in page
    assert f"<bdi>{guests[0].name}</bdi>" in page
    assert "All sections are one pool already" in page


def test_rules_under_a_name() -> None:
    teacher = Teacher()
    teacher.course.saved = PlanRules(reviews_per_reviewer=5)
    assert teacher.send(NAMED, name=" ").status_code == 422
    assert teacher.send(NAMED, name="Drafts").get_json() == {"location": NAMED}
    taken = teacher.send(NAMED, name="Drafts")
    assert taken.status_code == 422
    assert 'name="replace"' in taken.text
    (set_id,) = teacher.course.sets.kept
    assert teacher.send(f"{NAMED}/{set_id}/rename", **{f"name-{set_id}": "Final"}).status_code == 200
    teacher.course.saved = PlanRules()
    assert teacher.send(f"{NAMED}/{set_id}/use").get_json() == {"location": RULES}
    assert teacher.course.saved.reviews_per_reviewer == 5
    assert "Final" in teacher.get(NAMED).text
    assert '"reviews_per_reviewer": 5' in teacher.get(f"{NAMED}/rules.json").text
    teacher.send(f"{NAMED}/{set_id}/delete")
    assert not teacher.course.sets.kept


def test_what_is_typed_is_kept_on_the_way_to_the_pairs() -> None:
    teacher = Teacher()
    typed = GOOD_RULES | {"reviews_per_reviewer": "4", "mutual": "forbid"}
    assert teacher.send(f"{RULES}/save/pairs", **typed).get_json() == {"location": PAIRS}
    assert (teacher.course.saved.reviews_per_reviewer, teacher.course.saved.mutual) == (4, "forbid")
    assert teacher.send(f"{RULES}/save/pairs", **(typed | {"reviews_per_reviewer": "x"})).status_code == 422


MANY = f"{PEOPLE}/many"


def test_a_pasted_list_leaves_out_whom_it_names_and_shows_who_is_unclear() -> None:
    teacher = Teacher()
    pasted = "Adeyemi, Ada\nu101@example.edu\nSIS-102\nlogin103\nghost@example.edu"
    refused = teacher.send(f"{MANY}/list", list=pasted, reason="auditors")
    assert refused.status_code == 422
    assert "“ghost@example.edu” is no student of this course." in words_of(refused)
    assert "login103" in refused.text, "what was pasted is kept"
    assert not teacher.course.saved.exclude
    teacher.send(f"{MANY}/list", list=pasted, reason="auditors", those_that_fit="yes")
    assert {(one.user, one.reason) for one in teacher.course.saved.exclude} == {
        (user, "auditors") for user in ("100", "101", "102", "103")
    }
    assert teacher.send(f"{MANY}/list", list=" \n").status_code == 422


def test_numbers_of_reviews_of_one_s_own() -> None:
    teacher = Teacher()
    assert teacher.send(f"{PEOPLE}/load", load_user="100", gives="51").status_code == 422
    assert teacher.send(f"{PEOPLE}/load", load_user="nobody", gives="5").status_code == 422
    teacher.send(f"{PEOPLE}/load", load_user="Eriksen, Ebele", gives="0")
    teacher.send(f"{PEOPLE}/load", load_user="101", gives="5")
    assert teacher.course.saved.gives == {"104": 0, "101": 5}
    page = words_of(teacher.get(PEOPLE))
    assert "is only reviewed" in page
    assert "gives 5 reviews" in page
    shown = teacher.send(f"{RULES}/feasibility", **GOOD_RULES).get_json()["html"]
    assert "everyone gives 3 to 5" in shown
    teacher.send(f"{PEOPLE}/usual-load", user="104")
    assert teacher.course.saved.gives == {"101": 5}


def test_everybody_as_a_spreadsheet_and_back() -> None:
    teacher = Teacher()
    teacher.course.saved = PlanRules(exclude=(Exclusion(user="100", reason="ill"),))
    download = teacher.get(f"{MANY}/people.csv").data
    edited = download.decode("utf-8-sig").splitlines()
    edited = [
        line.replace(",yes,,no,0,", ",no,,no,0,moved away") if line.startswith("105,") else line
        for line in edited
    ]

    def send(text: str, **more: str) -> TestResponse:
        head = "--cut\r\nContent-Disposition: form-data; name="
        body = [f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in more.items()]
        body += [f'{head}"file"; filename="p.csv"\r\n\r\n', text]
        return teacher._client.post(
            f"{MANY}/file",
            data="".join([*body, "\r\n--cut--\r\n"]).encode(),
            content_type="multipart/form-data; boundary=cut",
            headers=teacher._headers,
        )

    assert send("\n".join(edited)).status_code == 200
    assert {(one.user, one.reason) for one in teacher.course.saved.exclude} == {
        ("100", "ill"),
        ("105", "moved away"),
    }
    wrong = send("Student,Gives\n100,many\n")
    assert wrong.status_code == 422
    assert "“many” is not a whole number" in words_of(wrong)
    unclear = send("Student\nNobody\n101\n")
    assert "“Nobody” is no student" in words_of(unclear)
    assert send("Student\nNobody\n101\n", those_that_fit="yes").status_code == 200
    assert "101" in teacher.course.saved.excluded


def test_reviews_from_section_to_section() -> None:
    teacher = Teacher()
    page = teacher.get(RULES).text
    assert 'name="share.s0.s1"' in page
    form = GOOD_RULES | {"shares": "yes", "share.s0.s1": "2", "share.s1.s0": "", "share.s2.s2": "0"}
    shown = teacher.send(f"{RULES}/feasibility", **form).get_json()["html"]
    assert "verdict" in shown
    teacher.send(f"{RULES}/save/pairs", **form)
    assert {(one.reviewers, one.authors): one.reviews for one in teacher.course.saved.section_shares} == {
        ("s0", "s1"): 2,
        ("s2", "s2"): 0,
    }
    assert re.search(r'name="share.s0.s1" value="2"', teacher.get(RULES).text)
    wrong = teacher.send(RULES, **(form | {"share.s0.s2": "2"}))
    assert wrong.status_code == 422
    assert 'href="#section_shares"' in wrong.text
    assert re.search(r'name="share.s0.s2" value="2"', wrong.text), "what was typed is kept"
