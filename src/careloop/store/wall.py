"""The second wall: PostgreSQL itself lets a session see the bodies, the story and the drafts of those people only whom
its actor could be caring for, whatever the query says. It knows no labels and no roles; the policy stands before it. If
a query of ours ever forgot its condition, this is what remains.

Each connection tells who asks, in settings of its session; without them nothing is seen. What the projections derive
while somebody writes is derived from everything, so the wall is down for that moment, inside the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from careloop.access import Actor

if TYPE_CHECKING:
    from careloop.store.connection import Keeper

TABLES: Final = ("versions", "story", "drafts")
NAMES: Final = ("wall", "sites", "teams", "leads", "people", "programs", "denied")
DOWN: Final = ("all", "", "", "", "", "", "")
_SET: Final = "select " + ", ".join(f"set_config('careloop.{name}', %s, %s)" for name in NAMES)


def of(actor: Actor) -> tuple[str, ...]:
    """What the session says. Programs and systems see every person; a partner's rows are told by the row alone."""
    if actor.kind in ("client", "system", "partner"):
        return DOWN
    leads = actor.covered | frozenset(filter(None, [actor.practitioner_rid]))
    shared = frozenset(person for person, _ in actor.shares)
    people = actor.people | actor.emergencies | actor.part2_emergencies | shared
    return (
        "people",
        *map(_list, (actor.sites, actor.teams, leads, people)),
        ",".join(sorted(actor.programs)),
        _list(actor.denied),
    )


def _list(numbers: frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def raise_for(keeper: Keeper, actor: Actor) -> None:
    """At the opening of a unit. Costs a round trip only where another actor had this connection before."""
    wanted = of(actor)
    if keeper.wall != wanted:
        _tell(keeper.cursor(), wanted, is_local=False)
        keeper.wall = wanted


@contextmanager
def lowered(keeper: Keeper) -> Iterator[None]:
    """Inside a transaction, which ends it as well. Costs nothing where the wall is down already."""
    if keeper.wall == DOWN:
        yield
        return
    _tell(keeper.cursor(), DOWN, is_local=True)
    yield
    _tell(keeper.cursor(), keeper.wall, is_local=True)


def lower_for_session(cursor: Any) -> None:
    """For `careloop verify`, which reads everything and shows nothing."""
    _tell(cursor, DOWN, is_local=False)


def _tell(cursor: Any, said: tuple[str, ...], *, is_local: bool) -> None:
    cursor.execute(_SET, [value for each in said for value in (each, is_local)])
