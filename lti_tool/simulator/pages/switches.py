"""The switches page as a list: the habits a person may change, how they read, how values are parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lti_tool.simulator.platform import STORAGE_FRAME, LtiPlatform


@dataclass(frozen=True, slots=True)
class Choice:
    """A switch with a few positions: values as they are stored, with their words."""

    name: str
    label: str
    hint: str
    options: Mapping[Any, str]

    def parse(self, text: str) -> Any:
        """The stored value whose text this is. ValueError when it is none of them."""
        for value in self.options:
            if str(value) == text:
                return value
        raise ValueError(f"{self.label}: {text!r} is not one of the choices")


@dataclass(frozen=True, slots=True)
class Amount:
    """A switch that takes a number of some unit."""

    name: str
    label: str
    hint: str
    unit: str
    least: float
    most: float

    def parse(self, text: str) -> float:
        """The number. ValueError when it is none or out of range."""
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"{self.label}: {text!r} is not a number") from None
        if not self.least <= number <= self.most:
            raise ValueError(f"{self.label}: must be between {self.least:g} and {self.most:g} {self.unit}")
        return number


Switch = Choice | Amount

ON_OFF = {True: "on", False: "off"}

HABITS: list[tuple[str, list[Switch]]] = [
    (
        "Answers",
        [
            Choice(
                "permission_status", "No permission", "Status of a refusal.", {403: "403", 401: "401 (older)"}
            ),
            Choice(
                "throttle_status", "Throttled", "Status of a refusal by the bucket.", {429: "429", 403: "403"}
            ),
            Choice(
                "token_error_texts",
                "Texts for dead tokens",
                "Newer installs say expired or revoked.",
                {"plain": "always “Invalid access token.”", "specific": "expired, revoked or invalid"},
            ),
            Choice("error_report_id", "Error report id in 404 answers", "Some installs add one.", ON_OFF),
            Choice(
                "review_order",
                "Order of the review list",
                "Canvas promises none.",
                {"id": "by id", "shuffled": "shuffled"},
            ),
            Choice(
                "opaque_paging", "Opaque page addresses everywhere", "No page numbers, no last page.", ON_OFF
            ),
            Choice(
                "rubric_removal",
                "Removing a rubric",
                "What happens to its reviews.",
                {"nullify": "they stay, unlinked", "delete": "they vanish"},
            ),
        ],
    ),
    (
        "Rate limit and speed",
        [
            Choice("throttle_enabled", "Rate limit", "The leaky bucket of each token.", ON_OFF),
            Amount("high_water", "High-water mark", "Requests above it are refused.", "units", 100, 100_000),
            Choice(
                "throttle_refusal_shows_remaining",
                "A refusal shows what remains",
                "X-Rate-Limit-Remaining as it is, or 0.0.",
                ON_OFF,
            ),
            Amount("leak_per_second", "Leak", "How fast the bucket empties.", "units a second", 0.1, 10_000),
            Amount(
                "token_lifetime", "Life of an access token", "3600 in the hosted product.", "seconds", 1, 1e6
            ),
            Amount("per_page_default", "Usual page", "Without per_page.", "rows", 1, 1000),
            Amount("per_page_max", "Largest page", "What per_page is cut to.", "rows", 1, 1000),
            Amount(
                "race_window",
                "Gap between looking for a review and making it",
                "Two calls at once can then both make it.",
                "seconds",
                0,
                10,
            ),
        ],
    ),
    (
        "Launches",
        [
            Choice(
                "storage_frame", "Platform storage", "lti_storage_target and the frame behind it.", ON_OFF
            ),
            Choice(
                "login_initiation",
                "Login initiation",
                "How the tool's login address is opened.",
                {"POST": "POST", "GET": "GET"},
            ),
        ],
    ),
]

PLATFORM: list[Switch] = [
    Choice(
        "storage_target",
        "Where storage messages go",
        "Old installs answer them in the page itself.",
        {STORAGE_FRAME: "the sibling frame", "_parent": "the page around the tool"},
    ),
    Amount(
        "storage_deaf_for",
        "Storage frame starts listening after",
        "Earlier messages are lost.",
        "milliseconds",
        0,
        60_000,
    ),
    Choice(
        "environment",
        "Environment that launches name",
        "canvas_environment",
        {"prod": "prod", "beta": "beta", "test": "test"},
    ),
]

LATENCY_LEAST = Amount(
    "latency_least", "Answers take at least", "0 and 0 answer at once.", "milliseconds", 0, 60_000
)
LATENCY_MOST = Amount("latency_most", "Answers take at most", "", "milliseconds", 0, 60_000)

WHOLE_NUMBERS = frozenset({"per_page_default", "per_page_max", "storage_deaf_for"})


def apply_switches(platform: LtiPlatform, form: Mapping[str, str]) -> list[str]:
    """Set everything that the form names. Returns what was wrong with it; then nothing was changed."""
    wanted: list[tuple[object, str, Any]] = []
    problems: list[str] = []
    habits = platform.state.habits
    places: list[tuple[object, Switch]] = [(habits, switch) for _, group in HABITS for switch in group]
    places += [(platform, switch) for switch in PLATFORM]
    for holder, switch in places:
        if switch.name not in form:
            continue
        try:
            value = switch.parse(form[switch.name])
        except ValueError as wrong:
            problems.append(str(wrong))
        else:
            wanted.append((holder, switch.name, int(value) if switch.name in WHOLE_NUMBERS else value))
    latency = _latency(form, problems)
    if problems:
        return problems
    with platform.state.lock:
        for holder, name, value in wanted:
            setattr(holder, name, value)
        if latency is not None:
            habits.latency = latency
    return []


def _latency(form: Mapping[str, str], problems: list[str]) -> tuple[float, float] | None:
    """The range of waiting in seconds, when the form has it."""
    if LATENCY_LEAST.name not in form or LATENCY_MOST.name not in form:
        return None
    try:
        least = LATENCY_LEAST.parse(form[LATENCY_LEAST.name]) / 1000
        most = LATENCY_MOST.parse(form[LATENCY_MOST.name]) / 1000
    except ValueError as wrong:
        problems.append(str(wrong))
        return None
    if least > most:
        problems.append("Answers take at least: must not be more than the longest time")
        return None
    return least, most
