"""Who stands at the front door that Monday: referrals, the way into a program, and the to-dos that follow, as the acts
themselves would have written them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from careloop.actions.outreach import outreach_key_of
from careloop.actions.referral_loop import ANSWER, FIRST_LOOK, HER_ANSWER, OUTREACH, STAGE
from careloop.care import enroll as care
from careloop.care.enroll import Judgment
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, ref, set_extension
from careloop.server.demo.chart import Chart

SOURCE: Final = (
    "The house’s own rule: a referral is looked at within 2 business days, an urgent one the same day."
)


@dataclass(frozen=True)
class Referral:
    """came: (days ago, hour)."""

    program: str
    title: str
    by: str
    why: str
    answer_to: str
    came: tuple[int, str]
    channel: str = "phone"
    is_urgent: bool = False


def referred(chart: Chart, told: Referral) -> tuple[str, Resource]:
    """Waits for a first look. The references of the request, and the enrollment to go on with."""
    request: Resource = {
        "status": "active",
        "intent": "order",
        "priority": "urgent" if told.is_urgent else "routine",
        "code": codeable(uris.PROGRAM, told.program, told.title),
        "subject": chart.subject,
        "authoredOn": chart.days.said(*told.came),
        "requester": {"display": told.by},
        "reasonCode": [{"text": told.why}],
        "performer": [ref(chart.site)],
    }
    set_extension(request, uris.CHANNEL, "Code", told.channel)
    set_extension(request, uris.REFERRER_PHONE, "String", told.answer_to)
    reference = chart.add("ServiceRequest", request)
    episode: Resource = {
        "type": [codeable(uris.PROGRAM, told.program, told.title)],
        "patient": chart.subject,
        "managingOrganization": ref(chart.site),
        "referralRequest": [ref(reference)],
    }
    return reference, care.with_status(episode, "planned", chart.days.at(*told.came))


def first_look(chart: Chart, told: Referral) -> None:
    reference, episode = referred(chart, told)
    chart.add("EpisodeOfCare", episode)
    _referral_task(chart, told, reference, FIRST_LOOK, "Received")


def being_asked(chart: Chart, told: Referral, judged: tuple[int, str], tried: str) -> None:
    """judged: when it was found to fit. tried: the Encounter of a call that nobody answered."""
    reference, episode = referred(chart, told)
    at = chart.days.at(*judged)
    episode = care.with_status(episode, "waitlist", at)
    because = "No death was reported; A social need was found, or somebody referred her."
    episode = care.with_judgment(episode, Judgment(True, because, at, chart.lead))
    way = chart.add("EpisodeOfCare", episode)
    _referral_task(chart, told, reference, OUTREACH, "She is being asked", waiting=HER_ANSWER)
    work = Work(
        kind=care.OUTREACH,
        title=f"Call to offer {told.title}",
        because=f"It fits: {because}",
        klass=WorkClass.ROUTINE,
        dedupe=outreach_key_of(way.partition("/")[2]),
        due=chart.days.due(0, "17:00"),
        target=chart.days.due(0, "17:00"),
        zone=chart.days.zone_name,
        owner=chart.lead,
        program=told.program,
        reasons=(way,),
        site=chart.site,
    )
    task = to_task(work, chart.patient, at)
    task["owner"]["display"] = chart.lead_name
    task["output"] = [{"type": codeable(uris.TASK_IO, "attempt"), "valueReference": ref(tried)}]
    task["status"] = "in-progress"
    chart.add("Task", {name: value for name, value in task.items() if name != "resourceType"}, "outreach")


def does_not_fit(chart: Chart, told: Referral, judged: tuple[int, str], why: str) -> None:
    """It has ended; whoever referred does not know yet."""
    reference, episode = referred(chart, told)
    at = chart.days.at(*judged)
    episode = care.with_status(episode, "cancelled", at)
    episode = care.with_judgment(episode, Judgment(False, why, at, chart.lead))
    set_extension(
        episode, uris.REASON, "CodeableConcept", codeable(uris.REASON, "does-not-fit", "Does not fit")
    )
    set_extension(episode, uris.BECAUSE, "String", why)
    episode["period"] = {"end": chart.days.said(*judged)}
    chart.add("EpisodeOfCare", episode)
    outcome = f"did not join {told.title}: Does not fit. {why}"
    _referral_task(chart, told, reference, ANSWER, "Answer due", outcome=outcome)


def _referral_task(
    chart: Chart,
    told: Referral,
    reference: str,
    stage: str,
    words: str,
    *,
    waiting: str = "",
    outcome: str = "",
) -> None:
    title = (
        f"Tell {told.by} what became of the referral"
        if outcome
        else f"Referral: see whether {told.title} fits"
    )
    due = chart.days.due(0, "17:00")
    work = Work(
        kind=care.REFERRAL,
        title=title,
        because=f"{told.by} referred: {told.why}",
        klass=WorkClass.CLOCK if told.is_urgent else WorkClass.ROUTINE,
        dedupe=f"referral:{reference.partition('/')[2]}",
        due=due,
        target=due,
        zone=chart.days.zone_name,
        source=SOURCE,
        rule="referral-first-look@2026",
        owner=chart.lead,
        program=told.program,
        reasons=(reference,),
        waiting_on=waiting or None,
        site=chart.site,
    )
    task = to_task(work, chart.patient, chart.days.at(*told.came))
    task["owner"]["display"] = chart.lead_name
    task |= {
        "focus": ref(reference),
        "requester": {"display": told.by},
        "businessStatus": codeable(STAGE, stage, words) | ({"text": outcome} if outcome else {}),
    }
    chart.add("Task", {name: value for name, value in task.items() if name != "resourceType"}, "referral")
