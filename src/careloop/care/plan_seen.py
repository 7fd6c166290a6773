"""Who must see a plan, who has, and who has not seen the version that stands now. Pure: the rule is data
(content/rules/plan-acknowledgment.yaml)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from careloop.care.plan_changes import Audience

Role = Literal["owner", "doctor", "person", "representative", "agency"]
ROLES: Final[tuple[Role, ...]] = ("doctor", "owner", "person", "representative", "agency")
AUDIENCE_OF: Final[Mapping[Role, Audience]] = {
    "doctor": "clinician",
    "owner": "coordinator",
    "person": "person",
    "representative": "person",
    "agency": "partner",
}


@dataclass(frozen=True, repr=False)
class Must:
    """who: a reference. role: why she must; the first of ROLES that fits."""

    who: str
    role: Role
    name: str = ""

    def __repr__(self) -> str:
        return f"Must({self.role} {self.who})"


@dataclass(frozen=True, repr=False)
class Seen:
    """Who saw which version, when. how: portal, screen, spoken. by: who wrote it down, when she did not herself."""

    who: str
    version: int
    at: datetime
    how: str = ""
    by: str = ""

    def __repr__(self) -> str:
        return f"Seen({self.who} v{self.version})"


@dataclass(frozen=True, repr=False)
class Standing:
    """seen: the newest of hers; None for never. is_current: nothing that concerns her changed since."""

    must: Must
    seen: Seen | None
    is_current: bool

    def __repr__(self) -> str:
        return f"Standing({self.must!r}, {self.seen!r})"


def who_must(
    roles: Collection[str],
    *,
    person: str,
    doctors: Iterable[str] = (),
    owners: Iterable[str] = (),
    representatives: Iterable[str] = (),
    stands_for_her: bool = False,
    names: Mapping[str, str] | None = None,
) -> tuple[Must, ...]:
    """roles: of the rule. owners: of open lines. stands_for_her: a guardian or parent decides, so that she herself need
    not be asked. Each once, by the first reason."""
    owned = [each for each in owners if each != person]
    found: dict[Role, list[str]] = {
        "doctor": list(doctors),
        "owner": [each for each in owned if not each.startswith("Organization/")],
        "person": [] if stands_for_her else [person],
        "representative": list(representatives),
        "agency": [each for each in owned if each.startswith("Organization/")],
    }
    musts: dict[str, Must] = {}
    for role in ROLES:
        if role in roles:
            for who in found[role]:
                musts.setdefault(who, Must(who, role, (names or {}).get(who, "")))
    return tuple(musts.values())


def standings(
    musts: Iterable[Must], seen: Iterable[Seen], version: int, has_news: Callable[[Must, Seen], bool]
) -> tuple[Standing, ...]:
    """has_news: whether something that she must see changed since she saw it. Who never saw any version
    has not seen this one."""
    newest: dict[str, Seen] = {}
    for each in sorted(seen, key=lambda one: (one.version, one.at)):
        newest[each.who] = each
    return tuple(
        Standing(must, last := newest.get(must.who), _is_current(must, last, version, has_news))
        for must in musts
    )


def _is_current(must: Must, last: Seen | None, version: int, has_news: Callable[[Must, Seen], bool]) -> bool:
    if last is None:
        return False
    return last.version >= version or not has_news(must, last)
