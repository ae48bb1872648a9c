"""What is counted while the tool runs, in Prometheus's form; each process counts for itself.

Labels hold kinds only: never an address, a name or an id, and few enough values to be kept for years.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()
"""Of this tool alone, without what the library counts about Python."""

ANSWERS = Counter(
    "peer_allocator_http_answers",
    "Answers to browsers and machines, by blueprint and status",
    ["part", "status"],
    registry=REGISTRY,
)
ANSWER_SECONDS = Histogram(
    "peer_allocator_http_seconds",
    "How long answers took, by blueprint",
    ["part"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
    registry=REGISTRY,
)
LAUNCHES = Counter(
    "peer_allocator_launches",
    "Launches, accepted or with the reason of the refusal",
    ["result"],
    registry=REGISTRY,
)
CANVAS_CALLS = Counter(
    "peer_allocator_canvas_calls",
    "Requests to Canvas, by method and result (a class of status, throttled, or no answer)",
    ["method", "result"],
    registry=REGISTRY,
)
CANVAS_SECONDS = Histogram(
    "peer_allocator_canvas_seconds",
    "How long Canvas took to answer, by method",
    ["method"],
    buckets=(0.05, 0.1, 0.3, 1, 3, 10, 30, 60),
    registry=REGISTRY,
)


def canvas_result(status: int, *, is_json: bool) -> str:
    """The label of an answer. Canvas says that a bucket is full with 429, or with 403 and plain text."""
    return "throttled" if status == 429 or (status == 403 and not is_json) else f"{status // 100}xx"
