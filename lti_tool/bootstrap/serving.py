"""What the server of the pages may spend on those who ask."""

from __future__ import annotations

import select
from typing import Any

from lti_tool.settings import Settings
from lti_tool.web.security import LARGEST_FORM

MOST_CONNECTIONS = 1000
FILES_OF_OUR_OWN = 200
"""Database, queue, log, connections to Canvas."""
SILENCE_S, CLEAN_UP_S = 15, 3
"""Seconds without a byte after which a connection is closed, and how often that is checked."""
LARGEST_HEADERS = 64 * 1024


def server_options(settings: Settings) -> dict[str, Any]:
    """Waitress's options.

    A connection costs no thread until its request is complete, but waitress accepts no more than
    ``connection_limit``: with its defaults (100, and two minutes until a silent one is closed) a hundred half
    requests silence a server that has no proxy in front.
    """
    return {
        "host": settings.listen_host,
        "port": settings.listen_port,
        "threads": settings.page_threads,
        "ident": "",
        "connection_limit": max(100, min(MOST_CONNECTIONS, _most_files() - FILES_OF_OUR_OWN)),
        "channel_timeout": SILENCE_S,
        "cleanup_interval": CLEAN_UP_S,
        "asyncore_use_poll": hasattr(select, "poll"),  # select() ends at 1024 files
        "max_request_header_size": LARGEST_HEADERS,
        "max_request_body_size": 5 * LARGEST_FORM,  # uploads of tables; what is somewhat larger gets a page
        # Waitress drops the headers of proxies unless told otherwise; which of them count is decided above.
        "clear_untrusted_proxy_headers": settings.trusted_proxies == 0,
    }


def _most_files() -> int:
    """Files that this process may have open."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return MOST_CONNECTIONS + FILES_OF_OUR_OWN
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_CONNECTIONS + FILES_OF_OUR_OWN if soft == resource.RLIM_INFINITY else soft
