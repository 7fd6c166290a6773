"""What her Consents permit and deny."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "consented.sql").read_text()


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0006_story_hours")]
    operations: ClassVar = [migrations.RunSQL(SCHEMA, "drop table consented")]
