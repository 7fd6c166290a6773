"""A discharge becomes work: each way to leave a hospital, and what takes the work back."""

from __future__ import annotations

import pytest

from careloop import store
from careloop.actions.complete_work import complete_work
from careloop.actions.log_contact import STAYS_OPEN, Contact, log_contact
from careloop.actions.snooze_work import snooze_work
from careloop.care.work import WorkClass
from careloop.fhir.elements import ref
from tests.projections import builders as b
from tests.stories.ward import HOME_WORK, HOUSE, StoryWard, due

HOME = [
    due("Tue", "Call after discharge"),
    due("Fri", "Reconcile medications"),
    due("Fri", "Visit after discharge"),
]


def test_a_friday_discharge_asks_for_a_call_by_tuesday(ward: StoryWard) -> None:
    ward.discharge(at="Fri 16:20", to="01")
    assert ward.worklist() == HOME
    call = ward.row("Call after discharge")
    assert (
        call.because
        == "Discharged Fri Nov 20 from St. Luke’s, home: 2-business-day contact (Medicare TCM, 2026)"
    )
    assert (call.owner_name, call.zone, call.rule) == ("Ana Reyes", "America/Chicago", "tcm-contact@2026")
    assert call.reason == "Encounter/stay-v1"


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("03", [due("Tue", "Follow up with the facility")]),
        ("62", [due("Tue", "Follow up with the facility")]),
        ("02", [due("Tue", "Follow up with the facility")]),
        ("50", [due("Tue", "Tell the hospice what we know; ask how to help")]),
        ("07", [due("Fri", "Call today: left against medical advice")]),
        ("70", [due("Tue", "Decide what follows this discharge")]),
        ("", [due("Tue", "Decide what follows this discharge")]),
        ("HOMESVC", HOME),  # the sender's own word for home health
    ],
)
def test_where_she_went_decides_what_follows(ward: StoryWard, to: str, wanted: list[object]) -> None:
    ward.discharge(to=to)
    assert ward.worklist() == wanted


def test_the_emergency_department_has_its_own_rule(ward: StoryWard) -> None:
    ward.discharge(kind="emergency")
    assert ward.worklist() == [due("Wed", "Call after emergency visit")]


def test_observation_counts_as_a_stay(ward: StoryWard) -> None:
    ward.discharge(kind="observation")
    assert ward.worklist() == HOME


def test_an_ordinary_visit_is_left_alone(ward: StoryWard) -> None:
    ward.discharge(kind="visit")
    assert ward.worklist() == []


def test_who_died_in_hospital_has_one_bereavement_contact_and_no_outreach(ward: StoryWard) -> None:
    ward.write(b.task("ride", "maria", ward.now, title="Find a ride"))
    ward.discharge(to="20")
    assert ward.worklist() == [due("Tue", "Bereavement contact with the family")]
    assert ward.reasons() == {"Withdrawn: This person has died: all outreach stops."}


def test_medicare_is_said_only_for_medicare(ward: StoryWard) -> None:
    ward.write(ward.coverage("maria", "Blue Cross PPO"))
    ward.discharge()
    assert ward.worklist() == HOME
    assert not [task for task in ward.tasks() if "Medicare" in repr(task)]


def test_who_pays_is_asked_on_the_day_of_discharge(ward: StoryWard) -> None:
    old = ward.coverage("maria", "Medicare Part B") | {"period": {"end": "2026-11-20"}}
    new = {**ward.coverage("maria", "Blue Cross PPO"), "id": "new", "period": {"start": "2026-11-21"}}
    ward.write(old, new)
    ward.discharge(at="Fri 16:20")
    assert ward.row("Call after discharge").rule == "tcm-contact@2026"


def test_coverage_that_is_known_later_corrects_the_reason_and_the_note(ward: StoryWard) -> None:
    ward.write(ward.coverage("maria", "Medicare") | {"status": "cancelled"})
    ward.discharge()
    assert ward.tasks()[0]["note"] == [{"text": "Coverage is not known: find out who pays."}]
    ward.write(ward.coverage("maria", "Medicare"))
    ward.react()
    assert ward.row("Call after discharge").rule == "tcm-contact@2026"
    assert "note" not in ward.tasks()[0]


# Repeats and corrections


def test_told_twice_nothing_changes(ward: StoryWard) -> None:
    ward.discharge()
    before = ward.versions()
    ward.wait(hours=2)
    ward.write(ward.stay(status="finished", ended="Fri 16:20", to="01", began="2026-11-15 08:00"))
    ward.react()
    assert ward.versions() == before


def test_what_people_did_with_it_is_kept_when_the_hospital_corrects_the_day(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(at="Fri 16:20")
    call = ward.row("Call after discharge")
    log_contact(ana, Contact("no-answer", 2), ward.now, task=call.task_id)
    visit = ward.row("Visit after discharge")
    snooze_work(ana, visit.task_id, ward.at("2026-11-24 09:00"), "clinic is closed today", ward.now)
    ward.discharge(at="Sat 09:00")
    assert ward.row("Call after discharge").attempts == 1
    assert ward.row("Visit after discharge").wake == ward.at("2026-11-24 09:00")
    assert "Discharged Sat Nov 21" in ward.row("Visit after discharge").because
    notes = [note["text"] for task in ward.tasks() for note in task.get("note", ())]
    assert notes == ["Snoozed: clinic is closed today"]


def test_two_failed_attempts_keep_the_call_open(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge()
    for _ in range(2):
        call = ward.row("Call after discharge")
        said = log_contact(ana, Contact("no-answer", 2), ward.now, task=call.task_id)
        ward.react()
    assert said.hint == STAYS_OPEN
    assert ward.worklist() == HOME
    assert ward.row("Call after discharge").attempts == 2


def test_an_attempt_after_the_window_satisfies_no_rule(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge()
    call = ward.row("Call after discharge").task_id
    log_contact(ana, Contact("no-answer", 2), ward.now, task=call)
    ward.wait(days=2)
    assert log_contact(ana, Contact("no-answer", 2), ward.now, task=call).hint == ""


def test_what_was_done_stays_done(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge()
    complete_work(ana, ward.row("Visit after discharge").task_id, "done", ward.now)
    complete_work(ana, ward.row("Reconcile medications").task_id, "not-needed", ward.now, words="no pills")
    ward.discharge(at="Fri 17:00")
    assert ward.titles() == ["Call after discharge"]


def test_a_corrected_disposition_replaces_the_work(ward: StoryWard) -> None:
    ward.discharge(to="01")
    ward.discharge(to="03")
    assert ward.worklist() == [due("Tue", "Follow up with the facility")]
    assert ward.reasons() == {"Withdrawn: What is known about this discharge has changed."}


# Taken back


def test_a_canceled_discharge_takes_its_work_back_and_says_why(ward: StoryWard) -> None:
    ward.discharge()
    ward.cancel_discharge()
    assert ward.worklist() == []
    assert ward.reasons() == {"Withdrawn: The hospital canceled the discharge (A13); the stay goes on."}


def test_discharged_again_after_all_the_same_work_comes_back(ward: StoryWard) -> None:
    ward.discharge()
    ward.cancel_discharge()
    ward.discharge(at="Sat 10:00")
    assert [row.title for row in ward.rows()] == list(HOME_WORK)
    assert len(ward.tasks()) == 3
    assert ward.reasons() == set()


def test_a_call_made_for_a_discharge_that_was_canceled_does_not_count_for_the_next(ward: StoryWard) -> None:
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    ward.discharge(at="Fri 16:20")
    task = ward.row("Call after discharge").task_id
    log_contact(ana, Contact("reached", 5, "Still at the hospital.", is_done=True), ward.now, task=task)
    ward.cancel_discharge()
    ward.wait(days=2)
    ward.discharge(at="Tue 15:00")
    assert due("Fri", "Call after discharge") in ward.worklist()
    assert len([t for t in ward.tasks() if t["description"] == "Call after discharge"]) == 2


def test_a_readmission_withdraws_what_no_longer_fits_and_the_next_discharge_starts_anew(
    ward: StoryWard,
) -> None:
    ward.discharge(at="Fri 16:20")
    ward.admit("Mon 07:00", "V2")
    assert ward.worklist() == []
    assert ward.reasons() == {
        "Withdrawn: Admitted again Mon Nov 23 to St. Luke’s; the next discharge starts anew."
    }
    ward.wait(days=1)
    ward.discharge(at="Tue 08:00", visit="V2", began="Mon 07:00")
    assert due("Fri", "Call after discharge") in ward.worklist()  # two business days around Thanksgiving
    assert len(ward.rows()) == 3


def test_a_readmission_that_was_a_mistake_brings_the_work_back(ward: StoryWard) -> None:
    ward.discharge()
    ward.admit("Mon 07:00", "V2")
    ward.cancel_stay("V2", began="Mon 07:00")
    assert ward.worklist() == HOME


def test_death_stops_all_outreach_but_not_what_is_about_safety(ward: StoryWard) -> None:
    ward.discharge()
    ward.write(
        b.task("urgent", "maria", ward.now, title="Is she safe?", klass=WorkClass.DANGER, is_protected=True),
        b.task("ride", "maria", ward.now, title="Find a ride"),
        b.task("mail", "maria", ward.now, kind="mail-letter", title="Print and mail a letter to Dr. Lee"),
    )
    ward.dies()
    assert ward.titles() == [
        "Bereavement contact with the family",
        "Is she safe?",
        "Print and mail a letter to Dr. Lee",
    ]


def test_a_death_taken_back_brings_the_work_back_and_somebody_looks(ward: StoryWard) -> None:
    ward.discharge()
    ward.dies()
    ward.write(b.patient("maria", "Maria", "Duarte"))
    ward.react()
    assert ward.titles() == sorted([*HOME_WORK, "Check the work that stopped by mistake"])


def test_a_stay_moved_to_the_right_person_takes_its_work_along(ward: StoryWard) -> None:
    ward.write(b.patient("mario", "Mario", "Duarte"))
    ward.discharge()
    ward.discharge(person="mario")
    assert ward.worklist() == []
    assert [each.title for each in ward.worklist("mario")] == list(HOME_WORK)
    assert ward.reasons() == {"Withdrawn: This stay is no longer in the person’s record."}


def test_a_stay_that_is_deleted_takes_its_work_along(ward: StoryWard) -> None:
    ward.discharge()
    with store.open(HOUSE, now=ward.now) as unit:
        unit.delete("Encounter", "stay-v1")
    ward.react()
    assert ward.worklist() == []
    assert ward.reasons() == {"Withdrawn: This stay is no longer in the person’s record."}


# Whose it is


def test_without_a_lead_it_is_unclaimed_and_says_so_until_somebody_leads(ward: StoryWard) -> None:
    ward.write(b.team("team-maria", "maria", "ana") | {"status": "inactive"})
    ward.discharge()
    assert [row.owner for row in ward.rows()] == [None, None, None]
    assert "unclaimed" in ward.tasks()[0]["note"][0]["text"]
    ward.write(b.episode("e-maria", "maria"))
    ward.react()
    assert {row.owner_name for row in ward.rows()} == {"Ana Reyes"}
    assert "note" not in ward.tasks()[0]


def test_who_declined_the_program_is_left_alone_until_the_next_stay(ward: StoryWard) -> None:
    ward.discharge(at="Thu 10:00")
    ward.write(
        b.episode("e-maria", "maria", "cancelled")
        | {
            "period": {"start": "2026-11-19", "end": "2026-11-21"},
            "extension": [
                {
                    "url": "urn:careloop:code:reason",
                    "valueCodeableConcept": {
                        "coding": [{"system": "urn:careloop:code:reason", "code": "declined"}]
                    },
                }
            ],
        }
    )
    ward.react()
    assert ward.worklist() == []
    assert ward.reasons() == {"Withdrawn: This person declined the transitions program."}
    ward.discharge(at="Sun 10:00", visit="V2", began="Sat 10:00")
    assert [row.title for row in ward.rows()] == list(HOME_WORK)


def test_a_stranger_of_the_feed_is_work_of_the_site(ward: StoryWard) -> None:
    ward.write(b.patient("rosa", "Rosa", "Lima"))
    ward.discharge(person="rosa")
    assert [each.title for each in ward.worklist("rosa")] == list(HOME_WORK)
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    assert ana.actor.sites


def test_a_discharge_whose_person_is_told_later_waits_for_her(ward: StoryWard) -> None:
    ward.discharge(person="late")
    assert ward.worklist("late") == []
    ward.write(b.patient("late", "Lena", "Ortiz"))
    ward.react()
    assert [each.title for each in ward.worklist("late")] == list(HOME_WORK)


def test_imported_history_asks_for_nothing_old(ward: StoryWard) -> None:
    old = ward.stay(
        "V0", status="finished", began="2019-03-01 08:00", ended="2019-03-05 10:00", to="01", source="import"
    )
    ward.write(old | {"serviceProvider": ref("Organization/st-lukes")})
    ward.react()
    assert ward.tasks() == []
