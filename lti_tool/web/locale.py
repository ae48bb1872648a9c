"""Language, direction and time zone of a page: from the launch, else from the browser.

Translations are the ``.po`` files in ``translations``; each is read when its language is first asked for, so
that nothing compiled has to be built, shipped or kept in step.
"""

from __future__ import annotations

import functools
import io
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, request
from flask_babel import (
    Babel,
    Domain,
    format_date,
    format_time,
    format_timedelta,
    get_locale,
    gettext,
    to_user_timezone,
)

from lti_tool.web.session import visit_if_any

SOURCE = "en"
"""The language in which the sentences are written."""
LONGEST_NAME = 64
"""Letters of a language's name. BCP 47 asks for room for 35; what is longer is no language, and trying all
beginnings of a header of 60 kB would take minutes."""
MOST_ACCEPTED = 20
"""Languages of a browser that are looked at."""
TRANSLATIONS = Path(__file__).with_name("translations")


class Catalogues(Domain):  # type: ignore[misc]  # Flask-Babel has no types
    """Flask-Babel's translations of the page's language, whatever the country."""

    def get_translations(self) -> NullTranslations:
        """Of the language of the page that is being made; outside of a page sentences stay as written."""
        locale = get_locale()
        return catalogue(TRANSLATIONS, locale.language if locale else SOURCE)


@functools.cache
def catalogue(folder: Path, language: str) -> NullTranslations:
    """The translations into a language, without those that a translator has not confirmed."""
    file = folder / language / "LC_MESSAGES" / "messages.po"
    if language == SOURCE or not file.exists():
        return NullTranslations()
    with file.open("rb") as text:
        read = read_po(text, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return Translations(compiled)


@functools.cache
def offered(folder: Path = TRANSLATIONS) -> frozenset[str]:
    """The languages that the pages speak, by their codes."""
    return frozenset({SOURCE} | {file.parts[-3] for file in folder.glob("*/LC_MESSAGES/messages.po")})


def speak(app: Flask) -> None:
    """Install Flask-Babel with the launch's locale and time zone."""
    babel = Babel(app, locale_selector=_locale, timezone_selector=_time_zone)
    babel.domain_instance = Catalogues()
    app.context_processor(_page_language)
    app.add_template_filter(moment)
    app.add_template_filter(ago)


def _locale() -> str:
    current = visit_if_any()
    wanted = [current.launched.locale] if current is not None and current.launched.locale else []
    for name in [*wanted, *islice(request.accept_languages.values(), MOST_ACCEPTED)]:
        found = spoken(name)
        if found:
            return found
    return SOURCE


def spoken(name: str) -> str | None:
    """The locale that a platform or a browser means, with its country's dates, if its language is offered.

    Canvas also sends private parts, as in ``en-GB-x-ukhe``; they are dropped.
    """
    if len(name) > LONGEST_NAME:
        return None
    parts = name.replace("_", "-").split("-x-")[0].split("-")
    for length in range(len(parts), 0, -1):
        try:
            locale = Locale.parse("-".join(parts[:length]), sep="-")
        except (ValueError, UnknownLocaleError):
            continue
        return str(locale) if locale.language in offered(TRANSLATIONS) else None
    return None


def _time_zone() -> str | None:
    current = visit_if_any()
    zone = current.launched.time_zone if current is not None else ""
    try:
        return ZoneInfo(zone).key if zone else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def moment(time: datetime) -> str:
    """Day and time without seconds, which nobody here needs, in the order of the language."""
    locale = get_locale() or Locale.parse(SOURCE)
    day, clock = format_date(to_user_timezone(time), "medium"), format_time(time, "short")
    return str(locale.datetime_formats["medium"]).replace("'", "").format(clock, day)


def ago(time: datetime) -> str:
    """How long ago a moment was, in whole minutes, hours or days of the reader's language."""
    passed = datetime.now(UTC) - time
    if passed < timedelta(minutes=1):
        return str(gettext("just now"))
    return str(format_timedelta(-passed, granularity="minute", add_direction=True))


def _page_language() -> dict[str, str]:
    locale = get_locale()
    return {
        "language": str(locale).replace("_", "-") if locale else SOURCE,
        "direction": locale.text_direction if locale else "ltr",
    }
