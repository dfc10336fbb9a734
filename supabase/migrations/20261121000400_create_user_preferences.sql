-- What a user wants by default: presets of the generation form, notifications, looks of the app.

create table public.user_preferences (
  user_id uuid primary key references public.profiles (user_id) on delete cascade,
  default_kind public.generation_kind,
  default_model_id text,
  default_mode public.generation_mode not null default 'standard',
  default_aspect_ratio text,
  default_resolution text,
  default_duration_seconds numeric(7, 2),
  notification_settings jsonb not null default '{}',
  ui_settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_preferences_texts_are_short check (
    char_length(default_model_id) <= 100 and char_length(default_aspect_ratio) <= 20
    and char_length(default_resolution) <= 20
  ),
  constraint user_preferences_duration_is_positive check (
    default_duration_seconds > 0 and default_duration_seconds <> 'NaN'
  ),
  constraint user_preferences_notifications_are_a_small_object check (
    private.is_small_object(notification_settings, 16384)
  ),
  constraint user_preferences_ui_is_a_small_object check (
    private.is_small_object(ui_settings, 16384)
  )
);

comment on table public.user_preferences is 'One row a user, made at sign-up, edited by the owner.';
comment on column public.user_preferences.default_model_id is
'A model''s id; not a foreign key, so that a model may leave the catalogue.';
comment on column public.user_preferences.default_duration_seconds is 'Seconds.';
comment on column public.user_preferences.notification_settings is
'Object of the front end''s own.';
comment on column public.user_preferences.ui_settings is 'Object of the front end''s own.';

create trigger user_preferences_set_updated_at before update on public.user_preferences
for each row execute function private.set_updated_at();

alter table public.user_preferences enable row level security;

create policy user_preferences_select_owner on public.user_preferences
for select to authenticated using (user_id = (select auth.uid()));
create policy user_preferences_update_owner on public.user_preferences
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

revoke all on public.user_preferences from public, anon, authenticated, service_role;
grant select on public.user_preferences to authenticated;
grant update (
  default_kind, default_model_id, default_mode, default_aspect_ratio, default_resolution,
  default_duration_seconds, notification_settings, ui_settings
) on public.user_preferences to authenticated;
grant select, insert, update, delete on public.user_preferences to service_role;
