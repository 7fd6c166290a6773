"""What sign-in keeps: sessions, second factors, links that work once, and providers of single sign-on.

Everything belongs to a principal, so that staff, partners, patients and families share it. No patient data, no token
and no code is kept here, only their hashes; the secret of an authenticator app is sealed (accounts/sealing.py).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from careloop.accounts.models import Principal


class SignedIn(models.Model):
    """One session on one device. device: as her list says it, "Chrome on Windows". device_hash: of the cookie by which
    a browser is known again. methods: how she signed in, "password totp". strength: factors shown, 1 or 2.
    proved_at: when a second factor was last shown. is_told: her notice about a new device was read."""

    id = models.CharField(max_length=32, primary_key=True)
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE)
    began = models.DateTimeField()
    seen = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    why_ended = models.CharField(max_length=20, blank=True)
    device = models.CharField(max_length=80)
    device_hash = models.CharField(max_length=64, db_index=True)
    is_new_device = models.BooleanField(default=False)
    is_told = models.BooleanField(default=False)
    methods = models.CharField(max_length=80)
    strength = models.PositiveSmallIntegerField()
    proved_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["principal", "ended"], name="signed_in_of")]

    def __str__(self) -> str:
        return f"{self.principal_id} on {self.device}"


class Standing(models.Model):
    """void_before: nothing that was granted to this principal before this moment (sessions, tokens of apps) counts."""

    principal = models.OneToOneField(Principal, on_delete=models.CASCADE, primary_key=True)
    void_before = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.principal_id} since {self.void_before}"


class ClockMark(models.Model):
    """One row. at: the latest moment that was seen here (accounts/clock_mark.py)."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at}"


class Ticket(models.Model):
    """A link or code that works once. kind: invite, password, set-up, … spoken_hash: of the second check that goes
    another way than the link. made_by: principal."""

    kind = models.CharField(max_length=16)
    token_hash = models.CharField(max_length=64, unique=True)
    spoken_hash = models.CharField(max_length=128, blank=True)
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, null=True)
    made_by = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Spent(models.Model):
    """What was used and must not be used again: a challenge, a state of single sign-on. until: then it is
    stale anyway."""

    digest = models.CharField(max_length=64, primary_key=True)
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest


class Authenticator(models.Model):
    """An app that shows six digits. last_step: of the newest code taken, so that none is taken twice."""

    principal = models.ForeignKey(Principal, on_delete=models.CASCADE)
    name = models.CharField(max_length=60)
    sealed = models.TextField()
    last_step = models.BigIntegerField()
    added_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Passkey(models.Model):
    """credential: its id, base64url. public: WebAuthn's attested credential data. handle: the number by which a
    device knows the account, the same for all passkeys of a principal, base64url."""

    principal = models.ForeignKey(Principal, on_delete=models.CASCADE)
    name = models.CharField(max_length=60)
    credential = models.CharField(max_length=1400, unique=True)
    public = models.BinaryField()
    handle = models.CharField(max_length=64, db_index=True)
    sign_count = models.BigIntegerField(default=0)
    added_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """prefix: its first two letters, by which the row is found; the rest is hashed like a password."""

    principal = models.ForeignKey(Principal, on_delete=models.CASCADE)
    prefix = models.CharField(max_length=2)
    rest_hash = models.CharField(max_length=128)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["principal", "prefix"], name="recovery_code_prefix")
        ]

    def __str__(self) -> str:
        return self.prefix


class Provider(models.Model):
    """Single sign-on by OpenID Connect. domains: of the e-mail addresses it speaks for. proves_twice: it asks for a
    second factor itself, so that we need not."""

    name = models.SlugField(unique=True)
    label = models.CharField(max_length=80)
    issuer = models.CharField(max_length=300)
    client_id = models.CharField(max_length=300)
    sealed_secret = models.TextField(blank=True)
    domains = models.JSONField(default=list)
    proves_twice = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.label


class Linked(models.Model):
    """subject: who she is at the provider; never an e-mail address, which may be handed on to somebody else."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE)
    subject = models.CharField(max_length=255)
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE)
    linked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "subject"], name="linked_subject")
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.principal_id}"
