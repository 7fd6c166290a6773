"""A view of the registry that somebody keeps, for herself or for everybody at a site of hers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.kernel.errors import CareError, Forbidden, NotFound
from careloop.store import Unit

MOST: Final = 50


class TooManyViews(CareError):
    """You keep as many views as there is room for. Remove one first."""

    code, status, issue_type = "too-many-views", 422, "too-costly"


@dataclass(frozen=True)
class View:
    """query: the question as the address says it. is_mine: the reader may remove it. site: rid, None for her own."""

    id: int
    name: str
    query: str
    is_mine: bool
    site: int | None


def keep_view(scope: Scope, name: str, query: str, now: datetime, *, site: int | None = None) -> int:
    """site: rid of one of her own sites. Raises ReasonMissing, TooManyViews, Forbidden."""
    said = working.words(name, 80)
    with record.begin(scope, now) as unit:
        if site is not None and site not in scope.actor.sites:
            raise Forbidden("That is not a site of yours.")
        if sum(view.is_mine for view in views(unit)) >= MOST:
            raise TooManyViews
        row = (
            unit.cursor()
            .execute(
                "insert into saved_views(principal, site, name, query, at) values (%s, %s, %s, %s, %s) returning id",
                [scope.actor.principal, site, said, query[:2_000], now],
            )
            .fetchone()
        )
        assert row is not None  # returning
        return int(row[0])


def drop_view(scope: Scope, id: int, now: datetime) -> None:
    """Only her own. Raises NotFound."""
    with record.begin(scope, now) as unit:
        gone = unit.cursor().execute(
            "delete from saved_views where id = %s and principal = %s returning id",
            [id, scope.actor.principal],
        )
        if gone.fetchone() is None:
            raise NotFound


def views(unit: Unit) -> list[View]:
    """Hers, then those of her sites, by name."""
    actor = unit.scope.actor
    rows = unit.cursor().execute(
        "select id, name, query, principal = %s, site from saved_views"
        " where principal = %s or site = any(%s::bigint[]) order by principal <> %s, name, id limit 200",
        [actor.principal, actor.principal, sorted(actor.sites), actor.principal],
    )
    return [View(*row) for row in rows.fetchall()]
