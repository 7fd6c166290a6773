"""What a label hides is told by no list, filter, order, count, number, chart, alert, proposal or file: for whoever may
not see it, Dora is like Clara, who has nothing of the kind. The controls: with her consent all of it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from careloop import library, store
from careloop.access import Scope, labels
from careloop.actions import record
from careloop.actions.act_on_many import choose, go_on, judged, say
from careloop.actions.drafting import DraftState
from careloop.actions.dry_run_protocol import dry_run
from careloop.care.many import Wanted
from careloop.fhir import uris
from careloop.fhir.elements import codeable
from careloop.fhir.questionnaire import Answer
from careloop.library import load
from careloop.projections import readings, registry, risks, scores, worklist
from careloop.projections.people import briefs
from careloop.projections.reading_limits import limits_for
from careloop.projections.registry import Asked
from careloop.projections.signals import gather, own_limits
from careloop.store import Unit, drafts
from tests.projections import builders as b
from tests.projections.test_registry import problem
from tests.projections.ward import HOUSE
from tests.trust.hidden import (
    ACT,
    TWINS,
    permit,
    put,
    react,
    refuse,
    revoke,
    secrets,
    told_in,
    twins,
    watch,
    weight,
)
from tests.trust.matrix import test_pages as matrix
from tests.trust.matrix.cast import CARE, LABELS
from tests.trust.matrix.world import World
from tests.web.desk import PASSWORD, Desk, at_the_desk

QUESTIONS: tuple[dict[str, Any], ...] = (
    {"condition": "substance-use"},
    {"condition": "heart-failure"},
    {"condition": "canaryillness"},
    {"need": "any"},
    {"need": "canaryneed"},
    {"program": "methadone-canaryprogram"},
    {"heard": 14},
    {"late": True},
    {"risk": "charlson", "band": "high"},
    {"measure": "phq-9", "low": Decimal(20)},
    {"measure": "phq-9", "high": Decimal(27)},
    {"measure": "phq-9", "moved": Decimal(1)},
    {"measure": "phq-9", "standing": "worse"},
    {"measure": "phq-9", "standing": "unmeasured"},
    {"measure": "phq-9", "standing": "due"},
    {"measure": "score:phq-9", "low": Decimal(20)},
    {"measure": "reading:weight", "low": Decimal(170)},
    {"measure": "reading:weight", "moved": Decimal(1)},
    {"measure": "reading:weight", "standing": "unmeasured"},
    {"measure": "reading:weight", "standing": "unmeasured", "sort": "value"},
    {"measure": "phq-9", "sort": "value"},
    {"measure": "phq-9", "sort": "change"},
    {"measure": "phq-9", "sort": "review"},
)
# Protocols that would speak of Dora's secrets.
SPEAK = (
    "heart-failure-weight",
    "depression-treat-to-target",
    "medication-gap",
    "work-past-due",
    "no-contact",
)


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        desk.client.raise_request_exception = False
        twins(desk)
        yield desk


def ids(page: registry.Page) -> set[str]:
    return {line.person.id for line in page.lines} & set(TWINS)


def ask(desk: Desk, scope: Scope | None = None, **asked: Any) -> registry.Page:
    with store.open(scope or desk.ward.scope, now=desk.clock()) as unit:
        return registry.registry(unit, Asked(**{"whose": "all", **asked}))


def rid(unit: Unit, id: str = "dora") -> int:
    found = unit.rid_of(f"Patient/{id}")
    assert found is not None
    return found


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda asked: "-".join(map(str, asked.values())))
def test_no_question_of_the_registry_finds_or_counts_what_is_hidden(
    desk: Desk, asked: dict[str, Any]
) -> None:
    before = ask(desk, **asked)
    put(desk, *secrets(desk.clock()))
    found = ask(desk, **asked)
    assert found.total == before.total
    assert ids(found) == ids(before)
    assert ids(found) in (set(), set(TWINS)), "the one like the other"
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        reached = {each.id for each in registry.chosen(unit, Asked(whose="all", **asked))} & set(TWINS)
    assert reached == ids(before), "one act on all of them reaches nobody else"
    changed = ask(desk, HOUSE, **asked)
    assert ("dora" in ids(changed)) is not ("clara" in ids(changed)), (
        "the control: who may see it tells them apart"
    )


def test_where_a_caseload_stands_counts_nobody_by_what_is_hidden(desk: Desk) -> None:
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        before = registry.standings(unit, Asked(whose="all", measure="phq-9"))
    put(desk, *secrets(desk.clock()))
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        assert registry.standings(unit, Asked(whose="all", measure="phq-9")) == before
    with store.open(HOUSE, now=desk.clock()) as unit:
        assert registry.standings(unit, Asked(whose="all", measure="phq-9"))["worse"] == 1


@pytest.mark.parametrize("sort", ["name", "heard", "risk"])
def test_no_order_puts_her_elsewhere(desk: Desk, sort: str) -> None:
    question: dict[str, Any] = {"sort": sort, "risk": "charlson" if sort == "risk" else ""}
    before = [line.person.id for line in ask(desk, **question).lines]
    put(desk, *secrets(desk.clock()))
    found = ask(desk, **question)
    assert [line.person.id for line in found.lines] == before
    lines = {line.person.id: line for line in found.lines}
    if sort == "risk":  # nobody has one that the reader may see
        assert lines == {}
        assert ids(ask(desk, HOUSE, **question)) == {"dora"}
        return
    assert replace(lines["dora"], person=lines["clara"].person) == lines["clara"]
    assert found.is_partial, "that something is not shown is said, as everywhere"


def test_a_line_shows_the_older_contact_and_stands_where_it_says(desk: Desk) -> None:
    now = desk.clock()
    for id in TWINS:
        put(desk, b.contact(f"seen-{id}", id, now - timedelta(days=5)))
    put(desk, *secrets(now))
    found = [line for line in ask(desk, sort="heard").lines if line.person.id in TWINS]
    assert [line.person.id for line in found] == list(TWINS), (
        "in the order of their keys, as if it were the same"
    )
    assert len({line.heard for line in found}) == 1
    assert ids(ask(desk, heard=4)) == set(TWINS)
    assert ids(ask(desk, HOUSE, heard=4)) == {"clara"}


def test_readings_scores_risks_and_limits_are_read_by_what_they_came_from(desk: Desk) -> None:
    put(desk, *secrets(desk.clock()))
    kind = library.load().readings["weight"]

    def told(unit: Unit) -> list[Any]:
        dora = rid(unit)
        own = limits_for(unit, [dora], kind, words=True)[dora]
        return [
            readings.readings_of(unit, dora),
            readings.latest(unit, [dora], "weight"),
            scores.scores_of(unit, dora),
            scores.latest_scores(unit, [dora], "phq-9"),
            risks.risks_of(unit, [dora]),
            registry.courses_of(unit, dora),
            own_limits(unit, [dora], ["weight"]),
            [own] if own and own.is_own else [],
            gather(unit, [dora], ["fact/programs"], load())[dora].facts["programs"],
        ]

    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        assert [bool(each) for each in told(unit)] == [False] * 9
    with store.open(HOUSE, now=desk.clock()) as unit:
        assert [bool(each) for each in told(unit)] == [True] * 9, "the control"
    permit(desk)
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        assert [bool(each) for each in told(unit)] == [True] * 9, "with her consent"
    revoke(desk)
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        assert [bool(each) for each in told(unit)] == [False] * 9, "until she takes it back"


@pytest.mark.parametrize("protocol", SPEAK)
def test_a_dry_run_neither_speaks_of_it_nor_counts_whom_it_asked(desk: Desk, protocol: str) -> None:
    def tried(scope: Scope) -> tuple[int, int, set[str]]:
        found = dry_run(scope, protocol, load(), desk.clock())
        return found.looked, found.people, {each.reference for each in found.listed}

    before, all_before = tried(desk.ward.scope), tried(HOUSE)
    put(desk, *secrets(desk.clock()))
    assert tried(desk.ward.scope) == before
    assert tried(HOUSE) != all_before, "the control"


def test_one_act_on_many_says_nothing_of_a_to_do_that_is_hidden(desk: Desk) -> None:
    """“The same to-do is open already” would tell its title to whoever guesses it."""
    put(desk, *secrets(desk.clock()))
    scope = desk.ward.scope

    def left_out(title: str) -> set[bool]:
        with store.open(scope, now=desk.clock()) as unit:
            people = list(briefs(unit, [rid(unit, id) for id in TWINS]).values())
        many = say(
            scope,
            choose(scope, people, "", desk.clock()).draft,
            Wanted("todo", title=title),
            desk.clock(),
        )
        with store.open(scope, now=desk.clock()) as unit:
            return {each.will for each in judged(unit, many).values()}

    with store.open(HOUSE, now=desk.clock()) as unit:
        late = unit.read("Task", "late").resource
    late = {**late, "code": codeable(uris.WORK_CODE, "to-do")}
    put(desk, late)
    assert left_out("canarytask") == {True}
    put(desk, {**{name: late[name] for name in late if name != "meta"}, "id": "plain"})
    assert left_out("canarytask") == {True, False}, "the control: one without a label is the same to-do"


def test_protocols_speak_of_it_only_to_whoever_may_see_what_they_speak_of(desk: Desk) -> None:
    """Firing, to-do, proposal and each of its lines carry the label of what they follow from."""
    watch(desk, *SPEAK)
    put(desk, *secrets(desk.clock()))
    react(desk)
    with store.open(HOUSE, now=desk.clock()) as unit:
        made = unit.of_person(rid(unit), ["DetectedIssue", "Task", "Goal", "Condition", "CarePlan"])
        issues = [each for each in made if each.type == "DetectedIssue"]
        assert len(issues) >= 2, "the control: they spoke"
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        shown = unit.of_person(rid(unit), ["DetectedIssue", "Task", "Goal", "Condition", "CarePlan"])
    text = " ".join(str(each.resource) for each in shown)
    assert told_in(text) == set()
    assert not [
        each.reference for each in shown if each.type == "DetectedIssue" and "no-contact" not in str(each)
    ]


def pages_of(desk: Desk) -> Iterator[tuple[str, str]]:
    """Every page and fragment that names a person, about Dora; and every list."""
    nothing = World()
    for route in filter(matrix.asked_here, matrix.routes()):
        if any("int:" in part for part in route.parts):
            continue
        address = "/" + route.pattern
        for part in route.parts:
            _, name = part.strip("<>").split(":")
            key = (
                "dora" if name == "person" or (name == "id" and route.pattern.startswith("people/")) else None
            )
            address = address.replace(
                part, key or matrix.PARTS.get(name, lambda w, p: "nothing")(nothing, "dora")
            )
        for headers in ({}, {"HX-Request": "true"}):
            answer = desk.client.get(address, headers=headers)
            if not answer.streaming:
                yield address, answer.content.decode(errors="replace")


LISTS = (
    "/registry?whose=all&measure=phq-9&sort=value",
    "/registry?whose=all&measure=reading:weight",
    "/registry?whose=all&condition=substance-use",
    "/registry?whose=all&risk=charlson&sort=risk",
    "/registry?whose=all&sort=heard",
    *(f"/library/protocols/{each}/dry-run" for each in SPEAK),
    *(f"/fhir/Patient/dora/${each}" for each in ("plan-completeness", "plan-conflicts")),
    "/fhir/CarePlan/$what-changed?patient=Patient/dora",
)


def seen_on_pages(desk: Desk) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for address, text in pages_of(desk):
        found.setdefault(address, set()).update(told_in(text))
    for address in LISTS:
        found[address] = told_in(desk.client.get(address).content.decode(errors="replace"))
    return {address: words for address, words in found.items() if words}


def test_no_page_of_hers_tells_it_and_with_her_consent_they_do(desk: Desk) -> None:
    watch(desk, *SPEAK)
    put(desk, *secrets(desk.clock()))
    react(desk)
    assert seen_on_pages(desk) == {}
    permit(desk)
    shown = seen_on_pages(desk)
    for page in ("readings", "health", "targets", "risk", "watched"):
        assert shown.get(f"/people/dora/{page}"), f"the control: {page}"
    assert len(shown) > 10
    revoke(desk)
    desk.later(minutes=1)
    assert seen_on_pages(desk) == {}, "from the next request on"


@pytest.mark.parametrize("asked", [{"condition": "substance-use"}, {"measure": "phq-9", "low": Decimal(20)}])
def test_without_the_look_at_what_a_row_came_from_she_is_found(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    """The control of these tests: one filter forgotten, and they are red."""
    from careloop.projections import registry_sql

    put(desk, *secrets(desk.clock()))
    assert ids(ask(desk, **asked)) == set()
    monkeypatch.setattr(registry_sql, "seen_row", lambda *asked: ("true", []))
    assert ids(ask(desk, **asked)) == {"dora"}


# Each reader, and of which labels she is told without being asked: as in tests/trust/matrix/cast.py.
READERS = {"coordinator": CARE, "bh-clinician": CARE | {"mentalhealthnotes"}, "advocacy": frozenset[str]()}


@pytest.mark.parametrize("label", sorted(LABELS))
@pytest.mark.parametrize("role", sorted(READERS))
def test_of_each_label_each_role_finds_what_it_reads_and_nothing_else(
    desk: Desk, role: str, label: str
) -> None:
    hidden_by = {"security": [{"system": ACT, "code": LABELS[label]}]}
    put(desk, {**problem("dm", "dora", "E11.9", "Type 2 diabetes"), "meta": hidden_by})
    actor = replace(desk.ward.actor, roles=frozenset({role}), programs=frozenset())
    scope = replace(desk.ward.scope, actor=actor)
    expected = {"dora"} if label in READERS[role] else set[str]()
    assert ids(ask(desk, scope, condition="diabetes")) == expected
    lines = {line.person.id: line.problems for line in ask(desk, scope).lines}
    assert bool(lines["dora"]) == bool(expected)


def test_who_said_no_to_the_house_stands_in_no_list_and_no_count(desk: Desk) -> None:
    """And in no dry run, no cohort that was chosen before, and no page."""
    now = desk.clock()
    for id in TWINS:
        put(desk, weight(f"{id}-1", id, now - timedelta(days=1), "80"), weight(f"{id}-2", id, now, "83"))
        put(desk, problem(f"{id}-hf", id, "I50.9", "Heart failure"))
    scope = desk.ward.scope
    with store.open(scope, now=now) as unit:
        people = [each for each in registry.chosen(unit, Asked(whose="all")) if each.id in TWINS]
    many = say(scope, choose(scope, people, "", now).draft, Wanted("todo", title="Call"), now)
    before, tried = ask(desk).total, dry_run(scope, "heart-failure-weight", load(), now).people
    assert tried == 2, "the control"
    refuse(desk)
    assert ids(ask(desk)) == {"clara"}
    assert ask(desk).total == before - 1
    assert dry_run(scope, "heart-failure-weight", load(), now).people == tried - 1
    with store.open(scope, now=now) as unit:
        assert readings.readings_of(unit, rid(unit)) == []
        assert registry.courses_of(unit, rid(unit)) == {}
        will = {each.will for each in judged(unit, many).values()}
    assert will == {True, False}, "what was chosen before is judged again"
    done = go_on(scope, many.draft, now)
    assert {each.id: each.outcome for each in done.results} == {"clara": "done", "dora": "skipped"}
    for page in ("readings", "targets", "risk", "watched", "plan/changes", "care-load"):
        assert desk.client.get(f"/people/dora/{page}").status_code in (403, 404)


def test_a_file_holds_nothing_with_a_label_even_with_her_consent(desk: Desk) -> None:
    put(desk, *secrets(desk.clock()))
    permit(desk)
    assert "dora" in ids(ask(desk, condition="substance-use")), "the control: on the page she is"
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        unit.keep_out(labels.SENSITIVE)
        found = registry.registry(unit, Asked(whose="all"))
        assert "dora" in ids(found)
        assert (
            told_in(
                repr([(line.problems, line.needs, line.programs, line.next_title) for line in found.lines])
            )
            == set()
        )
        assert registry.registry(unit, Asked(whose="all", condition="substance-use")).total == 0


def test_whom_nobody_reached_is_counted_by_contacts_that_the_reader_sees(desk: Desk) -> None:
    """On Today, as in the list that it leads to."""

    def silent(scope: Scope) -> int:
        with store.open(scope, now=desk.clock()) as unit:
            return worklist.today(unit, desk.clock()).silent

    for id in TWINS:
        put(desk, b.episode(f"e-{id}", id))
    before = silent(desk.ward.scope)
    put(desk, *secrets(desk.clock()))
    assert silent(desk.ward.scope) == before
    house = replace(desk.ward.scope, actor=replace(HOUSE.actor, practitioner_rid=desk.ward.ana))
    assert silent(house) == before - 1, "the control"
    put(desk, b.contact("plain", "dora", desk.clock() - timedelta(days=1)))
    assert silent(desk.ward.scope) == before - 1


def test_what_the_record_filled_in_lies_on_no_device(desk: Desk) -> None:
    """Of questions that were begun here only what was said goes along."""
    source = {"source": "Observation/w1", "on": "2026-11-20T10:00:00Z"}
    phq9 = load().instruments["phq-9"]
    filled, again, own = phq9.scoring.items[:3]
    state = DraftState(
        "phq-9",
        phq9.version,
        "Patient/dora",
        answers=dict.fromkeys((filled, again, own), Answer(("several-days",))),
        origins={filled: source, again: {**source, "confirmed": "2026-11-23T10:00:00Z"}},
    )
    mine = replace(desk.ward.scope, actor=replace(desk.ward.actor, principal=desk.user.principal_id))
    with record.begin(mine, desk.clock()) as unit:
        drafts.save(unit, rid(unit), "phq-9", state.kept())
    packet = desk.client.post("/people/dora/take-along", {"password": PASSWORD}).json()
    assert set(packet["begun"]["phq-9"]["answers"]) == {again, own}
