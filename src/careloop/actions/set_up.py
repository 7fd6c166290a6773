"""The first minutes of an installation: its first site, an administrator, and a supervisor who is invited. Possible
once, with the code that `careloop migrate` and `careloop serve` print while nobody has an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from careloop.access import Scope, system_actor
from careloop.accounts import attempts, tickets
from careloop.accounts.models import User
from careloop.accounts.tickets import SET_UP, Issued, NoLongerWorks
from careloop.actions import keep_accounts
from careloop.actions.keep_accounts import BadAccount, Told
from careloop.actions.record import begin
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import CareError


class WrongCode(CareError):
    """This is not the code that was printed where Careloop was started."""

    code, status = "wrong-set-up-code", 422


@dataclass(frozen=True, repr=False)
class First:
    """What the page asks for. state, zip: of the site; its people get their time zone from there."""

    site: str
    state: str
    zip: str
    zone: str
    name: str
    email: str
    password: str
    supervisor: str
    supervisor_email: str


@dataclass(frozen=True, repr=False)
class Ready:
    administrator: User
    supervisor: User
    link: Issued


def is_open() -> bool:
    """While nobody has an account; never again after that."""
    return not User.objects.exists()


def announce(now: datetime) -> Issued | None:
    """A new code, the one before no longer works; None once somebody has an account."""
    return tickets.issue(SET_UP, None, 0, now) if is_open() else None


def set_up(scope: Scope, code: str, first: First, now: datetime) -> Ready:
    """Raises WrongCode, TooManyTries, BadAccount, UnknownZone; NoLongerWorks for whoever comes second."""
    if not is_open():
        raise NoLongerWorks
    _check(first)
    if wait := attempts.take("set-up", now):
        raise WrongCode(seconds=wait)
    try:
        ticket = tickets.look(SET_UP, code.strip(), now)
    except NoLongerWorks as unknown:
        raise WrongCode from unknown
    tickets.use(ticket, now)
    attempts.forget("set-up")
    site = _site(scope, first, now)
    administrator = Told(first.email, first.name, ["administrator"], [site], zone=first.zone)
    made = keep_accounts.create(scope, administrator, first.password, now)
    boss = Told(first.supervisor_email, first.supervisor, ["supervisor"], [site], zone=first.zone, on_call=9)
    invited = keep_accounts.invite(scope, boss, now)
    return Ready(made, invited.user, invited.link)


def _check(first: First) -> None:
    """All of it before the code is used up."""
    if not first.site.strip():
        raise BadAccount("Say the name of the site.")
    zone_called(first.zone)
    keep_accounts.check_email(first.email)
    keep_accounts.check_email(first.supervisor_email)
    if first.email.strip().lower() == first.supervisor_email.strip().lower():
        raise BadAccount("The administrator and the supervisor need an e-mail address each.")
    if not first.name.strip() or not first.supervisor.strip():
        raise BadAccount("Say the name.")
    keep_accounts.check_password(first.password, None, first.name, first.email)


def _site(scope: Scope, first: First, now: datetime) -> str:
    place = {"country": "US", "state": first.state.strip(), "postalCode": first.zip.strip()}
    address = {key: value for key, value in place.items() if value}
    with begin(Scope(system_actor("accounts"), scope.door, "operations", scope.request), now) as unit:
        made = unit.create(
            {"resourceType": "Organization", "active": True, "name": first.site.strip(), "address": [address]}
        )
        return made.id
