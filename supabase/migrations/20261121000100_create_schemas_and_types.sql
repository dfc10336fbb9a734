-- Reelbase sells generated video, images and voice for credits. This is the first page of it.
--
-- How the whole works, in the order of the files that follow:
--   A user signs up and gets a profile, a credit account and a bonus (profiles, credits, sign-up).
--   The catalogue says which models there are and what they cost.
--   A row in generation_jobs is a wish. Once it is `queued` it has been priced from the catalogue,
--   charged to the account and given a row in worker.tasks, all in one transaction, by triggers:
--   no client and no service can create a job that is not paid for, or charge without a job.
--   A dispatcher claims the task, works, and ends the job through a function in `worker`. The end
--   settles the charge or refunds it in the same transaction, again by trigger.
--   Results are rows in assets that point into private storage buckets.
--
-- Three schemas: `public` is what a browser reads and writes under row-level security; `worker` is
-- for the services, which come as service_role; `private` holds what nobody calls from outside.
--
-- Nothing is granted by default. Each later file says its grants out loud.

create schema worker;
create schema private;

comment on schema worker is
'Task queue, attempts and the functions that Reelbase''s services call as service_role.';
comment on schema private is
'Trigger functions, definer helpers, pricing and settings. Not exposed, no client may enter.';

revoke create on schema public from public;
grant usage on schema public to anon, authenticated, service_role;
grant usage on schema worker to service_role;

-- Older projects hand every new object in `public` to the client roles; newer ones do not. Say it,
-- so that both behave alike. Functions are executable by everybody unless that is revoked for the
-- creating role as a whole: a revocation per schema would have no effect.
alter default privileges in schema public
revoke all on tables from public, anon, authenticated, service_role;
alter default privileges in schema public
revoke all on sequences from public, anon, authenticated, service_role;
alter default privileges in schema public
revoke all on functions from public, anon, authenticated, service_role;
alter default privileges revoke execute on functions from public;

-- Under row-level security a plan made for the values at hand is no better than one made for any,
-- since whose rows they are is not among them; and making it costs more than running it.
do $$
begin
  alter role authenticated set plan_cache_mode = 'force_generic_plan';
exception when insufficient_privilege then
  raise warning 'The role authenticated keeps its plan_cache_mode: reads will be slower than need be.';
end;
$$;

create type public.job_status as enum (
  'pending', 'queued', 'starting', 'processing', 'finalizing',
  'completed', 'failed', 'cancelled', 'expired'
);
comment on type public.job_status is
'pending: a draft, not charged. queued: charged and waiting. starting: a worker has it. '
'processing: the provider has it. finalizing: outputs are being stored. The rest are ends.';

create type public.generation_kind as enum (
  'text_to_image', 'text_to_video', 'image_to_video', 'video_edit', 'voiceover', 'character',
  'concept', 'web_research', 'content_summary', 'video_segmentation'
);
comment on type public.generation_kind is 'What a job makes.';

create type public.generation_mode as enum ('draft', 'fast', 'standard', 'ultra');
comment on type public.generation_mode is 'How much effort a job is worth; part of its price.';

create type public.transaction_type as enum (
  'purchase', 'deduction', 'refund', 'bonus', 'grant', 'expiration', 'adjustment', 'chargeback'
);
comment on type public.transaction_type is
'Why credits moved. grant: a monthly allowance. expiration: a lot ended with credits left in it.';

create type public.transaction_status as enum (
  'pending', 'completed', 'failed', 'cancelled', 'refunded'
);
comment on type public.transaction_status is
'pending: a hold, taken from the balance but not yet earned. refunded: returned in full.';

create type public.credit_grant_kind as enum (
  'allowance', 'purchase', 'bonus', 'refund', 'adjustment'
);
comment on type public.credit_grant_kind is 'Where a lot of credits came from.';

create type public.asset_kind as enum ('image', 'video', 'audio', 'document');
comment on type public.asset_kind is 'What sort of file an asset is.';

create type public.asset_role as enum (
  'reference_image', 'source_video', 'source_audio', 'result_image', 'result_video', 'result_audio',
  'thumbnail', 'sprite_sheet', 'final_character', 'subtitle'
);
comment on type public.asset_role is 'What an asset is to a job: what went in or what came out.';

create type public.subscription_tier as enum (
  'free', 'starter', 'creator', 'pro', 'business', 'enterprise'
);
comment on type public.subscription_tier is 'What a user subscribes to; decides limits.';

create type public.price_unit as enum ('job', 'second', 'output', 'segment', '1k_characters');
comment on type public.price_unit is 'What a price is counted by.';

create type worker.task_step as enum ('submit', 'poll', 'collect');
comment on type worker.task_step is
'What a task is waiting for: the call to the provider, its answer, or its outputs.';

create type worker.error_class as enum (
  'permanent', 'transient', 'throttled', 'configuration', 'unknown'
);
comment on type worker.error_class is
'permanent: the job can never succeed. transient: another attempt may. throttled: the provider '
'wants to be left alone. configuration: an operator must act. unknown: the answer was lost, and '
'the provider may have the job.';

create type worker.call_result as enum ('done', 'busy', 'lease_lost', 'refused');
comment on type worker.call_result is
'What became of one job of a batch. busy: somebody else has it locked at this moment, call again. '
'lease_lost: it is not the caller''s any more. refused: what was said of it cannot be.';

-- numeric(p,s) refuses infinity but accepts NaN, and NaN passes every `>= 0` check. PostgreSQL
-- parses a table's check constraints anew for each statement that writes the table, and a domain's
-- once a session: what a single number must be is said here.
create domain public.credit_amount as numeric(10, 2)
constraint credit_amount_is_a_number check (value <> 'NaN');
comment on domain public.credit_amount is 'Credits, two decimals, never NaN.';

create domain public.credit_balance as numeric(10, 2)
constraint credit_balance_is_not_negative check (value >= 0 and value <> 'NaN');
comment on domain public.credit_balance is
'Credits that are there or owed: two decimals, never NaN, never below zero.';

create domain public.credit_movement as numeric(10, 2)
constraint credit_movement_is_not_zero check (value <> 0 and value <> 'NaN');
comment on domain public.credit_movement is
'Credits that are given or, below zero, taken: two decimals, never NaN, never zero.';

create domain public.credit_total as numeric(12, 2)
constraint credit_total_is_a_number check (value <> 'NaN');
comment on domain public.credit_total is 'A lifetime sum of credits, two decimals, never NaN.';

create domain public.job_cost as numeric(8, 2)
constraint job_cost_is_not_negative check (value >= 0 and value <> 'NaN');
comment on domain public.job_cost is 'What one job costs in credits, two decimals, never negative.';
