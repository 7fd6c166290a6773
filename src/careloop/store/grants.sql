-- Append-only by grant, not by promise: the application works as careloop_app, which may add to versions, feed and
-- audit and never change or remove what stands there. Tables made later by the owner are ordinary ones.
do $$
begin
  if not exists (select from pg_roles where rolname = 'careloop_app') then
    create role careloop_app nologin;
  end if;
exception when duplicate_object or unique_violation then null;  -- another database of this server was first
end $$;
do $$
begin
  -- Since PostgreSQL 16 whoever makes a role may hand it out, but not take it on before being granted it.
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant careloop_app to %I', current_user);
  end if;
end $$;
grant usage on schema public to careloop_app;
grant select, insert, update, delete on all tables in schema public to careloop_app;
grant usage, select on all sequences in schema public to careloop_app;
alter default privileges in schema public grant select, insert, update, delete on tables to careloop_app;
alter default privileges in schema public grant usage, select on sequences to careloop_app;
revoke update, delete, truncate on versions, feed, moves, generations, audit, audit_now from careloop_app;
revoke insert on generations from careloop_app;
