"""Rows that tell of resources of many types, for readers who may see some of them: whoever may see a person does not
see her to-dos, contacts and results for that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from careloop import projections, store
from careloop.access import Actor
from careloop.access.roles import ROLES
from careloop.care.work import WorkClass
from careloop.projections import story, worklist
from careloop.projections.card import card
from careloop.projections.caseload import Asked, caseload, programs_of
from careloop.projections.chart_about import about
from careloop.projections.looked import SECTIONS, look
from tests.projections import builders as b
from tests.projections.ward import HOUSE, Ward

# Those whose people are the ones of a site; and one who gives care, as the control.
ROLES_OF_A_SITE = ("coordinator", "advocacy", "biller", "auditor", "privacy-officer")


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    found = Ward(now)
    tell(found, now, "first")
    return found


def tell(ward: Ward, now: datetime, id: str) -> None:
    about_her = {"subject": {"reference": "Patient/maria"}}
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        unit.update(b.task(f"t-{id}", "maria", now, title="Ask for the bed"), create=True)
        unit.update(b.contact(f"c-{id}", "maria", now - timedelta(days=1)), create=True)
        unit.create({"resourceType": "Flag", "status": "active", "code": {"text": "A dog"}, **about_her})
        weight = {"value": 70, "unit": "kg"}
        unit.create(
            {
                **{"resourceType": "Observation", "status": "final", "code": {"text": "Weight"}},
                **{"valueQuantity": weight, "effectiveDateTime": now.isoformat(), **about_her},
            }
        )
        status = {"valueString": "Full code", "code": {"text": "Code status"}}
        category = [{"coding": [{"code": "social-history"}]}]
        unit.create(
            {
                **{"resourceType": "Observation", "status": "final", "category": category},
                **{"effectiveDateTime": now.isoformat(), **about_her, **status},
            }
        )


def of_role(ward: Ward, role: str) -> Actor:
    return replace(ward.actor, principal=100 + len(role), roles=frozenset({role}), practitioner_rid=None)


@pytest.mark.parametrize("role", ROLES_OF_A_SITE)
def test_a_story_tells_of_what_its_reader_may_see(ward: Ward, role: str) -> None:
    reads = ROLES[role].reads
    with ward.open(of_role(ward, role)) as unit:
        maria = unit.rid_of("Patient/maria")
        assert maria
        told = {line.reference.partition("/")[0] for line in story.story(unit, maria)}
        assert told == {"Encounter", "EpisodeOfCare", "Observation"} & reads
        assert (story.last_contact(unit, maria) is not None) == ("Encounter" in reads)


@pytest.mark.parametrize("role", ROLES_OF_A_SITE)
def test_the_card_and_the_sections_show_each_role_its_part(ward: Ward, role: str) -> None:
    reads = ROLES[role].reads
    with ward.open(of_role(ward, role)) as unit:
        patient = unit.read("Patient", "maria")
        found, more = card(unit, "maria"), about(unit, patient)
        open_work = worklist.of_person(unit, patient.rid, ward.now)
    assert found.knows <= reads
    assert found.person.name == "Maria Duarte"
    assert found.safety == (("A dog",) if "Flag" in reads else ())
    assert found.code_status == ("Full code" if "Observation" in reads else None)
    assert bool(found.programs) == bool(more.programs) == ("EpisodeOfCare" in reads)
    assert bool(found.lead) == bool(more.team) == ("CareTeam" in reads)
    assert [row.title for row in open_work] == (["Ask for the bed"] if "Task" in reads else [])
    assert all(line.reference.partition("/")[0] in reads for line in found.latest)


@pytest.mark.parametrize("role", ROLES_OF_A_SITE)
def test_the_list_of_people_says_no_more_than_their_pages(ward: Ward, role: str) -> None:
    reads = ROLES[role].reads
    with ward.open(of_role(ward, role)) as unit:
        found = caseload(unit, Asked(view="all"))
        programs = programs_of(unit, "all")
        late = caseload(unit, Asked(view="all", only="late")).rows
        inside = caseload(unit, Asked(view="all", program="transitions")).rows
    (maria,) = found.rows
    assert (maria.next_title, maria.open) == (("Ask for the bed", 1) if "Task" in reads else ("", 0))
    assert (maria.heard is not None) == ("Encounter" in reads)
    assert maria.flags == (("A dog",) if "Flag" in reads else ())
    assert (maria.lead is not None) == ("CareTeam" in reads)
    assert bool(maria.programs) == bool(programs) == bool(inside) == ("EpisodeOfCare" in reads)
    assert found.knows == {"CareTeam", "Encounter", "EpisodeOfCare", "Flag", "Task"} & reads
    assert "Task" in reads or not late


@pytest.mark.parametrize("role", ROLES_OF_A_SITE)
def test_nothing_is_news_that_its_reader_may_not_see(ward: Ward, role: str) -> None:
    reads, actor = ROLES[role].reads, of_role(ward, role)
    with ward.open(actor) as unit:
        maria = unit.rid_of("Patient/maria")
        assert maria
        for section in SECTIONS:
            look(unit, maria, section)
    later = ward.now + timedelta(hours=2)
    tell(ward, later, "second")
    with store.open(replace(ward.scope, actor=actor), now=later) as unit:
        news = look(unit, maria, "about")
    new = {reference.partition("/")[0] for section in SECTIONS for reference in news.marks(section)}
    assert new == {"Task", "Encounter", "Flag", "Observation"} & reads
    assert news.counts["work"] == ("Task" in reads)
    assert news.counts["health"] == ("Observation" in reads)


@pytest.mark.parametrize("role", ["biller", "auditor"])
def test_who_sees_no_work_has_an_empty_list(ward: Ward, role: str) -> None:
    for view in ("mine", "team", "unclaimed"):
        found = ward.today(view, actor=of_role(ward, role))
        assert (found.rows, found.has_work, found.views) == ((), False, {})
    assert ward.today("team").has_work
    assert WorkClass.ROUTINE in {row.klass for row in ward.today("team").rows}
