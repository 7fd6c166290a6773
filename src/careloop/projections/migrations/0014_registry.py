"""What the registry remembers, filled from what stands in the record; and the views that people keep of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from django.db import migrations

from careloop.projections.registry_kept import fill
from careloop.projections.sources import CURRENT
from careloop.store import Stored
from careloop.store.keys import number_of

SCHEMA = (Path(__file__).resolve().parent.parent / "registry.sql").read_text()
BATCH = 1_000


def fill_from_record(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        fill(cursor, _conditions(cursor))


def _conditions(cursor: Any) -> Iterator[list[Stored]]:
    person, rid = -1, -1
    after = CURRENT + " and (h.person, h.rid) > (%s::bigint, %s::bigint) order by h.person, h.rid limit %s"
    while True:
        cursor.execute(after, [[number_of("Condition")], person, rid, BATCH])
        found = [Stored.of_row(row) for row in cursor.fetchall()]
        if not found:
            return
        yield found
        person, rid = found[-1].person, found[-1].rid


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0013_risks")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "drop table held, heard, courses, saved_views"),
        migrations.RunPython(fill_from_record, migrations.RunPython.noop),
    ]
