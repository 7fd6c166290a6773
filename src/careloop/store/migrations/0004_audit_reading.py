"""Who looked, found by time, by staff and by thing; alerts about odd access; and what left the house, append-only."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "audit_reading.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0003_repeated_numbers")]
    operations: ClassVar = [
        migrations.RunSQL(
            SCHEMA,
            "drop table disclosures, alerts, audit_judged; "
            "drop index audit_by_time; drop index audit_by_actor; drop index audit_by_thing",
        ),
    ]
