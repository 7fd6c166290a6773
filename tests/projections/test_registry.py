"""The registry: any cohort of those whom the reader may see, nobody else; and what it remembers equals a rebuild."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from careloop import projections, store
from careloop.access import Actor
from careloop.care.treat_to_target import Course, stands
from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.library.loading import content_path
from careloop.library.targets import load_targets
from careloop.projections import registry, registry_standing
from careloop.projections.registry import Asked, Page
from tests.projections import builders as b
from tests.projections.ward import HOUSE, Ward

ACTIVE = "http://terminology.hl7.org/CodeSystem/condition-clinical"
SURE = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def problem(
    id: str, person: str, icd: str, words: str, category: str = "problem-list-item"
) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": id,
        "subject": ref(f"Patient/{person}"),
        "clinicalStatus": codeable(ACTIVE, "active"),
        "verificationStatus": codeable(SURE, "confirmed"),
        "category": [codeable(uris.CONDITION_CATEGORY, category)],
        "code": {"coding": [{"system": uris.ICD10CM, "code": icd}], "text": words},
    }


def phq9(id: str, person: str, at: datetime, score: int) -> dict[str, Any]:
    """A score that came from elsewhere."""
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "subject": ref(f"Patient/{person}"),
        "code": codeable(uris.LOINC, "44261-6", "PHQ-9 total score"),
        "effectiveDateTime": fhir_instant(at),
        "valueQuantity": {"value": score, "unit": "{score}"},
    }


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    """At Bayview Maria (Ana’s) and five more; Walter at Queens has all that Maria has."""
    ward = Ward(now)
    ward.has(
        problem("dm", "maria", "E11.9", "Type 2 diabetes"),
        problem("dm-w", "walter", "E11.9", "Type 2 diabetes"),
        problem("food", "maria", "Z59.41", "Not enough food", "health-concern"),
        b.contact("talk", "maria", now - timedelta(days=3)),
        b.task("late", "maria", now, due=now - timedelta(days=1), target=now - timedelta(days=1)),
        phq9("m1", "maria", now - timedelta(weeks=7), 18),
        phq9("m2", "maria", now - timedelta(days=2), 8),
        phq9("w1", "walter", now - timedelta(weeks=9), 18),
    )
    for n, name in enumerate(("Alba", "Bea", "Cleo", "Dora", "Eva")):
        id = name.lower()
        ward.has(
            b.patient(id, name, "Zamora"),
            phq9(f"{id}-1", id, now - timedelta(weeks=12), 16),
            phq9(f"{id}-2", id, now - timedelta(days=n), 14 + n),
        )
    return ward


def ask(ward: Ward, size: int = 50, actor: Actor | None = None, **asked: Any) -> Page:
    with ward.open(actor) as unit:
        return registry.registry(unit, Asked(**{"whose": "all", **asked}), size)


def names(page: Page) -> list[str]:
    return [line.person.name.split()[0] for line in page.lines]


def test_all_i_may_see_and_nobody_of_another_site(ward: Ward) -> None:
    found = ask(ward)
    assert names(found) == ["Alba", "Bea", "Cleo", "Dora", "Eva", "Maria"]
    assert found.total == 6
    assert names(ask(ward, whose="mine")) == ["Maria"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"condition": "diabetes"}, ["Maria"]),
        ({"condition": "type 2"}, ["Maria"]),
        ({"condition": "asthma"}, []),
        ({"need": "any"}, ["Maria"]),
        ({"need": "food"}, ["Maria"]),
        ({"need": "diabetes"}, []),
        ({"program": "transitions"}, ["Maria"]),
        ({"program": "nothing"}, []),
        ({"heard": 30}, ["Alba", "Bea", "Cleo", "Dora", "Eva"]),
        ({"heard": 2}, ["Alba", "Bea", "Cleo", "Dora", "Eva", "Maria"]),
        ({"late": True}, ["Maria"]),
        ({"lead": "ana"}, ["Maria"]),
        ({"lead": "nobody"}, []),
        ({"site": "queens"}, []),
        ({"measure": "phq-9", "low": Decimal(16)}, ["Cleo", "Dora", "Eva"]),
        ({"measure": "phq-9", "low": Decimal(15), "high": Decimal(16)}, ["Bea", "Cleo"]),
        ({"measure": "phq-9", "moved": Decimal(-5)}, ["Maria"]),
        ({"measure": "phq-9", "moved": Decimal(1)}, ["Dora", "Eva"]),
        ({"measure": "phq-9", "standing": "improving"}, ["Maria"]),
        ({"measure": "phq-9", "standing": "stuck"}, ["Alba", "Bea", "Cleo", "Dora", "Eva"]),
        ({"measure": "gad-7", "standing": "unmeasured", "condition": "diabetes"}, ["Maria"]),
        (
            {"condition": "diabetes", "measure": "phq-9", "standing": "improving", "program": "transitions"},
            ["Maria"],
        ),
        ({"condition": "%"}, []),
    ],
)
def test_a_cohort_is_what_was_asked_for(ward: Ward, asked: dict[str, Any], expected: list[str]) -> None:
    found = ask(ward, **asked)
    assert names(found) == expected
    assert found.total == len(expected)


def test_pages_hold_everybody_once_in_every_order(ward: Ward) -> None:
    for sort in ("name", "heard", "value", "change", "review"):
        seen, after = [], ""
        while True:
            page = ask(ward, 2, measure="phq-9", sort=sort, after=after)
            seen += names(page)
            after = page.next
            if not after:
                break
        assert sorted(seen) == ["Alba", "Bea", "Cleo", "Dora", "Eva", "Maria"], sort
    assert names(ask(ward, measure="phq-9", sort="value"))[0] == "Eva"
    assert names(ask(ward, measure="phq-9", sort="change"))[-1] == "Maria"
    assert names(ask(ward, sort="heard"))[-1] == "Maria"


def test_a_place_of_another_question_begins_at_the_first_page(ward: Ward) -> None:
    after = ask(ward, 2).next
    assert names(ask(ward, 2, after=after)) == ["Cleo", "Dora"]
    assert names(ask(ward, 2, condition="diabetes", after=after)) == ["Maria"]
    assert names(ask(ward, 2, after="made-up")) == ["Alba", "Bea"]


def test_a_line_says_where_treatment_began_and_what_is_next(ward: Ward, now: datetime) -> None:
    (line,) = ask(ward, measure="phq-9", condition="diabetes").lines
    assert line.course is not None
    assert line.stands is not None
    assert [line.course.began, line.course.now, line.course.change] == [Decimal(18), Decimal(8), Decimal(-10)]
    assert line.stands.standing == "improving"
    assert line.problems == ("Type 2 diabetes",)
    assert line.needs == ("Not enough food",)
    assert line.late == 1
    assert line.next_class is WorkClass.ROUTINE
    assert line.heard == now - timedelta(days=3)


def test_the_caseload_is_counted_by_where_it_stands(ward: Ward) -> None:
    with ward.open() as unit:
        assert registry.standings(unit, Asked(whose="all", measure="phq-9")) == {"improving": 1, "stuck": 5}
        assert registry.standings(unit, Asked(whose="all", measure="gad-7")) == {"unmeasured": 6}


def test_what_carries_a_label_narrows_nobody_and_shows_nothing(ward: Ward) -> None:
    """A diagnosis of a Part 2 program: neither the row, nor the count, nor the filter tells it."""
    secret = problem("oud", "alba", "F11.20", "Opioid use disorder")
    secret["meta"] = {
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]
    }
    ward.has(secret, problem("htn", "alba", "I10", "High blood pressure"))
    assert ask(ward, condition="hypertension").total == 1
    assert ask(ward, condition="substance-use").total == 0
    (line,) = ask(ward, condition="hypertension").lines
    assert line.problems == ("High blood pressure",)


def test_who_may_not_look_for_scores_is_told_none(ward: Ward) -> None:
    biller = replace(ward.actor, roles=frozenset({"biller"}))
    found = ask(ward, actor=biller, measure="phq-9")
    assert all(line.course is None for line in found.lines)
    assert ask(ward, actor=biller, measure="phq-9", low=Decimal(1)).total == 0
    assert ask(ward, actor=biller, condition="diabetes").total == 0


def test_of_a_person_s_targets_a_stranger_learns_nothing(ward: Ward) -> None:
    with ward.open() as unit:
        maria, walter = unit.rid_of("Patient/maria"), unit.rid_of("Patient/walter")
        assert set(registry.courses_of(unit, maria or 0)) == {"phq-9"}
        assert registry.courses_of(unit, walter or 0) == {}


def test_sql_and_care_say_the_same_of_every_course(ward: Ward, now: datetime) -> None:
    """The caseload is asked in SQL, one person in Python: a grid of courses through both. In UTC, as the record
    gives them back: days added on a local clock would be an hour off where the clocks change."""
    now = now.astimezone(UTC)
    with store.open(HOUSE, now=now) as unit:
        for target in load_targets(content_path()).values():
            text, told = registry_standing.standing(target)
            due, due_told = registry_standing.due(target)
            values = [target.below * Decimal(share) for share in ("0.5", "1", "1.4", "2", "3")]
            seconds = (
                [None, target.second_below, (target.second_below or Decimal(1)) - 1]
                if target.second_below
                else [None]
            )
            for began, value, weeks, second in product(
                values, values, (0, target.weeks - 1, target.weeks), seconds
            ):
                at = now - timedelta(weeks=weeks)
                course = Course(at, began, None, now, value, second)
                row = (
                    unit.cursor()
                    .execute(
                        f"select {text}, {due} from (select %s::timestamptz as began_at, %s::numeric as began,"
                        " %s::timestamptz as at, %s::numeric as value, %s::numeric as second) c",
                        [*told, *due_told, at, began, now, value, second],
                    )
                    .fetchone()
                )
                said = stands(course, target, now)
                assert row == (said.standing.value, said.due), course


def test_what_ends_is_forgotten(ward: Ward, now: datetime) -> None:
    over = problem("dm", "maria", "E11.9", "Type 2 diabetes")
    ward.has({**over, "clinicalStatus": codeable(ACTIVE, "resolved")})
    assert ask(ward, condition="diabetes").total == 0
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        unit.delete("Encounter", "talk")
        unit.delete("Observation", "m2")
    assert "Maria" in names(ask(ward, heard=30))
    (line,) = ask(ward, measure="phq-9", whose="mine").lines
    assert line.course is not None
    assert line.course.now == 18


def test_a_rebuild_gives_the_same_rows(ward: Ward, now: datetime) -> None:
    ward.has(b.episode("e-maria", "maria", "finished"), b.episode("e-alba", "alba"))
    before = b.remembered()
    assert all(before[table] for table in ("held", "heard", "courses"))
    with store.open(HOUSE, now=now) as unit:
        for projector in projections.ALL:
            projector.rebuild(unit)
    assert b.remembered() == before


def test_without_its_projector_the_comparison_goes_red(ward: Ward, now: datetime) -> None:
    """The control."""
    some = tuple(each for each in projections.ALL if type(each).__name__ != "Registry")
    with store.open(HOUSE, now=now, projectors=some) as unit:
        unit.create_named(problem("asthma", "maria", "J45.909", "Asthma"))
    before = b.remembered()
    with store.open(HOUSE, now=now) as unit:
        for projector in projections.ALL:
            projector.rebuild(unit)
    assert b.remembered() != before
