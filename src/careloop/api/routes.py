"""Every route of the FHIR door with the rule that guards it. A route without a rule can't be made, and a test lists
them. `public` asks for nobody; `decided` asks for a bearer token, and the record's policy then decides inside."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from django.core.exceptions import BadRequest as DjangoBadRequest
from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from careloop import store
from careloop.access import Actor, Scope
from careloop.api import interactions as i
from careloop.api import plan_checks, questions, what_changed
from careloop.api.exchange import JSON, BadRequest, Exchange, MethodNotAllowed, check_format, tokens
from careloop.api.metadata import metadata
from careloop.api.risk import assess_risk
from careloop.api.smart.discovery import smart_configuration
from careloop.api.strangers import strangers
from careloop.fhir import outcome, wire
from careloop.kernel.errors import CareError, Unauthenticated
from careloop.kernel.ids import new_request_id
from careloop.store.errors import RecordUnavailable

log = logging.getLogger("careloop.fhir")
# Asking who is there is outside of any unit: a database that is away says so in its own words.
AWAY: Final = (OperationalError, InterfaceError)

Handler = Callable[[Exchange], HttpResponse]
Rule = Literal["public", "decided"]
NOBODY: Final = Actor(principal=0, kind="client", name="nobody")


class UnexpectedFailure(CareError):
    """Something of ours failed, and nothing was saved. Please tell us the number of this request."""

    code, status, issue_type = "failure", 500, "exception"


@dataclass(frozen=True)
class Route:
    """handlers: method -> interaction. on_type, on_system: method -> the interaction's name in FHIR, for metadata."""

    pattern: str
    rule: Rule
    handlers: Mapping[str, Handler]
    on_type: Mapping[str, str] = field(default_factory=dict)
    on_system: Mapping[str, str] = field(default_factory=dict)

    def view(self) -> Callable[..., HttpResponse]:
        @csrf_exempt
        def answer(request: HttpRequest, **args: str) -> HttpResponse:
            return _answer(self, request, args)

        answer.rule = f"fhir: {self.rule}"  # type: ignore[attr-defined]  # every door names its rule
        return answer


def _unknown(exchange: Exchange) -> HttpResponse:
    return i.refuse(exchange, exchange.args.get("rest", ""))


ROUTES: Final[tuple[Route, ...]] = (
    Route("", "decided", {"POST": i.transaction}, on_system={"POST": "transaction"}),
    Route("metadata", "public", {"GET": metadata}),
    Route(".well-known/smart-configuration", "public", {"GET": smart_configuration}),
    Route("CarePlan/$what-changed", "decided", {"GET": what_changed.of_person}),
    Route("CarePlan/<str:id>/$what-changed", "decided", {"GET": what_changed.of_plan}),
    Route("Questionnaire/$populate", "decided", {"POST": questions.populate}),
    Route(
        "Questionnaire/<str:id>/$populate", "decided", {"GET": questions.populate, "POST": questions.populate}
    ),
    Route("Questionnaire/$validate", "decided", {"POST": questions.validate_questionnaire}),
    Route("QuestionnaireResponse/$extract", "decided", {"POST": questions.extract}),
    Route(
        "QuestionnaireResponse/<str:id>/$extract",
        "decided",
        {"GET": questions.extract, "POST": questions.extract},
    ),
    Route("QuestionnaireResponse/$validate", "decided", {"POST": questions.validate_response}),
    Route("<str:type>/_search", "decided", {"POST": i.search_by_form}, {"POST": "search-type"}),
    Route("Patient/<str:id>/$plan-completeness", "decided", {"GET": plan_checks.plan_completeness}),
    Route("Patient/<str:id>/$plan-conflicts", "decided", {"GET": plan_checks.plan_conflicts}),
    Route("Patient/<str:id>/$settle-conflict", "decided", {"POST": plan_checks.settle_conflict}),
    Route(
        "<str:type>/<str:id>/_history/<str:version>",
        "decided",
        {"GET": i.vread},
        {"GET": "vread"},
    ),
    Route("<str:type>/<str:id>/_history", "decided", {"GET": i.history}, {"GET": "history-instance"}),
    Route("Patient/<str:id>/$assess-risk", "decided", {"POST": assess_risk}),
    Route(
        "<str:type>/<str:id>",
        "decided",
        {"GET": i.read, "PUT": i.update},
        {"GET": "read", "PUT": "update"},
    ),
    Route(
        "<str:type>",
        "decided",
        {"GET": i.search, "POST": i.create},
        {"GET": "search-type", "POST": "create"},
    ),
    Route("<path:rest>", "decided", dict.fromkeys(("GET", "POST", "PUT", "DELETE", "PATCH"), _unknown)),
)


def _answer(route: Route, request: HttpRequest, args: dict[str, str]) -> HttpResponse:
    id = getattr(request, "request_id", "") or new_request_id()
    exchange = Exchange(request, id, request.now, NOBODY, args)  # type: ignore[attr-defined]  # by middleware
    try:
        _check_host(request)
        if route.rule != "public":
            exchange.actor = actor = tokens.actor(request, exchange.now)
            request.guest = f"{actor.principal} by {actor.app}"  # type: ignore[attr-defined]  # for server.room
        check_format(request)
        method = "GET" if request.method == "HEAD" else str(request.method)
        handler = route.handlers.get(method)
        if handler is None:
            raise MethodNotAllowed(f"It takes {' and '.join(sorted(route.handlers))}.")
        return handler(exchange)
    except CareError as error:
        return _refusal(route, exchange, error)
    except (SuspiciousOperation, DjangoBadRequest, UnreadablePostError) as odd:
        return _refusal(route, exchange, _in_our_words(odd))
    except AWAY:
        return _refusal(route, exchange, RecordUnavailable())
    except Exception as failure:  # noqa: BLE001 - the last edge: it becomes a 500 that a person can quote
        _log(exchange, failure)
        return _refusal(route, exchange, UnexpectedFailure(f"Its number is {id}."))


def _check_host(request: HttpRequest) -> None:
    """Addresses in answers are made of it."""
    request.get_host()


def _in_our_words(odd: Exception) -> CareError:
    """What Django refuses while it reads a request. Its text may quote what was sent, so it is not passed on."""
    if isinstance(odd, RequestDataTooBig):
        return wire.TooLarge("A body may have 10 MB.")
    if isinstance(odd, TooManyFieldsSent):
        return wire.TooLarge("It has too many parameters.")
    if isinstance(odd, DisallowedHost):
        return BadRequest("Its Host is not one of ours.")
    if isinstance(odd, UnreadablePostError):
        return BadRequest("It ended before its body did.")
    return BadRequest("Forms and addresses are UTF-8.")


def _refusal(route: Route, exchange: Exchange, error: CareError) -> HttpResponse:
    body = wire.dumps(outcome.from_error(error, request=exchange.id))
    if isinstance(error, Unauthenticated):
        error = strangers.refused(exchange.request) or _note_stranger(exchange) or error
        body = wire.dumps(outcome.from_error(error, request=exchange.id))
    response = _as_answer(exchange, body, error.status)
    if error.status == 401:
        had_one = "Authorization" in exchange.request.headers
        response["WWW-Authenticate"] = 'Bearer realm="careloop"' + (
            ', error="invalid_token"' if had_one else ""
        )
    elif error.status == 405:
        response["Allow"] = ", ".join(sorted(route.handlers))
    elif error.status in (429, 503):
        response["Retry-After"] = str(error.fields.get("seconds", 2))
    return response


def _as_answer(exchange: Exchange, body: bytes, status: int) -> HttpResponse:
    try:
        return exchange.answer(body, status)
    except SuspiciousOperation:  # its query can't be read, so it can't have asked for indentation
        response = HttpResponse(body, status=status, content_type=f"{JSON}; charset=utf-8")
        response["Cache-Control"] = "no-store"
        return response


def _note_stranger(exchange: Exchange) -> CareError | None:
    """A refusal without a known actor is a row of the audit trail as well."""
    try:
        with store.open(Scope(NOBODY, "fhir", "coordination", exchange.id), now=exchange.now) as unit:
            unit.saw((), "denied: no valid token")
    except CareError as unavailable:
        return unavailable
    return None


def _log(exchange: Exchange, failure: Exception) -> None:
    """Where it failed, and how it is called; never its text, which may quote a person's data."""
    frames = traceback.extract_tb(failure.__traceback__)[-6:]
    where = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
    log.error("request %s failed: %s at %s", exchange.id, type(failure).__name__, where)
