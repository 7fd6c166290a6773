"""Who helps: the care team with a phone to call, and whom the person lets see her pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, pgettext

from careloop import library
from careloop.actions.share_portal import RELATIONS, names_of_related, standings
from careloop.care.representation import PARTS, Standing, shares_now, windows
from careloop.care.stay import zone_of_person
from careloop.fhir.elements import Resource, codings, day, name_of, text_of
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone
from careloop.projections.facts import phone_of
from careloop.projections.people import names
from careloop.projections.portal_shares import RULE, ages_of
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.family.door import Frame


@dataclass(frozen=True, repr=False)
class Helper:
    """Somebody of the care team. role: in words. number: to show, link: to call."""

    name: str
    role: str
    number: str
    link: str

    @property
    def initial(self) -> str:
        return next((word[:1] for word in self.name.split() if word[:1].isalpha() and "." not in word), "•")


@dataclass(frozen=True, repr=False)
class Shared:
    """Somebody whom she lets in. sees: “plan and visits”; empty while nothing can be seen, then because says why.
    consent: id, to end it."""

    name: str
    relation: str
    kind: str
    sees: str
    because: str
    until: str
    consent: str
    related: str

    @property
    def initial(self) -> str:
        return self.name[:1]


def part_words() -> dict[str, str]:
    """What can be shared, as it is asked."""
    return {
        "plan": gettext("my plan"),
        "visits": gettext("my visits"),
        "medications": gettext("my medicines"),
        "results": gettext("my test results"),
        "messages": gettext("my letters"),
        "coverage": gettext("my insurance"),
    }


def shared_words() -> dict[str, str]:
    """The same as somebody else reads it."""
    return {
        "plan": gettext("the plan"),
        "visits": gettext("visits"),
        "medications": gettext("medicines"),
        "results": gettext("test results"),
        "messages": gettext("letters"),
        "coverage": gettext("insurance"),
    }


def sees_words(shares: Sequence[str]) -> str:
    """`my plan and my visits`; everything is said shortly."""
    known = part_words()
    said = [known[share] for share in PARTS if share in shares]
    if len(said) == len(PARTS):
        return gettext("all of my pages")
    if len(said) < 2:
        return "".join(said)
    return gettext("%(some)s and %(last)s") % {"some": ", ".join(said[:-1]), "last": said[-1]}


def kind_words() -> dict[str, str]:
    return {
        "chosen": "",
        "agent": gettext("health care agent"),
        "guardian": gettext("guardian"),
        "parent": gettext("parent"),
    }


def relation_words() -> dict[str, str]:
    return {
        "SPS": pgettext("a relation", "spouse or partner"),
        "CHILD": pgettext("a relation", "daughter or son"),
        "PRN": pgettext("a relation", "parent"),
        "SIB": pgettext("a relation", "sister or brother"),
        "GRPRN": pgettext("a relation", "grandparent"),
        "GRNDCHILD": pgettext("a relation", "grandchild"),
        "EXT": pgettext("a relation", "other relative"),
        "FRND": pgettext("a relation", "friend"),
        "NBOR": pgettext("a relation", "neighbor"),
        "ONESELF": pgettext("a relation", "somebody else"),
    }


def relation_of(related: Resource) -> str:
    """In the reader's language when we know the word; else as somebody wrote it."""
    known = relation_words()
    for concept in related.get("relationship", ()):
        codes = [code for _, code in codings(concept)]
        if "HPOWATT" in codes or "ONESELF" in codes:
            continue
        found = next(
            (known[code] for code in codes if code in known and RELATIONS[code] == text_of(concept)), ""
        )
        return found or gettext(text_of(concept)) if text_of(concept) else found
    return ""


def helpers_of(unit: Unit, frame: Frame) -> list[Helper]:
    """The active care teams' people, the one who leads first."""
    teams = [
        t.resource
        for t in unit.of_person(frame.whose.rid, ["CareTeam"])
        if t.resource.get("status", "active") == "active"
    ]
    members = [(p.get("member") or {}, p) for team in teams for p in team.get("participant", ())]
    references = [str(m["reference"]) for m, _ in members if "reference" in m]
    called, known = names(unit, references), unit.get(references)
    found = {}
    for member, part in sorted(members, key=lambda each: not _leads(each[1])):
        reference = str(member.get("reference", ""))
        name = called.get(reference) or str(member.get("display", ""))
        if name and name not in found and not reference.startswith(("Patient/", "RelatedPerson/")):
            number = phone_of(known[reference].resource) if reference in known else None
            found[name] = _helper(name, part, number)
    return list(found.values())


def _leads(part: Resource) -> bool:
    return any(code == "lead" for concept in part.get("role", ()) for _, code in codings(concept))


def _helper(name: str, part: Resource, number: str | None) -> Helper:
    role = gettext("leads your care") if _leads(part) else ", ".join(map(_role, part.get("role", ())))
    return Helper(name, role, formats.phone_words(number or ""), formats.phone_link(number or ""))


def _role(concept: Resource) -> str:
    said = text_of(concept)
    return gettext(said) if said else ""


# --- whom she lets in


def shared_with(unit: Unit, frame: Frame, *, is_all: bool = False) -> list[Shared]:
    """Whoever may see her pages, and representatives whose time has not come. is_all: those that ended too. Only for
    the person herself."""
    patient = unit.read("Patient", frame.whose.id)
    related = names_of_related(unit, frame.whose.rid)
    ages = ages_of(library.load().rule(RULE, unit.now.date()))
    lines = []
    for stored, standing in standings(unit, frame.whose.rid):
        who = related.get(standing.related)
        if who is None or (standing.is_ended and not is_all):
            continue
        found = windows(standing, day(patient.resource.get("birthDate")), ages, _zone_of(patient))
        now = shares_now(standing, found, unit.now)
        lines.append(_shared(stored, standing, who, now, unit.now, frame))
    return sorted(lines, key=lambda line: line.name)


def _zone_of(patient: Stored) -> ZoneInfo | None:
    name = zone_of_person(patient.resource, None)[0]
    try:
        return zone(name) if name else None
    except UnknownZone:
        return None


def _shared(
    stored: Stored, standing: Standing, who: Stored, now_sees: Iterable[str], now: datetime, frame: Frame
) -> Shared:
    sees = tuple(now_sees)
    return Shared(
        name=name_of(who.resource),
        relation=relation_of(who.resource),
        kind=kind_words()[standing.kind],
        sees=sees_words(sees),
        because="" if sees else _why_not(standing, now),
        until=formats.full_date(standing.until.astimezone(frame.tz).date()) if standing.until else "",
        consent=stored.id,
        related=who.id,
    )


def _why_not(standing: Standing, now: datetime) -> str:
    if standing.is_ended or (standing.until and standing.until <= now):
        return gettext("This has ended.")
    if standing.on_incapacity:
        return gettext(
            "Sees nothing now. It starts only if a clinician writes down that you can’t decide yourself."
        )
    if standing.kind == "parent":
        return gettext("Sees nothing any more: you are of age.")
    return gettext("Sees nothing now.")
