"""Disclosures are verified beside the versions of their commit, in the order of commits."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0008_grants")]
    operations: ClassVar = [
        migrations.RunSQL(
            "create index disclosures_by_tx on disclosures(tx)", "drop index disclosures_by_tx"
        ),
    ]
