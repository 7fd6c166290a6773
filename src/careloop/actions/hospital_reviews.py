"""What a hospital's message leaves for a person to decide or to look at: to-dos, each asked for once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir import uris
from careloop.fhir.elements import Resource
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.calendar import zone as zone_called
from careloop.projections import people
from careloop.store import Stored, Unit

MATCH: Final = "resolve-match"
MERGE: Final = "review-merge"
MESSAGE: Final = "review-message"
DIFFERENCE: Final = "review-difference"
KINDS: Final = (MATCH, MERGE, MESSAGE, DIFFERENCE)


def ask(
    unit: Unit,
    work: Work,
    person: Stored | None,
    *,
    inputs: Sequence[Resource] = (),
    contained: Resource | None = None,
) -> Stored:
    """The Task with this key, made when there is none; one that somebody closed stays closed.
    contained: what it is about, when that has no place in the record yet (`focus` points at it)."""
    if person is not None and work.owner is None:
        work = replace(work, owner=people.lead_of(unit, person.rid))
    found = find(unit, work.dedupe)
    if found is not None:
        return found
    task = to_task(work, person.reference if person else None, unit.now)
    if inputs:
        task["input"] = [*task.get("input", ()), *inputs]
    if contained is not None:
        task |= {"contained": [contained], "focus": {"reference": f"#{contained['id']}"}}
    return unit.create(task, if_none_exist={"identifier": token(uris.DEDUPE, work.dedupe)})


def find(unit: Unit, dedupe: str) -> Stored | None:
    page = unit.search("Task", {"identifier": token(uris.DEDUPE, dedupe)})
    return page.entries[0] if page.entries else None


def token(system: str, value: str) -> str:
    """system|value as a search reads it, with what separates there escaped."""
    return f"{_escaped(system)}|{_escaped(value)}"


def _escaped(text: str) -> str:
    for mark in "\\,|$":
        text = text.replace(mark, "\\" + mark)
    return text


def by_tonight(zone: str | None, now: datetime) -> datetime | None:
    """17:00 of today, or of the next business day after 15:00; None without a zone."""
    if zone is None:
        return None
    calendar = BusinessCalendar(zone_called(zone))
    local = now.astimezone(calendar.tz)
    is_today = local.hour < 15 and calendar.is_business_day(local.date())
    return calendar.working_target(calendar.add_business_days(local.date(), 0 if is_today else 1))


def look_at_message(sentence: str, dedupe: str, site: str | None, reasons: tuple[str, ...] = ()) -> Work:
    return Work(
        kind=MESSAGE,
        title="Look at what the hospital sent",
        because=sentence,
        klass=WorkClass.ROUTINE,
        dedupe=dedupe,
        site=site,
        reasons=reasons,
    )
