"""The table that people are found by."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "finder.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0001_work_and_story")]
    operations: ClassVar = [migrations.RunSQL(SCHEMA, "drop table finder")]
