"""Readings, limits and scores over time, filled from what stands in the record."""

from pathlib import Path
from typing import Any, ClassVar

from django.db import migrations

from careloop.projections.reading_limits import fill as fill_limits
from careloop.projections.readings import fill as fill_readings
from careloop.projections.scores import fill as fill_scores
from careloop.projections.sources import every_in

SCHEMA = (Path(__file__).resolve().parent.parent / "readings.sql").read_text()


def fill(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        fill_readings(cursor, every_in(cursor, ("Observation",)))
        fill_limits(cursor, every_in(cursor, ("ServiceRequest",)))
        fill_scores(cursor, every_in(cursor, ("Observation",)))
        fill_scores(cursor, every_in(cursor, ("QuestionnaireResponse",)))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0011_wall")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "drop table readings, reading_limits, scores"),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
