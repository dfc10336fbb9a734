-- What several later files lean on: the clock, the settings, and the updated_at trigger.

create function private.now()
returns timestamptz
language sql
stable
set search_path = ''
return pg_catalog.now();
comment on function private.now() is
'The time by which money and leases are judged. One place, so that a test database can replace '
'it; in production it is the transaction''s time and nothing can set it.';
revoke execute on function private.now() from public;

create function private.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := pg_catalog.now();
  return new;
end;
$$;
comment on function private.set_updated_at() is
'Trigger: keeps updated_at, whatever the statement wrote there.';
revoke execute on function private.set_updated_at() from public;

create table private.settings (
  only_row boolean primary key default true,
  signup_bonus numeric(10, 2) not null default 100,
  refund_grace interval not null default interval '7 days',
  retry_backoff interval not null default interval '2 seconds',
  retry_backoff_limit interval not null default interval '5 minutes',
  identity_pepper bytea not null
  default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'),
  constraint settings_is_one_row check (only_row),
  constraint settings_signup_bonus_is_not_negative
  check (signup_bonus >= 0 and signup_bonus <> 'NaN'),
  constraint settings_intervals_are_not_negative
  check (
    refund_grace >= interval '0' and retry_backoff >= interval '0'
    and retry_backoff_limit >= interval '0'
  )
);
comment on table private.settings is 'One row of settings, changed by a migration or an operator.';
comment on column private.settings.signup_bonus is 'Credits that a first sign-up is given.';
comment on column private.settings.refund_grace is
'How long a refund may be spent when the lot it was taken from has ended meanwhile.';
comment on column private.settings.retry_backoff is
'Wait before the second attempt of a job; doubles with each further one.';
comment on column private.settings.retry_backoff_limit is 'The longest wait between two attempts.';
comment on column private.settings.identity_pepper is
'Key of the hashes by which a bonus is given once an e-mail address; never leaves the database.';

alter table private.settings enable row level security;
revoke all on private.settings from public, anon, authenticated, service_role;

insert into private.settings default values;
