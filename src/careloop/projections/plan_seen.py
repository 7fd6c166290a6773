"""Who saw and who signed which version of a plan, as their Tasks and Provenances tell, and who still has to see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careloop.care.plan_changes import Audience, Change, changes
from careloop.care.plan_lines import PlanState
from careloop.care.plan_seen import AUDIENCE_OF, Must, Seen, Standing, standings, who_must
from careloop.care.representation import WITH_PAPERS
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, extension, identifier_in, instant, name_of
from careloop.kernel.numbers import whole_number
from careloop.library import Library
from careloop.projections import portal_shares
from careloop.projections.by_type import searchable
from careloop.projections.people import names
from careloop.projections.plan_history import Version, plan_now, plan_then, versions_of
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

RULE: Final = "plan-acknowledgment"
KIND: Final = "plan-acknowledgment"  # of the Task
REMIND: Final = "plan-reminder"
ASKED: Final = "plan-seen:"  # keys of what asks, and of what reminds
REMINDED: Final = "plan-remind:"
SIGNED: Final = "signed"
_STANDS: Final = WITH_PAPERS | {"parent"}


@dataclass(frozen=True, repr=False)
class Signature:
    """role: person, representative, clinician, coordinator. how: screen, portal, verbal, paper. at: of the signing,
    which on paper is before recorded. lines: versions that were signed. digest: over them."""

    reference: str
    who: str
    name: str
    role: str
    version: int
    at: datetime
    recorded: datetime
    how: str
    witness: str = ""
    entered_by: str = ""
    digest: str = ""
    lines: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Signature({self.who} v{self.version})"


@dataclass(frozen=True, repr=False)
class SeenBy:
    """All that the plan's page says of who saw and who signed it. since: by signature, what changed since."""

    versions: tuple[Version, ...]
    standings: tuple[Standing, ...]
    signatures: tuple[Signature, ...]
    since: Mapping[str, tuple[Change, ...]]

    def __repr__(self) -> str:
        return f"SeenBy({len(self.standings)}, {len(self.signatures)})"


def seen_by(unit: Unit, patient: Stored, plan: Stored, content: Library) -> SeenBy:
    """plan: the active one."""
    held = unit.of_person(patient.rid, searchable(unit, ("Task", "Provenance")))
    signed, versions = signatures_in(held, plan.reference), versions_of(unit, plan)
    now = plan_now(unit, patient.rid)
    then = _Then(unit, patient, plan.id, now)
    musts = musts_of(unit, patient, now, content)
    seen = [*seen_in(held, plan.reference), *_by_signing(signed), *_by_writing(versions)]
    newest = {each.who: each for each in sorted(signed, key=lambda s: s.at)}
    return SeenBy(
        tuple(versions),
        standings(musts, seen, plan.version, then.has_news),
        tuple(signed),
        {each.reference: then.since(each.recorded, "coordinator") for each in newest.values()},
    )


class _Then:
    """The plan at hours that were asked for, each read once."""

    def __init__(self, unit: Unit, patient: Stored, plan: str, now: PlanState) -> None:
        self.unit, self.patient, self.plan, self.now = unit, patient, plan, now
        self.known: dict[datetime, PlanState] = {}

    def since(self, at: datetime, audience: Audience) -> tuple[Change, ...]:
        if at not in self.known:
            self.known[at] = plan_then(self.unit, self.patient.rid, at, self.plan)
        return changes(self.known[at], self.now, audience, person=self.patient.reference)

    def has_news(self, must: Must, seen: Seen) -> bool:
        return any(each.is_material for each in self.since(seen.at, AUDIENCE_OF[must.role]))


def musts_of(unit: Unit, patient: Stored, state: PlanState, content: Library) -> tuple[Must, ...]:
    """By the rule of the day."""
    rule = content.rule(RULE, unit.now.date())
    doctors = [str(each.get("reference", "")) for each in patient.resource.get("generalPractitioner", ())]
    doctors = [each for each in doctors if each.startswith("Practitioner/")]
    owners = [line.owned_by for line in state.lines.values() if line.state == "open" and line.owned_by]
    stands = _standing_for(unit, patient)
    named = names(unit, {*doctors, *owners, *stands})
    named |= {line.owned_by: line.owner for line in state.lines.values() if line.owner} | stands
    named |= {patient.reference: name_of(patient.resource)}
    return who_must(
        tuple(rule.values["who"]),
        person=patient.reference,
        doctors=doctors,
        owners=owners,
        representatives=stands,
        stands_for_her=bool(stands),
        names=named,
    )


def _standing_for(unit: Unit, patient: Stored) -> dict[str, str]:
    """Who decides for her by papers or as a parent, at this moment: reference -> name."""
    if not unit.may_search("RelatedPerson"):
        return {}
    related = {s.rid: s for s in unit.of_person(patient.rid, ["RelatedPerson"])}
    held = portal_shares.held_by(unit, list(related))
    rids = [h.related for h in held if h.person == patient.rid and h.kind in _STANDS]
    return {related[rid].reference: name_of(related[rid].resource) for rid in dict.fromkeys(rids)}


# --- what was seen


def seen_in(held: Sequence[Stored], plan: str) -> list[Seen]:
    """plan: reference."""
    found = list(_gone_over(held, plan))
    for stored in held:
        task = stored.resource
        if stored.type != "Task" or not is_about(task, plan) or task.get("status") != "completed":
            continue
        version = number_in(task, "version")
        at = instant((task.get("executionPeriod") or {}).get("end")) or stored.at
        who = str((task.get("owner") or {}).get("reference", ""))
        if version and who:
            found.append(Seen(who, version, at, said_in(task, "how"), said_in(task, "by")))
    return found


def _gone_over(held: Iterable[Stored], plan: str) -> Iterable[Seen]:
    """Work to go over it with somebody that was done."""
    for stored in held:
        task = stored.resource
        if stored.type != "Task" or (uris.WORK_CODE, REMIND) not in codings(task.get("code")):
            continue
        key = (identifier_in(task, uris.DEDUPE) or "").removeprefix(REMINDED)
        place, _, who = key.partition(":")
        id, _, version = place.partition("@")
        number = whole_number(version)
        if task.get("status") == "completed" and f"CarePlan/{id}" == plan and number is not None:
            at = instant((task.get("executionPeriod") or {}).get("end")) or stored.at
            yield Seen(who, number, at, "spoken", str((task.get("owner") or {}).get("display", "")))


def is_about(task: Resource, plan: str) -> bool:
    return (uris.WORK_CODE, KIND) in codings(task.get("code")) and plan in work_of(task).reasons


def is_asking(task: Resource, plan: str, who: str) -> bool:
    """Whether it asks her, and waits."""
    is_hers = (task.get("owner") or {}).get("reference") == who
    return is_hers and is_about(task, plan) and task.get("status") in OPEN


def _output(task: Resource, code: str) -> Any:
    for each in task.get("output", ()):
        if (uris.TASK_IO, code) in codings(each.get("type")):
            return each
    return {}


def number_in(task: Resource, code: str) -> int:
    return whole_number(str(_output(task, code).get("valueString", ""))) or 0


def said_in(task: Resource, code: str) -> str:
    return str(_output(task, code).get("valueString", ""))


def _by_signing(signed: Iterable[Signature]) -> Iterable[Seen]:
    return (Seen(each.who, each.version, each.recorded, "signed", each.entered_by) for each in signed)


def _by_writing(versions: Iterable[Version]) -> Iterable[Seen]:
    """Whoever wrote a version has seen it."""
    for each in versions:
        if by := (each.changed.by if each.changed else "") or each.author:
            yield Seen(by, each.version, each.at, "wrote")


# --- what was signed


def signatures_in(held: Iterable[Stored], plan: str) -> list[Signature]:
    """Newest first. One who may not write a Provenance (a helper at the family's door) signs with her Task."""
    found = []
    for stored in held:
        each = _of_provenance(stored, plan) if stored.type == "Provenance" else _of_task(stored, plan)
        if each is not None:
            found.append(each)
    return sorted(found, key=lambda each: (each.recorded, each.reference), reverse=True)


def _of_provenance(stored: Stored, plan: str) -> Signature | None:
    told = stored.resource
    if code_in(told.get("activity"), uris.PLAN_ACT) != SIGNED or not told.get("signature"):
        return None
    target = next((str(t.get("reference", "")) for t in told.get("target", ())), "")
    reference, _, version = target.partition("/_history/")
    first, agents = told["signature"][0], told.get("agent", ())
    who: Resource = next((a for a in agents if "role" in a), {})
    at, number = instant(first.get("when")), whole_number(version)
    if reference != plan or number is None or at is None:
        return None
    return Signature(
        stored.reference,
        str((who.get("who") or {}).get("reference", "")),
        str((who.get("who") or {}).get("display", "")),
        next((code for concept in who.get("role", ()) if (code := code_in(concept, uris.PLAN_ACT))), ""),
        number,
        at,
        instant(told.get("recorded")) or stored.at,
        str(extension(told, uris.SIGNED_HOW) or ""),
        _agent(agents, "verifier"),
        _agent(agents, "enterer"),
        str(extension(told, uris.SIGNED_HASH) or ""),
        tuple(str((e.get("what") or {}).get("reference", "")) for e in told.get("entity", ())),
    )


def _agent(agents: Iterable[Resource], code: str) -> str:
    for agent in agents:
        if code in {c for _, c in codings(agent.get("type"))}:
            return str((agent.get("who") or {}).get("display", ""))
    return ""


def _of_task(stored: Stored, plan: str) -> Signature | None:
    task = stored.resource
    if stored.type != "Task" or not is_about(task, plan) or not (digest := said_in(task, "digest")):
        return None
    owner = task.get("owner") or {}
    at = instant((task.get("executionPeriod") or {}).get("end")) or stored.at
    lines = [
        str((each.get("valueReference") or {}).get("reference", ""))
        for each in task.get("output", ())
        if (uris.TASK_IO, "line") in codings(each.get("type"))
    ]
    return Signature(
        stored.reference,
        str(owner.get("reference", "")),
        str(owner.get("display", "")),
        "representative",
        number_in(task, "version"),
        at,
        at,
        "portal",
        digest=digest,
        lines=tuple(lines),
    )
