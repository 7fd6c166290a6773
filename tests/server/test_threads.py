"""What a thread carries from one request to the next: nothing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import translation

from careloop.server.middleware import RequestId


def test_a_request_begins_in_the_language_of_the_settings_and_leaves_it_so() -> None:
    spoken = []

    def answer(request: HttpRequest) -> HttpResponse:
        spoken.append(translation.get_language())
        translation.activate("es")
        return HttpResponse()

    translation.activate("es")
    RequestId(answer)(HttpRequest())
    assert spoken == ["en"]
    assert translation.get_language() == "en"


def test_a_spanish_page_leaves_no_spanish_behind(record: None) -> None:
    page = Client().get("/sign-in", headers={"Accept-Language": "es"})
    assert b'lang="es"' in page.content
    assert translation.get_language() == "en"


def test_the_door_of_programs_has_no_language(record: None) -> None:
    """It never asks who reads; so it must not speak the language of whoever this thread answered before."""
    translation.activate("es")
    answer = Client().get("/fhir/metadata", headers={"Accept-Language": "es"})
    assert answer.status_code == 200
    assert translation.get_language() == "en"
