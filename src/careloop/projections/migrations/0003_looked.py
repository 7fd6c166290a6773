"""Who looked at which section when, for “changed since you last looked”."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "looked.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0002_finder")]
    operations: ClassVar = [migrations.RunSQL(SCHEMA, "drop table looked; drop index briefs_by_name")]
