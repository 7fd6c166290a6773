"""What changed between versions of a plan and for whom; who has seen it, and who signs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.access import Actor
from careloop.access.acts import ACCOUNTING, may
from careloop.actions.activate_plan import StalePlan
from careloop.actions.plan_writing import BadLine
from careloop.actions.see_plan import acknowledge
from careloop.actions.sign_plan import HOWS, ROLES, How, Role, Signing, is_as_signed, sign_plan
from careloop.care.plan_changes import AUDIENCES, Audience
from careloop.fhir.elements import name_of
from careloop.kernel.errors import NotFound
from careloop.projections import disclosures
from careloop.projections.card import card
from careloop.projections.people import names
from careloop.projections.plan_history import (
    BadSince,
    Version,
    active_plan_of,
    plan_now,
    since_when,
    versions_of,
    what_changed,
)
from careloop.projections.plan_seen import signatures_in
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, failed, sentence_of, show, version_of
from careloop.web.staff.person_frame import context, open_frame
from careloop.web.staff.person_plan_forms import problem_of
from careloop.web.staff.person_plan_words import how_words, role_words, told
from careloop.web.staff.reader import now_of, open_record, scope_of

# --- what changed


@dataclass(frozen=True, repr=False)
class Since:
    """A choice: since a version, or since it went to somebody. value: of the field `since`."""

    value: str
    name: str


@staff_page
@require_GET
def what(request: HttpRequest, person: str) -> HttpResponse:
    asked, audience = request.GET.get("since", ""), _audience(request)
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "plan")
        plan = active_plan_of(unit, frame.patient.rid)
        if plan is None:
            raise NotFound
        versions = versions_of(unit, plan)
        sent = _sent(unit, frame.patient)
        problem, only = "", None
        try:
            if asked.startswith("sent-"):
                one = next((d for d in sent if f"sent-{d.id}" == asked), None)
                if one is None:
                    raise BadSince
                since, audience = one.at, "partner"
                only = {item.reference for item in one.content.items}
            else:
                since = since_when(unit, plan, asked or _before(versions))
        except BadSince as bad:
            problem, since = sentence_of(bad), plan.at
        found = what_changed(unit, frame.patient, plan, since, audience, only)
    more = {
        "told": [told(each) for each in found],
        "since": since,
        "asked": asked or _before(versions),
        "choices": [*_choices(versions, frame.tz), *_sent_choices(sent, frame.tz)],
        "audience": audience,
        "audiences": _audiences(),
        "plan_version": plan.version,
        "problem": problem,
    }
    return render(request, "staff/person_plan_changes.html", context(frame, **more))


def _audience(request: HttpRequest) -> Audience:
    asked = request.GET.get("audience", AUDIENCES[0])
    return asked if asked in AUDIENCES else AUDIENCES[0]


def _audiences() -> dict[str, str]:
    return {
        "coordinator": gettext("For us"),
        "clinician": gettext("For a clinician"),
        "person": gettext("For the person and family"),
        "partner": gettext("For a partner"),
    }


def _before(versions: list[Version]) -> str:
    """The version before the one that stands."""
    return str(versions[1].version if len(versions) > 1 else versions[0].version if versions else "")


def _choices(versions: list[Version], tz: Any) -> list[Since]:
    return [
        Since(
            str(each.version),
            gettext("version %(n)d, %(day)s")
            % {"n": each.version, "day": formats.full_date(each.at.astimezone(tz).date())},
        )
        for each in versions[1:] or versions
    ]


def _sent(unit: Unit, patient: Stored) -> list[disclosures.Disclosure]:
    """What went of the plan, to whom; for who may open that."""
    if not may(unit.scope.actor, ACCOUNTING):
        return []
    found = disclosures.of_person(unit, patient.rid)
    return [each for each in found if any(item.section == "plan" for item in each.content.items)][:20]


def _sent_choices(sent: list[disclosures.Disclosure], tz: Any) -> list[Since]:
    return [
        Since(
            f"sent-{each.id}",
            gettext("it went to %(who)s, %(day)s")
            % {"who": each.name, "day": formats.full_date(each.at.astimezone(tz).date())},
        )
        for each in sent
    ]


# --- seen


@staff_page
@require_POST
def seen(request: HttpRequest, person: str) -> HttpResponse:
    """“I have seen it”, or that somebody went over it with her."""
    scope, typed = scope_of(request), request.POST
    me = scope.actor.practitioner or ""
    who = typed.get("who") or me
    how = "screen" if who == me else "spoken"
    try:
        result = acknowledge(
            scope, person, who, version_of(request) or 0, now_of(request), how=how, said=typed.get("said", "")
        )
    except StalePlan as stale:
        return failed(request, stale)
    return done(request, gettext("Written down: this version was seen."), result)


# --- signed


@staff_page
@require_http_methods(["GET", "POST"])
def sign(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        actor = scope_of(request).actor
        me = f"{_own_role(actor)} {actor.practitioner or ''}"
        return _sign_sheet(request, person, Sheet({"who": me, "how": "screen"}))
    typed, problems = request.POST, {}
    role, _, who = typed.get("who", "").partition(" ")
    on: date | None = None
    if typed.get("how") == "paper":
        try:
            on = date.fromisoformat(typed.get("on", ""))
        except ValueError:
            problems["on"] = gettext("Write the day as month, day and year.")
    if role not in ROLES or typed.get("how") not in HOWS:
        problems["who"] = gettext("Say who signs, and how.")
    if not problems:
        signing = Signing(
            who, cast(Role, role), cast(How, typed["how"]), witness=typed.get("witness", ""), on=on
        )
        try:
            sign_plan(scope_of(request), person, version_of(request) or 0, signing, now_of(request))
        except BadLine as bad:
            problems = problem_of(bad)
        except StalePlan as stale:
            return _sign_sheet(request, person, Sheet(typed.dict(), notice=sentence_of(stale)))
        else:
            return done(request, gettext("Signed. It says which version, and that it was this one."))
    return _sign_sheet(request, person, Sheet(typed.dict(), problems))


def _sign_sheet(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
        patient = unit.read("Patient", person)
        plan = active_plan_of(unit, patient.rid)
        if plan is None:
            raise NotFound
        signers = _signers(unit, patient)
    language = get_language() or "en"
    more = {"card": beside, "version": plan.version, "signers": signers, "language": language}
    return show(request, "staff/person_plan_sign.html", sheet, more)


def _signers(unit: Unit, patient: Stored) -> list[tuple[str, str, str]]:
    """(value of the field, name, role in words): the person, her people, her doctors, me."""
    roles, actor = role_words(), unit.scope.actor
    found = [(f"person {patient.reference}", name_of(patient.resource), roles["person"])]
    for stored in unit.of_person(patient.rid, ["RelatedPerson"]):
        if stored.resource.get("active", True) and (name := name_of(stored.resource)):
            found.append((f"representative {stored.reference}", name, _family_words()))
    doctors = [str(each.get("reference", "")) for each in patient.resource.get("generalPractitioner", ())]
    owners = {line.owned_by for line in plan_now(unit, patient.rid).live}
    clinicians = [
        each for each in dict.fromkeys([*doctors, *sorted(owners)]) if each.startswith("Practitioner/")
    ]
    clinicians = [each for each in clinicians if each != actor.practitioner]
    called = names(unit, clinicians)
    found += [
        (f"clinician {each}", called[each], roles["clinician"]) for each in clinicians if each in called
    ]
    if actor.practitioner:
        mine = _own_role(actor)
        found.append((f"{mine} {actor.practitioner}", actor.name, roles[mine]))
    return found


def _own_role(actor: Actor) -> Role:
    return "clinician" if actor.roles & {"clinician", "bh-clinician"} else "coordinator"


def _family_words() -> str:
    return gettext("family, or whoever stands for the person")


@staff_page
@require_GET
def signature(request: HttpRequest, person: str, id: str) -> HttpResponse:
    """One signature: who, how, which version, whether what was signed is still what it was, and what changed since."""
    with open_record(request) as unit:
        frame = open_frame(unit, request, person, "plan")
        plan = active_plan_of(unit, frame.patient.rid)
        held = unit.get([f"Provenance/{id}", f"Task/{id}"])
        found = signatures_in(held.values(), plan.reference) if plan else []
        one = next((s for s in found if held[s.reference].person == frame.patient.rid), None)
        if plan is None or one is None:
            raise NotFound(id)
        is_same = is_as_signed(unit, one)
        since = what_changed(unit, frame.patient, plan, one.recorded, "coordinator")
    more = {
        "one": one,
        "role": role_words().get(one.role, one.role),
        "how": how_words().get(one.how, one.how),
        "is_same": is_same,
        "told": [told(each) for each in since],
        "plan_version": plan.version,
    }
    return render(request, "staff/person_plan_signature.html", context(frame, **more))


urlpatterns = [
    path("people/<str:person>/plan/changes", what, name="plan-changes"),
    path("people/<str:person>/plan/seen", seen, name="plan-seen"),
    path("people/<str:person>/plan/sign", sign, name="plan-sign"),
    path("people/<str:person>/plan/signatures/<str:id>", signature, name="plan-signature"),
]
