"""The family's door of the demonstration: Maria Duarte's own pages, and her daughter Lucía with a share of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from careloop.access import Scope, system_actor
from careloop.accounts import family_accounts, family_codes
from careloop.actions.record import begin
from careloop.actions.share_portal import names_of_related, share
from careloop.fhir.elements import Resource, fhir_instant, ref
from careloop.kernel.calendar import at_local, zone
from careloop.server.demo.chart import ident
from careloop.server.demo.community import Community
from careloop.server.demo.message import ZONE
from careloop.store import Stored, Unit

MARIA: Final = "maria-duarte"
PHONES: Final = {"Patient": "(713) 555-0148", "RelatedPerson": "(713) 555-0149"}
LUCIA_BORN: Final = date(1988, 5, 14)
HOW: Final = "made up: said so at the kitchen table"


@dataclass(frozen=True)
class Way:
    """Who signs in at /my, and with what. code: of a letter, new at each start."""

    name: str
    sees: str
    phone: str
    code: str
    born: date

    def text(self) -> str:
        return (
            f"  {self.name} ({self.sees}): phone {self.phone}, or a letter: code {self.code}, born "
            f"{self.born:%B} {self.born.day}, {self.born.year}"
        )


def make_family(community: Community, now: datetime) -> tuple[Way, ...]:
    """Accounts, a share and a visit; what is there already is left as it is, but for the letters: those are new.
    Nobody, when Maria is not in this community."""
    scope = Scope(system_actor("demo"), "command", "maintenance")
    with begin(scope, now) as unit:
        maria = unit.find("Patient", ident(community.seed, "Patient", MARIA))
        if maria is None:
            return ()
        lucia = _lucia(unit, maria)
        if unit.find("Appointment", ident(community.seed, "Appointment", MARIA)) is None:
            unit.create_named(_visit(community, maria, now))
    if lucia is None:
        return ()
    known = family_accounts.known([lucia.reference])
    if not known:
        share(scope, maria.id, lucia.id, ("plan", "visits"), now, said=HOW)
    return tuple(_way(stored, now) for stored in (maria, lucia))


def _lucia(unit: Unit, maria: Stored) -> Stored | None:
    """Her birth date is the second check of a letter."""
    found = next(iter(names_of_related(unit, maria.rid).values()), None)
    if found is None or found.resource.get("birthDate"):
        return found
    return unit.update({**found.resource, "birthDate": LUCIA_BORN.isoformat()}, if_match=found.version)


def _visit(community: Community, maria: Stored, now: datetime) -> Resource:
    """With Dr. Chen, three days from now at 10:15, as her to-dos say."""
    tz = zone(ZONE)
    at = at_local(now.astimezone(tz).date() + timedelta(days=3), time(10, 15), tz)
    doctor, name = community.named("chen")
    return {
        "resourceType": "Appointment",
        "id": ident(community.seed, "Appointment", MARIA),
        "status": "booked",
        "start": fhir_instant(at),
        "end": fhir_instant(at + timedelta(minutes=30)),
        "patientInstruction": "Bring all your pills, in their bottles.",
        "participant": [
            {"actor": ref(maria.reference), "status": "accepted"},
            {"actor": ref(doctor, name), "status": "accepted"},
        ],
    }


def _way(stored: Stored, now: datetime) -> Way:
    name = " ".join(stored.resource["name"][0]["given"])
    account = family_accounts.open_account(stored.reference, name, "es", now)
    phone = PHONES[stored.type]
    family_accounts.confirm_contact(
        account, family_codes.where(phone), HOW, system_actor("demo").principal, now
    )
    code = family_codes.issue_paper(account, system_actor("demo").principal, "printed by careloop demo", now)
    sees = "her own pages" if stored.type == "Patient" else "her daughter: plan and visits"
    return Way(name, sees, phone, code, date.fromisoformat(str(stored.resource["birthDate"])))
