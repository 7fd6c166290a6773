"""Maria Duarte at Bayview, with answers that call for a plan, and Ana who may see her."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.test import Client

from careloop import projections, store
from careloop.access import Scope
from careloop.accounts.models import User
from careloop.actions.propose_plan import line_key, lines_of, write_proposal
from careloop.care.assess import score
from careloop.care.plan import Told
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import About, response
from careloop.library import load
from careloop.store import Stored

LIBRARY = load()


@dataclass
class Bayview:
    scope: Scope
    now: datetime
    site: Stored
    person: Stored
    user: User
    client: Client

    def open(self) -> Any:
        return store.open(self.scope, now=self.now, projectors=projections.ALL)

    def answered(self, instrument: str, answers: dict[str, str]) -> Stored:
        """A completed response of today."""
        form = LIBRARY.instruments[instrument].form
        told = {item: Answer((said,)) for item, said in answers.items()}
        about = About(self.person.reference, self.now, heard_from="her daughter Lucía")
        with self.open() as unit:
            return unit.create(response(form, told, about, status="completed"))

    def proposal(self) -> Stored:
        """From a PHQ-9 of 14."""
        answers = dict.fromkeys(LIBRARY.instruments["phq-9"].scoring.items, "more-than-half") | {
            "thoughts": "not-at-all",
            "self-worth": "not-at-all",
        }
        known = {item: each for item, each in answers.items() if item in LIBRARY.instruments["phq-9"].by_id}
        kept = self.answered("phq-9", {**known, "difficulty": "very"})
        result = score(LIBRARY.instruments["phq-9"], {k: Answer((v,)) for k, v in known.items()})
        assert result.band is not None
        told = Told(
            {"phq-9": Decimal(result.value or 0)},
            bands={"phq-9": result.band.text},
            asked=frozenset({"phq-9"}),
        )
        with self.open() as unit:
            found = write_proposal(unit, self.person, told, LIBRARY, "PHQ-9.", kept.id, (kept.reference,))
        assert found is not None
        return found

    def plan_gets_a_goal(self, text: str) -> None:
        """Somebody else writes into the plan as it is now."""
        goal = {
            "resourceType": "Goal",
            "lifecycleStatus": "active",
            "description": {"text": text},
            "subject": {"reference": self.person.reference},
        }
        with self.open() as unit:
            plan = unit.search("CarePlan", {"status": "active"}).entries[0].resource
            made = unit.create(goal)
            unit.update({**plan, "goal": [*plan.get("goal", ()), {"reference": made.reference}]})

    def lines(self, plan: Stored) -> dict[str, Stored]:
        """By key: need:depression, …"""
        with self.open() as unit:
            found = unit.get(lines_of(unit.read("CarePlan", plan.id).resource))
        return {line_key(line.resource): line for line in found.values()}

    def post(self, plan: Stored, line: Stored, act: str, **fields: Any) -> Any:
        form = {"line": line.reference, "version": line.version, "act": act, **fields}
        return self.client.post(f"/proposals/{plan.id}/line", form)

    def decide_all(self, plan: Stored) -> None:
        seen = [f"{line.reference}@{line.version}" for line in self.lines(plan).values()]
        self.client.post(f"/proposals/{plan.id}/rest", {"seen": seen})


def bayview(scope: Scope, now: datetime) -> Bayview:
    """scope: of somebody who may write anything."""
    with store.open(scope, now=now, projectors=projections.ALL) as unit:
        site = unit.create(
            {
                "resourceType": "Organization",
                "name": "Bayview Family Clinic",
                "telecom": [{"system": "phone", "value": "(713) 555-0100"}],
                "address": [{"city": "Houston", "state": "TX", "postalCode": "77002"}],
            }
        )
        ana = unit.create(
            {
                "resourceType": "Practitioner",
                "name": [{"given": ["Ana"], "family": "Reyes", "suffix": ["RN"]}],
            }
        )
        person = unit.create(
            {
                "resourceType": "Patient",
                "name": [{"given": ["Maria"], "family": "Duarte"}],
                "birthDate": date(1959, 3, 2).isoformat(),
                "address": [{"postalCode": "77002", "state": "TX"}],
                "managingOrganization": {"reference": site.reference},
                "communication": [
                    {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "es"}]}, "preferred": True}
                ],
            }
        )
        lead = {
            "role": [{"coding": [{"system": "urn:careloop:code:team-role", "code": "lead"}]}],
            "member": {"reference": ana.reference},
        }
        unit.create(
            {
                "resourceType": "CareTeam",
                "status": "active",
                "subject": {"reference": person.reference},
                "participant": [lead],
            }
        )
    user = User.objects.create_user(
        "ana@example.org",
        "a quiet Monday morning",
        "Ana Reyes",
        practitioner=ana.id,
        roles=["coordinator"],
        sites=[site.id],
    )
    client = Client()
    client.force_login(user)
    return Bayview(scope, now, site, person, user, client)
