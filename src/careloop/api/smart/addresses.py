"""Our own addresses, as the caller sees them. Host is one of ours (ALLOWED_HOSTS) or the request was refused before."""

from __future__ import annotations

from django.http import HttpRequest


def issuer(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def fhir_base(request: HttpRequest) -> str:
    return f"{issuer(request)}/fhir"


def token_url(request: HttpRequest) -> str:
    return f"{issuer(request)}/oauth/token"
