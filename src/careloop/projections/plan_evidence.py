"""What one record shows of what programs require: each piece with when and by whom, as the system stamped it.

Read, never kept: it hangs on every kind of thing there is, and a page asks for one person. What is decided from it:
care/completeness.py. The names of evidence: library/completeness.py, EVIDENCE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.care.completeness import Evidence, Shown
from careloop.care.others_plans import is_our_plan, lines_of
from careloop.care.stay import outstanding, zone_of_person
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, extension, instant, text_of
from careloop.fhir.responses import answers_of
from careloop.library import Instrument, Library
from careloop.projections.by_type import searchable
from careloop.projections.facts import facts_of
from careloop.projections.moments import at_of
from careloop.projections.people import names
from careloop.store import Stored, Unit

TYPES: Final = (
    *("AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Communication", "Condition", "Consent"),
    *("Encounter", "EpisodeOfCare", "Goal", "MedicationRequest", "MedicationStatement", "NutritionOrder"),
    *("QuestionnaireResponse", "RelatedPerson", "ServiceRequest", "Task"),
)
NEEDS: Final = frozenset({"health-concern", "sdoh", "barrier"})
OPEN: Final = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})
LOST: Final = frozenset({"cancelled", "rejected", "entered-in-error", "failed", "draft"})
LIVE_GOAL: Final = frozenset({"accepted", "planned", "active", "on-hold", "completed"})
SELF: Final = frozenset({"person", "family"})
NOT_SAID: Final = frozenset({"unknown", "not-asked"})
SAW_HER: Final = frozenset({"AMB", "VR", "HH", "FLD"})
# Edits of the first day are the plan being made, not its review.
FIRST_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, repr=False)
class _Piece:
    """by: a reference, to be named, or a name."""

    key: str
    stored: Stored
    at: datetime
    by: str
    text: str = ""


def shown_of(unit: Unit, patient: Stored, library: Library) -> Shown:
    """The caller has read the person. What the reader may not see meets nothing: the page says “may be incomplete”."""
    kinds: dict[str, list[Stored]] = {kind: [] for kind in TYPES}
    for stored in unit.of_person(patient.rid, searchable(unit, TYPES)):
        kinds[stored.type].append(stored)
    return shown_in(unit, patient, kinds, library)


def shown_in(unit: Unit, patient: Stored, kinds: Mapping[str, list[Stored]], library: Library) -> Shown:
    """From what is read already, by type."""
    episodes = [each.resource for each in kinds["EpisodeOfCare"]]
    site = _site(unit, patient.resource)
    told = facts_of(patient.resource, [each.resource for each in kinds["CareTeam"]], episodes, site)
    active = {f"EpisodeOfCare/{each['id']}" for each in episodes if each.get("status") == "active"}
    joined: dict[str, datetime] = {}
    for each in told.enrolled:
        if each.until is None and each.episode in active:
            joined[each.program] = min(each.since, joined.get(each.program, each.since))
    pieces = list(_pieces(unit, patient, kinds, library)) if joined else []
    called = names(unit, {piece.by for piece in pieces if "/" in piece.by})
    evidence: dict[str, list[Evidence]] = {}
    for piece in sorted(pieces, key=lambda piece: (piece.at, piece.stored.rid), reverse=True):
        by = called.get(piece.by, "" if "/" in piece.by else piece.by)
        evidence.setdefault(piece.key, []).append(
            Evidence(piece.key, piece.stored.reference, piece.at, by, piece.text)
        )
    resource = patient.resource
    return Shown(
        reference=patient.reference,
        joined=joined,
        evidence=evidence,
        zone=zone_of_person(resource, site)[0],
        lead=told.lead,
        site=told.site,
        work=outstanding(each.resource for each in kinds["Task"]),
        is_deceased=bool(resource.get("deceasedDateTime") or resource.get("deceasedBoolean")),
    )


def _site(unit: Unit, patient: Resource) -> Resource | None:
    reference = (patient.get("managingOrganization") or {}).get("reference", "")
    found = unit.get([reference]).get(reference) if reference else None
    return found.resource if found else None


def _pieces(
    unit: Unit, patient: Stored, kinds: Mapping[str, list[Stored]], library: Library
) -> Iterator[_Piece]:
    yield from _answered(kinds["QuestionnaireResponse"], library)
    yield from _of_plan(kinds, unit.now)
    yield from _of_record(patient, kinds, unit.now)
    yield from _told_words(unit, patient)


# --- answers


def _answered(responses: Iterable[Stored], library: Library) -> Iterator[_Piece]:
    """Every finished form of ours, and each question in it that says what it covers. “I'd rather not say” is an answer;
    “not asked” is none."""
    by_url = {str(each.questionnaire["url"]): each for each in library.instruments.values()}
    for stored in responses:
        resource = stored.resource
        instrument = by_url.get(str(resource.get("questionnaire", "")).partition("|")[0])
        if instrument is None or resource.get("status") not in ("completed", "amended"):
            continue
        at = instant(resource.get("authored")) or stored.at
        by = str((resource.get("author") or {}).get("reference", ""))
        yield _Piece(f"instrument/{instrument.id}", stored, at, by, instrument.short.en)
        for covered in _covered(instrument, resource):
            yield _Piece(f"covers/{covered}", stored, at, by, instrument.short.en)


def _covered(instrument: Instrument, response: Resource) -> set[str]:
    if not any(question.covers for question in instrument.questions):
        return set()
    answers, _ = answers_of(instrument.form, response)
    said = {place.rpartition("/")[2] for place, answer in answers.items() if answer.absent not in NOT_SAID}
    return {covered for each in instrument.questions if each.id in said for covered in each.covers}


# --- the plan


def _of_plan(kinds: Mapping[str, list[Stored]], now: datetime) -> Iterator[_Piece]:
    plan = next((p for p in kinds["CarePlan"] if is_our_plan(p.resource)), None)
    if plan is None:
        return
    author = str((plan.resource.get("author") or {}).get("reference", ""))
    made = at_of(plan.resource.get("created")) or plan.at
    yield _Piece("evidence/plan", plan, made, author)
    if plan.resource.get("addresses"):
        yield _Piece("evidence/needs", plan, made, author)
    if plan.version > 1 and plan.at - made > FIRST_DAY:
        yield _Piece("evidence/reviewed", plan, plan.at, _last_hand(plan.resource, author))
    lines = set(lines_of(plan.resource))
    for goal in (g for g in kinds["Goal"] if g.reference in lines):
        yield from _of_goal(goal, made, author)
    for task in (t for t in kinds["Task"] if t.reference in lines or t.resource.get("intent") == "plan"):
        yield from _of_step(task, author, now)
    for told in kinds["Communication"]:
        if any(ref == plan.reference for ref in _about(told.resource)):
            at = instant(told.resource.get("sent")) or told.at
            yield _Piece("evidence/copy-given", told, at, _who(told.resource, "sender"))


def _last_hand(plan: Resource, author: str) -> str:
    hands = plan.get("contributor", ())
    return str(hands[-1].get("reference", "")) if hands else author


def _about(told: Resource) -> Iterator[str]:
    if told.get("status") != "completed":
        return
    for each in told.get("about", ()):
        yield str(each.get("reference", "")).partition("/_history/")[0]


def _of_goal(goal: Stored, made: datetime, author: str) -> Iterator[_Piece]:
    resource = goal.resource
    if resource.get("lifecycleStatus") not in LIVE_GOAL:
        return
    at = at_of(resource.get("startDate")) or made
    text = text_of(resource.get("description"))
    yield _Piece("evidence/goals", goal, at, author, text)
    if any(t.get("dueDate") and any(k.startswith("detail") for k in t) for t in resource.get("target", ())):
        yield _Piece("evidence/goals-measurable", goal, at, author, text)
    if resource.get("priority"):
        yield _Piece("evidence/goals-prioritized", goal, at, author, text)
    for note in resource.get("note", ()):
        if (noted := instant(note.get("time"))) and noted - made > FIRST_DAY:
            who = str((note.get("authorReference") or {}).get("reference") or note.get("authorString", ""))
            yield _Piece("evidence/reviewed", goal, noted, who, text)
    if (judged := at_of(resource.get("statusDate"))) and judged - made > FIRST_DAY:
        yield _Piece("evidence/reviewed", goal, judged, author, text)


def _of_step(task: Stored, author: str, now: datetime) -> Iterator[_Piece]:
    resource = task.resource
    if resource.get("status") in LOST or resource.get("intent") == "proposal":
        return
    at = at_of(resource.get("authoredOn")) or task.at
    text = str(resource.get("description", ""))
    owner = str((resource.get("owner") or {}).get("reference", ""))
    kind = next((str(each.get("text", "")) for each in resource.get("performerType", ())), "")
    end = instant(((resource.get("restriction") or {}).get("period") or {}).get("end"))
    if end and (owner or kind):
        yield _Piece("evidence/steps", task, at, author, text)
    if kind in SELF or owner.startswith(("Patient/", "RelatedPerson/")):
        yield _Piece("evidence/self-steps", task, at, author, text)
    if kind == "agency" or owner.startswith(("Organization/", "HealthcareService/")):
        yield _Piece("evidence/agency-steps", task, at, author, text)
    if end and end > now and resource.get("status") in OPEN:
        yield _Piece("evidence/follow-up", task, at, author, text)


# --- the rest of the record


def _of_record(patient: Stored, kinds: Mapping[str, list[Stored]], now: datetime) -> Iterator[_Piece]:
    for kind, look in _LOOKS.items():
        for stored in kinds[kind]:
            yield from look(stored, now)
    for each in patient.resource.get("communication", ()):
        if each.get("language"):
            yield _Piece("evidence/language", patient, patient.at, "", text_of(each["language"]))


def _condition(stored: Stored, now: datetime) -> Iterator[_Piece]:
    resource = stored.resource
    status = {code for _, code in codings(resource.get("clinicalStatus"))}
    doubt = {code for _, code in codings(resource.get("verificationStatus"))}
    if (status and not status & {"active", "recurrence", "relapse"}) or doubt & {
        "provisional",
        "refuted",
        "entered-in-error",
    }:
        return
    kinds = {code for concept in resource.get("category", ()) for _, code in codings(concept)}
    at = at_of(resource.get("recordedDate")) or stored.at
    key = "barriers" if "barrier" in kinds else "" if kinds & NEEDS else "problems"
    if key:
        yield _Piece(f"evidence/{key}", stored, at, _who(resource, "recorder"), text_of(resource.get("code")))


def _medicine(stored: Stored, now: datetime) -> Iterator[_Piece]:
    resource = stored.resource
    if resource.get("status") not in ("active", "intended"):
        return
    at = at_of(resource.get("authoredOn") or resource.get("dateAsserted")) or stored.at
    who = _who(resource, "requester", "informationSource")
    yield _Piece("evidence/medicines", stored, at, who, text_of(resource.get("medicationCodeableConcept")))
    if stored.type == "MedicationRequest" and resource.get("intent") == "order":
        yield _Piece("evidence/orders", stored, at, who)


def _order(stored: Stored, now: datetime) -> Iterator[_Piece]:
    resource = stored.resource
    if resource.get("status") not in ("active", "completed") or resource.get("intent") == "proposal":
        return
    at, who = at_of(resource.get("authoredOn")) or stored.at, _who(resource, "requester")
    text = text_of(resource.get("code"))
    if resource.get("intent") in ("order", "original-order", "filler-order"):
        yield _Piece("evidence/orders", stored, at, who, text)
    said = f"{text} {' '.join(text_of(c) for c in resource.get('category', ()))}".casefold()
    if "therapy" in said or "terapia" in said:
        yield _Piece("evidence/therapy-order", stored, at, who, text)
    performers = [str(each.get("reference", "")) for each in resource.get("performer", ())]
    if any(each.startswith(("Organization/", "HealthcareService/")) for each in performers):
        yield _Piece("evidence/agency-steps", stored, at, who, text)


def _diet(stored: Stored, now: datetime) -> Iterator[_Piece]:
    if stored.resource.get("status") == "active":
        at = at_of(stored.resource.get("dateTime")) or stored.at
        yield _Piece("evidence/diet-order", stored, at, _who(stored.resource, "orderer"))


def _allergy(stored: Stored, now: datetime) -> Iterator[_Piece]:
    at = at_of(stored.resource.get("recordedDate")) or stored.at
    yield _Piece("evidence/allergies", stored, at, _who(stored.resource, "recorder"))


def _team(stored: Stored, now: datetime) -> Iterator[_Piece]:
    if (
        stored.resource.get("status", "active") == "active"
        and len(stored.resource.get("participant", ())) > 1
    ):
        yield _Piece("evidence/team", stored, stored.at, "")


def _caregiver(stored: Stored, now: datetime) -> Iterator[_Piece]:
    if stored.resource.get("active", True):
        yield _Piece("evidence/caregiver", stored, stored.at, "")


def _consent(stored: Stored, now: datetime) -> Iterator[_Piece]:
    resource = stored.resource
    if resource.get("status") != "active":
        return
    at = at_of(resource.get("dateTime")) or stored.at
    codes = {
        pair
        for concept in (*resource.get("category", ()), resource.get("scope"))
        for pair in codings(concept)
    }
    if any(system == uris.PROGRAM for system, _ in codes):
        yield _Piece("evidence/consent", stored, at, "")
    if any(code in ("acd", "adr", "dnr", "hcd", "polst") for _, code in codes):
        yield _Piece("evidence/directive", stored, at, "")


def _encounter(stored: Stored, now: datetime) -> Iterator[_Piece]:
    resource = stored.resource
    is_contact = extension(resource, uris.OUTCOME) is not None
    if is_contact or resource.get("status") != "finished":
        return
    if (resource.get("class") or {}).get("code") in SAW_HER:
        at = at_of((resource.get("period") or {}).get("start")) or stored.at
        who = next(
            (
                str((each.get("individual") or {}).get("reference", ""))
                for each in resource.get("participant", ())
            ),
            "",
        )
        yield _Piece("evidence/visit", stored, at, who)


def _appointment(stored: Stored, now: datetime) -> Iterator[_Piece]:
    start = instant(stored.resource.get("start"))
    if start and start > now and stored.resource.get("status") in ("booked", "pending"):
        yield _Piece("evidence/follow-up", stored, stored.at, "", str(stored.resource.get("description", "")))


_Look = Callable[[Stored, datetime], Iterator[_Piece]]
_LOOKS: Final[Mapping[str, _Look]] = {
    "Condition": _condition,
    "MedicationRequest": _medicine,
    "MedicationStatement": _medicine,
    "ServiceRequest": _order,
    "NutritionOrder": _diet,
    "AllergyIntolerance": _allergy,
    "CareTeam": _team,
    "RelatedPerson": _caregiver,
    "Consent": _consent,
    "Encounter": _encounter,
    "Appointment": _appointment,
}


def _told_words(unit: Unit, patient: Stored) -> Iterator[_Piece]:
    """What matters to her and her code status, which stand as Observations."""
    if not unit.may_search("Observation"):
        return
    asked = [
        ("patient", patient.reference),
        ("category", "social-history"),
        ("_sort", "-date"),
        ("_count", "30"),
    ]
    for stored in unit.search("Observation", asked).entries:
        resource = stored.resource
        said = resource.get("valueString") or text_of(resource.get("valueCodeableConcept"))
        if not said or resource.get("status") == "entered-in-error":
            continue
        codes = {code for _, code in codings(resource.get("code"))}
        key = "words" if "what-matters" in codes else "directive" if "code-status" in codes else ""
        if key:
            at = at_of(resource.get("effectiveDateTime")) or stored.at
            yield _Piece(f"evidence/{key}", stored, at, _who(resource, "performer"), str(said))


def _who(resource: Mapping[str, Any], *elements: str) -> str:
    """A reference, else the name that is written."""
    for name in elements:
        said = resource.get(name)
        said = said[0] if isinstance(said, list) and said else said
        if isinstance(said, Mapping) and (found := said.get("reference") or said.get("display")):
            return str(found)
    return ""
