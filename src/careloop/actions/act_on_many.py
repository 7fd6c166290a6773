"""One act on many people: chosen, looked at first, then done in parts, each a commit of its own together with how far
it is. Begun twice or broken off it does nothing twice; within ten minutes all of it can be taken back.

What is on its way waits as a draft of whoever began it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.access import Scope
from careloop.accounts.models import User
from careloop.actions import case_review, record, working
from careloop.actions.leading import make_lead
from careloop.actions.undo import WITHIN, TooLate, undo_in
from careloop.actions.urgent import may_open
from careloop.actions.working import ProtectedWork
from careloop.care.many import GONE, HER_LEAD, NOBODY, Judged, Known, Wanted, judge
from careloop.care.safe_contact import Refused, may_contact
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir.elements import Resource, fhir_instant, instant, ref
from careloop.kernel.errors import CareError, NotFound
from careloop.kernel.ids import new_id
from careloop.projections import sources
from careloop.projections.by_type import seen_of_type
from careloop.projections.people import PersonBrief, briefs, names, zone_of
from careloop.projections.registry import MOST_CHOSEN
from careloop.store import Stored, Unit, drafts
from careloop.store.drafts import Draft

FORM: Final = "many:"
KEPT_FOR: Final = timedelta(days=1)
# People in one commit: about half a second, so that nobody waits for us longer.
PART: Final = 50
CALL, TO_DO = "call-list", "to-do"


class NobodyChosen(CareError):
    """Choose at least one person first."""

    code, status, issue_type = "nobody-chosen", 422, "required"


class TooManyChosen(CareError):
    """This is more than one act takes. Narrow the list first."""

    code, status, issue_type = "too-many-chosen", 422, "too-costly"


class NotTold(CareError):
    """Say what is to be done before it is done."""

    code, status, issue_type = "not-told", 422, "required"


@dataclass(frozen=True)
class Result:
    """Of one person. outcome: done, skipped, undone, kept (changed since, so that it was not taken back).
    token: what takes it back."""

    person: int
    id: str
    outcome: str
    because: str
    token: str = ""


@dataclass(frozen=True, repr=False)
class Many:
    """people: (Patient id, rid) in the order of the list. question: the registry's address they come from. at: when the
    last part was done; None before the first."""

    draft: int
    people: tuple[tuple[str, int], ...]
    question: str
    wanted: Wanted | None
    key: str
    done: int
    results: tuple[Result, ...]
    undone: int | None
    at: datetime | None

    @property
    def is_done(self) -> bool:
        return self.done >= len(self.people)

    def may_undo(self, now: datetime) -> bool:
        is_whole = self.is_done and (self.undone is None or self.undone < len(self.results))
        return is_whole and self.at is not None and now - self.at < WITHIN and self._has_done

    @property
    def _has_done(self) -> bool:
        return any(each.token for each in self.results)

    def __repr__(self) -> str:
        return f"Many({self.draft}, {len(self.people)} people)"


def choose(scope: Scope, people: Sequence[PersonBrief], question: str, now: datetime, act: str = "") -> Many:
    """Whom it is about. Raises NobodyChosen, TooManyChosen."""
    if not people:
        raise NobodyChosen
    if len(people) > MOST_CHOSEN:
        raise TooManyChosen
    kept = {
        "people": [[each.id, each.rid] for each in people],
        "question": question,
        "act": act,
        "key": new_id(),
        "done": 0,
        "results": [],
    }
    with record.begin(scope, now) as unit:
        return _many(drafts.save(unit, 0, f"{FORM}{kept['key']}", kept))


def say(scope: Scope, draft: int, wanted: Wanted, now: datetime) -> Many:
    """What is to be done; it can be said again until it has begun. Raises NotFound, ReasonMissing."""
    if wanted.act in ("call", "todo", "review"):
        working.words(wanted.title or wanted.because, 300)
    with record.begin(scope, now) as unit:
        found = kept(unit, draft, to_change=True)
        answers = {**_raw(unit, draft), "wanted": _told(wanted)}
        if found.done == 0:
            drafts.change(unit, draft, answers)
        return kept(unit, draft)


def kept(unit: Unit, draft: int, *, to_change: bool = False) -> Many:
    """Raises NotFound for what is none of these, not hers, or too old."""
    found = drafts.get(unit, draft, to_change=to_change)
    if not found.form.startswith(FORM) or found.at < unit.now - KEPT_FOR:
        raise NotFound
    return _many(found)


def _raw(unit: Unit, draft: int) -> dict[str, Any]:
    return dict(drafts.get(unit, draft).answers)


def _many(found: Draft) -> Many:
    told = found.answers
    return Many(
        draft=found.id,
        people=tuple((id, rid) for id, rid in told["people"]),
        question=told["question"],
        wanted=_wanted(told["wanted"]) if told.get("wanted") else None,
        key=told["key"],
        done=told["done"],
        results=tuple(Result(*each) for each in told["results"]),
        undone=told.get("undone"),
        at=instant(told.get("at")),
    )


def _told(wanted: Wanted) -> dict[str, Any]:
    return {
        **vars(wanted),
        "due": fhir_instant(wanted.due) if wanted.due else None,
        "meeting": fhir_instant(wanted.meeting) if wanted.meeting else None,
    }


def _wanted(told: Mapping[str, Any]) -> Wanted:
    return Wanted(**{**told, "due": instant(told["due"]), "meeting": instant(told["meeting"])})


# --- whom, and who is left out


def judged(unit: Unit, many: Many, people: Sequence[tuple[str, int]] | None = None) -> dict[int, Judged]:
    """By rid; of all of them, or of these. Raises NotTold."""
    if many.wanted is None:
        raise NotTold
    return {
        each.rid: judge(each, many.wanted)
        for each in _known(unit, many.people if people is None else people, many.wanted)
    }


LEADS: Final = """
select p.person, 'Practitioner/' || i.id from people p join ids i on i.rid = p.lead
where p.person = any(%s::bigint[])
"""
SAME: Final = """
select distinct w.person from work w
where w.person = any(%s::bigint[]) and w.is_open and w.kind = %s and w.title = %s
"""


def _known(unit: Unit, people: Sequence[tuple[str, int]], wanted: Wanted) -> list[Known]:
    rids = [rid for _, rid in people]
    here = briefs(unit, rids)
    cursor = unit.cursor()
    leads = dict(cursor.execute(LEADS, [rids]).fetchall())
    closed = _closed_to(unit, wanted.owner, rids, leads)
    kind = {"call": CALL, "todo": TO_DO, "review": case_review.KIND}.get(wanted.act, "")
    title = case_review.TITLE if wanted.act == "review" else wanted.title
    may, told = seen_of_type(unit, "Task", "w")
    same = {row[0] for row in cursor.execute(f"{SAME} and {may}", [rids, kind, title, *told]).fetchall()}
    refuses = _not_to_be_called(unit, rids) if wanted.act == "call" else frozenset()
    return [
        Known(
            id=id,
            rid=rid,
            is_here=rid in here,
            is_deceased=rid in here and here[rid].is_deceased,
            lead=leads.get(rid),
            has_same=rid in same,
            is_on_agenda=wanted.act == "review" and rid in same,
            refuses_calls=rid in refuses,
            owner_may_open=rid not in closed,
        )
        for id, rid in people
    ]


SITES: Final = """
select p.person, i.id from people p left join ids i on i.rid = p.site where p.person = any(%s::bigint[])
"""


def _closed_to(unit: Unit, owner: str, people: Sequence[int], leads: Mapping[int, str]) -> set[int]:
    """Whose record a colleague who is named could not open. Whoever asks sees all of them herself."""
    if not owner.startswith("Practitioner/") or owner == unit.scope.actor.practitioner:
        return set()
    user = User.objects.filter(is_active=True, practitioner=owner.removeprefix("Practitioner/")).first()
    sites = dict(unit.cursor().execute(SITES, [list(people)]).fetchall())
    return {rid for rid in people if user is None or not may_open(user, sites.get(rid), leads.get(rid))}


def _not_to_be_called(unit: Unit, people: Sequence[int]) -> frozenset[int]:
    """Read whole, whatever the reader may see: whoever may not see the flag has to obey it all the same."""
    flags: dict[int, list[Resource]] = {}
    for stored in sources.of_people(unit, people, ("Flag",)):
        flags.setdefault(stored.person, []).append(stored.resource)
    return frozenset(
        person for person, hers in flags.items() if isinstance(may_contact(hers, "call", unit.now), Refused)
    )


# --- doing it


def go_on(scope: Scope, draft: int, now: datetime) -> Many:
    """Does the next part. Raises NotFound, NotTold."""
    with record.begin(scope, now) as unit:
        many = kept(unit, draft, to_change=True)
        part = many.people[many.done : many.done + PART]
        if not part:
            return many
        answers = judged(unit, many, part)
        fresh = [_do(unit, many, id, rid, answers[rid]) for id, rid in part]
        raw = _raw(unit, draft)
        raw |= {
            "done": many.done + len(part),
            "results": [*raw["results"], *(list(vars(each).values()) for each in fresh)],
            "at": fhir_instant(now),
        }
        changed = drafts.change(unit, draft, raw)
        return _many(changed) if changed else many


def _do(unit: Unit, many: Many, id: str, rid: int, answer: Judged) -> Result:
    assert many.wanted is not None  # judged() refused it
    patient = unit.find("Patient", id) if answer.will else None
    if not answer.will:
        return Result(rid, id, "skipped", answer.because)
    if patient is None:
        return Result(rid, id, "skipped", GONE)
    written = _write(unit, many, many.wanted, patient)
    return Result(rid, id, "done", answer.because, working.undo_token(*written))


def _write(unit: Unit, many: Many, wanted: Wanted, patient: Stored) -> list[Stored]:
    if wanted.act == "assign":
        name = names(unit, [wanted.owner]).get(wanted.owner, "")
        made = make_lead(unit, patient, wanted.owner, name)
        return [made] if made else []
    if wanted.act == "review":
        assert wanted.meeting is not None  # the form asks for it
        place = [each for each, _ in many.people].index(patient.id) + 1
        return [
            case_review.put_on(unit, patient, many.key, wanted.meeting, wanted.because, wanted.minutes, place)
        ]
    return [add_to_do(unit, patient, wanted, f"many:{many.key}:{patient.id}")]


def add_to_do(unit: Unit, patient: Stored, wanted: Wanted, dedupe: str) -> Stored:
    """A call or another to-do that a person asked for, in a unit that is open already."""
    owner = _owner_of(unit, patient, wanted.owner)
    zone = zone_of(unit, patient.rid)
    work = Work(
        kind=CALL if wanted.act == "call" else TO_DO,
        title=working.words(wanted.title, 300),
        because=wanted.because or f"added by {unit.scope.actor.name}",
        klass=WorkClass.ROUTINE,
        dedupe=dedupe,
        due=wanted.due,
        target=wanted.due,
        zone=zone if wanted.due else None,
        owner=owner,
        site=(patient.resource.get("managingOrganization") or {}).get("reference"),
    )
    task = to_task(work, patient.reference, unit.now)
    if owner:
        task["owner"] = ref(owner, names(unit, [owner]).get(owner))
    if unit.scope.actor.practitioner:
        task["requester"] = working.me(unit)
    return unit.create(task)


def _owner_of(unit: Unit, patient: Stored, said: str) -> str | None:
    if said == NOBODY:
        return None
    if said == HER_LEAD:
        found = dict(unit.cursor().execute(LEADS, [[patient.rid]]).fetchall())
        return found.get(patient.rid)
    return said


# --- taking it back


def take_back(scope: Scope, draft: int, now: datetime) -> Many:
    """Takes back the next part. What somebody went on from stays, and says so. Raises NotFound, TooLate."""
    with record.begin(scope, now) as unit:
        many = kept(unit, draft, to_change=True)
        if not many.may_undo(now):
            raise TooLate
        first = many.undone or 0
        part = many.results[first : first + PART]
        back = [_back(unit, each) for each in part]
        raw = _raw(unit, draft)
        raw["results"] = [
            list(vars(each).values())
            for each in (*many.results[:first], *back, *many.results[first + PART :])
        ]
        raw["undone"] = first + len(part)
        changed = drafts.change(unit, draft, raw)
        return _many(changed) if changed else many


def _back(unit: Unit, result: Result) -> Result:
    if not result.token:
        return result
    try:
        undo_in(unit, result.token)
    except (TooLate, ProtectedWork, NotFound):
        return replace(result, outcome="kept", because="Somebody went on from here.", token="")
    return replace(result, outcome="undone", because="", token="")


def forget_old(unit: Unit) -> int:
    """What was chosen and not done, and the lists of what was: whoever's they are. How many."""
    return drafts.expire(unit, FORM, unit.now - KEPT_FOR)


def forget(scope: Scope, draft: int, now: datetime) -> None:
    """Nothing was done yet, and nothing will be. Raises NotFound."""
    with record.begin(scope, now) as unit:
        drafts.delete(unit, kept(unit, draft).draft)
