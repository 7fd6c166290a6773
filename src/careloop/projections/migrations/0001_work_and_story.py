"""The tables of the worklist, of people in one line, and of the story."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "schema.sql").read_text()


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [("store", "0001_record")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "drop table work, briefs, names, story; drop sequence work_positions"),
    ]
