"""How many people somebody usually looks at is asked by actor and day."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0006_merges")]
    operations: ClassVar = [
        migrations.RunSQL(
            "create index audit_person_by_actor on audit_person(actor, day) include (person)",
            "drop index audit_person_by_actor",
        ),
    ]
