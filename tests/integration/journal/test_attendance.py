"""Whether anything drives a run, as its report says it: by the lease, and by the sweeps of workers."""

from __future__ import annotations

from pathlib import Path

from lti_tool.applying.report import Attendance
from lti_tool.applying.states import RunState
from tests.integration.journal.stage import TEACHER, Stage, creates
from tests.integration.journal.test_restore import watch_on


def attendance(stage: Stage) -> Attendance:
    """What report and progress say; they agree."""
    told = stage.journal.progress(stage.run).attendance
    assert stage.journal.report(stage.run).progress.attendance is told
    return told


def test_a_run_says_whether_anything_drives_it(journal_url: str, tmp_path: Path) -> None:
    stage = Stage(journal_url, creates((1, 2)))
    assert attendance(stage) is Attendance.MISSING, "no worker was ever there"
    watch_on(stage, tmp_path / "last-seen.json").look()
    assert attendance(stage) is Attendance.EXPECTED
    stage.clock.sleep(61)
    assert attendance(stage) is Attendance.MISSING, "it has been silent for four sweeps"
    claim = stage.journal.claim(stage.run, "a command that waits")
    assert claim is not None
    assert attendance(stage) is Attendance.HELD, "by the command, or by nobody if it was killed"
    stage.clock.sleep(31)
    assert attendance(stage) is Attendance.MISSING, "its lease is over"
    watch_on(stage, tmp_path / "last-seen.json").look()
    assert stage.journal.claim(stage.run, "a worker") is not None
    assert attendance(stage) is Attendance.DRIVEN
    stage.clock.sleep(31)
    assert attendance(stage) is Attendance.EXPECTED, "its lease is over, and a worker was there"
    stage.journal.request_pause(stage.run, TEACHER)
    assert stage.drive() is RunState.PAUSED_BY_PERSON
    assert attendance(stage) is Attendance.NOT_NEEDED
    stage.journal.resume(stage.run, TEACHER)
    assert stage.drive() is RunState.DONE
    assert attendance(stage) is Attendance.NOT_NEEDED
