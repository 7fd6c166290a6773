"""/oauth/authorize: an app asks; whoever is signed in reads what for, and decides. One page for both doors, that
of the staff and that of patients and families.

Nothing is kept between two steps but a sealed slip in the page: what the app asked, whom it was shown to, for which
person. It lasts ten minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from careloop import store
from careloop.access import Scope, SmartScope
from careloop.access.app_reach import letters_given
from careloop.accounts import sessions, smart_grants, smart_tokens
from careloop.accounts.sign_in_models import SignedIn
from careloop.accounts.smart_authorize import Ask, Refused, SentBack, read, with_query
from careloop.accounts.stepup import FRESH_FOR
from careloop.accounts.stepup import PAGE as PROVE
from careloop.actions.acting import fhir_user_of
from careloop.actions.family_actor import family_of
from careloop.actions.note_event import note
from careloop.kernel.errors import NotFound
from careloop.projections.finder import Found, find
from careloop.projections.people import PersonBrief, briefs
from careloop.store import Unit
from careloop.web.apps import waiting
from careloop.web.apps.scope_words import Line, is_resource, kept, lines
from careloop.web.staff.errors import public_page
from careloop.web.staff.reader import now_of

AUTHORIZE: Final = "/oauth/authorize"
WHY: Final = "an app asks; nothing is shown before somebody signed in"
_SLIP: Final = "smart-asking"
_SLIP_SECONDS: Final = 600
_MOST_FOUND: Final = 20
# Added to an address when it goes by a sign-in page: from there the browser may not be sent on to an app unseen.
_SEEN: Final = "shown"


@dataclass(frozen=True, repr=False)
class Who:
    """Whoever is signed in at either door. people: rid -> FHIR id of those whose pages she may open, at the family's
    door; None at the staff's, who look somebody up."""

    scope: Scope
    session: SignedIn
    people: dict[int, str] | None

    @property
    def principal(self) -> int:
        return self.scope.actor.principal

    @property
    def is_staff(self) -> bool:
        return self.people is None

    def __repr__(self) -> str:
        return f"Who({self.principal})"


@dataclass(frozen=True)
class Slip:
    """One step of a request. query: as it came. principal: to whom it was shown. person, patient: in whose context."""

    query: str
    principal: int
    person: int = 0
    patient: str = ""
    encounter: str = ""

    def sealed(self) -> str:
        said = [self.query, self.principal, self.person, self.patient, self.encounter]
        return signing.dumps(said, salt=_SLIP, compress=True)

    @classmethod
    def opened(cls, text: str, principal: int) -> Slip:
        """Raises Refused."""
        try:
            said = signing.loads(text, salt=_SLIP, max_age=_SLIP_SECONDS)
        except signing.BadSignature:
            raise Refused("This page is too old. Go back to the app and begin again.") from None
        slip = cls(*said)
        if slip.principal != principal:
            raise Refused("Somebody else signed in since. Go back to the app and begin again.")
        return slip


class ToApp(HttpResponseRedirect):
    """Also to an app's own scheme, which was registered for it."""

    status_code = 303

    def __init__(self, url: str) -> None:
        self.allowed_schemes = [urlsplit(url).scheme]
        super().__init__(url)


@csrf_exempt
@public_page(WHY)
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """POST is the same question in a form (SMART's authorize-post), from anywhere: it changes nothing."""
    if request.method == "POST":
        asked = [(name, value) for name, values in request.POST.lists() for value in values]
        return HttpResponseRedirect(f"{AUTHORIZE}?{urlencode(asked)}", status=303)
    query = request.META.get("QUERY_STRING", "")
    try:
        response = _asked(request, query)
        return waiting.done(response) if getattr(request, "signed_in", None) else response
    except SentBack as back:
        return _sent_back(request, back)


@public_page(WHY)
@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Looks for a person, takes one, allows, or does not: whichever button was pressed."""
    who = who_is(request)
    if who is None:
        raise Refused("You were signed out. Go back to the app and begin again.")
    slip = Slip.opened(request.POST.get("slip", ""), who.principal)
    try:
        ask = _read(request, slip.query)
        if "allow" in request.POST:
            return _allow(request, who, ask, slip)
        if "deny" in request.POST:
            _note(request, who, ask, "app not allowed", slip.person)
            raise ask.back("access_denied", "The user did not allow it.")
        if patient := request.POST.get("patient", ""):
            return _consent(request, who, ask, _of_patient(request, who, slip, patient))
        return _choose(request, who, ask, slip)
    except SentBack as back:
        return _sent_back(request, back)


def _asked(request: HttpRequest, query: str) -> HttpResponse:
    ask = _read(request, query)
    who = who_is(request)
    if who is None:
        if ask.is_silent:
            raise ask.back("login_required", "Nobody is signed in.")
        return _to_sign_in(request, ask, query)
    if not (ask.app.is_for_staff if who.is_staff else ask.app.is_for_families):
        _note(request, who, ask, "denied: app not for this door")
        raise ask.back("access_denied", "This app is not for this kind of account.")
    if ask.wants_sign_in and _shown_last(who) < now_of(request) - FRESH_FOR:
        return _again(request, who, query)
    if "fhirUser" in ask.scopes.special and not fhir_user_of(who.principal):
        raise ask.back("invalid_scope", "This account has no fhirUser.")
    slip = Slip(query, who.principal)
    if ask.launch:
        slip = _launched(request, who, ask, slip)
    elif ask.scopes.wants_patient:
        if len(who.people or {}) != 1:
            if ask.is_silent:
                raise ask.back("interaction_required", "Somebody has to say for which person.")
            return _choose(request, who, ask, slip)
        ((person, patient),) = (who.people or {}).items()
        slip = replace(slip, person=person, patient=patient)
    return _remembered(request, who, ask, slip) or _consent(request, who, ask, slip)


def _read(request: HttpRequest, query: str) -> Ask:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise Refused("It can’t be read.") from None
    ours = f"{request.scheme}://{request.get_host()}"
    return read([pair for pair in pairs if pair[0] != _SEEN], frozenset({f"{ours}/fhir"}))


def who_is(request: HttpRequest) -> Who | None:
    asked: Any = request  # set by server.middleware
    session = getattr(request, "signed_in", None)
    if session is None:
        return None
    if asked.scope is not None:
        return Who(asked.scope, session, None)
    family = family_of(session.principal_id, asked.now) if session.principal.kind == "person" else None
    if family is None:
        return None
    scope = Scope(family.actor, "family", "own record", asked.request_id)
    return Who(scope, session, {whose.rid: whose.id for whose in family.whose})


def _to_sign_in(request: HttpRequest, ask: Ask, query: str) -> HttpResponse:
    here = f"{AUTHORIZE}?{query}&{_SEEN}=1"
    staff, family = f"/sign-in?{urlencode({'next': here})}", "/my/sign-in"
    if not ask.app.is_for_families:
        return HttpResponseRedirect(staff)
    if not ask.app.is_for_staff:
        return waiting.keep(HttpResponseRedirect(family), here)
    doors = {"app": ask.app, "staff": staff, "family": family}
    return waiting.keep(render(request, "apps/which_door.html", doors), here)


def _shown_last(who: Who) -> datetime:
    """When she last proved who she is: at the sign-in, or by a second factor since."""
    return max(who.session.began, who.session.proved_at or who.session.began)


def _again(request: HttpRequest, who: Who, query: str) -> HttpResponse:
    """prompt=login: the staff show a second factor, families sign in anew; both come back."""
    here = f"{AUTHORIZE}?{query}&{_SEEN}=1"
    if who.is_staff:
        return HttpResponseRedirect(f"{PROVE}?{urlencode({'next': here})}")
    sessions.leave(request, now_of(request))
    request.signed_in = None  # type: ignore[attr-defined]  # set by server.middleware; the question goes on waiting
    return waiting.keep(HttpResponseRedirect("/my/sign-in"), here)


def _launched(request: HttpRequest, who: Who, ask: Ask, slip: Slip) -> Slip:
    launch = smart_tokens.find_launch(ask.launch, ask.app, who.principal, now_of(request))
    if launch is None:
        raise ask.back("invalid_request", "The launch is unknown, too old, or somebody else’s.")
    return _of_patient(request, who, replace(slip, encounter=launch.encounter), launch.patient)


def _of_patient(request: HttpRequest, who: Who, slip: Slip, patient: str) -> Slip:
    """Raises NotFound for a person who may not be seen, as for one who does not exist."""
    if who.people is not None and patient not in who.people.values():
        raise NotFound
    with _open(request, who) as unit:
        found = unit.read("Patient", patient)
    return replace(slip, person=found.rid, patient=found.id)


def _open(request: HttpRequest, who: Who) -> Unit:
    return store.open(who.scope, now=now_of(request))


# --- for which person


def _choose(request: HttpRequest, who: Who, ask: Ask, slip: Slip) -> HttpResponse:
    query = request.POST.get("q", "").strip()[:200]
    with _open(request, who) as unit:
        people = _choices(unit, who, query)
    context = {
        "app": ask.app,
        "slip": slip.sealed(),
        "people": people,
        "query": query,
        "is_staff": who.is_staff,
    }
    return _may_send_on(render(request, "apps/which_person.html", context), ask)


def _choices(unit: Unit, who: Who, query: str) -> list[PersonBrief | Found]:
    if who.people is None:
        return list(find(unit, query, _MOST_FOUND)) if query else []
    return list(briefs(unit, sorted(who.people)).values())


# --- what it may do


def _consent(
    request: HttpRequest, who: Who, ask: Ask, slip: Slip, problem: str = "", ticked: list[str] | None = None
) -> HttpResponse:
    brief = _brief(request, who, slip)
    given = _given(who, ask, slip.person)
    words = _useful(ask, given)
    shown: list[Line] = lines(words, given)
    context = {
        "app": ask.app,
        "slip": slip.sealed(),
        "lines": [(line, ticked is None or line.value in ticked) for line in shown],
        "person": brief,
        "is_own": who.people is not None and slip.person in _own(who),
        "is_about_a_person": bool(slip.person),
        "is_staff": who.is_staff,
        "problem": problem,
        "is_less": len(words) < len(ask.words),
        "host": urlsplit(ask.redirect).netloc or ask.app.name,
    }
    _note(request, who, ask, "consent page of an app", slip.person)
    return _may_send_on(render(request, "apps/consent.html", context, status=422 if problem else 200), ask)


def _given(who: Who, ask: Ask, person: int) -> dict[str, frozenset[str]]:
    """At the family's door: of each scope the letters that open anything in this person's record. The staff's roles are
    told by their own pages."""
    if who.is_staff:
        return {}
    actor = who.scope.actor
    return {
        word: letters_given(actor, SmartScope.parse(word), person) for word in filter(is_resource, ask.words)
    }


def _useful(ask: Ask, given: dict[str, frozenset[str]]) -> tuple[str, ...]:
    """Without the scopes that give nothing."""
    return tuple(word for word in ask.words if given.get(word) != frozenset())


def _brief(request: HttpRequest, who: Who, slip: Slip) -> PersonBrief | None:
    if not slip.person:
        return None
    with _open(request, who) as unit:
        return briefs(unit, [slip.person]).get(slip.person)


def _own(who: Who) -> frozenset[int]:
    return frozenset(person for person, share in who.scope.actor.shares if share == "all")


def _remembered(request: HttpRequest, who: Who, ask: Ask, slip: Slip) -> HttpResponse | None:
    """Sent on without a page when she allowed all of it before and it still lasts. Never by way of a sign-in page."""
    before = smart_grants.scopes_allowed(ask.app.pk, who.principal, slip.patient).split(" ")
    words = _useful(ask, _given(who, ask, slip.person))
    is_known = set(words) <= set(before) and request.GET.get(_SEEN) is None
    if is_known and not ask.is_always_asked:
        return _grant(request, who, ask, slip, words, is_remembered=True)
    if ask.is_silent:
        raise ask.back("consent_required", "The user has to allow it first.")
    return None


def _allow(request: HttpRequest, who: Who, ask: Ask, slip: Slip) -> HttpResponse:
    ticked = request.POST.getlist("scope")
    words = kept(_useful(ask, _given(who, ask, slip.person)), ticked)
    if not any(word not in ("launch", "launch/patient") for word in words):
        problem = gettext("Tick at least one line, or choose “Don’t allow”.")
        return _consent(request, who, ask, slip, problem, ticked)
    if slip.patient:  # it may have been taken from her since the page was shown
        slip = _of_patient(request, who, slip, slip.patient)
    return _grant(request, who, ask, slip, words)


def _grant(
    request: HttpRequest,
    who: Who,
    ask: Ask,
    slip: Slip,
    words: tuple[str, ...],
    *,
    is_remembered: bool = False,
) -> HttpResponse:
    now = now_of(request)
    if ask.launch:
        launch = smart_tokens.find_launch(ask.launch, ask.app, who.principal, now)
        if launch is None or not smart_tokens.spend_launch(launch, now):
            raise ask.back("invalid_request", "The launch was used before.")
    said = smart_tokens.Allowed(
        app=ask.app,
        principal=who.principal,
        scopes=" ".join(words),
        session=who.session.id,
        signed_in_at=_shown_last(who),
        patient=slip.patient,
        person=slip.person,
        encounter=slip.encounter,
        is_offline="offline_access" in words,
        is_remembered=is_remembered,
    )
    _note(request, who, ask, "app allowed", slip.person)
    code = smart_tokens.allow(said, smart_tokens.Return(ask.redirect, ask.challenge, ask.nonce), now)
    ours = f"{request.scheme}://{request.get_host()}"
    return ToApp(with_query(ask.redirect, {"code": code, "state": ask.state, "iss": ours}))


# --- the way back


def _sent_back(request: HttpRequest, back: SentBack) -> HttpResponse:
    return ToApp(back.url(f"{request.scheme}://{request.get_host()}"))


def _may_send_on(response: HttpResponse, ask: Ask) -> HttpResponse:
    """This page's form ends at the app; a browser asks the policy for that address as well."""
    parts = urlsplit(ask.redirect)
    target = f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
    response._csp_update = {"form-action": [target]}  # type: ignore[attr-defined]  # django-csp reads it
    return response


def _note(request: HttpRequest, who: Who, ask: Ask, what: str, person: int = 0) -> None:
    note(who.scope, f"{what}: app {ask.app.pk}", [person] if person else [], now_of(request))
