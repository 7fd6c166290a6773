"""Work knows who leads the person it is for."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "leads.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0004_rooms")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "drop index work_by_lead; alter table work drop column lead")
    ]
