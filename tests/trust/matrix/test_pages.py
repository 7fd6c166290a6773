"""Who sees what on pages, fragments, prints and papers: every route of the URLconf, for every role, about a person who
is hers and two who are not. A route without a rule, or with a part of its address that nobody here can fill in, fails.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from careloop.access.policy import STAFF_ROLES
from careloop.accounts import family_codes
from careloop.accounts.family_accounts import open_account
from careloop.accounts.models import Principal, Sender, User
from careloop.actions.record import begin
from careloop.actions.share_portal import share
from careloop.server import middleware
from tests.conftest import owner_connection
from tests.trust.matrix.cast import CAST, FOREIGN, OWN, PEOPLE
from tests.trust.matrix.world import MAKER, Canary, World, build

# Those who see only what was handed to them: here nothing was.
HANDED = ("volunteer", "ombudsman")
NOBODYS = "00000000-0000-0000-0000-000000000000"
# Routes that end the session or change the account itself: asked elsewhere, for nobody could go on here.
ENDS = ("sign-out", "my/sign-out", "my/leave", "account", "accounts", "set-up")
# By the first word of the address: whose key stands in `<…:id>` there. A new one joins here, or the test fails.
KEYS: dict[str, Callable[[World, str], str]] = {
    "work": lambda world, person: row(world, person, "Task"),
    "notes": lambda world, person: row(world, person, "DocumentReference"),
    "proposals": lambda world, person: row(world, person, "CarePlan"),
    "front-door": lambda world, person: row(world, person, "Task"),
    "review": lambda world, person: row(world, person, "Task"),
    "library": lambda world, person: "phq-9",
    "apps": lambda world, person: "1",
}
PARTS: dict[str, Callable[[World, str], str]] = {
    "person": lambda world, person: person,
    "other": lambda world, person: FOREIGN,
    "task": lambda world, person: row(world, person, "Task"),
    "response": lambda world, person: row(world, person, "QuestionnaireResponse"),
    "provenance": lambda world, person: row(world, person, "Provenance"),
    "consent": lambda world, person: row(world, person, "Consent"),
    "related": lambda world, person: row(world, person, "RelatedPerson"),
    "flag": lambda world, person: row(world, person, "Flag"),
    "reference": lambda world, person: row(world, person, "Observation"),
    "observation": lambda world, person: row(world, person, "Observation"),
    "device": lambda world, person: row(world, person, "Device"),
    "measure": lambda world, person: "weight",
    "type": lambda world, person: "Observation",
    "issue": lambda world, person: row(world, person, "DetectedIssue"),
    "key": lambda world, person: "goals-0000000000000000",
    "instrument": lambda world, person: "phq-9",
    "protocol": lambda world, person: "heart-failure-weight",
    "meeting": lambda world, person: "nothing",
    "program": lambda world, person: "transitions",
    "code": lambda world, person: "transitions",
    "name": lambda world, person: "nobody",
    "grant": lambda world, person: "1",
    "what": lambda world, person: "nothing",
    "kind": lambda world, person: "app",
    "token": lambda world, person: "no-such-token",
    "rest": lambda world, person: "nothing",
    "version": lambda world, person: "1",
}


def row(world: World, person: str, type: str) -> str:
    return next((c.id for c in world.canaries if (c.person, c.type, c.label) == (person, type, "")), NOBODYS)


@dataclass(frozen=True)
class Route:
    pattern: str
    rule: str | None
    parts: tuple[str, ...]

    def address(self, world: World, person: str) -> str:
        found = self.pattern
        for part in self.parts:
            kind, name = part.strip("<>").split(":")
            found = found.replace(part, _value(world, person, self.pattern, kind, name))
        return "/" + found


def _value(world: World, person: str, pattern: str, kind: str, name: str) -> str:
    if kind == "int":
        return world.by_word["canaryforeignmessage"].id if pattern.startswith("review/messages") else "1"
    if name == "id":
        key = KEYS.get(pattern.split("/")[0], PARTS["person"])
        if pattern.startswith("people/"):
            return row(world, person, "Condition")
        return key(world, person)
    return PARTS[name](world, person)


def routes() -> list[Route]:
    return [Route(text, rule, parts) for text, rule, parts in _walk(get_resolver(), "")]


def _walk(resolver: Any, before: str) -> Iterator[tuple[str, str | None, tuple[str, ...]]]:
    for each in resolver.url_patterns:
        text = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each, text)
        elif isinstance(each, URLPattern):
            parts = tuple(part + ">" for part in text.split(">")[:-1])
            named = tuple("<" + part.split("<")[1] for part in parts)
            yield text, getattr(each.callback, "rule", None), named


def test_every_route_names_its_rule() -> None:
    found = routes()
    assert len(found) > 100
    without = [route.pattern for route in found if not route.rule]
    assert without == [], (
        "guard it: @staff_page, @family_page, @public_page(why), or a Route of the FHIR door"
    )


def test_every_part_of_an_address_can_be_filled_in() -> None:
    parts = {part.strip("<>") for route in routes() for part in route.parts if not part.startswith("<int:")}
    names = {part.split(":")[1] for part in parts}
    assert names - {"id"} <= set(PARTS), "say in PARTS whose key it is, so that the matrix asks for it"


def test_a_route_without_a_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    from careloop.web.staff import today

    monkeypatch.delattr(today.urlpatterns[0].callback, "rule")
    with pytest.raises(AssertionError):
        test_every_route_names_its_rule()


# At these doors, who the cast says may see what.
DOORS = {
    **{role: next(m for m in CAST if m.name == role) for role in STAFF_ROLES if role not in HANDED},
    **dict.fromkeys(HANDED, next(m for m in CAST if m.name == "volunteer without a task")),
    "patient": next(m for m in CAST if m.name == "patient"),
    "helper": next(m for m in CAST if m.name == "helper with plan"),
    "nobody": next(m for m in CAST if m.name == "nobody"),
}


@pytest.fixture
def world(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(middleware, "clock", lambda: now)
    logging.disable(logging.ERROR)
    made = build(now)
    a_message_for_south(made)
    yield made
    logging.disable(logging.NOTSET)


def a_message_for_south(world: World) -> None:
    """It waits for a person of South to look; nobody of North has to do with it."""
    principal = Principal.objects.create(kind="sender", name="south-adt")
    Sender.objects.create(principal=principal, name="south-adt", site="south", hospital="south")
    word = "canaryforeignmessage"
    with owner_connection() as owner:
        found = owner.execute(
            "insert into inbox(source, control, sha, kind, at, raw, state) values"
            " ('south-adt', '1', 'x', 'ADT^A03', now(), %s, 'review') returning id",
            [f"MSH|^~\\&|||||||ADT^A03|1|P|2.5\rPID|1||1||{word}".encode()],
        ).fetchone()
    assert found is not None
    world.add(Canary(word, FOREIGN, "message", "", str(found[0])))


def signed_in(role: str, now: datetime) -> Client:
    client = Client(raise_request_exception=False)
    if role in ("patient", "helper"):
        return at_the_family_door(role, client, now)
    if role in STAFF_ROLES:
        user = User.objects.create_user(
            f"{role}@example.org",
            None,
            role,
            roles=[role],
            sites=["north"],
            programs=["alpha"],
            practitioner="none",
        )
        client.force_login(user)
    return client


def at_the_family_door(role: str, client: Client, now: datetime) -> Client:
    who = f"Patient/{OWN}"
    if role == "helper":
        helper = f"row-of-{OWN}-helper"
        related = {"resourceType": "RelatedPerson", "id": helper, "patient": {"reference": who}}
        born = {
            "birthDate": "1960-01-01",
            "name": [{"text": "Lucia"}],
            "relationship": [{"text": "daughter"}],
        }
        with begin(MAKER, now) as unit:
            unit.create_named({**related, **born})
        share(MAKER, OWN, helper, ("plan",), now, said="at the kitchen table")
        who = f"RelatedPerson/{helper}"
    code = family_codes.issue_paper(open_account(who, "Somebody", "en", now), 1, "in a test", now)
    answer = client.post("/my/sign-in/letter", {"code": code, "year": "1960", "month": "1", "day": "1"})
    assert answer.status_code == 302
    return client


@dataclass
class Tally:
    cells: int = 0
    shown: int = 0

    def __post_init__(self) -> None:
        self.wrong: list[str] = []
        self.seen: set[str] = set()

    def look(self, world: World, role: str, person: str, what: str, answer: Any) -> None:
        self.cells += 1
        is_paper = answer.headers.get("Content-Type", "").startswith("application/pdf")
        if is_paper and answer.status_code == 200 and person != OWN:
            self.wrong.append(f"{role}: {what} prints a paper about {person}")
        if is_paper:
            text = words_of_paper(answer)
        else:
            text = "" if answer.streaming else answer.content.decode(errors="replace")
        for word in world.words_in(text) | world.words_in(str(answer.headers)):
            canary = world.by_word[word]
            self.shown += 1
            self.seen.add(canary.person)
            if not DOORS[role].may_see(canary.person, canary.type, canary.label):
                self.wrong.append(f"{role}: {what} shows {word} ({answer.status_code})")
        if answer.status_code >= 500:
            self.wrong.append(f"{role}: {what} fails with {answer.status_code}")


def asked_here(route: Route) -> bool:
    return not route.pattern.startswith(("fhir", "oauth", "static")) and not any(
        route.pattern == end or route.pattern.startswith(end + "/") for end in ENDS
    )


# In CI one fragment and one form in so many, chosen by its address; pages all.
SLICE = 1 if os.environ.get("CARELOOP_MATRIX") == "full" else 4


def chosen(*cell: str) -> bool:
    return SLICE == 1 or crc32("|".join(cell).encode()) % SLICE == 0


@pytest.mark.parametrize("part", range(3))
def test_no_page_shows_somebody_who_is_not_theirs(world: World, part: int, now: datetime) -> None:
    for role in sorted(DOORS)[part::3]:
        walk(world, role, now)


def walk(world: World, role: str, now: datetime) -> None:
    tally = Tally()
    client = signed_in(role, now)
    for route in filter(asked_here, routes()):
        for person in PEOPLE if route.parts else (OWN,):
            address = route.address(world, person)
            tally.look(world, role, person, f"page {address}", client.get(address))
            if chosen(role, "fragment", address):
                answer = client.get(address, headers={"HX-Request": "true"})
                tally.look(world, role, person, f"fragment {address}", answer)
            if person != OWN and chosen(role, "form", address):
                answer = client.post(address, {"words": "x", "why": "x", "reason": "x"})
                tally.look(world, role, person, f"form {address}", answer)
    sys.stdout.write(f"\npages of {role}: {tally.cells} cells, {tally.shown} canaries shown\n")
    assert tally.wrong == [], "\n".join(tally.wrong[:30])
    if role in ("coordinator", "clinician", "patient", "helper"):
        assert OWN in tally.seen, "she sees what is hers"


def words_of_paper(answer: Any) -> str:
    """Its text, by poppler where it is there; else only whose paper it is can be told."""
    if shutil.which("pdftotext") is None:
        return ""
    done = subprocess.run(["pdftotext", "-", "-"], input=answer.content, capture_output=True, check=False)
    return done.stdout.decode(errors="replace")
