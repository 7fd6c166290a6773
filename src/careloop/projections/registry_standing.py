"""Where a course stands on the way to its target, asked of a caseload in SQL: over the row c of courses. As
care/treat_to_target says it of one person; the numbers come from content, as parameters."""

from __future__ import annotations

from datetime import timedelta

from careloop.library.targets import Target
from careloop.projections.by_type import Sql


def in_target(target: Target) -> Sql:
    text, told = "%s * c.value < %s", [target.sign, target.sign * target.below]
    if target.second_below is not None:
        text += " and coalesce(%s * c.second < %s, false)"
        told += [target.sign, target.sign * target.second_below]
    return f"({text})", told


def standing(target: Target) -> Sql:
    """As care/treat_to_target says it of one."""
    reached, told = in_target(target)
    better = "%s * (c.began - c.value)"
    if target.by is not None:
        responded, given = f"{better} >= %s", [target.sign, target.by]
    else:
        responded = f"({better} > 0 and {better} * 100 >= %s * abs(c.began))"
        given = [target.sign, target.sign, target.percent]
    text = (
        f"case when {reached} then 'target' when {better} <= %s then 'worse' when {responded} then 'improving'"
        " when c.at - c.began_at < %s then 'early' else 'stuck' end"
    )
    return text, [*told, target.sign, -target.worse, *given, timedelta(weeks=target.weeks)]


def due(target: Target) -> Sql:
    reached, told = in_target(target)
    return f"(c.at + case when {reached} then %s else %s end)", [
        *told,
        timedelta(days=target.due_in_target),
        timedelta(days=target.due_otherwise),
    ]
