"""Accounts of patients, their families and representatives: who she is in the record, where a code may be sent, and the
codes themselves. What she may see is not here but in the record (projections/portal_shares.py)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from careloop.accounts.models import Principal


class PortalAccount(models.Model):
    """One a person, however many people she helps. language: as she chose. zone: IANA, of her own clock; empty: that of
    the person whose page she reads."""

    principal = models.OneToOneField(Principal, on_delete=models.PROTECT)
    language = models.CharField(max_length=8, default="en")
    zone = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField()
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"portal account {self.pk}"


class PortalIdentity(models.Model):
    """Who she is in the record: "Patient/…" of her own, "RelatedPerson/…" for each person whom she helps."""

    account = models.ForeignKey(PortalAccount, on_delete=models.CASCADE, related_name="identities")
    reference = models.CharField(max_length=80, unique=True)

    def __str__(self) -> str:
        return self.reference


class PortalContact(models.Model):
    """A phone or e-mail that the person confirmed as private. kind: sms, mail. value: +17135550148, or the address.
    digest: by which it is found. confirmed_by: principal. ended_at: no code goes there from then on."""

    account = models.ForeignKey(PortalAccount, on_delete=models.CASCADE, related_name="contacts")
    kind = models.CharField(max_length=8)
    value = models.CharField(max_length=254)
    digest = models.CharField(max_length=64, db_index=True)
    confirmed_how = models.CharField(max_length=200)
    confirmed_by = models.BigIntegerField()
    confirmed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["digest"], condition=models.Q(ended_at=None), name="portal_contact_of_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class FamilyCode(models.Model):
    """A code that works once. kind: sent, paper. contact: its slot (family_codes.slot); there is a row for unknown
    ones too, without an account, so that both are the same work. code_hash: keyed. made_by: principal of who handed a
    paper over, and handed_how: to whom and how she was known."""

    account = models.ForeignKey(PortalAccount, on_delete=models.CASCADE, null=True)
    kind = models.CharField(max_length=8)
    contact = models.CharField(max_length=64, blank=True, db_index=True)
    code_hash = models.CharField(max_length=64, db_index=True)
    made_by = models.BigIntegerField(default=0)
    handed_how = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
