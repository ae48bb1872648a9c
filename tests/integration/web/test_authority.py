"""Who may do what where: every address x every role x ids of another course and of another institution.

The tool is wired as for production; two institutions have a course with the same id, one of them a second
course, and each course has an assignment, a snapshot, a plan and a run with students of its own. The
addresses come from the URL map, so that a new one is in the table without anybody's doing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, inspect, text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from lti_tool.applying.records import Actor as Starter
from lti_tool.bootstrap import Application, build_application, build_web, now, upgrade_database
from lti_tool.lti.context import LaunchContext
from lti_tool.lti.sessions import Sessions
from lti_tool.persistence.launches import SessionRows
from lti_tool.persistence.plans import store_plan, store_snapshot
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, PlanId, UserId
from lti_tool.services.viewing import Viewer
from lti_tool.settings import Settings
from tests.builders import person, plan, snapshot
from tests.integration.journal.stage import creates

ISSUER = "https://canvas.instructure.com"
NORTH, SOUTH = CanvasOrigin("https://north.example.edu"), CanvasOrigin("https://south.example.edu")
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
TEACHING = (f"{MEMBERSHIP}#Instructor",)

ROLES = {
    # who: (roles of the launch, does the course open?)
    "teacher": (TEACHING, True),
    "teaching assistant": ((f"{MEMBERSHIP}/Instructor#TeachingAssistant", f"{MEMBERSHIP}#Instructor"), True),
    "student": ((f"{MEMBERSHIP}#Learner",), False),
    "administrator without a role here": (
        (
            "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator",
            "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor",
            "http://purl.imsglobal.org/vocab/lis/v2/system/person#SysAdmin",
        ),
        False,
    ),
}


@dataclass(frozen=True)
class Place:
    """A course of an institution and what is stored of it."""

    canvas: CanvasOrigin
    client_id: str
    course: CourseId

    @property
    def name(self) -> str:
        return f"{self.canvas[8:13]}{self.course}"

    @property
    def ids(self) -> dict[str, str]:
        return {"assignment_id": f"a{self.name}", "plan_id": f"p{self.name}", "run_id": self.run}

    run: str = ""


PLACES = {
    "own": Place(NORTH, "1", CourseId("7")),
    "another course": Place(NORTH, "1", CourseId("8")),
    "another institution, same course id": Place(SOUTH, "2", CourseId("7")),
}
UNKNOWN = "nothing-here"


class Table:
    """The wired tool and a session for each role, all of them in the course ``own``."""

    def __init__(self, application: Application) -> None:
        self.app: Flask = build_web(application)
        self.engine: Engine = application.database.engine
        self.places = {name: _furnished(application, place) for name, place in PLACES.items()}
        self.sessions = Sessions(
            SessionRows(application.database, application.settings.secret_box),
            now,
            idle=timedelta(hours=1),
            absolute=timedelta(hours=1),
        )
        own = self.places["own"]
        self.launches = {who: _context(own, roles, teaches) for who, (roles, teaches) in ROLES.items()}

    def rules(self) -> Iterator[tuple[Rule, str]]:
        """Everything below one course."""
        for rule in self.app.url_map.iter_rules():
            if "course_id" in rule.arguments:
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    yield rule, method

    def ask(self, who: str, rule: Rule, method: str, course: str, ids: dict[str, str]) -> TestResponse:
        given = {name: ids.get(name, UNKNOWN) for name in rule.arguments} | {"course_id": course}
        path = self.app.url_map.bind("x").build(rule.endpoint, given, method=method)
        token = self.sessions.open(self.launches[who])  # some addresses end it
        return self.app.test_client().open(path, method=method, headers={"Authorization": f"Bearer {token}"})

    def content(self, *, beside: Place | None = None) -> dict[str, int]:
        """How many rows each table has; ``beside`` leaves out what belongs to that course, and ways to Canvas
        that somebody began there. Sessions are touched by looking."""
        found = {}
        with self.engine.connect() as connection:
            look = inspect(connection)
            for table in look.get_table_names():
                columns = {column["name"] for column in look.get_columns(table)}
                if table == "session" or (beside is not None and table in ("connect_attempt", "audit_event")):
                    continue
                where, given = "1 = 1", {}
                if beside is not None and {"canvas", "course_id"} <= columns:
                    where = "NOT (canvas = :canvas AND course_id = :course)"
                    given = {"canvas": beside.canvas, "course": beside.course}
                query = text(f'SELECT count(*) FROM "{table}" WHERE {where}')
                found[table] = connection.execute(query, given).scalar_one()
        return found


def _context(place: Place, roles: tuple[str, ...], teaches: bool) -> LaunchContext:
    return LaunchContext(
        issuer=ISSUER,
        client_id=place.client_id,
        deployment_id="1:x",
        canvas_origin=place.canvas,
        user_id="1",
        lti_user_id="opaque",
        user_name="Rosa Okafor",
        context_id="opaque-course",
        course_id=place.course,
        course_name="Writing",
        roles=roles,
        is_instructor=teaches,
        locale="en",
        time_zone="",
        high_contrast=False,
        post_message_token="",
        platform_origin=place.canvas,
    )


def _furnished(application: Application, place: Place) -> Place:
    """Store a snapshot, a plan and a run of this place."""
    read = snapshot(4)
    read = replace(
        read,
        canvas=place.canvas,
        course_id=place.course,
        assignment=replace(
            read.assignment, id=AssignmentId(f"a{place.name}"), course_id=place.course, name="Essay"
        ),
        people=tuple(
            person(number + 1, name=f"Canary{place.name} {number}") for number in range(len(read.people))
        ),
    )
    made = replace(plan(creates((1, 2), (2, 3)), id_=f"p{place.name}", of=read), created_at=now())
    assert (made.id, made.canvas, made.course_id) == (PlanId(f"p{place.name}"), place.canvas, place.course)
    with application.database.begin() as session:
        kept = store_snapshot(session, read, UserId("1"))
        store_plan(session, made, snapshot_id=kept, by=UserId("1"), by_name="Rosa Okafor")
    run = application.journal.start(made, Starter(UserId("1"), "Rosa Okafor"))
    return replace(place, run=run)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    platform = {
        "auth_login_url": "https://sso.canvaslms.com/api/lti/authorize_redirect",
        "key_set_url": "https://sso.canvaslms.com/api/lti/security/jwks",
        "deployment_ids": ["1:x"],
    }
    registrations = [
        platform
        | {"client_id": client, "canvas_origin": canvas, "auth_token_url": f"{canvas}/login/oauth2/token"}
        for client, canvas in (("1", NORTH), ("2", SOUTH))
    ]
    settings = Settings(
        instance=Path(tmp_path_factory.mktemp("authority")),
        public_url="https://reviews.example.edu",
        platforms={ISSUER: registrations},
        previews_per_minute=0,
        imports_per_minute=0,
    )
    upgrade_database(settings)
    application = build_application(settings)
    # There is no Canvas here to ask: everybody has the rights that their launch named. What Canvas says
    # since is the matter of test_present_rights.py.
    application.rights.viewer = lambda actor: Viewer()  # type: ignore[method-assign]  # for the reason above
    yield Table(application)
    application.close()


def assert_nothing_of(answer: TestResponse, places: list[Place]) -> None:
    for place in places:
        assert f"Canary{place.name}" not in answer.text


def test_the_table_is_long_enough(table: Table) -> None:
    rules = list(table.rules())
    assert len(rules) > 25
    assert {"plan_id", "run_id", "assignment_id"} <= {name for rule, _ in rules for name in rule.arguments}


@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("where", [name for name in PLACES if name != "own"])
def test_nobody_reaches_another_place(table: Table, who: str, where: str) -> None:
    """By its own address, and by its ids under the address of one's own course."""
    place, own = table.places[where], table.places["own"]
    opens = ROLES[who][1]
    before = table.content(beside=own if opens else None)
    for rule, method in table.rules():
        if place.course != own.course:
            there = table.ask(who, rule, method, place.course, place.ids)
            assert there.status_code == 403, (who, rule, method)
            assert_nothing_of(there, [place])
        here = table.ask(who, rule, method, own.course, place.ids)
        assert_nothing_of(here, [place, own])
        if not opens:
            assert here.status_code == 403, (who, rule, method)
        elif rule.arguments & {"plan_id", "run_id"}:
            assert here.status_code == 404, (who, rule, method)
    assert table.content(beside=own if opens else None) == before, "and nothing was changed there"


@pytest.mark.parametrize("who", [who for who, (_, opens) in ROLES.items() if not opens])
def test_whoever_does_not_teach_here_reaches_nothing_of_the_own_course_either(table: Table, who: str) -> None:
    own, before = table.places["own"], table.content()
    for rule, method in table.rules():
        answer = table.ask(who, rule, method, own.course, own.ids)
        assert answer.status_code == 403, (who, rule, method)
        assert_nothing_of(answer, [own])
    assert table.content() == before


@pytest.mark.parametrize("who", [who for who, (_, opens) in ROLES.items() if opens])
def test_whoever_teaches_here_reaches_what_is_here(table: Table, who: str) -> None:
    """Or else the refusals above would prove nothing."""
    own = table.places["own"]
    seen = ""
    for rule, method in table.rules():
        if method == "GET" and rule.arguments & {"plan_id", "run_id"}:
            if rule.arguments - {"course_id", *own.ids}:
                continue
            answer = table.ask(who, rule, method, own.course, own.ids)
            assert answer.status_code not in (401, 403), (who, rule)
            seen += answer.text
    assert f"Canary{own.name}" in seen
