"""Whoever appears in an answer stands in that request's row of the audit trail, whatever page it is (TRUST 10).

Pages are found by following every link from the first rooms, as several roles; the routes are read from the URLconf, so
that a door that comes later has to be reached, or named below with a reason.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import get_resolver, resolve

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.accounts import family_codes
from careloop.accounts.family_accounts import open_account
from careloop.accounts.models import User
from careloop.kernel.clock import MovableClock
from careloop.projections.alerts import raise_alert
from careloop.server import middleware
from careloop.server.demo.community import Community
from careloop.server.demo.load import load
from careloop.server.demo.sign_ins import make_accounts
from careloop.store import lane_heads, people_sets
from careloop.store.audit import Trail
from tests.conftest import owner_connection
from tests.store.rows import rows

# `make bench-trust` asks for 2,000 and more.
RESPONSES = int(os.environ.get("CARELOOP_AUDIT_RESPONSES", "260"))
HOUSE = Scope(system_actor("demo"), "command", "maintenance")
ROOMS = ("/today", "/people", "/front-door", "/review", "/library", "/audit", "/audit/alerts")
DISCLOSED = {"to": "Dr. Patel", "basis": "treatment", "purpose": "Her doctor", "method": "hand"}
FAMILY = "the family's door"
LINK = re.compile(r'(?:href|hx-get)="(/[^"#]*)')


@dataclass
class Town:
    """canaries: family name that nobody else has, and id -> rid."""

    canaries: dict[str, int]
    people: list[str]
    clients: dict[str, Client]

    def shown_in(self, body: str) -> set[int]:
        return {rid for canary, rid in self.canaries.items() if canary in body}


@pytest.fixture
def town(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    clock = MovableClock(now)
    monkeypatch.setattr(middleware, "clock", lambda: clock())
    load(
        lambda: store.open(HOUSE, now=now, projectors=projections.ALL),
        8,
        7,
        today=now.date(),
        now=now,
        is_quiet=True,
    )
    make_accounts(Community(7), now)
    canaries, people = _rename(now)
    for role in ("auditor", "privacy-officer"):
        sites = sorted({site for user in User.objects.all() for site in user.sites})
        User.objects.create_user(f"{role}@x.example", None, role, roles=[role], sites=sites)
    with store.open(HOUSE, now=now) as unit:
        raise_alert(unit, "odd-access", next(iter(canaries.values())), 1, [("same-surname", {})])
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        clients = {user.email: _client(user) for user in _readers()}
        yield Town(canaries, people, {**clients, FAMILY: _at_the_family_s_door(people[0], now)})


def _rename(now: datetime) -> tuple[dict[str, int], list[str]]:
    """Everybody gets a name like no other, in every table."""
    found: dict[str, int] = {}
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        for number, stored in enumerate(unit.search("Patient", {"_count": "200"}).entries):
            canary = f"Qzx{number:03d}vantor"
            unit.update({**stored.resource, "name": [{"use": "official", "given": ["P"], "family": canary}]})
            found |= {canary: stored.rid, stored.id: stored.rid}
    return found, [id for id in found if not id.startswith("Qzx")]


def _readers() -> list[User]:
    users = list(User.objects.order_by("email"))
    first: dict[str, User] = {}
    for user in users:
        first.setdefault(",".join(sorted(user.roles)), user)
    return list(first.values())


def _at_the_family_s_door(person: str, now: datetime) -> Client:
    """She herself, by a letter."""
    account = open_account(f"Patient/{person}", "P Qzx", "en", now)
    with store.open(HOUSE, now=now) as unit:
        year, month, day = str(unit.read("Patient", person).resource["birthDate"]).split("-")
    code = family_codes.issue_paper(account, 1, "in a test", now)
    client = Client(raise_request_exception=False)
    born = {"year": year, "month": str(int(month)), "day": str(int(day))}
    assert client.post("/my/sign-in/letter", {"code": code, **born}).status_code == 302
    return client


def _client(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@dataclass
class Walk:
    """missing: (address, how many people) shown without a row. answers: by status. reached: names of routes."""

    missing: list[tuple[str, int]]
    shown: int
    answers: int
    reached: set[str]


def walk(town: Town, count: int) -> Walk:
    """Every reader in turn, one link each, those to routes that nobody reached yet first."""
    result = Walk([], 0, 0, set())
    waiting = {who: deque(["/my"] if who == FAMILY else [*ROOMS, *_of_people(town)]) for who in town.clients}
    seen = {who: set(found) for who, found in waiting.items()}
    while result.answers < count and any(waiting.values()):
        for who, client in town.clients.items():
            if not waiting[who] or result.answers >= count:
                continue
            address = waiting[who].popleft()
            for link in sorted(_ask(town, client, address, result) - seen[who]):
                seen[who].add(link)
                is_new = _name(link) not in result.reached
                waiting[who].appendleft(link) if is_new else waiting[who].append(link)
    return result


def _of_people(town: Town) -> list[str]:
    """Each route that asks for a person alone, for the first of them."""
    found = []
    for pattern, _ in routes():
        if re.findall(r"<(?:\w+:)?(\w+)>", pattern) == ["person"]:
            found.append("/" + re.sub(r"<[^>]+>", town.people[0], pattern))
    return found


def routes() -> Iterator[tuple[str, str]]:
    def flat(patterns: Any, before: str = "") -> Iterator[tuple[str, str]]:
        for each in patterns:
            here = before + str(each.pattern)
            if hasattr(each, "url_patterns"):
                yield from flat(each.url_patterns, here)
            else:
                yield here, str(each.name or here)

    yield from flat(get_resolver().url_patterns)


def _name(address: str) -> str:
    from django.urls import Resolver404

    try:
        return str(resolve(address.partition("?")[0]).url_name)
    except Resolver404:
        return ""


def _ask(town: Town, client: Client, address: str, result: Walk) -> set[str]:
    answer = client.get(address)
    assert answer.status_code < 500, address
    text = _judged(town, address, answer, result)
    if answer.status_code != 200:
        return set()
    result.reached.add(_name(address))
    links = {unescape(link) for link in LINK.findall(text)}
    return {link for link in links if not link.startswith(("/static", "/sign-out", "/my/leave", "/fhir"))}


def _judged(town: Town, address: str, answer: Any, result: Walk) -> str:
    """The text; whoever it shows without a row is put down as missing."""
    result.answers += 1
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = body.decode(errors="replace")
    shown = town.shown_in(text) - town.shown_in(address)
    told = rows("select people from audit where request = %s", answer["X-Request-Id"])
    people = {person for (packed,) in told for person in people_sets.unpack(bytes(packed or b""))}
    result.shown += len(shown)
    if shown - people:
        result.missing.append((address, len(shown - people)))
    return text


def test_everybody_on_every_page_stands_in_its_audit_row(town: Town) -> None:
    found = walk(town, RESPONSES)
    assert found.missing == []
    assert found.answers >= min(RESPONSES, 200)
    assert found.shown > found.answers / 4, "pages without people prove nothing"
    assert {"today", "people", "review", "audit", "person-story", "accounting"} & found.reached


def test_what_is_posted_for_is_written_down_as_well(town: Town) -> None:
    """Searches, fragments and exports that no link leads to."""
    result = Walk([], 0, 0, set())
    asks = [
        ("/people/find", {"q": "Qzx"}),
        ("/people/found", {"q": "Qzx"}),
        ("/audit/person", {"who": "Qzx"}),
        ("/audit/export", {"as": "csv"}),
        ("/audit/export", {"as": "ndjson"}),
        *((f"/people/{p}/disclose", {"act": "look", **DISCLOSED}) for p in town.people),
    ]
    for client in town.clients.values():
        for address, typed in asks:
            _judged(town, address, client.post(address, typed), result)
    assert result.missing == []
    assert result.shown > 10


def test_pages_that_forget_to_say_whom_they_saw_are_missed(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a trail that forgets whom it saw turns the test red."""
    note = Trail.note
    monkeypatch.setattr(
        Trail, "note", lambda self, action, what, people=(), main=None: note(self, action, what)
    )
    assert walk(town, 12).missing


def test_one_dropped_call_is_missed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.Unit, "saw", lambda self, people, what: None)
    assert walk(town, 30).missing


# --- not writable: nothing is served


@pytest.fixture
def page_of_somebody(town: Town) -> tuple[Client, str, Town]:
    for client in town.clients.values():
        for person in town.people:
            answer = client.get(f"/people/{person}/story")
            if answer.status_code == 200 and town.shown_in(answer.content.decode()):
                return client, f"/people/{person}/story", town
    raise AssertionError("nobody sees anybody")


def test_without_a_trail_nothing_is_served(page_of_somebody: tuple[Client, str, Town]) -> None:
    client, address, town = page_of_somebody
    with owner_connection() as owner:
        owner.execute("revoke insert on audit from careloop_app")
        try:
            answers = [client.get(address), client.get("/today"), client.get("/people")]
        finally:
            owner.execute("grant insert on audit to careloop_app")
    for answer in answers:
        assert answer.status_code == 503
        assert answer["Retry-After"]
        assert not town.shown_in(answer.content.decode()) - town.shown_in(address)
    assert client.get(address).status_code == 200


def test_without_a_place_for_the_heads_nothing_is_served(
    page_of_somebody: tuple[Client, str, Town], settings: Any, tmp_path: Any
) -> None:
    client, address, town = page_of_somebody
    lane_heads.forget()
    (tmp_path / "home").write_text("a file where a folder belongs")
    settings.HOME = tmp_path / "home"
    answer = client.get(address)
    assert answer.status_code == 503
    assert not town.shown_in(answer.content.decode()) - town.shown_in(address)
    lane_heads.forget()
