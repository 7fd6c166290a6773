"""What is refused before anybody asks who is there: requests too large or odd to read (TRUST 15). How many at once, and
who makes it slow for others: `room`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from careloop.fhir import outcome, wire
from careloop.kernel.errors import CareError
from careloop.kernel.numbers import whole_number

GetResponse = Callable[[HttpRequest], HttpResponse]

LONGEST_ADDRESS: Final = 32_768
MOST_HEADER_BYTES: Final = 32_768
MOST_COOKIES: Final = 50
BODY_BYTES: Final = 10 * 1024 * 1024
# A page is led on to https; a program would go on sending its token in the clear, and nobody would notice.
FOR_PROGRAMS: Final = ("/fhir", "/oauth/", "/.well-known/")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class AddressTooLong(CareError):
    """This address is longer than what we read. Send long searches as a form to _search."""

    code, status, issue_type = "address-too-long", 414, "too-long"


class HeadersTooLarge(CareError):
    """This request carries more headers or cookies than we read."""

    code, status, issue_type = "headers-too-large", 431, "too-long"


class BodyTooLarge(CareError):
    """This is more than we take at once: a body may have 10 MB."""

    code, status, issue_type = "too-large", 413, "too-long"


class OddRequest(CareError):
    """We could not read that request."""

    code, status, issue_type = "odd-request", 400, "value"


class NotEncrypted(CareError):
    """This came unencrypted, so it was not read. Programs use https; change the token that was in it."""

    code, status, issue_type = "not-encrypted", 403, "security"


class UnknownMethod(CareError):
    """This can't be done here."""

    code, status, issue_type = "method-not-allowed", 405, "not-supported"


class Bounds:
    """Stands before what reads the request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            check(request)
        except CareError as error:
            return refusal(request, error)
        return self.get_response(request)


def check(request: HttpRequest) -> None:
    """Raises one of the errors above."""
    meta = request.META
    address = f"{request.path_info}?{meta.get('QUERY_STRING', '')}"
    if (
        settings.SECURE_SSL_REDIRECT
        and not request.is_secure()
        and request.path_info.startswith(FOR_PROGRAMS)
    ):
        raise NotEncrypted
    if len(address) > LONGEST_ADDRESS:
        raise AddressTooLong
    if request.method not in METHODS and not is_fhir(request):  # the door says what it takes
        raise UnknownMethod
    # The FHIR door says in its own words what is wrong with a value.
    if not is_fhir(request) and any(odd in address for odd in ("\0", "%00", "\r", "\n")):
        raise OddRequest("An address holds no control characters.")
    headers = [str(value) for name, value in meta.items() if name.startswith("HTTP_")]
    if sum(map(len, headers)) > MOST_HEADER_BYTES or meta.get("HTTP_COOKIE", "").count(";") >= MOST_COOKIES:
        raise HeadersTooLarge
    length = whole_number(str(meta.get("CONTENT_LENGTH") or "0"), digits=18)
    if length is None:
        raise OddRequest("Its length is no number.")
    if length > BODY_BYTES:
        raise BodyTooLarge


def refusal(request: HttpRequest, error: CareError) -> HttpResponse:
    """A page, or an OperationOutcome at the FHIR door; with Retry-After where trying again helps."""
    if is_fhir(request):
        said = wire.dumps(outcome.from_error(error, request=getattr(request, "request_id", "")))
        response = HttpResponse(
            said, status=error.status, content_type="application/fhir+json; charset=utf-8"
        )
    else:
        from careloop.web.staff.errors import of_care_error

        with translation.override(translation.get_language_from_request(request)):
            response = of_care_error(request, error)
    response["Cache-Control"] = "no-store"
    if error.status in (429, 503):
        response["Retry-After"] = str(error.fields.get("seconds", 2))
    return response


def is_fhir(request: HttpRequest) -> bool:
    return request.path_info == "/fhir" or request.path_info.startswith("/fhir/")
