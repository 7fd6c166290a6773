"""What is known of a person for the page that answers who may see her, and why not."""

from __future__ import annotations

from collections.abc import Iterable

from careloop.access import Condition, labels
from careloop.access.reasons import Consented, Known
from careloop.kernel.errors import NotFound
from careloop.projections.people import names
from careloop.store import Unit, conditions


def passes(unit: Unit, condition: Condition, person: int, bits: int) -> bool:
    """What the guard of the record says of a row with these labels at her home."""
    carried = f"(%s::integer | (p.labels & {labels.RESTRICTED}))"
    said, given = conditions.compile_condition(
        condition, "u.person", now=unit.now, labels_column="u.labels", nobodys=False
    )
    row = (
        unit.cursor()
        .execute(
            f"select {said} from (select p.person, {carried} as labels from people p where p.person = %s) u",
            [*given, bits, person],
        )
        .fetchone()
    )
    return bool(row and row[0])


def known_of(unit: Unit, person: int, bits: int = 0) -> Known:
    cursor = unit.cursor()
    row = cursor.execute(
        f"select site, team, lead, labels & {labels.RESTRICTED} from people where person = %s", [person]
    ).fetchone()
    if row is None:
        raise NotFound(f"person {person}")
    programs = cursor.execute(
        "select program from enrolled where person = %s and until is null", [person]
    ).fetchall()
    said = cursor.execute(
        "select consent, grantee, permits, denies, purposes from consented"
        " where person = %s and since <= %s and (until is null or until > %s)",
        [person, unit.now, unit.now],
    ).fetchall()
    return Known(
        person=person,
        site=row[0],
        team=row[1],
        lead=row[2],
        programs=frozenset(program for (program,) in programs),
        bits=bits | row[3],
        consents=tuple(Consented(*each) for each in said),
    )


def called(unit: Unit, rids: Iterable[int]) -> dict[int, str]:
    """What sites, teams and colleagues are called, by rid."""
    references = {unit.reference_of(rid): rid for rid in set(rids)}
    return {references[reference]: name for reference, name in names(unit, references).items()}
