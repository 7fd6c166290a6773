"""The organizations and the people who work there, from data/community.yaml, as resources and as a directory that
stories look names up in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, ref, set_extension
from careloop.server.demo.chart import Chart, ident, language_of, phone
from careloop.server.demo.days import Days

DATA = Path(__file__).resolve().parent / "data"
ORGANIZATION_TYPE = "http://terminology.hl7.org/CodeSystem/organization-type"
DOMAIN = "careloop.example"


@lru_cache(maxsize=8)
def table(name: str) -> dict[str, Any]:
    """data/<name>.yaml, read once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Any] = yaml.load((DATA / f"{name}.yaml").read_text("utf-8"), Loader=loader)  # noqa: S506  # both loaders are the safe ones
    return found


@dataclass(frozen=True)
class Member:
    """Someone who works here. reference: Practitioner/…; roles: of the account, empty when none."""

    key: str
    reference: str
    name: str
    credentials: str
    email: str
    site: str
    sites: tuple[str, ...]
    roles: tuple[str, ...]
    programs: tuple[str, ...]
    rank: int
    zone: str

    @property
    def named(self) -> tuple[str, str]:
        return self.reference, self.name


class Community:
    """Who and what there is, by the words of data/community.yaml."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.tables = table("community")
        self.staff = {key: self._member(key, entry) for key, entry in self.tables["staff"].items()}

    def organization(self, key: str) -> str:
        return f"Organization/{ident(self.seed, 'Organization', key)}"

    def organization_name(self, key: str) -> str:
        for part in ("sites", "partners", "payers"):
            if key in self.tables[part]:
                return str(self.tables[part][key]["name"])
        raise KeyError(key)

    def named(self, key: str) -> tuple[str, str]:
        """(reference, name) of a member of staff, a site, a partner or a payer."""
        if key in self.staff:
            return self.staff[key].named
        return self.organization(key), self.organization_name(key)

    def partner(self, key: str) -> tuple[str, str]:
        return self.organization(key), self.organization_name(key)

    def site(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.tables["sites"][key]
        return found

    def chart(self, key: str, days: Days, site: str, lead: str, program: str = "") -> Chart:
        """An empty chart for someone of this site, in the site's zone."""
        who = self.staff[lead]
        within = days.within(self.site(site)["zone"])
        return Chart(self.seed, key, within, self.organization(site), who.reference, who.name, program)

    def _member(self, key: str, entry: dict[str, Any]) -> Member:
        site = entry["site"]
        first, last = entry["name"].split()[0], entry["name"].split()[-1]
        prefix = f"{entry['prefix']} " if "prefix" in entry else ""
        return Member(
            key=key,
            reference=f"Practitioner/{ident(self.seed, 'Practitioner', key)}",
            name=f"{prefix}{entry['name']}",
            credentials=entry["credentials"],
            email=f"{first}.{last}@{DOMAIN}".lower(),
            site=site,
            sites=(site, *entry.get("also", ())),
            roles=tuple(entry["roles"]),
            programs=tuple(entry.get("programs", ())),
            rank=entry.get("rank", 0),
            zone=self.tables["sites"][site]["zone"],
        )

    def resources(self) -> list[Resource]:
        """Organizations, Locations, Practitioners and their roles."""
        made: list[Resource] = []
        for key, entry in self.tables["sites"].items():
            made += [self._organization(key, entry), self._location(key, entry)]
        made += [self._organization(key, entry) for key, entry in self.tables["partners"].items()]
        made += [self._payer(key, entry) for key, entry in self.tables["payers"].items()]
        for member in self.staff.values():
            made += self._practitioner(member)
        return made

    def _organization(self, key: str, entry: dict[str, Any]) -> Resource:
        made: Resource = {
            "resourceType": "Organization",
            "id": ident(self.seed, "Organization", key),
            "active": True,
            "type": [codeable(ORGANIZATION_TYPE, *entry["kind"])],
            "name": entry["name"],
            "telecom": [phone(entry["phone"], "work")],
            "address": [_address(entry)],
        }
        # Whoever adds a person by hand gives numbers of the same authority as the hospital's messages.
        set_extension(made, uris.MRN_AUTHORITY, "Uri", entry.get("authority"))
        return made

    def _location(self, key: str, entry: dict[str, Any]) -> Resource:
        return {
            "resourceType": "Location",
            "id": ident(self.seed, "Location", key),
            "status": "active",
            "name": entry["name"],
            "telecom": [phone(entry["phone"], "work")],
            "address": _address(entry),
            "managingOrganization": ref(self.organization(key)),
        }

    def _payer(self, key: str, entry: dict[str, Any]) -> Resource:
        return {
            "resourceType": "Organization",
            "id": ident(self.seed, "Organization", key),
            "active": True,
            "type": [codeable(ORGANIZATION_TYPE, "pay", "Payer")],
            "name": entry["name"],
        }

    def _practitioner(self, member: Member) -> list[Resource]:
        entry = self.tables["staff"][member.key]
        *given, family = entry["name"].split()
        name: Resource = {"family": family, "given": given, "text": member.name}
        if "prefix" in entry:
            name["prefix"] = [entry["prefix"]]
        practitioner: Resource = {
            "resourceType": "Practitioner",
            "id": member.reference.partition("/")[2],
            "identifier": [{"system": uris.STAFF, "value": member.email}],
            "active": True,
            "name": [name],
            "telecom": [phone(entry["phone"], "work")],
            "qualification": [{"code": {"text": part.strip()}} for part in member.credentials.split(",")],
            "communication": [language_of(code) for code in entry["languages"]],
        }
        role: Resource = {
            "resourceType": "PractitionerRole",
            "id": ident(self.seed, "PractitionerRole", member.key),
            "active": True,
            "practitioner": ref(member.reference, member.name),
            "organization": ref(self.organization(member.site), self.organization_name(member.site)),
            "code": [{"text": entry["title"]}],
            "location": [ref(f"Location/{ident(self.seed, 'Location', member.site)}")],
        }
        return [practitioner, role]


def _address(entry: dict[str, Any]) -> Resource:
    line = {"line": [entry["street"]]} if "street" in entry else {}
    return {
        **line,
        "city": entry["city"],
        "state": entry["state"],
        "postalCode": entry["zip"],
        "country": "US",
    }
