"""The find box, with and without JavaScript."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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


def test_the_page_answers_without_javascript_and_says_why(ana: Client):
    page = ana.get("/people", {"q": "duarte 3/2/1959"}).content.decode()
    assert "Maria Duarte" in page
    assert "MRN 80317" in page
    assert "birth date matches" in page


def test_while_she_types_only_the_answers_come(ana: Client):
    answer = ana.get("/people/find", {"q": "gutie"}, headers={"HX-Request": "true"})
    assert "Rosa Gutiérrez" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_two_of_one_name_are_told_apart(ana: Client):
    page = ana.get("/people", {"q": "dolores rivera"}).content.decode()
    assert page.count("another person has this name") == 2
    assert "78455" in page
    assert "78544" in page


def test_nobody_found_says_what_to_try(ana: Client):
    assert "Try fewer letters" in ana.get("/people", {"q": "xavier quimby"}).content.decode()


def test_who_is_not_signed_in_is_sent_to_the_door(ana: Client):
    assert Client().get("/people", {"q": "duarte"}).status_code == 302
