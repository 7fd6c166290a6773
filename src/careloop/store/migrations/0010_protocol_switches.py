"""Which monitoring protocols are on, who said so and why; and what was found when one was tried on everybody."""

from typing import ClassVar

from django.db import migrations

FORWARD = """
create table protocol_switches(
  id bigint generated always as identity primary key, protocol text collate "C" not null, version integer not null,
  is_on boolean not null, at timestamptz not null, principal integer not null, name text not null, why text not null,
  review jsonb);
create index protocol_switches_by_protocol on protocol_switches(protocol, id desc);
revoke update, delete, truncate on protocol_switches from careloop_app;
"""
BACK = "drop table protocol_switches;"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0009_disclosures_by_commit")]
    operations: ClassVar = [migrations.RunSQL(FORWARD, BACK)]
