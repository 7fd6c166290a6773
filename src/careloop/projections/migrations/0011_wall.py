"""The second wall: row-level security on what one person's record says."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

import careloop.store

WALL = (Path(careloop.store.__file__).resolve().parent / "wall.sql").read_text()
DOWN = """
do $$
declare name text; policy text;
begin
  foreach name in array array['versions', 'story', 'drafts'] loop
    foreach policy in array array['wall_reads', 'wall_adds', 'wall_changes', 'wall_removes'] loop
      execute format('drop policy if exists %I on %I', policy, name);
    end loop;
    execute format('alter table %I disable row level security', name);
  end loop;
end $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("projections", "0010_labeled_rows"),
        ("store", "0009_disclosures_by_commit"),
    ]
    operations: ClassVar = [migrations.RunSQL(WALL, DOWN)]
