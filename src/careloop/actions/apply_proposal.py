"""Make it so, once: the work that a decision asks for, and the withdrawal of what no longer fits.

The key of a piece of work (its DEDUPE identifier) makes it one: asked again, open work is brought up to date and keeps
what people did with it; withdrawn work comes back; what a person finished or closed is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.hospital_reviews import token
from careloop.actions.withdraw_work import restore, withdraw
from careloop.care.stay import WITHDRAWN, state_of
from careloop.care.work import Proposal, Withdrawal, Work, to_task
from careloop.fhir import uris
from careloop.fhir.elements import Resource, identifier_in, ref
from careloop.projections.people import lead_of, names
from careloop.store import Stored, Unit

# What a decision says about a to-do; everything else in the Task is people's.
OURS: Final = frozenset(
    {"priority", "code", "description", "reasonCode", "restriction", "reasonReference", "input"}
)
WITHDRAWAL: Final = frozenset({"statusReason", "executionPeriod"})
THEIR_EXTENSIONS: Final = frozenset({uris.WAKE, uris.WAITING, uris.ACKNOWLEDGED})
NOBODY_LEADS: Final = "Nobody leads this person’s care yet: unclaimed, for everyone at the site to see."


def apply(
    scope: Scope,
    work: Sequence[Work],
    withdrawals: Sequence[Withdrawal],
    now: datetime,
    *,
    person: str | None = None,
) -> tuple[Stored, ...]:
    """One unit. person: "Patient/…"; None for work about nobody. Returns what was written."""
    with record.begin(scope, now) as unit:
        return apply_in(unit, Proposal(tuple(work), tuple(withdrawals)), person)


def apply_in(unit: Unit, proposal: Proposal, person: str | None) -> tuple[Stored, ...]:
    """In the caller's own unit. Withdrawals first: what is wanted as well stays."""
    hold(unit, person)
    wanted = {work.dedupe for work in proposal.work}
    keys = {*wanted, *proposal.restore, *(each.dedupe for each in proposal.withdraw)}
    known = _known(unit, person, keys) if keys else {}
    written = [
        withdraw(unit, known[each.dedupe], each.because)
        for each in proposal.withdraw
        if each.dedupe in known and each.dedupe not in wanted and _is_open(known[each.dedupe])
    ]
    written += [
        restore(unit, known[key])
        for key in proposal.restore
        if key in known and state_of(known[key].resource) == WITHDRAWN
    ]
    for work in proposal.work:
        written += _made_so(unit, work, known.get(work.dedupe), person)
    return (*written, *_extra(unit, proposal.extra))


def hold(unit: Unit, person: str | None) -> None:
    """Whoever decides about this person next waits for our commit, so that nobody makes the same work twice."""
    unit.cursor().execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"apply:{person or 'nobody'}"]
    )


def _known(unit: Unit, person: str | None, keys: Iterable[str]) -> dict[str, Stored]:
    """By key, or by reference for a Task without one. The newest wins, should there be two."""
    if person is None:
        found = [
            task
            for key in sorted(keys)
            for task in unit.search("Task", [("identifier", token(uris.DEDUPE, key))]).entries
        ]
    else:
        rid = unit.rid_of(person)
        found = unit.of_person(rid, ["Task"]) if rid is not None else []
    tasks: dict[str, Stored] = {}
    for task in reversed(found):
        tasks[task.reference] = task
        if key := identifier_in(task.resource, uris.DEDUPE):
            tasks[key] = task
    return tasks


def _is_open(task: Stored) -> bool:
    return state_of(task.resource) == "open"


def _made_so(unit: Unit, work: Work, known: Stored | None, person: str | None) -> list[Stored]:
    if known is None:
        return [unit.create(_new(unit, work, person))]
    if state_of(known.resource) in ("done", "closed"):
        return []
    resource = _brought_up(unit, known, work, person)
    if resource is known.resource:
        return []
    return [unit.update(resource, if_match=known.version)]


def _new(unit: Unit, work: Work, person: str | None) -> Resource:
    """Whose it is, unless the decision says: whoever leads her care."""
    if work.owner is None and person and (rid := unit.rid_of(person)) is not None:
        work = replace(work, owner=lead_of(unit, rid))
    task = to_task(work, person, unit.now)
    if work.owner:
        task["owner"] = _named(unit, work.owner)
    elif person:
        task["note"] = [{"text": " ".join(filter(None, (work.details, NOBODY_LEADS)))}]
    return task


def _named(unit: Unit, reference: str) -> Resource:
    return ref(reference, names(unit, [reference]).get(reference))


def _brought_up(unit: Unit, known: Stored, work: Work, person: str | None) -> Resource:
    """The Task as the decision says it now, with all that people did kept; untouched when that is the same."""
    kept, fresh = working.copy_of(known)[0], to_task(work, person, unit.now)
    resource = {name: value for name, value in kept.items() if name not in OURS}
    resource |= {name: value for name, value in fresh.items() if name in OURS}
    resource["extension"] = _extensions(kept.get("extension", ()), fresh["extension"])
    told_nobody = any(NOBODY_LEADS in note.get("text", "") for note in kept.get("note", ()))
    if work.owner and told_nobody and not kept.get("owner"):
        resource |= {"owner": _named(unit, work.owner), "status": "accepted"}
    resource["note"] = _notes(
        kept.get("note", ()), work.details, is_unled=told_nobody and "owner" not in resource
    )
    if not resource["note"]:
        del resource["note"]
    if state_of(kept) == WITHDRAWN:
        resource["status"] = "accepted" if "owner" in resource else "requested"
        resource = {name: value for name, value in resource.items() if name not in WITHDRAWAL}
    if {**resource, "lastModified": ""} == {**known.resource, "lastModified": ""}:
        return known.resource
    return {**resource, "lastModified": fresh["lastModified"]}


def _extensions(kept: Sequence[Resource], fresh: Sequence[Resource]) -> list[Resource]:
    """In the order in which they stand, so that the same content is the same Task."""
    order = {each["url"]: place for place, each in enumerate(kept)}
    theirs = [each for each in kept if each["url"] in THEIR_EXTENSIONS]
    ours = [each for each in fresh if each["url"] not in THEIR_EXTENSIONS]
    return sorted((*ours, *theirs), key=lambda each: order.get(each["url"], len(order)))


def _notes(notes: Sequence[Resource], details: str | None, *, is_unled: bool) -> list[Resource]:
    """A note without hour and author is Careloop's own: it says what is true now. People's notes follow."""
    people_s = [note for note in notes if note.keys() & {"time", "authorReference", "authorString"}]
    said = " ".join(filter(None, (details, NOBODY_LEADS if is_unled else None)))
    return [*([{"text": said}] if said else []), *people_s]


def _extra(unit: Unit, extra: Iterable[Resource]) -> list[Stored]:
    """Other resources, each once by its own key. Raises ValueError for one without."""
    made = []
    for each in extra:
        key = identifier_in(each, uris.DEDUPE)
        if key is None:
            raise ValueError(f"{each.get('resourceType')} has no key that makes it one.")
        made.append(unit.create(each, if_none_exist=[("identifier", token(uris.DEDUPE, key))]))
    return [stored for stored in made if stored.is_new]
