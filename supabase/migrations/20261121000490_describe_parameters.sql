-- What a job's `parameters` may hold: rules, which each model brings along, and whether a job keeps
-- them. Likewise which files it must have.
--
-- A rule says of one parameter what it must be. Rules are data, in models.parameters: a front end
-- draws its form from them, and the database refuses what does not fit before anything is charged,
-- so that no provider is asked for what it would refuse, and none has to be trusted to refuse it.
-- Every parameter may be left out; one that is there is of its type, within its bounds and never
-- null.
--
--   {"seed": {"type": "integer", "min": 0, "max": 4294967295},
--    "guidance": {"type": "number", "min": 0.5, "max": 20},
--    "voice": {"type": "text", "min": 1, "max": 40},
--    "transition": {"type": "text", "choices": ["fade", "none"]},
--    "loop": {"type": "boolean"},
--    "durations": {"type": "array", "max": 20,
--                  "items": {"type": "number", "min": 0.5, "max": 60}},
--    "segments": {"type": "integer", "min": 1, "max": 50, "kinds": ["video_segmentation"]}}
--
-- min and max are characters of a text, elements of an array, and otherwise the bounds themselves.
-- With `kinds` a parameter is one of these kinds of job alone; `description` is for whoever reads
-- it. These two belong to a parameter, not to the items of an array, and arrays are not nested.

create function private.parameter_rule_fault(p_rule jsonb, p_is_item boolean)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_type text := p_rule ->> 'type';
  v_max integer := case when v_type = 'array' then 1000 else 16384 end;
begin
  if jsonb_typeof(p_rule) <> 'object' or v_type is null
    or v_type not in ('text', 'integer', 'number', 'boolean', 'array')
  then
    return 'must be an object with a `type` of text, integer, number, boolean or array';
  elsif exists (
    select from jsonb_object_keys(p_rule) as keys (name)
    where keys.name not in ('type', 'min', 'max', 'choices', 'items', 'kinds', 'description')
  ) then
    return 'may have type, min, max, choices, items, kinds and description, and nothing else';
  elsif exists (
    select from jsonb_each(p_rule) as given
    where case given.key
      when 'type' then false
      when 'min' then
        v_type = 'boolean' or p_rule ? 'choices' or jsonb_typeof(given.value) <> 'number'
      when 'max' then
        v_type = 'boolean' or p_rule ? 'choices' or jsonb_typeof(given.value) <> 'number'
      when 'choices' then v_type <> 'text' or jsonb_typeof(given.value) <> 'array'
      when 'items' then v_type <> 'array'
      when 'kinds' then p_is_item or jsonb_typeof(given.value) <> 'array'
      else p_is_item or jsonb_typeof(given.value) <> 'string'
    end
  ) then
    return 'has something that does not go with its type';
  elsif p_rule ? 'choices' then
    if p_rule -> 'choices' = '[]'
      or jsonb_path_exists(p_rule, 'strict $.choices[*] ? (@.type() != "string")')
    then
      return 'must offer texts to choose from';
    end if;
  elsif v_type in ('integer', 'number') then
    if ((p_rule -> 'min')::numeric <= (p_rule -> 'max')::numeric) is not true then
      return 'must have min and max, in this order';
    end if;
  elsif v_type in ('text', 'array') then
    if (
      (p_rule -> 'max')::numeric between 1 and v_max
      and coalesce((p_rule -> 'min')::numeric, 0) between 0 and (p_rule -> 'max')::numeric
    ) is not true then
      return format('must have max, from 1 to %s, and min, if at all, from 0 to max', v_max);
    elsif v_type = 'array' then
      if p_is_item then
        return 'must not have arrays in an array';
      elsif private.parameter_rule_fault(p_rule -> 'items', true) is not null then
        return 'must say in `items` what is in it: '
          || private.parameter_rule_fault(p_rule -> 'items', true);
      end if;
    end if;
  end if;
  if p_rule ? 'kinds' and (
    p_rule -> 'kinds' = '[]' or exists (
      select from jsonb_array_elements_text(p_rule -> 'kinds') as named (kind)
      where named.kind <> all(enum_range(null::public.generation_kind)::text[])
    )
  ) then
    return 'must name in `kinds` kinds of generation';
  end if;
  return null;
end;
$$;
comment on function private.parameter_rule_fault is
'What is wrong with the rule of a parameter, or of the items of one that is an array; null: '
'nothing.';

create function private.are_parameter_rules(p_rules jsonb)
returns boolean
language plpgsql
stable
strict
security definer
set search_path = ''
as $$
declare
  v_name text;
  v_rule jsonb;
  v_fault text;
begin
  if jsonb_typeof(p_rules) <> 'object' then
    raise exception 'parameters: must be an object of rules.'
      using errcode = 'PT400', hint = 'invalid_parameter_rule';
  end if;
  for v_name, v_rule in select rules.key, rules.value from jsonb_each(p_rules) as rules loop
    v_fault := case
      when v_name !~ '^[a-z][a-z0-9_]{0,39}$'
        then 'must be named in small letters, digits and underscores'
      else private.parameter_rule_fault(v_rule, false)
    end;
    if v_fault is not null then
      raise exception 'parameters.%: %.', left(v_name, 40), v_fault
        using errcode = 'PT400', hint = 'invalid_parameter_rule';
    end if;
  end loop;
  return true;
end;
$$;
comment on function private.are_parameter_rules is
'For the check constraint of models.parameters: true when it is an object of rules (see the head '
'of the file), else PT400 invalid_parameter_rule, whose message names the parameter. Null for '
'null. Definer: whoever writes a model cannot call by name what lies in this schema.';

create function private.are_required_inputs(p_inputs jsonb)
returns boolean
language plpgsql
stable
strict
set search_path = ''
as $$
begin
  return jsonb_typeof(p_inputs) = 'object' and not exists (
    select from jsonb_each(p_inputs) as given
    where given.key <> all(enum_range(null::public.generation_kind)::text[])
      or jsonb_typeof(given.value) <> 'array'
      or not given.value <@ '["reference_image", "source_video", "source_audio"]'
  );
end;
$$;
comment on function private.are_required_inputs is
'For the check constraint of models.required_inputs: whether it is an object that maps kinds of '
'generation to lists of the roles of inputs. Null for null.';

create function private.check_parameters(
  p_parameters jsonb, p_rules jsonb, p_kind public.generation_kind
)
returns void
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
declare
  v_name text;
  v_value jsonb;
  v_rule jsonb;
  v_type text;
  v_item jsonb;
  v_last integer;
  v_index integer;
  v_number numeric;
  v_fault text;
begin
  -- No longer than a job may hold, before it is looked into.
  if jsonb_typeof(p_parameters) <> 'object' then
    v_fault := 'must be an object';
  elsif pg_column_size(p_parameters) > 16384 or octet_length(p_parameters::text) > 16384 then
    v_fault := 'must be no longer than 16384 bytes, written out';
  else
    <<given>>
    for v_name, v_value in select each.key, each.value from jsonb_each(p_parameters) as each loop
      v_rule := p_rules -> v_name;
      if v_rule is null or (v_rule ? 'kinds' and not v_rule -> 'kinds' ? p_kind::text) then
        v_fault := 'is not known to this model, which knows ' || coalesce(
          (
            select string_agg(rules.key, ', ' order by rules.key)
            from jsonb_each(p_rules) as rules
            where not rules.value ? 'kinds' or rules.value -> 'kinds' ? p_kind::text
          ),
          'none'
        );
        exit given;
      end if;

      -- A list is looked at as a whole, and then item by item; all else is the one item.
      v_type := v_rule ->> 'type';
      v_item := v_value;
      v_last := 0;
      v_index := null;
      if v_type = 'array' then
        if jsonb_typeof(v_value) <> 'array'
          or jsonb_array_length(v_value) > (v_rule -> 'max')::integer
          or jsonb_array_length(v_value) < coalesce((v_rule -> 'min')::integer, 0)
        then
          v_fault := format(
            'must be a list of %s to %s', coalesce(v_rule ->> 'min', '0'), v_rule -> 'max'
          );
          exit given;
        end if;
        v_last := jsonb_array_length(v_value) - 1;
        v_rule := v_rule -> 'items';
        v_type := v_rule ->> 'type';
        v_index := 0;
      end if;
      for v_place in 0..v_last loop
        if v_index is not null then
          v_index := v_place;
          v_item := v_value -> v_place;
        end if;

        -- Nothing is said of the value, which may be anything and of any length.
        if v_type in ('integer', 'number') then
          v_number := null;
          if jsonb_typeof(v_item) = 'number' then
            v_number := v_item::numeric;
          end if;
          -- Every reader can take 20 decimals; whole is what is written without any.
          if v_number is null
            or v_number < (v_rule -> 'min')::numeric or v_number > (v_rule -> 'max')::numeric
            or scale(v_number) > (case v_type when 'integer' then 0 else 20 end)
          then
            v_fault := format(
              'must be a %s from %s to %s',
              case v_type when 'integer' then 'whole number' else 'number' end,
              v_rule -> 'min', v_rule -> 'max'
            );
          end if;
        elsif v_type = 'boolean' then
          if jsonb_typeof(v_item) <> 'boolean' then
            v_fault := 'must be true or false';
          end if;
        elsif v_rule ? 'choices' then
          if jsonb_typeof(v_item) <> 'string' or not v_rule -> 'choices' @> v_item then
            v_fault := 'must be one of ' || array_to_string(
              array(select jsonb_array_elements_text(v_rule -> 'choices')), ', '
            );
          end if;
        elsif jsonb_typeof(v_item) <> 'string'
          or char_length(v_item #>> '{}') > (v_rule -> 'max')::integer
          or (v_rule ? 'min' and (
            char_length(v_item #>> '{}') < (v_rule -> 'min')::integer
            or v_item #>> '{}' !~ '[^[:space:]]'
          ))
        then
          v_fault := format(
            'must be a text of %s to %s characters', coalesce(v_rule ->> 'min', '0'), v_rule -> 'max'
          );
        end if;
        exit given when v_fault is not null;
      end loop;
    end loop;
  end if;
  if v_fault is not null then
    raise exception '%: %.',
      concat('parameters', '.' || left(v_name, 40), '[' || v_index || ']'), v_fault
      using errcode = 'PT400', hint = 'invalid_parameter',
        detail = json_build_object('parameter', left(v_name, 40), 'index', v_index)::text;
  end if;
end;
$$;
comment on function private.check_parameters is
'Sees that the parameters of a job keep to its model''s rules (see the head of the file). Raises '
'PT400 invalid_parameter, whose message begins with the field, like parameters.durations[3].';

revoke execute on function
private.parameter_rule_fault, private.are_parameter_rules, private.are_required_inputs,
private.check_parameters
from public;
-- Whoever writes a model has these checked.
grant execute on function private.are_parameter_rules, private.are_required_inputs to service_role;
