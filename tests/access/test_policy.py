"""Every rule has a denied case; the default is no."""

from __future__ import annotations

from dataclasses import replace

import pytest

from careloop.access import (
    Actor,
    Everyone,
    LeadIs,
    NoOne,
    SiteIn,
    SmartScope,
    decide,
    is_of_anybody,
    labels,
    system_actor,
)
from careloop.access.actor import BadScope
from careloop.access.conditions import AnyOf, any_of
from careloop.access.policy import RULES
from careloop.access.shares import SHARES, SHARES_OF_APPS

COORDINATOR = Actor(
    1, "staff", "Ana Reyes", roles=frozenset({"coordinator"}), sites=frozenset({10}), practitioner_rid=7
)


def client(*scopes: str) -> Actor:
    return Actor(2, "client", "bridge", scopes=tuple(SmartScope.parse(s) for s in scopes))


def test_a_coordinator_sees_the_people_of_her_site_and_those_she_leads():
    decision = decide(COORDINATOR, "read", "Patient")
    assert decision.allowed
    whose, seen = decision.condition.parts
    assert whose == AnyOf((SiteIn(frozenset({10})), LeadIs(7)))
    assert seen.base & labels.HIV
    assert not seen.base & labels.PART2
    assert "site" in decision.reason


@pytest.mark.parametrize("interaction", ["create", "read", "update", "search", "history"])
def test_an_administrator_sees_no_clinical_data(interaction):
    administrator = Actor(3, "staff", "Sam", roles=frozenset({"administrator"}), sites=frozenset({10}))
    decision = decide(administrator, interaction, "Patient")
    assert (decision.allowed, decision.condition) == (False, NoOne())
    assert decision.reason == f"No rule lets staff {interaction} Patient."


def test_a_coordinator_without_a_site_or_a_caseload_sees_nobody():
    nobody = Actor(4, "staff", "New", roles=frozenset({"coordinator"}))
    assert not decide(nobody, "read", "Patient").allowed


def test_nobody_deletes_and_nobody_writes_the_audit_trail():
    assert not decide(COORDINATOR, "delete", "Patient").allowed
    everything = client("system/*.cruds")
    for actor in (
        COORDINATOR,
        everything,
        *(system_actor(n) for n in ("hl7", "reactions", "import", "demo")),
    ):
        assert not decide(actor, "create", "AuditEvent").allowed


def test_a_client_does_what_its_scope_says_and_no_more():
    reader = client("system/Patient.rs", "system/Task.u")
    assert is_of_anybody(decide(reader, "search", "Patient").condition)
    assert decide(reader, "update", "Task").allowed
    assert not decide(reader, "create", "Patient").allowed
    assert not decide(reader, "read", "Task").allowed
    assert not decide(reader, "read", "Observation").allowed


def test_a_patient_or_user_scope_opens_nothing_for_a_program_alone():
    assert not decide(client("patient/*.rs", "user/*.cruds"), "read", "Patient").allowed


@pytest.mark.parametrize(
    "text",
    ["system/Patient.", "system/Patient.sr", "system/patient.rs", "everything", "system/Patient.rs?x=1", ""],
)
def test_an_unknown_scope_is_refused_not_narrowed(text):
    with pytest.raises(BadScope):
        SmartScope.parse(text)


def test_version_1_scopes_mean_their_letters():
    assert SmartScope.parse("system/*.read").may == frozenset("rs")
    assert str(SmartScope.parse("system/Task.*")) == "system/Task.cruds"


def test_conditions_simplify_without_widening():
    mine, hers = SiteIn(frozenset({1})), LeadIs(2)
    assert any_of(mine, NoOne()) == mine
    assert any_of(mine, Everyone(), hers) == Everyone()
    assert any_of() == NoOne()


def test_each_rule_has_a_name_of_its_own_and_a_sentence():
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(rule.reason.endswith(".") and rule.reason[0].isupper() for rule in RULES)


def at_the_familys_door(share: str) -> tuple[Actor, Actor]:
    """She herself, and an app that she gave all it asked for."""
    herself = Actor(5, "person", "Lucía", shares=frozenset({(20, share)}))
    return herself, replace(herself, app=400, scopes=(SmartScope.parse("patient/*.rs"),), context=20)


@pytest.mark.parametrize(
    ("share", "type"),
    [
        ("plan", "Task"),
        ("plan", "ServiceRequest"),
        ("visits", "Task"),
        ("visits", "Encounter"),
        ("results", "Observation"),
        ("results", "DiagnosticReport"),
        ("messages", "Communication"),
        ("messages", "DocumentReference"),
        ("coverage", "Claim"),
        ("all", "Task"),
    ],
)
@pytest.mark.parametrize("interaction", ["read", "search", "history"])
def test_an_app_at_the_familys_door_gets_no_type_that_the_pages_show_in_part(share, type, interaction):
    herself, app = at_the_familys_door(share)
    assert decide(herself, interaction, type).allowed
    assert not decide(app, interaction, type).allowed


@pytest.mark.parametrize(
    ("share", "type"),
    [
        *(("plan", "CarePlan"), ("visits", "Appointment"), ("medications", "MedicationRequest")),
        *(("coverage", "Coverage"), ("results", "Patient"), ("all", "Observation")),
    ],
)
def test_an_app_at_the_familys_door_gets_what_may_be_seen_whole(share, type):
    _, app = at_the_familys_door(share)
    assert decide(app, "read", type).allowed


def test_an_app_opens_each_share_and_nothing_that_the_share_does_not():
    assert set(SHARES_OF_APPS) == set(SHARES)
    assert all(SHARES_OF_APPS[share] < types for share, types in SHARES.items())
