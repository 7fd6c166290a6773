"""The story knows whether the record says an hour."""

from pathlib import Path
from typing import Any, ClassVar

from django.db import migrations

from careloop.projections.moments import TELLERS, moments
from careloop.projections.sources import CURRENT
from careloop.store import Stored
from careloop.store.keys import number_of

SCHEMA = (Path(__file__).resolve().parent.parent / "story_hours.sql").read_text()
AT_NOON = "select distinct rid from story where (at at time zone 'UTC')::time = '12:00' order by rid"
BATCH = 1_000


def read_again(apps: Any, schema_editor: Any) -> None:
    """What stands at noon UTC has no hour only where its own resource says none."""
    kinds = [number_of(name) for name in TELLERS]
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(AT_NOON)
        rids = [rid for (rid,) in cursor.fetchall()]
        for start in range(0, len(rids), BATCH):
            cursor.execute(CURRENT + " and i.rid = any(%s::bigint[])", [kinds, rids[start : start + BATCH]])
            found = [Stored.of_row(row) for row in cursor.fetchall()]
            bare = [(s.rid, m.key) for s in found for m in moments(s.resource, s.at) if not m.has_hour]
            if bare:
                cursor.executemany("update story set has_hour = false where rid = %s and key = %s", bare)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0005_leads")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "alter table story drop column has_hour"),
        migrations.RunPython(read_again, migrations.RunPython.noop),
    ]
