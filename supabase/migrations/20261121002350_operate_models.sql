-- What an operator does to the catalogue by hand: a provider's models come switched off, and are
-- offered once its keys are set and a dispatcher runs it.
--
-- A model that is switched off is shown to nobody and taken for no new job; what was submitted goes
-- on. Whoever names no model gets the first active one of its kind, by sort_order.

create function worker.operate_model(
  p_model_id text, p_action text, p_reason text, p_operator text, p_settings jsonb default '{}'
)
returns public.models
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_model public.models;
begin
  perform private.require_operator(p_operator, p_reason);
  select * into v_model from public.models where id = p_model_id for no key update;
  if not found then
    raise exception 'There is no model %.', left(p_model_id, 100)
      using errcode = 'PT404', hint = 'model_not_found';
  elsif p_action = 'disable' then
    update public.models set is_active = false where id = p_model_id returning * into v_model;
  elsif p_action = 'enable' then
    if not exists (select from public.model_prices where model_id = p_model_id) then
      raise exception 'Model % has no price: add rows to model_prices first.', p_model_id
        using errcode = 'PT409', hint = 'model_has_no_price';
    elsif (char_length(btrim(p_settings ->> 'provider_model')) between 1 and 200) is false then
      raise exception 'provider_model: must have from 1 to 200 characters.'
        using errcode = 'PT400', hint = 'invalid_provider_model';
    end if;
    update public.models
    set is_active = true,
        provider_model = coalesce(btrim(p_settings ->> 'provider_model'), provider_model),
        -- Before all others that do what it does.
        sort_order = case
          when (p_settings -> 'is_default') = 'true' then (
            select coalesce(min(others.sort_order) - 1, v_model.sort_order)
            from public.models as others
            where others.id <> p_model_id and others.kinds && v_model.kinds
          )
          else sort_order
        end
    where id = p_model_id
    returning * into v_model;
  else
    raise exception 'p_action: must be enable or disable.'
      using errcode = 'PT400', hint = 'unknown_action';
  end if;

  insert into worker.operator_actions (operator, action, reason, details)
  values (
    btrim(p_operator), p_action || '_model', btrim(p_reason),
    jsonb_build_object('model_id', p_model_id) || coalesce(p_settings, '{}')
  );
  return v_model;
end;
$$;
comment on function worker.operate_model is
'An operator offers a model of the catalogue ({provider_model}: what its provider calls it; '
'{is_default: true}: to whoever names none), or takes it back. Returns the model. Raises PT400 '
'operator_required, reason_required, invalid_provider_model or unknown_action, PT404 '
'model_not_found, PT409 model_has_no_price.';
revoke execute on function worker.operate_model from public;
grant execute on function worker.operate_model to service_role;
