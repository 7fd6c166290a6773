"""The answer to whoever referred: told by phone, or a letter that leaves after 30 seconds. It closes the loop."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope, labels
from careloop.actions import record, working
from careloop.actions.referral_loop import is_referral
from careloop.actions.working import Result
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.kernel.errors import CareError
from careloop.projections import disclosures
from careloop.projections.disclosures import Content, Item
from careloop.store import Stored, Unit

HOW: Final = ("phone", "letter")
MEDIUM: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
HELD: Final = timedelta(seconds=30)
LETTER: Final = "letter"
CLOSED: Final = "The referrer was answered"
ANSWERED: Final = "Answer to whoever referred this person"


class BadAnswer(CareError):
    """Write what they should hear, and choose how it reaches them."""

    code, status, issue_type = "bad-answer", 422, "required"


class NoReferral(CareError):
    """This to-do is not about a referral."""

    code, status = "no-referral", 422


def answer_referrer(
    scope: Scope,
    task: str,
    how: str,
    words: str,
    now: datetime,
    *,
    to: str = "",
    version: int | None = None,
) -> Result:
    """how: phone (told just now) or letter (leaves in 30 s unless undone). to: name and number or address.

    Raises BadAnswer, NoReferral, StaleVersion, WorkEnded."""
    said = words.strip()[:5_000]
    if how not in HOW or not said:
        raise BadAnswer
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version)
        if not is_referral(seen.resource):
            raise NoReferral
        letter = unit.create(_communication(unit, seen, how, said, to))
        if how == "phone":
            _account(unit, letter, how)
        saved = _close(unit, seen, letter)
        request = _close_request(unit, seen)
        if how == LETTER:
            asker = str((seen.resource.get("requester") or {}).get("reference", ""))
            payload = {
                "communication": letter.reference,
                "to": _to(seen, to),
                "text": said,
                "recipient": asker,
            }
            unit.send(
                f"{saved.reference}@{saved.version}", LETTER, _to(seen, to), payload, seen.person, now + HELD
            )
        back = working.undo_token(saved, letter, *([request] if request else []))
        return Result(saved, back, made=(letter,))


def letter_left(scope: Scope, communication: str, now: datetime) -> Stored:
    """The letter has left the house: the record says when."""
    with record.begin(scope, now) as unit:
        seen = unit.read("Communication", communication)
        if seen.resource.get("status") != "in-progress":
            return seen
        left = unit.update(
            {**seen.resource, "status": "completed", "sent": fhir_instant(now)}, if_match=seen.version
        )
        _account(unit, left, "mail")
        return left


def _account(unit: Unit, letter: Stored, method: str) -> None:
    """Into the accounting of disclosures, in the commit in which it left; a letter that was taken back never did."""
    words = [str(each.get("contentString", "")) for each in letter.resource.get("payload", ())]
    to = ", ".join(str(each.get("display", "")) for each in letter.resource.get("recipient", ()))
    bits = disclosures.labels_of(unit, [letter.rid]).get(letter.rid, labels.UNKNOWN) & labels.SENSITIVE
    items = tuple(
        Item(letter.reference, letter.version, "letter", each, "treatment", labels=bits)
        for each in words
        if each
    )
    disclosures.record(
        unit,
        f"answer:{letter.id}",
        letter.person,
        name=to,
        method=method,
        basis="treatment",
        purpose=ANSWERED,
        content=Content(items),
    )


def _to(task: Stored, to: str) -> str:
    return " ".join(to.split())[:200] or str((task.resource.get("requester") or {}).get("display", ""))


def _communication(unit: Unit, task: Stored, how: str, words: str, to: str) -> Resource:
    is_told = how == "phone"
    return {
        "resourceType": "Communication",
        "status": "completed" if is_told else "in-progress",
        **({"basedOn": [task.resource["focus"]]} if "focus" in task.resource else {}),
        "partOf": [ref(task.reference)],
        "topic": {"text": f"Answer about the referral, to {_to(task, to)}"},
        "medium": [codeable(MEDIUM, "PHONE" if is_told else "WRITTEN", how)],
        "subject": task.resource["for"],
        "recipient": [{"display": _to(task, to)}],
        "payload": [{"contentString": words}],
        **({"sent": fhir_instant(unit.now)} if is_told else {}),
        **({"sender": working.me(unit)} if unit.scope.actor.practitioner else {}),
    }


def _close(unit: Unit, seen: Stored, letter: Stored) -> Stored:
    resource, _ = working.copy_of(seen)
    output = {"type": codeable(uris.TASK_IO, "answer"), "valueReference": ref(letter.reference)}
    resource["output"] = [*resource.get("output", ()), output]
    resource["status"] = "completed"
    resource["statusReason"] = {**codeable(uris.REASON, "done", "Done"), "text": CLOSED}
    resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": fhir_instant(unit.now)}
    return working.save(unit, resource, seen)


def _close_request(unit: Unit, task: Stored) -> Stored | None:
    reference = str((task.resource.get("focus") or {}).get("reference", ""))
    request = unit.get([reference]).get(reference)
    if request and request.resource.get("status") == "active":
        return unit.update({**request.resource, "status": "completed"}, if_match=request.version)
    return None
