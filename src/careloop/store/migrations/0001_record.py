"""The tables of the record, its index, and the role that may only add to them."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

STORE = Path(__file__).resolve().parent.parent

TABLES = """
codes generations ids heads versions moves members once feed cursors parked timers people enrolled grants denies
drafts inbox outbox audit lanes audit_person audit_digested
index_token index_string index_date index_reference index_quantity index_number index_uri
"""

REVERSE = f"""
drop table {", ".join(TABLES.split())};
drop sequence rids;
alter default privileges in schema public revoke all on tables from careloop_app;
alter default privileges in schema public revoke all on sequences from careloop_app;
revoke all on all tables in schema public from careloop_app;
revoke all on all sequences in schema public from careloop_app;
"""


def _read(name: str) -> str:
    # RunSQL hands the text over without parameters, so a percent sign stands for itself.
    return (STORE / name).read_text()


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = []
    operations: ClassVar = [
        migrations.RunSQL(_read("schema.sql") + _read("schema_index.sql") + _read("grants.sql"), REVERSE),
    ]
