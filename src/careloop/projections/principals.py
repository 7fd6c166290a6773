"""Who stands behind the numbers in the audit trail: accounts, programs, and Careloop itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from careloop.access.actor import SYSTEM_PRINCIPALS
from careloop.accounts.models import Principal, User

_SYSTEM = {number: name for name, number in SYSTEM_PRINCIPALS.items()}


@dataclass(frozen=True)
class Who:
    """kind: staff, person, partner, client, sender, system, nobody. name: of the account; of a system actor its code.
    roles: of staff."""

    principal: int
    kind: str
    name: str
    roles: tuple[str, ...] = ()
    zone: str = ""


def principals(numbers: Collection[int | None]) -> dict[int, Who]:
    """Each that was asked for; who has no account any more is kept by the name it had."""
    wanted = {number for number in numbers if number is not None}
    found = {number: _of_ours(number) for number in wanted if number <= 0}
    known = Principal.objects.in_bulk([number for number in wanted if number > 0])
    users = User.objects.in_bulk(list(known), field_name="principal_id")
    for number, principal in known.items():
        user = users.get(number)
        roles = tuple(user.roles) if user else ()
        found[number] = Who(number, principal.kind, principal.name, roles, user.zone if user else "")
    return found | {number: Who(number, "nobody", "") for number in wanted - found.keys()}


def staff() -> list[Who]:
    """Everybody of the staff, by name, for a list to choose from."""
    users = User.objects.order_by("name", "principal_id")
    return [Who(user.principal_id, "staff", user.name, tuple(user.roles), user.zone) for user in users]


def _of_ours(number: int) -> Who:
    name = _SYSTEM.get(number)
    return Who(number, "system", name) if name else Who(number, "nobody", "")
