"""What in a resource belongs into a person's story: contacts, events, results, decisions, notes. Pure.

Titles are fixed English sentences, so that pages can translate them; what differs stands in `detail`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from careloop.care.case_review import talk_of
from careloop.care.interpreted import interpreted_in
from careloop.care.merge import LIFECYCLE
from careloop.care.reading_limits import CATEGORY as LIMITS
from careloop.care.work import WorkClass, work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, day, extension, instant, text_of
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone

SYSTOLIC = "8480-6"
PAPERS = frozenset({"59284-0", "64298-3"})  # LOINC: a consent, a power of attorney
HOSPITAL = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC", "SS"})
NEEDS = frozenset({"health-concern", "sdoh"})
JOINING = {"merge": "Two records were joined", "unmerge": "Joined records were taken apart"}


class BareDay(datetime):
    """A day without an hour. It stands at noon UTC, so that it is the same day in every American zone."""


@dataclass(frozen=True, repr=False)
class Moment:
    """key: tells apart what one resource gives. at: a BareDay where the record says no hour.
    kind: contact, attempt, event, result, decision, note. who: a reference, or words."""

    key: str
    at: datetime
    kind: str
    title: str
    detail: str | None = None
    who: str | None = None
    why: str | None = None

    @property
    def has_hour(self) -> bool:
        return not isinstance(self.at, BareDay)

    def __repr__(self) -> str:
        return f"Moment({self.kind} {self.key})"


REACHED = {
    "phone": "Reached by phone",
    "video": "Video visit",
    "home": "Home visit",
    "office": "Office visit",
    "text": "Answered by text",
    "mail": "Answered by mail",
}
ATTEMPTS = {
    "no-answer": "Called, no answer",
    "left-message": "Called, left a message",
    "wrong-number": "Called, wrong number",
    "declined": "Reached, did not want to talk",
}


def moments(resource: Resource, written: datetime) -> list[Moment]:
    """written: when this version was written, for what has no time of its own."""
    teller = TELLERS.get(resource["resourceType"])
    return list(teller(resource, written)) if teller else []


def at_of(text: Any) -> datetime | None:
    """A FHIR time; a BareDay for a day without an hour."""
    if found := instant(text):
        return found
    on = day(text) if isinstance(text, str) else None
    return BareDay.combine(on, time(12), tzinfo=UTC) if on else None


def day_where(text: Any, zone_name: str | None) -> date | None:
    """The day of a FHIR time where somebody lives: an evening's word is of that evening, not of tomorrow. Of an
    unknown zone: the day in UTC."""
    at = at_of(text)
    if at is None:
        return None
    try:
        return at.date() if isinstance(at, BareDay) else at.astimezone(zone(zone_name or "UTC")).date()
    except UnknownZone:
        return at.date()


def _who(element: Mapping[str, Any] | None) -> str | None:
    found = element or {}
    said = found.get("reference") or found.get("display")
    return str(said) if said else None


def _encounter(resource: Resource, written: datetime) -> Iterator[Moment]:
    period = resource.get("period") or {}
    began, ended = at_of(period.get("start")), at_of(period.get("end"))
    if resource.get("status") in ("cancelled", "entered-in-error"):
        return
    outcome = code_in(extension(resource, uris.OUTCOME), uris.CONTACT_OUTCOME)
    if outcome is not None:
        if began:
            yield _contact(resource, outcome, began)
        return
    kind = (resource.get("class") or {}).get("code")
    where, why = _who(resource.get("serviceProvider")), _reason(resource)
    is_stay, is_emergency = kind in HOSPITAL, kind == "EMER"
    if began and resource.get("status") != "planned":
        title = (
            "Went into the hospital"
            if is_stay
            else "Came to the emergency department"
            if is_emergency
            else "Visit"
        )
        yield Moment("began", began, "event", title, why, where)
    if ended and (is_stay or is_emergency) and resource.get("status") == "finished":
        title = "Left the hospital" if is_stay else "Left the emergency department"
        yield Moment("ended", ended, "event", title, why, where)


def _contact(resource: Resource, outcome: str, began: datetime) -> Moment:
    channel = str(extension(resource, uris.CHANNEL) or "phone")
    who = next((_who(p.get("individual")) for p in resource.get("participant", ())), None)
    if outcome == "reached":
        title, through = REACHED.get(channel, "Reached"), interpreted_in(resource)
        why = through.token() if through else None
        return Moment("contact", began, "contact", title, _reason(resource), who, why)
    return Moment(
        "contact", began, "attempt", ATTEMPTS.get(outcome, "Tried to reach"), _reason(resource), who
    )


def _reason(resource: Resource) -> str | None:
    return next((said for concept in resource.get("reasonCode", ()) if (said := text_of(concept))), None)


def _observation(resource: Resource, written: datetime) -> Iterator[Moment]:
    at = at_of(resource.get("effectiveDateTime")) or at_of(
        (resource.get("effectivePeriod") or {}).get("start")
    )
    value = value_words(resource)
    from_answers = any(
        str(d.get("reference", "")).startswith("QuestionnaireResponse/")
        for d in resource.get("derivedFrom", ())
    )
    is_item = from_answers and "valueQuantity" not in resource and "valueInteger" not in resource
    if at is None or not value or is_item or resource.get("status") in ("entered-in-error", "cancelled"):
        return
    who = next((_who(p) for p in resource.get("performer", ())), None)
    yield Moment(
        "value",
        at,
        "result",
        text_of(resource.get("code")) or "Observation",
        value,
        who,
        text_of(resource.get("method")) or None,
    )


def value_words(resource: Mapping[str, Any]) -> str:
    """`142/88 mmHg`, `14, moderately severe`, her own words; empty when there is nothing to say."""
    measured = [c for c in resource.get("component", ()) if "valueQuantity" in c]
    measured.sort(
        key=lambda c: code_in(c.get("code"), uris.LOINC) != SYSTOLIC
    )  # some send the diastolic first
    parts = [_quantity(c["valueQuantity"]) for c in measured]
    if len(parts) == 2 and parts[0][1] == parts[1][1]:
        said = f"{parts[0][0]}/{parts[1][0]} {parts[0][1]}"
    elif "valueQuantity" in resource:
        said = " ".join(
            part for part in _quantity(resource["valueQuantity"]) if part and not part.startswith("{")
        )
    else:
        value = resource.get("valueString") or resource.get("valueInteger")
        said = str(value) if value is not None else text_of(resource.get("valueCodeableConcept"))
    band = next((found for concept in resource.get("interpretation", ()) if (found := text_of(concept))), "")
    return ", ".join(part for part in (said.strip(), band) if part)


def _quantity(quantity: Mapping[str, Any]) -> tuple[str, str]:
    return shown_number(quantity.get("value")), str(quantity.get("unit") or quantity.get("code") or "")


def shown_number(value: Any) -> str:
    """As a page shows it: a machine's long tail is cut to two decimals, or to three digits that mean something; the
    record keeps it as it was sent."""
    if value is None:
        return ""
    number = Decimal(str(value))
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= -3:
        return str(value)
    places = max(2, 2 - number.adjusted())
    return f"{number:.{places}f}".rstrip("0").rstrip(".")


def _response(resource: Resource, written: datetime) -> Iterator[Moment]:
    at = at_of(resource.get("authored"))
    if at and resource.get("status") in ("completed", "amended"):
        name = str(resource.get("questionnaire", "")).partition("|")[0].rpartition(":")[2].rpartition("/")[2]
        yield Moment(
            "answered",
            at,
            "result",
            "Assessment completed",
            name.upper() or None,
            _who(resource.get("author")),
        )


def _plan(resource: Resource, written: datetime) -> Iterator[Moment]:
    created, status, who = (
        at_of(resource.get("created")) or at_of((resource.get("period") or {}).get("start")) or written,
        resource.get("status"),
        _who(resource.get("author")),
    )
    if status == "draft":
        yield Moment("proposed", created, "decision", "Plan proposed", resource.get("title"), who)
    elif status == "active":
        yield Moment("agreed", created, "decision", "Plan agreed", None, who)
        if _is_rewritten(resource) and (written - created).total_seconds() > 3600:
            yield Moment("changed", written, "decision", "Plan changed", None, who)
    elif status in ("completed", "revoked") and resource.get("intent") == "plan":
        yield Moment("ended", written, "decision", "Plan ended", None, who)


def _is_rewritten(resource: Resource) -> bool:
    """What came to us whole, however old, was not changed by coming."""
    return str((resource.get("meta") or {}).get("versionId", "1")) != "1"


def _condition(resource: Resource, written: datetime) -> Iterator[Moment]:
    is_need = any(code in NEEDS for c in resource.get("category", ()) for _, code in codings(c))
    is_sure = any(code == "confirmed" for _, code in codings(resource.get("verificationStatus")))
    at = at_of(resource.get("recordedDate"))
    if at and is_need and is_sure:
        why = extension(resource, uris.BECAUSE)
        yield Moment("need", at, "decision", "Need agreed", text_of(resource.get("code")) or None, None, why)


def _goal(resource: Resource, written: datetime) -> Iterator[Moment]:
    if any(code == "achieved" for _, code in codings(resource.get("achievementStatus"))):
        at = at_of(resource.get("statusDate")) or written
        yield Moment(
            "reached", at, "decision", "Goal reached", (resource.get("description") or {}).get("text")
        )


ENDED = {"completed": "Done", "cancelled": "Withdrawn", "rejected": "Declined", "failed": "Not possible"}


def _task(resource: Resource, written: datetime) -> Iterator[Moment]:
    work, status = work_of(resource), resource.get("status")
    asked = at_of(resource.get("authoredOn"))
    who = _who(resource.get("owner"))
    if asked and work.klass is WorkClass.DANGER:
        yield Moment("urgent", asked, "event", "Urgent", work.title, who, work.because or None)
    if asked and work.klass is WorkClass.PROMISE and work.kind == "promise":
        yield Moment("promised", asked, "decision", "Promised", work.title, who)
    if status in ENDED and resource.get("intent") != "proposal":
        at = (
            at_of((resource.get("executionPeriod") or {}).get("end"))
            or at_of(resource.get("lastModified"))
            or written
        )
        yield Moment(
            "ended",
            at,
            "decision",
            ENDED[str(status)],
            work.title,
            who,
            text_of(resource.get("statusReason")) or None,
        )


EPISODES = {
    "active": "Joined the program",
    "waitlist": "Waits for the program",
    "planned": "Offered the program",
}


def _episode(resource: Resource, written: datetime) -> Iterator[Moment]:
    period, status = resource.get("period") or {}, str(resource.get("status"))
    began, ended = at_of(period.get("start")), at_of(period.get("end"))
    program = next((text_of(c) for c in resource.get("type", ())), "")
    who = _who(resource.get("careManager"))
    if status in ("active", "onhold", "finished") and began:
        yield Moment("began", began, "event", EPISODES["active"], program, who)
    elif status in EPISODES:
        yield Moment("began", began or written, "event", EPISODES[status], program, who)
    if status == "onhold":
        yield Moment("paused", written, "decision", "Program paused", program, who)
    if status in ("finished", "cancelled"):
        reason = extension(resource, uris.REASON) or extension(resource, uris.BECAUSE)
        why = text_of(reason) if isinstance(reason, Mapping) else reason
        title = "Left the program" if status == "finished" else "Did not join the program"
        yield Moment("ended", ended or written, "decision", title, program, who, why or None)


def _consent(resource: Resource, written: datetime) -> Iterator[Moment]:
    at = at_of(resource.get("dateTime"))
    if at and resource.get("status") in ("active", "inactive", "rejected"):
        said = next((text_of(c) for c in resource.get("category", ())), None)
        provision = resource.get("provision") or {}
        title = "Consent given" if resource["status"] == "active" else "Consent refused or ended"
        if resource["status"] == "active" and provision.get("type") == "deny":
            title = "Asked that something is not shown"
        if resource["status"] == "inactive":
            at = at_of((provision.get("period") or {}).get("end")) or at
        yield Moment(
            "consent",
            at,
            "decision",
            title,
            said,
            next((_who(p) for p in resource.get("performer", ())), None),
        )


def _document(resource: Resource, written: datetime) -> Iterator[Moment]:
    if resource.get("status") != "entered-in-error":
        at = at_of(resource.get("date")) or written
        who = next((_who(a) for a in resource.get("author", ())), None)
        is_paper = any(code in PAPERS for _, code in codings(resource.get("type")))
        title = "A paper was kept" if is_paper else "Note signed"
        yield Moment("note", at, "note", title, resource.get("description"), who)


def _communication(resource: Resource, written: datetime) -> Iterator[Moment]:
    at = at_of(resource.get("sent")) or at_of(resource.get("received"))
    if at and resource.get("status") == "completed" and (talk := talk_of(resource)):
        detail = talk.review.decision or talk.question or None
        yield Moment(
            "message", at, "decision", talk.title, detail, _who(resource.get("sender")), talk.question
        )
    elif at and resource.get("status") == "completed":
        said = text_of(resource.get("topic")) or next(
            (p.get("contentString") for p in resource.get("payload", ())), None
        )
        yield Moment("message", at, "event", "Message", said, _who(resource.get("sender")))


def _appointment(resource: Resource, written: datetime) -> Iterator[Moment]:
    at = at_of(resource.get("start"))
    if at and resource.get("status") in ("booked", "arrived", "fulfilled", "noshow"):
        title = "Did not come to the visit" if resource["status"] == "noshow" else "Visit booked"
        yield Moment("visit", at, "event", title, resource.get("description"))


def _referral(resource: Resource, written: datetime) -> Iterator[Moment]:
    at = at_of(resource.get("authoredOn"))
    if any((uris.MONITORING, LIMITS) in codings(each) for each in resource.get("category", ())):
        if at and resource.get("status") == "active":
            why = next((text_of(reason) for reason in resource.get("reasonCode", ())), None)
            what = text_of(resource.get("code")) or None
            yield Moment("limits", at, "decision", "Limits set", what, _who(resource.get("requester")), why)
        return
    if at and resource.get("intent") != "proposal" and resource.get("status") in ("active", "completed"):
        what = text_of(resource.get("code")) or None
        if code_in(resource.get("code"), uris.PROGRAM):  # to one of our programs: it came to us
            why = next((text_of(reason) for reason in resource.get("reasonCode", ())), None)
            who = (resource.get("requester") or {}).get("display") or _who(resource.get("requester"))
            yield Moment("came", at, "event", "Referral received", what, who, why)
            return
        to = next((_who(p) for p in resource.get("performer", ())), None)
        yield Moment("sent", at, "event", "Referral sent", what, to)


def _patient(resource: Resource, written: datetime) -> Iterator[Moment]:
    if resource.get("deceasedBoolean") or resource.get("deceasedDateTime"):
        yield Moment("died", at_of(resource.get("deceasedDateTime")) or written, "event", "Died")


def _flag(resource: Resource, written: datetime) -> Iterator[Moment]:
    at = at_of((resource.get("period") or {}).get("start"))
    if at and resource.get("status") == "active":
        yield Moment(
            "flag",
            at,
            "event",
            "Safety flag",
            text_of(resource.get("code")) or None,
            _who(resource.get("author")),
        )


def _provenance(resource: Resource, written: datetime) -> Iterator[Moment]:
    """Of all that tells where things came from, only that two records became one, or two again."""
    done = code_in(resource.get("activity"), LIFECYCLE)
    if done in JOINING:
        who = next((_who(agent.get("who")) for agent in resource.get("agent", ())), None)
        why = next((said for concept in resource.get("reason", ()) if (said := text_of(concept))), None)
        yield Moment(
            "joined", at_of(resource.get("recorded")) or written, "decision", JOINING[done], why=why, who=who
        )


def _issue(resource: Resource, written: datetime) -> Iterator[Moment]:
    """What a protocol of ours found."""
    at = at_of(resource.get("identifiedDateTime"))
    if at and code_in(resource.get("code"), uris.PROTOCOL) and resource.get("status") != "entered-in-error":
        why = str(resource.get("detail", "")) or None
        yield Moment("noticed", at, "event", "A protocol spoke", text_of(resource.get("code")), None, why)


TELLERS: dict[str, Callable[[Resource, datetime], Iterator[Moment]]] = {
    "Appointment": _appointment,
    "CarePlan": _plan,
    "Communication": _communication,
    "Condition": _condition,
    "Consent": _consent,
    "DetectedIssue": _issue,
    "DocumentReference": _document,
    "Encounter": _encounter,
    "EpisodeOfCare": _episode,
    "Flag": _flag,
    "Goal": _goal,
    "Observation": _observation,
    "Patient": _patient,
    "Provenance": _provenance,
    "QuestionnaireResponse": _response,
    "ServiceRequest": _referral,
    "Task": _task,
}
