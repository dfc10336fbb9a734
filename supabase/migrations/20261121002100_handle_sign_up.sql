-- A new row in auth.users becomes a user of Reelbase: profile, credit account, preferences, bonus.
--
-- Sign-up metadata is whatever a stranger cares to send. It may suggest a name and a picture; it is
-- cleaned, it never decides a tier, a role or credits, and it can never make the sign-up fail.
--
-- What costs nothing (the bonus, a free package, a free plan's month of allowance) is given once an
-- e-mail address, kept as a keyed hash, so that deleting the account and signing up again brings
-- nothing; and not to anonymous sign-ins until they give an address.

create table private.free_claims (
  identity_hash bytea primary key,
  claimed_at timestamptz not null default now()
);
comment on table private.free_claims is
'What e-mail addresses were given for nothing, hashed together. Outlives the user on purpose.';
alter table private.free_claims enable row level security;
revoke all on private.free_claims from public, anon, authenticated, service_role;

create function private.claim_once(p_email text, p_what text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  -- name+anything@host reaches the same mailbox as name@host.
  insert into private.free_claims (identity_hash)
  select sha256(settings.identity_pepper || convert_to(
    p_what || E'\n' || regexp_replace(lower(btrim(p_email)), '\+[^@]*@', '@'), 'UTF8'
  ))
  from private.settings
  on conflict do nothing;
  return found;
end;
$$;
comment on function private.claim_once is
'Whether an e-mail address has not been given this before; from now on it has.';

create function private.clean_text(p_value text, p_limit integer)
returns text
language sql
immutable
set search_path = ''
return nullif(btrim(left(regexp_replace(p_value, '[[:cntrl:]]+', ' ', 'g'), p_limit)), '');
comment on function private.clean_text is
'Text from a stranger, without control characters, at most p_limit characters; null when empty.';

create function private.pick_username(p_wish text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_stem text := left(regexp_replace(
    regexp_replace(coalesce(p_wish, ''), '[^A-Za-z0-9_.-]+', '', 'g'), '^[^A-Za-z0-9]+', ''
  ), 24);
  -- Not of the user's id: usernames are public.
  v_random text := replace(gen_random_uuid()::text, '-', '');
begin
  if char_length(v_stem) < 3 then
    v_stem := 'user';
  elsif not exists (select from public.profiles where lower(username) = lower(v_stem)) then
    return v_stem;
  end if;
  -- 24 random hexadecimal digits do not meet by accident.
  if exists (
    select from public.profiles where lower(username) = lower(v_stem || '_' || left(v_random, 5))
  ) then
    return 'user_' || left(v_random, 24);
  end if;
  return v_stem || '_' || left(v_random, 5);
end;
$$;
comment on function private.pick_username is
'A username that fits the rules and that nobody has, as near to the wish as can be.';

create function private.grant_signup_bonus(p_user_id uuid, p_email text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_bonus numeric := (select signup_bonus from private.settings);
begin
  if v_bonus > 0 and private.claim_once(p_email, 'signup-bonus') then
    perform private.grant_credits(
      p_user_id, v_bonus, 'bonus', 'signup-bonus', p_description => 'Welcome bonus'
    );
  end if;
  if exists (
    select from public.subscription_plans where tier = 'free' and monthly_allowance > 0
  ) then
    perform private.lock_account(p_user_id);
    perform private.follow_allowance(p_user_id, true);
  end if;
end;
$$;
comment on function private.grant_signup_bonus is
'Gives the bonus, once an e-mail address and once a user, and the first month of an allowance that '
'the free plan may have. Locks the account.';

create function private.handle_new_user()
returns trigger
language plpgsql
security definer
set search_path = reelbase_ledger
as $$
declare
  v_data jsonb := coalesce(new.raw_user_meta_data, '{}');
  v_wish text := coalesce(
    nullif(v_data ->> 'username', ''), nullif(v_data ->> 'user_name', ''),
    nullif(split_part(new.email, '@', 1), '')
  );
  v_avatar text := coalesce(v_data ->> 'avatar_url', v_data ->> 'picture');
  v_username text := private.pick_username(v_wish);
begin
  for v_attempt in 1..2 loop
    begin
      insert into public.profiles (
        user_id, username, full_name, first_name, last_name, avatar_url, email, last_login_at
      )
      values (
        new.id,
        v_username,
        private.clean_text(coalesce(v_data ->> 'full_name', v_data ->> 'name'), 200),
        private.clean_text(coalesce(v_data ->> 'first_name', v_data ->> 'given_name'), 100),
        private.clean_text(coalesce(v_data ->> 'last_name', v_data ->> 'family_name'), 100),
        case
          when v_avatar ~ '^https?://[^[:space:]<>"]+$' and char_length(v_avatar) <= 2048
            then v_avatar
        end,
        new.email,
        new.last_sign_in_at
      );
      exit;
    exception when unique_violation then
      -- Somebody took the name between our look and our insert. A random one is free; if it is
      -- not, something else is wrong, and failing is right.
      if v_attempt = 2 then
        raise;
      end if;
      v_username := 'user_' || left(replace(gen_random_uuid()::text, '-', ''), 24);
    end;
  end loop;

  insert into public.credit_accounts (user_id) values (new.id);
  insert into public.user_preferences (user_id) values (new.id);
  if not coalesce(new.is_anonymous, false) and new.email is not null then
    perform private.grant_signup_bonus(new.id, new.email);
  end if;
  return null;
end;
$$;
comment on function private.handle_new_user() is
'Trigger on auth.users: makes all that a user has from the start. Definer: the platform''s auth '
'server may write none of it.';

create function private.handle_identified_user()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.lock_account(new.id);
  update public.profiles set email = new.email where user_id = new.id;
  perform private.grant_signup_bonus(new.id, new.email);
  return null;
end;
$$;
comment on function private.handle_identified_user() is
'Trigger on auth.users: an anonymous user that gave an address gets the bonus now.';

revoke execute on function
private.clean_text, private.pick_username, private.claim_once, private.grant_signup_bonus,
private.handle_new_user, private.handle_identified_user
from public;

create trigger reelbase_handle_new_user
after insert on auth.users
for each row execute function private.handle_new_user();

-- Triggers fire in the order of their names: this one before reelbase_follow_auth_user, which
-- writes the profile; everybody else locks the account before writing that.
create trigger reelbase_credit_identified_user
after update on auth.users
for each row when (old.is_anonymous and not new.is_anonymous and new.email is not null)
execute function private.handle_identified_user();
