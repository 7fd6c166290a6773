"""Who may see whose pages, from when to when."""

from pathlib import Path
from typing import Any, ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "portal_shares.sql").read_text()


class Migration(migrations.Migration):
    """Empty at first: before it nobody had a Consent of this category."""

    dependencies: ClassVar = [("projections", "0007_consented")]
    operations: ClassVar[list[Any]] = [migrations.RunSQL(SCHEMA, "drop table portal_shares")]
