"""Golden cases of a protocol: a made-up person, and what the protocol says of her. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from careloop.care.protocols import evaluate
from careloop.care.signals import Datum, Happened, Signals
from careloop.library.instruments import Case
from careloop.library.protocols import Protocol
from careloop.library.reading import Words

CASE_DAY: Final = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def signals_of_case(case: Case, shown: Mapping[str, str] | None = None) -> Signals:
    """The made-up person of a golden case, whose days are counted from CASE_DAY."""
    given = case.answers
    facts = {name: _fact(value) for name, value in given.get("facts", {}).items()}
    return Signals(
        reference="Patient/case",
        readings={name: _data(rows) for name, rows in given.get("readings", {}).items()},
        scores={name: _data(rows) for name, rows in given.get("scores", {}).items()},
        moments={
            name: tuple(Happened(_ago(each), what=name) for each in sorted(_many(days)))
            for name, days in given.get("moments", {}).items()
        },
        facts=facts,
        findings=dict.fromkeys(given.get("findings", ()), True),
        shown=shown or {},
        is_deceased=bool(facts.get("has_died")),
    )


def fires_in_case(protocol: Protocol, case: Case, shown: Mapping[str, str] | None = None) -> tuple[str, str]:
    """(branch or “nothing”, the because in English)."""
    fires, because = said_in_case(protocol, case, shown)
    return fires, because.en


def said_in_case(protocol: Protocol, case: Case, shown: Mapping[str, str] | None = None) -> tuple[str, Words]:
    """(branch or “nothing”, the because)."""
    values = {name: Decimal(str(value)) for name, value in case.answers.get("values", {}).items()}
    outcome = evaluate(protocol, signals_of_case(case, shown), values, CASE_DAY)
    return (outcome.branch.id, outcome.because) if outcome.branch else ("nothing", Words("", ""))


def _data(rows: Iterable[Sequence[Any]]) -> tuple[Datum, ...]:
    made = [
        Datum(_ago(row[0]), Decimal(str(row[1])), Decimal(str(row[2])) if len(row) > 2 else None, f"case/{n}")
        for n, row in enumerate(rows)
    ]
    return tuple(sorted(made, key=lambda each: each.at))


def _ago(days: Any) -> datetime:
    return CASE_DAY + timedelta(days=float(days))


def _many(days: Any) -> list[float]:
    return [float(each) for each in (days if isinstance(days, (list, tuple)) else [days])]


def _fact(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value
