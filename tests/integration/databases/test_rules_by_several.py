"""Several people who change the rules of one assignment at once, through the pages, on each database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from lti_tool.bootstrap import Application, build_application, build_web, now
from lti_tool.lti.sessions import Sessions
from lti_tool.persistence.launches import SessionRows
from lti_tool.persistence.plans import store_snapshot
from lti_tool.persistence.saved_rules import SavedRules
from lti_tool.planning.ids import UserId
from lti_tool.planning.rules import PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.errors import RulesChanged
from lti_tool.services.viewing import Viewer
from lti_tool.settings import Settings
from tests.builders import ASSIGNMENT, CANVAS, COURSE, snapshot, user
from tests.integration.databases.sessions import ISSUER, a_launch

STUDENTS = 44
PEOPLE = {"1": "Rosa Okafor", "2": "Ben Adler"}


class Office:
    """Two teachers of one course, each with a tab of the tool."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.app: Flask = build_web(application)
        sessions = Sessions(
            SessionRows(application.database, application.settings.secret_box),
            now,
            idle=timedelta(hours=1),
            absolute=timedelta(hours=1),
        )
        self.tokens = {who: sessions.open(a_launch(who, name)) for who, name in PEOPLE.items()}
        read = replace(snapshot(STUDENTS), taken_at=now())
        with application.database.begin() as session:
            for who in PEOPLE:
                store_snapshot(session, read, UserId(who))

    def ask(self, who: str, path: str, form: dict[str, str] | None = None) -> TestResponse:
        """A page, or a form that is sent to it."""
        return self.app.test_client().open(
            f"/app/courses/{COURSE}/assignments/{ASSIGNMENT}/{path}",
            method="GET" if form is None else "POST",
            data=form,
            headers={"Authorization": f"Bearer {self.tokens[who]}"},
        )

    @property
    def saved(self) -> SavedRules:
        return self.application.use_cases.planning.saved_rules(
            Actor(CANVAS, COURSE, UserId("1"), ""), ASSIGNMENT
        )


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    platform = {
        "client_id": "1",
        "canvas_origin": CANVAS,
        "auth_token_url": f"{CANVAS}/login/oauth2/token",
        "auth_login_url": "https://sso.canvaslms.com/api/lti/authorize_redirect",
        "key_set_url": "https://sso.canvaslms.com/api/lti/security/jwks",
        "deployment_ids": ["1:x"],
    }
    settings = Settings(
        instance=tmp_path / "instance",
        database_url=database_url,
        public_url="https://reviews.example.edu",
        platforms={ISSUER: [platform]},
        previews_per_minute=0,
    )
    application = build_application(settings)
    # There is no Canvas here to ask: everybody has the rights that their launch named.
    application.rights.viewer = lambda actor: Viewer()  # type: ignore[method-assign]  # for the reason above
    yield Office(application)
    application.close()


def version_in(page: TestResponse) -> str:
    """The version that a form of a page carries."""
    found = re.search(r'name="version" value="(\d+)"', page.text)
    assert found is not None
    return found.group(1)


def form_of(page: TestResponse, reviews: int) -> dict[str, str]:
    return {
        "version": version_in(page),
        "reviews_per_reviewer": str(reviews),
        "sections": "any",
        "own_group": "barred",
        "existing": "keep",
    }


def test_forty_exclusions_at_once_by_two_people_all_survive(office: Office) -> None:
    def leave_out(number: int) -> int:
        who = str(number % 2 + 1)
        form = {"user": user(number), "reason": f"reason {number}"}
        return office.ask(who, "people/leave-out", form).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(leave_out, range(1, 41)))
    assert set(answers) == {200} or set(answers) == {303}, answers
    saved = office.saved
    assert {one.user: one.reason for one in saved.rules.exclude} == {
        user(number): f"reason {number}" for number in range(1, 41)
    }
    assert saved.version == 40


def test_changes_of_every_sort_at_once_all_survive(office: Office) -> None:
    def send(form: tuple[str, dict[str, str]]) -> int:
        return office.ask("1", *form).status_code

    forms = [
        *(("people/leave-out", {"user": user(n), "reason": ""}) for n in range(1, 7)),
        *(("people/load", {"load_user": user(n), "gives": "2"}) for n in range(11, 17)),
        *(("people/stand-in", {"stand_in": user(n), "role": "spare"}) for n in range(21, 27)),
        *(
            ("rules/pairs/one", {"do": "forbid", "reviewer": user(n), "author": user(n + 1)})
            for n in range(31, 37)
        ),
    ]
    with ThreadPoolExecutor(24) as pool:
        answers = set(pool.map(send, forms))
    assert len(answers) == 1, answers
    rules = office.saved.rules
    assert rules.excluded == {user(n) for n in range(1, 7)}
    assert set(rules.gives) == {user(n) for n in range(11, 17)}
    assert set(rules.spare) == {user(n) for n in range(21, 27)}
    assert {pair.who for pair in rules.forbidden} == {(user(n), user(n + 1)) for n in range(31, 37)}


def test_a_stale_form_is_refused_with_both_versions_and_a_choice(office: Office) -> None:
    mine = form_of(office.ask("1", "rules"), reviews=4)
    theirs = form_of(office.ask("2", "rules"), reviews=2)
    assert office.ask("2", "rules/save/people", theirs).status_code in (200, 303)
    refused = office.ask("1", "rules/save/people", mine)
    assert refused.status_code == 409
    said = re.sub(r"<[^>]+>", " ", unescape(refused.text))
    said = " ".join(said.split())
    assert "These rules were changed meanwhile" in said
    assert re.search(r"Ben Adler saved other rules at .*\. Nothing was saved now\.", said)
    assert "Reviews per student 4 2" in said
    assert office.saved.rules.reviews_per_reviewer == 2, "nothing was saved"

    chosen = mine | {"version": version_in(refused)}
    assert office.ask("1", "rules/save/people", chosen).status_code in (200, 303)
    assert office.saved.rules.reviews_per_reviewer == 4
    assert office.saved.saved_by_name == "Rosa Okafor"


def test_a_form_stays_good_while_others_exclude_students_and_keeps_what_they_did(office: Office) -> None:
    mine = form_of(office.ask("1", "rules"), reviews=4)
    office.ask("2", "people/leave-out", {"user": user(3), "reason": ""})
    assert office.ask("1", "rules", mine).status_code in (200, 303)
    rules = office.saved.rules
    assert (rules.reviews_per_reviewer, set(rules.excluded)) == (4, {user(3)})


def test_the_same_form_twice_is_no_conflict(office: Office) -> None:
    form = form_of(office.ask("1", "rules"), reviews=4)
    for _ in range(2):
        assert office.ask("1", "rules/save/people", form).status_code in (200, 303)
    assert office.saved.version == 1, "what changes nothing makes no version"


def test_a_plan_that_takes_long_overwrites_nothing(office: Office) -> None:
    cases, actor = office.application.use_cases, Actor(CANVAS, COURSE, UserId("1"), "Rosa Okafor")
    before = cases.planning.rules(actor, ASSIGNMENT)
    office.ask("2", "people/leave-out", {"user": user(3), "reason": ""})
    cases.planning.make_plan(actor, ASSIGNMENT, before)
    assert office.saved.rules.excluded == {user(3)}


def test_rules_as_a_whole_are_only_replaced_over_the_version_that_was_seen(office: Office) -> None:
    cases, actor = office.application.use_cases, Actor(CANVAS, COURSE, UserId("1"), "Rosa Okafor")
    seen = office.saved.version
    office.ask("2", "people/leave-out", {"user": user(3), "reason": ""})
    with pytest.raises(RulesChanged) as refused:
        cases.planning.save_rules(actor, ASSIGNMENT, PlanRules(reviews_per_reviewer=5), over=seen)
    assert refused.value.by == "Ben Adler"
    cases.planning.save_rules(
        actor, ASSIGNMENT, PlanRules(reviews_per_reviewer=5), over=refused.value.version
    )
    assert office.saved.rules == PlanRules(reviews_per_reviewer=5)


def test_a_named_set_is_only_used_replaced_and_deleted_as_it_was_seen(office: Office) -> None:
    cases, actor = office.application.use_cases, Actor(CANVAS, COURSE, UserId("1"), "Rosa Okafor")
    made = cases.rule_sets.save(actor, "Term", PlanRules(reviews_per_reviewer=4))
    page = office.ask("1", "rules/named")
    ben = Actor(CANVAS, COURSE, UserId("2"), "Ben Adler")
    cases.rule_sets.save(ben, "Term", PlanRules(reviews_per_reviewer=2), replace=True, over=made.version)
    assert f'value="{made.version}"' in page.text
    deleted = office.ask("1", f"rules/named/{made.id}/delete", {"version": str(made.version)})
    assert deleted.status_code == 409
    assert "Ben Adler" in deleted.text
    with pytest.raises(RulesChanged):
        cases.rule_sets.save(actor, "Term", PlanRules(), replace=True, over=made.version)
    assert cases.rule_sets.get(actor, made.id).rules.reviews_per_reviewer == 2

    used = office.saved.version
    office.ask("2", "people/leave-out", {"user": user(3), "reason": ""})
    stale = office.ask("1", f"rules/named/{made.id}/use", {"version": str(used)})
    assert stale.status_code == 409
    assert office.saved.rules.excluded == {user(3)}
