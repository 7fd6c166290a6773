"""The daughter of two people was invited twice. Signed in with one invitation, she proves the other one by its letter
and her birth date; from then on she signs in once and chooses whose page she sees. Never by a name or an address that
look alike, and never with a letter to somebody's own record: whoever holds that one would be that person for good.
"""

from __future__ import annotations

from datetime import date, datetime

from careloop import store
from careloop.access import Scope
from careloop.accounts import family_accounts, family_codes
from careloop.accounts.family_models import PortalAccount
from careloop.actions.invite_portal import door, is_born_on
from careloop.actions.note_event import note


def join_invitation(
    scope: Scope, account: PortalAccount, typed: str, born: date | None, now: datetime
) -> bool:
    """scope, account: of whoever is signed in. False for every letter that does not work here, with the same work; the
    try counts like one at the door. Raises TooManyTries, Conflict."""
    paper = family_codes.paper_of(typed)
    is_hers = is_born_on(paper, born or date(1, 1, 1), door(), now)
    own = family_accounts.references_of(paper.account) if paper and paper.account else ()
    is_of_helper = bool(own) and all(each.startswith("RelatedPerson/") for each in own)
    other = family_codes.take_paper(paper, typed, is_hers and is_of_helper, now)
    if other is None:
        note(scope, "denied another invitation", (), now)
        return False
    if other.pk != account.pk:
        note(scope, "another invitation added to a sign-in", _people(own, now), now)
        family_accounts.join(account, other, now)
    return True


def _people(references: tuple[str, ...], now: datetime) -> list[int]:
    """Whose pages they are; read as the door, for she does not see them before."""
    with store.open(door(), now=now) as unit:
        found = [unit.find(*reference.split("/", 1)) for reference in references]
    return [stored.person for stored in found if stored]
