"""What a person asked about being reached, in the reader's words. Never why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.utils.translation import gettext, gettext_noop, pgettext

from careloop.actions.heed_safe_contact import DESPITE
from careloop.care.safe_contact import CHANNELS, DAYS, Channel, Hours, Refused, Rules, may_by
from careloop.web import formats

# As care/safe_contact.py and actions/heed_safe_contact.py write them.
SAID: Final = (
    gettext_noop("This person asked not to be called."),
    gettext_noop("This person asked that no messages are left."),
    gettext_noop("This person asked not to be texted."),
    gettext_noop("This person asked that nothing is mailed to the home."),
    gettext_noop("This person asked not to be sent e-mail."),
    gettext_noop("This is not one of the numbers that are safe for this person."),
    gettext_noop("This is outside the hours that are safe for this person."),
    gettext_noop(
        "How this person may be reached can’t be read. Ask the person in private, and write it down again."
    ),
    gettext_noop("The person asked me to, this time"),
    gettext_noop("It happened before I saw this"),
    gettext_noop(
        "The person was reached in a way that is not safe. Find out in private whether all is well."
    ),
    gettext_noop("The person was reached in a way that is not safe."),
    gettext_noop("Find out in private whether all is well."),
    gettext_noop("Follow up in private"),
    gettext_noop("Something to talk about alone. Open it to read what."),
    gettext_noop("Something to talk about alone."),
    gettext_noop("Open it to read what."),
    gettext_noop("It was not safe to ask. Try again in person, alone; send nothing about it."),
    gettext_noop("It was not safe to ask."),
    gettext_noop("Try again in person, alone; send nothing about it."),
    gettext_noop(
        "Help was wanted or may be. Talk about it alone; give and send nothing that is not safe to have."
    ),
    gettext_noop("Help was wanted or may be."),
    gettext_noop("Talk about it alone; give and send nothing that is not safe to have."),
    gettext_noop("A report may be due. Open the reporting steps today."),
    gettext_noop("A report may be due."),
    gettext_noop("Open the reporting steps today."),
    gettext_noop("A report was made. Ask the agency what became of it, and look after the person."),
    gettext_noop("A report was made."),
    gettext_noop("Ask the agency what became of it, and look after the person."),
    gettext_noop("A child"),
    gettext_noop("An older person"),
    gettext_noop("An adult who can’t look after themselves"),
)


def channel_words() -> dict[Channel, str]:
    return {
        "call": gettext("Do not call"),
        "message": gettext("Do not leave messages"),
        "text": gettext("Do not text"),
        "letter": gettext("Do not mail anything home"),
        "email": gettext("Do not e-mail"),
    }


def day_names() -> dict[str, str]:
    words = (
        *(
            pgettext("short", "Mon"),
            pgettext("short", "Tue"),
            pgettext("short", "Wed"),
            pgettext("short", "Thu"),
        ),
        *(pgettext("short", "Fri"), pgettext("short", "Sat"), pgettext("short", "Sun")),
    )
    return dict(zip(DAYS, words, strict=True))


def lines(heeded: Iterable[Rules]) -> list[str]:
    """One sentence each; the same one once, though two flags say it."""
    return list(dict.fromkeys(line for rules in heeded for line in _lines(rules)))


def _lines(rules: Rules) -> Iterable[str]:
    if rules.is_unreadable:
        yield gettext(
            "How this person may be reached can’t be read. Ask the person in private, and write it down again."
        )
        return
    words = channel_words()
    yield from (words[channel] for channel in CHANNELS if channel in rules.refused)
    if rules.numbers:
        numbers = ", ".join(formats.phone_words(number) for number in rules.numbers)
        yield gettext("Only these numbers: %(numbers)s") % {"numbers": numbers}
    for hours in rules.hours:
        yield gettext("Only %(hours)s, the person’s own time") % {"hours": hours_words(hours)}
    if rules.say_from:
        yield gettext("Say that you call from: %(place)s") % {"place": rules.say_from}
    if rules.code_word:
        yield gettext("Code word: %(word)s") % {"word": rules.code_word}


def hours_words(hours: Hours) -> str:
    """`Mon, Tue 9:00 am – 12:00 pm`."""
    names = day_names()
    days = ", ".join(names[day] for day in DAYS if day in hours.days)
    today = datetime(2026, 1, 5)  # noqa: DTZ001  only its clock is shown
    since, until = (
        formats.clock_time(today.replace(hour=at.hour, minute=at.minute)) for at in (hours.since, hours.until)
    )
    return f"{days} {since} – {until}"


def refused(heeded: tuple[Rules, ...], now: datetime) -> frozenset[str]:
    """The ways that are not safe at this moment."""
    return frozenset(c for c in CHANNELS if isinstance(may_by(heeded, c, now), Refused))


def despite_choices() -> list[tuple[str, str]]:
    return [(code, gettext(words)) for code, words in DESPITE.items()]
