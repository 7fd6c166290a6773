"""The loop of a referral: one to-do, from the first look to the answer that whoever referred has heard. In the
caller's own unit."""

from __future__ import annotations

from typing import Final

from careloop.actions import working
from careloop.care.enroll import REFERRAL
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codeable, fhir_instant, set_extension
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

STAGE: Final = "urn:careloop:code:referral-stage"
FIRST_LOOK, OUTREACH, ANSWER = "first-look", "outreach", "answer"
HER_ANSWER: Final = "an answer to our call"


def open_referrals(unit: Unit, episode: Stored) -> list[Stored]:
    """The open to-dos of the referrals that led to this enrollment."""
    requests = {each.get("reference") for each in episode.resource.get("referralRequest", ())} - {None}
    if not requests:
        return []
    return [
        task
        for task in unit.of_person(episode.person, ["Task"])
        if is_referral(task.resource)
        and task.resource.get("status") in OPEN
        and (task.resource.get("focus") or {}).get("reference") in requests
    ]


def is_referral(task: Resource) -> bool:
    return code_in(task.get("code"), uris.WORK_CODE) == REFERRAL


def stage_of(task: Resource) -> str:
    return code_in(task.get("businessStatus"), STAGE) or FIRST_LOOK


def wait_for_outreach(unit: Unit, episode: Stored) -> None:
    """It fits; now it waits for what she says."""
    for task in open_referrals(unit, episode):
        resource, _ = working.copy_of(task)
        resource["status"] = "in-progress"
        resource["businessStatus"] = codeable(STAGE, OUTREACH, "She is being asked")
        set_extension(resource, uris.WAITING, "String", HER_ANSWER)
        working.save(unit, resource, task)


def ask_for_answer(unit: Unit, episode: Stored, outcome: str) -> None:
    """It is known what became of it: whoever referred has to hear it. outcome: "joined Transitions"."""
    for task in open_referrals(unit, episode):
        answer_due(unit, task, outcome)


def answer_due(unit: Unit, task: Stored, outcome: str) -> Stored:
    resource, _ = working.copy_of(task)
    who = str((resource.get("requester") or {}).get("display", "whoever referred"))
    title = f"Tell {who} what became of the referral"
    resource["status"] = "in-progress"
    resource["businessStatus"] = {**codeable(STAGE, ANSWER, "Answer due"), "text": outcome}
    resource["description"] = title
    resource["code"] = codeable(uris.WORK_CODE, REFERRAL, title)
    set_extension(resource, uris.WAITING, "String", None)
    set_extension(resource, uris.WAKE, "DateTime", None)
    resource["note"] = [
        *resource.get("note", ()),
        {"text": f"Outcome: {outcome}", "time": fhir_instant(unit.now)},
    ]
    return working.save(unit, resource, task)
