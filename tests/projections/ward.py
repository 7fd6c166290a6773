"""Bayview with Maria, whom Ana leads, and Queens with Walter, whom nobody of Bayview may see."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from careloop import projections, store
from careloop.access import Actor, Scope, system_actor
from careloop.projections import story, worklist
from careloop.store import Unit
from tests.projections import builders as b

CHICAGO = ZoneInfo("America/Chicago")
HOUSE = Scope(system_actor("rebuild"), "command", "maintenance")


class Ward:
    def __init__(self, now: datetime) -> None:
        self.now = now
        with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
            for one in (
                b.organization("bayview", "Bayview"),
                b.organization("queens", "Queens", "NY", "11101"),
                b.practitioner("ana", "Ana", "Reyes"),
                b.practitioner("ben", "Ben", "Osei"),
                b.patient("maria", "Maria", "Duarte"),
                b.patient("walter", "Walter", "Nguyen", "queens"),
                b.team("team-maria", "maria", "ana"),
                b.episode("e-maria", "maria"),
            ):
                unit.create_named(one)
            self.site, self.queens = unit.mention("Organization/bayview"), unit.mention("Organization/queens")
            self.ana, self.ben = unit.mention("Practitioner/ana"), unit.mention("Practitioner/ben")
        self.actor = Actor(
            principal=7,
            kind="staff",
            name="Ana Reyes",
            roles=frozenset({"coordinator"}),
            sites=frozenset({self.site}),
            practitioner="Practitioner/ana",
            practitioner_rid=self.ana,
        )

    def has(self, *tasks: dict[str, object]) -> None:
        with store.open(HOUSE, now=self.now, projectors=projections.ALL) as unit:
            for one in tasks:
                unit.update(one, create=True)

    def open(self, actor: Actor | None = None) -> Unit:
        return store.open(Scope(actor or self.actor, "page", "coordination"), now=self.now)

    def today(
        self, view: str = "mine", at: datetime | None = None, actor: Actor | None = None
    ) -> worklist.Today:
        with self.open(actor) as unit:
            return worklist.today(unit, at or self.now, view, reader=CHICAGO)

    @property
    def scope(self) -> Scope:
        return Scope(self.actor, "page", "coordination")

    def task(self, id: str) -> dict[str, Any]:
        with store.open(HOUSE, now=self.now) as unit:
            return unit.read("Task", id).resource

    def story(self, id: str = "maria") -> list[str]:
        with self.open() as unit:
            rid = unit.rid_of(f"Patient/{id}")
            assert rid is not None
            return [entry.title for entry in story.story(unit, rid)]
