"""What is written to people outside of any page, such as by a worker: in a language and time zone that the
writer of it names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from babel.lists import format_list

from allocation.sentences import Voice
from lti_tool.web.locale import SOURCE, TRANSLATIONS, catalogue, spoken


class Letter(Voice):
    """Plain text for a message. An unknown language is English."""

    def __init__(self, locale: str, zone: str) -> None:
        self._locale = Locale.parse(spoken(locale) or SOURCE)
        self._zone = ZoneInfo(zone)
        self._words = catalogue(TRANSLATIONS, self._locale.language)

    def gettext(self, template: str) -> str:
        """The template in the letter's language."""
        return str(self._words.ugettext(template))

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The form for this number in the letter's language."""
        return str(self._words.ungettext(one, many, number))

    def moment(self, time: datetime) -> str:
        """Day, time and time zone."""
        return format_datetime(time, "long", tzinfo=self._zone, locale=self._locale)

    def listed(self, items: Sequence[str]) -> str:
        """Several items as one phrase."""
        return format_list(items, locale=self._locale) if items else ""
