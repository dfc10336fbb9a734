-- Several videos planned for one purpose, and the brand that they speak for.
--
-- A campaign goes forward only: draft, active, completed, archived, steps may be left out. When it
-- was completed and how many of its videos are done is the server's to say; the count is kept by a
-- trigger on generation_jobs.

create type public.campaign_status as enum ('draft', 'active', 'completed', 'archived');
comment on type public.campaign_status is 'How far a campaign is. It never goes back.';

create table public.brand_guidelines (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  brand_name text not null,
  values text[] not null default '{}',
  tone_of_voice text[] not null default '{}',
  visual_style text,
  do_list text[] not null default '{}',
  dont_list text[] not null default '{}',
  color_palette text[] not null default '{}',
  fonts text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint brand_guidelines_id_user_id_key unique (id, user_id),
  constraint brand_guidelines_brand_name_is_given check (
    brand_name ~ '[^[:space:]]' and char_length(brand_name) <= 200
  ),
  constraint brand_guidelines_texts_are_short check (
    char_length(visual_style) <= 5000 and char_length(fonts) <= 1000
    and octet_length(concat(visual_style, fonts)) <= 10240
  ),
  constraint brand_guidelines_values_are_short check (private.is_text_list(values, 50, 500)),
  constraint brand_guidelines_tone_of_voice_is_short check (
    private.is_text_list(tone_of_voice, 50, 500)
  ),
  constraint brand_guidelines_do_list_is_short check (private.is_text_list(do_list, 50, 500)),
  constraint brand_guidelines_dont_list_is_short check (private.is_text_list(dont_list, 50, 500)),
  constraint brand_guidelines_color_palette_is_short check (
    private.is_text_list(color_palette, 50, 50)
  )
);
comment on table public.brand_guidelines is 'What a brand stands for, sounds and looks like.';
comment on column public.brand_guidelines.values is 'What the brand stands for; at most 50.';
comment on column public.brand_guidelines.tone_of_voice is 'How it speaks; at most 50.';
comment on column public.brand_guidelines.do_list is 'What its videos should do; at most 50.';
comment on column public.brand_guidelines.dont_list is 'What its videos must not do; at most 50.';
comment on column public.brand_guidelines.color_palette is
'Its colours, as the front end writes them; at most 50.';

create table public.campaigns (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  brand_guidelines_id uuid,
  name text not null,
  description text,
  target_audience text,
  platform text[] not null default '{}',
  status public.campaign_status not null default 'draft',
  total_videos integer not null default 0,
  completed_videos integer not null default 0,
  concepts jsonb not null default '[]',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  completed_at timestamptz,
  constraint campaigns_id_user_id_key unique (id, user_id),
  constraint campaigns_brand_is_the_owners foreign key (brand_guidelines_id, user_id)
  references public.brand_guidelines (id, user_id) on delete set null (brand_guidelines_id),
  constraint campaigns_name_is_given check (name ~ '[^[:space:]]' and char_length(name) <= 200),
  constraint campaigns_texts_are_short check (
    char_length(description) <= 5000 and char_length(target_audience) <= 5000
    and octet_length(concat(description, target_audience)) <= 10240
  ),
  constraint campaigns_platform_is_short check (private.is_text_list(platform, 20, 50)),
  constraint campaigns_total_videos_is_bounded check (total_videos between 0 and 10000),
  constraint campaigns_completed_videos_is_not_negative check (completed_videos >= 0),
  constraint campaigns_concepts_are_described check (
    private.check_elements(
      concepts, 'concepts', 200,
      '{"title": {"type": "text", "required": true, "min": 1, "max": 200},
        "description": {"type": "text", "max": 5000}}'
    )
  ),
  constraint campaigns_concepts_are_small check (private.is_small_json(concepts, 49152)),
  constraint campaigns_completion_has_a_time check (
    (status <> 'completed' or completed_at is not null)
    and (status not in ('draft', 'active') or completed_at is null)
  )
);
comment on table public.campaigns is
'Several videos planned together. Jobs join one by campaign_id.';
comment on column public.campaigns.platform is 'Where the videos are for; at most 20.';
comment on column public.campaigns.status is
'Only forward: draft, active, completed, archived. Else 409 transition_not_allowed.';
comment on column public.campaigns.total_videos is 'How many videos are planned.';
comment on column public.campaigns.completed_videos is
'How many of its video jobs were completed; kept by trigger. May exceed the plan.';
comment on column public.campaigns.concepts is
'At most 200 objects with `title` (text) and, if one likes, `description` (text); further keys '
'are the front end''s own.';
comment on column public.campaigns.completed_at is 'When it became completed; set by trigger.';

create index brand_guidelines_user_id_created_at_idx
on public.brand_guidelines (user_id, created_at desc);
create index campaigns_user_id_created_at_idx on public.campaigns (user_id, created_at desc);
create index campaigns_brand_guidelines_id_user_id_idx
on public.campaigns (brand_guidelines_id, user_id) where brand_guidelines_id is not null;

create function private.guard_campaign_status()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' then
    if new.status < old.status then
      raise exception 'A campaign that is % cannot become %.', old.status, new.status
        using errcode = 'PT409', hint = 'transition_not_allowed',
          detail = json_build_object('from', old.status, 'to', new.status)::text;
    end if;
  end if;
  if new.status = 'completed' then
    new.completed_at := coalesce(new.completed_at, pg_catalog.now());
  end if;
  return new;
end;
$$;
comment on function private.guard_campaign_status() is
'Trigger: a campaign goes forward only, and its completion is stamped. Raises PT409 '
'transition_not_allowed.';
revoke execute on function private.guard_campaign_status() from public;

create trigger brand_guidelines_set_updated_at before update on public.brand_guidelines
for each row execute function private.set_updated_at();
create trigger campaigns_guard_status before insert or update of status on public.campaigns
for each row execute function private.guard_campaign_status();
create trigger campaigns_set_updated_at before update on public.campaigns
for each row execute function private.set_updated_at();

alter table public.brand_guidelines enable row level security;
alter table public.campaigns enable row level security;

create policy brand_guidelines_select_owner on public.brand_guidelines
for select to authenticated using (user_id = (select auth.uid()));
create policy brand_guidelines_insert_owner on public.brand_guidelines
for insert to authenticated with check (user_id = (select auth.uid()));
create policy brand_guidelines_update_owner on public.brand_guidelines
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy brand_guidelines_delete_owner on public.brand_guidelines
for delete to authenticated using (user_id = (select auth.uid()));

create policy campaigns_select_owner on public.campaigns
for select to authenticated using (user_id = (select auth.uid()));
create policy campaigns_insert_owner on public.campaigns
for insert to authenticated with check (user_id = (select auth.uid()));
create policy campaigns_update_owner on public.campaigns
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy campaigns_delete_owner on public.campaigns
for delete to authenticated using (user_id = (select auth.uid()));

revoke all on public.brand_guidelines, public.campaigns
from public, anon, authenticated, service_role;
grant select, delete on public.brand_guidelines, public.campaigns to authenticated;
grant
insert (
  brand_name, values, tone_of_voice, visual_style, do_list, dont_list, color_palette, fonts
),
update (
  brand_name, values, tone_of_voice, visual_style, do_list, dont_list, color_palette, fonts
)
on public.brand_guidelines to authenticated;
grant
insert (
  brand_guidelines_id, name, description, target_audience, platform, status, total_videos, concepts
),
update (
  brand_guidelines_id, name, description, target_audience, platform, status, total_videos, concepts
)
on public.campaigns to authenticated;
grant select, insert, update, delete on public.brand_guidelines, public.campaigns to service_role;
