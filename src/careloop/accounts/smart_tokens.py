"""Codes and tokens of SMART apps: made, exchanged once, refreshed once, looked at on every request.

Each exchange is one UPDATE that only the first of two can win; whoever comes second ends what the first was given
(RFC 9700, 2.1.1 and 4.14.2). A token counts as long as itself, its authorization, the grant, the app, the session and
the account do; nothing is remembered between two requests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from django.db import IntegrityError, connection, transaction

from careloop.accounts import clock_mark, sessions, tokens
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import Spent
from careloop.accounts.smart_apps import APPROVED
from careloop.accounts.smart_models import (
    AccessToken,
    App,
    AppGrant,
    Authorization,
    AuthorizationCode,
    LaunchContext,
    RefreshToken,
)
from careloop.kernel.ids import new_id

# So that the door knows at a glance which of its tokens this may be.
ACCESS, REFRESH, CODE, LAUNCH = "at-", "rt-", "ac-", "la-"

CODE_SECONDS: Final = 60
ACCESS_SECONDS: Final = 300
LAUNCH_SECONDS: Final = 300
OFFLINE_DAYS: Final = 90
ONLINE_HOURS: Final = 12


def fresh(kind: str) -> tuple[str, str]:
    """A token of 256 random bits, and what is kept of it."""
    text = kind + tokens.fresh()[0]
    return text, tokens.digest(text)


@dataclass(frozen=True)
class Allowed:
    """What somebody allowed an app on the consent page. person: rid of the patient, 0 for none; patient: her FHIR id.
    session: of the sign-in. is_remembered: nobody was asked, for all of it had been allowed before."""

    app: App
    principal: int
    scopes: str
    session: str
    signed_in_at: datetime
    patient: str = ""
    person: int = 0
    encounter: str = ""
    is_offline: bool = False
    is_remembered: bool = False


@dataclass(frozen=True)
class Return:
    """Where the code goes and what it is bound to."""

    redirect: str
    challenge: str
    nonce: str = ""


def allow(said: Allowed, back: Return, now: datetime) -> str:
    """The code. Written down with it: the grant, which lasts until somebody ends it."""
    clock_mark.keep(now)
    lasts = timedelta(days=OFFLINE_DAYS) if said.is_offline else timedelta(hours=ONLINE_HOURS)
    code, kept = fresh(CODE)
    with transaction.atomic():
        authorization = Authorization.objects.create(
            id=new_id(),
            grant=_grant(said, now),
            scopes=said.scopes,
            encounter=said.encounter,
            session=said.session,
            is_offline=said.is_offline,
            signed_in_at=said.signed_in_at,
            began=now,
            until=now + lasts,
        )
        AuthorizationCode.objects.create(
            hash=kept,
            authorization=authorization,
            redirect=back.redirect,
            challenge=back.challenge,
            nonce=back.nonce,
            until=now + timedelta(seconds=CODE_SECONDS),
        )
    return code


def _grant(said: Allowed, now: datetime) -> AppGrant:
    """The one that lasts, with what was allowed now; a new one where none does. Something else than before ends what
    was made under that: whoever unticks a box means it."""
    live = {"app": said.app, "principal": said.principal, "patient": said.patient, "ended": None}
    found = AppGrant.objects.select_for_update().filter(**live).first()
    if found is None:
        try:
            with transaction.atomic():
                return AppGrant.objects.create(
                    id=new_id(), person=said.person, scopes=said.scopes, began=now, used=now, **live
                )
        except IntegrityError:  # another tab was first
            found = AppGrant.objects.select_for_update().get(**live)
    if said.is_remembered:
        found.used = now
        found.save(update_fields=["used"])
        return found
    if found.scopes != said.scopes:
        Authorization.objects.filter(grant=found, ended=None).update(ended=now, why="allowed anew")
    found.scopes, found.used, found.person = said.scopes, now, said.person
    found.save(update_fields=["scopes", "used", "person"])
    return found


def redeem(code: str, app: App, now: datetime) -> AuthorizationCode | None:
    """The code's row, taken now; None when it is none of this app's, too old, or was taken before: then all that came
    of it ends."""
    clock_mark.keep(now)
    found = (
        AuthorizationCode.objects.select_related("authorization__grant__app")
        .filter(hash=tokens.digest(code), authorization__grant__app=app)
        .first()
    )
    if found is None:
        return None
    if not AuthorizationCode.objects.filter(hash=found.hash, used=None).update(used=now):
        end_family(found.authorization, now, "code used twice")
        return None
    is_good = found.until > now and is_live(found.authorization, now)
    return found if is_good else None


def find_refresh(token: str, now: datetime) -> RefreshToken | None:
    """None when it is unknown, too old, ended, or was used before: then the family ends (RFC 9700, 4.14.2)."""
    clock_mark.keep(now)
    found = (
        RefreshToken.objects.select_related("authorization__grant__app")
        .filter(hash=tokens.digest(token))
        .first()
    )
    if found is None:
        return None
    if found.used is not None:
        end_family(found.authorization, now, "refresh token used twice")
        return None
    return found if found.until > now and is_live(found.authorization, now) else None


def spend_refresh(found: RefreshToken, now: datetime) -> bool:
    """Whether this was the first to use it; else the family ends."""
    if RefreshToken.objects.filter(hash=found.hash, used=None).update(used=now):
        return True
    end_family(found.authorization, now, "refresh token used twice")
    return False


def issue(authorization: Authorization, scopes: str, now: datetime, *, is_refreshed: bool) -> tuple[str, str]:
    """An access token and, where the app may stay, a refresh token (else empty)."""
    access, kept = fresh(ACCESS)
    refresh, kept_refresh = fresh(REFRESH) if is_refreshed else ("", "")
    with transaction.atomic():
        AccessToken.objects.create(
            hash=kept,
            app=authorization.grant.app,
            authorization=authorization,
            scopes=scopes,
            made=now,
            until=min(now + timedelta(seconds=ACCESS_SECONDS), authorization.until),
        )
        if refresh:
            RefreshToken.objects.create(
                hash=kept_refresh, authorization=authorization, made=now, until=authorization.until
            )
        AppGrant.objects.filter(pk=authorization.grant_id).update(used=now)
    return access, refresh


def issue_to_itself(app: App, scopes: str, now: datetime) -> str:
    """For a backend service."""
    clock_mark.keep(now)
    access, kept = fresh(ACCESS)
    AccessToken.objects.create(
        hash=kept, app=app, scopes=scopes, made=now, until=now + timedelta(seconds=ACCESS_SECONDS)
    )
    return access


@dataclass(frozen=True, repr=False)
class Held:
    """An access token that counts. app: principal of the program, and its name. principal: for whom it acts, 0 for
    itself; person: rid of the patient in whose context, 0 for none. user: her account where she is staff."""

    hash: str
    scopes: str
    app: int
    app_name: str
    principal: int
    person: int
    user: User | None

    def __repr__(self) -> str:
        return f"Held({self.app} for {self.principal})"


# Everything that must say yes, in one look: token, app, family, grant, account, session; and the mark of the clock.
_HELD: Final = """
select t.scopes, p.principal_id, p.name, coalesce(g.principal, 0), coalesce(g.person, 0), t.made,
       s.id, s.began, s.seen, m.at,
       u.name, u.practitioner, u.roles::text, u.sites::text, u.teams::text, u.programs::text
from accounts_accesstoken t
join accounts_app p on p.id = t.app_id and p.state = %s
left join accounts_authorization a on a.id = t.authorization_id
left join accounts_appgrant g on g.id = a.grant_id
left join accounts_signedin s on s.id = a.session and not a.is_offline and s.ended is null
left join accounts_user u on u.principal_id = g.principal and u.is_active
left join accounts_clockmark m on m.id = 1
where t.hash = %s and t.ended is null and t.until > %s
  and (t.authorization_id is null
       or a.ended is null and a.until > %s and g.ended is null and g.app_id = t.app_id
          and (a.is_offline or s.id is not null)
          and not exists (select from accounts_standing v
                          where v.principal_id = g.principal and v.void_before > a.began))
"""


def held(token: str, now: datetime) -> Held | None:
    """What this access token stands for, if everything above it still says yes. Asked anew for each request."""
    if not token.startswith(ACCESS):
        return None
    kept = tokens.digest(token)
    with connection.cursor(), connection.wrap_database_errors:
        # Not Django's cursor: this one's plan is made once a connection.
        asked = psycopg.Cursor(connection.connection).execute(_HELD, [APPROVED, kept, now, now], prepare=True)
        row = asked.fetchone()
    if row is None:
        return None
    scopes, app, app_name, principal, person, made, session, began, seen, mark, *account = row
    if clock_mark.heed(mark, now) or made - now > clock_mark.TOLERATED:
        return None  # it ended with the others
    if session is not None and sessions.over(began, seen, now) and not sessions.is_live(session, now):
        return None  # asking ended it, too
    return Held(kept, scopes, app, app_name, principal, person, _user(principal, *account))


def _user(principal: int, name: str | None, practitioner: str, *lists: str) -> User | None:
    if name is None:
        return None
    roles, sites, teams, programs = (json.loads(each) for each in lists)
    return User(
        principal_id=principal,
        name=name,
        practitioner=practitioner,
        roles=roles,
        sites=sites,
        teams=teams,
        programs=programs,
    )


def look(token: str, now: datetime) -> AccessToken | None:
    """The row of a token that counts, for whoever tells about it."""
    found = held(token, now)
    rows = AccessToken.objects.select_related("app", "authorization__grant__app")
    return rows.filter(hash=found.hash).first() if found is not None else None


def is_live(authorization: Authorization, now: datetime) -> bool:
    """Whether family, grant, app, account and (unless it may outlast it) session still count."""
    grant = authorization.grant
    if authorization.ended is not None or grant.ended is not None or authorization.until <= now:
        return False
    if not grant.app.is_approved or sessions.is_void(grant.principal, authorization.began):
        return False
    return authorization.is_offline or sessions.is_live(authorization.session, now)


def end_family(authorization: Authorization, now: datetime, why: str) -> None:
    Authorization.objects.filter(pk=authorization.pk, ended=None).update(ended=now, why=why)


def revoke(token: str, app: App, now: datetime) -> Authorization | AccessToken | None:
    """What was ended, None when it is no token of this app: by its refresh token the whole family, by an access token
    that one alone."""
    kept = tokens.digest(token)
    refresh = RefreshToken.objects.select_related("authorization__grant").filter(hash=kept).first()
    if refresh is not None and refresh.authorization.grant.app_id == app.pk:
        end_family(refresh.authorization, now, "revoked by the app")
        return refresh.authorization
    access = AccessToken.objects.filter(hash=kept, app=app).first()
    if access is not None:
        AccessToken.objects.filter(hash=kept, ended=None).update(ended=now)
    return access


def is_new_assertion(app: App, jti: str, until: datetime) -> bool:
    """True the first time, across all processes."""
    try:
        with transaction.atomic():
            Spent.objects.create(digest=tokens.digest(f"assertion|{app.pk}|{jti}"), until=until)
    except IntegrityError:
        return False
    return True


# --- launched from a person's page


def begin_launch(app: App, principal: int, patient: str, now: datetime, encounter: str = "") -> str:
    """The `launch` that the app hands back."""
    clock_mark.keep(now)
    launch, kept = fresh(LAUNCH)
    LaunchContext.objects.create(
        hash=kept,
        app=app,
        principal=principal,
        patient=patient,
        encounter=encounter,
        until=now + timedelta(seconds=LAUNCH_SECONDS),
    )
    return launch


def find_launch(launch: str, app: App, principal: int, now: datetime) -> LaunchContext | None:
    """Of this app and this user, and not yet used."""
    return LaunchContext.objects.filter(
        hash=tokens.digest(launch), app=app, principal=principal, used=None, until__gt=now
    ).first()


def spend_launch(launch: LaunchContext, now: datetime) -> bool:
    return bool(LaunchContext.objects.filter(hash=launch.hash, used=None).update(used=now))


def sweep(now: datetime) -> int:
    """How many rows went: codes, tokens and launches, a day after their end. A used refresh token stays as long as its
    family might, for a second use of it is a sign of theft."""
    old = now - timedelta(days=1)
    rows = (AccessToken.objects, LaunchContext.objects, Authorization.objects)
    return sum(kind.filter(until__lt=old).delete()[0] for kind in rows)
