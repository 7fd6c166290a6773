"""What she, or who helps her, writes down at home."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from careloop import library
from careloop.actions.set_limits import set_limits
from careloop.care.reading_limits import Limits
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


def test_it_speaks_spanish(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    maria.post("/my/language", {"language": "es", "next": HERE})
    assert "Lo que mido" in page(maria, HERE)
    assert "¿Qué marca la báscula?" in page(maria, f"{HERE}/weight")
