"""Rows that tell something of a resource carry its labels. Those that stand already get theirs from `careloop migrate`
itself, which computes the labels of everything that is current whenever the rules are other than before."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

SCHEMA = (Path(__file__).resolve().parent.parent / "row_labels.sql").read_text()
BACK = """
alter table story drop column labels;
delete from once where kind = 'label-rules';
drop index work_by_owner; drop index work_by_team; drop index work_by_site; drop index work_unclaimed;
drop index work_by_program; drop index work_by_class; drop index work_by_lead;
create index work_by_owner on work(owner, is_waiting, class, aim, task) include (wake, person) where is_open;
create index work_by_team on work(team, is_waiting, class, aim, task) include (wake, person, owner) where is_open;
create index work_by_site on work(site, is_waiting, class, aim, task) include (wake, person, owner) where is_open;
create index work_unclaimed on work(site, is_waiting, class, aim, task) include (wake, person)
  where is_open and owner is null;
create index work_by_program on work(program, site, is_waiting, class, aim, task) include (wake, person) where is_open;
create index work_by_class on work(is_waiting, class, aim, task) include (wake, person) where is_open;
create index work_by_lead on work(lead, is_waiting, class, aim, task) include (wake, person, owner) where is_open;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("projections", "0008_portal_shares")]
    operations: ClassVar = [migrations.RunSQL(SCHEMA, BACK)]
