"""Language, direction and time zone of a page: from the launch, else from the browser."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, request
from flask_babel import Babel, format_date, format_time, get_babel, get_locale, to_user_timezone

from lti_tool.web.session import visit_if_any


def speak(app: Flask) -> None:
    """Install Flask-Babel with the launch's locale and time zone."""
    Babel(
        app,
        locale_selector=_locale,
        timezone_selector=_time_zone,
        default_translation_directories="translations",
    )
    app.context_processor(_page_language)
    app.add_template_filter(moment)


def _offered() -> list[str]:
    return sorted({str(locale) for locale in get_babel().instance.list_translations()} | {"en"})


def _locale() -> str:
    offered = _offered()
    current = visit_if_any()
    if current is not None and current.launched.locale:
        wanted = current.launched.locale.replace("-", "_")
        for candidate in (wanted, wanted.partition("_")[0]):
            if candidate in offered:
                return candidate
    return request.accept_languages.best_match(offered, default="en") or "en"


def _time_zone() -> str | None:
    current = visit_if_any()
    zone = current.launched.time_zone if current is not None else ""
    try:
        return ZoneInfo(zone).key if zone else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def moment(time: datetime) -> str:
    """Day and time without seconds, which nobody here needs."""
    return f"{format_date(to_user_timezone(time), 'medium')}, {format_time(time, 'short')}"


def _page_language() -> dict[str, str]:
    locale = get_locale()
    return {
        "language": str(locale).replace("_", "-") if locale else "en",
        "direction": locale.text_direction if locale else "ltr",
    }
