"""What a merge of two records moved, so that it can be taken back."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "merges.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0005_labels")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "drop table merged; drop table merges; drop index people_by_survivor")
    ]
