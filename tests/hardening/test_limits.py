"""What is refused before anybody asks who is there, and how one slow guest leaves room for others."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from careloop.server import limits
from careloop.server.limits import Busy, Ledger, Slow


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


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


def busy(ledger: Ledger, who: str, count: int) -> tuple[list[Any], Callable[[], None]]:
    """So many places held at once; and how they are given back."""
    places = [ledger.place(who) for _ in range(count)]
    for place in places:
        place.__enter__()
    return places, lambda: [place.__exit__(None, None, None) for place in places] and None


def test_quick_questions_are_never_slowed_down() -> None:
    clock = Hand()
    ledger = Ledger(64, clock)
    for _ in range(500):
        _, back = busy(ledger, "ana", 32)
        clock.at += 0.2
        back()
    with ledger.place("ana"):
        pass


def test_two_slow_ones_running_and_the_third_waits_but_another_person_does_not() -> None:
    """Of four places a guest with slow questions gets two while somebody else is here."""
    clock = Hand()
    ledger = Ledger(4, clock)
    _, back = busy(ledger, "mallory", 2)
    clock.at += 1.5
    with ledger.place("ana"):
        pass
    with pytest.raises(Slow), ledger.place("mallory"):
        pass
    with ledger.place("ana"):
        pass
    back()


def test_alone_nobody_is_held_back() -> None:
    clock = Hand()
    ledger = Ledger(8, clock)
    for _ in range(5):
        _, back = busy(ledger, "import", 8)
        clock.at += 3.0
        back()


def test_what_was_slow_is_remembered_and_forgotten() -> None:
    clock = Hand()
    ledger = Ledger(64, clock)
    for _ in range(2):
        _, back = busy(ledger, "mallory", 1)
        clock.at += 5.0
        back()
    with ledger.place("ana"):
        pass
    with pytest.raises(Slow) as told, ledger.place("mallory"):
        pass  # ten seconds of slow answers are paid back a tenth as quickly
    assert 2 <= told.value.fields["seconds"] <= 30
    clock.at += 120
    with ledger.place("ana"):
        pass
    _, back = busy(ledger, "mallory", 5)
    back()


def test_who_suffers_from_another_ones_questions_is_not_held_back() -> None:
    """Beside hers of three seconds Ana's take two thirds of one: slow as well, and not of her making."""
    clock = Hand()
    ledger = Ledger(64, clock)
    for _ in range(20):
        with contextlib.suppress(Slow):
            _, back_of_many = busy(ledger, "mallory", 1)
            clock.at += 3.0
            back_of_many()
        for _ in range(4):
            _, back_of_one = busy(ledger, "ana", 2)
            clock.at += 0.66
            back_of_one()
    with pytest.raises(Slow), ledger.place("mallory"):
        pass
    with ledger.place("ana"):
        pass


def test_when_all_places_are_taken_one_waits_a_second_and_the_others_are_told_to_come_again() -> None:
    clock = Hand()
    ledger = Ledger(2, clock)
    _, back = busy(ledger, "ana", 2)
    waited: list[str] = []

    def one_more() -> None:
        with ledger.place("chen"):
            waited.append("in")

    thread = threading.Thread(target=one_more)
    thread.start()
    back()
    thread.join(5)
    assert waited == ["in"]
    _, back = busy(ledger, "ana", 2)
    with pytest.raises(Busy), ledger.place("chen"):
        pass
    with pytest.raises(Busy), ledger.place("chen"):
        pass  # at once: somebody has just waited in vain
    back()
    with ledger.place("chen"):
        pass


def test_busy_says_when_to_come_again(monkeypatch: pytest.MonkeyPatch, record: None) -> None:
    def full(self: Ledger, who: str) -> Any:
        raise Busy(seconds=3)

    monkeypatch.setattr(Ledger, "place", full)
    page, api = Client().get("/sign-in"), Client().get("/fhir/metadata")
    assert (page.status_code, page["Retry-After"]) == (503, "3")
    assert (api.status_code, api["Retry-After"]) == (503, "3")
    assert api["Content-Type"].startswith("application/fhir+json")
    assert Client().get("/healthz").status_code == 200


def test_whose_slow_answer_it_was_is_not_kept_as_it_came() -> None:
    request = RequestFactory().get("/fhir/Patient", HTTP_AUTHORIZATION="Bearer secret")
    assert "secret" not in limits.who_asks(request)
    assert limits.who_asks(request) != limits.who_asks(RequestFactory().get("/fhir/Patient"))
