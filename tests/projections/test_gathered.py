"""What protocols read of people: visits missed, referrals unanswered, medicines that ran out, late work, who spoke with
her; of many at once, and only what the reader may see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from careloop import projections, store
from careloop.accounts.models import User
from careloop.care.signals import Signals
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.library import load
from careloop.projections import whom_to_ask
from careloop.projections.signals import gather
from careloop.projections.whom_to_ask import population
from tests.projections import builders as b
from tests.projections.ward import HOUSE, Ward

LIBRARY = load()
PATHS = {
    *("moment/contact", "moment/missed-visit", "moment/open-referral", "moment/late-work", "moment/work"),
    *("moment/medicine-run-out", "moment/enrolled", "fact/conditions", "fact/programs"),
}


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def tell(ward: Ward, *resources: dict[str, Any]) -> None:
    with store.open(HOUSE, now=ward.now, projectors=projections.ALL) as unit:
        for one in resources:
            unit.update(one, create=True)


def signals(ward: Ward, person: str = "maria") -> Signals:
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of(f"Patient/{person}")
        assert rid is not None
        return gather(unit, [rid], PATHS, LIBRARY)[rid]


def visit(id: str, at: datetime, status: str) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": id,
        "status": status,
        "start": fhir_instant(at),
        "end": fhir_instant(at + timedelta(minutes=30)),
        "participant": [{"actor": ref("Patient/maria"), "status": "accepted"}],
    }


def fill(id: str, at: datetime, days: int, code: str = "314076") -> dict[str, Any]:
    return {
        "resourceType": "MedicationDispense",
        "id": id,
        "status": "completed",
        "subject": ref("Patient/maria"),
        "medicationCodeableConcept": codeable(
            "http://www.nlm.nih.gov/research/umls/rxnorm", code, "lisinopril 10 mg"
        ),
        "whenHandedOver": fhir_instant(at),
        "daysSupply": {"value": days, "unit": "d"},
        "authorizingPrescription": [ref(f"MedicationRequest/rx-{code}")],
    }


def prescription(status: str, code: str = "314076") -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": f"rx-{code}",
        "status": status,
        "intent": "order",
        "subject": ref("Patient/maria"),
        "medicationCodeableConcept": codeable(
            "http://www.nlm.nih.gov/research/umls/rxnorm", code, "lisinopril 10 mg"
        ),
    }


def referral(id: str, at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": id,
        "status": "active",
        "intent": "order",
        "code": {"text": "Food pantry"},
        "subject": ref("Patient/maria"),
        "authoredOn": fhir_instant(at),
        "performer": [ref("Organization/queens")],
        **more,
    }


def test_a_visit_she_did_not_come_to(ward: Ward, now: datetime) -> None:
    tell(
        ward,
        visit("v1", now - timedelta(days=3), "noshow"),
        visit("v2", now - timedelta(days=9), "fulfilled"),
    )
    [missed] = signals(ward).moments["missed-visit"]
    assert missed.reference == "Appointment/v1"
    assert missed.at == now - timedelta(days=3)


def test_a_medicine_lasts_as_long_as_all_that_was_handed_out(ward: Ward, now: datetime) -> None:
    first = (now - timedelta(days=70)).astimezone(UTC)
    tell(ward, prescription("active"), fill("f1", first, 30), fill("f2", first + timedelta(days=20), 30))
    [gone] = signals(ward).moments["medicine-run-out"]
    assert gone.at == first + timedelta(days=60)
    assert (gone.reference, gone.what) == ("MedicationDispense/f2", "lisinopril 10 mg")
    tell(ward, prescription("stopped"))
    assert "medicine-run-out" not in signals(ward).moments


def test_a_referral_that_nobody_has_answered(ward: Ward, now: datetime) -> None:
    at = now - timedelta(days=9)
    tell(
        ward,
        referral("r1", at),
        referral("r2", at),
        referral("r3", at, status="completed"),
        referral("r4", at, code=codeable(uris.PROGRAM, "transitions")),
        b.task("answered", "maria", now) | {"focus": ref("ServiceRequest/r2"), "status": "accepted"},
    )
    [found] = signals(ward).moments["open-referral"]
    assert (found.reference, found.what) == ("ServiceRequest/r1", "Food pantry")


def test_late_work_but_not_what_protocols_asked_for(ward: Ward, now: datetime) -> None:
    late = {"due": now - timedelta(days=4), "target": now - timedelta(days=4)}
    tell(
        ward,
        b.task("late", "maria", now, title="Find a ride", **late),
        b.task("own", "maria", now, title="Call about the weight", reasons=("DetectedIssue/d1",), **late),
        b.task("waits", "maria", now, title="Papers", waiting_on="the county", **late),
    )
    assert [each.what for each in signals(ward).moments["late-work"]] == ["Find a ride"]


def test_who_spoke_with_her_by_role(ward: Ward, now: datetime) -> None:
    User.objects.create_user(
        "ana@x.org", None, "Ana", practitioner="ana", roles=["clinician"], sites=["bayview"]
    )
    tell(ward, b.contact("c1", "maria", now - timedelta(days=2)))
    tell(ward, b.contact("c2", "maria", now - timedelta(days=1), "no-answer"))
    told = signals(ward).moments
    assert [each.reference for each in told["contact"]] == ["Encounter/c1"]
    assert [each.reference for each in told["contact/clinician"]] == ["Encounter/c1"]
    assert "contact/therapist" not in told


def test_whom_to_ask_is_found_however_few_are_looked_at_in_a_step(
    ward: Ward, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(ward, visit("v1", now - timedelta(days=3), "noshow"))
    monkeypatch.setattr(whom_to_ask, "MOST_LOOKED_AT", 1)
    found: list[int] = []
    steps, after = 0, 0
    with store.open(HOUSE, now=now) as unit:
        maria = unit.rid_of("Patient/maria")
        everybody = unit.cursor().execute("select count(*) from people").fetchone()
        while True:
            people, further = population(
                unit, ("moment", ("missed-visit",)), now - timedelta(days=90), after, 10
            )
            found += people
            steps += 1
            if further is None:
                break
            after = further
    assert found == [maria]
    assert everybody is not None
    assert steps == everybody[0] + 1, "one at a time, and nobody after the last"


def test_only_what_the_reader_may_see(ward: Ward, now: datetime) -> None:
    tell(ward, visit("v1", now - timedelta(days=3), "noshow"))
    with ward.open() as unit:
        maria, walter = (unit.rid_of(f"Patient/{each}") for each in ("maria", "walter"))
        assert maria is not None
        assert walter is not None
        found = gather(unit, [maria, walter], PATHS, LIBRARY)
        everybody, _ = population(unit, ("", ()), now - timedelta(days=90), 0, 10)
        missed, _ = population(unit, ("moment", ("missed-visit",)), now - timedelta(days=90), 0, 10)
    assert set(found) == {maria}
    assert (everybody, missed) == ([maria], [maria])
    assert found[maria].facts["programs"] == {"transitions"}
