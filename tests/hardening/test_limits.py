"""What is refused before anybody asks who is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from careloop.server import limits


def answered(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"path": "/today"}, 200),
        ({"path": "/today", "QUERY_STRING": "x" * 40_000}, 414),
        ({"path": "/people/a%00b"}, 400),
        ({"path": "/today", "QUERY_STRING": "a=%00"}, 400),
        ({"path": "/today", "HTTP_X_LARGE": "x" * 40_000}, 431),
        ({"path": "/today", "HTTP_COOKIE": "a=b;" * 60}, 431),
        ({"path": "/today", "CONTENT_LENGTH": str(11 * 1024 * 1024)}, 413),
        ({"path": "/today", "CONTENT_LENGTH": "-1"}, 400),
        ({"path": "/today", "CONTENT_LENGTH": "ten"}, 400),
        ({"path": "/today", "REQUEST_METHOD": "TRACE"}, 405),
        ({"path": "/fhir/Patient", "CONTENT_LENGTH": "99999999999"}, 413),
    ],
)
def test_what_is_too_large_or_odd_is_refused_before_it_is_read(asked: dict[str, Any], status: int) -> None:
    request = RequestFactory().get(asked.pop("path"))
    request.method = asked.get("REQUEST_METHOD", "GET")
    request.META.update(asked)
    response = limits.Bounds(answered)(request)
    assert response.status_code == status
    if request.path.startswith("/fhir"):
        assert json.loads(response.content)["resourceType"] == "OperationOutcome"


def test_the_refusal_is_a_page_in_her_language_and_quotes_nothing(record: None) -> None:
    secret = "Maria-Duarte-1958"
    page = Client(headers={"Accept-Language": "es"}).get("/today", {"q": secret * 3_000})
    assert page.status_code == 414
    assert b'lang="es"' in page.content
    assert secret.encode() not in page.content
