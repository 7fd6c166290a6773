-- The second wall (store/wall.py). current_setting(…, true) is null where nobody told who asks: then nothing is seen.
-- The settings are read once a query (a select by itself), the person is looked up by her key; a function would be called
-- for each row.
do $$
declare
  name text;
  told text := '(select string_to_array(current_setting(''careloop.%s'', true), '','')::bigint[])::bigint[]';
  reaches text;
begin
  foreach name in array array['versions', 'story', 'drafts'] loop
    reaches := format(
      '(select current_setting(''careloop.wall'', true)) = ''all'' or ('
      || '(select current_setting(''careloop.wall'', true)) = ''people'' and (person = 0 or ('
      || ' not person = any(' || format(told, 'denied') || ') and ('
      || ' person = any(' || format(told, 'people') || ')'
      || ' or exists (select from people pe where pe.person = %1$I.person and ('
      || '  pe.site = any(' || format(told, 'sites') || ')'
      || '  or pe.team = any(' || format(told, 'teams') || ')'
      || '  or pe.lead = any(' || format(told, 'leads') || ')'
      || '  or exists (select from enrolled en where en.person = pe.person and en.until is null and en.program = any('
      || '      (select string_to_array(current_setting(''careloop.programs'', true), '',''))::text[]))'
      || ' ))))))', name);
    execute format('alter table %I enable row level security', name);
    execute format('create policy wall_reads on %I for select to careloop_app using (%s)', name, reaches);
    execute format('create policy wall_adds on %I for insert to careloop_app with check (true)', name);
    if name <> 'versions' then
      execute format('create policy wall_changes on %I for update to careloop_app using (%s) with check (true)', name, reaches);
      execute format('create policy wall_removes on %I for delete to careloop_app using (%s)', name, reaches);
    end if;
  end loop;
end $$;
