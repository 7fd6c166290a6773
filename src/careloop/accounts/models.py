"""People and programs with an account. Ordinary Django tables: no patient data here.

A principal is whoever can be named in the audit trail. Users, API clients and senders each are one.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from careloop.accounts.addresses import plain


class Principal(models.Model):
    """kind: staff, client, sender. name: as shown in the audit viewer."""

    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None, name: str, **fields: Any) -> User:
        """A member of staff. fields: credentials, practitioner, roles, site, team, language."""
        principal = Principal.objects.create(kind="staff", name=name)
        user = self.model(email=self.normalize_email(email), name=name, principal=principal, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """By her address, however she types its capitals. Raises User.DoesNotExist."""
        found = self.called(username or "")
        if found is None:
            raise self.model.DoesNotExist
        return found

    def called(self, typed: str) -> User | None:
        """Whose address this is. Exactly: what it is found by is what tries are counted by (addresses.py)."""
        wanted = plain(typed)
        if wanted is None:
            return None
        return self.annotate(small=Lower("email")).filter(small=wanted).order_by("pk").first()


class User(AbstractBaseUser):
    """roles: coordinator, supervisor, clinician, … practitioner: FHIR id of the Practitioner who this is.
    sites, teams: FHIR ids of Organization and CareTeam. on_call_rank: 0 none, 1 first, 2 next, 9 supervisor."""

    principal = models.OneToOneField(Principal, on_delete=models.PROTECT)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    credentials = models.CharField(max_length=60, blank=True)
    practitioner = models.CharField(max_length=64, blank=True)
    roles = models.JSONField(default=list)
    sites = models.JSONField(default=list)
    teams = models.JSONField(default=list)
    programs = models.JSONField(default=list)
    language = models.CharField(max_length=8, default="en")
    zone = models.CharField(max_length=64, default="America/New_York")
    on_call_rank = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return f"{self.name}, {self.credentials}" if self.credentials else self.name


class ApiClient(models.Model):
    """A program with a bearer token. Only the token's hash is kept; scopes are SMART scopes, space-separated."""

    principal = models.OneToOneField(Principal, on_delete=models.PROTECT)
    name = models.CharField(max_length=200, unique=True)
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(
        cls, name: str, scopes: str, now: datetime, expires_at: datetime | None = None
    ) -> tuple[ApiClient, str]:
        """The client and its token, which is shown once and can't be read again."""
        token = secrets.token_urlsafe(32)
        principal = Principal.objects.create(kind="client", name=name)
        client = cls.objects.create(
            principal=principal,
            name=name,
            token_hash=hash_token(token),
            scopes=scopes,
            created_at=now,
            expires_at=expires_at,
        )
        return client, token


class Sender(models.Model):
    """A system that sends us messages. peers: addresses allowed to connect (CIDR). application, facility: what
    MSH-3 and MSH-4 must begin with; empty allows any. site: Organization id that new people belong to.
    zone: of times without an offset; empty means unknown, never guessed. dispositions: its own PV1-36 codes,
    code -> meaning of content/rules/discharge-dispositions.yaml. classes: its own PV1-2 codes where they mean something
    else than HL7's table 0004, code -> ActCode (IMP, EMER, AMB, OBSENC, …)."""

    principal = models.OneToOneField(Principal, on_delete=models.PROTECT)
    name = models.SlugField(unique=True)
    kind = models.CharField(max_length=16, default="hl7")
    peers = models.JSONField(default=list)
    application = models.CharField(max_length=200, blank=True)
    facility = models.CharField(max_length=200, blank=True)
    site = models.CharField(max_length=64, blank=True)
    hospital = models.CharField(max_length=64, blank=True)
    zone = models.CharField(max_length=64, blank=True)
    dispositions = models.JSONField(default=dict)
    classes = models.JSONField(default=dict)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name

    def allows(self, peer: str) -> bool:
        """Whether it may connect from this address. Without addresses it may not connect at all."""
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in ip_network(peers, strict=False) for peers in self.peers)


class SignInFailures(models.Model):
    """How often sign-in failed for an address; see accounts/attempts.py. key: hash of the address as typed."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.failures} failures"


class Destination(models.Model):
    """An address outside that Careloop may call: connect/outbound.py calls no other. origin: scheme, host and port as
    `https://fhir.example.org`. is_inside: it may lie in a private network. is_plain: without TLS. trouble: the code of
    what went wrong last, empty after a call that went well."""

    name = models.SlugField(unique=True)
    origin = models.CharField(max_length=300, unique=True)
    is_inside = models.BooleanField(default=False)
    is_plain = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    trouble = models.CharField(max_length=60, blank=True)
    trouble_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


def hash_token(token: str) -> str:
    """Tokens carry 256 random bits, so one round of SHA-256 is enough."""
    return sha256(token.encode()).hexdigest()
