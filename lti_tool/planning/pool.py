"""Several courses as one pool: what Canvas allows, in words that pages and the command line share.

Canvas looks for reviewer and author among the students of the assignment's own course (canvas-lms
peer_reviews_api_controller.rb, ``Course#students_visible_to``), so a pair across courses is a 404. Sections
of other courses that were cross-listed are sections of this course like any other.
"""

from __future__ import annotations

from typing import Final

from allocation.sentences import N_
from lti_tool.planning.snapshot import Section, Snapshot

NOT_ACROSS: Final = N_(
    "Canvas takes a student as reviewer only in the course whose assignment it is. Students of separate "
    "courses can therefore not review each other, neither through this tool nor by hand."
)
INSTEAD: Final = N_(
    "What works: have the sections of these courses cross-listed into one course in Canvas, before anybody "
    "hands in (what was handed in stays behind in the old course). Then they are one pool, and the rules "
    "about sections mix them or keep them apart."
)


def cross_listed(snapshot: Snapshot) -> tuple[Section, ...]:
    """Sections that came from other courses and have students here, by name."""
    used = {section for person in snapshot.people if person.reachable for section in person.sections}
    found = [one for one in snapshot.sections if one.came_from and one.id in used]
    return tuple(sorted(found, key=lambda one: (one.name, one.id)))
