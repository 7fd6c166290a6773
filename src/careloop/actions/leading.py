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
    lead = _lead(practitioner, name)
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


def make_lead(unit: Unit, patient: Stored, practitioner: str, name: str) -> Stored | None:
    """Makes her the lead instead of whoever is; None when she is already. practitioner: "Practitioner/…"."""
    teams = [s for s in unit.of_person(patient.rid, ["CareTeam"]) if s.resource.get("status") == "active"]
    led = next((t for t in teams if any(_is_lead(p) for p in t.resource.get("participant", ()))), None)
    if led is None:
        return lead_by(unit, patient, practitioner, name)
    present = led.resource["participant"]
    if any(_is_lead(p) and (p.get("member") or {}).get("reference") == practitioner for p in present):
        return None
    kept = [_without_lead(p) if _is_lead(p) else p for p in present]
    kept = [p for p in kept if (p.get("member") or {}).get("reference") != practitioner]
    return unit.update(
        {**led.resource, "participant": [_lead(practitioner, name), *kept]}, if_match=led.version
    )


def _lead(practitioner: str, name: str) -> Resource:
    return {"role": [codeable(TEAM_ROLE, "lead", "Lead coordinator")], "member": ref(practitioner, name)}


def _without_lead(participant: Resource) -> Resource:
    """Whoever led her stays on the team."""
    roles = [r for r in participant.get("role", ()) if (TEAM_ROLE, "lead") not in codings(r)]
    rest = {key: value for key, value in participant.items() if key != "role"}
    return {**rest, "role": roles} if roles else rest


def _is_lead(participant: Resource) -> bool:
    return any(
        coding == (TEAM_ROLE, "lead") for role in participant.get("role", ()) for coding in codings(role)
    )
