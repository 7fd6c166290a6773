"""What left the house in words: on the page, on the paper that goes, and on the person's accounting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext, ngettext, pgettext

from careloop.access import labels
from careloop.projections.accounting import Accounting
from careloop.projections.disclosures import Content, Disclosure, fingerprint
from careloop.projections.people import PersonBrief
from careloop.web import formats

_SECTIONS = ("record", "plan", "medicines", "allergies", "conditions", "letter")


def section_names() -> dict[str, str]:
    return {
        "record": gettext("Who this is about"),
        "plan": gettext("The plan"),
        "medicines": gettext("Medicines"),
        "allergies": gettext("Allergies"),
        "conditions": gettext("Conditions"),
        "letter": gettext("The answer"),
    }


def bases() -> dict[str, str]:
    return {
        "treatment": gettext("They give care to this person"),
        "consent": gettext("The person’s consent names them"),
        "self": gettext("It goes to the person, who asked for it"),
        "emergency": gettext("An emergency that can’t wait"),
        "law": gettext("A law or court asks for it"),
    }


def methods() -> dict[str, str]:
    return {
        "hand": gettext("Handed over on paper"),
        "mail": gettext("By mail"),
        "fax": gettext("By fax"),
        "phone": gettext("Told by phone"),
        "app": gettext("Through an app"),
        "export": gettext("As a file"),
        "hl7": gettext("As a hospital message"),
    }


def relations() -> dict[str, str]:
    return {
        "referral": gettext("there is a referral or a to-do with them"),
        "team": gettext("they are on the care team"),
        "stay": gettext("the person stayed there"),
        "program": gettext("they run a program the person is in"),
        "site": gettext("it is the person’s own site"),
        "said": gettext("as you say"),
    }


def verdict_words(why: str, relation: str) -> str:
    """Why a line may go, or that it may not; never what it is about."""
    return {
        "treatment": gettext("They give care: %(relation)s.")
        % {"relation": relations().get(relation, relation)},
        "consent": gettext("The person’s consent lets it go to them."),
        "self": gettext("It is the person’s own."),
        "emergency": gettext("An emergency lets it go."),
        "law": gettext("A law lets it go."),
        "no-relation": gettext(
            "Nothing tells us that they give care to this person. A consent would let it go."
        ),
        "withheld": gettext("It stays here. It takes a consent that names them."),
    }.get(why, why)


def hidden() -> str:
    return gettext("a line that you may not see")


def by_section(content: Content) -> list[dict[str, Any]]:
    called = section_names()
    return [
        {"title": called[section], "lines": lines}
        for section in _SECTIONS
        if (lines := [item.words or hidden() for item in content.items if item.section == section])
    ]


def letter_of(found: Disclosure, who: str, house: str, tz: ZoneInfo) -> Mapping[str, Any]:
    """The paper that goes, in the reader's language. house: the site's name; who: the sender."""
    on = formats.full_date(found.at.astimezone(tz).date())
    facts = [
        (pgettext("on a letter", "To"), ", ".join(filter(None, (found.name, found.address)))),
        (pgettext("on a letter", "From"), ", ".join(filter(None, (who, house)))),
        (pgettext("on a letter", "Date"), on),
        (pgettext("on a letter", "Why"), _why(found)),
    ]
    return {
        "language": translation.get_language() or "en",
        "title": gettext("Information about a person in our care"),
        "from": house,
        "facts": facts,
        "note": found.content.note,
        "changes": list(found.content.changes),
        "notice": found.content.notice,
        "sections": by_section(found.content),
        "consents": list(found.content.consents),
        "incomplete": gettext("This may be incomplete.") if found.content.is_incomplete else "",
        "foot": f"{house} · {on} · {fingerprint(found.content)}",
        "labels": {
            "notice": gettext("Notice that goes with these records (42 CFR 2.32)"),
            "consents": gettext("The consent it goes under"),
            "changes": gettext("What changed in the plan since you got it last"),
            **_pages(),
        },
    }


def _why(found: Disclosure) -> str:
    return ". ".join(filter(None, (bases().get(found.basis, found.basis), found.purpose)))


def _pages() -> dict[str, str]:
    return {"page": gettext("Page"), "of": pgettext("page 1 of 2", "of")}


def accounting_words(
    told: Accounting, person: PersonBrief, house: str, phone: str, tz: ZoneInfo, language: str
) -> Mapping[str, Any]:
    """For the person, in her language."""
    with translation.override(language):
        until, since = (formats.full_date(at.astimezone(tz).date()) for at in (told.until, told.since))
        return {
            "language": language,
            "title": gettext("What we sent about you"),
            "from": house,
            "name": person.name,
            "born": f"{gettext('Born')} {formats.full_date(person.birth_date)}" if person.birth_date else "",
            "intro": gettext(
                "This is everything we know that left %(house)s about you from %(since)s to %(until)s: to whom, when, "
                "what and why. The law (45 CFR 164.528) asks us to list part of it; we list all."
            )
            % {"house": house or gettext("this house"), "since": since, "until": until},
            "sent": [
                sent
                for each in told.disclosures
                if (sent := _sent(each, tz))["what"] or not each.content.items
            ],
            "programs": [
                {
                    "name": each.who.name,
                    "time": _span(formats.full_date(each.first), formats.full_date(each.last)),
                    "times": ngettext("%(n)d time", "%(n)d times", each.times) % {"n": each.times},
                }
                for each in told.programs
            ],
            "rights": gettext(
                "Something looks wrong, or you do not know somebody on this list? Tell us%(phone)s. "
                "You may ask for this list again at any time; once a year it is free by law."
            )
            % {"phone": f": {phone}" if phone else ""},
            "foot": " · ".join(filter(None, (house, until))),
            "labels": {
                "sent": gettext("What we sent"),
                "nothing": gettext("Nothing was sent to anybody."),
                "why": gettext("Why"),
                "how": gettext("How"),
                "what": gettext("What"),
                "programs": gettext("Programs and apps that read your record"),
                "program": gettext("Who reads"),
                "time": gettext("First and last day"),
                "times": gettext("How often"),
                **_pages(),
            },
        }


def _span(first: str, last: str) -> str:
    return first if first == last else gettext("%(first)s to %(last)s") % {"first": first, "last": last}


def _sent(found: Disclosure, tz: ZoneInfo) -> dict[str, Any]:
    return {
        "when": formats.full_date(found.at.astimezone(tz).date()),
        "whom": found.name,
        "address": found.address,
        "why": _why(found),
        "how": methods().get(found.method, found.method),
        "what": list(_what(found.content)),
    }


def _what(content: Content) -> Iterable[str]:
    """Of what is about violence not even that something is left out: somebody else may read the paper."""
    for item in content.items:
        if item.words or not (item.labels or 0) & labels.VIOLENCE:
            yield item.words or hidden()
    if content.notice:
        yield gettext("with the notice that it may not be passed on (42 CFR 2.32)")
