"""Messages whose number was used before are listed; without this the whole inbox is read for them."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0002_dates_by_end")]
    operations: ClassVar = [
        migrations.RunSQL(
            "create index inbox_repeats on inbox(id) include (source) where is_repeat_id",
            "drop index inbox_repeats",
        ),
    ]
