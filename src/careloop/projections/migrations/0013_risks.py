"""The newest of each risk score of a person."""

from pathlib import Path
from typing import Any, ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "risks.sql").read_text()


class Migration(migrations.Migration):
    """Empty at first: before it nobody had a RiskAssessment of ours."""

    dependencies: ClassVar = [("projections", "0012_readings")]
    operations: ClassVar[list[Any]] = [migrations.RunSQL(SCHEMA, "drop table risks")]
