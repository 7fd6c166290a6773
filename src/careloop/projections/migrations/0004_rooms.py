"""The review room and the front door are counted on every page: an index of each."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "rooms.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0003_looked")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "drop index work_in_review; drop index work_at_the_door")
    ]
