"""The machine's own time, for everything but tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class SystemClock:
    """``Clock`` on the monotonic clock of the machine; wall-clock jumps do not reach the driver."""

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def every(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call ``action`` on a thread of its own until the returned function is called."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(seconds):
                action()

        thread = threading.Thread(target=beat, name="run-heartbeat", daemon=True)
        thread.start()

        def end() -> None:
            ended.set()
            thread.join()

        return end
