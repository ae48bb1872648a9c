"""A teacher who lies through links: every custom field x every place to open the tool from x every lie.

The whole tool and the simulated Canvas. Rosa teaches the victim's course and is connected. Mallory teaches
another course, where she can make links with custom parameters, change those of the key's installation,
and send the address of her consent window to others. Whatever she does, she sees and gets nothing of Rosa's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import structlog
from werkzeug.test import TestResponse

from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.lti.developer_key import CUSTOM_FIELDS
from lti_tool.lti.grades import GRADE_SCOPES
from lti_tool.persistence.audit import AuditFilter, AuditLine
from lti_tool.persistence.identities import IdentityRows
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.oauth import OAuthProvider
from lti_tool.simulator.pages.context import EXTENSION
from lti_tool.simulator.records import Course, EnrollmentType, User
from lti_tool.simulator.state import CanvasState, Deployment, DeveloperKey
from tests.contract.rest_server import person, students_of
from tests.contract.simulator_browser import Browser, Form, ServedCanvas, serve_canvas
from tests.integration.lti.scene import ISSUER, TOOL, Stage, Visitor, stage, words

LTI_KEY, API_KEY, SECRET = "170000000000007", "170000000000008", "secret-of-the-api-key"
BACK = f"{TOOL}/connect/callback"
SEEN_FIELDS = ("canvas_roles", "canvas_section_ids", "canvas_course_name")
"""Fields that earlier versions of the tool read, and that keys in Canvas still have."""


@dataclass
class Attack:
    """Both sides, and who is who."""

    canvas: ServedCanvas
    tool: Stage
    key: DeveloperKey
    rosa: User
    mallory: User
    victim: Course
    own: Course
    third: Course
    browsers: dict[tuple[str, str], Browser] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> CanvasState:
        return self.canvas.state

    @property
    def provider(self) -> OAuthProvider:
        parts = self.canvas.app.extensions[EXTENSION]
        found: OAuthProvider = parts.oauth
        return found

    def open(self, who: User, course: Course, query: str = "", acted_by: User | None = None) -> Opened:
        """Open the tool on a page of the course, in a browser of its own."""
        browser = self.browser(who, acted_by)
        visitor = self.tool.visitor()
        page = browser.get(f"/courses/{course.id}/external_tools/{LTI_KEY}{query}")
        begun = visitor.send_login("POST", page.form("/lti/login").fields)
        answer = visitor.post(**browser.get(begun.attributes["next"]).form("/lti/launch").fields)
        if answer.status_code == 200 and "data-code" in answer.text:
            answer = visitor.session(answer.text)
        return Opened(visitor, answer)

    def browser(self, who: User, acted_by: User | None = None) -> Browser:
        """Where this person is logged in, or somebody acts as them."""
        key = (who.id, acted_by.id if acted_by else "")
        if key not in self.browsers:
            made = self.browsers[key] = self.canvas.browser(acted_by or who)
            if acted_by is not None:
                made.submit(Form(f"{self.canvas.base_url}/users/{who.id}/masquerade", "post"))
        return self.browsers[key]

    def connect(self, opened: Opened, who: User, acted_by: User | None = None) -> TestResponse:
        """Go through the consent window; ``who`` gives the consent there."""
        place = opened.location.partition("?")[0]
        ticket = opened.ask("POST", f"{place}/connect/ticket", data={"next": place})
        if ticket.status_code != 200:
            return ticket
        started = opened.visitor.ask("GET", ticket.get_json()["window"])
        asked = self.provider.read_request(dict(parse_qsl(urlsplit(started.location).query)))
        back = self.provider.issue_code(asked, who, acted_by)
        return opened.visitor.ask("GET", back.removeprefix(TOOL))

    def trail(self) -> AuditLine:
        """The newest line of the audit trail."""
        assert self.tool.application is not None
        return self.tool.application.audit.find(AuditFilter())[0]

    def lie(self, custom: dict[str, str], through: str) -> str:
        """Plant custom fields by one of a teacher's ways; the query of the page that opens the tool."""
        mallory = self.mallory.id
        if mallory not in self.tokens:
            self.tokens[mallory] = self.state.make_personal_token(mallory).token
        headers = {"Authorization": f"Bearer {self.tokens[mallory]}"}
        api = f"{self.canvas.local_url}/api/v1/courses/{self.own.id}"
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(headers)
            if through == "assignment":
                assignment = self.state.assignments_of(self.own.id)[-1]
                tag = {"url": f"{TOOL}/lti/launch", "custom_params": custom}
                changed = {"assignment": {"external_tool_tag_attributes": tag}}
                session.put(f"{api}/assignments/{assignment.id}", json=changed, timeout=5).raise_for_status()
                link = self.state.link_of_assignment(assignment.id)
                assert link is not None
                return f"?link={link.lookup_uuid}&placement=assignment_selection"
            body = {"url": f"{TOOL}/lti/launch", "custom": custom}
            made = session.post(f"{api}/lti_resource_links", json=body, timeout=5)
            made.raise_for_status()
        link_in = {"text": "editor_button", "module": "link_selection", "dressed up": "course_navigation"}
        return f"?link={made.json()['lookup_uuid']}&placement={link_in[through]}"


@dataclass
class Opened:
    """What a launch came to: a session, or a refusal."""

    visitor: Visitor
    answer: TestResponse

    @property
    def refused(self) -> bool:
        return self.answer.status_code != 200

    @property
    def location(self) -> str:
        return str(self.answer.get_json()["location"])

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        token = self.answer.get_json()["token"]
        return self.visitor.ask(method, path, headers={"Authorization": f"Bearer {token}"}, **options)


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    state = build_state(3, kinds=("small", "sections", "awkward"), habits=Habits(token_cost=0.0))
    victim, own, third = state.courses.values()
    mallory = state.add_user("Mallory Quist")
    mallory_section = state.sections_of(own.id)[0]
    state.add_enrollment(mallory, mallory_section, EnrollmentType.TEACHER, at=state.now())
    state.add_key(DeveloperKey(API_KEY, SECRET, "API", "api", [BACK], list(ALL_SCOPES), require_scopes=True))
    key = state.add_key(
        DeveloperKey(
            client_id=LTI_KEY,
            secret="",
            name="Peer reviews",
            kind="lti",
            redirect_uris=[f"{TOOL}/lti/launch"],
            oidc_initiation_url=f"{TOOL}/lti/login",
            target_link_uri=f"{TOOL}/lti/launch",
            custom_fields=dict(CUSTOM_FIELDS),
            deployments=[Deployment("17:account")],
        )
    )
    with serve_canvas(state, issuer=ISSUER) as canvas:
        entry = {
            "client_id": LTI_KEY,
            "auth_login_url": canvas.platform.authorisation_url,
            "auth_token_url": canvas.platform.token_url,
            "key_set_url": canvas.platform.jwks_url,
            "deployment_ids": ["17:account"],
            "canvas_origin": canvas.base_url,
        }
        with stage(tmp_path_factory.mktemp("lies"), platforms=lambda _: {ISSUER: [entry]}) as tool:
            assert tool.application is not None
            tool.application.registrations.store_api_key(CanvasOrigin(canvas.base_url), API_KEY, SECRET)
            made = Attack(canvas, tool, key, person(state, "teacher"), mallory, victim, own, third)
            connected = made.connect(made.open(made.rosa, victim), made.rosa)
            assert connected.status_code == 200, words(connected.text)
            yield made


@pytest.fixture
def scopes(attack: Attack, request: pytest.FixtureRequest) -> Iterator[None]:
    """With and without the services whose addresses name the course."""
    attack.key.scopes = list(GRADE_SCOPES) if request.param else []
    yield
    attack.key.scopes = []


LIES: dict[str, Callable[[Attack], str]] = {
    "Rosa": lambda attack: attack.rosa.id,
    "Rosa's LTI id": lambda attack: attack.rosa.lti_id,
    "the victim's course": lambda attack: attack.victim.id,
    "the victim's course by its LTI id": lambda attack: f"lti_context_id:{attack.victim.lti_context_id}",
    "the victim's sections": lambda attack: ",".join(
        row.id for row in attack.state.sections_of(attack.victim.id)
    ),
    "teacher": lambda _: "TeacherEnrollment,Account Admin",
    "a variable": lambda _: "$Canvas.user.id",
    "nothing": lambda _: "",
    "script": lambda _: '"><script>alert(1)</script>',
    "another Canvas": lambda _: "https://evil.example",
}


def nothing_of_the_victim(attack: Attack, opened: Opened) -> None:
    """The launched person sees no page of the victim's course, and acts as nobody but themselves."""
    home = f"/app/courses/{attack.victim.id}"
    assert not opened.location.startswith((home + "?", home + "/"))
    answers = [opened.ask("GET", opened.location)] + [
        opened.ask("GET", home + path) for path in ("", "/board", "/connect/status")
    ]
    assert [answer.status_code for answer in answers[1:]] == [403] * 3
    names = {user.name for user in students_of(attack.state, attack.victim)}
    for answer in answers:
        assert not [name for name in names if name in answer.text]
        assert "<script>alert" not in answer.text


@pytest.mark.parametrize("scopes", [True, False], ids=["services", "no services"], indirect=True)
@pytest.mark.parametrize("through", ["text", "module", "assignment", "dressed up", "own installation"])
@pytest.mark.parametrize("field", [*CUSTOM_FIELDS, *SEEN_FIELDS])
@pytest.mark.usefixtures("scopes")
def test_no_lie_in_a_custom_field_opens_what_is_not_ones_own(
    attack: Attack, field: str, through: str
) -> None:
    for lie in LIES.values():
        custom = {field: lie(attack)}
        if through == "own installation":
            attack.key.custom_fields = dict(CUSTOM_FIELDS) | custom
            query = ""
        else:
            query = attack.lie(custom, through)
        opened = attack.open(attack.mallory, attack.own, query)
        attack.key.custom_fields = dict(CUSTOM_FIELDS)
        if opened.refused:
            assert opened.answer.status_code == 403
            assert "Traceback" not in opened.answer.text
            continue
        nothing_of_the_victim(attack, opened)


@pytest.mark.parametrize("scopes", [True, False], ids=["services", "no services"], indirect=True)
@pytest.mark.usefixtures("scopes")
def test_all_lies_at_once_and_a_connection_on_top(attack: Attack) -> None:
    """The reported takeover: Rosa's ids in a link of Mallory's course; then Mallory's own consent, then one
    that she lures Rosa into. None of them makes Mallory's session Rosa's."""
    custom = {"canvas_user_id": attack.rosa.id, "canvas_course_id": attack.victim.id}
    for given in (custom, {"canvas_user_id": attack.rosa.id}, {}):
        opened = attack.open(attack.mallory, attack.own, attack.lie(given, "text"))
        if opened.refused:
            continue
        nothing_of_the_victim(attack, opened)
        lured = attack.connect(opened, attack.rosa)
        assert lured.status_code == 400, words(lured.text)
        line = attack.trail()
        assert (line.event, line.user, line.object) == (
            "connect_refused",
            attack.rosa.id,
            attack.mallory.lti_id,
        )
        nothing_of_the_victim(attack, opened)
    assert attack.tool.application is not None
    stored = attack.tool.application.tokens.users_of(CanvasOrigin(attack.canvas.base_url))
    assert stored == (UserId(attack.rosa.id),), "Mallory has not become connected, and Rosa still is"


def test_the_person_who_clicks_a_lying_link_is_told_and_the_log_names_the_key(attack: Attack) -> None:
    """Rosa, who teaches both courses, clicks a link of the other course that names her own."""
    attack.key.scopes = list(GRADE_SCOPES)
    query = attack.lie({"canvas_course_id": attack.victim.id}, "module")
    with structlog.testing.capture_logs() as events:
        opened = attack.open(attack.rosa, attack.own, query)
    attack.key.scopes = []
    assert opened.refused
    assert "This link contradicts Canvas" in words(opened.answer.text)
    logged = next(event for event in events if event["event"] == "launch_refused")
    assert (logged["issuer"], logged["client_id"]) == (ISSUER, LTI_KEY)
    assert (logged["deployment"], logged["refusal"]) == ("17:account", "contradicted")


@pytest.mark.parametrize("through", ["text", "module", "assignment", "dressed up"])
def test_an_honest_link_opens_the_course_that_it_is_in(attack: Attack, through: str) -> None:
    """Rosa is known by now, so Canvas is asked for the other course, once, with her own token."""
    opened = attack.open(attack.rosa, attack.own, attack.lie({}, through))
    assert opened.location.partition("?")[0] == f"/app/courses/{attack.own.id}"
    assert opened.ask("GET", opened.location).status_code == 200


def test_a_student_gets_no_teachers_page_through_a_link(attack: Attack) -> None:
    student = students_of(attack.state, attack.own)[0]
    query = attack.lie({"canvas_user_id": attack.rosa.id, "canvas_roles": "TeacherEnrollment"}, "text")
    opened = attack.open(student, attack.own, query)
    assert opened.ask("GET", opened.location).status_code == 403


def test_deep_linking_is_refused_in_words(attack: Attack) -> None:
    opened = attack.open(attack.mallory, attack.own, "?deep_linking=1&placement=editor_button")
    assert opened.answer.status_code == 403
    assert "Open it from the navigation of a course" in words(opened.answer.text)


def test_a_stored_token_makes_its_own_person_known_and_nobody_else(attack: Attack) -> None:
    """Such as one from the command line; Canvas says whose launch it is."""
    assert attack.tool.application is not None
    canvas = CanvasOrigin(attack.canvas.base_url)
    ta = person(attack.state, "ta")
    before = attack.open(ta, attack.victim)
    assert before.ask("GET", before.location).mimetype == "application/json", "the way to Canvas"
    token = attack.state.make_personal_token(ta.id).token
    attack.tool.application.connecting.connect_with_personal_token(canvas, token)
    lying = attack.open(attack.mallory, attack.own, attack.lie({"canvas_user_id": ta.id}, "text"))
    assert lying.ask("GET", lying.location).mimetype == "application/json", "Mallory has no token"
    nothing_of_the_victim(attack, lying)
    own = attack.open(ta, attack.victim)
    assert own.location.partition("?")[0] == f"/app/courses/{attack.victim.id}"
    assert own.ask("GET", own.location).mimetype == "text/html"


def test_a_lying_link_is_refused_also_where_no_service_address_names_the_course(attack: Attack) -> None:
    """Rosa has opened both courses, so Canvas has confirmed which they are."""
    attack.open(attack.rosa, attack.own)
    for custom in ({"canvas_course_id": attack.victim.id}, {"canvas_user_id": attack.mallory.id}):
        opened = attack.open(attack.rosa, attack.own, attack.lie(custom, "text"))
        assert opened.answer.status_code == 403
        assert opened.answer.get_json()["title"] == "This link contradicts Canvas"
    assert attack.trail().event == "launch_refused"
    assert not attack.open(attack.rosa, attack.own).refused, "her own launches go on"


def test_a_person_whose_accounts_were_merged_is_confirmed_anew(attack: Attack) -> None:
    """What was stored about the ``sub`` is another number by now; Canvas is asked again."""
    assert attack.tool.application is not None
    canvas = CanvasOrigin(attack.canvas.base_url)
    rows = IdentityRows(attack.tool.application.database)
    rows.keep_person(ISSUER, LTI_KEY, attack.rosa.lti_id, canvas, UserId("999"), attack.state.now())
    opened = attack.open(attack.rosa, attack.victim)
    assert opened.ask("GET", opened.location).mimetype == "text/html"
    assert rows.person(ISSUER, LTI_KEY, attack.rosa.lti_id, canvas) == attack.rosa.id


def test_before_connecting_nothing_of_the_course_opens_and_afterwards_its_number_is_known(
    attack: Attack,
) -> None:
    """Without service addresses the first pages stand under LTI's id of the course."""
    assistant = person(attack.state, "section-ta")
    opened = attack.open(assistant, attack.third)
    place = opened.location.partition("?")[0]
    assert place == f"/app/courses/{attack.third.lti_context_id}"
    for path in ("/board", "/history", "/assignments/1/counts"):
        refused = opened.ask("GET", place + path)
        assert refused.status_code == 409
        assert f"{place}/connect" in refused.text
    status = opened.ask("GET", f"{place}/connect/status?next={place}/board").get_json()
    assert status == {"connected": False, "location": f"{place}/board"}
    assert attack.connect(opened, assistant).status_code == 200
    number = f"/app/courses/{attack.third.id}"
    status = opened.ask("GET", f"{place}/connect/status?next={place}/board").get_json()
    assert status == {"connected": True, "location": f"{number}/board"}
    again = opened.ask("GET", f"{place}/connect")
    assert place not in again.text.replace(f'{place}/connect"', ""), "a reloaded page leads on"
    assert opened.ask("GET", number).status_code == 200


def test_two_connect_windows_in_one_browser_both_end_well(attack: Attack) -> None:
    opened = attack.open(attack.rosa, attack.own)
    place = opened.location.partition("?")[0]
    backs = []
    for _ in range(2):
        ticket = opened.ask("POST", f"{place}/connect/ticket", data={"next": place}).get_json()
        started = opened.visitor.ask("GET", ticket["window"])
        asked = attack.provider.read_request(dict(parse_qsl(urlsplit(started.location).query)))
        backs.append(attack.provider.issue_code(asked, attack.rosa).removeprefix(TOOL))
    for back in backs:
        assert opened.visitor.ask("GET", back).status_code == 200
    assert opened.visitor.ask("GET", backs[0]).status_code == 400, "each once"


# --- acting as somebody else --------------------------------------------------------------------------------


def test_who_acts_as_a_teacher_may_look_and_change_nothing(attack: Attack) -> None:
    admin = person(attack.state, "admin")
    with structlog.testing.capture_logs() as events:
        opened = attack.open(attack.rosa, attack.victim, acted_by=admin)
    assert opened.ask("GET", opened.location).status_code == 200
    launched = next(event for event in events if event["event"] == "launched")
    assert launched["masquerader"] == admin.id
    place = opened.location.partition("?")[0]
    for path in ("/connect/ticket", "/disconnect", "/assignments/1/peer-reviews"):
        answer = opened.ask("POST", place + path)
        assert answer.status_code == 403
        assert "You are acting as another user" in words(answer.text)


def test_a_consent_given_while_acting_as_a_teacher_stores_nothing(attack: Attack) -> None:
    """Also where a link hides the masquerade: Canvas names the administrator with the token."""
    admin = person(attack.state, "admin")
    query = attack.lie({"canvas_masquerading_user_id": ""}, "text")
    opened = attack.open(attack.rosa, attack.own, query, acted_by=admin)
    refused = attack.connect(opened, attack.rosa, acted_by=admin)
    assert refused.status_code == 400
    line = attack.trail()
    assert (line.event, line.user, line.real_user) == ("connect_refused", attack.rosa.id, admin.id)
    assert "Stop acting as user" in words(refused.text)
    own = attack.open(attack.rosa, attack.victim)
    home = own.ask("GET", own.location)
    assert home.mimetype == "text/html", "still connected: the course's home, not the way to Canvas"


def test_only_administrators_act_as_others(attack: Attack) -> None:
    browser = attack.canvas.browser(attack.mallory)
    refused = browser.fetch("POST", f"/users/{attack.rosa.id}/masquerade")
    assert refused.status_code == 403
