"""Who sees what at the FHIR door: everybody, every type, every way round. Types, interactions and routes are read from
the code, so that what is added later joins by itself.

In CI a slice runs, the same in every run; CARELOOP_MATRIX=full asks everything.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zlib import crc32

import pytest
from django.test import Client

from careloop.access import Actor, kinds, policy
from careloop.api.exchange import tokens
from careloop.api.routes import ROUTES, Route
from careloop.kernel.errors import Unauthenticated
from careloop.server import middleware
from tests.trust.matrix.cast import CAST, FOREIGN, PEOPLE, REFUSED, Member, roles_without_a_member
from tests.trust.matrix.world import Canary, World, build

IS_FULL = os.environ.get("CARELOOP_MATRIX") == "full"
# One cell in so many, chosen by its name: of reads, and of all other ways round.
SLICE_OF_READS = 1 if IS_FULL else 6
SLICE = 1 if IS_FULL else 10
SLICE_OF_OPERATIONS = 1 if IS_FULL else 3
# They read everything, so that each canary is seen by somebody.
WITNESSES = frozenset({"backend with everything", "patient", "patient who refused North", "bh-clinician"})
JSON = "application/fhir+json"


class Door:
    """The door as one member of the cast finds it. answers: how many cells were asked; seen: canaries, by member."""

    def __init__(self, world: World, member: Member, patch: pytest.MonkeyPatch) -> None:
        self.world, self.member = world, member
        self.client = Client(raise_request_exception=False)
        self.cells = 0
        self.seen: set[str] = set()
        self.wrong: list[str] = []
        actor = member.actor(world.rid)
        patch.setattr(tokens, "actor", lambda request, now: _given(actor))

    def ask(self, what: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Counts a cell, and writes down each canary that this member must not see."""
        self.cells += 1
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = headers.pop("kind", JSON)
        answer = self.client.generic(method, f"/fhir/{path}", data, kind, headers=headers)
        text = answer.content.decode()
        told = self.world.words_in(text) | self.world.words_in(str(answer.headers))
        for word in told:
            canary = self.world.by_word[word]
            if not self.member.may_see(canary.person, canary.type, canary.label):
                self.wrong.append(f"{self.member.name}: {what} {path} shows {word} ({answer.status_code})")
        if answer.status_code >= 500:
            self.wrong.append(f"{self.member.name}: {what} {path} fails with {answer.status_code}")
        self.seen |= told
        return answer


def _given(actor: Actor | None) -> Actor:
    if actor is None:
        raise Unauthenticated
    return actor


@pytest.fixture
def world(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(middleware, "clock", lambda: now)
    tokens.forget()
    logging.disable(logging.WARNING)  # tens of thousands of refusals, each with a line
    yield build(now)
    logging.disable(logging.NOTSET)


def chosen(*cell: str, slice: int = SLICE) -> bool:
    return slice == 1 or crc32("|".join(cell).encode()) % slice == 0


# --- the ways round: each asks for one type and says nothing it must not


def reads(door: Door, type: str, own: list[Canary]) -> None:
    for canary in own:
        is_witness = door.member.name in WITNESSES
        if not is_witness and not chosen(door.member.name, "read", canary.word, slice=SLICE_OF_READS):
            continue
        answer = door.ask("read", "GET", canary.reference)
        may = door.member.may_see(canary.person, canary.type, canary.label)
        if may != (answer.status_code == 200):
            door.wrong.append(f"{door.member.name}: read {canary.word} answers {answer.status_code}")


def versions(door: Door, type: str, own: list[Canary]) -> None:
    for canary in own:
        if chosen(door.member.name, "vread", canary.word):
            door.ask("vread", "GET", f"{canary.reference}/_history/1")


def histories(door: Door, type: str, own: list[Canary]) -> None:
    for canary in own:
        if chosen(door.member.name, "history", canary.word):
            door.ask("history", "GET", f"{canary.reference}/_history")


def searches(door: Door, type: str, own: list[Canary]) -> None:
    """All there is, page by page through the cursor, counted, and by form: the same things each time."""
    if not chosen(door.member.name, "search", type):
        return
    expected = {c.word for c in own if door.member.may_see(c.person, c.type, c.label)}
    answer = door.ask("search", "GET", f"{type}?_tag=urn:canary%7C&_count=50")
    if answer.status_code != 200:
        if expected:
            door.wrong.append(f"{door.member.name}: search {type} answers {answer.status_code}")
        return
    found = door.world.words_in(answer.content.decode())
    if not expected <= found:
        door.wrong.append(f"{door.member.name}: search {type} misses {sorted(expected - found)[:3]}")
    counted = door.ask("count", "GET", f"{type}?_tag=urn:canary%7C&_summary=count").json()
    if counted.get("total") != len(expected):
        door.wrong.append(f"{door.member.name}: {type} counts {counted.get('total')}, not {len(expected)}")
    door.ask(
        "by form", "POST", f"{type}/_search", b"_sort=_lastUpdated", kind="application/x-www-form-urlencoded"
    )
    _pages(door, type)


def _pages(door: Door, type: str) -> None:
    path: str | None = f"{type}?_count=1&_sort=-_lastUpdated"
    for _ in range(4):
        if path is None:
            return
        answer = door.ask("cursor", "GET", path)
        links = answer.json().get("link", []) if answer.status_code == 200 else []
        following = next((each["url"] for each in links if each["relation"] == "next"), None)
        path = following.split("/fhir/")[1] if following else None


def by_reference(door: Door, type: str, own: list[Canary]) -> None:
    for person in (FOREIGN, REFUSED):
        if type in policy_types() and chosen(door.member.name, "reference", type, person):
            for code in ("patient", "subject"):
                door.ask("by reference", "GET", f"{type}?{code}=Patient/{person}")


def writes(door: Door, type: str, own: list[Canary]) -> None:
    """Over somebody else's: refused like something that is not there, and nothing told. A new thing about nobody may be
    made where the type allows it; it must not say that there was one already."""
    for canary in own:
        hers = door.member.may_see(canary.person, canary.type, canary.label)
        if canary.person == "" or hers or not chosen(door.member.name, "write", canary.word):
            continue
        body = {"resourceType": type, "id": canary.id}
        for what, method, path, sent, refused in (
            ("update", "PUT", canary.reference, body, (200, 201)),
            ("conditional create", "POST", type, {"resourceType": type}, (200,)),
            ("transaction", "POST", "", _bundle(canary, body), (200, 201)),
        ):
            answer = door.ask(what, method, path, sent, **{"If-None-Exist": f"_id={canary.id}"})
            if answer.status_code in refused:
                door.wrong.append(f"{door.member.name}: {what} {canary.word} is taken ({answer.status_code})")


def _bundle(canary: Canary, body: dict[str, str]) -> dict[str, Any]:
    request = {"method": "PUT", "url": canary.reference}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": body, "request": request}],
    }


# Each operation of the door: of which type the key in its address is, and what is sent.
OPERATIONS: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "CarePlan/$what-changed": ("", lambda person: {}),
    "CarePlan/<str:id>/$what-changed": ("CarePlan", lambda person: {}),
    "Questionnaire/$populate": ("", lambda person: _populate(person)),
    "Questionnaire/<str:id>/$populate": ("Questionnaire", lambda person: _populate(person)),
    "Questionnaire/$validate": ("", lambda person: {"resourceType": "Questionnaire", "status": "draft"}),
    "QuestionnaireResponse/$extract": ("", lambda person: _response(person)),
    "QuestionnaireResponse/<str:id>/$extract": ("QuestionnaireResponse", lambda person: {}),
    "QuestionnaireResponse/$validate": ("", lambda person: _response(person)),
    "Patient/<str:id>/$plan-completeness": ("Patient", lambda person: {}),
    "Patient/<str:id>/$plan-conflicts": ("Patient", lambda person: {}),
    "Patient/<str:id>/$settle-conflict": ("Patient", lambda person: _settle()),
    "Patient/<str:id>/$assess-risk": ("Patient", lambda person: {}),
}


def _populate(person: str) -> dict[str, Any]:
    said = [
        {"name": "subject", "valueReference": {"reference": f"Patient/{person}"}},
        {"name": "questionnaireRef", "valueReference": {"reference": "urn:careloop:questionnaire:phq-9"}},
    ]
    return {"resourceType": "Parameters", "parameter": said}


def _response(person: str) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": "urn:careloop:questionnaire:phq-9",
        "subject": {"reference": f"Patient/{person}"},
    }


def _settle() -> dict[str, Any]:
    said = [{"name": "conflict", "valueString": "x"}, {"name": "action", "valueCode": "work"}]
    return {"resourceType": "Parameters", "parameter": said}


def operations(door: Door, route: Route) -> None:
    """About each person, by her key and by those of her things. What is done to a person who is not hers, is not."""
    type, body = OPERATIONS[route.pattern]
    for person in PEOPLE:
        of = {c.id for c in door.world.canaries if (c.person, c.type) == (person, type)} if type else {""}
        for key in {person} if type == "Patient" else of or {"nothing"}:
            for method in route.handlers:
                cell = (door.member.name, "operation", route.pattern, person, key, method)
                if not chosen(*cell, slice=SLICE_OF_OPERATIONS):
                    continue
                path = route.pattern.replace("<str:id>", key)
                if path == "CarePlan/$what-changed":
                    path += f"?patient=Patient/{person}"
                sent = body(person) if method == "POST" else None
                answer = door.ask("operation", method, path, sent)
                hers = door.member.may_see(person, "Patient", "")
                is_read = method == "GET" and door.member.name in WITNESSES
                if type == "Patient" and (answer.status_code < 400) != hers and (not hers or is_read):
                    door.wrong.append(f"{door.member.name}: {path} answers {answer.status_code}")


WAYS: tuple[Callable[[Door, str, list[Canary]], None], ...] = (
    reads,
    versions,
    histories,
    searches,
    by_reference,
    writes,
)
# Each interaction of the FHIR door, by the way round that asks for it.
COVERED = {
    "read": reads,
    "vread": versions,
    "history-instance": histories,
    "search-type": searches,
    "create": writes,
    "update": writes,
    "transaction": writes,
}


OFFERED = [route for route in ROUTES if "$" in route.pattern]


def policy_types() -> frozenset[str]:
    return kinds.EVERYTHING


def test_every_interaction_of_the_door_and_every_role_is_asked() -> None:
    offered = {name for route in ROUTES for name in (*route.on_type.values(), *route.on_system.values())}
    assert offered == set(COVERED), "a new interaction needs a way round here"
    assert {route.pattern for route in OFFERED} == set(OPERATIONS), "a new operation is asked here as well"
    assert roles_without_a_member() == set(), "a new role needs a member of the cast"
    assert {rule.name for rule in policy.RULES if not rule.name.startswith("system-")} <= {
        *(member.name for member in CAST),
        "family",
        "partner",
        "client-scope",
    }


def test_nobody_sees_a_canary_that_is_not_hers(
    world: World, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    assert world.unmade == []
    by_type: dict[str, list[Canary]] = {}
    for canary in world.canaries:
        by_type.setdefault(canary.type, []).append(canary)
    cells: Counter[str] = Counter()
    seen: set[str] = set()
    wrong: list[str] = []
    for member in CAST:
        door = Door(world, member, monkeypatch)
        for type in sorted(kinds.EVERYTHING):
            for way in WAYS:
                way(door, type, by_type.get(type, []))
        for route in OFFERED:
            operations(door, route)
        cells[member.name] = door.cells
        wrong += door.wrong
        seen |= door.seen
    record_property("cells", sum(cells.values()))
    sys.stdout.write(
        f"\naccess matrix: {sum(cells.values())} cells, {len(CAST)} members, {len(wrong)} wrong\n"
    )
    assert wrong == [], f"{len(wrong)} of {sum(cells.values())} cells\n" + "\n".join(wrong[:40])
    unseen = {c.word for c in world.canaries} - seen
    assert {word for word in unseen if "unknown" not in word} == set(), "each is seen by somebody entitled"
    assert sum(cells.values()) >= 10_000


def sampled(world: World, members: tuple[str, ...], types: tuple[str, ...]) -> Iterator[tuple[Member, str]]:
    yield from ((member, type) for member in CAST if member.name in members for type in types)


@pytest.mark.parametrize(
    "broken",
    ["a rule for everybody", "labels forgotten", "consents forgotten", "a rule taken away"],
)
def test_a_broken_policy_turns_the_matrix_red(
    world: World, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The control: the same cells, with the policy weakened in one place."""
    from dataclasses import replace

    from careloop.access import Everyone, LabelsAllowed, labels
    from careloop.store import conditions

    rules = list(policy.RULES)
    at = next(n for n, rule in enumerate(rules) if rule.name == "coordinator")
    if broken == "a rule for everybody":
        rules[at] = replace(rules[at], rows=lambda actor, rtype: Everyone())
    elif broken == "a rule taken away":
        del rules[at]
    elif broken == "labels forgotten":
        kept = rules[at].rows
        monkeypatch.setattr(
            policy, "_labeled", lambda actor, sees, uses=0: LabelsAllowed(labels.ALL, purposes=uses)
        )
        assert kept
    else:
        monkeypatch.setattr(conditions, "_denied", lambda *asked: ("false", []))
    monkeypatch.setattr(policy, "RULES", tuple(rules))
    member = next(m for m in CAST if m.name == "coordinator")
    door = Door(world, member, monkeypatch)
    by_type = {t: [c for c in world.canaries if c.type == t] for t in ("Observation", "Patient", "Task")}
    for type, canaries in by_type.items():
        reads(door, type, canaries)
    assert door.wrong, broken
    assert PEOPLE
