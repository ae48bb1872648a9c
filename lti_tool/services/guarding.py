"""Every call of a use case goes through here: rights first, then the call, then the trail.

Pages, commands and workers never hold a service itself but what ``Guard`` made of it, so that a new page,
download or command can't forget to ask. For each call with an actor: Canvas is asked who they are now
(``viewing``), what comes back is cut down to what they see (``limiting``), a call that touches hidden
students is refused, and a call that changes something leaves a line (``audit``). Every method stands in
``EVENTS`` or in ``QUIET``; a method in neither is refused, and a test compares the tables with the protocols.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar, cast

from allocation.sentences import N_
from lti_tool.planning.plan import Plan
from lti_tool.planning.rule_changes import RulesChange
from lti_tool.planning.rules import PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.audit import Audit, Event
from lti_tool.services.limiting import by_person, limited_rules, shown_to, with_hidden
from lti_tool.services.shown import Edited, Imported, PlanView
from lti_tool.services.use_cases import UseCases
from lti_tool.services.viewing import NotYours, Rights, Viewer

C = TypeVar("C")
Key = tuple[str, str]

UNGUARDED: Final = frozenset({"connecting"})
"""Use cases that show nothing of a course; tokens record themselves."""
WITHOUT_ACTOR: Final = frozenset({("crediting", "carry_waiting"), ("scheduling", "carry_out_due")})
"""For workers; what they do for a person, they do through guarded use cases or with that person's token."""

EVENTS: Final[Mapping[Key, Event]] = {
    ("reading", "give_levels"): Event.LEVELS_GIVEN,
    ("reading", "enable_peer_reviews"): Event.PEER_REVIEWS_ENABLED,
    ("planning", "save_rules"): Event.RULES_CHANGED,
    ("planning", "change_rules"): Event.RULES_CHANGED,
    ("planning", "make_plan"): Event.PLAN_CREATED,
    ("editing", "edit"): Event.PLAN_CREATED,
    ("editing", "again"): Event.PLAN_CREATED,
    ("editing", "from_now"): Event.PLAN_CREATED,
    ("editing", "import_table"): Event.PLAN_CREATED,
    ("editing", "keep"): Event.RULES_CHANGED,
    ("filling", "plan"): Event.PLAN_CREATED,
    ("running", "start"): Event.RUN_STARTED,
    ("running", "cancel"): Event.RUN_STOPPED,
    ("running", "pause"): Event.RUN_PAUSED,
    ("running", "resume"): Event.RUN_RESUMED,
    ("running", "undo"): Event.UNDO_PLANNED,
    ("running", "again"): Event.PLAN_CREATED,
    ("rule_sets", "save"): Event.RULE_SET_SAVED,
    ("rule_sets", "rename"): Event.RULE_SET_RENAMED,
    ("rule_sets", "delete"): Event.RULE_SET_DELETED,
    ("rule_sets", "use"): Event.RULES_CHANGED,
    ("following_up", "save_settings"): Event.SETTINGS_CHANGED,
    ("following_up", "send_reminders"): Event.REMINDERS_SENT,
    ("following_up", "send_rest"): Event.REMINDERS_SENT,
    ("crediting", "post_credit"): Event.GRADES_POSTED,
    ("scheduling", "add_schedule"): Event.SCHEDULE_ADDED,
    ("scheduling", "remove_schedule"): Event.SCHEDULE_REMOVED,
}
QUIET: Final[Mapping[str, frozenset[str]]] = {
    "reading": frozenset(
        {
            "overview", "counts", "snapshot", "last", "snapshots", "facts", "assignments",
            "level_columns", "level_entries", "contacts",
        }
    ),
    "background": frozenset({"current", "begin", "state"}),
    "planning": frozenset(
        {
            "rules", "saved_rules", "taking_part", "feasibility", "plan", "to_approve", "canvas_instead",
            "drift", "listed",
        }
    ),
    "making": frozenset({"begin", "state", "cancel"}),  # what it makes is recorded as planning's
    "editing": frozenset({"compare"}),
    "rule_sets": frozenset({"all", "get"}),
    "running": frozenset({"report", "progress", "history"}),
    "following_up": frozenset(
        {"settings", "reviewed", "board", "preview_reminders", "reminder_log", "course_zone"}
    ),
    "filling": frozenset({"look"}),
    "crediting": frozenset(
        {"own_column_offered", "credit_targets", "preview_credit", "finish_post", "credit_posts"}
    ),
    "watching": frozenset({"look"}),
    "scheduling": frozenset({"schedules", "waiting"}),
}  # fmt: skip
"""Methods that change nothing worth a line."""

_EDITS: Final = ("edit", "again", "from_now", "import_table", "keep")
TOUCHES_PLAN: Final = frozenset({("running", "start"), *(("editing", name) for name in _EDITS)})
TOUCHES_RUN: Final = frozenset({("running", "undo"), ("running", "again"), ("running", "resume")})
SAVES_RULES: Final = frozenset({("planning", "save_rules"), ("planning", "make_plan"), ("making", "begin")})
BY_PERSON: Final = frozenset({("reading", "contacts"), ("reading", "level_entries")})
PLAIN: Final = frozenset({("reading", "level_columns")})
"""Mappings: keyed by students, and those that name none."""
DERIVED: Final = frozenset({"planning", "making", "filling", "following_up", "crediting", "watching"})
"""What rests on the last reading of the person who asks."""


class Guard:
    """Puts itself before every use case."""

    def __init__(self, rights: Rights, audit: Audit) -> None:
        self.rights = rights
        self._audit = audit
        self._raw: dict[str, Any] = {}

    def before(self, name: str, cases: C) -> C:
        """The use cases ``name``, guarded."""
        if name in UNGUARDED:
            return cases
        self._raw[name] = cases
        return cast("C", _Guarded(self, name))

    def before_all(self, cases: UseCases) -> UseCases:
        """All of them; what is guarded already stays."""
        found = {field.name: getattr(cases, field.name) for field in fields(cases)}
        return UseCases(
            **{
                name: one if isinstance(one, _Guarded) else self.before(name, one)
                for name, one in found.items()
            }
        )

    def call(self, key: Key, given: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """One call of a use case."""
        name, method = key
        act = getattr(self._raw[name], method)
        if key in WITHOUT_ACTOR:
            return act(*given, **named)
        if key not in EVENTS and method not in QUIET.get(name, ()):
            raise TypeError(f"{name}.{method} is in neither table of lti_tool.services.guarding")
        bound = inspect.signature(act).bind(*given, **named)
        actor = bound.arguments["actor"]
        viewer = self.rights.viewer(actor)
        if viewer.limited:
            self._narrow(key, actor, viewer, bound.arguments)
        result = act(*bound.args, **bound.kwargs)
        if key in EVENTS:
            self._record(EVENTS[key], actor, bound.arguments, result)
        if not viewer.limited or key in PLAIN:
            return result
        return by_person(viewer, result) if key in BY_PERSON else shown_to(viewer, result)

    def _narrow(self, key: Key, actor: Actor, viewer: Viewer, arguments: dict[str, Any]) -> None:
        """What a limited person may not do, or does without knowing what is hidden from them.

        Raises:
            NotYours: hidden students would be touched.
        """
        assignment = arguments.get("assignment")
        if key in TOUCHES_PLAN:
            plan = self._raw["planning"].plan(actor, arguments["plan_id"]).plan
            chosen = viewer.sees_all(user for pair in plan.chosen for user in pair)
            allowed = viewer.may_apply(plan) and (key == ("running", "start") or chosen)
            self._refuse_unless(allowed, key, actor, plan.id)
            assignment = plan.assignment_id if key[0] == "editing" else None
        if key in TOUCHES_RUN:
            report = self._raw["running"].report(actor, arguments["run_id"])
            seen = viewer.sees_all(user for step in report.steps for user in (step.reviewer, step.author))
            self._refuse_unless(seen, key, actor, report.id)
            assignment = report.assignment_id
        if key == ("following_up", "send_rest"):
            for batch in self._raw["following_up"].reminder_log(actor, assignment):
                people = (user for one in batch.messages for user in one.message.recipients)
                self._refuse_unless(
                    batch.id != arguments["batch_id"] or viewer.sees_all(people), key, actor, batch.id
                )
        if assignment is not None and (key[0] in DERIVED or key in TOUCHES_RUN | TOUCHES_PLAN):
            self._renew_reading(actor, viewer, assignment)
        if key in SAVES_RULES:
            stored = self._raw["planning"].rules(actor, assignment)
            arguments["rules"] = with_hidden(arguments["rules"], stored, viewer)
        if key == ("planning", "change_rules"):
            arguments["change"] = _among_seen(arguments["change"], viewer)
        if key[0] == "rule_sets":
            self._keep_hidden_rules(key, actor, viewer, arguments)

    def _renew_reading(self, actor: Actor, viewer: Viewer, assignment: str) -> None:
        """Read again where the person's last reading is from a time when Canvas showed them more."""
        reading = self._raw["reading"]
        last = reading.last(actor, assignment)
        if last is not None and not viewer.sees_all(person.id for person in last.people):
            reading.snapshot(actor, assignment, fresh=True)

    def _keep_hidden_rules(
        self, key: Key, actor: Actor, viewer: Viewer, arguments: Mapping[str, Any]
    ) -> None:
        """A limited person replaces no rules that name hidden students."""
        replaced: Iterable[PlanRules] = ()
        if key == ("rule_sets", "save") and arguments.get("replace"):
            wanted = str(arguments["name"]).strip().casefold()
            sets = self._raw["rule_sets"].all(actor)
            replaced = [one.rules for one in sets if one.name.casefold() == wanted]
        elif key == ("rule_sets", "use"):
            replaced = [self._raw["planning"].rules(actor, arguments["assignment"])]
        for rules in replaced:
            self._refuse_unless(limited_rules(rules, viewer) == rules, key, actor, "")

    def _refuse_unless(self, allowed: bool, key: Key, actor: Actor, object_: str) -> None:
        if not allowed:
            self._audit.record(Event.ACTION_REFUSED, actor, object_=object_, detail=".".join(key))
            raise NotYours(
                N_(
                    "Part of this concerns students whom Canvas doesn't show you, because you are limited to "
                    "your sections. Ask an instructor who sees the whole course to do it."
                )
            )

    def _record(self, event: Event, actor: Actor, given: Mapping[str, Any], result: Any) -> None:
        made = result.plan if isinstance(result, Edited | Imported | PlanView) else result
        if isinstance(result, Edited | Imported) and made is None:
            return  # an edit that made no plan
        assignment = str(given.get("assignment") or "")
        object_ = str(given.get("plan_id") or given.get("run_id") or given.get("set_id") or "")
        if isinstance(made, Plan):
            assignment, object_ = made.assignment_id, made.id
        elif isinstance(result, str):
            object_ = result
        elif event is Event.SCHEDULE_REMOVED:
            object_ = str(given["schedule_id"])
        elif (found := getattr(result, "id", None)) is not None and not object_:
            object_ = str(found)
        self._audit.record(event, actor, assignment=assignment, object_=object_)


def _among_seen(change: RulesChange, viewer: Viewer) -> RulesChange:
    """A change that neither sees nor touches what rules say about hidden students."""
    return lambda current: with_hidden(change(limited_rules(current, viewer)), current, viewer)


class _Guarded:
    """Stands where a service would: the same methods, each through the guard."""

    def __init__(self, guard: Guard, name: str) -> None:
        self._guard = guard
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        key = (self._name, method)
        return lambda *given, **named: self._guard.call(key, given, named)
