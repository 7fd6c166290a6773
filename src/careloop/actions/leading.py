"""Who leads somebody's care: the CareTeam's lead. In the caller's own unit."""

from __future__ import annotations

from typing import Final

from careloop.fhir.elements import Resource, codeable, codings, fhir_instant, ref
from careloop.store import Stored, Unit

TEAM_ROLE: Final = "urn:careloop:code:team-role"


def lead_by(unit: Unit, patient: Stored, practitioner: str, name: str) -> Stored | None:
    """Makes her the lead where there is none; a lead who is there stays. practitioner: "Practitioner/…"."""
    teams = [s for s in unit.of_person(patient.rid, ["CareTeam"]) if s.resource.get("status") == "active"]
    if any(_is_lead(each) for team in teams for each in team.resource.get("participant", ())):
        return None
    lead: Resource = {
        "role": [codeable(TEAM_ROLE, "lead", "Lead coordinator")],
        "member": ref(practitioner, name),
    }
    if teams:
        team = teams[0].resource
        return unit.update(
            {**team, "participant": [lead, *team.get("participant", ())]}, if_match=teams[0].version
        )
    site = patient.resource.get("managingOrganization")
    return unit.create(
        {
            "resourceType": "CareTeam",
            "status": "active",
            "name": "Care team",
            "subject": ref(patient.reference),
            "period": {"start": fhir_instant(unit.now)},
            "participant": [lead],
            **({"managingOrganization": [site]} if site else {}),
        }
    )


def _is_lead(participant: Resource) -> bool:
    return any(
        coding == (TEAM_ROLE, "lead") for role in participant.get("role", ()) for coding in codings(role)
    )
