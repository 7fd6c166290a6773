"""The newest of each risk score of a person, filled from the RiskAssessments that stand in the record."""

from pathlib import Path
from typing import Any, ClassVar

from django.db import migrations

from careloop.projections.risks import TYPES
from careloop.projections.risks import fill as fill_risks
from careloop.projections.sources import every_in

SCHEMA = (Path(__file__).resolve().parent.parent / "risks.sql").read_text()


def fill(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        fill_risks(cursor, every_in(cursor, TYPES))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0012_readings")]
    operations: ClassVar[list[Any]] = [
        migrations.RunSQL(SCHEMA, "drop table risks"),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
