"""What she, or who helps her, writes down at home."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from careloop import library, store
from careloop.access import Scope
from careloop.accounts.family_models import PortalAccount
from careloop.actions import record
from careloop.actions import record_reading as record_reading_module
from careloop.actions.family_actor import family_of
from careloop.actions.record_reading import Typed, record_reading
from careloop.actions.set_limits import set_limits
from careloop.care.reading_limits import Limits
from careloop.kernel.errors import Forbidden, NotFound
from careloop.projections.chart_readings import overview
from careloop.projections.readings import readings_of
from tests.family.front import DAUGHTERS_PHONE, Front, page, post
from tests.projections.test_readings import put, told, weight
from tests.store.rows import rows

HERE = "/my/maria/readings"


def test_she_writes_what_the_scale_says(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "What I measure" in page(maria, "/my/maria")
    assert "Nobody watches each one" in page(maria, HERE)
    form = page(maria, f"{HERE}/weight")
    assert "What does the scale say?" in form
    post(maria, f"{HERE}/weight", {"value": "181", "unit": "[lb_av]", "when": "now", "key": "k1"})
    post(maria, f"{HERE}/weight", {"value": "181", "unit": "[lb_av]", "when": "now", "key": "k1"})
    assert told(front.ward, "weight") == [("82.10021897", "ok", None)]
    ((source,),) = rows("select source from readings")
    assert source == "person"
    assert "Thank you. It is saved." in page(maria, HERE)


def test_a_pair_has_two_fields_and_an_hour_of_her_own_clock(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    typed = {"value": "142", "second": "88", "unit": "mm[Hg]", "when": "earlier", "at": "2026-11-22T07:30"}
    post(maria, f"{HERE}/blood-pressure", typed)
    ((at,),) = rows("select at from readings where kind = 'blood-pressure'")
    assert at.isoformat() == "2026-11-22T13:30:00+00:00"
    assert "Write both numbers" in post(maria, f"{HERE}/blood-pressure", {"value": "142"}, status=422)
    late = {**typed, "at": "2027-11-22T07:30"}
    assert "That day" in post(maria, f"{HERE}/blood-pressure", late, status=422)


def test_a_number_that_is_far_off_is_asked_about_kept_and_not_believed(front: Front) -> None:
    put(front.ward, weight("w1", front.now - timedelta(days=1), "82.1"))
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    typed = {"value": "182", "unit": "kg", "key": "k2"}
    assert "The last one was 82.1 kg. Is this right?" in post(maria, f"{HERE}/weight", typed, status=422)
    post(maria, f"{HERE}/weight", {**typed, "sure": "1"})
    assert told(front.ward, "weight")[-1] == ("182", "doubtful", "leap")


def test_past_her_limit_she_is_told_whom_to_call(front: Front) -> None:
    high = Limits("weight", None, Decimal(84), None, None)
    set_limits(front.staff, "maria", high, "Dr. Chen asked", library.load(), front.now)
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "looks by today, 5 pm" in page(maria, f"{HERE}/weight")
    post(maria, f"{HERE}/weight", {"value": "85", "unit": "kg"})
    assert "This number is outside of your limits" in page(maria, HERE)


def test_her_daughter_writes_for_her_only_when_results_are_shared(front: Front) -> None:
    front.share("plan")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía", DAUGHTERS_PHONE))
    page(lucia, f"{HERE}/weight", status=404)
    front.share("plan", "results")
    post(lucia, f"{HERE}/weight", {"value": "82", "unit": "kg"})
    assert told(front.ward, "weight") == [("82", "ok", None)]
    page(lucia, "/my/walter/readings/weight", status=404)


def lucia_at_the_door(front: Front, *shares: str) -> tuple[Client, PortalAccount]:
    front.share(*shares)
    account = front.account("RelatedPerson/lucia", "Lucía", DAUGHTERS_PHONE)
    return front.signed_in(account), account


def test_what_a_helper_writes_stands_in_her_name_in_the_record_and_in_the_trail(front: Front) -> None:
    lucia, account = lucia_at_the_door(front, "results")
    post(lucia, f"{HERE}/weight", {"value": "82", "unit": "kg", "key": "h1"})
    with store.open(front.staff, now=front.now) as unit:
        (read,) = readings_of(unit, unit.rid_of("Patient/maria") or 0)
        (stored,) = unit.search("Observation", [("patient", "Patient/maria"), ("code", "29463-7")]).entries
        (measured,) = overview(unit, read.person, library.load(), ZoneInfo("UTC"), None).measured
    assert stored.resource["performer"] == [{"reference": "RelatedPerson/lucia"}]
    assert read.source == "person"
    assert measured.rows[0].by == "Lucía Duarte"
    trail = rows("select actor, door, action from audit where rid = %s", stored.rid)
    assert (account.principal_id, "family", "C") in trail


def test_a_helper_judges_takes_back_and_labels_nothing(front: Front) -> None:
    lucia, account = lucia_at_the_door(front, "results")
    post(lucia, f"{HERE}/weight", {"value": "82", "unit": "kg"})
    family = family_of(account.principal_id, front.now)
    assert family is not None
    scope = Scope(family.actor, "family", "own record")
    with store.open(scope, now=front.now) as unit:
        (mine,) = unit.search("Observation", [("patient", "Patient/maria"), ("code", "29463-7")]).entries
    for act in (
        lambda unit: unit.update({**mine.resource, "status": "entered-in-error"}, if_match=mine.version),
        lambda unit: unit.delete("Observation", mine.id),
        lambda unit: unit.create({**mine.resource, "subject": {"reference": "Patient/walter"}}),
    ):
        with pytest.raises((Forbidden, NotFound)), record.begin(scope, front.now) as unit:
            act(unit)
    with pytest.raises(Forbidden):  # in nobody's name
        record_reading(scope, "maria", Typed("weight", "82"), library.load(), front.now)
    own = front.account("Patient/maria", "Maria")
    herself = family_of(own.principal_id, front.now)
    assert herself is not None
    with (
        record.begin(Scope(herself.actor, "family", "own record"), front.now) as unit,
        pytest.raises(Forbidden),
    ):
        unit.update({**mine.resource, "status": "entered-in-error"}, if_match=mine.version)


def test_a_share_that_ended_and_one_of_other_things_write_nothing(front: Front) -> None:
    lucia, _ = lucia_at_the_door(front, "results")
    post(lucia, f"{HERE}/weight", {"value": "82", "unit": "kg"})
    front.share("visits", "medications", "messages", "plan")
    post(lucia, f"{HERE}/weight", {"value": "83", "unit": "kg"}, status=404)
    assert told(front.ward, "weight") == [("82", "ok", None)]


def test_nobody_at_home_floods_a_record(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_reading_module, "MOST_A_DAY", 3)
    lucia, _ = lucia_at_the_door(front, "results")
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    for n in range(3):
        post(lucia, f"{HERE}/weight", {"value": f"82.{n}", "unit": "kg", "key": f"n{n}"})
    refused = post(lucia, f"{HERE}/weight", {"value": "82.9", "unit": "kg", "key": "n9"}, status=422)
    assert "more than anybody can look at" in refused
    assert len(told(front.ward, "weight")) == 3
    post(maria, f"{HERE}/weight", {"value": "82.5", "unit": "kg"})
    front.clock.move(hours=25)
    lucia = front.signed_in(PortalAccount.objects.get(pk=account_of("RelatedPerson/lucia")))
    post(lucia, f"{HERE}/weight", {"value": "82.9", "unit": "kg"})


def account_of(reference: str) -> int:
    ((found,),) = rows("select account_id from accounts_portalidentity where reference = %s", reference)
    return int(found)


def test_it_speaks_spanish(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    maria.post("/my/language", {"language": "es", "next": HERE})
    assert "Lo que mido" in page(maria, HERE)
    assert "¿Qué marca la báscula?" in page(maria, f"{HERE}/weight")
