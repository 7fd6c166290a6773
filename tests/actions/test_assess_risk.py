"""Scores follow the record: worked out when it changes, kept with what they rest on, and written again only when they
say something else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope
from careloop.actions.assess_risk import assess_risk
from careloop.actions.merge_people import merge_people
from careloop.fhir import uris
from careloop.fhir.elements import code_in, codeable, ref
from careloop.kernel.errors import Forbidden, NotFound
from careloop.projections.rebuilding import rebuild
from careloop.projections.risks import risks_of
from careloop.reactions.follow import NAME as FOLLOWER
from careloop.reactions.risk import TIMER
from careloop.store import Stored, feed
from careloop.store.timers import due_at
from tests.projections import builders as b
from tests.stories.ward import HOUSE, LIBRARY, StoryWard


@pytest.fixture
def ward(record: None, now: datetime) -> StoryWard:
    found = StoryWard(now)
    found.write(born("maria", "1955-03-02"))
    found.react()
    return found


def born(id: str, day: str, **more: Any) -> dict[str, Any]:
    return b.patient(id, id.capitalize(), "Duarte") | {"birthDate": day, "gender": "female", **more}


def diagnosis(id: str, code: str, text: str = "An illness", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": id,
        "subject": ref("Patient/maria"),
        "code": codeable(uris.ICD10CM, code, text),
        **more,
    }


def lab(id: str, loinc: str, value: int | Decimal, unit: str, on: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "subject": ref("Patient/maria"),
        "code": codeable(uris.LOINC, loinc, "A value"),
        "effectiveDateTime": on,
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


def told(ward: StoryWard, **answers: int | str) -> dict[str, Any]:
    """Answers to the questions for risk scores, as a program would send them."""
    instrument = LIBRARY.instruments["risk-questions"]
    items = []
    for name, value in answers.items():
        question = instrument.by_id[name.replace("_", "-")]
        if isinstance(value, int):
            given: dict[str, Any] = {"valueInteger": value}
        else:
            system = f"{uris.INSTRUMENT}:risk-questions"
            given = {"valueCoding": {"system": system, "code": value}}
        items.append({"linkId": question.id, "answer": [given]})
    groups = {"stay-group": items}
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "told",
        "questionnaire": instrument.canonical,
        "status": "completed",
        "subject": ref("Patient/maria"),
        "authored": ward.now.isoformat(),
        "item": [{"linkId": name, "item": each} for name, each in groups.items()],
    }


def kept(ward: StoryWard, scope: Scope = HOUSE) -> dict[str, Stored]:
    """What stands, by the score's name."""
    with store.open(scope, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid
        found = unit.of_person(rid, ["RiskAssessment"])
    return {
        code_in(each.resource["method"], uris.RISK) or "": each
        for each in found
        if each.resource["status"] == "final"
    }


def row(ward: StoryWard, name: str) -> tuple[Decimal | None, Decimal | None, Decimal | None, str]:
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid
        (found,) = risks_of(unit, [rid], name)
    return found.value, found.low, found.high, found.band


def test_a_discharge_is_scored_and_what_nobody_knows_is_missing(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"))
    ward.discharge()  # Monday to Friday
    assert row(ward, "lace") == (None, 6, 13, "")
    lace = kept(ward)["lace"].resource
    assert lace["encounter"] == ref("Encounter/stay-v1")
    assert {each["reference"] for each in lace["basis"]} >= {"Encounter/stay-v1", "Condition/hf"}
    assert "Visits to other emergency rooms are not on record" in lace["prediction"][0]["rationale"]
    assert "qualitativeRisk" not in lace["prediction"][0]
    assert row(ward, "charlson") == (1, 1, 1, "light")


def test_an_answer_fills_what_is_missing(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"))
    ward.discharge()
    ward.write(told(ward, stayed="yes", unplanned="yes", emergency_visits=2))
    ward.react()
    value, _, _, band = row(ward, "lace")
    assert (value, band) == (11, "high")  # 4 days 4, unplanned 3, heart failure 2, two visits 2
    assert "QuestionnaireResponse/told" in {
        each["reference"] for each in kept(ward)["lace"].resource["basis"]
    }


def test_laboratory_values_of_the_stay_count(ward: StoryWard) -> None:
    ward.discharge()
    before = row(ward, "hospital")
    ward.write(
        lab("hb", "718-7", Decimal("10.2"), "g/dL", "2026-11-20"),
        lab("na", "2951-2", 140, "mmol/L", "2026-11-20"),
    )
    ward.react()
    after = row(ward, "hospital")
    assert before[1:3] == (0, 13 - 2)
    assert after[1:3] == (1, 10)


def test_the_same_record_writes_nothing_and_nothing_goes_round(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"))
    ward.discharge()
    before = {name: each.version for name, each in kept(ward).items()}
    assert set(before) >= {"lace", "hospital", "charlson"}
    assert ward.react() == 0  # what a score wrote leads to nothing further
    ward.write(lab("steps", "55423-8", 4000, "{steps}", "2026-11-21"))
    ward.react()
    assert {name: each.version for name, each in kept(ward).items()} == before


def test_a_diagnosis_taken_back_takes_its_points_with_it(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"), diagnosis("dm", "E11.9"))
    ward.react()
    assert row(ward, "charlson")[0] == 2
    wrong = codeable("http://terminology.hl7.org/CodeSystem/condition-ver-status", "entered-in-error")
    ward.write(diagnosis("dm", "E11.9", verificationStatus=wrong))
    ward.react()
    assert row(ward, "charlson")[0] == 1
    ward.write(diagnosis("hf", "I50.9", verificationStatus=wrong))
    ward.react()
    assert "charlson" not in kept(ward)  # nothing to say any more
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid
        assert risks_of(unit, [rid], "charlson") == []


def test_a_diagnosis_without_a_code_is_told_and_not_counted_as_none(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"), diagnosis("other", "x") | {"code": {"text": "Bad lungs"}})
    ward.react()
    value, low, _, _ = row(ward, "charlson")
    assert (value, low) == (None, 1)


def test_a_score_of_a_stay_speaks_for_thirty_days(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"))
    ward.discharge()
    row(ward, "lace")
    ward.wait(days=31)
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid
        assert [each.name for each in risks_of(unit, [rid])] == ["charlson", "cms-hcc"]
    assert "lace" in kept(ward)  # what was said stays said


def test_a_discharge_that_was_none_takes_its_score_back(ward: StoryWard) -> None:
    ward.discharge()
    assert "lace" in kept(ward)
    ward.cancel_discharge()
    assert "lace" not in kept(ward)
    ward.discharge(at="Sat 09:00")
    assert kept(ward)["lace"].resource["encounter"] == ref("Encounter/stay-v1")


def test_what_rests_on_a_sensitive_diagnosis_is_seen_by_nobody_who_may_not_see_that(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"))
    ward.react()
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    blind = replace(ana, actor=replace(ana.actor, roles=frozenset({"payer-manager"}), programs=frozenset()))
    assert "charlson" in kept(ward, ana)
    ward.write(diagnosis("depression", "F32.2"), diagnosis("psychosis", "F20.0"))
    ward.react()
    assert row(ward, "charlson")[0] == 1
    with pytest.raises(Forbidden):
        kept(ward, blind)


def test_the_labels_of_what_counts_are_those_of_the_score(ward: StoryWard) -> None:
    from careloop.access.labels import HIV

    ward.write(diagnosis("hiv", "B20"))
    ward.react()
    found = kept(ward)["charlson"]
    with store.open(HOUSE, now=ward.now) as unit:
        rows = unit.cursor().execute("select labels from heads where rid = %s", [found.rid]).fetchall()
    assert rows[0][0] & HIV


def test_the_table_is_what_a_rebuild_makes(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"))
    ward.discharge()
    ward.write(told(ward, stayed="yes", unplanned="no", emergency_visits=0))
    ward.react()
    assert all(found.is_whole for found in rebuild(HOUSE, ward.now, check=True))


def test_whoever_may_see_a_person_may_have_it_worked_out_and_nobody_else(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"))
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    assess_risk(ana, "maria", LIBRARY, ward.now)
    assert row(ward, "charlson")[0] == 1
    stranger = replace(
        ana,
        actor=replace(
            ana.actor, sites=frozenset([ward.site + 10_000]), practitioner=None, practitioner_rid=None
        ),
    )
    with pytest.raises(NotFound):
        assess_risk(stranger, "maria", LIBRARY, ward.now)
    biller = replace(ana, actor=replace(ana.actor, roles=frozenset({"biller"})))
    with pytest.raises(Forbidden):
        assess_risk(biller, "maria", LIBRARY, ward.now)


def test_two_records_joined_have_one_of_each_score(ward: StoryWard) -> None:
    ward.write(diagnosis("hf", "I50.9"), born("mary", "1955-03-02"))
    ward.write(diagnosis("dm", "E11.9") | {"subject": ref("Patient/mary")})
    ward.react()
    ana = ward.staff("Ana Reyes", "ana", "coordinator", "supervisor")
    with store.open(HOUSE, now=ward.now) as unit:
        versions = tuple(unit.read("Patient", each).version for each in ("maria", "mary"))
    ward.wait(minutes=1)
    merge_people(ana, "maria", "mary", ward.now, reason="Asked her", versions=versions, is_confirmed=True)
    ward.react()
    assert row(ward, "charlson")[0] == 2
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid
        found = unit.of_person(rid, ["RiskAssessment"])
    final = [s for s in found if s.resource["status"] == "final"]
    names = [code_in(s.resource["method"], uris.RISK) for s in final]
    assert names.count("charlson") == 1


def test_whoever_is_in_a_program_is_looked_at_each_week_without_any_change(ward: StoryWard) -> None:
    """What was on record before Careloop followed it, as after an upgrade, has its scores too; and years pass."""
    stands = [diagnosis("hf", "I50.9"), b.episode("e", "maria"), born("zoe", "1955-03-02")]
    ward.write(*stands, diagnosis("hers", "I50.9") | {"subject": ref("Patient/zoe")})
    with store.open(HOUSE, now=ward.now) as unit:
        feed.advance(unit, FOLLOWER, feed.read(FOLLOWER, 1000)[-1])
    assert kept(ward) == {}
    ward.fire()
    ward.fire()
    first = kept(ward)
    assert {"charlson", "cms-hcc"} <= set(first)
    with store.open(HOUSE, now=ward.now) as unit:
        assert unit.search("RiskAssessment", {"subject": "Patient/zoe"}).entries == []  # in no program

    ward.wait(days=6)
    ward.fire()
    assert {name: each.version for name, each in kept(ward).items()} == {
        name: each.version for name, each in first.items()
    }
    ward.wait(days=1800)
    ward.fire()
    ward.fire()
    assert kept(ward)["cms-hcc"].version != first["cms-hcc"].version
    ward.write(b.episode("e", "maria", "finished"))
    ward.wait(days=8)
    ward.fire()
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria")
        assert rid is not None
        assert due_at(unit, rid, TIMER, "Patient/maria") is None
