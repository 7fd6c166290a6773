"""Why somebody may, and why not: for any account, person and kind of record. The answer itself comes from the same SQL
that guards the record; the reasons say in which rule and which fact it lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from careloop.access import Actor, Decision, Interaction, decide, explain
from careloop.access.policy import Answer
from careloop.access.reasons import Known, Reason, holds, reasons
from careloop.accounts.models import User
from careloop.actions.staff_actor import staff_actor
from careloop.kernel.errors import NotFound
from careloop.projections.who_may import known_of, passes
from careloop.store import Unit


@dataclass(frozen=True)
class Line:
    """One account: may it open her page, by which rules, and what decides."""

    user: int
    name: str
    roles: tuple[str, ...]
    may: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Why:
    """may: as the record itself answers. answers: each rule, those that speak first. reasons: what decides of this
    person and row; empty where no rule speaks."""

    name: str
    may: bool
    decision: Decision
    answers: tuple[Answer, ...]
    reasons: tuple[Reason, ...]


def who_may(unit: Unit, person: int) -> list[Line]:
    """Every active account, those that may open her page first."""
    known = known_of(unit, person)
    found = [_line(user, staff_actor(user, unit.now), known) for user in _accounts()]
    unit.saw([person], "who may see her")
    return sorted(found, key=lambda line: (not line.may, line.name))


def _accounts() -> Iterable[User]:
    return User.objects.filter(is_active=True).order_by("name")


def _line(user: User, actor: Actor, known: Known) -> Line:
    decision = decide(actor, "read", "Patient")
    may = decision.allowed and holds(decision.condition, known)
    why = reasons(decision.condition, known) if decision.allowed else ()
    return Line(user.pk, user.name, tuple(user.roles), may, why)


def why(unit: Unit, user: int, interaction: Interaction, type: str, person: int, bits: int = 0) -> Why:
    """For a row of this type with these labels in her record. Raises NotFound for no such account."""
    found = User.objects.filter(pk=user, is_active=True).first()
    if found is None:
        raise NotFound
    actor = staff_actor(found, unit.now)
    decision = decide(actor, interaction, type)
    known = known_of(unit, person, bits)
    unit.saw([person], f"why principal {actor.principal} may {interaction} {type}")
    return Why(
        name=found.name,
        may=decision.allowed and passes(unit, decision.condition, person, bits),
        decision=decision,
        answers=explain(actor, interaction, type),
        reasons=reasons(decision.condition, known) if decision.allowed else (),
    )
