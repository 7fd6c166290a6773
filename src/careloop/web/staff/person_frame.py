"""What every section of a person's page shares: who she is, the sections with what changed, the card at the side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import gettext, pgettext

from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import UnknownZone
from careloop.projections.card import PersonCard, card
from careloop.projections.chart_about import joined_into
from careloop.projections.finder import Found, namesakes
from careloop.projections.looked import SECTIONS, News, look
from careloop.store import Stored, Unit, grants
from careloop.web import formats
from careloop.web.staff.person_menu import Door, may_log, menu
from careloop.web.staff.reader import now_of, zone_of_reader


@dataclass(frozen=True)
class Tab:
    """news: how many things changed there since the reader last looked."""

    key: str
    name: str
    href: str
    is_here: bool
    news: int


@dataclass(frozen=True, repr=False)
class Frame:
    """tz: the person's zone, the reader's when hers is unknown. is_elsewhere: the two differ now. is_partial:
    something of her record is not shown to the reader; what and why is told to nobody. emergency_until: when the
    reader's emergency access ends; None when it is no emergency. menu: the doors behind ⋯ that the reader may open."""

    id: str
    section: str
    patient: Stored
    card: PersonCard
    news: News
    namesakes: tuple[Found, ...]
    joined_into: str
    tabs: tuple[Tab, ...]
    tz: ZoneInfo
    is_elsewhere: bool
    now: datetime
    reader: ZoneInfo
    is_partial: bool
    emergency_until: datetime | None
    menu: tuple[Door, ...]
    may_log: bool

    @property
    def new(self) -> frozenset[str]:
        """References in this section that others changed since the reader last looked."""
        return self.news.marks(self.section)

    @property
    def since(self) -> datetime | None:
        return self.news.since.get(self.section)

    @property
    def zone_name(self) -> str:
        return str(self.now.astimezone(self.tz).tzname())


# Who may not look for these sees nothing in that section: it is not offered.
SHOWN_TO: Final = {
    "plan": "Observation",  # how far each goal is
    "work": "Task",
    "assessments": "QuestionnaireResponse",
    "readings": "Observation",
    "health": "Observation",
    "risk": "RiskAssessment",
}


def names_of_sections() -> dict[str, str]:
    return {
        "story": gettext("Story"),
        "plan": gettext("Plan"),
        "work": pgettext("a section: to-dos of a person", "Work"),
        "assessments": gettext("Assessments"),
        "readings": gettext("Readings"),
        "health": gettext("Health history"),
        "risk": pgettext("a section: risk scores of a person", "Risk"),
        "about": gettext("Contact & team"),
    }


def open_frame(unit: Unit, request: HttpRequest, id: str, section: str) -> Frame:
    """Raises NotFound, for a person who may not be seen as for one who does not exist."""
    patient = unit.read("Patient", id)
    news = look(unit, patient.rid, section)
    beside = card(unit, id)
    reader, now = zone_of_reader(request), now_of(request)
    tz = _zone(beside.zone) or reader
    called = names_of_sections()
    return Frame(
        id=id,
        section=section,
        patient=patient,
        card=beside,
        news=news,
        namesakes=tuple(namesakes(unit, patient.rid)),
        joined_into=joined_into(patient.resource),
        tabs=tuple(
            Tab(key, called[key], f"/people/{id}/{key}", key == section, news.counts.get(key, 0))
            for key in SECTIONS
            if SHOWN_TO.get(key, "Patient") in beside.knows or key == section
        ),
        tz=tz,
        is_elsewhere=now.astimezone(tz).utcoffset() != now.astimezone(reader).utcoffset(),
        now=now,
        reader=reader,
        is_partial=unit.withholds(patient.rid),
        emergency_until=_emergency_until(unit, patient.rid),
        menu=menu(unit.scope.actor, id),
        may_log=may_log(unit.scope.actor),
    )


def _emergency_until(unit: Unit, person: int) -> datetime | None:
    actor = unit.scope.actor
    if person not in actor.emergencies:
        return None
    held = grants.held_by(unit, [actor.principal])
    ends = [g.until for g in held if g.kind is grants.Kind.EMERGENCY and g.value == person and g.until]
    return max(ends, default=None)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return zone_called(name) if name else None
    except UnknownZone:
        return None


def context(frame: Frame, **more: Any) -> dict[str, Any]:
    return {"frame": frame, "card": frame.card, "person": frame.id, **more}


def day_words(frame: Frame, at: datetime) -> str:
    """`today`, `Tuesday`, `Nov 3`: a day where the person lives."""
    return formats.day_words(at.astimezone(frame.tz).date(), frame.now.astimezone(frame.tz).date())
