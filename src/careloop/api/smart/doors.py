"""The doors that programs use beside /fhir: JSON in the words of RFC 6749, no session, no cookie, no page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import wraps

from django.core.exceptions import BadRequest, DisallowedHost, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from careloop.kernel.errors import CareError

log = logging.getLogger("careloop.smart")
View = Callable[[HttpRequest], HttpResponse]


def program_door(rule: str, methods: Sequence[str] = ("GET", "HEAD")) -> Callable[[View], View]:
    """rule: who may use it, in words; every door names one."""

    def guarded(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponse:
            response = _answer(view, request, methods)
            response.setdefault("Cache-Control", "no-store")
            response.setdefault("Pragma", "no-cache")
            return response

        answer.rule = rule  # type: ignore[attr-defined]  # read by the test that walks all addresses
        return answer

    return guarded


def _answer(view: View, request: HttpRequest, methods: Sequence[str]) -> HttpResponse:
    if request.method not in methods:
        response = refusal("invalid_request", f"Use {' or '.join(methods)}.", 405)
        response["Allow"] = ", ".join(methods)
        return response
    try:
        return view(request)
    except CareError as error:
        return _of_care_error(error)
    except (OperationalError, InterfaceError):
        log.exception("database unavailable, request %s", getattr(request, "request_id", ""))
        return _away()
    except (DisallowedHost, SuspiciousOperation, BadRequest, UnreadablePostError):
        return refusal("invalid_request", "This request can't be read.", 400)


def _of_care_error(error: CareError) -> HttpResponse:
    if error.status == 503:
        return _away()
    if error.status == 429:
        response = refusal("temporarily_unavailable", "Too many tries. Wait, then try again.", 429)
        response["Retry-After"] = str(error.fields.get("seconds", 30))
        return response
    return refusal("invalid_request", "This request can't be read.", 400)


def _away() -> HttpResponse:
    response = refusal("temporarily_unavailable", "The record can't be reached just now. Try again.", 503)
    response["Retry-After"] = "5"
    return response


def refusal(error: str, description: str, status: int) -> JsonResponse:
    return JsonResponse({"error": error, "error_description": description}, status=status)
