"""What somebody chose for her own account."""

from __future__ import annotations

from careloop.accounts.family_models import PortalAccount
from careloop.accounts.models import User


def keep_language(user: User | PortalAccount, code: str) -> None:
    user.language = code
    user.save(update_fields=["language"])
