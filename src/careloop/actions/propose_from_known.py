"""Propose from all that is known today: the newest answers to each instrument, and a hospital stay that just ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.known_stays import known_stays, went_to
from careloop.actions.propose_plan import answered_on, local_day, write_proposal
from careloop.care.assess import Score, score
from careloop.care.plan import Told
from careloop.care.stay import Stay
from careloop.fhir.elements import instant
from careloop.fhir.responses import answers_of
from careloop.kernel.days import day_said
from careloop.kernel.errors import Conflict
from careloop.library import Instrument, Library, Words
from careloop.store import Stored, Unit

ANSWERS_HOLD: Final = timedelta(days=90)
STAY_HOLDS_DAYS: Final = 30


class NothingToProposeFrom(Conflict):
    """There is nothing to propose from: no answers of the last 90 days, no hospital stay of the last 30."""

    code = "nothing-to-propose-from"


@dataclass(frozen=True, repr=False)
class Known:
    """told: what the templates may ask. because: one sentence. evidence: references of the responses."""

    told: Told
    because: Words
    evidence: tuple[str, ...]
    key: str

    def __repr__(self) -> str:
        return f"Known({self.key})"


def propose_from_known(scope: Scope, person: str, library: Library, now: datetime) -> Stored | None:
    """person: Patient id. None when all of it stands in the plan already. Raises NothingToProposeFrom."""
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        known = known_of(unit, patient, library)
        if known is None:
            raise NothingToProposeFrom
        return write_proposal(unit, patient, known.told, library, known.because, known.key, known.evidence)


def known_of(unit: Unit, patient: Stored, library: Library) -> Known | None:
    today = local_day(patient.resource, unit.now)
    answered = _answered(unit, patient, library)
    stay = _stay(unit, patient, library, today)
    if not answered and stay is None:
        return None
    facts: dict[str, object] = {}
    said: list[Words] = []
    if stay is not None:
        facts = _facts(unit, stay, library, today)
        said.append(_stay_words(stay, today))
    for instrument, _, on in answered:
        said.append(answered_on(instrument, on))
    evidence = tuple(sorted(result.response for _, result, _ in answered))
    key = "|".join(
        [*(reference.rpartition("/")[2] for reference in evidence), *([stay.visit] if stay else [])]
    )
    because = Words("; ".join(w.en for w in said) + ".", "; ".join(w.es for w in said) + ".")
    return Known(_told([result.score for _, result, _ in answered], facts), because, evidence, f"known:{key}")


@dataclass(frozen=True)
class _Result:
    response: str
    score: Score


def _answered(unit: Unit, patient: Stored, library: Library) -> list[tuple[Instrument, _Result, date]]:
    """The newest complete response of each instrument, not older than its answers hold."""
    by_canonical = {each.canonical: each for each in library.instruments.values()}
    newest: dict[str, tuple[datetime, Stored]] = {}
    for stored in unit.of_person(patient.rid, ["QuestionnaireResponse"]):
        resource = stored.resource
        at = instant(resource.get("authored"))
        known = by_canonical.get(str(resource.get("questionnaire", "")))
        is_done = resource.get("status") in ("completed", "amended")
        if not (known and at and is_done) or unit.now - at > ANSWERS_HOLD:
            continue
        if known.id not in newest or newest[known.id][0] < at:
            newest[known.id] = (at, stored)
    found = []
    for name, (at, stored) in sorted(newest.items()):
        instrument = library.instruments[name]
        answers, _ = answers_of(instrument.form, stored.resource)
        found.append((instrument, _Result(stored.reference, score(instrument, answers)), at.date()))
    return found


def _stay(unit: Unit, patient: Stored, library: Library, today: date) -> Stay | None:
    """The newest stay that ended in the last 30 days, unless another has begun since."""
    stays = [
        each for each in known_stays(unit, patient.rid, library) if each.setting == "stay" and each.has_begun
    ]
    if any(each.ended_as_written is None for each in stays if not each.is_discharged):
        return None
    ended = [each for each in stays if each.is_discharged and each.ended_as_written]
    newest = max(ended, key=lambda each: each.ended_as_written or date.min, default=None)
    if newest is None or newest.ended_as_written is None:
        return None
    return newest if 0 <= (today - newest.ended_as_written).days < STAY_HOLDS_DAYS else None


def _facts(unit: Unit, stay: Stay, library: Library, today: date) -> dict[str, object]:
    ended = stay.ended_as_written
    facts: dict[str, object] = {"days_since_discharge": (today - ended).days} if ended else {}
    meaning = went_to(stay, library, unit)
    return {**facts, **({"discharged_to": meaning} if meaning else {})}


def _stay_words(stay: Stay, today: date) -> Words:
    on = stay.ended_as_written or today
    return Words(f"Left the hospital on {day_said(on, 'en')}", f"Salió del hospital el {day_said(on, 'es')}")


def _told(results: list[Score], facts: Mapping[str, object]) -> Told:
    scores: dict[str, Decimal | None] = {}
    at_least: dict[str, Decimal] = {}
    bands: dict[str, Any] = {}
    findings: set[str] = set()
    for each in results:
        scores[each.instrument] = each.value
        if each.at_least is not None:
            at_least[each.instrument] = each.at_least
        if each.band:
            bands[each.instrument] = each.band.text
        findings |= {f"{each.instrument}/{found.id}" for found in each.findings}
    return Told(scores, at_least, bands, frozenset(findings), frozenset(scores), facts=facts)
