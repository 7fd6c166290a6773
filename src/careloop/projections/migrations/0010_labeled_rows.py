"""Whether something is withheld is asked on every page: an index of the few rows that could be."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "labeled_rows.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0009_row_labels")]
    operations: ClassVar = [migrations.RunSQL(SCHEMA, "drop index heads_labeled; drop index work_labeled")]
