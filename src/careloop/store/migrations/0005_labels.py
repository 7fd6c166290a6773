"""Each version knows the security labels it was written with."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "labels.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0004_audit_reading")]
    operations: ClassVar = [migrations.RunSQL(SCHEMA, "alter table versions drop column labels")]
