"""What a coordinator takes along to a home without a network: the questions, and the least of one person. The server
keeps nothing of it but the audit row; the ticket that it signs says later what was taken, by whom, about whom."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

from careloop.access import Scope, decide
from careloop.actions import record
from careloop.actions.drafting import DraftState
from careloop.actions.start_assessment import PersonDied, helper_words
from careloop.actions.urgent import next_on_call
from careloop.fhir.elements import Resource, instant
from careloop.fhir.questionnaire.packing import packed
from careloop.kernel.errors import CareError, Conflict, Forbidden
from careloop.library import Instrument, Library
from careloop.library.conditions import Compare, Condition
from careloop.library.scoring import Critical
from careloop.projections.card import PersonCard, card
from careloop.projections.facts import phone_of
from careloop.store import Stored, Unit, drafts

KEPT_FOR: Final = timedelta(days=7)
# What the script of the offline page can ask.
_KINDS: Final = frozenset({"group", "display", "choice", "text", "string", "integer", "date"})
_SIGNER: Final = Signer(salt="careloop.offline")


class NotOurTicket(CareError):
    """This did not come from here, or was changed on the way."""

    code, status, issue_type = "not-our-ticket", 422, "value"


class SomebodyElses(CareError):
    """A colleague took this along. Whoever took it along sends it."""

    code, status, issue_type = "somebody-elses", 403, "forbidden"


class TooOld(Conflict):
    """This was taken along more than seven days ago."""

    code = "too-old"


@dataclass(frozen=True, repr=False)
class Ticket:
    """number: of this packet. who: fingerprint of name and birth date as they were. versions: instrument -> version."""

    number: str
    principal: int
    person: str
    who: str
    at: datetime
    versions: dict[str, int]

    def __repr__(self) -> str:
        return f"Ticket({self.number})"

    def signed(self) -> str:
        told = {"n": self.number, "a": self.principal, "p": self.person, "w": self.who, "v": self.versions}
        return _SIGNER.sign_object({**told, "t": self.at.isoformat()})


def read_ticket(text: str, scope: Scope, now: datetime) -> Ticket:
    """Raises NotOurTicket, SomebodyElses, TooOld."""
    try:
        kept = _SIGNER.unsign_object(text)
        at = datetime.fromisoformat(kept["t"])
        found = Ticket(kept["n"], kept["a"], kept["p"], kept["w"], at, kept["v"])
    except (BadSignature, ValueError, KeyError, TypeError):
        raise NotOurTicket from None
    if found.principal != scope.actor.principal:
        raise SomebodyElses
    if now - found.at > KEPT_FOR:
        raise TooOld
    return found


def account_of(principal: int) -> str:
    """Whose a packet is, for the device: it tells two accounts apart and names nobody."""
    return salted_hmac("careloop.offline.account", str(principal), algorithm="sha256").hexdigest()[:24]


def who_of(patient: Resource) -> str:
    """Changes when name or birth date do."""
    told = [patient.get("name"), patient.get("birthDate")]
    return blake2b(repr(told).encode(), digest_size=12).hexdigest()


def fitting(library: Library) -> list[Instrument]:
    """Those of ours that can be asked without us. What is asked in private alone never lies on a device."""
    return [each for each in library.instruments.values() if _fits(each)]


def _fits(instrument: Instrument) -> bool:
    form = instrument.form
    told = packed(form)
    is_plain = all(item.type in _KINDS for item in form.items)
    reads = {path.partition("/")[0] for each in instrument.scoring.critical for path in each.when.reads()}
    return (
        is_plain
        and not told["needs_server"]
        and not form.repeating
        and not instrument.is_private
        and reads <= {"item", "value"}
    )


@dataclass(frozen=True, repr=False)
class Along:
    """What a page shows before it is taken. begun: instrument -> the draft as it stands."""

    card: PersonCard
    instruments: list[Instrument]
    begun: dict[str, DraftState]

    def __repr__(self) -> str:
        return f"Along({self.card.person!r})"


def look_at(unit: Unit, person: str, library: Library) -> Along:
    """Raises NotFound, Forbidden, PersonDied."""
    if not decide(unit.scope.actor, "create", "QuestionnaireResponse").allowed:
        raise Forbidden
    shown = card(unit, person)
    if shown.is_deceased:
        raise PersonDied
    known = fitting(library)
    begun = {
        each.form: state
        for each in drafts.listed(unit, shown.person.rid)
        if "instrument" in each.answers
        and (state := DraftState.read(each.answers)).instrument in library.instruments
        and library.instruments[state.instrument].version == state.version
    }
    return Along(shown, known, {i.id: begun[i.id] for i in known if i.id in begun})


def take_along(scope: Scope, person: str, library: Library, now: datetime) -> dict[str, Any]:
    """Plain JSON for the device, which encrypts it. Raises NotFound, Forbidden, PersonDied."""
    with record.begin(scope, now) as unit:
        along = look_at(unit, person, library)
        patient = unit.read("Patient", person)
        versions = {each.id: each.version for each in along.instruments}
        number = secrets.token_hex(16)
        ticket = Ticket(number, scope.actor.principal, person, who_of(patient.resource), now, versions)
        unit.saw(
            [patient.rid], f"taken along on a device, {len(versions)} sets of questions, packet {number[:8]}"
        )
        return {
            "id": number,
            "account": account_of(scope.actor.principal),
            "ticket": ticket.signed(),
            "days": KEPT_FOR.days,
            "person": _least(along.card),
            "on_call": _on_call(unit, patient),
            "helpers": [
                [each.reference, helper_words(each)]
                for each in unit.of_person(patient.rid, ["RelatedPerson"])
                if each.resource.get("active", True)
            ],
            "instruments": [instrument_told(each) for each in along.instruments],
            "begun": {name: _begun(state) for name, state in along.begun.items()},
        }


def _on_call(unit: Unit, patient: Stored) -> dict[str, str] | None:
    """Whom she calls herself, while nothing can be sent."""
    first = next_on_call(unit, patient)
    stored = unit.get([first.practitioner]).get(first.practitioner) if first else None
    phone = phone_of(stored.resource) if stored else None
    return {"name": first.name, "phone": phone} if first and phone else None


def _least(shown: PersonCard) -> dict[str, Any]:
    """Who it is, in which language, and what must be known at the door; no address, number, diagnosis or medicine."""
    who = shown.person
    return {
        "id": who.id,
        "name": who.name,
        "age": who.age,
        "language": who.language_code,
        "interpreter": who.needs_interpreter,
        "pronouns": who.pronouns,
        "safety": list(shown.safety),
        "safe_contact": bool(shown.safe),
    }


def _begun(state: DraftState) -> dict[str, Any]:
    """Without what the record filled in and nobody was asked about yet: nothing of the record lies on a device."""
    filled = {key for key, origin in state.origins.items() if not origin.get("confirmed")}
    return {
        "answers": {
            key: {
                "values": [_typed(v) for v in each.values],
                "absent": each.absent,
                "at": state.said_at.get(key, ""),
            }
            for key, each in state.answers.items()
            if key not in filled
        },
        "alarms": sorted(state.urgent),
        "asked": asdict(state.asked),
    }


def _typed(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def instrument_told(instrument: Instrument) -> dict[str, Any]:
    both = ("en", "es")
    return {
        "id": instrument.id,
        "title": {each: instrument.title.get(each) for each in both},
        "short": {each: instrument.short.get(each) for each in both},
        "minutes": instrument.minutes,
        "wording": dict(instrument.wording),
        "copyright": {each: instrument.copyright.get(each) for each in both},
        "form": packed(instrument.form),
        "helps": {
            each.id: {language: each.help.get(language) for language in both}
            for each in instrument.questions
            if each.help
        },
        "critical": [_critical(each) for each in instrument.scoring.critical],
    }


def _critical(each: Critical) -> dict[str, Any]:
    both = ("en", "es")
    return {
        "id": each.id,
        "when": said_condition(each.when),
        "reads": sorted({path.partition("/")[2] for path in each.when.reads()}),
        "say": {language: each.say.get(language) for language in both},
        "do": {language: [line.get(language) for line in each.do] for language in both},
        "numbers": list(each.numbers),
        "asks_safety": each.asks_safety,
    }


def said_condition(stated: Condition) -> dict[str, Any]:
    """As the script reads it: {all|any|not: […]} or {path, operator, value}."""
    if isinstance(stated, Compare):
        value: Any = stated.value
        if isinstance(value, tuple):
            value = [_typed(each) for each in value]
        elif not isinstance(value, bool):
            value = str(value)
        return {"path": stated.path, "operator": stated.operator, "value": value}
    return {stated.kind: [said_condition(part) for part in stated.parts]}


def heard_at(said: Any, device_now: Any, ticket: Ticket, now: datetime) -> datetime:
    """When an answer was given, by our clock: the device's may be wrong, so that only the distance to its own present
    counts; never before it was taken along, never in the future. Raises NotOurTicket for what is no time."""
    at, there = instant(str(said)), instant(str(device_now))
    if at is None or there is None:
        raise NotOurTicket("An answer has no time.")
    return max(ticket.at, min(now, now - (there - at)))
