"""Accounts of the demonstration: a sign-in for everyone who has one, an API client, and the hospital's feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.contrib.auth.hashers import make_password

from careloop.accounts.models import ApiClient, Principal, Sender, User, hash_token
from careloop.server.demo.community import Community, Member

# Known to everyone, on purpose: the demonstration listens on this machine only and holds nobody real.
PASSWORD = "a quiet Monday morning"  # noqa: S105
SENDER = "stlukes"
CLIENT = "demo"


@dataclass(frozen=True)
class SignIn:
    email: str
    name: str
    credentials: str
    role: str
    place: str


# Who gives no care: they have no Practitioner, and no Today.
OFFICE = (
    SignIn("ada.min@careloop.example", "Ada Minton", "", "administrator", "all sites"),
    SignIn("pia.lund@careloop.example", "Pia Lund", "", "privacy-officer", "all sites"),
)


def make_accounts(community: Community, now: datetime) -> None:
    """Users for everyone with a role, and the sender `stlukes`. What is there already is left as it is."""
    for member in community.staff.values():
        if member.roles and not User.objects.filter(email=member.email).exists():
            _user(community, member)
    for one in OFFICE:
        if not User.objects.filter(email=one.email).exists():
            _office(community, one)
    if not Sender.objects.filter(name=SENDER).exists():
        _sender(community)


def token(home: Path, now: datetime) -> str:
    """The bearer token of the API client `demo`. The database keeps only its hash, so it also lies in a file that
    nobody else may read; a lost file means a new client."""
    kept = home / "demo-token"
    found = kept.read_text().strip() if kept.exists() else ""
    if found and ApiClient.objects.filter(token_hash=hash_token(found), is_active=True).exists():
        return found
    count = ApiClient.objects.filter(name__startswith=CLIENT).count()
    _, made = ApiClient.issue(CLIENT if count == 0 else f"{CLIENT}-{count + 1}", "system/*.cruds", now)
    kept.touch(mode=0o600)
    kept.chmod(0o600)
    kept.write_text(f"{made}\n")
    return made


def _user(community: Community, member: Member) -> None:
    user = User.objects.create_user(
        member.email,
        None,
        member.name,
        credentials=member.credentials,
        practitioner=member.reference.partition("/")[2],
        roles=list(member.roles),
        sites=[community.organization(site).partition("/")[2] for site in member.sites],
        programs=list(member.programs),
        zone=member.zone,
        on_call_rank=member.rank,
    )
    user.password = _hashed()
    user.save(update_fields=["password"])


def _office(community: Community, one: SignIn) -> None:
    everywhere = sorted({community.organization(m.site).partition("/")[2] for m in community.staff.values()})
    user = User.objects.create_user(one.email, None, one.name, roles=[one.role], sites=everywhere)
    user.password = _hashed()
    user.save(update_fields=["password"])


@lru_cache(maxsize=1)
def _hashed() -> str:
    """Everyone has the same password here, so that one slow hash serves all."""
    return make_password(PASSWORD)


def _sender(community: Community) -> None:
    """St. Luke's feed: from this machine only, its people are Bayview's, with two disposition codes of its own."""
    Sender.objects.create(
        principal=Principal.objects.create(kind="sender", name=SENDER),
        name=SENDER,
        peers=["127.0.0.0/8", "::1/128"],
        site=community.organization("bayview").partition("/")[2],
        hospital=community.organization("stlukes").partition("/")[2],
        zone="America/Chicago",
        dispositions={
            "HOM": "home",
            "HHA": "home",
            "SNF": "snf",
            "HOS": "hospice",
            "AMA": "ama",
            "EXP": "died",
            "Admitted as Inpatient": "home",
        },
        classes={"P": "IMP"},
    )


def sign_ins(community: Community) -> tuple[SignIn, ...]:
    staff = tuple(
        SignIn(m.email, m.name, m.credentials, m.roles[0], community.organization_name(m.site))
        for m in community.staff.values()
        if m.roles
    )
    return (*staff, *OFFICE)
