"""Readings, limits and scores over time, filled from what stands in the record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from django.db import migrations

from careloop.projections.reading_limits import fill as fill_limits
from careloop.projections.readings import fill as fill_readings
from careloop.projections.scores import fill as fill_scores
from careloop.projections.sources import CURRENT
from careloop.store import Stored
from careloop.store.keys import number_of

SCHEMA = (Path(__file__).resolve().parent.parent / "readings.sql").read_text()
BATCH = 1_000


def fill(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        fill_readings(cursor, _every(cursor, "Observation"))
        fill_limits(cursor, _every(cursor, "ServiceRequest"))
        fill_scores(cursor, _every(cursor, "Observation"))
        fill_scores(cursor, _every(cursor, "QuestionnaireResponse"))


def _every(cursor: Any, type: str) -> Iterator[list[Stored]]:
    person, rid = -1, -1
    after = CURRENT + " and (h.person, h.rid) > (%s::bigint, %s::bigint) order by h.person, h.rid limit %s"
    while True:
        cursor.execute(after, [[number_of(type)], person, rid, BATCH])
        found = [Stored.of_row(row) for row in cursor.fetchall()]
        if not found:
            return
        person, rid = found[-1].person, found[-1].rid
        yield found


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0011_wall")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "drop table readings, reading_limits, scores"),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
