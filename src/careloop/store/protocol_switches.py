"""Which monitoring protocols are on: a list that only grows, so that it tells who switched what when, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from careloop.store.unit import Unit

_COLUMNS: Final = "protocol, version, is_on, at, principal, name, why, review"
LATEST: Final = f"select distinct on (protocol) {_COLUMNS} from protocol_switches order by protocol, id desc"
HISTORY: Final = f"select {_COLUMNS} from protocol_switches where protocol = %s order by id desc limit 50"


@dataclass(frozen=True)
class Switch:
    """version: of the protocol when it was switched. principal, name: who did it. review: who answers for it and when
    somebody watches, as given with the switch; None when nobody reviewed it."""

    protocol: str
    version: int
    is_on: bool
    at: datetime
    principal: int
    name: str
    why: str
    review: Mapping[str, Any] | None = None


def latest(cursor: Any) -> dict[str, Switch]:
    """As they stand, by protocol; one that was never switched is not there. cursor: Django's or a plain one."""
    cursor.execute(LATEST)
    return {row[0]: _of_row(row) for row in cursor.fetchall()}


def history(unit: Unit, protocol: str) -> list[Switch]:
    """Newest first."""
    rows = unit.cursor().execute(HISTORY, [protocol]).fetchall()
    return [_of_row(row) for row in rows]


def write(unit: Unit, switch: Switch) -> None:
    unit.cursor().execute(
        f"insert into protocol_switches({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            switch.protocol,
            switch.version,
            switch.is_on,
            switch.at,
            switch.principal,
            switch.name,
            switch.why,
            json.dumps(switch.review) if switch.review is not None else None,
        ],
    )


def _of_row(row: Sequence[Any]) -> Switch:
    protocol, version, is_on, at, principal, name, why, review = row
    return Switch(protocol, version, is_on, at, principal, name, why, _review(review))


def _review(value: Any) -> Mapping[str, Any] | None:
    """Django's cursor hands out jsonb as text, a plain one as what it says."""
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else None
