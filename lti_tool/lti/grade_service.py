"""Assignment and Grade Services 2.0: the calls, through pylti1p3next's client.

The library knows the services' addresses, content types and paging. Taken from it with changes: its tokens
are kept by client id too (with Canvas one issuer serves every institution), with an end and under a lock; its
requests go through guarded connections, to the platform's own hosts only, bounded in time and size; its
assertion names the key that signs; a list whose pages repeat ends.

What Canvas does beyond the specification, in instructure/canvas-lms app/controllers/lti/ims:

* ``scores_controller.rb``: a score makes a submission, hence an attempt, unless its extension says
  ``new_submission: false``; ``userId`` may be Canvas's own number; a timestamp older than the last one is
  refused (400), with sub-second precision; ``scoreMaximum`` must stand beside ``scoreGiven`` (422); whoever
  is no active student is refused (422); points are scaled to the column's maximum.
* ``line_items_controller.rb``: a line item without a resource link makes an assignment that students see and
  that expects no submission; equal resource ids are not refused, so one looks before one makes; the length
  of a page is asked for with ``limit``.
* ``results_controller.rb``: results name people by LTI id only, so their own ids are what is compared.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import requests
from pylti1p3.assignments_grades import AssignmentsGradesService
from pylti1p3.exception import LtiException, LtiServiceException
from pylti1p3.grade import Grade
from pylti1p3.lineitem import LineItem
from pylti1p3.registration import Registration as LibraryRegistration
from pylti1p3.service_connector import ServiceConnector, TServiceConnectorResponse

from lti_tool.defects import Defect
from lti_tool.lti.grades import (
    GRADE_SCOPES,
    RESULT,
    Column,
    Failure,
    GradeClaim,
    GradeServiceFailed,
    Held,
    Posted,
    last_part,
)
from lti_tool.lti.keys import ToolKey
from lti_tool.lti.registration import Registration, origin_of
from lti_tool.outgoing import Bounds, Reach, bound, reason_of

BOUNDS = Bounds(connect_s=5.0, read_s=30.0, total_s=60.0, body_bytes=4 * 1024 * 1024)
MOST_PAGES = 400
PAGE = 100
TAG = "peer-review-points"
SUBMISSION = "https://canvas.instructure.com/lti/submission"
RENEW_BEFORE_S = 60.0
Asked = TypeVar("Asked")


class Keys(Protocol):
    """Where the key that signs is found."""

    def current(self) -> ToolKey: ...


class ServiceTokens:
    """Service tokens of this process, by issuer, client id and scopes. Safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}
        self.lock = threading.RLock()

    def get(self, key: str) -> str | None:
        """A token that is good for a while."""
        with self.lock:
            token, until = self._tokens.get(key, ("", 0.0))
            return token if until > self._clock() else None

    def put(self, key: str, token: str, seconds: float) -> None:
        """Keep a token until a moment before its end."""
        with self.lock:
            self._tokens[key] = (token, self._clock() + seconds - RENEW_BEFORE_S)

    def forget(self, key: str) -> None:
        """A token that the platform does not take any more."""
        with self.lock:
            self._tokens.pop(key, None)


class GradeService:
    """The columns of one course. Safe for several threads; use it as a context manager.

    All methods raise ``GradeServiceFailed``.
    """

    def __init__(
        self, registration: Registration, claim: GradeClaim, keys: Keys, tokens: ServiceTokens, reach: Reach
    ) -> None:
        self._registration = registration
        self._claim = claim
        self._tokens = tokens
        self._library_registration = _signing(registration, keys.current())
        self._origins = frozenset(
            map(origin_of, (registration.canvas_origin, registration.auth_token_url, claim.lineitems))
        )
        self._reach = reach
        self._here = threading.local()
        self._sessions: list[_Session] = []
        self._scopes = sorted(scope for scope in GRADE_SCOPES if scope in claim.scopes)

    def __enter__(self) -> GradeService:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions:
            session.close()

    @property
    def reads_results(self) -> bool:
        """Whether the key may read what a column holds."""
        return RESULT in self._claim.scopes

    def find(self, resource: str) -> Column | None:
        """The tool's column with this resource id; the oldest where there are several."""
        asked = f"{self._claim.lineitems}?resource_id={resource}&tag={TAG}&limit={PAGE}"

        def first(grades: AssignmentsGradesService) -> LineItem | None:
            return grades.find_lineitem_satisfying(
                lambda item: item.get("resourceId") == resource and item.get("tag") == TAG
            )

        found = self._ask(first, lineitems=asked)
        return None if found is None else _column(found)

    def create(self, resource: str, label: str, maximum: float) -> Column:
        """Make a column. Look for it first: Canvas makes a second one without a word."""
        wanted = LineItem().set_label(label).set_score_maximum(maximum).set_resource_id(resource).set_tag(TAG)
        return _column(self._ask(lambda grades: grades.create_lineitem(wanted)))

    def results(self, column: Column) -> dict[str, Held]:
        """What the column holds, by the id of the result."""
        of = LineItem({"id": f"{column.address}?limit={PAGE}"})
        rows = self._ask(lambda grades: list(grades.get_grades(of)))
        return {
            last_part(str(row.get("id"))): Held(
                _number(row.get("resultScore")), _number(row.get("resultMaximum")) or column.maximum
            )
            for row in rows
            if isinstance(row, dict)
        }

    def post(self, column: Column, user: str, points: float, maximum: float, at: datetime) -> Posted:
        """Say a student's points; ``user`` is Canvas's number, ``at`` later than what was said before."""
        grade = Grade().set_user_id(user).set_score_given(points).set_score_maximum(maximum)
        grade.set_activity_progress("Completed").set_grading_progress("FullyGraded")
        grade.set_timestamp(at.isoformat(timespec="milliseconds"))
        grade.set_extra_claims({SUBMISSION: {"new_submission": False}})
        of = LineItem({"id": column.address})
        answer = self._ask(lambda grades: grades.put_grade(grade, of))
        body = answer["body"]
        result = body.get("resultUrl") if isinstance(body, dict) else None
        if not isinstance(result, str):
            raise GradeServiceFailed(Failure.NO_ANSWER, "a success that names no result")
        return Posted(last_part(result), _remaining(answer["headers"]))

    def _ask(self, call: Callable[[AssignmentsGradesService], Asked], *, lineitems: str = "") -> Asked:
        """One call; twice where the token turned out to be dead, which is said before anything is done."""
        connector = _Connector(self._library_registration, self._session(), self._tokens)
        grades = AssignmentsGradesService(
            connector,
            {"scope": self._scopes, "lineitems": lineitems or self._claim.lineitems},  # type: ignore[typeddict-item]  # ours are among the literals
        )
        for may_renew in (True, False):
            try:
                return call(grades)
            except LtiServiceException as error:
                if error.response.status_code == 401 and may_renew:
                    connector.forget(self._scopes)
                    continue
                raise self._failed(error.response) from None
            except LtiException as error:
                raise GradeServiceFailed(Failure.NOT_ALLOWED, str(error)) from error
            except requests.RequestException as error:
                raise GradeServiceFailed(Failure.NO_ANSWER, reason_of(error)) from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise GradeServiceFailed(Failure.NO_ANSWER, f"not the answer of a Canvas: {error}") from error
        raise Defect("the second try ends")

    def _failed(self, answer: requests.Response) -> GradeServiceFailed:
        status, kind = answer.status_code, answer.headers.get("content-type", "")
        if status == 429 or (status == 403 and kind.startswith("text/plain")):
            why = Failure.THROTTLED
        elif status >= 500 or status < 400:
            why = Failure.NO_ANSWER
        elif answer.url == self._registration.auth_token_url or status in (401, 403, 412):
            why = Failure.NOT_ALLOWED
        else:
            why = Failure.GONE if status == 404 else Failure.REFUSED
        return GradeServiceFailed(
            why, f"status {status}", status=status, remaining=_remaining(answer.headers)
        )

    def _session(self) -> _Session:
        """A session of the calling thread: requests does not promise more."""
        found: _Session | None = getattr(self._here, "session", None)
        if found is None:
            found = self._here.session = _Session(self._reach, self._origins)
            self._sessions.append(found)
        return found


class _Session(requests.Session):
    """The platform's hosts and no others, over guarded connections, without cookies and redirects."""

    def __init__(self, reach: Reach, origins: frozenset[str]) -> None:
        super().__init__()
        self._origins = origins
        bound(self, reach, BOUNDS)

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests does it, within bounds."""
        if origin_of(url) not in self._origins:  # a page's Link, or a line item's id, decides nothing
            raise requests.exceptions.InvalidURL("an address on another host than the platform's")
        answer = super().request(method, url, *args, **(kwargs | {"allow_redirects": False}))
        if answer.is_redirect:
            raise requests.exceptions.TooManyRedirects("a redirect")
        return answer


class _Connector(ServiceConnector):
    """The library's calls, with tokens that are told apart by client id."""

    def __init__(
        self, registration: LibraryRegistration, session: requests.Session, tokens: ServiceTokens
    ) -> None:
        super().__init__(registration, session)
        self._tokens = tokens

    def get_access_token(self, scopes: Sequence[str]) -> str:
        """One request for a token at a time: each costs a third of the bucket."""
        with self._tokens.lock:
            return super().get_access_token(scopes)

    def forget(self, scopes: Sequence[str]) -> None:
        """Ask for a new token the next time."""
        self._tokens.forget(self._scope_key(sorted(scopes)))

    def get_paginated_data(
        self, scopes: Sequence[str], url: str | None, *args: Any, **kwargs: Any
    ) -> Generator[TServiceConnectorResponse]:
        """All pages, each once."""
        seen: set[str] = set()
        while url:
            if url in seen or len(seen) >= MOST_PAGES:
                raise ValueError("its pages repeat themselves")
            seen.add(url)
            page = self.make_service_request(scopes, url, *args, **kwargs)
            yield page
            url = page["next_page_url"]

    def _scope_key(self, scopes: Any) -> str:
        return f"{self._registration.get_client_id()} {super()._scope_key(scopes)}"

    def _get_cached_access_token(self, scope_key: str) -> str | None:
        return self._tokens.get(scope_key)

    def _cache_access_token(self, scope_key: str, access_token: str, expires_in: float) -> None:
        self._tokens.put(scope_key, access_token, float(expires_in))


class _Signing(LibraryRegistration):
    """The library derives key ids from keys; ours have names of their own."""

    kid = ""

    def get_kid(self) -> str | None:
        return self.kid


def _signing(registration: Registration, key: ToolKey) -> LibraryRegistration:
    made = _Signing()
    made.kid = key.kid
    made.set_issuer(registration.issuer)
    made.set_client_id(registration.client_id)
    made.set_auth_token_url(registration.auth_token_url)
    made.set_tool_private_key(key.private_pem)
    if registration.auth_audience:
        made.set_auth_audience(registration.auth_audience)
    return made


def _column(item: LineItem) -> Column:
    address, maximum = item.get_id(), _number(item.get_score_maximum())
    if not isinstance(address, str) or not address or not maximum:
        raise GradeServiceFailed(Failure.NO_ANSWER, "a column without address or maximum")
    return Column(address, str(item.get_label() or ""), maximum)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _remaining(headers: Any) -> float | None:
    try:
        return float({name.lower(): value for name, value in headers.items()}["x-rate-limit-remaining"])
    except (KeyError, ValueError):
        return None
