-- What subscriptions become with time and by their provider's events, and the credits they bring.
--
-- As with payments, the services only note facts, which come late, twice and in any order: a period
-- that is paid for, another tier from then on, not to be renewed, a renewal that failed, the end.
-- private.follow_plan works out from all of them, and from the time, how a user's subscriptions
-- stand, keeps the user's tier equal to that, and sees to the allowance. What has a payment counts
-- once that payment is known to be paid; until something is paid for, nothing has begun.
--
-- The allowance is a lot of its own, granted for one month at a time: the months of the paid
-- period, or, for who has no subscription, the months since the account was made. A month is
-- granted once, however often and however late somebody asks, and never after it is over. A lot
-- ends with its month, or as many months later as the plan rolls over. Whoever changes tier within
-- a month is due the tiers' allowances in proportion to their time: the difference is granted, or
-- taken back as far as it is unspent; what was spent counts against the next upgrade of the same
-- month, so that going back and forth gains nothing.
--
-- All lock the account first, and write the profile's tier under that lock; so nothing else may ask
-- for an account once it has written a profile.

create table private.subscription_facts (
  id bigint primary key generated always as identity,
  subscription_id uuid not null references public.subscriptions (id) on delete cascade,
  kind text not null,
  occurred_at timestamptz not null,
  tier public.subscription_tier,
  ends_at timestamptz,
  payment_id uuid references public.payments (id) on delete cascade,
  created_at timestamptz not null default private.now(),
  -- One and the same may be told with several payments, of which the second may be the one that
  -- comes to something.
  constraint subscription_facts_key
  unique nulls not distinct (subscription_id, kind, occurred_at, payment_id),
  constraint subscription_facts_kind_is_known check (
    kind in ('trial', 'period', 'tier', 'cancel', 'resume', 'lapse', 'recover', 'end')
  ),
  constraint subscription_facts_tier_is_named check ((kind = 'tier') = (tier is not null)),
  constraint subscription_facts_period_ends check (
    (kind in ('trial', 'period')) = (ends_at is not null) and ends_at > occurred_at
  )
);
comment on table private.subscription_facts is 'What is known of subscriptions; never unlearnt.';
comment on column private.subscription_facts.occurred_at is
'When it happened, or happens, by the provider''s clock; a period''s start.';
comment on column private.subscription_facts.payment_id is
'The payment that it takes; it counts once that is paid.';
create index subscription_facts_payment_id_idx on private.subscription_facts (payment_id)
where payment_id is not null;

create table private.allowance_months (
  user_id uuid not null references public.profiles (user_id) on delete cascade,
  source_key text not null,
  reckoned text not null,
  entitled public.credit_amount not null,
  granted public.credit_amount not null default 0,
  grants integer not null default 0,
  primary key (user_id, source_key),
  constraint allowance_months_are_not_negative check (entitled >= 0 and granted >= 0)
);
comment on table private.allowance_months is
'What each month of allowance is worth and what was granted of it; a row more for each tier that '
'the month was changed to.';
comment on column private.allowance_months.source_key is
'Begins the keys of its lots: allowance, the subscription''s id or plan, the start in seconds; '
'for a change of tier its time, too.';
comment on column private.allowance_months.reckoned is
'From what it was worked out: tiers, times, end. While that stays, new prices change nothing.';
comment on column private.allowance_months.granted is
'What was granted for it, less what a change of tier took back.';
comment on column private.allowance_months.grants is 'How many lots it has.';

alter table private.subscription_facts enable row level security;
alter table private.allowance_months enable row level security;
revoke all on private.subscription_facts, private.allowance_months
from public, anon, authenticated, service_role;

create view private.counting_facts
with (security_invoker = true)
as
select
  facts.subscription_id,
  facts.kind,
  facts.occurred_at,
  facts.tier,
  facts.ends_at,
  facts.payment_id,
  payments.succeeded_at as paid_at
from private.subscription_facts as facts
left join public.payments on facts.payment_id = payments.id
where facts.payment_id is null or payments.succeeded_at is not null;
comment on view private.counting_facts is 'The facts whose payment, if they take one, was paid.';
revoke all on private.counting_facts from public, anon, authenticated, service_role;

create function private.add_months(p_from timestamptz, p_months integer)
returns timestamptz
language sql
immutable
set search_path = ''
return private.later(p_from, make_interval(months => p_months));
comment on function private.add_months is 'So many months later, in UTC.';

create function private.month_of(
  p_at timestamptz,
  p_from timestamptz,
  p_until timestamptz,
  out started_at timestamptz,
  out ends_at timestamptz
)
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- Near enough; the loop below makes it right.
  v_month integer := greatest(0, floor(extract(epoch from p_at - p_from) / 2678400));
begin
  while private.add_months(p_from, v_month + 1) <= p_at loop
    v_month := v_month + 1;
  end loop;
  -- The last month of a period takes what is left over of it: a tail of days is no month.
  while v_month > 0 and private.add_months(p_from, v_month + 1) > p_until loop
    v_month := v_month - 1;
  end loop;
  started_at := private.add_months(p_from, v_month);
  ends_at := private.add_months(p_from, v_month + 1);
  if ends_at > p_until or private.add_months(p_from, v_month + 2) > p_until then
    ends_at := p_until;
  end if;
end;
$$;
comment on function private.month_of is
'The month, counted from p_from, in which p_at lies. The last one before p_until ends with it.';

create function private.reckon_month(
  p_started_at timestamptz,
  p_ends_at timestamptz,
  p_tiers public.subscription_tier[],
  p_since timestamptz[]
)
returns numeric[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_parts numeric[] := '{}'::numeric[];
  v_total numeric := 0;
  v_sum numeric;
  v_down numeric;
  v_take numeric;
begin
  for v_part in 1..cardinality(p_tiers) loop
    -- Each tier's allowance by its share of the month, when nothing later is known.
    select round(sum(
      plans.monthly_allowance
      * extract(epoch from coalesce(segments.until, p_ends_at) - segments.since)
      / extract(epoch from p_ends_at - p_started_at)
    ), 2)
    into v_sum
    from (
      select listed.tier, listed.since, lead(listed.since) over (order by listed.since) as until
      from unnest(p_tiers[:v_part], p_since[:v_part]) as listed (tier, since)
    ) as segments
    inner join public.subscription_plans as plans on plans.tier = segments.tier;
    v_parts := v_parts || greatest(v_sum - v_total, 0);
    -- A change to less comes off what was changed to last.
    v_down := greatest(v_total - v_sum, 0);
    for v_earlier in reverse v_part - 1..1 loop
      v_take := least(v_parts[v_earlier], v_down);
      v_parts[v_earlier] := v_parts[v_earlier] - v_take;
      v_down := v_down - v_take;
    end loop;
    v_total := v_sum;
  end loop;
  return v_parts;
end;
$$;
comment on function private.reckon_month is
'What a month of p_tiers is worth, each since the time in p_since, the first from the month''s '
'start: for the first tier, and for each change what it added.';

create function private.follow_month(
  p_user_id uuid,
  p_key text,
  p_started_at timestamptz,
  p_ends_at timestamptz,
  p_tiers public.subscription_tier[],
  p_since timestamptz[],
  p_payments uuid[]
)
returns void
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  -- In seconds: how a time is written hangs on the caller's time zone.
  v_reckoned text := array_to_string(p_tiers, ',') || '@' || array_to_string(
    array(select extract(epoch from listed.since) from unnest(p_since) as listed (since)), ','
  ) || '-' || extract(epoch from p_ends_at);
  v_entitled numeric[] := private.reckon_month(p_started_at, p_ends_at, p_tiers, p_since);
  v_keys text[] := '{}'::text[];
  v_expires_at timestamptz;
  v_row private.allowance_months;
  v_is_new boolean := false;
  v_room numeric;
  v_due numeric;
  v_payment_id uuid;
begin
  for v_part in 1..cardinality(p_tiers) loop
    v_keys[v_part] := p_key || case
      when v_part > 1 then ':' || extract(epoch from p_since[v_part]) else ''
    end;
    insert into private.allowance_months as months (user_id, source_key, reckoned, entitled)
    values (p_user_id, v_keys[v_part], v_reckoned, v_entitled[v_part])
    on conflict (user_id, source_key) do update
    set reckoned = excluded.reckoned, entitled = excluded.entitled
    where months.reckoned <> excluded.reckoned;
    v_is_new := v_is_new or found;
  end loop;
  -- What the return of its payments took of too much goes back first; what they take of what is
  -- right they take below.
  if v_is_new and exists (
    select from private.allowance_months
    where user_id = p_user_id and source_key = any(v_keys) and granted > entitled
  ) then
    for v_payment_id in
      select distinct listed.id from unnest(p_payments) as listed (id)
      where listed.id is not null
      order by listed.id
    loop
      perform private.give_back(v_payment_id, 99999999.99);
    end loop;
  end if;

  -- What is too much is taken back as far as it is there: out of its own part, then out of the
  -- month's others, since which of them was spent is chance. What is not there counts against them.
  for v_round in 1..2 loop
    for v_part in reverse cardinality(p_tiers)..1 loop
      select sum(entitled - granted) into v_room from private.allowance_months
      where user_id = p_user_id and source_key = any(v_keys);
      select * into v_row from private.allowance_months
      where user_id = p_user_id and source_key = v_keys[v_part];
      v_due := case when v_round = 1 then v_row.granted - v_row.entitled else -v_room end;
      continue when v_due <= 0;
      v_due := coalesce((private.take_credits(
        p_user_id, v_due, 'adjustment',
        array(
          select id from public.credit_grants
          where user_id = p_user_id
            and (source_key = v_keys[v_part] or starts_with(source_key, v_keys[v_part] || '/'))
        ),
        true, 'Allowance of the plan before',
        p_metadata => jsonb_build_object('month', v_keys[v_part])
      )).amount, 0);
      update private.allowance_months set granted = granted + v_due
      where user_id = p_user_id and source_key = v_keys[v_part];
    end loop;
  end loop;
  select sum(entitled - granted) into v_room from private.allowance_months
  where user_id = p_user_id and source_key = any(v_keys);

  for v_part in 1..cardinality(p_tiers) loop
    select private.add_months(p_ends_at, rollover_periods) into v_expires_at
    from public.subscription_plans where tier = p_tiers[v_part];
    -- Of a period that was made longer.
    update public.credit_grants set expires_at = v_expires_at
    where user_id = p_user_id and expires_at > private.now() and expires_at < v_expires_at
      and (source_key = v_keys[v_part] or starts_with(source_key, v_keys[v_part] || '/'));

    select * into v_row from private.allowance_months
    where user_id = p_user_id and source_key = v_keys[v_part];
    v_due := least(v_row.entitled - v_row.granted, v_room);
    v_room := v_room - greatest(v_due, 0);
    if v_due > 0 and v_due + (
      select balance from public.credit_accounts where user_id = p_user_id
    ) > 80000000 then
      -- Whoever has that many is not kept from all else by a grant that would be refused.
      raise warning 'No allowance for user %: the account is full.', p_user_id;
    elsif v_due > 0 then
      perform private.grant_credits(
        p_user_id, v_due, 'allowance',
        v_keys[v_part] || case when v_row.grants > 0 then '/' || v_row.grants else '' end,
        v_expires_at, 10::smallint, 'Monthly allowance', p_payments[v_part]
      );
      update private.allowance_months set granted = granted + v_due, grants = grants + 1
      where user_id = p_user_id and source_key = v_keys[v_part];
    end if;
  end loop;

  -- A payment may have been returned before the month began.
  for v_payment_id in
    select distinct listed.id from unnest(p_payments) as listed (id)
    where listed.id is not null
    order by listed.id
  loop
    perform private.follow_payment(v_payment_id);
  end loop;
  perform private.collect_debt(p_user_id);
end;
$$;
comment on function private.follow_month is
'Grants what a month of allowance is worth and was not granted, or takes back what was granted '
'beyond it: p_tiers, each since the time in p_since and with the payment in p_payments, the first '
'from the month''s start. The account is locked.';

create function private.follow_allowance(p_user_id uuid, p_with_free boolean)
returns void
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_now timestamptz := private.now();
  v_profile public.profiles;
  v_plan public.subscription_plans;
  v_alive_id uuid;
  v_period record;
  v_key text;
  v_started_at timestamptz;
  v_ends_at timestamptz;
  v_tiers public.subscription_tier[];
  v_since timestamptz[];
  v_payments uuid[];
begin
  select * into v_profile from public.profiles where user_id = p_user_id;
  select * into v_plan from public.subscription_plans where tier = v_profile.subscription_tier;
  select id into v_alive_id from public.subscriptions
  where user_id = p_user_id and status <> 'ended';

  -- Every month that was paid for and that it is now, if it began before the subscription's end.
  for v_period in
    select distinct on (periods.subscription_id, month.started_at)
      periods.subscription_id, periods.payment_id, month.started_at, month.ends_at
    from public.subscriptions
    inner join private.counting_facts as periods on periods.subscription_id = subscriptions.id
    cross join lateral
      private.month_of(v_now, periods.occurred_at, periods.ends_at) as month
    where subscriptions.user_id = p_user_id and periods.kind in ('trial', 'period')
      and periods.occurred_at <= v_now and periods.ends_at > v_now
      and not exists (
        select from private.counting_facts as ends
        where ends.subscription_id = subscriptions.id and ends.kind = 'end'
          and ends.occurred_at <= month.started_at
      )
    order by
      periods.subscription_id, month.started_at, month.ends_at desc, periods.payment_id
  loop
    -- The tier at the month's start, then what it was changed to since.
    with known as (
      select distinct on (occurred_at) tier, occurred_at, payment_id
      from private.counting_facts
      where subscription_id = v_period.subscription_id and kind = 'tier'
      order by occurred_at, tier desc, payment_id
    ),
    listed as (
      (
        select tier, v_period.started_at as since, null::uuid as payment_id from known
        order by
          occurred_at <= v_period.started_at desc,
          case when occurred_at <= v_period.started_at then occurred_at end desc, occurred_at
        limit 1
      )
      union all
      select tier, occurred_at, payment_id from known
      where occurred_at > v_period.started_at and occurred_at <= v_now
        and occurred_at < v_period.ends_at and not exists (
          select from private.counting_facts as ends
          where ends.subscription_id = v_period.subscription_id and ends.kind = 'end'
            and ends.occurred_at <= known.occurred_at
        )
    )
    select
      array_agg(tier order by since), array_agg(since order by since),
      array_agg(coalesce(payment_id, v_period.payment_id) order by since)
    into v_tiers, v_since, v_payments
    from listed;
    if v_tiers is null then
      -- Its start is not paid for, but this period is.
      select array[tier], array[v_period.started_at], array[v_period.payment_id]
      into v_tiers, v_since, v_payments
      from public.subscriptions where id = v_period.subscription_id;
    end if;
    if v_period.subscription_id = v_alive_id then
      v_started_at := v_period.started_at;
      v_ends_at := v_period.ends_at;
    end if;
    if v_profile.deleted_at is null then
      perform private.follow_month(
        p_user_id,
        'allowance:' || v_period.subscription_id || ':'
        || extract(epoch from v_period.started_at)::bigint,
        v_period.started_at, v_period.ends_at, v_tiers, v_since, v_payments
      );
    end if;
  end loop;

  if p_with_free and v_alive_id is null and v_plan.monthly_allowance > 0 then
    select month.started_at, month.ends_at into v_started_at, v_ends_at
    from private.month_of(
      v_now, (select created_at from public.credit_accounts where user_id = p_user_id), 'infinity'
    ) as month;
    v_key := 'allowance:' || v_plan.tier || ':' || extract(epoch from v_started_at)::bigint;
    -- What costs nothing is given once a person, as the welcome bonus is: not to whoever signs up
    -- anew each day.
    if v_profile.deleted_at is null and (
      v_plan.price_minor > 0
      or exists (
        select from private.allowance_months where user_id = p_user_id and source_key = v_key
      )
      or (v_profile.email is not null and private.claim_once(
        v_profile.email, 'allowance:' || to_char(v_started_at at time zone 'UTC', 'YYYY-MM')
      ))
    ) then
      perform private.follow_month(
        p_user_id, v_key, v_started_at, v_ends_at, array[v_plan.tier], array[v_started_at],
        array[null]::uuid[]
      );
    end if;
  end if;

  update public.credit_accounts
  set monthly_allowance = v_plan.monthly_allowance,
      period_started_at = v_started_at,
      period_ends_at = v_ends_at
  where user_id = p_user_id
    and (monthly_allowance, period_started_at, period_ends_at)
    is distinct from (v_plan.monthly_allowance, v_started_at, v_ends_at);
end;
$$;
comment on function private.follow_allowance is
'Grants the allowance of every month that it is and that was not granted; that of a plan without '
'subscription only when asked to. The account is locked.';

create function private.follow_subscription(p_subscription_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := private.now();
  v_period record;
  v_tier public.subscription_tier;
  v_end timestamptz;
  v_is_cancelled boolean;
  v_cancelled_at timestamptz;
  v_lapsed_at timestamptz;
  v_kept_until timestamptz;
  v_status public.subscription_status;
  v_row public.subscriptions;
  v_new public.subscriptions;
begin
  select occurred_at, ends_at, kind, coalesce(paid_at, occurred_at) as paid_at into v_period
  from private.counting_facts
  where subscription_id = p_subscription_id and kind in ('trial', 'period')
    and occurred_at <= v_now
  order by
    ends_at > v_now desc, case when ends_at > v_now then occurred_at end desc, ends_at desc, kind,
    paid_at
  limit 1;
  -- The tier that it has now, or else the one with which it will begin.
  select tier into v_tier
  from private.counting_facts
  where subscription_id = p_subscription_id and kind = 'tier'
  order by
    occurred_at <= v_now desc, case when occurred_at <= v_now then occurred_at end desc,
    occurred_at, tier desc
  limit 1;
  select min(occurred_at) into v_end
  from private.counting_facts where subscription_id = p_subscription_id and kind = 'end';
  select
    (array_agg(kind order by occurred_at desc, kind))[1] = 'cancel',
    max(occurred_at) filter (where kind = 'cancel')
  into v_is_cancelled, v_cancelled_at
  from private.counting_facts
  where subscription_id = p_subscription_id and kind in ('cancel', 'resume')
    and occurred_at <= v_now;
  select case when kind = 'lapse' then occurred_at end into v_lapsed_at
  from private.counting_facts
  where subscription_id = p_subscription_id and kind in ('lapse', 'recover')
    and occurred_at <= v_now
  order by occurred_at desc, kind
  limit 1;

  -- The tier is kept a little longer than it is paid for, since renewals take their time; but not
  -- when there will be none.
  v_kept_until := private.later(v_period.ends_at, case
    when v_is_cancelled then interval '0'
    else (select subscription_grace from private.settings)
  end);
  v_status := (case
    when v_kept_until is null or v_kept_until <= v_now or v_end <= v_now then 'ended'
    when v_is_cancelled then 'cancelled'
    when v_period.ends_at <= v_now or v_lapsed_at > v_period.paid_at then 'past_due'
    when v_period.kind = 'trial' then 'trialing'
    else 'active'
  end)::public.subscription_status;
  select * into v_row from public.subscriptions where id = p_subscription_id;
  v_new := v_row;
  v_new.status := v_status;
  v_new.tier := coalesce(v_tier, v_row.tier);
  v_new.current_period_started_at
    := coalesce(v_period.occurred_at, v_row.current_period_started_at);
  v_new.current_period_ends_at := coalesce(v_period.ends_at, v_row.current_period_ends_at);
  v_new.cancel_at_period_end := coalesce(v_is_cancelled, false);
  v_new.cancelled_at := v_cancelled_at;
  v_new.ended_at := case
    when v_status = 'ended' then coalesce(least(v_end, v_kept_until), v_row.created_at)
  end;
  v_new.is_final := coalesce(v_end <= v_now, false);
  v_new.follow_at := (
    select min(times.at) from (
      select occurred_at as at from private.counting_facts
      where subscription_id = p_subscription_id
      union all
      select unnest(array[v_period.ends_at, v_kept_until])
    ) as times
    where times.at > v_now and not v_new.is_final
  );
  if v_new is distinct from v_row then
    update public.subscriptions
    set status = v_new.status,
        tier = v_new.tier,
        current_period_started_at = v_new.current_period_started_at,
        current_period_ends_at = v_new.current_period_ends_at,
        cancel_at_period_end = v_new.cancel_at_period_end,
        cancelled_at = v_new.cancelled_at,
        ended_at = v_new.ended_at,
        is_final = v_new.is_final,
        follow_at = v_new.follow_at
    where id = p_subscription_id;
  end if;
end;
$$;
comment on function private.follow_subscription is
'Brings one subscription''s row in line with what is known of it and with the time. The account is '
'locked.';

create function private.follow_plan(p_user_id uuid, p_with_free boolean default false)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_subscription_id uuid;
  v_tier public.subscription_tier;
begin
  -- What is alive first: it may end, and make place for the next.
  for v_subscription_id in
    select id from public.subscriptions
    where user_id = p_user_id
    order by status = 'ended', id
  loop
    perform private.follow_subscription(v_subscription_id);
  end loop;
  -- Who never subscribed has the tier that somebody gave them.
  if v_subscription_id is not null then
    select tier into v_tier from public.subscriptions
    where user_id = p_user_id and status <> 'ended';
    update public.profiles set subscription_tier = coalesce(v_tier, 'free')
    where user_id = p_user_id and subscription_tier <> coalesce(v_tier, 'free');
  end if;
  perform private.follow_allowance(p_user_id, p_with_free);
end;
$$;
comment on function private.follow_plan is
'Brings a user''s subscriptions, tier and allowance in line with what is known and with the time. '
'Does nothing where they are. The allowance of a plan without subscription is left to the sweep. '
'The account is locked.';

create function private.note_subscription(
  p_subscription_id uuid,
  p_kind text,
  p_occurred_at timestamptz,
  p_tier public.subscription_tier default null,
  p_ends_at timestamptz default null,
  p_payment_id uuid default null
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_user_id uuid := (select user_id from public.subscriptions where id = p_subscription_id);
  v_known record;
begin
  perform private.lock_account(v_user_id);
  if not exists (select from public.subscriptions where id = p_subscription_id) then
    raise exception 'There is no such subscription.'
      using errcode = 'PT404', hint = 'subscription_not_found';
  elsif (p_occurred_at between '2000-01-01' and '2200-01-01') is not true
    or (p_kind in ('trial', 'period')
      and (p_ends_at > p_occurred_at and p_ends_at < '2200-01-01') is not true)
  then
    raise exception 'Every event has its time, and a period begins before it ends, in this age.'
      using errcode = 'PT400', hint = 'invalid_period';
  elsif p_kind = 'tier' and not exists (
    select from public.subscription_plans where tier = p_tier
  ) then
    raise exception 'There is no such plan.' using errcode = 'PT404', hint = 'plan_not_available';
  elsif p_payment_id is not null and not exists (
    select from public.payments
    where id = p_payment_id and user_id = v_user_id and package_id is null
      and (subscription_id is null or subscription_id = p_subscription_id)
  ) then
    raise exception 'The subscriber has no such payment for a plan.'
      using errcode = 'PT404', hint = 'payment_not_found';
  end if;
  -- A payment is for one period of one subscription. Who tells it again with another start, by
  -- another clock, means the same period.
  if p_kind in ('trial', 'period') and p_payment_id is not null then
    select subscription_id, occurred_at, ends_at into v_known from private.subscription_facts
    where payment_id = p_payment_id and kind in ('trial', 'period')
    order by id
    limit 1;
    if v_known.subscription_id <> p_subscription_id then
      raise exception 'The payment is for another subscription.'
        using errcode = 'PT409', hint = 'payment_used';
    end if;
    p_occurred_at := coalesce(v_known.occurred_at, p_occurred_at);
    p_ends_at := greatest(v_known.ends_at, p_ends_at);
  end if;
  -- The same again with something else in it: what gives more counts, whichever came first.
  insert into private.subscription_facts as facts (
    subscription_id, kind, occurred_at, tier, ends_at, payment_id
  )
  values (p_subscription_id, p_kind, p_occurred_at, p_tier, p_ends_at, p_payment_id)
  on conflict (subscription_id, kind, occurred_at, payment_id) do update
  set tier = greatest(facts.tier, excluded.tier),
      ends_at = greatest(facts.ends_at, excluded.ends_at);

  -- The subscription that begins later replaces the other, whichever is heard of first, once it is
  -- paid for.
  if p_kind in ('trial', 'period') then
    insert into private.subscription_facts (subscription_id, kind, occurred_at, payment_id)
    with begun as (
      select
        subscriptions.id, subscriptions.provider_reference, facts.occurred_at, facts.payment_id,
        rank() over (partition by subscriptions.id order by facts.occurred_at) as place
      from public.subscriptions
      inner join private.subscription_facts as facts
        on facts.subscription_id = subscriptions.id and facts.kind in ('trial', 'period')
      where subscriptions.user_id = v_user_id
    )
    select distinct earlier.id, 'end', later.occurred_at, later.payment_id
    from begun as earlier
    inner join begun as later
      on (later.occurred_at, coalesce(later.provider_reference, ''), later.id)
      > (earlier.occurred_at, coalesce(earlier.provider_reference, ''), earlier.id)
    where earlier.id <> later.id and earlier.place = 1 and later.place = 1
    on conflict (subscription_id, kind, occurred_at, payment_id) do nothing;
  end if;
  return v_user_id;
end;
$$;
comment on function private.note_subscription is
'Notes a fact about a subscription, what it means for the user''s others, and returns whose it is. '
'Locks the account. Raises PT404 '
'subscription_not_found, plan_not_available or payment_not_found, PT400 invalid_period.';

create function private.find_subscription(p_subscription_id uuid)
returns public.subscriptions
language sql
stable
set search_path = ''
return (select subscriptions from public.subscriptions where id = p_subscription_id);
comment on function private.find_subscription is 'The subscription''s row.';

revoke execute on function
private.add_months, private.month_of, private.reckon_month, private.follow_month,
private.follow_allowance,
private.follow_subscription, private.follow_plan, private.note_subscription,
private.find_subscription
from public;

create function worker.start_subscription(
  p_user_id uuid,
  p_tier public.subscription_tier,
  p_period_started_at timestamptz,
  p_period_ends_at timestamptz,
  p_provider public.payment_provider default null,
  p_provider_reference text default null,
  p_payment_id uuid default null,
  p_is_trial boolean default false
)
returns public.subscriptions
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_subscription public.subscriptions;
begin
  if p_tier is null or (p_provider is null) <> (p_provider_reference is null)
    or char_length(p_provider_reference) not between 1 and 255
    or (p_period_started_at < p_period_ends_at) is not true
  then
    raise exception 'A subscription needs a tier, a period that begins before it ends, and the '
      'provider''s id of it together with the provider.'
      using errcode = 'PT400', hint = 'invalid_period';
  end if;
  perform private.lock_account(p_user_id);
  if not exists (select from public.credit_accounts where user_id = p_user_id) then
    raise exception 'There is no such user.' using errcode = 'PT404', hint = 'user_not_found';
  elsif exists (
    select from public.payments
    where id = p_payment_id and user_id = p_user_id and subscription_id is null
      and tier <> p_tier
  ) then
    raise exception 'The payment is for another plan.'
      using errcode = 'PT409', hint = 'payment_differs';
  end if;

  -- Nothing has begun before it is paid for: follow_plan sees to that.
  insert into public.subscriptions (
    user_id, tier, provider, provider_reference, status, current_period_started_at,
    current_period_ends_at, ended_at, created_at
  )
  values (
    p_user_id, p_tier, p_provider, p_provider_reference, 'ended', p_period_started_at,
    p_period_ends_at, private.now(), private.now()
  )
  on conflict (provider, provider_reference) do nothing
  returning * into v_subscription;
  if not found then
    select * into v_subscription from public.subscriptions
    where provider = p_provider and provider_reference = p_provider_reference;
    if v_subscription.user_id <> p_user_id then
      raise exception 'That subscription is somebody else''s.'
        using errcode = 'PT409', hint = 'reference_taken';
    end if;
  end if;
  perform private.note_subscription(
    v_subscription.id, 'tier', p_period_started_at, p_tier, p_payment_id => p_payment_id
  );
  perform private.note_subscription(
    v_subscription.id, case when p_is_trial then 'trial' else 'period' end, p_period_started_at,
    p_ends_at => p_period_ends_at, p_payment_id => p_payment_id
  );

  perform private.follow_plan(p_user_id);
  return private.find_subscription(v_subscription.id);
end;
$$;
comment on function worker.start_subscription is
'A subscription begins, as a trial or with a payment, which it then takes to be paid. The same '
'provider''s id again is the same subscription. The one that begins later ends the one before. '
'Raises PT400 invalid_period, PT404 user_not_found, plan_not_available or payment_not_found, PT409 '
'reference_taken, payment_differs or payment_used.';

create function worker.renew_subscription(
  p_subscription_id uuid,
  p_period_started_at timestamptz,
  p_period_ends_at timestamptz,
  p_payment_id uuid default null
)
returns public.subscriptions
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.follow_plan(private.note_subscription(
    p_subscription_id, 'period', p_period_started_at, p_ends_at => p_period_ends_at,
    p_payment_id => p_payment_id
  ));
  return private.find_subscription(p_subscription_id);
end;
$$;
comment on function worker.renew_subscription is
'Another period is paid for, or is once p_payment_id is. Raises PT400 invalid_period, PT404 '
'subscription_not_found or payment_not_found.';

create function worker.change_subscription(
  p_subscription_id uuid,
  p_tier public.subscription_tier,
  p_effective_at timestamptz,
  p_payment_id uuid default null
)
returns public.subscriptions
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.follow_plan(private.note_subscription(
    p_subscription_id, 'tier', p_effective_at, p_tier, p_payment_id => p_payment_id
  ));
  return private.find_subscription(p_subscription_id);
end;
$$;
comment on function worker.change_subscription is
'It is for another tier from p_effective_at on, which may lie ahead; the month''s allowance '
'follows in proportion. Raises PT400 invalid_period, PT404 subscription_not_found, '
'plan_not_available or payment_not_found.';

create function worker.cancel_subscription(
  p_subscription_id uuid, p_occurred_at timestamptz, p_resume boolean default false
)
returns public.subscriptions
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.follow_plan(private.note_subscription(
    p_subscription_id, case when p_resume then 'resume' else 'cancel' end, p_occurred_at
  ));
  return private.find_subscription(p_subscription_id);
end;
$$;
comment on function worker.cancel_subscription is
'It is not to be renewed, or (p_resume) is after all; the latest word counts. Raises PT400 '
'invalid_period, PT404 subscription_not_found.';

create function worker.lapse_subscription(
  p_subscription_id uuid, p_occurred_at timestamptz, p_has_recovered boolean default false
)
returns public.subscriptions
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.follow_plan(private.note_subscription(
    p_subscription_id, case when p_has_recovered then 'recover' else 'lapse' end, p_occurred_at
  ));
  return private.find_subscription(p_subscription_id);
end;
$$;
comment on function worker.lapse_subscription is
'A renewal was not paid, or (p_has_recovered) all is well again; the latest word counts. The tier '
'stays for the grace time after what is paid for. Raises PT400 invalid_period, PT404 '
'subscription_not_found.';

create function worker.end_subscription(p_subscription_id uuid, p_ended_at timestamptz)
returns public.subscriptions
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.follow_plan(private.note_subscription(p_subscription_id, 'end', p_ended_at));
  return private.find_subscription(p_subscription_id);
end;
$$;
comment on function worker.end_subscription is
'It is over for good, or will be at p_ended_at. What was granted stays until it ends. Raises PT400 '
'invalid_period, PT404 subscription_not_found.';

create function worker.follow_subscriptions(p_limit integer default 100)
returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_count bigint := 0;
begin
  -- Two at once could claim what two users share a mailbox for in opposite orders.
  if not pg_try_advisory_xact_lock(hashtextextended('worker.follow_subscriptions', 0)) then
    return 0;
  end if;
  for v_user_id in
    (
      select user_id from public.subscriptions where follow_at <= private.now()
      order by follow_at
      limit greatest(p_limit, 0)
    )
    union
    (
      select user_id from public.credit_accounts where period_ends_at <= private.now()
      order by period_ends_at
      limit greatest(p_limit, 0)
    )
    union
    (
      -- A plan that grants nothing has no months; these are from before it did.
      select accounts.user_id
      from public.credit_accounts as accounts
      inner join public.profiles on profiles.user_id = accounts.user_id
      inner join public.subscription_plans as plans
        on plans.tier = profiles.subscription_tier and plans.monthly_allowance > 0
      where accounts.period_ends_at is null and exists (
        select from public.subscription_plans
        where subscription_plans.tier = 'free' and subscription_plans.monthly_allowance > 0
      )
      -- Who has a subscription is between two periods, and has a time to be looked at.
      and not exists (
        select from public.subscriptions
        where subscriptions.user_id = accounts.user_id and subscriptions.status <> 'ended'
      )
      limit greatest(p_limit, 0)
    )
  loop
    -- One that goes wrong must not keep the others from what is theirs.
    begin
      if private.try_lock_account(v_user_id) then
        perform private.follow_plan(v_user_id, true);
        v_count := v_count + 1;
      end if;
    exception when others then
      raise warning 'follow_subscriptions: user %: % %', v_user_id, sqlstate, sqlerrm;
    end;
  end loop;
  return v_count;
end;
$$;
comment on function worker.follow_subscriptions is
'Does what time alone brings, for some p_limit users: periods end, tiers change, months of '
'allowance begin. Says for how many. Whoever''s account is locked is left for the next time.';

revoke execute on function
worker.start_subscription, worker.renew_subscription, worker.change_subscription,
worker.cancel_subscription, worker.lapse_subscription, worker.end_subscription,
worker.follow_subscriptions
from public;
grant execute on function
worker.start_subscription, worker.renew_subscription, worker.change_subscription,
worker.cancel_subscription, worker.lapse_subscription, worker.end_subscription,
worker.follow_subscriptions
to service_role;
