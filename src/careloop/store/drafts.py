"""Answers on their way: saved at each answer, one draft a person, actor and form. Completing it writes one version
of a QuestionnaireResponse and deletes the draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from careloop.kernel.errors import NotFound
from careloop.store import bodies

if TYPE_CHECKING:
    from careloop.store.unit import Unit

_COLUMNS: Final = "id, person, actor, form, codec, answers, started_at, at"


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
