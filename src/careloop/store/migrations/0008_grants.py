"""Who gave a grant and what was said about it: cover, records opened by name, emergencies."""

from typing import ClassVar

from django.db import migrations

FORWARD = """
alter table grants add column given_by integer not null default 0, add column told jsonb not null default '{}';
alter table denies add column given_by integer not null default 0, add column why text not null default '',
  add column since timestamptz not null default now();
create index grants_by_value on grants(kind, value, since);
"""
BACK = """
drop index grants_by_value;
alter table grants drop column given_by, drop column told;
alter table denies drop column given_by, drop column why, drop column since;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0007_audit_person_by_actor")]
    operations: ClassVar = [migrations.RunSQL(FORWARD, BACK)]
