"""Who stands at the family's door, read anew for each request: her account, who she is in the record, and whose pages
she may see at this moment. So what was ended a second ago is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.access import Actor
from careloop.accounts import family_accounts
from careloop.accounts.family_models import PortalAccount
from careloop.projections.portal_shares import Held, held
from careloop.store import keys, merges
from careloop.store.connection import keeper

SELF: Final = "all"
ADDRESSES: Final = "select rid, type, id from ids where rid = any(%s::bigint[])"


@dataclass(frozen=True, repr=False)
class Whose:
    """One person whose pages she may open. rid, id: of the Patient. me: as whom she does, "Patient/…" or
    "RelatedPerson/…". shares: {"all"} for herself. kinds: why, of care.representation.KINDS; empty for herself."""

    rid: int
    id: str
    me: str
    shares: frozenset[str]
    kinds: frozenset[str] = frozenset()

    @property
    def is_self(self) -> bool:
        return SELF in self.shares

    def shows(self, share: str) -> bool:
        return self.is_self or share in self.shares

    def __repr__(self) -> str:
        return f"Whose({self.rid})"


@dataclass(frozen=True, repr=False)
class Family:
    """account and actor of whoever is signed in. whose: herself first."""

    account: PortalAccount
    actor: Actor
    whose: tuple[Whose, ...]

    def of(self, patient: str) -> Whose | None:
        return next((each for each in self.whose if each.id == patient), None)

    def __repr__(self) -> str:
        return f"Family({self.actor!r})"


def family_of(principal: int, now: datetime) -> Family | None:
    """None for an account that was closed. principal: of the session."""
    account = family_accounts.of_principal(principal)
    if account is None:
        return None
    references = family_accounts.references_of(account)
    cursor = keeper().cursor()
    rids = {reference: rid for reference in references if (rid := keys.rid_of(cursor, reference))}
    own = [rid for reference, rid in rids.items() if reference.startswith("Patient/")]
    # Her own record may have been joined into another one: then that is hers.
    joined = dict(cursor.execute(merges.SURVIVORS.encode(), [own]).fetchall()) if own else {}
    mine = {joined.get(rid, rid) for rid in own}
    related = {rid: reference for reference, rid in rids.items() if reference.startswith("RelatedPerson/")}
    shared = [each for each in held(cursor, related, now) if each.person not in mine]
    actor = family_accounts.actor_of(account, mine, {(each.person, each.share) for each in shared})
    ids = _ids({*mine, *(each.person for each in shared)})
    herself = [Whose(rid, ids[rid], f"Patient/{ids[rid]}", frozenset({SELF})) for rid in sorted(mine)]
    return Family(account, actor, (*herself, *_helped(shared, related, ids)))


def _helped(shared: list[Held], related: Mapping[int, str], ids: Mapping[int, str]) -> list[Whose]:
    """In the order in which their records were made. Two reasons to see the same person are one page."""
    found = []
    for person in sorted({each.person for each in shared}):
        hers = [each for each in shared if each.person == person]
        shares, kinds = frozenset(e.share for e in hers), frozenset(e.kind for e in hers)
        found.append(Whose(person, ids[person], related[hers[0].related], shares, kinds))
    return found


def _ids(rids: set[int]) -> dict[int, str]:
    if not rids:
        return {}
    rows = keeper().cursor().execute(ADDRESSES, [sorted(rids)]).fetchall()
    return {rid: id for rid, kind, id in rows if keys.name_of(kind) == "Patient"}
