"""Searches for what is since a day ask for the ends of dates; without this they read every date of the parameter."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0001_record")]
    operations: ClassVar = [
        migrations.RunSQL(
            "create index index_date_by_high on index_date(param, high, low, person, rid, g)",
            "drop index index_date_by_high",
        ),
    ]
