-- Schema `storage`, as the platform's storage server keeps it.
--
-- Why it is here: migrations insert buckets and write policies on `storage.objects`, and the
-- embedded storage server (`reelbase.local.gateway.storage`) keeps one row a stored file in these
-- tables, under the same row-level security. What passes against this schema passes against the
-- platform's.
--
-- What it promises: `supabase_storage_admin` owns all of it, and `postgres`, a member of that role,
-- may write policies on its tables. The API roles hold every privilege on the tables, and
-- row-level security, which starts without a policy, decides. A row stands for a file, so that a
-- plain `delete` by SQL is refused: the storage API sets `storage.allow_delete_query` for its own
-- transactions and removes the file too.

create schema if not exists storage authorization supabase_storage_admin;
grant usage on schema storage to anon, authenticated, service_role, postgres;
alter role supabase_storage_admin set search_path = storage;

set role supabase_storage_admin;

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

-- Tables ------------------------------------------------------------------------------------------

create table storage.buckets (
  id text not null primary key,
  name text not null,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  owner_id text,
  type storage.buckettype not null default 'STANDARD'
);

comment on table storage.buckets is 'Storage: one row a bucket.';
comment on column storage.buckets.owner is 'Field is deprecated, use owner_id instead';
comment on column storage.buckets.file_size_limit is
'Storage: bytes that one file may have; null for the server''s own limit.';
comment on column storage.buckets.allowed_mime_types is
'Storage: types that files may have, such as image/png or image/*; null for any.';
create unique index bname on storage.buckets (name);

create table storage.objects (
  id uuid not null primary key default gen_random_uuid(),
  bucket_id text,
  name text,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb,
  constraint "objects_bucketId_fkey" foreign key (bucket_id) references storage.buckets (id)
);

comment on table storage.objects is 'Storage: one row a stored file.';
comment on column storage.objects.owner is 'Field is deprecated, use owner_id instead';
comment on column storage.objects.metadata is
'Storage: what the server knows of the file: size, mimetype, eTag, cacheControl, lastModified.';
comment on column storage.objects.version is
'Storage: names the file on disk; a new one whenever the content is replaced.';
comment on column storage.objects.user_metadata is 'Storage: what the uploader said of the file.';
create unique index bucketid_objname on storage.objects (bucket_id, name);
create index name_prefix_search on storage.objects (name text_pattern_ops);
create index idx_objects_bucket_id_name on storage.objects (bucket_id, name collate "C");

-- Functions ---------------------------------------------------------------------------------------

create or replace function storage.foldername(name text) returns text[]
language plpgsql immutable
as $$
declare
  _parts text[];
begin
  -- Split on "/" to get path segments
  select string_to_array(name, '/') into _parts;
  -- Return everything except the last segment
  return _parts[1 : array_length(_parts, 1) - 1];
end
$$;

create or replace function storage.filename(name text) returns text
language plpgsql
as $$
declare
  _parts text[];
begin
  select string_to_array(name, '/') into _parts;
  return _parts[array_length(_parts, 1)];
end
$$;

create or replace function storage.extension(name text) returns text
language plpgsql immutable
as $$
declare
  _parts text[];
  _filename text;
begin
  select string_to_array(name, '/') into _parts;
  select _parts[array_length(_parts, 1)] into _filename;
  return reverse(split_part(reverse(_filename), '.', 1));
end
$$;

create or replace function storage.operation() returns text
language plpgsql stable
as $$
begin
  return current_setting('storage.operation', true);
end
$$;

create or replace function storage.allow_any_operation(expected_operations text[]) returns boolean
language sql stable
as $$
  select exists (
    select 1
    from unnest(expected_operations) as expected (operation)
    where
      regexp_replace(expected.operation, '^storage\.', '')
      = regexp_replace(coalesce(storage.operation(), ''), '^storage\.', '')
  )
$$;

create or replace function storage.update_updated_at_column() returns trigger
language plpgsql
as $$
begin
  new.updated_at = now();
  return new;
end
$$;

create or replace function storage.enforce_bucket_name_length() returns trigger
language plpgsql
as $$
begin
  if length(new.name) > 100 then
    raise exception 'bucket name "%" is too long (% characters). Max is 100.',
      new.name, length(new.name);
  end if;
  return new;
end
$$;

create or replace function storage.protect_delete() returns trigger
language plpgsql
as $$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') != 'true' then
    raise exception
      'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
      using
        hint = 'This prevents accidental data loss from orphaned objects.',
        errcode = '42501';
  end if;
  return null;
end
$$;

comment on function storage.foldername(text) is 'Storage: the folders of a path, outermost first.';
comment on function storage.filename(text) is 'Storage: the last part of a path.';
comment on function storage.extension(text) is
'Storage: what follows the last dot of a path''s last part.';
comment on function storage.operation() is
'Storage: what the API is doing, such as storage.object.upload.';
comment on function storage.allow_any_operation(text[]) is
'Storage: whether the API is doing one of these, with or without the prefix "storage.".';
comment on function storage.update_updated_at_column() is 'Storage: keeps updated_at.';
comment on function storage.enforce_bucket_name_length() is
'Storage: refuses bucket names over 100 characters.';
comment on function storage.protect_delete() is
'Storage: refuses deletes that would leave a file behind.';

-- Triggers ----------------------------------------------------------------------------------------

create trigger update_objects_updated_at
before update on storage.objects
for each row execute function storage.update_updated_at_column();

create trigger enforce_bucket_name_length_trigger
before insert or update of name on storage.buckets
for each row execute function storage.enforce_bucket_name_length();

create trigger protect_buckets_delete
before delete on storage.buckets
for each statement execute function storage.protect_delete();

create trigger protect_objects_delete
before delete on storage.objects
for each statement execute function storage.protect_delete();

-- Row-level security and grants -------------------------------------------------------------------

alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;

grant all on storage.buckets, storage.objects to anon, authenticated, service_role, postgres;
grant execute on all functions in schema storage to anon, authenticated, service_role, postgres;

reset role;
