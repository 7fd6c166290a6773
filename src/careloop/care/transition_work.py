"""The work that a discharge, or a death, asks for: titles, reasons, deadlines. Pure; the numbers: content/rules/."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from careloop.care.coverage import MEDICARE
from careloop.care.stay import Stay
from careloop.care.transition_facts import (
    CLOSED_UNKNOWN,
    FACILITIES,
    PROGRAM,
    REVIEW,
    VISIT,
    DischargeFacts,
    PersonFacts,
    key_for,
    said_day,
)
from careloop.care.work import Work, WorkClass
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.calendar import zone as zone_called
from careloop.library import Library, Rule


def work_for(facts: DischargeFacts, setting: str, meaning: str, library: Library) -> tuple[Work, ...]:
    maker = _Maker(facts, library)
    if meaning == "unknown" or setting == "unknown":
        return (maker.undecided(setting, meaning),)
    if meaning == "hospice":
        return (
            maker.simple(
                "hospice-handover",
                "Tell the hospice what we know; ask how to help",
                "transition-hospice",
                meaning,
            ),
        )
    if meaning in FACILITIES:
        return (
            maker.simple("facility-follow-up", "Follow up with the facility", "transition-facility", meaning),
        )
    if meaning == "ama":
        return (maker.call_today(),)
    if setting == "emergency":
        return (
            maker.simple(
                "call-after-emergency", "Call after emergency visit", "transition-emergency", meaning
            ),
        )
    return maker.home()


class _Maker:
    """Makes the work that one datable discharge asks for."""

    def __init__(self, facts: DischargeFacts, library: Library) -> None:
        self.facts, self.library = facts, library
        self.coverage = facts.stay.coverage or facts.person.coverage
        assert facts.person.zone is not None  # what has none is reviewed instead
        self.calendar = BusinessCalendar(zone_called(facts.person.zone))
        day = facts.stay.ended_on(self.calendar.tz)
        assert day is not None
        self.day = day
        self.words = library.rule("discharge-dispositions", day).values["words"]

    def home(self) -> tuple[Work, ...]:
        prefix = "tcm" if self.coverage & MEDICARE else "transition"
        contact, visit = self._rule(f"{prefix}-contact"), self._rule(f"{prefix}-visit")
        is_moderate = self.facts.stay.complexity == "moderate"
        days = visit.integer("moderate_days" if is_moderate else "days")
        last = self.day + timedelta(days=days)
        call = self._work(
            "call-after-discharge", "Call after discharge", contact, self._business_day(contact), "home"
        )
        reconcile = self._rule(f"{prefix}-reconciliation")
        tail = ", moderate complexity recorded" if is_moderate else ""
        seen = self._work(VISIT, "Visit after discharge", visit, last, "home", days=days, tail=tail)
        return (
            call,
            self._work("reconcile-medications", "Reconcile medications", reconcile, last, "home"),
            seen,
        )

    def call_today(self) -> Work:
        rule = self._rule("transition-against-advice")
        work = self._work("call-today", "Call today: left against medical advice", rule, self.day, "ama")
        assert work.due is not None
        assert work.target is not None
        ended = self.facts.stay.ended
        if ended is not None:  # who leaves in the evening is called that evening
            least = ended + timedelta(minutes=rule.integer("least_minutes"))
            work = replace(work, target=min(max(work.target, least), work.due))
        return work

    def simple(self, kind: str, title: str, rule_id: str, meaning: str) -> Work:
        rule = self._rule(rule_id)
        return self._work(kind, title, rule, self._business_day(rule), meaning)

    def undecided(self, setting: str, meaning: str) -> Work:
        stay, rule = self.facts.stay, self._rule("transition-undecided")
        why = []
        if meaning == "unknown":
            said = stay.disposition.said
            why.append(
                f"the hospital’s “{said}” is not mapped" if said else "the hospital did not say where to"
            )
        if setting == "unknown":
            why.append(f"patient class “{stay.klass}” does not say what kind of stay it was")
        work = self._work(REVIEW, "Decide what follows this discharge", rule, self._business_day(rule), "")
        return replace(
            work, because=f"{self._opening('')}: {' and '.join(why)}; a person decides ({rule.label})"
        )

    def _rule(self, rule_id: str) -> Rule:
        return self.library.rule(rule_id, self.day)

    def _business_day(self, rule: Rule) -> date:
        return self.calendar.add_business_days(self.day, rule.integer("business_days"))

    def _work(
        self, kind: str, title: str, rule: Rule, last: date, meaning: str, *, days: int = 0, tail: str = ""
    ) -> Work:
        person = self.facts.person
        phrase = rule.text("phrase").format(days=days)
        return Work(
            kind=kind,
            title=title,
            because=f"{self._opening(meaning)}: {phrase}{tail} ({rule.label})",
            klass=WorkClass.CLOCK,
            dedupe=key_for(self.facts.person, self.facts.stay, kind),
            due=self.calendar.end_of(last),
            target=self.calendar.working_target(last),
            zone=person.zone,
            rule=rule.ref,
            source=rule.source,
            owner=person.lead,
            program=PROGRAM,
            reasons=(self.facts.stay.reference,),
            site=person.site,
            details=self._details(),
        )

    def _opening(self, meaning: str) -> str:
        where_to = self.words.get(meaning, "")
        place = self.facts.stay.facility
        if self.facts.stay.setting == "emergency":
            left = f"Left the emergency department{f' of {place}' if place else ''} {said_day(self.day)}"
        else:
            left = f"Discharged {said_day(self.day)}{f' from {place}' if place else ''}"
        comma = ", " if where_to and not where_to.startswith("to ") else " "
        return f"{left}{comma}{where_to}".rstrip()

    def _details(self) -> str | None:
        person = self.facts.person
        said = []
        if person.zone_from == "site":
            said.append(f"Times are the site’s ({person.zone}): no address tells the person’s own zone.")
        if self.coverage <= {"unknown"}:
            said.append("Coverage is not known: find out who pays.")
        return " ".join(said) or None


def bereavement(person: PersonFacts, rule: Rule, key: str, now: datetime) -> Work:
    """Due is counted from the day that we learn of it; without a zone it has none."""
    day, due, target = person.died_on, None, None
    if person.zone:
        calendar = BusinessCalendar(zone_called(person.zone))
        last = calendar.add_business_days(calendar.local_day(now), rule.integer("business_days"))
        due, target = calendar.end_of(last), calendar.working_target(last)
    return Work(
        kind="bereavement",
        title="Bereavement contact with the family",
        because=f"Died{f' {said_day(day)}' if day else ''}: {rule.text('phrase')} ({rule.label})",
        klass=WorkClass.ROUTINE,
        dedupe=key,
        due=due,
        target=target,
        zone=person.zone,
        rule=rule.ref,
        source=rule.source,
        owner=person.lead,
        site=person.site,
        details="End the enrollments with the reason “died”.",
    )


def why_not(stay: Stay, zone: str | None, is_closed: bool) -> str:
    if is_closed:
        return "window closed" if zone else CLOSED_UNKNOWN
    return "zone unknown" if stay.ended_as_written else "the discharge has no date"


def review_of(facts: DischargeFacts, said: str, is_closed: bool) -> Work:
    stay, person = facts.stay, facts.person
    day, place = stay.ended_as_written, stay.facility
    when = f"Discharged {day:%b} {day.day}, {day.year}" if day else "Discharged"
    return Work(
        kind=REVIEW,
        title=f"Review a discharge: {said}",
        because=f"{when}{f' from {place}' if place else ''}: {said}. No deadline was made up; a person decides.",
        klass=WorkClass.ROUTINE if is_closed else WorkClass.CLOCK,
        dedupe=key_for(person, stay, REVIEW),
        owner=person.lead,
        program=PROGRAM,
        reasons=(stay.reference,),
        site=person.site,
        zone=person.zone,
    )
