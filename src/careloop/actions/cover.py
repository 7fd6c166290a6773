"""Somebody covers for a colleague, from one moment to another: she sees the people whom the colleague leads, as long as
the cover lasts and not a minute more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope
from careloop.access.policy import CARE_ROLES
from careloop.accounts.models import User
from careloop.actions import record
from careloop.kernel.errors import CareError, Forbidden, NotFound
from careloop.projections.alerts import raise_alert
from careloop.store import Unit, grants
from careloop.store.grants import Grant, Kind

LONGEST: Final = timedelta(days=366)
LONGEST_OF_OWN: Final = timedelta(days=30)
# Between the end of a cover and one for the same colleague that whoever covered gives herself.
REST: Final = timedelta(days=30)


class BadCover(CareError):
    """A cover needs two different colleagues who give care, and an end after its beginning, within a year."""

    code, status = "bad-cover", 422


class LongOwnCover(BadCover):
    """You can cover for a colleague yourself for 30 days at most. Ask another supervisor for longer."""

    code = "long-own-cover"


class OneOwnCover(BadCover):
    """You already cover for a colleague by your own choice. End that first, or ask another supervisor."""

    code = "one-own-cover"


class OwnCoverAgain(BadCover):
    """You covered for this colleague within the last 30 days. Another supervisor, or the colleague, arranges it now."""

    code = "own-cover-again"


@dataclass(frozen=True)
class Cover:
    """colleague: who is away. by: who covers. ids: of accounts."""

    colleague: int
    by: int
    since: datetime
    until: datetime


def cover(scope: Scope, asked: Cover, why: str, now: datetime) -> None:
    """By a supervisor who shares a site with both, or by whoever goes away herself. One who gives herself a colleague's
    people may do so for a month, one colleague at a time, not twice in a row, and the privacy officer is told. Raises
    BadCover, Forbidden, NotFound."""
    away, covering = _user(asked.colleague), _user(asked.by)
    _check(asked, away, covering, now)
    if not _may_arrange(scope, away, covering):
        raise Forbidden("A cover is arranged by a supervisor of your site, or by whoever goes away.")
    since = max(asked.since, now)
    is_own = covering.principal_id == scope.actor.principal
    if is_own and asked.until - since > LONGEST_OF_OWN:
        raise LongOwnCover
    with record.begin(scope, now) as unit:
        led = unit.mention(f"Practitioner/{away.practitioner}")
        told = {"colleague": away.pk, "by": covering.pk}
        grant = Grant(
            covering.principal_id, Kind.LEAD, led, since, asked.until, why, scope.actor.principal, told
        )
        if is_own:
            _check_own(unit, grant)
        grants.end(unit, covering.principal_id, (Kind.LEAD,), led)
        grants.give(unit, grant)
        unit.saw((), f"cover given, principal {covering.principal_id}")
        if is_own:
            key = f"cover:{covering.principal_id}:{away.pk}:{since.isoformat()}"
            raise_alert(unit, "cover", 0, covering.principal_id, [("own-cover", {})], key=key)


def _check_own(unit: Unit, asked: Grant) -> None:
    """Also what was ended early counts, and what another gave: it is she who would go on. Under a lock, so that two
    asked for at once are not one each. Raises OneOwnCover, OwnCoverAgain."""
    unit.cursor().execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"own cover:{asked.principal}"]
    )
    held = grants.led_by(unit, asked.principal, asked.since - REST)
    if any(grant.value == asked.value for grant in held):
        raise OwnCoverAgain
    if any(g.given_by == asked.principal and (g.until is None or g.until > unit.now) for g in held):
        raise OneOwnCover


def end_cover(scope: Scope, colleague: int, by: int, now: datetime) -> None:
    """Raises Forbidden, NotFound."""
    away, covering = _user(colleague), _user(by)
    if not _may_arrange(scope, away, covering) and scope.actor.principal != covering.principal_id:
        raise Forbidden("A cover is ended by a supervisor of your site, or by one of the two.")
    with record.begin(scope, now) as unit:
        led = unit.mention(f"Practitioner/{away.practitioner}")
        grants.end(unit, covering.principal_id, (Kind.LEAD,), led)
        unit.saw((), f"cover ended, principal {covering.principal_id}")


@dataclass(frozen=True)
class Arranged:
    away: User
    covering: User
    since: datetime
    until: datetime | None
    why: str


def covers(unit: Unit) -> list[Arranged]:
    """Those that last or will come, of colleagues at the reader's sites."""
    colleagues = {user.pk: user for user in colleagues_of(unit.scope)}
    own = {
        rid: user
        for user in colleagues.values()
        if user.practitioner and (rid := unit.rid_of(f"Practitioner/{user.practitioner}"))
    }
    by = {user.principal_id: user for user in User.objects.select_related("principal")}
    unit.saw((), "covers")
    return [
        Arranged(own[grant.value], by[grant.principal], grant.since, grant.until, grant.why)
        for grant in grants.covers(unit, own)
        if grant.principal in by
    ]


def colleagues_of(scope: Scope) -> list[User]:
    """Active accounts that give care at one of the reader's own sites."""
    mine = User.objects.filter(principal=scope.actor.principal).first()
    sites = set(mine.sites) if mine else set()
    found = User.objects.filter(is_active=True).order_by("name")
    return [user for user in found if CARE_ROLES & set(user.roles) and sites & set(user.sites)]


def _user(id: int) -> User:
    found = User.objects.filter(pk=id, is_active=True).first()
    if found is None:
        raise NotFound
    return found


def _check(asked: Cover, away: User, covering: User, now: datetime) -> None:
    both_care = all(CARE_ROLES & set(user.roles) and user.practitioner for user in (away, covering))
    lasts = asked.until - max(asked.since, now)
    if away.pk == covering.pk or not both_care or not timedelta() < lasts <= LONGEST:
        raise BadCover


def _may_arrange(scope: Scope, away: User, covering: User) -> bool:
    mine = User.objects.filter(principal=scope.actor.principal).first()
    if mine is None or scope.actor.kind != "staff" or scope.actor.app is not None:
        return False
    shares = bool(set(mine.sites) & set(away.sites)) and bool(set(mine.sites) & set(covering.sites))
    return ("supervisor" in mine.roles and shares) or (mine.pk == away.pk and shares)
