"""Maria Duarte, whom Ana leads in Houston, and what St. Luke's says about her. Real record, real reactions."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from careloop import projections, reactions, store
from careloop.access import Actor, Scope, system_actor
from careloop.accounts.models import Principal, Sender, User
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.library import load
from careloop.projections import worklist
from careloop.store import feed
from tests.projections import builders as b

HOUSTON = ZoneInfo("America/Chicago")
LIBRARY = load()
HL7 = Scope(system_actor("hl7"), "hl7", "treatment")
HOUSE = Scope(system_actor("rebuild"), "command", "maintenance")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CLASSES = {"stay": "IMP", "observation": "OBSENC", "emergency": "EMER", "visit": "AMB", "odd": "PRENC"}
HOME_WORK = ("Call after discharge", "Reconcile medications", "Visit after discharge")


def settle() -> None:
    """Other databases of the same server hold the horizon too, on a busy machine for seconds."""
    assert feed.wait_until_settled(60), "somebody on this server keeps a transaction open"


class Due(NamedTuple):
    day: str
    title: str
    person: str


def due(day: str, title: str, person: str = "Maria Duarte") -> Due:
    return Due(day, title, person)


class StoryWard:
    """Everything is told at `self.now`, which a story moves by `wait`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        sender = Principal.objects.create(kind="sender", name="st-lukes")
        Sender.objects.create(principal=sender, name="st-lukes", dispositions={"HOMESVC": "home"})
        self.write(
            b.organization("bayview", "Bayview"),
            b.organization("st-lukes", "St. Luke’s"),
            b.practitioner("ana", "Ana", "Reyes"),
            b.practitioner("chen", "Mei", "Chen"),
            b.patient("maria", "Maria", "Duarte"),
            b.team("team-maria", "maria", "ana"),
            self.coverage("maria", "Medicare Part B"),
        )
        with store.open(HOUSE, now=now) as unit:
            self.site, self.ana = unit.mention("Organization/bayview"), unit.mention("Practitioner/ana")

    # --- what is told

    def write(self, *resources: dict[str, Any], scope: Scope = HOUSE) -> None:
        with store.open(scope, now=self.now, projectors=projections.ALL) as unit:
            for one in resources:
                unit.update(one, create=True)

    def coverage(self, person: str, plan: str) -> dict[str, Any]:
        return {
            "resourceType": "Coverage",
            "id": f"coverage-{person}",
            "status": "active",
            "beneficiary": ref(f"Patient/{person}"),
            "payor": [{"display": plan}],
        }

    def at(self, said: str) -> datetime:
        """“Fri 16:20”: the last one before now, in Houston; or an ISO date and hour."""
        day, _, hour = said.partition(" ")
        clock = time.fromisoformat(hour)
        if day not in DAYS:
            return datetime.combine(date.fromisoformat(day), clock, tzinfo=HOUSTON)
        today = self.now.astimezone(HOUSTON).date()
        back = (today.weekday() - DAYS.index(day)) % 7
        found = datetime.combine(today - timedelta(days=back), clock, tzinfo=HOUSTON)
        return found if found <= self.now else found - timedelta(days=7)

    def stay(
        self,
        visit: str = "V1",
        *,
        status: str,
        began: str = "2026-11-16 08:00",
        ended: str | None = None,
        to: str = "",
        kind: str = "stay",
        person: str = "maria",
        source: str = "urn:careloop:sender:st-lukes",
    ) -> dict[str, Any]:
        period = {"start": fhir_instant(self.at(began))}
        found: dict[str, Any] = {
            "resourceType": "Encounter",
            "id": f"stay-{visit.lower()}",
            "meta": {"source": source},
            "identifier": [{"system": "urn:st-lukes:visits", "value": visit}],
            "status": status,
            "class": {"system": uris.ACT_CODE, "code": CLASSES[kind]},
            "subject": ref(f"Patient/{person}"),
            "period": period,
            "serviceProvider": ref("Organization/st-lukes"),
        }
        if ended:
            period["end"] = fhir_instant(self.at(ended))
        if to:
            found["hospitalization"] = {"dischargeDisposition": codeable(uris.HL7_0112, to)}
        return found

    def discharge(self, at: str = "Fri 16:20", to: str = "01", visit: str = "V1", **more: Any) -> None:
        self.write(self.stay(visit, status="finished", ended=at, to=to, **more), scope=HL7)
        self.react()

    def admit(self, at: str, visit: str, **more: Any) -> None:
        self.write(self.stay(visit, status="in-progress", began=at, **more), scope=HL7)
        self.react()

    def cancel_discharge(self, visit: str = "V1", **more: Any) -> None:
        self.write(self.stay(visit, status="in-progress", **more), scope=HL7)
        self.react()

    def cancel_stay(self, visit: str = "V1", **more: Any) -> None:
        self.write(self.stay(visit, status="cancelled", **more), scope=HL7)
        self.react()

    def dies(self, on: str | None = "2026-11-22") -> None:
        self.write(b.patient("maria", "Maria", "Duarte") | {"deceasedDateTime": on}, scope=HL7)
        self.react()

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    # --- what follows

    def react(self) -> int:
        """Until nothing is left to follow. Returns how many events there were."""
        settle()
        done = 0
        while more := reactions.run(self.now, LIBRARY):
            done += more
            settle()
        return done

    def fire(self) -> int:
        done = 0
        while more := reactions.run_timers(self.now, LIBRARY):
            done += more
        self.react()
        return done

    # --- what stands

    def rows(self, person: str = "maria") -> list[worklist.Row]:
        with store.open(HOUSE, now=self.now) as unit:
            rid = unit.rid_of(f"Patient/{person}")
            return worklist.of_person(unit, rid, self.now, reader=HOUSTON) if rid else []

    def row(self, title: str) -> worklist.Row:
        (found,) = [row for row in self.rows() if row.title == title]
        return found

    def worklist(self, person: str = "maria") -> list[Due]:
        rows = self.rows(person)
        return [Due(_day(row), row.title, row.person.name if row.person else "") for row in rows]

    def titles(self) -> list[str]:
        return sorted(row.title for row in self.rows())

    def tasks(self) -> list[dict[str, Any]]:
        with store.open(HOUSE, now=self.now) as unit:
            rid = unit.rid_of("Patient/maria")
            found = unit.of_person(rid, ["Task"]) if rid else []
            return [stored.resource for stored in reversed(found)]

    def reasons(self) -> set[str]:
        """Why the work that was withdrawn was withdrawn."""
        ended = [task for task in self.tasks() if task["status"] == "cancelled"]
        return {task["statusReason"]["text"] for task in ended}

    def versions(self) -> dict[str, str]:
        return {task["id"]: task["meta"]["versionId"] for task in self.tasks()}

    # --- who acts

    def staff(self, name: str, practitioner: str, *roles: str, rank: int = 0) -> Scope:
        """A colleague with an account at Bayview."""
        user = User.objects.create_user(
            f"{practitioner}@bayview.example", None, name, practitioner=practitioner, roles=list(roles),
            sites=["bayview"], on_call_rank=rank,
        )  # fmt: skip
        with store.open(HOUSE, now=self.now) as unit:
            rid = unit.mention(f"Practitioner/{practitioner}")
        return Scope(
            Actor(
                principal=user.principal_id,
                kind="staff",
                name=name,
                roles=frozenset(roles),
                sites=frozenset({self.site}),
                practitioner=f"Practitioner/{practitioner}",
                practitioner_rid=rid,
            ),
            "page",
            "coordination",
        )


def _day(row: worklist.Row) -> str:
    at = row.due or row.target
    return f"{at.astimezone(HOUSTON):%a}" if at else "-"
