"""Everything derived can be derived again, and the commands say so in words."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.conf import settings

from careloop.access import Scope
from careloop.actions.record import begin
from careloop.server import checks, upkeep
from careloop.server.checks import Place
from tests.conftest import owner_connection
from tests.projections.builders import organization, patient, practitioner, remembered, team


@pytest.fixture
def some_people(record: None, scope: Scope, now: datetime) -> None:
    with begin(scope, now) as unit:
        unit.create_named(organization("bayview", "Bayview Clinic"))
        unit.create_named(practitioner("ana", "Ana", "Reyes"))
        for name in ("maria", "rosa", "ines"):
            unit.create_named(patient(name, name.title(), "Duarte"))
            unit.create_named(team(f"team-{name}", name, "ana"))


@pytest.mark.usefixtures("some_people")
def test_what_stands_is_what_the_versions_give(capsys: pytest.CaptureFixture[str]) -> None:
    before = remembered()
    assert upkeep.rebuild(check=True) == 0
    said = capsys.readouterr().out
    assert "people: 3 rows, the same" in said
    assert "Everything derived is what the versions give." in said
    assert remembered() == before


@pytest.mark.usefixtures("some_people")
def test_a_lost_and_a_forged_row_are_told_and_put_right(capsys: pytest.CaptureFixture[str]) -> None:
    before = remembered()
    with owner_connection() as owner:
        owner.execute("delete from finder where id = 'rosa'")
        owner.execute(
            "update briefs set name = 'Somebody Else' where person = (select min(person) from briefs)"
        )
        owner.execute("delete from index_string where person = (select min(person) from briefs)")
    assert upkeep.rebuild(check=True) == 1
    said = capsys.readouterr().out
    assert "finder: 3 rows, 1 missing, 0 too many" in said
    assert "briefs: 3 rows, 1 missing, 1 too many" in said
    assert "nothing was changed" in said
    assert remembered() != before
    assert upkeep.rebuild(check=False) == 0
    assert remembered() == before
    assert upkeep.rebuild(check=True) == 0


@pytest.mark.usefixtures("some_people")
def test_verify_tells_a_lost_trail(capsys: pytest.CaptureFixture[str]) -> None:
    assert upkeep.verify() == 0
    assert "whole." in capsys.readouterr().out
    with owner_connection() as owner:
        owner.execute("delete from audit where seq = (select max(seq) from audit)")
    assert upkeep.verify() == 1
    assert re.search(r"Lane \d+ is missing", capsys.readouterr().err)


@pytest.mark.usefixtures("some_people")
def test_reindexing_a_current_record_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    upkeep.reindex()
    assert capsys.readouterr().out.startswith("0 resources brought to index version")


@pytest.mark.usefixtures("some_people")
def test_what_an_older_version_made_of_a_consent_is_told_and_worked_out_again(
    scope: Scope, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    with begin(scope, now) as unit:
        unit.create_named(
            {
                **{
                    "resourceType": "Consent",
                    "id": "no",
                    "status": "active",
                    "category": [{"text": "Sharing"}],
                },
                "scope": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/consentscope",
                            "code": "patient-privacy",
                        }
                    ]
                },
                "patient": {"reference": "Patient/maria"},
                "dateTime": "2026-10-01T09:00:00Z",
                "policyRule": {"text": "HIPAA"},
                "provision": {"type": "deny"},
            }
        )
    upkeep.read_consents_again_where_rules_changed()
    capsys.readouterr()
    place = Place(settings, {}, now)
    assert checks.findings(place, [checks.consents_read]) == []
    with owner_connection() as owner:
        kept = owner.execute("select * from consented").fetchall()
        assert kept
        owner.execute("update consented set denies = 0")
        owner.execute("update heads set labels = 0")
        owner.execute("update once set key = 'an older reading' where kind = 'consents-read'")
    assert [one.code for one in checks.findings(place, [checks.consents_read])] == ["consents-read"]
    assert upkeep.rebuild(check=True) == 1
    assert (
        "Consents were read by the rules of another version: run careloop migrate." in capsys.readouterr().out
    )
    upkeep.read_consents_again_where_rules_changed()
    assert "worked out again" in capsys.readouterr().out
    assert checks.findings(place, [checks.consents_read]) == []
    with owner_connection() as owner:
        assert owner.execute("select * from consented").fetchall() == kept
        assert owner.execute("select count(*) from heads where labels <> 0").fetchone() != (0,)
    trail = remembered_trail()
    upkeep.read_consents_again_where_rules_changed()
    assert capsys.readouterr().out == ""
    assert remembered_trail() == trail, "asking writes nothing"


def remembered_trail() -> int:
    with owner_connection() as owner:
        (count,) = owner.execute("select count(*) from audit").fetchone() or (0,)
    return int(count)


@pytest.mark.usefixtures("some_people")
def test_what_was_written_before_there_were_labels_gets_them_once(
    scope: Scope, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    code = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F11.20"}
    with begin(scope, now) as unit:
        unit.create_named(
            {
                **{"resourceType": "Encounter", "id": "visit", "status": "finished"},
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
                "subject": {"reference": "Patient/maria"},
                "reasonCode": [{"coding": [code]}],
                "period": {"start": "2026-11-01T10:00:00Z"},
            }
        )
    told = "select (select max(labels) from heads), (select max(labels) from story)"
    with owner_connection() as owner:
        owner.execute("update heads set labels = 0")
        owner.execute("update story set labels = 0")
    upkeep.relabel_where_rules_changed()
    assert "1 missing" in capsys.readouterr().out
    with owner_connection() as owner:
        assert owner.execute(told).fetchone() == (2, 2)
    upkeep.relabel_where_rules_changed()
    assert capsys.readouterr().out == ""
