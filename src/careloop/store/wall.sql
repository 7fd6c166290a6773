-- The second wall (store/wall.py). current_setting(…, true) is null where nobody told who asks: then nothing is seen.
create function careloop_reaches(who bigint) returns boolean language sql stable parallel safe as $$
  select exists (
    select from people pe where pe.person = who
      and (pe.site = any(string_to_array(current_setting('careloop.sites', true), ',')::bigint[])
        or pe.team = any(string_to_array(current_setting('careloop.teams', true), ',')::bigint[])
        or pe.lead = any(string_to_array(current_setting('careloop.leads', true), ',')::bigint[])
        or exists (select from enrolled en where en.person = who and en.until is null
             and en.program = any(string_to_array(current_setting('careloop.programs', true), ','))))
  )
$$;
create function careloop_sees(who bigint) returns boolean language sql stable parallel safe as $$
  select case current_setting('careloop.wall', true)
    when 'all' then true
    when 'people' then
      who = 0
      or (not who = any(string_to_array(current_setting('careloop.denied', true), ',')::bigint[])
          and (who = any(string_to_array(current_setting('careloop.people', true), ',')::bigint[])
               or careloop_reaches(who)))
    else false
  end
$$;
do $$
declare name text;
begin
  foreach name in array array['versions', 'story', 'drafts'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy wall_reads on %I for select to careloop_app using (current_setting(''careloop.wall'', true) = ''all'' or careloop_sees(person))', name);
    execute format('create policy wall_adds on %I for insert to careloop_app with check (true)', name);
  end loop;
  foreach name in array array['story', 'drafts'] loop
    execute format('create policy wall_changes on %I for update to careloop_app using (current_setting(''careloop.wall'', true) = ''all'' or careloop_sees(person)) with check (true)', name);
    execute format('create policy wall_removes on %I for delete to careloop_app using (current_setting(''careloop.wall'', true) = ''all'' or careloop_sees(person))', name);
  end loop;
end $$;
