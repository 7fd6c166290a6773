"""What follows when somebody leaves a hospital, is admitted again, or dies. Pure.

`on_discharge` tells the whole state that one stay asks for: the work that should be there, and what should not be
there any more. Asked again about the same facts it says the same, whatever came in which order.
The rules, their numbers and their sources: content/rules/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from careloop.care.stay import CANCELED, Outstanding, Stay
from careloop.care.transition_facts import (
    DEATH_IS_KNOWN,
    DEATH_STOPS,
    PREFIX,
    REVIEW,
    REVIEW_DEATH,
    DischargeFacts,
    PersonFacts,
    bereavement_key,
    is_declined,
    is_of_earlier,
    is_window_closed,
    key_of,
    said_day,
    stopped_by_death,
)
from careloop.care.transition_work import bereavement, review_of, why_not, work_for
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.kernel.calendar import zone as zone_called
from careloop.library import Library, Rule

__all__ = [
    "Attempt",
    "DischargeFacts",
    "PersonFacts",
    "bereavement_key",
    "contact_standing",
    "has_died",
    "key_of",
    "on_discharge",
    "reading",
    "what_follows",
    "with_decision",
]


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
        return _settle(facts, (), DEATH_IS_KNOWN)
    if facts.later is not None:
        return on_admission(facts, facts.later)
    if is_declined(person, stay):
        return _settle(facts, (), "This person declined the transitions program.")
    setting, meaning = reading(stay, library, now)
    if setting == "visit" or meaning in ("admitted", "nothing"):
        return _settle(facts, (), "Nothing follows this kind of visit.")
    if meaning == "died":
        return on_death(_dead_in_hospital(person, stay), library, now)
    if (unclear := _not_datable(facts, library, now)) is not None:
        return unclear
    return _settle_with(facts, work_for(facts, setting, meaning, library), stay)


def on_cancel(facts: DischargeFacts) -> Proposal:
    """The stay is not finished (any more): what its discharge had asked for goes."""
    if facts.stay.status in CANCELED:
        return _settle(facts, (), "The hospital canceled this stay (A11).")
    return _settle(facts, (), "The hospital canceled the discharge (A13); the stay goes on.")


def on_admission(facts: DischargeFacts, later: Stay) -> Proposal:
    """Admitted again: what the earlier discharge asked for no longer fits; the next discharge starts anew."""
    zone = zone_called(facts.person.zone) if facts.person.zone else None
    day = later.started.astimezone(zone).date() if later.started and zone else None
    when = f" {said_day(day)}" if day else ""
    where = f" to {later.facility}" if later.facility else ""
    return _settle(facts, (), f"Admitted again{when}{where}; the next discharge starts anew.")


def on_death(person: PersonFacts, library: Library, now: datetime) -> Proposal:
    """One bereavement contact, and all outreach stops. A death long ago, or of somebody nobody here cares for
    and whose day is not known, only stops what is open. Work about somebody's safety stays until a person closes it:
    a death may be told of the wrong person."""
    rule = library.rule("bereavement", now.date())
    stays = frozenset(rule.values["stays"])
    because = DEATH_STOPS
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
    return Proposal(work=(bereavement(person, rule, key, now),), withdraw=withdraw, because=because)


def on_death_taken_back(person: PersonFacts) -> Proposal:
    """The record no longer says that she died: the bereavement contact goes, what the death stopped is open again,
    and a person looks at it, also when somebody has made that call already (and heard that she lives)."""
    key, stopped = bereavement_key(person.reference), stopped_by_death(person)
    is_told = any(each.dedupe == key and each.state != "withdrawn" for each in person.work)
    reviews = {each.dedupe: each for each in person.work if each.kind == REVIEW_DEATH}
    gone = (Withdrawal(key, "The record no longer says that this person has died."),) if is_told else ()
    if not stopped and (not is_told or reviews):
        return Proposal(withdraw=gone)
    review = _review_of_death(person, stopped, reviews)
    restore = tuple(each.dedupe for each in stopped)
    return Proposal((review,), gone, review.because, review.because, restore=restore)


def _review_of_death(
    person: PersonFacts, stopped: Sequence[Outstanding], reviews: Mapping[str, Outstanding]
) -> Work:
    """Names each piece of work that came back. A second mistake is a second question."""
    base = key = f"{REVIEW_DEATH}:{person.reference}"
    number = 1
    while (found := reviews.get(key)) and found.state in ("done", "closed"):
        number += 1
        key = f"{base}:{number}"
    said = "The record said that this person had died and no longer does."
    names = "; ".join(dict.fromkeys(each.title for each in stopped if each.title))
    return Work(
        kind=REVIEW_DEATH,
        title="Check the work that stopped by mistake",
        because=f"{said} Check whether what is back on the list still fits.",
        klass=WorkClass.CLOCK,
        dedupe=key,
        owner=person.lead,
        site=person.site,
        zone=person.zone,
        details=f"Back on the list: {names}." if names else None,
    )


def what_follows(
    person: PersonFacts, stays: Sequence[Stay], library: Library, now: datetime, *, are_all: bool = True
) -> Proposal:
    """Everything that all of one person's stays ask for together, and her death with them. are_all: whether these
    are all of her stays; somebody who may not see each of them can't say that one is gone."""
    stays = [with_decision(stay, person.work) for stay in stays]
    person = _with_death_in_hospital(person, stays, library, now)
    asked = [
        on_discharge(DischargeFacts(person, stay, overtaken_by(stay, stays)), library, now)
        for stay in stays
        if is_worth_asking(stay, library, now)
    ]
    if person.is_deceased:
        asked.append(on_death(person, library, now))
    if are_all:
        asked.append(_on_lost(person, stays))
        asked += [] if person.is_deceased else [on_death_taken_back(person)]
    work = {each.dedupe: each for proposal in asked for each in proposal.work}
    withdraw = {each.dedupe: each for proposal in asked for each in proposal.withdraw}
    reviews = [proposal.needs_review for proposal in asked if proposal.needs_review]
    withdraw = {key: each for key, each in withdraw.items() if key not in work}
    because = " ".join(dict.fromkeys(proposal.because for proposal in asked if proposal.because))
    restore = tuple(key for proposal in asked for key in proposal.restore if key not in work)
    return Proposal(
        tuple(work.values()),
        tuple(withdraw.values()),
        because,
        reviews[0] if reviews else None,
        restore=restore,
    )


def has_died(person: PersonFacts, stays: Sequence[Stay], library: Library, now: datetime) -> bool:
    """By the record of the person, or because a hospital, or whoever decided about its words, says so."""
    decided = [with_decision(stay, person.work) for stay in stays]
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


def with_decision(stay: Stay, work: Sequence[Outstanding]) -> Stay:
    """With what a person decided about it, as long as the hospital says the same."""
    if stay.decided:
        return stay
    prefix = key_of(stay, REVIEW)
    for each in work:
        is_about_it = each.dedupe == prefix or each.dedupe.startswith(f"{prefix}:")
        if is_about_it and each.decided and not is_of_earlier(each, stay) and each.state == "done":
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


def is_worth_asking(stay: Stay, library: Library, now: datetime) -> bool:
    """A cheap no for what can't start anything: ordinary visits, and discharges of an imported history."""
    if stay.setting == "visit":
        return False
    return stay.is_message or not stay.is_discharged or not is_window_closed(stay, None, library, now)


# What can't be dated, or no longer matters


def reading(stay: Stay, library: Library, now: datetime) -> tuple[str, str]:
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
    said = why_not(stay, person.zone, is_closed)
    return replace(_settle_with(facts, (review_of(facts, said, is_closed),), stay), needs_review=said)


def _stands(work: Outstanding) -> bool:
    return work.kind != REVIEW and work.state != "withdrawn"


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
        is_died = stay.is_discharged and reading(stay, library, now)[1] == "died"
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
