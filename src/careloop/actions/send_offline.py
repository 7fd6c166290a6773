"""What was answered on a device without a network comes in: once, through the same checks as the page of questions.

One unit of work a sending. The answers go to the draft first; what then keeps the questions from being finished is
told, and the draft stays. A sending that is repeated, because its answer was lost, finds the response by the key of its
sheet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.complete_assessment import (
    IncompleteAssessment,
    completed,
    finished_by_another,
    refuse_impossible,
    refuse_unfinished,
)
from careloop.actions.drafting import Circumstances, DraftState, InvalidAnswer, OpenDraft, keep, stamp
from careloop.actions.record_safety import SAFE, SafetyMissing, add_to_urgent, safety_words
from careloop.actions.save_answer import alarmed, answered, own_now, tell_changes, unheard
from careloop.actions.start_assessment import PersonDied, told
from careloop.actions.take_offline import NotOurTicket, Ticket, heard_at, read_ticket, who_of
from careloop.care.assess import score, who_is
from careloop.fhir import uris
from careloop.fhir.elements import instant
from careloop.fhir.questionnaire import Answer, Problem
from careloop.library import Instrument, Library
from careloop.store import Stored, Unit, drafts

MOST_ANSWERS: Final = 500
_KEY: Final = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, repr=False)
class Sheet:
    """One set of questions as answered on the device, read from what it sent. answers: key -> values, absent, at, seen
    (the server's stamp of the answer that the device knew, empty for none). there: what she decided about questions
    that stand otherwise here, by key: here or there. same_person, beside: what else she looked at and decided."""

    key: str
    instrument: str
    answers: Mapping[str, Mapping[str, Any]]
    asked: Circumstances | None
    safety: Mapping[str, str]
    is_finished: bool
    device_now: str
    there: Mapping[str, str] = field(default_factory=dict)
    same_person: bool = False
    beside: str | None = None

    def __repr__(self) -> str:
        return f"Sheet({self.key})"


@dataclass(frozen=True, repr=False)
class Difference:
    """A question that was answered otherwise meanwhile."""

    key: str
    here: Answer
    there: Answer

    def __repr__(self) -> str:
        return f"Difference({self.key})"


@dataclass(frozen=True, repr=False)
class Sent:
    """response: it is finished. Else draft: the answers wait there. differences, who, beside: she decides first, and
    then nothing was written. left: answers that fit no question of today, as typed. problems, needs_safety: why it is
    not finished. stamps: which answers stand there now."""

    instrument: Instrument
    patient: Stored
    response: Stored | None = None
    draft: int | None = None
    differences: tuple[Difference, ...] = ()
    who: bool = False
    beside: Stored | None = None
    left: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    needs_safety: bool = False
    alarmed: bool = False
    is_covered: bool = True
    stamps: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        return bool(self.differences or self.who or (self.beside and self.response is None))

    def __repr__(self) -> str:
        return f"Sent({self.response!r})"


def sheet_of(sent: Mapping[str, Any]) -> tuple[str, Sheet]:
    """(ticket, sheet) of what the device sent. Raises NotOurTicket for what is no sheet."""
    try:
        answers = {str(k): dict(v) for k, v in dict(sent["answers"]).items()}
        how, decided = sent.get("asked"), dict(sent.get("decided") or {})
        sheet = Sheet(
            key=str(sent["sheet"]),
            instrument=str(sent["instrument"]),
            answers=answers,
            asked=_circumstances(how) if how else None,
            safety={str(k): str(v) for k, v in dict(sent.get("safety") or {}).items()},
            is_finished=sent.get("finished") is True,
            device_now=str(sent["now"]),
            there={str(k): str(v) for k, v in dict(decided.get("answers") or {}).items()},
            same_person=decided.get("who") is True,
            beside=str(decided["beside"]) if decided.get("beside") else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotOurTicket from None
    if not _KEY.match(sheet.key) or len(answers) > MOST_ANSWERS:
        raise NotOurTicket
    return str(sent.get("ticket", "")), sheet


def _circumstances(how: Mapping[str, Any]) -> Circumstances:
    known = {each.name for each in fields(Circumstances)}
    return Circumstances(**{name: str(said) for name, said in how.items() if said and name in known})


def send_offline(scope: Scope, ticket: str, sheet: Sheet, library: Library, now: datetime) -> Sent:
    """Raises what reading the ticket raises, NotFound for a person she may not see any more, PersonDied."""
    taken = read_ticket(ticket, scope, now)
    key = f"{taken.number}:{sheet.key}"
    instrument = library.instruments.get(sheet.instrument)
    if instrument is None or sheet.instrument not in taken.versions:
        raise NotOurTicket
    with record.begin(scope, now) as unit:
        # Two sendings of one sheet stand in line: the second finds what the first one wrote.
        unit.cursor().execute("select pg_advisory_xact_lock(hashtextextended(%s, 2))", [f"offline:{key}"])
        patient = unit.read("Patient", taken.person)
        if (done := _sent_before(unit, key)) is not None:
            return Sent(instrument, patient, done)
        if patient.resource.get("deceasedDateTime") or patient.resource.get("deceasedBoolean"):
            raise PersonDied
        if who_of(patient.resource) != taken.who and not sheet.same_person:
            return Sent(instrument, patient, who=True)
        return _taken_in(unit, _begun(unit, patient, instrument, sheet, key), patient, taken, sheet, library)


def _sent_before(unit: Unit, key: str) -> Stored | None:
    page = unit.search("QuestionnaireResponse", [("_tag", f"{uris.OFFLINE}|{key}")])
    return next((each for each in page.entries if each.resource["status"] != "in-progress"), None)


def _begun(unit: Unit, patient: Stored, instrument: Instrument, sheet: Sheet, key: str) -> OpenDraft:
    """The draft that stands there, or a new one; of older questions what still fits."""
    kept = drafts.load(unit, patient.rid, instrument.id)
    if kept is None:
        state = DraftState(instrument.id, instrument.version, patient.reference)
        kept = drafts.save(unit, patient.rid, instrument.id, state.kept())
    state = replace(DraftState.read(kept.answers), version=instrument.version, offline=key)
    if sheet.asked:
        state = replace(state, asked=told(unit, patient.reference, sheet.asked))
    return OpenDraft(kept, state, instrument)


def _taken_in(
    unit: Unit, found: OpenDraft, patient: Stored, taken: Ticket, sheet: Sheet, library: Library
) -> Sent:
    instrument, now = found.instrument, unit.now
    at = {key: heard_at(each.get("at"), sheet.device_now, taken, now) for key, each in sheet.answers.items()}
    before = found.state
    after, left = _answered(found, sheet, at)
    if differences := _differences(before, after, sheet):
        return Sent(instrument, patient, differences=differences)
    found, spoke, is_covered = _heard(unit, found, _kept_there(before, after, sheet), sheet, taken, at)
    sent = Sent(
        instrument,
        patient,
        draft=found.draft.id,
        left=tuple(left),
        alarmed=spoke,
        is_covered=is_covered,
        stamps=dict(found.state.said_at),
    )
    if not sheet.is_finished or left:
        return sent
    return _finished(unit, found, sent, taken, sheet, library, max(at.values(), default=now))


def _answered(
    found: OpenDraft, sheet: Sheet, at: Mapping[str, datetime]
) -> tuple[DraftState, list[tuple[str, str]]]:
    """The state with each answer at its own time, and what fits no question (any more)."""
    state, left = found.state, []
    for key, each in sheet.answers.items():
        values, absent = [str(v) for v in each.get("values") or ()], each.get("absent") or None
        try:
            following = answered(_with(found, state), key, values, absent, at[key])
        except InvalidAnswer:
            left.append((key, ", ".join(values) or str(absent or "")))
            continue
        state = own_now(state, following, key)
    return state, left


def _with(found: OpenDraft, state: DraftState) -> OpenDraft:
    return OpenDraft(found.draft, state, found.instrument)


def _differences(before: DraftState, after: DraftState, sheet: Sheet) -> tuple[Difference, ...]:
    """Answered there otherwise, after the device last saw it, and not yet decided."""
    return tuple(
        Difference(key, after.answers.get(key, Answer()), before.answers.get(key, Answer()))
        for key, each in sheet.answers.items()
        if before.answers.get(key) != after.answers.get(key)
        and before.said_at.get(key, "") != str(each.get("seen") or "")
        and sheet.there.get(key) not in ("here", "there")
    )


def _kept_there(before: DraftState, after: DraftState, sheet: Sheet) -> DraftState:
    """Where she chose what stands there, and where the same was said, that stays."""
    answers, said_at = dict(after.answers), dict(after.said_at)
    for key in sheet.answers:
        is_same = before.answers.get(key) == after.answers.get(key)
        if key in before.answers and (is_same or sheet.there.get(key) == "there"):
            answers[key] = before.answers[key]
            said_at[key] = before.said_at.get(key, said_at.get(key, ""))
        elif sheet.there.get(key) == "there":
            answers.pop(key, None)
            said_at.pop(key, None)
    return replace(after, answers=answers, said_at=said_at)


def _heard(
    unit: Unit,
    found: OpenDraft,
    state: DraftState,
    sheet: Sheet,
    taken: Ticket,
    at: Mapping[str, datetime],
) -> tuple[OpenDraft, bool, bool]:
    """Keeps it; what is critical speaks now, with the time when it was said."""
    if said := _safety(found.state, sheet, taken, unit.now):
        state = replace(state, safety=said)
    patient = unit.get([state.person])[state.person].resource
    result = score(found.instrument, state.answers, who_is(patient, unit.now.date()))
    alarms, is_covered, first = unheard(state, result), True, state.urgent
    for alarm in alarms:
        spoken = at.get(alarm.question, unit.now)
        state, has_owner = alarmed(unit, found, state, (alarm,), spoken)
        is_covered = is_covered and has_owner
        late = f"Said at {spoken:%Y-%m-%d %H:%M} UTC where there was no network; it came in only now."
        add_to_urgent(unit, state.urgent[alarm.critical.id], late)
    for key in sheet.answers:
        tell_changes(unit, found, state, key)
    if state.safety and state.safety != found.state.safety:
        for reference in first.values():
            add_to_urgent(unit, reference, safety_words(state))
    return keep(unit, found, state), bool(alarms), is_covered


def _safety(before: DraftState, sheet: Sheet, taken: Ticket, now: datetime) -> dict[str, str]:
    """Where she is and whether she is safe, when the device says it, and later than what stands there; else nothing."""
    told = sheet.safety
    if told.get("safe") not in SAFE:
        return {}
    at = heard_at(told.get("at"), sheet.device_now, taken, now)
    known = instant(before.safety.get("at"))
    where, callback = told.get("where", "").strip()[:500], told.get("callback", "").strip()[:100]
    said = {"where": where, "callback": callback, "safe": told["safe"]}
    is_same = all(before.safety.get(name) == each for name, each in said.items())
    return {} if is_same or (known and at <= known) else {**said, "at": stamp(at)}


def _finished(
    unit: Unit, found: OpenDraft, sent: Sent, taken: Ticket, sheet: Sheet, library: Library, last: datetime
) -> Sent:
    """Finished like on the page; else the answers wait in the draft, and why is told."""
    try:
        refuse_unfinished(found)
    except IncompleteAssessment as missing:
        return replace(sent, problems=tuple(missing.problems))
    except SafetyMissing:
        return replace(sent, needs_safety=True)
    refuse_impossible(unit, found, last)
    other = finished_by_another(unit, found, taken.at)
    if other and other.id != sheet.beside:
        return replace(sent, beside=other)
    return replace(sent, response=completed(unit, found, library, last).response)
