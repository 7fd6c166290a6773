"""The find box, with and without JavaScript."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client, override_settings

from careloop import store
from careloop.access import Scope
from careloop.accounts.models import User
from careloop.projections.finder import Finder
from tests.conftest import owner_connection
from tests.projections.test_finder import EVERYONE


@pytest.fixture
def ana(record: None, scope: Scope, now: datetime) -> Any:
    """Signed in at Bayview, where everyone of the town belongs."""
    with store.open(scope, now=now, projectors=(Finder(),)) as unit:
        site = unit.create({"resourceType": "Organization", "name": "Bayview"})
        people = [unit.create(one).rid for one in EVERYONE]
    with owner_connection() as owner:
        for person in people:
            owner.execute(
                "insert into people(person, site) values (%s, %s)"
                " on conflict (person) do update set site = excluded.site",
                [person, site.rid],
            )
    user = User.objects.create_user(
        "ana@example.org", "a quiet Monday morning", "Ana Reyes", roles=["coordinator"], sites=[site.id]
    )
    client = Client()
    client.force_login(user)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield client


def found(client: Client, words: str) -> str:
    """Enter in the find box."""
    answer = client.post("/people/found", {"q": words})
    assert answer["Location"] == "/people/found"
    return str(client.get("/people/found").content.decode())


def test_the_page_answers_without_javascript_and_says_why(ana: Client):
    page = found(ana, "duarte 3/2/1959")
    assert "Maria Duarte" in page
    assert "MRN 80317" in page
    assert "birth date matches" in page


def test_while_she_types_only_the_answers_come(ana: Client):
    answer = ana.post("/people/find", {"q": "gutie"}, headers={"HX-Request": "true"})
    assert "Rosa Gutiérrez" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_two_of_one_name_are_told_apart(ana: Client):
    page = found(ana, "dolores rivera")
    assert page.count("another person has this name") == 2
    assert "78455" in page
    assert "78544" in page


def test_nobody_found_says_what_to_try(ana: Client):
    assert "Try fewer letters" in found(ana, "xavier quimby")


def test_who_is_not_signed_in_is_sent_to_the_door(ana: Client):
    assert Client().get("/people", {"q": "duarte"}).status_code == 302


def test_the_words_stand_in_no_address_and_going_back_asks_nothing_again(ana: Client):
    page = found(ana, "duarte")
    assert "Maria Duarte" in page
    assert 'value="duarte"' in page
    assert not re.search(r'(href|action|hx-\w+)="[^"]*duarte', page, re.IGNORECASE)
    assert "Maria Duarte" in ana.get("/people/found").content.decode()
    assert ana.post("/people/found", {"q": " "})["Location"] == "/people"
    assert ana.get("/people/found")["Location"] == "/people"


def test_words_in_an_address_find_nobody(ana: Client):
    assert "Maria Duarte" not in ana.get("/people", {"q": "duarte"}).content.decode()
    assert ana.get("/people/find", {"q": "duarte"}).status_code == 405


def test_looking_for_somebody_needs_the_forms_token(ana: Client):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = ana.cookies
    page = strict.get("/people").content.decode()
    assert strict.post("/people/found", {"q": "duarte"}).status_code == 403
    assert strict.post("/people/find", {"q": "duarte"}).status_code == 403
    token = re.search(r'role="search".*?csrfmiddlewaretoken" value="(\w+)"', page, re.DOTALL)
    assert token is not None
    sent = {"q": "duarte", "csrfmiddlewaretoken": token[1]}
    assert strict.post("/people/found", sent).status_code == 302
    assert "Maria Duarte" in strict.post("/people/find", sent).content.decode()


@pytest.mark.parametrize(
    ("asked", "onward"),
    [
        ("/people?q=duarte", "/people"),
        ("/people?view=all&q=duarte", "/people"),
        ("/people?view=all&only=late", "/people?view=all&only=late"),
        ("/review/1?who=duarte", "/review/1"),
    ],
)
def test_only_what_says_nothing_of_a_person_comes_along_to_the_door(ana: Client, asked: str, onward: str):
    door = Client().get(asked)["Location"]
    assert parse_qs(urlsplit(door).query)["next"] == [onward]
