-- Under which name a provider of payments knows a user, where it keeps customers: to be charged
-- again, or to be shown their bills.

create table worker.payment_customers (
  user_id uuid not null references public.profiles (user_id) on delete cascade,
  provider public.payment_provider not null,
  provider_reference text not null,
  created_at timestamptz not null default private.now(),
  primary key (user_id, provider),
  constraint payment_customers_provider_provider_reference_key unique (
    provider, provider_reference
  ),
  constraint payment_customers_reference_is_short check (
    char_length(provider_reference) between 1 and 255
  )
);
comment on table worker.payment_customers is
'What providers of payments call users. Never rewritten; goes with the user.';
comment on column worker.payment_customers.provider_reference is
'The provider''s own id of the customer; one user''s alone.';

create function worker.keep_payment_customer(
  p_user_id uuid, p_provider public.payment_provider, p_provider_reference text
)
returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_reference text;
begin
  if p_provider is null or (char_length(p_provider_reference) between 1 and 255) is not true then
    raise exception 'A provider''s id has 1 to 255 characters.'
      using errcode = 'PT400', hint = 'invalid_reference';
  end if;
  insert into worker.payment_customers (user_id, provider, provider_reference)
  values (p_user_id, p_provider, p_provider_reference)
  on conflict (user_id, provider) do nothing;
  select provider_reference into strict v_reference from worker.payment_customers
  where user_id = p_user_id and provider = p_provider;
  return v_reference;
exception
  when unique_violation then
    raise exception 'Another user is known to the provider under this id.'
      using errcode = 'PT409', hint = 'reference_taken';
  when foreign_key_violation or not_null_violation then
    raise exception 'There is no such user.' using errcode = 'PT404', hint = 'user_not_found';
end;
$$;
comment on function worker.keep_payment_customer is
'Keeps what a provider calls a user, and returns what it is called: the first word counts. Raises '
'PT400 invalid_reference, PT404 user_not_found, PT409 reference_taken.';

revoke execute on function worker.keep_payment_customer from public;
grant execute on function worker.keep_payment_customer to service_role;

alter table worker.payment_customers enable row level security;
revoke all on worker.payment_customers from public, anon, authenticated, service_role;
grant select on worker.payment_customers to service_role;
