-- What a user is subscribed to, and for how long it is paid.
--
-- One row a subscription, from its start at a provider (or at an operator's desk) to its end; the
-- next one is another row, so that the history stays. At most one is alive. The tier that decides
-- limits is profiles.subscription_tier; whatever moves a subscription keeps the two equal.
--
-- No client and no service writes here: billing's functions do (follow_subscriptions). The trigger
-- holds against them, too, that a subscription never changes hands, and that one that its provider
-- ended stays ended, whatever event arrives late. One that ended only because nobody had paid in
-- time goes on when the payment is heard of after all.

create type public.payment_provider as enum ('stripe', 'omise', 'sandbox');
comment on type public.payment_provider is
'Who takes the money. sandbox: nobody, for development.';

create type public.subscription_status as enum (
  'active', 'trialing', 'past_due', 'cancelled', 'ended'
);
comment on type public.subscription_status is
'trialing: not paid for yet. past_due: a renewal failed and is being tried again. cancelled: runs '
'to the end of its period and is not renewed. ended: over; the other four are alive.';

create table public.subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles (user_id) on delete cascade,
  tier public.subscription_tier not null references public.subscription_plans (tier),
  provider public.payment_provider,
  provider_reference text,
  status public.subscription_status not null default 'active',
  current_period_started_at timestamptz not null,
  current_period_ends_at timestamptz not null,
  cancel_at_period_end boolean not null default false,
  cancelled_at timestamptz,
  ended_at timestamptz,
  is_final boolean not null default false,
  follow_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- What a foreign key of two columns needs, so that a payment is for its payer's subscription.
  constraint subscriptions_id_user_id_key unique (id, user_id),
  constraint subscriptions_provider_provider_reference_key unique (provider, provider_reference),
  constraint subscriptions_provider_has_a_reference check (
    (provider is null) = (provider_reference is null)
    and char_length(provider_reference) between 1 and 255
  ),
  constraint subscriptions_period_is_in_order check (
    current_period_started_at < current_period_ends_at
  ),
  constraint subscriptions_cancelled_has_a_time check (
    (status <> 'cancelled' and not cancel_at_period_end) or cancelled_at is not null
  ),
  constraint subscriptions_end_has_a_time check ((status = 'ended') = (ended_at is not null)),
  constraint subscriptions_final_is_an_end check (status = 'ended' or not is_final)
);
comment on table public.subscriptions is
'Subscriptions, past and present. Read by their owner, written by billing alone.';
comment on column public.subscriptions.tier is 'The plan.';
comment on column public.subscriptions.provider is
'Who bills it; null: nobody does, an operator gave it.';
comment on column public.subscriptions.provider_reference is
'The provider''s own id of it; unique a provider.';
comment on column public.subscriptions.current_period_ends_at is
'Until then it is paid for; renewing moves the period on.';
comment on column public.subscriptions.cancel_at_period_end is 'It is not going to be renewed.';
comment on column public.subscriptions.cancelled_at is
'When somebody said that it is not to be renewed.';
comment on column public.subscriptions.ended_at is 'When it was over.';
comment on column public.subscriptions.is_final is
'It was ended or replaced, and nothing revives it; else a late payment would.';
comment on column public.subscriptions.follow_at is
'When time alone changes it next; see worker.follow_subscriptions.';

create unique index subscriptions_one_alive_per_user_key on public.subscriptions (user_id)
where status <> 'ended';
create index subscriptions_user_id_created_at_idx
on public.subscriptions (user_id, created_at desc);
create index subscriptions_tier_idx on public.subscriptions (tier);
-- What is due: to lapse, to end, to have its next month's allowance.
create index subscriptions_follow_at_idx on public.subscriptions (follow_at)
where follow_at is not null;

create function private.guard_subscription()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if (new.id, new.user_id, new.provider, new.provider_reference, new.created_at)
    is distinct from (old.id, old.user_id, old.provider, old.provider_reference, old.created_at)
  then
    raise exception 'Whose subscription it is, and at which provider, never changes.'
      using errcode = 'PT409', hint = 'subscription_is_settled';
  elsif old.is_final and not (new.is_final and new.status = 'ended') then
    raise exception 'A subscription that ended stays ended; another one may begin.'
      using errcode = 'PT409', hint = 'subscription_ended';
  end if;
  return new;
end;
$$;
comment on function private.guard_subscription() is
'Trigger: refuses to give a subscription to somebody else or to revive one that ended for good. '
'Raises PT409 subscription_is_settled or subscription_ended.';
revoke execute on function private.guard_subscription() from public;

create trigger subscriptions_guard before update on public.subscriptions
for each row execute function private.guard_subscription();
create trigger subscriptions_set_updated_at before update on public.subscriptions
for each row execute function private.set_updated_at();

alter table public.subscriptions enable row level security;

create policy subscriptions_select_owner on public.subscriptions
for select to authenticated using (user_id = (select auth.uid()));

revoke all on public.subscriptions from public, anon, authenticated, service_role;
grant select on public.subscriptions to authenticated, service_role;
