-- What the providers charge us: one price for one unit of what a model is billed by.
--
-- Providers that tell what a call cost are believed (api_usage_logs.cost_usd). Of the others only
-- the units are known, and these prices make money of them. They are list prices of the day on
-- which they were written down, and an operator's to correct: nothing is charged to a user by them.

create table worker.provider_rates (
  provider text not null,
  provider_model text not null,
  unit text not null,
  usd_per_unit numeric(14, 8) not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (provider, provider_model),
  constraint provider_rates_texts_are_short check (
    char_length(provider) between 1 and 50 and char_length(provider_model) between 1 and 200
    and char_length(unit) between 1 and 50
  ),
  constraint provider_rates_rate_is_not_negative check (
    usd_per_unit >= 0 and usd_per_unit <> 'NaN'
  )
);
comment on table worker.provider_rates is
'What a provider charges for a unit, where its answers do not say what a call cost.';
comment on column worker.provider_rates.provider_model is 'The provider''s own name of the model.';
comment on column worker.provider_rates.unit is
'What it is: second, image, token, character. For people; the units of a call are of this kind.';
comment on column worker.provider_rates.usd_per_unit is 'US dollars for one.';

create trigger provider_rates_set_updated_at before update on worker.provider_rates
for each row execute function private.set_updated_at();

alter table worker.provider_rates enable row level security;

revoke all on worker.provider_rates from public, anon, authenticated, service_role;
grant select, insert, update, delete on worker.provider_rates to service_role;
