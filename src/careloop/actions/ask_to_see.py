"""Those who must see a version of the plan and have not are asked: whoever signs in here on her own list or page; of
everybody else somebody on the team has work, to go over it or to send it. Who does not look in time is work as well."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.accounts import family_accounts
from careloop.accounts.models import User
from careloop.actions import record
from careloop.actions.apply_proposal import apply_in
from careloop.actions.flag_wrong import calendar_of
from careloop.actions.see_plan import TITLE
from careloop.care.plan_seen import Must, Standing
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass, work_of
from careloop.fhir import uris
from careloop.fhir.elements import identifier_in
from careloop.library import Library
from careloop.projections.people import zone_of
from careloop.projections.plan_history import active_plan_of
from careloop.projections.plan_seen import ASKED, KIND, REMIND, REMINDED, RULE, seen_by
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

REMIND_TITLE: Final = "Go over the plan with %s"
SHARE: Final = "plan-share"
SHARE_TITLE: Final = "Send what changed in the plan to %s"
FAMILY: Final = ("Patient/", "RelatedPerson/")


@dataclass(frozen=True)
class _Asking:
    """open: open Tasks of ours about the plan, by key. reached: who can be asked on a list or page of her own."""

    plan: Stored
    open: dict[str, Stored]
    reached: frozenset[str]
    zone: str | None
    last: datetime
    now: datetime


def ask_due(scope: Scope, person: int, library: Library, now: datetime) -> datetime | None:
    """person: rid. Asks, reminds, and withdraws what was seen meanwhile. Returns when to look again; None when nobody
    is waited for."""
    with record.begin(scope, now) as unit:
        reference = unit.reference_of(person)
        patient = unit.get([reference]).get(reference)
        plan = active_plan_of(unit, person)
        if patient is None or plan is None:
            return None
        told = seen_by(unit, patient, plan, library)
        waiting = [each for each in told.standings if not each.is_current]
        zone_name = zone_of(unit, person)
        asking = _Asking(
            plan,
            _open_asks(unit, patient),
            _reached({each.must.who for each in waiting}),
            zone_name,
            _last_day(zone_name, library, now),
            now,
        )
        wanted = [work for each in waiting for work in _works(asking, each)]
        keys = {work.dedupe for work in wanted}
        gone = [
            Withdrawal(k, "It was seen, or there is a newer version.") for k in asking.open if k not in keys
        ]
        apply_in(unit, Proposal(tuple(wanted), tuple(gone)), patient.reference)
        return asking.last if waiting else None


def _reached(who: Collection[str]) -> frozenset[str]:
    """Those with an account that is open: of the staff, or at the family's door."""
    ids = [each.partition("/")[2] for each in who if each.startswith("Practitioner/")]
    staff = User.objects.filter(practitioner__in=ids, is_active=True).values_list("practitioner", flat=True)
    family = family_accounts.known([each for each in who if each.startswith(FAMILY)])
    opened = {reference for reference, known in family.items() if known.account.is_active}
    return frozenset({*(f"Practitioner/{id}" for id in staff), *opened})


def _last_day(zone_name: str | None, library: Library, now: datetime) -> datetime:
    calendar = calendar_of(zone_name)
    days = library.rule(RULE, now.date()).integer("business_days")
    return calendar.end_of(calendar.add_business_days(calendar.local_day(now), days))


def _open_asks(unit: Unit, patient: Stored) -> dict[str, Stored]:
    found = {}
    for stored in unit.of_person(patient.rid, ["Task"]):
        key = identifier_in(stored.resource, uris.DEDUPE) or ""
        if key.startswith((ASKED, REMINDED)) and stored.resource.get("status") in OPEN:
            found[key] = stored
    return found


def _works(asking: _Asking, each: Standing) -> list[Work]:
    """For one who has not seen it. Of staff nobody is reminded: what she has not looked at stands late on her list."""
    must = each.must
    is_family = must.who.startswith(FAMILY)
    if must.who in asking.reached:
        ask = _work(asking, each, ASKED, KIND, TITLE, must.who)
        is_late = ask.due is not None and ask.due <= asking.now
        return [ask, _go_over(asking, each)] if is_family and is_late else [ask]
    if is_family:
        return [_go_over(asking, each)]
    return [_work(asking, each, ASKED, SHARE, SHARE_TITLE % (must.name or "the agency"), None)]


def _go_over(asking: _Asking, each: Standing) -> Work:
    return _work(asking, each, REMINDED, REMIND, REMIND_TITLE % (each.must.name or "the person"), None)


def _work(asking: _Asking, each: Standing, key: str, kind: str, title: str, owner: str | None) -> Work:
    must, calendar = each.must, calendar_of(asking.zone)
    seen = f"the last one seen was version {each.seen.version}" if each.seen else "none was seen before"
    due = _kept_day(asking, key, must) or asking.last
    return Work(
        kind=kind,
        title=title,
        because=f"The plan is at version {asking.plan.version}; {seen}",
        klass=WorkClass.ROUTINE,
        dedupe=_key(asking, key, must),
        due=due,
        target=calendar.working_target(calendar.local_day(due)),
        zone=asking.zone,
        rule=f"{RULE}@{asking.now.year}",
        owner=owner,
        reasons=(asking.plan.reference, must.who),
    )


def _key(asking: _Asking, key: str, must: Must) -> str:
    return f"{key}{asking.plan.id}@{asking.plan.version}:{must.who}"


def _kept_day(asking: _Asking, key: str, must: Must) -> datetime | None:
    """Who was asked has until the day she was told."""
    ask = asking.open.get(_key(asking, key, must))
    return work_of(ask.resource).due if ask else None
