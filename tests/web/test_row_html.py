"""A row of work is made once for the same words: never with another reader's token, language, hour or name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.conf import settings
from django.test import Client

from careloop.accounts.models import User
from careloop.web.staff import row_html
from tests.web.desk import Desk, at_the_desk, words

BOARD = {"X-Careloop-Poll": "1", "HX-Request": "true"}
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def second_reader(zone: str = "America/Chicago") -> Client:
    """Bea, who sees the same team."""
    user = User.objects.create_user(
        "bea@example.org",
        "another quiet Monday",
        "Bea Lind",
        roles=["coordinator"],
        sites=["bayview"],
        practitioner="bea",
        zone=zone,
    )
    client = Client()
    client.force_login(user)
    return client


def team(client: Client) -> str:
    return client.get("/today?view=team", headers=BOARD).content.decode()


def test_a_row_that_did_not_change_is_not_made_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    template = row_html.get_template

    def counting(name: str) -> object:
        made.append(name)
        return template(name)

    monkeypatch.setattr(row_html, "get_template", counting)
    monkeypatch.setattr(row_html, "_made", type(row_html._made)())
    first = team(desk.client)
    assert len(made) == first.count('class="row"') > 1
    assert TOKEN.sub("", team(desk.client)) == TOKEN.sub("", first)
    assert len(made) == first.count('class="row"')
    desk.change_behind_her_back("ride", priority="urgent", description="Find a ride with a ramp")
    assert "Find a ride with a ramp" in team(desk.client)
    assert len(made) > first.count('class="row"')


def test_each_reader_gets_her_own_token_in_every_form(desk: Desk) -> None:
    hers, others = TOKEN.findall(team(desk.client)), TOKEN.findall(team(second_reader()))
    assert hers
    assert others
    assert len(set(hers)) == len(set(others)) == 1
    assert not set(hers) & set(others)


def test_whose_it_is_is_said_to_everybody_but_her(desk: Desk) -> None:
    row = re.compile(r'<li class="row" data-row="ride".*?</li>', re.DOTALL)
    desk.page("/today?view=team", **BOARD)
    to_ana, to_bea = row.findall(team(desk.client)), row.findall(team(second_reader()))
    assert "Ana" not in words(to_ana[0])
    assert "Ana" in words(to_bea[0])


def test_the_hour_is_the_readers_and_so_is_the_language(desk: Desk) -> None:
    bea = second_reader(zone="America/Los_Angeles")
    bea.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    here, there = team(desk.client), team(bea)
    assert "CST" in here
    assert "PST" in there
    assert ">Posponer<" in there
    assert ">Snooze<" in here
