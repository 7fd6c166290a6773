"""SMART apps and what they hold. Every secret of theirs is kept as a hash; a token works only as long as each row above
it (token, authorization, grant, app, account) still says yes. No patient data but opaque ids."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from careloop.accounts.models import Principal


class App(models.Model):
    """A registered program. way: how it proves who it is (public, secret, keys). keys: its JWKS by value; keys_url: by
    address. scopes: the most it may ever ask for. is_backend: it acts for itself (client_credentials), without a user.
    state: asked, approved, refused, suspended; it acts only when approved."""

    class Way(models.TextChoices):
        PUBLIC = "public"
        SECRET = "secret"  # noqa: S105 - the name of a way
        KEYS = "keys"

    principal = models.OneToOneField(Principal, on_delete=models.PROTECT)
    client_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100, unique=True)
    publisher = models.CharField(max_length=200)
    about = models.CharField(max_length=500, blank=True)
    way = models.CharField(max_length=8, choices=Way.choices)
    secret_hash = models.CharField(max_length=64, blank=True)
    keys = models.JSONField(default=dict)
    keys_url = models.CharField(max_length=500, blank=True)
    redirects = models.JSONField(default=list)
    launch_url = models.CharField(max_length=500, blank=True)
    scopes = models.TextField()
    is_backend = models.BooleanField(default=False)
    is_for_staff = models.BooleanField(default=True)
    is_for_families = models.BooleanField(default=False)
    state = models.CharField(max_length=10, default="asked")
    asked_by = models.IntegerField(default=0)
    asked_at = models.DateTimeField()
    decided_by = models.IntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def is_approved(self) -> bool:
        return self.state == "approved"


class AppGrant(models.Model):
    """What somebody allowed an app: one row an app, account and patient while it lasts. person: rid of the patient in
    whose context, 0 for none; patient: her FHIR id."""

    id = models.CharField(max_length=36, primary_key=True)
    app = models.ForeignKey(App, on_delete=models.PROTECT)
    principal = models.IntegerField(db_index=True)
    patient = models.CharField(max_length=64, blank=True)
    person = models.BigIntegerField(default=0, db_index=True)
    scopes = models.TextField()
    began = models.DateTimeField()
    used = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    why = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["app", "principal", "patient"],
                condition=models.Q(ended__isnull=True),
                name="one_grant_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return self.id


class Authorization(models.Model):
    """What came of one code: an access token and those that follow from it by refreshing, one family. session: the
    sign-in (SignedIn) it came from; unless it is offline, it ends with that. until: no refresh after it."""

    id = models.CharField(max_length=36, primary_key=True)
    grant = models.ForeignKey(AppGrant, on_delete=models.CASCADE)
    scopes = models.TextField()
    encounter = models.CharField(max_length=64, blank=True)
    session = models.CharField(max_length=64, blank=True)
    is_offline = models.BooleanField(default=False)
    signed_in_at = models.DateTimeField()
    began = models.DateTimeField()
    until = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    why = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return self.id


class AuthorizationCode(models.Model):
    """Bound to app, redirect and PKCE challenge. used: when it was exchanged; a second try ends what the first made."""

    hash = models.CharField(max_length=64, primary_key=True)
    authorization = models.ForeignKey(Authorization, on_delete=models.CASCADE)
    redirect = models.CharField(max_length=500)
    challenge = models.CharField(max_length=128)
    nonce = models.CharField(max_length=200, blank=True)
    until = models.DateTimeField()
    used = models.DateTimeField(null=True)


class RefreshToken(models.Model):
    """used: when it was exchanged for the next one; a second try ends the whole family."""

    hash = models.CharField(max_length=64, primary_key=True)
    authorization = models.ForeignKey(Authorization, on_delete=models.CASCADE)
    made = models.DateTimeField()
    until = models.DateTimeField()
    used = models.DateTimeField(null=True)


class AccessToken(models.Model):
    """authorization: none for a backend service, which acts for itself."""

    hash = models.CharField(max_length=64, primary_key=True)
    app = models.ForeignKey(App, on_delete=models.CASCADE)
    authorization = models.ForeignKey(Authorization, on_delete=models.CASCADE, null=True)
    scopes = models.TextField()
    made = models.DateTimeField()
    until = models.DateTimeField(db_index=True)
    ended = models.DateTimeField(null=True)


class LaunchContext(models.Model):
    """Made when a user opens an app from a person's page; the app hands it back once, as `launch`."""

    hash = models.CharField(max_length=64, primary_key=True)
    app = models.ForeignKey(App, on_delete=models.CASCADE)
    principal = models.IntegerField()
    patient = models.CharField(max_length=64)
    encounter = models.CharField(max_length=64, blank=True)
    until = models.DateTimeField()
    used = models.DateTimeField(null=True)
