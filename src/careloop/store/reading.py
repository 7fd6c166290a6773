"""Named reads of the record. COLUMNS are what Stored.of_row takes; h.iv says whether the index is current."""

from __future__ import annotations

from careloop.store.stored import COLUMNS

# One version by address; allowed: the caller's condition over h.person. h.state 0 is a deleted one.
READ = f"""
select {COLUMNS}, h.iv, ({{allowed}}) from ids i
join heads h on h.person = i.person and h.rid = i.rid
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where i.type = %s and i.id = %s
"""
# First the lock, then READ in a statement of its own: a lock that had to wait still shows the older versions.
LOCK = "select rid from ids where type = %s and id = %s for no key update"

# There, and hidden by the second wall (wall.py): heads stand before it, bodies behind.
WALLED = """
select h.rid, h.person from ids i join heads h on h.person = i.person and h.rid = i.rid
where i.type = %s and i.id = any(%s::text[]) and not exists (
  select from versions v where v.person = h.person and v.rid = h.rid and v.version = h.version)
"""

READ_VERSION = f"""
select {COLUMNS}, h.iv, ({{allowed}}) from ids i
join heads h on h.person = i.person and h.rid = i.rid
join versions v on v.rid = h.rid and v.version = %s
  and v.person in (select i.person union all select m.person from moves m where m.rid = i.rid)
where i.type = %s and i.id = %s
"""
HISTORY = f"""
select {COLUMNS}, h.iv, ({{allowed}}) from ids i
join heads h on h.person = i.person and h.rid = i.rid
join versions v on v.rid = h.rid
  and v.person in (select i.person union all select m.person from moves m where m.rid = i.rid)
where i.type = %s and i.id = %s and v.version < %s order by v.version desc limit %s
"""
READ_MANY = f"""
select {COLUMNS}, h.iv, ({{allowed}}) from unnest(%s::integer[], %s::text[]) as wanted(type, id)
join ids i on i.type = wanted.type and i.id = wanted.id
join heads h on h.person = i.person and h.rid = i.rid
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where h.state = 1
"""
OF_PERSON = f"""
select {COLUMNS}, h.iv, ({{allowed}}) from heads h
join ids i on i.rid = h.rid
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where h.person = %s and h.type = any(%s) and h.state = 1 order by h.at desc, h.rid desc
"""
