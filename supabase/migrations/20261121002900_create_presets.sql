-- What a user keeps to use again: styles, settings of tools, chains of tools, habits by platform.
--
-- How often one was used is the server's to count. The use_… functions add one and hand the row
-- back in one statement, so that two calls at once count as two; they are definers in `private`,
-- since the count is no client's to write, and using one does not touch updated_at.
--
-- No index on tags: under row-level security the planner must ask whose a row is before it may run
-- an operator that is not leakproof, and array operators are not, so a GIN index on tags would
-- never be used. One on the owner is, and tags filter what it finds; that is bounded by the rows
-- that a plan allows.

create table public.style_presets (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  character_id uuid,
  name text not null,
  style_data jsonb not null default '{}',
  thumbnail_url text,
  tags text[] not null default '{}',
  is_favorite boolean not null default false,
  usage_count integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint style_presets_character_is_the_owners foreign key (character_id, user_id)
  references public.characters (id, user_id) on delete set null (character_id),
  constraint style_presets_name_is_given check (
    name ~ '[^[:space:]]' and char_length(name) <= 200
  ),
  constraint style_presets_style_data_is_a_small_object check (
    private.is_small_object(style_data, 32768)
  ),
  constraint style_presets_thumbnail_url_is_a_web_address check (
    thumbnail_url ~ '^https?://[^[:space:]<>"]+$' and octet_length(thumbnail_url) <= 2048
  ),
  constraint style_presets_tags_are_short check (private.is_text_list(tags, 50, 50)),
  constraint style_presets_usage_count_is_not_negative check (usage_count >= 0)
);
comment on table public.style_presets is 'Looks to use again. Count a use by use_style_preset.';
comment on column public.style_presets.style_data is 'Object of the front end''s own.';
comment on column public.style_presets.thumbnail_url is 'Address of a picture, http or https.';
comment on column public.style_presets.tags is 'To search by; at most 50.';
comment on column public.style_presets.usage_count is 'Kept by use_style_preset.';

create table public.tool_configurations (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  character_id uuid,
  tool_name text not null,
  configuration jsonb not null default '{}',
  is_favorite boolean not null default false,
  usage_count integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tool_configurations_character_is_the_owners foreign key (character_id, user_id)
  references public.characters (id, user_id) on delete set null (character_id),
  constraint tool_configurations_tool_name_is_given check (
    tool_name ~ '[^[:space:]]' and char_length(tool_name) <= 100
  ),
  constraint tool_configurations_configuration_is_a_small_object check (
    private.is_small_object(configuration, 32768)
  ),
  constraint tool_configurations_usage_count_is_not_negative check (usage_count >= 0)
);
comment on table public.tool_configurations is
'Settings of a tool to use again. Count a use by use_tool_configuration.';
comment on column public.tool_configurations.configuration is 'Object of the front end''s own.';
comment on column public.tool_configurations.usage_count is 'Kept by use_tool_configuration.';

create table public.tool_preset_chains (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  name text not null,
  description text,
  tools jsonb not null default '[]',
  is_favorite boolean not null default false,
  usage_count integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tool_preset_chains_name_is_given check (
    name ~ '[^[:space:]]' and char_length(name) <= 200
  ),
  constraint tool_preset_chains_description_is_short check (
    char_length(description) <= 5000 and octet_length(description) <= 10240
  ),
  constraint tool_preset_chains_tools_are_described check (
    private.check_elements(
      tools, 'tools', 50,
      '{"tool": {"type": "text", "required": true, "min": 1, "max": 100},
        "settings": {"type": "object"}}'
    )
  ),
  constraint tool_preset_chains_tools_are_small check (private.is_small_json(tools, 32768)),
  constraint tool_preset_chains_usage_count_is_not_negative check (usage_count >= 0)
);
comment on table public.tool_preset_chains is
'Tools to run one after another. Count a use by use_preset_chain.';
comment on column public.tool_preset_chains.tools is
'In order, at most 50 objects with `tool` (text) and, if one likes, `settings` (object); further '
'keys are the front end''s own.';
comment on column public.tool_preset_chains.usage_count is 'Kept by use_preset_chain.';

create table public.platform_configurations (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  platform text not null,
  aspect_ratio text,
  preferred_style jsonb not null default '{}',
  prompt_templates jsonb not null default '[]',
  character_preferences jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint platform_configurations_user_id_platform_key unique (user_id, platform),
  constraint platform_configurations_platform_is_given check (
    platform ~ '[^[:space:]]' and char_length(platform) <= 50
  ),
  constraint platform_configurations_aspect_ratio_is_short check (char_length(aspect_ratio) <= 20),
  constraint platform_configurations_preferred_style_is_a_small_object check (
    private.is_small_object(preferred_style, 8192)
  ),
  constraint platform_configurations_prompt_templates_are_small check (
    jsonb_typeof(prompt_templates) in ('array', 'object')
    and private.is_small_json(prompt_templates, 8192)
  ),
  constraint platform_configurations_characters_are_a_small_object check (
    private.is_small_object(character_preferences, 8192)
  )
);
comment on table public.platform_configurations is
'What a user likes on each platform; one row a platform.';
comment on column public.platform_configurations.platform is
'Its name; unique a user, so that an upsert on (user_id, platform) keeps one row.';
comment on column public.platform_configurations.preferred_style is
'Object of the front end''s own.';
comment on column public.platform_configurations.prompt_templates is
'Array or object of the front end''s own. Apart from the table of that name.';
comment on column public.platform_configurations.character_preferences is
'Object of the front end''s own.';

create index style_presets_user_id_created_at_idx
on public.style_presets (user_id, created_at desc);
create index style_presets_character_id_user_id_idx
on public.style_presets (character_id, user_id) where character_id is not null;
create index tool_configurations_user_id_created_at_idx
on public.tool_configurations (user_id, created_at desc);
create index tool_configurations_character_id_user_id_idx
on public.tool_configurations (character_id, user_id) where character_id is not null;
create index tool_preset_chains_user_id_created_at_idx
on public.tool_preset_chains (user_id, created_at desc);

create function private.use_own_style_preset(p_preset_id uuid)
returns public.style_presets
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_preset public.style_presets;
begin
  update public.style_presets set usage_count = usage_count + 1
  where id = p_preset_id and user_id = (select auth.uid())
  returning * into v_preset;
  if not found then
    raise exception 'There is no such preset.' using errcode = 'PT404', hint = 'preset_not_found';
  end if;
  return v_preset;
end;
$$;
comment on function private.use_own_style_preset is
'Counts a use of the caller''s preset. Definer: the count is not a client''s to write. Identity '
'from the token. Locks the row. Raises PT404 preset_not_found for anybody else''s.';

create function private.use_own_tool_configuration(p_configuration_id uuid)
returns public.tool_configurations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_configuration public.tool_configurations;
begin
  update public.tool_configurations set usage_count = usage_count + 1
  where id = p_configuration_id and user_id = (select auth.uid())
  returning * into v_configuration;
  if not found then
    raise exception 'There is no such configuration.'
      using errcode = 'PT404', hint = 'configuration_not_found';
  end if;
  return v_configuration;
end;
$$;
comment on function private.use_own_tool_configuration is
'Counts a use of the caller''s configuration. Definer: the count is not a client''s to write. '
'Identity from the token. Locks the row. Raises PT404 configuration_not_found for anybody else''s.';

create function private.use_own_preset_chain(p_chain_id uuid)
returns public.tool_preset_chains
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_chain public.tool_preset_chains;
begin
  update public.tool_preset_chains set usage_count = usage_count + 1
  where id = p_chain_id and user_id = (select auth.uid())
  returning * into v_chain;
  if not found then
    raise exception 'There is no such chain.' using errcode = 'PT404', hint = 'chain_not_found';
  end if;
  return v_chain;
end;
$$;
comment on function private.use_own_preset_chain is
'Counts a use of the caller''s chain. Definer: the count is not a client''s to write. Identity '
'from the token. Locks the row. Raises PT404 chain_not_found for anybody else''s.';

create function public.use_style_preset(p_preset_id uuid)
returns public.style_presets
language sql
set search_path = ''
begin atomic
  select private.use_own_style_preset(p_preset_id);
end;
comment on function public.use_style_preset is
'Counts one use of a style preset and returns it. Errors: 404 preset_not_found.';

create function public.use_tool_configuration(p_configuration_id uuid)
returns public.tool_configurations
language sql
set search_path = ''
begin atomic
  select private.use_own_tool_configuration(p_configuration_id);
end;
comment on function public.use_tool_configuration is
'Counts one use of a tool''s configuration and returns it. Errors: 404 configuration_not_found.';

create function public.use_preset_chain(p_chain_id uuid)
returns public.tool_preset_chains
language sql
set search_path = ''
begin atomic
  select private.use_own_preset_chain(p_chain_id);
end;
comment on function public.use_preset_chain is
'Counts one use of a chain of tools and returns it. Errors: 404 chain_not_found.';

revoke execute on function
private.use_own_style_preset, private.use_own_tool_configuration, private.use_own_preset_chain,
public.use_style_preset, public.use_tool_configuration, public.use_preset_chain
from public;
grant execute on function
private.use_own_style_preset, private.use_own_tool_configuration, private.use_own_preset_chain,
public.use_style_preset, public.use_tool_configuration, public.use_preset_chain
to authenticated;

create trigger style_presets_set_updated_at before update on public.style_presets
for each row when (old.usage_count = new.usage_count) execute function private.set_updated_at();
create trigger tool_configurations_set_updated_at before update on public.tool_configurations
for each row when (old.usage_count = new.usage_count) execute function private.set_updated_at();
create trigger tool_preset_chains_set_updated_at before update on public.tool_preset_chains
for each row when (old.usage_count = new.usage_count) execute function private.set_updated_at();
create trigger platform_configurations_set_updated_at
before update on public.platform_configurations
for each row execute function private.set_updated_at();

alter table public.style_presets enable row level security;
alter table public.tool_configurations enable row level security;
alter table public.tool_preset_chains enable row level security;
alter table public.platform_configurations enable row level security;

create policy style_presets_select_owner on public.style_presets
for select to authenticated using (user_id = (select auth.uid()));
create policy style_presets_insert_owner on public.style_presets
for insert to authenticated with check (user_id = (select auth.uid()));
create policy style_presets_update_owner on public.style_presets
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy style_presets_delete_owner on public.style_presets
for delete to authenticated using (user_id = (select auth.uid()));

create policy tool_configurations_select_owner on public.tool_configurations
for select to authenticated using (user_id = (select auth.uid()));
create policy tool_configurations_insert_owner on public.tool_configurations
for insert to authenticated with check (user_id = (select auth.uid()));
create policy tool_configurations_update_owner on public.tool_configurations
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy tool_configurations_delete_owner on public.tool_configurations
for delete to authenticated using (user_id = (select auth.uid()));

create policy tool_preset_chains_select_owner on public.tool_preset_chains
for select to authenticated using (user_id = (select auth.uid()));
create policy tool_preset_chains_insert_owner on public.tool_preset_chains
for insert to authenticated with check (user_id = (select auth.uid()));
create policy tool_preset_chains_update_owner on public.tool_preset_chains
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy tool_preset_chains_delete_owner on public.tool_preset_chains
for delete to authenticated using (user_id = (select auth.uid()));

create policy platform_configurations_select_owner on public.platform_configurations
for select to authenticated using (user_id = (select auth.uid()));
create policy platform_configurations_insert_owner on public.platform_configurations
for insert to authenticated with check (user_id = (select auth.uid()));
create policy platform_configurations_update_owner on public.platform_configurations
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy platform_configurations_delete_owner on public.platform_configurations
for delete to authenticated using (user_id = (select auth.uid()));

revoke all on
public.style_presets, public.tool_configurations, public.tool_preset_chains,
public.platform_configurations
from public, anon, authenticated, service_role;
grant select, delete on
public.style_presets, public.tool_configurations, public.tool_preset_chains,
public.platform_configurations
to authenticated;
grant
insert (character_id, name, style_data, thumbnail_url, tags, is_favorite),
update (character_id, name, style_data, thumbnail_url, tags, is_favorite)
on public.style_presets to authenticated;
grant
insert (character_id, tool_name, configuration, is_favorite),
update (character_id, tool_name, configuration, is_favorite)
on public.tool_configurations to authenticated;
grant
insert (name, description, tools, is_favorite),
update (name, description, tools, is_favorite)
on public.tool_preset_chains to authenticated;
grant
insert (platform, aspect_ratio, preferred_style, prompt_templates, character_preferences),
update (platform, aspect_ratio, preferred_style, prompt_templates, character_preferences)
on public.platform_configurations to authenticated;
grant select, insert, update, delete on
public.style_presets, public.tool_configurations, public.tool_preset_chains,
public.platform_configurations
to service_role;
