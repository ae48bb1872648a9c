"""What differs between installs of Canvas, and the clock: everything a test or a person may switch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal


@dataclass(slots=True)
class Habits:
    """Switches of one install. Seconds for times, Canvas's cost units for the throttle."""

    permission_status: Literal[401, 403] = 403
    """Answer for "you may not": 403 on current code, 401 on older."""
    throttle_enabled: bool = True
    throttle_status: Literal[403, 429] = 429
    """Refusal by the bucket: 429 in the hosted product since October 2025, 403 on self-hosted installs."""
    throttle_refusal_shows_remaining: bool = True
    """The refused answer's X-Rate-Limit-Remaining holds the real remaining value instead of 0.0."""
    high_water: float = 600.0
    maximum: float = 800.0
    leak_per_second: float = 10.0
    up_front_cost: float = 50.0
    token_cost: float = 200.0
    """Extra cost of each call of the OAuth token endpoint."""
    latency: tuple[float, float] = (0.0, 0.0)
    """Range of real waiting per request; (0, 0) does not wait at all."""
    cost_share: float = 0.7
    """Cost of a request as a share of its duration (CPU and database seconds)."""
    race_window: float = 0.0
    """Real seconds between looking for a review and making it: two parallel POSTs can then both make one."""
    per_page_default: int = 10
    per_page_max: int = 100
    opaque_paging: bool = False
    """Every collection pages with `page=bookmark:...` and leaves `last` out."""
    numeric_enrollments: bool = False
    """Enrollments in numbered pages, as for developer keys in Canvas's `pagination_override_key_list`."""
    token_lifetime: float = 3600.0
    token_error_texts: Literal["plain", "specific"] = "plain"
    """One text for every dead token, or "Expired ..." and "Revoked access token." as newer installs say."""
    error_report_id: bool = False
    """Not-found answers carry an `error_report_id`."""
    review_order: Literal["id", "shuffled"] = "id"
    """Order of the peer review list: Canvas promises none."""
    rubric_removal: Literal["nullify", "delete"] = "nullify"
    """What removing a rubric does to its reviews: read in the code, or reported by users (issue 1081)."""
    storage_frame: bool = True
    """Launches offer `lti_storage_target` and the page has the sibling storage frame."""
    login_initiation: Literal["POST", "GET"] = "POST"
    knows_lti_1_3_id: bool = True
    """People are found by `lti_1_3_id:`; older installs only know `lti_user_id:`."""


class Clock:
    """The time of the simulated Canvas: the machine's, shifted by what `advance` added."""

    def __init__(self) -> None:
        self._shift = timedelta(0)

    def now(self) -> datetime:
        """Current time, in UTC."""
        return datetime.now(UTC) + self._shift

    def advance(self, seconds: float) -> None:
        """Move forward (backward when negative)."""
        self._shift += timedelta(seconds=seconds)


class StandingClock(Clock):
    """A clock that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        self._start = start

    def now(self) -> datetime:
        """The start plus everything advanced so far."""
        return self._start + self._shift
