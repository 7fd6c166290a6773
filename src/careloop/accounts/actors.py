"""From an account to the actor that `access` judges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from careloop.access import Actor, SmartScope
from careloop.accounts.models import ApiClient, Sender, User, hash_token
from careloop.kernel.errors import Unauthenticated

RidOf = Callable[[str], int | None]


def actor_of_user(user: User, rid_of: RidOf) -> Actor:
    """rid_of: the record's integer key of a reference, from the store (accounts may not import it)."""
    practitioner = f"Practitioner/{user.practitioner}" if user.practitioner else None
    return Actor(
        principal=user.principal_id,
        kind="staff",
        name=user.name,
        roles=frozenset(user.roles),
        sites=_rids(("Organization", user.sites), rid_of),
        teams=_rids(("CareTeam", user.teams), rid_of),
        programs=frozenset(user.programs),
        practitioner=practitioner,
        practitioner_rid=rid_of(practitioner) if practitioner else None,
    )


def _rids(named: tuple[str, Iterable[str]], rid_of: RidOf) -> frozenset[int]:
    kind, ids = named
    return frozenset(rid for fid in ids if (rid := rid_of(f"{kind}/{fid}")) is not None)


def actor_of_client(client: ApiClient) -> Actor:
    return Actor(
        principal=client.principal_id,
        kind="client",
        name=client.name,
        scopes=tuple(SmartScope.parse(scope) for scope in client.scopes.split()),
    )


def actor_of_token(token: str, now: datetime) -> Actor:
    """The API client whose bearer token this is. Raises Unauthenticated, the same for every reason."""
    client = ApiClient.objects.filter(token_hash=hash_token(token), is_active=True).first()
    if client is None or (client.expires_at and client.expires_at <= now):
        raise Unauthenticated("The bearer token is missing, unknown, expired or revoked.")
    return actor_of_client(client)


def actor_of_sender(sender: Sender) -> Actor:
    """A hospital feed: a system actor under the sender's own principal."""
    return Actor(
        principal=sender.principal_id,
        kind="system",
        name=sender.name,
        roles=frozenset({"system:hl7"}),
    )
