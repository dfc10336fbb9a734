-- What can be bought and what it costs: models, their prices, plans, and packages of credits.
--
-- Prices come from here and never from a client. Everybody may read what is active, so that a
-- front end shows prices before anybody signs in; only the services write.

create table public.models (
  -- What finding a model asks for comes first: it is done for every job, over all rows.
  id text primary key,
  is_active boolean not null default true,
  sort_order integer not null default 0,
  kinds public.generation_kind[] not null,
  provider text not null,
  provider_model text not null,
  display_name text not null,
  description text,
  modes public.generation_mode[] not null,
  aspect_ratios text[] not null default '{}',
  resolutions text[] not null default '{}',
  min_seconds numeric(7, 2),
  max_seconds numeric(7, 2),
  default_seconds numeric(7, 2),
  max_reference_images integer not null default 0,
  max_outputs integer not null default 1,
  max_prompt_characters integer not null default 10000,
  allowed_seconds numeric(7, 2)[] not null default '{}',
  required_inputs jsonb not null default '{}',
  parameters jsonb,
  version text not null default '1',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint models_id_is_a_slug check (id ~ '^[a-z0-9][a-z0-9.-]{0,99}$'),
  constraint models_kinds_and_modes_are_given check (
    cardinality(kinds) > 0 and cardinality(modes) > 0
  ),
  constraint models_seconds_are_in_order check (
    (min_seconds is null and max_seconds is null and default_seconds is null)
    or (
      min_seconds > 0 and min_seconds <= max_seconds and max_seconds <> 'NaN'
      and (default_seconds is null or default_seconds between min_seconds and max_seconds)
    ) is true
  ),
  constraint models_limits_are_sensible check (
    max_reference_images between 0 and 100 and max_outputs between 1 and 100
    and max_prompt_characters between 1 and 10000
  ),
  constraint models_allowed_seconds_are_within check (
    allowed_seconds = '{}' or (
      min_seconds <= all(allowed_seconds) and max_seconds >= all(allowed_seconds)
      and (default_seconds is null or default_seconds = any(allowed_seconds))
    ) is true
  ),
  constraint models_required_inputs_are_inputs check (
    private.are_required_inputs(required_inputs)
  ),
  constraint models_parameters_are_rules check (private.are_parameter_rules(parameters))
);
comment on table public.models is 'Generation models and their limits.';
comment on column public.models.id is 'Slug by which a job names its model.';
comment on column public.models.provider is 'Which provider module of the services runs it.';
comment on column public.models.provider_model is 'The provider''s own name of the model.';
comment on column public.models.aspect_ratios is 'Allowed ratios; the first is the default.';
comment on column public.models.resolutions is 'Allowed resolutions; the first is the default.';
comment on column public.models.default_seconds is
'For a job that says nothing; null: its length stays open.';
comment on column public.models.allowed_seconds is
'The only lengths that there are; empty: all from min_seconds to max_seconds.';
comment on column public.models.required_inputs is
'By kind, the roles of which a job must have a file, unless it works from what other jobs make: '
'{"image_to_video": ["reference_image"]}.';
comment on column public.models.parameters is
'What the parameters of a job may hold: {"seed": {"type": "integer", "min": 0, "max": 99}}. Types '
'are text (max, min characters; or choices), integer and number (min, max), boolean, and array '
'(max, min elements; items, a rule). With kinds: for these alone. Others are refused; null: any '
'are taken.';
comment on column public.models.sort_order is
'Display order; the first active model of a kind is what a job gets that names none.';

create trigger models_set_updated_at before update on public.models
for each row execute function private.set_updated_at();

create table public.model_prices (
  model_id text not null references public.models (id) on delete cascade,
  kind public.generation_kind not null,
  mode public.generation_mode not null,
  unit public.price_unit not null,
  credits public.job_cost not null,
  edit_credits public.job_cost,
  minimum public.job_cost not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (model_id, kind, mode)
);
comment on table public.model_prices is 'Credits by model, kind and mode.';
comment on column public.model_prices.credits is 'Credits for one unit.';
comment on column public.model_prices.edit_credits is
'Credits for one unit when the job edits an earlier one (parent_job_id); null: the same.';
comment on column public.model_prices.minimum is 'The least that a job costs.';

create trigger model_prices_set_updated_at before update on public.model_prices
for each row execute function private.set_updated_at();

create table public.subscription_plans (
  tier public.subscription_tier primary key,
  name text not null,
  description text,
  price_minor integer not null,
  currency text not null,
  monthly_allowance public.credit_amount not null,
  rollover_periods smallint not null default 0,
  max_active_jobs integer not null,
  max_running_jobs integer not null,
  max_jobs_per_day integer,
  max_rows integer not null,
  max_storage_bytes bigint not null,
  job_priority integer not null default 0,
  sort_order integer not null default 0,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint subscription_plans_price_is_not_negative check (price_minor >= 0),
  constraint subscription_plans_currency_has_two_decimals check (
    currency in ('USD', 'THB', 'EUR', 'GBP')
  ),
  constraint subscription_plans_allowance_is_not_negative check (monthly_allowance >= 0),
  constraint subscription_plans_rollover_is_bounded check (rollover_periods between 0 and 12),
  constraint subscription_plans_limits_are_positive check (
    max_active_jobs > 0 and max_running_jobs > 0 and max_jobs_per_day > 0 and max_rows > 0
    and max_storage_bytes > 0 and job_priority between 0 and 100
  )
);
comment on table public.subscription_plans is 'What each tier costs, grants and allows.';
comment on column public.subscription_plans.price_minor is 'Monthly price in minor units (cents).';
comment on column public.subscription_plans.monthly_allowance is 'Credits granted each month.';
comment on column public.subscription_plans.rollover_periods is
'For how many months more an allowance may be spent once its own month is over.';
comment on column public.subscription_plans.max_active_jobs is
'Jobs that may wait or run at once; one more is refused with HTTP 429.';
comment on column public.subscription_plans.max_running_jobs is 'Jobs that run at once; more wait.';
comment on column public.subscription_plans.max_jobs_per_day is
'Jobs that may be queued within 24 hours, cancelled ones too (HTTP 429); null: no limit.';
comment on column public.subscription_plans.max_rows is
'Rows a user may have in each table that users write; one more is refused with HTTP 429.';
comment on column public.subscription_plans.max_storage_bytes is
'Bytes of uploads a user may keep; results do not count.';
comment on column public.subscription_plans.job_priority is 'Higher is dispatched first.';

-- Every tier that somebody has is a plan that exists: no profile is without limits.
alter table public.profiles
add constraint profiles_subscription_tier_fkey foreign key (subscription_tier)
references public.subscription_plans (tier);
create index profiles_subscription_tier_idx on public.profiles (subscription_tier);

create trigger subscription_plans_set_updated_at before update on public.subscription_plans
for each row execute function private.set_updated_at();

create table public.credit_packages (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique,
  name text not null,
  credits public.credit_amount not null,
  price_minor integer not null,
  price numeric(12, 2) generated always as (price_minor / 100.0) stored,
  currency text not null,
  discount_percent integer not null default 0,
  sort_order integer not null default 0,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credit_packages_credits_are_positive check (credits > 0),
  constraint credit_packages_price_is_not_negative check (price_minor >= 0),
  constraint credit_packages_currency_has_two_decimals check (
    currency in ('USD', 'THB', 'EUR', 'GBP')
  ),
  constraint credit_packages_discount_is_a_percentage check (discount_percent between 0 and 100)
);
comment on table public.credit_packages is 'Credits for sale, once, by currency.';
comment on column public.credit_packages.price_minor is 'Price in minor units (cents, satang).';
comment on column public.credit_packages.price is 'The same in whole units, for display.';
comment on column public.credit_packages.discount_percent is
'What the price already saves against the smallest package; for display.';

create trigger credit_packages_set_updated_at before update on public.credit_packages
for each row execute function private.set_updated_at();

create index credit_packages_active_idx on public.credit_packages (currency, sort_order)
where is_active;

alter table public.models enable row level security;
alter table public.model_prices enable row level security;
alter table public.subscription_plans enable row level security;
alter table public.credit_packages enable row level security;

create policy models_select_everybody on public.models
for select to anon, authenticated using (is_active);
create policy model_prices_select_everybody on public.model_prices
for select to anon, authenticated
using (model_id in (select models.id from public.models where models.is_active));
create policy subscription_plans_select_everybody on public.subscription_plans
for select to anon, authenticated using (is_active);
create policy credit_packages_select_everybody on public.credit_packages
for select to anon, authenticated using (is_active);

revoke all
on public.models, public.model_prices, public.subscription_plans, public.credit_packages
from public, anon, authenticated, service_role;
grant select
on public.models, public.model_prices, public.subscription_plans, public.credit_packages
to anon, authenticated;
grant select, insert, update, delete
on public.models, public.model_prices, public.subscription_plans, public.credit_packages
to service_role;
