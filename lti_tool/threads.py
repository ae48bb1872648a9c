"""Threads that know on whose behalf they work: ids of request and run reach the logs of a pool too."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ContextPool(ThreadPoolExecutor):
    """A thread pool whose work sees the context variables of whoever submitted it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As ``ThreadPoolExecutor.submit``."""
        context, work = copy_context(), partial(fn, *args, **kwargs)
        return super().submit(lambda: context.run(work))
