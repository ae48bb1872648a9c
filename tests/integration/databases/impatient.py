"""The command line with all of a worker's times divided by ten or more, for tests that kill workers.

``python -m tests.integration.databases.impatient worker``: the product itself, otherwise unchanged.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial

from lti_tool.applying.settings import DriverSettings
from lti_tool.bootstrap import application, processes
from lti_tool.cli import main
from lti_tool.jobs.worker import Worker
from lti_tool.persistence import run_journal

LEASE_S = 3.0


def hurry() -> None:
    """Shorten lease, heartbeat, deadline, settling and sweep, in the proportions of the product."""
    settings = partial(DriverSettings, read_timeout=0.2, heartbeat=LEASE_S / 3, own_deadline=0.8 * LEASE_S)
    for module, name, hurried in (
        (run_journal, "LEASE", timedelta(seconds=LEASE_S)),
        (application, "DriverSettings", settings),
        (processes, "Worker", partial(Worker, sweep_s=1.0)),
    ):
        assert hasattr(module, name)
        setattr(module, name, hurried)


if __name__ == "__main__":
    hurry()
    main(sys.argv[1:])
