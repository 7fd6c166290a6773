"""What follows when somebody leaves a hospital, is admitted again, or dies. Pure.

`on_discharge` tells the whole state that one stay asks for: the work that should be there, and what should not be
there any more. Asked again about the same facts it says the same, whatever came in which order.
The rules, their numbers and their sources: content/rules/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from careloop.care.coverage import MEDICARE
from careloop.care.stay import CANCELED, Outstanding, Stay
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.calendar import zone as zone_called
from careloop.library import Library, Rule

PROGRAM = "transitions"
PREFIX = "discharge:"
REVIEW = "review-discharge"
CLOSED_UNKNOWN = "window closed, zone unknown"

# Where it is still that day last of all: a window is closed for certain when it is closed there.
LAST_PLACE = timezone(timedelta(hours=-12))
FACILITIES = frozenset({"snf", "rehab", "hospital", "psychiatric"})
MEANINGS = frozenset({"home", "hospice", "ama", "died", "admitted", "unknown"}) | FACILITIES


@dataclass(frozen=True, repr=False)
class PersonFacts:
    """The person a stay belongs to. reference: Patient/…. zone_from: whose zone it is. site, lead: references.
    coverage: kinds of care/coverage.py, for stays that carry none of their own. has_declined: she said no to this
    program, at declined_at; a later stay asks anew.
    is_known: somebody here cares for her (a lead, a program, open work). work: hers, open or not."""

    reference: str
    is_deceased: bool = False
    died_on: date | None = None
    zone: str | None = None
    zone_from: Literal["address", "site", ""] = ""
    site: str | None = None
    lead: str | None = None
    coverage: frozenset[str] = frozenset({"unknown"})
    has_declined: bool = False
    declined_at: datetime | None = None
    is_known: bool = False
    work: tuple[Outstanding, ...] = ()

    def __repr__(self) -> str:
        return f"PersonFacts({self.reference})"


@dataclass(frozen=True)
class DischargeFacts:
    """later: the stay that overtook this one (`Stay.follows`), if any."""

    person: PersonFacts
    stay: Stay
    later: Stay | None = None


@dataclass(frozen=True)
class Attempt:
    """One try to reach somebody after a discharge."""

    at: datetime
    is_reached: bool


@dataclass(frozen=True)
class ContactStanding:
    """Whether the billing rule's contact is satisfied, and why. The call itself stays open until `is_reached`."""

    is_satisfied: bool
    is_reached: bool
    because: str


def on_discharge(facts: DischargeFacts, library: Library, now: datetime) -> Proposal:
    """All that this stay asks for now. Raises UnknownZone for a zone that does not exist, NoSuchRule for a day
    without rules; an unknown zone (None) is no error but a person's decision."""
    stay, person = facts.stay, facts.person
    if not stay.is_discharged:
        return on_cancel(facts)
    if person.is_deceased:
        return _settle(facts, (), "The record says that this person has died.")
    if facts.later is not None:
        return on_admission(facts, facts.later)
    if _has_declined(person, stay):
        return _settle(facts, (), "This person declined the transitions program.")
    setting, meaning = _reading(stay, library, now)
    if setting == "visit" or meaning in ("admitted", "nothing"):
        return _settle(facts, (), "Nothing follows this kind of visit.")
    if meaning == "died":
        return on_death(_dead_in_hospital(person, stay), library, now)
    if (unclear := _not_datable(facts, library, now)) is not None:
        return unclear
    return _settle_with(facts, _wanted(facts, setting, meaning, library), stay)


def on_cancel(facts: DischargeFacts) -> Proposal:
    """The stay is not finished (any more): what its discharge had asked for goes."""
    if facts.stay.status in CANCELED:
        return _settle(facts, (), "The hospital canceled this stay (A11).")
    return _settle(facts, (), "The hospital canceled the discharge (A13); the stay goes on.")


def on_admission(facts: DischargeFacts, later: Stay) -> Proposal:
    """Admitted again: what the earlier discharge asked for no longer fits; the next discharge starts anew."""
    zone = zone_called(facts.person.zone) if facts.person.zone else None
    day = later.started.astimezone(zone).date() if later.started and zone else None
    when = f" {_said(day)}" if day else ""
    where = f" to {later.facility}" if later.facility else ""
    return _settle(facts, (), f"Admitted again{when}{where}; the next discharge starts anew.")


def on_death(person: PersonFacts, library: Library, now: datetime) -> Proposal:
    """One bereavement contact, and all outreach stops. A death long ago, or of somebody nobody here cares for
    and whose day is not known, only stops what is open. Work about somebody's safety stays until a person closes it:
    a death may be told of the wrong person."""
    rule = library.rule("bereavement", now.date())
    stays = frozenset(rule.values["stays"])
    because = "This person has died: all outreach stops."
    withdraw = tuple(
        Withdrawal(each.dedupe, because)
        for each in person.work
        if each.state == "open" and each.kind not in stays and not each.is_protected
    )
    key = bereavement_key(person.reference)
    if not _is_recent_death(person, rule, now) or any(
        w.dedupe == key and w.state != "withdrawn" for w in person.work
    ):
        return Proposal(withdraw=withdraw, because=because)
    return Proposal(work=(_bereavement(person, rule, key, now),), withdraw=withdraw, because=because)


def on_death_taken_back(person: PersonFacts) -> Proposal:
    """The record no longer says that she died: the bereavement contact goes, and a person looks at what went."""
    key = bereavement_key(person.reference)
    if not any(each.dedupe == key and each.state == "open" for each in person.work):
        return Proposal()
    said = "The record said that this person had died and no longer does. Put back what still fits."
    review = Work(
        kind="review-death",
        title="Check the work that stopped by mistake",
        because=said,
        klass=WorkClass.CLOCK,
        dedupe=f"review-death:{person.reference}",
        owner=person.lead,
        site=person.site,
        zone=person.zone,
    )
    return Proposal(
        (review,), (Withdrawal(key, "The record no longer says that this person has died."),), said, said
    )


def what_follows(person: PersonFacts, stays: Sequence[Stay], library: Library, now: datetime) -> Proposal:
    """Everything that all of one person's stays ask for together, and her death with them."""
    stays = [_with_decision(stay, person) for stay in stays]
    person = _with_death_in_hospital(person, stays, library, now)
    asked = [
        on_discharge(DischargeFacts(person, stay, overtaken_by(stay, stays)), library, now)
        for stay in stays
        if is_worth_asking(stay, library, now)
    ]
    asked.append(_on_lost(person, stays))
    asked.append(on_death(person, library, now) if person.is_deceased else on_death_taken_back(person))
    work = {each.dedupe: each for proposal in asked for each in proposal.work}
    withdraw = {each.dedupe: each for proposal in asked for each in proposal.withdraw}
    reviews = [proposal.needs_review for proposal in asked if proposal.needs_review]
    withdraw = {key: each for key, each in withdraw.items() if key not in work}
    because = " ".join(dict.fromkeys(proposal.because for proposal in asked if proposal.because))
    return Proposal(tuple(work.values()), tuple(withdraw.values()), because, reviews[0] if reviews else None)


def has_died(person: PersonFacts, stays: Sequence[Stay], library: Library, now: datetime) -> bool:
    """By the record of the person, or because a hospital, or whoever decided about its words, says so."""
    decided = [_with_decision(stay, person) for stay in stays]
    return _with_death_in_hospital(person, decided, library, now).is_deceased


def overtaken_by(stay: Stay, stays: Sequence[Stay]) -> Stay | None:
    """The stay that began after this one and outlasted it, if any."""
    return next((other for other in stays if other.follows(stay)), None)


def contact_standing(
    attempts: Sequence[Attempt], discharged: datetime, due: datetime, rule: Rule
) -> ContactStanding:
    """rule: tcm-attempts. Attempts before the discharge, or after the window, do not count."""
    inside = [each for each in attempts if discharged <= each.at <= due]
    needed = rule.integer("attempts")
    if any(each.is_reached for each in inside):
        return ContactStanding(True, True, "Reached within the window.")
    is_reached = any(each.is_reached for each in attempts if each.at >= discharged)
    if len(inside) >= needed:
        return ContactStanding(
            True,
            is_reached,
            f"{len(inside)} documented attempts in the window satisfy the billing rule; keep trying.",
        )
    missing = needed - len(inside)
    return ContactStanding(False, is_reached, f"{missing} more in the window would satisfy the billing rule.")


def key_of(stay: Stay, kind: str) -> str:
    return f"{PREFIX}{stay.visit}:{kind}"


def key_for(person: PersonFacts, stay: Stay, kind: str) -> str:
    """The key of this kind of work. What was finished before she left was about an earlier discharge of the same
    visit, canceled since; what was decided about other words of the hospital was another question: asked anew."""
    key, known = key_of(stay, kind), {each.dedupe: each for each in person.work}
    number = 1
    while (found := known.get(key)) and _is_of_earlier(found, stay):
        number += 1
        key = f"{key_of(stay, kind)}:{number}"
    return key


def _is_of_earlier(found: Outstanding, stay: Stay) -> bool:
    if found.state not in ("done", "closed"):
        return False
    if found.decided is not None:
        return found.about != stay.said
    return found.ended is not None and stay.ended is not None and found.ended < stay.ended


def _with_decision(stay: Stay, person: PersonFacts) -> Stay:
    """With what a person decided about it, as long as the hospital says the same."""
    if stay.decided:
        return stay
    prefix = key_of(stay, REVIEW)
    for each in person.work:
        is_about_it = each.dedupe == prefix or each.dedupe.startswith(f"{prefix}:")
        if is_about_it and each.decided and not _is_of_earlier(each, stay) and each.state == "done":
            return replace(stay, decided=each.decided)
    return stay


def _on_lost(person: PersonFacts, stays: Sequence[Stay]) -> Proposal:
    """Work of stays that are no longer in her record: deleted, or moved to the person they were really about."""
    visits = tuple(key_of(stay, "") for stay in stays)
    return Proposal(
        withdraw=tuple(
            Withdrawal(each.dedupe, "This stay is no longer in the person’s record.")
            for each in person.work
            if each.state == "open" and each.dedupe.startswith(PREFIX) and not each.dedupe.startswith(visits)
        )
    )


def _has_declined(person: PersonFacts, stay: Stay) -> bool:
    if person.declined_at is None or stay.ended is None:
        return person.has_declined
    return person.has_declined and stay.ended <= person.declined_at


def bereavement_key(person: str) -> str:
    return f"bereavement:{person}"


def is_worth_asking(stay: Stay, library: Library, now: datetime) -> bool:
    """A cheap no for what can't start anything: ordinary visits, and discharges of an imported history."""
    if stay.setting == "visit":
        return False
    return stay.is_message or not stay.is_discharged or not is_window_closed(stay, None, library, now)


# What is wanted


def _wanted(facts: DischargeFacts, setting: str, meaning: str, library: Library) -> tuple[Work, ...]:
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
        assert facts.person.zone is not None  # _not_datable came first
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
        seen = self._work(
            "visit-after-discharge", "Visit after discharge", visit, last, "home", days=days, tail=tail
        )
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
            left = f"Left the emergency department{f' of {place}' if place else ''} {_said(self.day)}"
        else:
            left = f"Discharged {_said(self.day)}{f' from {place}' if place else ''}"
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


def _bereavement(person: PersonFacts, rule: Rule, key: str, now: datetime) -> Work:
    """Due is counted from the day that we learn of it; without a zone it has none."""
    day, due, target = person.died_on, None, None
    if person.zone:
        calendar = BusinessCalendar(zone_called(person.zone))
        last = calendar.add_business_days(calendar.local_day(now), rule.integer("business_days"))
        due, target = calendar.end_of(last), calendar.working_target(last)
    return Work(
        kind="bereavement",
        title="Bereavement contact with the family",
        because=f"Died{f' {_said(day)}' if day else ''}: {rule.text('phrase')} ({rule.label})",
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


# What can't be dated, or no longer matters


def _reading(stay: Stay, library: Library, now: datetime) -> tuple[str, str]:
    """Setting and meaning. What a person decided wins; who decides about an unclear class says it was a stay."""
    if stay.decided:
        return ("stay" if stay.setting == "unknown" else stay.setting), stay.decided
    meaning = stay.disposition.meaning(library.rule("discharge-dispositions", now.date()))
    if meaning == "admitted" and stay.setting != "emergency":
        meaning = "unknown"  # a finished stay that says it goes on
    return stay.setting, meaning


def _not_datable(facts: DischargeFacts, library: Library, now: datetime) -> Proposal | None:
    """A review instead of an invented deadline; work that is there already is left as it is."""
    stay, person = facts.stay, facts.person
    is_closed = is_window_closed(stay, person.zone, library, now)
    if person.zone and stay.ended_on(zone_called(person.zone)) and not is_closed:
        return None
    if any(_stands(each) and each.dedupe.startswith(key_of(stay, "")) for each in person.work):
        return Proposal(because="What this discharge asked for is there already.")
    if is_closed and not stay.is_message:
        return Proposal(because="A discharge of long ago in an imported history: nothing follows.")
    said = _why_not(stay, person.zone, is_closed)
    return replace(_settle_with(facts, (_review(facts, said, is_closed),), stay), needs_review=said)


def _stands(work: Outstanding) -> bool:
    return work.kind != REVIEW and work.state != "withdrawn"


def _why_not(stay: Stay, zone: str | None, is_closed: bool) -> str:
    if is_closed:
        return "window closed" if zone else CLOSED_UNKNOWN
    return "zone unknown" if stay.ended_as_written else "the discharge has no date"


def _review(facts: DischargeFacts, said: str, is_closed: bool) -> Work:
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


def is_window_closed(stay: Stay, zone: str | None, library: Library, now: datetime) -> bool:
    """Whether the 30 days are over for certain; without a zone, over everywhere on earth."""
    tz = zone_called(zone) if zone else None
    day = stay.ended_on(tz)
    if day is None:
        return False
    last = day + timedelta(days=library.rule("tcm-period", now.date()).integer("days_after"))
    return now.astimezone(tz or LAST_PLACE).date() > last


def _is_recent_death(person: PersonFacts, rule: Rule, now: datetime) -> bool:
    if person.died_on is None:
        return person.is_known
    return now.date() - person.died_on <= timedelta(days=rule.integer("window_days"))


def _with_death_in_hospital(
    person: PersonFacts, stays: Sequence[Stay], library: Library, now: datetime
) -> PersonFacts:
    """A disposition may say that she died before, or without, Patient.deceased; a later stay contradicts it."""
    if person.is_deceased:
        return person
    for stay in stays:
        is_died = stay.is_discharged and _reading(stay, library, now)[1] == "died"
        if is_died and overtaken_by(stay, stays) is None:
            return _dead_in_hospital(person, stay)
    return person


def _dead_in_hospital(person: PersonFacts, stay: Stay) -> PersonFacts:
    tz = zone_called(person.zone) if person.zone else None
    return replace(person, is_deceased=True, died_on=stay.ended_on(tz))


def _settle(facts: DischargeFacts, wanted: tuple[Work, ...], because: str) -> Proposal:
    """The wanted work, and the withdrawal of this visit's open work that is not wanted any more."""
    keys, prefix = {work.dedupe for work in wanted}, key_of(facts.stay, "")
    withdraw = tuple(
        Withdrawal(each.dedupe, because)
        for each in facts.person.work
        if each.state == "open" and each.dedupe.startswith(prefix) and each.dedupe not in keys
    )
    return Proposal(wanted, withdraw, because)


def _settle_with(facts: DischargeFacts, wanted: tuple[Work, ...], stay: Stay) -> Proposal:
    because = "Decided by a person." if stay.decided else "What is known about this discharge has changed."
    proposal = _settle(facts, wanted, because)
    review = next((work for work in wanted if work.kind == REVIEW), None)
    return replace(proposal, needs_review=review.because) if review else proposal


def _said(day: date) -> str:
    """“Fri Nov 20”: never “yesterday”, because the sentence is kept."""
    return f"{day:%a %b} {day.day}"
