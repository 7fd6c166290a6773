"""Answers on their way: saved at each answer, one draft a person, actor and form. Completing it writes one version
of a QuestionnaireResponse and deletes the draft. Likewise the words of calls on their way to a signed note, and panels
that are looked through before they are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from careloop.kernel.errors import NotFound
from careloop.store import bodies

if TYPE_CHECKING:
    from careloop.access import Condition
    from careloop.store.unit import Unit

_COLUMNS: Final = "id, person, actor, form, codec, answers, started_at, at"
ENDED: Final = "sheet-ended"


@dataclass(frozen=True, slots=True)
class Draft:
    """answers: whatever the form keeps, JSON."""

    id: int
    person: int
    actor: int
    form: str
    answers: dict[str, Any] = field(repr=False)
    started_at: datetime
    at: datetime


def save(unit: Unit, person: int, form: str, answers: Mapping[str, Any]) -> Draft:
    """Of unit's actor. Raises NotFound for a person the actor may not see."""
    _guard(unit, person)
    codec, body = bodies.pack_bytes(bodies.encode(dict(answers)))
    cursor = unit.cursor()
    cursor.execute(
        "insert into drafts(person, actor, form, codec, answers, started_at, at) values (%s, %s, %s, %s, %s, %s, %s) "
        "on conflict (person, actor, form) do update "
        f"set codec = excluded.codec, answers = excluded.answers, at = excluded.at returning {_COLUMNS}",
        [person, unit.scope.actor.principal, form, codec, body, unit.now, unit.now],
    )
    return _draft(unit, cursor.fetchone())


def keep(unit: Unit, person: int, form: str, answers: Mapping[str, Any], *, opened: str = "") -> Draft | None:
    """As save, of a sheet that says when it was opened; None once that very sheet was finished: what comes late brings
    nothing back."""
    if opened:
        key = _under_lock(unit, person, form, opened)
        asked = unit.cursor().execute("select 1 from once where kind = %s and key = %s", [ENDED, key])
        if asked.fetchone() is not None:
            return None
    return save(unit, person, form, answers)


def finish(unit: Unit, person: int, form: str, *, opened: str = "") -> None:
    """The draft goes, and a late keep of the sheet that was opened then finds that it has ended."""
    if opened:
        unit.claim(ENDED, _under_lock(unit, person, form, opened), person)
    if kept := load(unit, person, form):
        delete(unit, kept.id)


def _under_lock(unit: Unit, person: int, form: str, opened: str) -> str:
    """Until the commit nobody else keeps or finishes the same sheet."""
    key = f"{unit.scope.actor.principal}:{person}:{form}:{opened}"
    unit.cursor().execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", [key])
    return key


def change(unit: Unit, draft_id: int, answers: Mapping[str, Any]) -> Draft | None:
    """Other answers of the actor's own draft; None when it is no longer there: it is not made anew."""
    codec, body = bodies.pack_bytes(bodies.encode(dict(answers)))
    cursor = unit.cursor()
    cursor.execute(
        f"update drafts set codec = %s, answers = %s, at = %s where id = %s and actor = %s returning {_COLUMNS}",
        [codec, body, unit.now, draft_id, unit.scope.actor.principal],
    )
    row = cursor.fetchone()
    return _draft(unit, row) if row else None


def load(unit: Unit, person: int, form: str) -> Draft | None:
    _guard(unit, person)
    found = _select(
        unit, "person = %s and actor = %s and form = %s", [person, unit.scope.actor.principal, form]
    )
    return found[0] if found else None


def get(unit: Unit, draft_id: int, *, to_change: bool = False) -> Draft:
    """By its number. to_change: nobody else changes it until the commit. Raises NotFound for somebody else's."""
    found = _select(unit, "id = %s and actor = %s", [draft_id, unit.scope.actor.principal], lock=to_change)
    if not found:
        raise NotFound
    _guard(unit, found[0].person)
    return found[0]


def listed(unit: Unit, person: int | None = None, *, begins: str = "") -> list[Draft]:
    """The actor's own, newest first. begins: only those whose form's name begins so."""
    where, parameters = "actor = %s", list[Any]([unit.scope.actor.principal])
    if begins:
        where, parameters = where + " and starts_with(form, %s)", [*parameters, begins]
    if person is not None:
        where, parameters = where + " and person = %s", [*parameters, person]
    return [draft for draft in _select(unit, where, parameters) if unit.may_see(draft.person)]


def of_others(unit: Unit, person: int, form: str, since: datetime) -> list[Draft]:
    """What colleagues began on the same person and form, and touched since then."""
    _guard(unit, person)
    asked = [person, form, unit.scope.actor.principal, since]
    return _select(unit, "person = %s and form = %s and actor <> %s and at >= %s", asked)


def delete(unit: Unit, draft_id: int) -> None:
    unit.cursor().execute(
        "delete from drafts where id = %s and actor = %s", [draft_id, unit.scope.actor.principal]
    )


def left_by_others(
    unit: Unit,
    among: Condition,
    *,
    begins: str,
    before: datetime,
    draft_id: int | None = None,
    lock: bool = False,
) -> list[Draft]:
    """Colleagues' own, begun before then, about people whom `among` names and the actor may see; oldest first. For who
    looks after what others leave lying: the caller has judged that she may."""
    sites, given = unit.people_sql(among, "drafts.person")
    seen, told = unit.people_sql(unit.condition(), "drafts.person")
    where = f"starts_with(form, %s) and started_at <= %s and actor <> %s and ({sites}) and ({seen})"
    parameters: list[Any] = [begins, before, unit.scope.actor.principal, *given, *told]
    if draft_id is not None:
        where, parameters = f"{where} and id = %s", [*parameters, draft_id]
    return _select(unit, where, parameters, lock=lock)[::-1]


def is_about_one_of(unit: Unit, found: Draft, people: Condition) -> bool:
    """Whether its person is among those whom the condition names."""
    said, given = unit.people_sql(people, "one.person")
    asked = f"select 1 from (values (%s::bigint)) as one(person) where {said}"
    return unit.cursor().execute(asked, [found.person, *given]).fetchone() is not None


def change_of_other(unit: Unit, found: Draft, answers: Mapping[str, Any]) -> None:
    """Of one that left_by_others gave under lock. Its author sees it; the hour of her own last word stays."""
    codec, body = bodies.pack_bytes(bodies.encode(dict(answers)))
    unit.cursor().execute(
        "update drafts set codec = %s, answers = %s where id = %s and actor = %s",
        [codec, body, found.id, found.actor],
    )


def delete_of_other(unit: Unit, found: Draft) -> None:
    """Of one that left_by_others gave under lock."""
    unit.cursor().execute("delete from drafts where id = %s and actor = %s", [found.id, found.actor])


def expire(unit: Unit, begins: str, before: datetime) -> int:
    """Whoever's they are: those whose form's name begins so, untouched since then, are forgotten. How many."""
    cursor = unit.cursor()
    cursor.execute("delete from drafts where starts_with(form, %s) and at < %s", [begins, before])
    return int(cursor.rowcount)


def _select(unit: Unit, where: str, parameters: list[Any], *, lock: bool = False) -> list[Draft]:
    cursor = unit.cursor()
    how = "for update" if lock else ""
    cursor.execute(f"select {_COLUMNS} from drafts where {where} order by at desc, id desc {how}", parameters)
    return [_draft(unit, row) for row in cursor.fetchall()]


def _draft(unit: Unit, row: Any) -> Draft:
    unit.saw([row[1]], f"draft {row[0]}")
    return Draft(row[0], row[1], row[2], row[3], bodies.unpack(row[4], bytes(row[5])), row[6], row[7])


def _guard(unit: Unit, person: int) -> None:
    if not unit.may_see(person):
        raise NotFound
