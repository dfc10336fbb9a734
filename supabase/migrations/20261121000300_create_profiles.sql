-- Who a user is, apart from the e-mail and password that the platform keeps in auth.users.
--
-- Every other table of a user hangs off profiles: deleting the user at the platform deletes the
-- profile and, through it, everything that is theirs. Tier, e-mail and login time are kept by
-- triggers and cannot be written by the owner; the row itself is made by the sign-up trigger.

create table public.profiles (
  user_id uuid primary key references auth.users (id) on delete cascade,
  username text not null,
  full_name text,
  first_name text,
  last_name text,
  avatar_url text,
  email text,
  subscription_tier public.subscription_tier not null default 'free',
  last_login_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint profiles_username_is_plain check (username ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{2,29}$'),
  constraint profiles_names_are_short check (
    char_length(full_name) <= 200 and char_length(first_name) <= 100
    and char_length(last_name) <= 100
  ),
  constraint profiles_avatar_url_is_a_web_address check (
    avatar_url ~ '^https?://[^[:space:]<>"]+$' and char_length(avatar_url) <= 2048
  )
);

comment on table public.profiles is
'One row a user, made at sign-up. The owner may change names, username and avatar.';
comment on column public.profiles.user_id is 'The user''s id at the platform (auth.users.id).';
comment on column public.profiles.username is
'Public handle: 3 to 30 letters, digits, dots, dashes or underscores; unique regardless of case.';
comment on column public.profiles.avatar_url is 'Address of a picture, http or https.';
comment on column public.profiles.email is 'Kept equal to the platform''s by trigger.';
comment on column public.profiles.subscription_tier is 'Decides limits; set by billing alone.';
comment on column public.profiles.last_login_at is 'Kept by trigger at each sign-in.';
comment on column public.profiles.deleted_at is
'Set when the account was closed but not yet purged.';

create unique index profiles_username_key on public.profiles (lower(username));

create trigger profiles_set_updated_at before update on public.profiles
for each row execute function private.set_updated_at();

create function private.follow_auth_user()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.profiles
  set email = new.email, last_login_at = new.last_sign_in_at
  where user_id = new.id
    and (email, last_login_at) is distinct from (new.email::text, new.last_sign_in_at);
  return null;
end;
$$;
comment on function private.follow_auth_user() is
'Trigger on auth.users: copies a changed e-mail or sign-in time. Definer, since the platform''s '
'auth server has no rights on profiles.';
revoke execute on function private.follow_auth_user() from public;

create trigger reelbase_follow_auth_user
after update of email, last_sign_in_at on auth.users
for each row execute function private.follow_auth_user();

alter table public.profiles enable row level security;

create policy profiles_select_owner on public.profiles
for select to authenticated using (user_id = (select auth.uid()));
create policy profiles_update_owner on public.profiles
for update to authenticated
using (user_id = (select auth.uid()) and deleted_at is null)
with check (user_id = (select auth.uid()) and deleted_at is null);

revoke all on public.profiles from public, anon, authenticated, service_role;
grant select on public.profiles to authenticated;
grant update (username, full_name, first_name, last_name, avatar_url)
on public.profiles to authenticated;
grant select, insert, update, delete on public.profiles to service_role;
