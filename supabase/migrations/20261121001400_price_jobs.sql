-- What a job costs, from the catalogue and never from a client.
--
-- private.quote_job resolves what was left open (model, ratio, resolution, length), checks it
-- against the model's limits and rules, and tells the price. A front end asks it, through
-- public.quote_generation, to show the price ahead; the trigger below asks it when the job is made,
-- so the two cannot differ.

create type public.generation_quote as (
  model_id text,
  provider text,
  aspect_ratio text,
  resolution text,
  duration_seconds numeric,
  unit public.price_unit,
  quantity numeric,
  is_edit_call boolean,
  credits numeric
);
comment on type public.generation_quote is 'A job as it would be run, and what it would cost.';

create function private.quote_job(
  p_kind public.generation_kind,
  p_prompt text,
  p_model_id text,
  p_mode public.generation_mode,
  p_aspect_ratio text,
  p_resolution text,
  p_duration_seconds numeric,
  p_output_count integer,
  p_is_edit_call boolean,
  p_parameters jsonb
)
returns public.generation_quote
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_offer record;
  v_quote public.generation_quote;
  v_seconds numeric := p_duration_seconds;
begin
  -- Of both tables only what is needed, in one statement: this runs for every job.
  select
    models.id, models.provider, models.modes, models.aspect_ratios, models.resolutions,
    models.min_seconds, models.max_seconds, models.default_seconds, models.allowed_seconds,
    models.max_outputs, models.max_prompt_characters,
    case when p_parameters <> '{}' then models.parameters end as rules,
    prices.unit, prices.credits, prices.edit_credits, prices.minimum
  into v_offer
  from (
    select * from public.models
    where is_active and p_kind = any(kinds) and (p_model_id is null or id = p_model_id)
    order by sort_order, id
    limit 1
  ) as models
  left join public.model_prices as prices
    on prices.model_id = models.id and prices.kind = p_kind and prices.mode = p_mode;
  if not found then
    raise exception 'No active model % offers %.', coalesce(p_model_id, '(default)'), p_kind
      using errcode = 'PT400', hint = 'model_not_available';
  elsif v_offer.unit is null or not p_mode = any(v_offer.modes) then
    raise exception 'Model % does not offer % in mode %.', v_offer.id, p_kind, p_mode
      using errcode = 'PT400', hint = 'mode_not_available',
        detail = json_build_object('modes', v_offer.modes)::text;
  end if;

  if v_offer.rules is not null then
    perform private.check_parameters(p_parameters, v_offer.rules, p_kind);
    -- A film of several pieces is as long as they are, or its price would be another film's.
    if p_parameters ? 'durations' and v_offer.rules #>> '{durations,items,type}' = 'number' then
      v_seconds := (
        select round(sum(pieces.seconds::numeric), 2)
        from jsonb_array_elements(p_parameters -> 'durations') as pieces (seconds)
      );
      if v_seconds <> round(p_duration_seconds, 2) then
        raise exception 'parameters.durations: must add up to duration_seconds, or leave that out.'
          using errcode = 'PT400', hint = 'invalid_parameter',
            detail = json_build_object('parameter', 'durations', 'sum', v_seconds)::text;
      end if;
    end if;
  end if;

  v_quote.model_id := v_offer.id;
  v_quote.provider := v_offer.provider;
  v_quote.aspect_ratio := coalesce(p_aspect_ratio, v_offer.aspect_ratios[1]);
  v_quote.resolution := coalesce(p_resolution, v_offer.resolutions[1]);
  v_quote.duration_seconds := round(coalesce(v_seconds, v_offer.default_seconds), 2);
  v_quote.unit := v_offer.unit;
  v_quote.is_edit_call := p_is_edit_call and v_offer.edit_credits is not null;

  -- What was left open is the model's own, and fits.
  if p_aspect_ratio is not null and p_aspect_ratio <> all(v_offer.aspect_ratios) then
    raise exception 'aspect_ratio: model % has no %.', v_offer.id, v_quote.aspect_ratio
      using errcode = 'PT400', hint = 'aspect_ratio_not_available',
        detail = json_build_object('aspect_ratios', v_offer.aspect_ratios)::text;
  elsif p_resolution is not null and p_resolution <> all(v_offer.resolutions) then
    raise exception 'resolution: model % has no %.', v_offer.id, v_quote.resolution
      using errcode = 'PT400', hint = 'resolution_not_available',
        detail = json_build_object('resolutions', v_offer.resolutions)::text;
  elsif v_seconds is not null and (
    v_offer.max_seconds is null
    or not v_seconds between v_offer.min_seconds and v_offer.max_seconds
  ) then
    -- Without the number that was asked for: it may be one of a hundred thousand digits.
    raise exception 'duration_seconds: model % takes % to % seconds.',
      v_offer.id, v_offer.min_seconds, v_offer.max_seconds
      using errcode = 'PT400', hint = 'duration_not_available',
        detail = json_build_object('min', v_offer.min_seconds, 'max', v_offer.max_seconds)::text;
  elsif v_seconds is not null and v_offer.allowed_seconds <> '{}'
    and v_quote.duration_seconds <> all(v_offer.allowed_seconds)
  then
    raise exception 'duration_seconds: model % takes % seconds.',
      v_offer.id, array_to_string(v_offer.allowed_seconds, ', ')
      using errcode = 'PT400', hint = 'duration_not_available',
        detail = json_build_object('allowed', v_offer.allowed_seconds)::text;
  elsif p_output_count is null or not p_output_count between 1 and v_offer.max_outputs then
    raise exception 'output_count: model % makes 1 to % outputs.', v_offer.id, v_offer.max_outputs
      using errcode = 'PT400', hint = 'output_count_not_available',
        detail = json_build_object('max', v_offer.max_outputs)::text;
  elsif char_length(p_prompt) > v_offer.max_prompt_characters then
    raise exception 'prompt: model % takes up to % characters.',
      v_offer.id, v_offer.max_prompt_characters
      using errcode = 'PT400', hint = 'prompt_too_long',
        detail = json_build_object('max', v_offer.max_prompt_characters)::text;
  end if;

  v_quote.quantity := case v_offer.unit
    when 'job' then 1
    when 'second' then v_quote.duration_seconds * p_output_count
    when 'output' then p_output_count
    when 'segment' then
      case
        when jsonb_typeof(p_parameters -> 'segments') = 'number'
          then greatest(1, least(1000, ceil((p_parameters ->> 'segments')::numeric)))
        else 1
      end
    when '1k_characters' then greatest(1, ceil(char_length(p_prompt) / 1000.0))
  end;
  -- greatest() passes over nulls: without this, a price by the second for a model that has no
  -- seconds would be the minimum.
  if v_quote.quantity is null then
    raise exception 'Model % is priced by % but has none.', v_offer.id, v_offer.unit
      using errcode = 'PT500', hint = 'catalogue_is_wrong';
  end if;
  v_quote.credits := round(greatest(
    v_offer.minimum,
    v_quote.quantity
    * case when v_quote.is_edit_call then v_offer.edit_credits else v_offer.credits end
  ), 2);
  return v_quote;
end;
$$;
comment on function private.quote_job is
'What a job would cost, and how it would be run where something is left open. Reads what is active '
'in the catalogue, and no more. Definer: a caller cannot call by name what lies in this schema. '
'Raises PT400 with a hint that names what is not available, or invalid_parameter.';
revoke execute on function private.quote_job from public;
grant execute on function private.quote_job to anon, authenticated, service_role;

create function public.quote_generation(
  p_kind public.generation_kind,
  p_prompt text default null,
  p_model_id text default null,
  p_mode public.generation_mode default 'standard',
  p_aspect_ratio text default null,
  p_resolution text default null,
  p_duration_seconds numeric default null,
  p_output_count integer default 1,
  p_is_edit_call boolean default false,
  p_parameters jsonb default '{}'
)
returns public.generation_quote
language sql
stable
set search_path = ''
begin atomic
  select private.quote_job(
    p_kind, p_prompt, p_model_id, p_mode, p_aspect_ratio, p_resolution, p_duration_seconds,
    p_output_count, p_is_edit_call, p_parameters
  );
end;
comment on function public.quote_generation is
'What a job would cost, and how it would be run where something is left open. Reads the catalogue'
' only. Errors: 400 with a hint that names what is not available, or invalid_parameter, whose '
'message begins with the parameter.';
revoke execute on function public.quote_generation from public;
grant execute on function public.quote_generation to anon, authenticated, service_role;

create function private.require_inputs(
  p_job_id uuid, p_kind public.generation_kind, p_model_id text
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_role text;
begin
  select required.role into v_role
  from public.models
  cross join jsonb_array_elements_text(models.required_inputs -> p_kind::text) as required (role)
  where models.id = p_model_id
    and not exists (
      select from public.job_assets as inputs
      where inputs.job_id = p_job_id and inputs.role::text = required.role
    )
    and not exists (
      select from public.job_dependencies as dependencies where dependencies.job_id = p_job_id
    )
  limit 1;
  if found then
    raise exception 'inputs: model % works from a file, a %, and was given none.', p_model_id, v_role
      using errcode = 'PT400', hint = 'input_missing',
        detail = json_build_object('role', v_role)::text;
  end if;
end;
$$;
comment on function private.require_inputs is
'Sees that a job that is submitted has the files that its model works from. What other jobs will '
'make for it is unknown, and is the provider''s to judge. Raises PT400 input_missing.';
revoke execute on function private.require_inputs from public;

create function private.price_job()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_quote public.generation_quote;
  v_is_edit boolean := false;
  v_owner record;
begin
  if new.status = 'queued' then
    -- What charging will lock, in the order in which everybody locks it; later the foreign keys
    -- would take their locks in between. An update has come through lock_job.
    select profiles.deleted_at, plans.job_priority into v_owner
    from public.profiles
    inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
    where profiles.user_id = new.user_id
    for key share of profiles;
    if not found then
      raise exception 'There is no such user.' using errcode = '42501', hint = 'user_not_found';
    elsif v_owner.deleted_at is not null then
      raise exception 'The account is closed.' using errcode = 'PT403', hint = 'account_closed';
    end if;
    if tg_op = 'INSERT' and new.project_id is not null then
      perform 1 from public.projects
      where id = new.project_id and user_id = new.user_id for key share;
    end if;
    if tg_op = 'INSERT' and new.campaign_id is not null then
      perform 1 from public.campaigns
      where id = new.campaign_id and user_id = new.user_id for key share;
    end if;
    -- Charging locks the account, as late as it can, so that one user's jobs wait for one another
    -- no longer than they must. But before the row waits for another one's key, and before it
    -- shares a lock on a job: whoever holds that may want the account next.
    if tg_op = 'INSERT' and (
      new.idempotency_key is not null or new.parent_job_id is not null
      or new.storyboard_id is not null
    ) then
      perform private.lock_account(new.user_id);
    end if;
  end if;

  -- An edit is cheaper because the work it starts from was paid for.
  if new.parent_job_id is not null then
    v_is_edit := exists (
      select from public.generation_jobs
      where id = new.parent_job_id and user_id = new.user_id and kind = new.kind
        and status = 'completed' and credit_cost > 0 and not is_refunded
    );
  end if;
  v_quote := private.quote_job(
    new.kind, new.prompt, new.model_id, new.mode, new.aspect_ratio, new.resolution,
    new.duration_seconds, new.output_count, v_is_edit, new.parameters
  );
  -- A draft may have changed its model since its references were added.
  if tg_op = 'UPDATE' and (
    select count(*) from public.job_assets where job_id = new.id and role = 'reference_image'
  ) > (select max_reference_images from public.models where id = v_quote.model_id) then
    raise exception 'Model % takes fewer reference images than the job has.', v_quote.model_id
      using errcode = 'PT400', hint = 'too_many_inputs';
  end if;
  if tg_op = 'UPDATE' and new.status = 'queued' and new.parent_job_id is null then
    perform private.require_inputs(new.id, new.kind, v_quote.model_id);
  end if;
  new.model_id := v_quote.model_id;
  new.provider := v_quote.provider;
  new.aspect_ratio := v_quote.aspect_ratio;
  new.resolution := v_quote.resolution;
  new.duration_seconds := v_quote.duration_seconds;
  new.credit_cost := v_quote.credits;
  new.is_edit_call := v_quote.is_edit_call;
  -- Prices may have changed since a draft was made, so a draft is priced again when it is queued.
  if new.status = 'queued' then
    new.queued_at := private.now();
    new.credit_transaction_id := case when v_quote.credits > 0 then gen_random_uuid() end;
    new.priority := coalesce(v_owner.job_priority, 0);
  end if;
  return new;
end;
$$;
comment on function private.price_job() is
'Trigger: resolves and prices a job when it is made, edited as a draft, or queued. Definer: it '
'reads the owner''s plan and sets what no client may.';
revoke execute on function private.price_job() from public;

create trigger generation_jobs_price_insert
before insert on public.generation_jobs
for each row execute function private.price_job();
create trigger generation_jobs_price_update
before update on public.generation_jobs
for each row when (
  old.status = 'pending' and (
    new.status = 'queued'
    -- Not for what changes no price: a draft whose model is gone must still let its project go.
    or (new.status = 'pending' and (
      new.kind, new.mode, new.model_id, new.prompt, new.aspect_ratio, new.resolution,
      new.duration_seconds, new.output_count, new.parameters
    ) is distinct from (
      old.kind, old.mode, old.model_id, old.prompt, old.aspect_ratio, old.resolution,
      old.duration_seconds, old.output_count, old.parameters
    ))
    or new.parent_job_id <> coalesce(old.parent_job_id, new.id)
  )
)
execute function private.price_job();
