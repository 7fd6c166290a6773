"""Whose message is this? The record is asked, care/identify.py decides; what is not sure becomes a person's task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from careloop.actions import hospital_reviews
from careloop.care.identify import Ambiguous, Match, facts_of, identify
from careloop.care.told import mark_of
from careloop.care.work import Work, WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, codings, fhir_instant
from careloop.projections import identity
from careloop.projections.identity import one_at_a_time
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit, merges

__all__ = ["Stranger", "Who", "identify_person", "messages_of", "one_at_a_time", "remember"]

MESSAGE, PERSON, NEW = "message", "person", "new-person"  # Task.input and Task.output
INCOMING: Final = "incoming"


@dataclass(frozen=True, repr=False)
class Stranger:
    """patient: as the message says her. source: its sender. message: its number in the inbox. words: the event."""

    patient: Resource
    source: str
    words: str
    message: int
    site: str | None = None
    zone: str | None = None

    @property
    def key(self) -> str:
        """The same for every message that says the same of the same person: one question, asked once."""
        facts = facts_of(self.patient)
        told = [sorted(facts.numbers), sorted(facts.names), facts.birth_date, facts.gender]
        return f"match:{self.source}:{mark_of(told)}"


@dataclass(frozen=True)
class Who:
    """person: "Patient/…", None for somebody new. is_open: nobody knows yet. task: of the decision, if any."""

    person: str | None
    is_open: bool = False
    because: str = ""
    task: str | None = None


def identify_person(unit: Unit, stranger: Stranger) -> Who:
    """A decision that a person took stands; else the rules decide, and where they can't, a person is asked."""
    asked = hospital_reviews.find(unit, stranger.key)
    if asked is not None and (decided := _decision(asked)):
        return _where_she_is(unit, decided)
    known = identity.look_alikes(unit, stranger.patient)
    answer = identify(facts_of(stranger.patient), [facts_of(one.resource) for one in known])
    if isinstance(answer, Match):
        return Who(answer.person, because=answer.because)
    if isinstance(answer, Ambiguous):
        _ask(unit, stranger, answer, asked)
        return Who(None, is_open=True, because=answer.because)
    return Who(None, because=answer.because)


def remember(unit: Unit, who: Who, person: str) -> None:
    """After “somebody new” was written: the next message about her finds her by the same decision."""
    if who.task is None or who.person is not None:
        return
    task = unit.read("Task", who.task.partition("/")[2])
    found = {"type": codeable(uris.TASK_IO, PERSON), "valueReference": {"reference": person}}
    output = [*task.resource.get("output", ()), found]
    unit.update({**task.resource, "for": {"reference": person}, "output": output}, if_match=task.version)


def messages_of(task: Resource) -> list[int]:
    """The numbers in the inbox of the messages that wait for this decision."""
    return [int(each["valueString"]) for each in _with(task.get("input", ()), MESSAGE)]


def _decision(task: Stored) -> Who | None:
    if task.resource.get("status") != "completed":
        return None
    outputs = task.resource.get("output", ())
    for chosen in _with(outputs, PERSON):
        return Who(chosen["valueReference"]["reference"], because="A person decided.", task=task.reference)
    if _with(outputs, NEW):
        return Who(None, because="A person decided that this is somebody new.", task=task.reference)
    return None


def _where_she_is(unit: Unit, decided: Who) -> Who:
    """Her record may have been joined to another since."""
    rid = unit.rid_of(decided.person) if decided.person else None
    last = merges.survivors(unit, [rid]).get(rid) if rid is not None else None
    return decided if last is None else replace(decided, person=unit.reference_of(last))


def _with(items: Any, code: str) -> list[Resource]:
    return [each for each in items if (uris.TASK_IO, code) in codings(each.get("type"))]


def _ask(unit: Unit, stranger: Stranger, answer: Ambiguous, asked: Stored | None) -> None:
    came = {"type": codeable(uris.TASK_IO, MESSAGE), "valueString": str(stranger.message)}
    if asked is None:
        contained = {**{k: v for k, v in stranger.patient.items() if k != "meta"}, "id": INCOMING}
        hospital_reviews.ask(unit, _work(unit, stranger, answer), None, inputs=[came], contained=contained)
        return
    task = dict(asked.resource)
    if stranger.message not in messages_of(task):
        task["input"] = [*task.get("input", ()), came]
    if task.get("status") not in OPEN:  # closed without saying who it is: the question stands again
        task |= {"status": "requested", "lastModified": fhir_instant(unit.now)}
        task.pop("executionPeriod", None)
    unit.update(task, if_match=asked.version)


def _work(unit: Unit, stranger: Stranger, answer: Ambiguous) -> Work:
    return Work(
        kind=hospital_reviews.MATCH,
        title="Decide who this is",
        because=f"{stranger.words}: the hospital’s message may be about somebody we know. {answer.because}",
        klass=WorkClass.CLOCK,
        dedupe=stranger.key,
        target=hospital_reviews.by_tonight(stranger.zone, unit.now),
        zone=stranger.zone,
        site=stranger.site,
        reasons=answer.candidates,
    )
