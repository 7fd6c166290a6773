from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

KEY = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _account(**more: Any) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.portalaccount", **more)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_smart")]

    operations = [
        migrations.CreateModel(
            name="PortalAccount",
            fields=[
                ("id", KEY.clone()),
                ("language", models.CharField(default="en", max_length=8)),
                ("zone", models.CharField(blank=True, max_length=64)),
                ("made_at", models.DateTimeField()),
                ("is_active", models.BooleanField(default=True)),
                (
                    "principal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, to="accounts.principal"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PortalIdentity",
            fields=[
                ("id", KEY.clone()),
                ("reference", models.CharField(max_length=80, unique=True)),
                ("account", _account(related_name="identities")),
            ],
        ),
        migrations.CreateModel(
            name="PortalContact",
            fields=[
                ("id", KEY.clone()),
                ("kind", models.CharField(max_length=8)),
                ("value", models.CharField(max_length=254)),
                ("digest", models.CharField(db_index=True, max_length=64)),
                ("confirmed_how", models.CharField(max_length=200)),
                ("confirmed_by", models.BigIntegerField()),
                ("confirmed_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("account", _account(related_name="contacts")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("digest",),
                        name="portal_contact_of_one",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FamilyCode",
            fields=[
                ("id", KEY.clone()),
                ("kind", models.CharField(max_length=8)),
                ("contact", models.CharField(blank=True, db_index=True, max_length=64)),
                ("code_hash", models.CharField(db_index=True, max_length=64)),
                ("made_by", models.BigIntegerField(default=0)),
                ("handed_how", models.CharField(blank=True, max_length=200)),
                ("made_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("used_at", models.DateTimeField(null=True)),
                ("account", _account(null=True)),
            ],
        ),
    ]
