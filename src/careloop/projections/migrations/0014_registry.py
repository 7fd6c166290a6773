"""What the registry remembers, filled from what stands in the record; and the views that people keep of it."""

from pathlib import Path
from typing import Any, ClassVar

from django.db import migrations

from careloop.projections.registry_kept import fill
from careloop.projections.sources import every_in

SCHEMA = (Path(__file__).resolve().parent.parent / "registry.sql").read_text()


def fill_from_record(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        fill(cursor, every_in(cursor, ("Condition",)))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0013_risks")]
    operations: ClassVar = [
        migrations.RunSQL(SCHEMA, "drop table held, heard, courses, saved_views"),
        migrations.RunPython(fill_from_record, migrations.RunPython.noop),
    ]
