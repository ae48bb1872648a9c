"""Clients for a person's Canvas: one transport per Canvas, one pace per person, tokens from the store."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lti_tool.canvas.calls import Calls, TokenSource
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.pacing import Lane, Paces
from lti_tool.canvas.transport import Limits, Transport
from lti_tool.outgoing import PUBLIC, Reach
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.services.page_places import PagePlaces

TokenSources = Callable[[CanvasOrigin, UserId], TokenSource]


class Transports:
    """One transport per Canvas, so that connections are kept."""

    def __init__(self, limits: Limits | None = None, reach: Reach = PUBLIC) -> None:
        self._limits = limits
        self._reach = reach
        self._lock = threading.Lock()
        self._transports: dict[CanvasOrigin, Transport] = {}

    def of(self, canvas: CanvasOrigin) -> Transport:
        """The transport to this Canvas, made when first asked for."""
        with self._lock:
            transport = self._transports.get(canvas)
            if transport is None:
                transport = self._transports[canvas] = Transport(
                    canvas, limits=self._limits, reach=self._reach
                )
            return transport

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            transports = list(self._transports.values())
        for transport in transports:
            transport.close()


class CanvasAccess:
    """Makes clients; ``sources`` gives the token of a person."""

    def __init__(
        self,
        transports: Transports,
        sources: TokenSources,
        paces: Paces | None = None,
        places: PagePlaces | None = None,
    ) -> None:
        self._transports = transports
        self._places = places or PagePlaces()
        self._sources = sources
        self._paces = paces or Paces()

    def client(self, canvas: CanvasOrigin, user: UserId, lane: Lane) -> CanvasClient:
        """This person's client; pages and runs of one person share a pace, not a lane.

        Raises:
            CanvasBusy: a page asks, and too many others wait for this Canvas already.
        """
        if lane is Lane.PAGE:
            self._places.take(canvas, user)
        return CanvasClient(
            Calls(
                self._transports.of(canvas),
                self._sources(canvas, user),
                self._paces.of(canvas, user),
                lane=lane,
            )
        )
