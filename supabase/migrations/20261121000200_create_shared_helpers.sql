-- What several later files lean on: the clock, the settings, the updated_at trigger, and the checks
-- of lists and documents.

create function private.now()
returns timestamptz
language sql
stable
return pg_catalog.now();
comment on function private.now() is
'The time by which money and leases are judged. One place, so that a test database can replace '
'it; in production it is the transaction''s time and nothing can set it.';
revoke execute on function private.now() from public;

create function private.later(p_from timestamptz, p_by interval)
returns timestamptz
language sql
immutable
set search_path = ''
return ((p_from at time zone 'UTC') + p_by) at time zone 'UTC';
comment on function private.later is
'So much later, in UTC: what a day or a month is must not hang on the caller''s time zone.';
revoke execute on function private.later from public;

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
  subscription_grace interval not null default interval '3 days',
  retry_backoff interval not null default interval '2 seconds',
  retry_backoff_limit interval not null default interval '5 minutes',
  identity_pepper bytea not null
  default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'),
  constraint settings_is_one_row check (only_row),
  constraint settings_signup_bonus_is_not_negative
  check (signup_bonus >= 0 and signup_bonus <> 'NaN'),
  constraint settings_intervals_are_not_negative
  check (
    refund_grace >= interval '0' and subscription_grace >= interval '0'
    and retry_backoff >= interval '0'
    and retry_backoff_limit >= interval '0'
  )
);
comment on table private.settings is 'One row of settings, changed by a migration or an operator.';
comment on column private.settings.signup_bonus is 'Credits that a first sign-up is given.';
comment on column private.settings.refund_grace is
'How long a refund may be spent when the lot it was taken from has ended meanwhile.';
comment on column private.settings.subscription_grace is
'How long a subscription that was not renewed in time keeps its tier.';
comment on column private.settings.retry_backoff is
'Wait before the second attempt of a job; doubles with each further one.';
comment on column private.settings.retry_backoff_limit is 'The longest wait between two attempts.';
comment on column private.settings.identity_pepper is
'Key of the hashes by which a bonus is given once an e-mail address; never leaves the database.';

alter table private.settings enable row level security;
revoke all on private.settings from public, anon, authenticated, service_role;

insert into private.settings default values;

-- What the check constraints of later files call. They run with the rights of whoever writes the
-- row, so the writing roles may execute them; nobody can call them by name from outside. In plpgsql
-- for speed: it keeps its plans, where SQL functions are planned again for each statement.
--
-- A document is bounded before it is written out, one step after another: 1e131071 is eight bytes
-- on its way in and 131072 on its way out, and writing out a few kilobytes of such numbers takes
-- gigabytes, minutes, and no notice of the statement's timeout.

create function private.is_small_json(p_value jsonb, p_max_bytes integer)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
  v_numbers jsonb;
begin
  if pg_column_size(p_value) > p_max_bytes
    or jsonb_path_exists(p_value, 'strict $.**{9 to last}')
  then
    return false;
  end if;
  v_numbers := jsonb_path_query_array(p_value, 'strict $.** ? (@.type() == "number")');
  if v_numbers <> '[]' and exists (
    select from jsonb_array_elements(v_numbers) as numbers
    where abs(numbers.value::numeric) > 1000000000000000 or scale(numbers.value::numeric) > 20
  ) then
    return false;
  end if;
  return octet_length(p_value::text) <= p_max_bytes;
end;
$$;
comment on function private.is_small_json is
'Whether a document is one that every reader can take: no longer than so many bytes, written out '
'or as it is stored (where a number takes twelve or more), nested at most eight deep, no number '
'beyond a quadrillion or of more than 20 decimals. Null for null.';

create function private.is_small_object(p_value jsonb, p_max_bytes integer)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
  v_numbers jsonb;
begin
  -- The same again, since the writing roles cannot call by name what lies in this schema.
  if p_value = '{}' then
    return true;
  elsif jsonb_typeof(p_value) <> 'object' or pg_column_size(p_value) > p_max_bytes
    or jsonb_path_exists(p_value, 'strict $.**{9 to last}')
  then
    return false;
  end if;
  v_numbers := jsonb_path_query_array(p_value, 'strict $.** ? (@.type() == "number")');
  if v_numbers <> '[]' and exists (
    select from jsonb_array_elements(v_numbers) as numbers
    where abs(numbers.value::numeric) > 1000000000000000 or scale(numbers.value::numeric) > 20
  ) then
    return false;
  end if;
  return octet_length(p_value::text) <= p_max_bytes;
end;
$$;
comment on function private.is_small_object is
'Whether a document is an object, and small as private.is_small_json says. Null for null.';

create function private.is_text_list(p_list text[], p_max_items integer, p_max_length integer)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
  v_item text;
begin
  if cardinality(p_list) > p_max_items or array_ndims(p_list) > 1
    or pg_column_size(p_list) > 8192
  then
    return false;
  end if;
  foreach v_item in array p_list loop
    if v_item is null or char_length(v_item) > p_max_length or v_item !~ '[^[:space:]]' then
      return false;
    end if;
  end loop;
  return true;
end;
$$;
comment on function private.is_text_list is
'Whether an array is a plain list of at most so many texts, none of them null, blank or longer '
'than so many characters, and all together no more than 8192 bytes. Null for null.';

create function private.check_elements(
  p_value jsonb, p_field text, p_max integer, p_shape jsonb
)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
  v_index bigint;
  v_key text;
  v_rule jsonb;
  v_item jsonb;
  v_fault text;
begin
  if jsonb_typeof(p_value) <> 'array' then
    v_fault := 'must be an array';
  elsif jsonb_array_length(p_value) > p_max then
    v_fault := format('must have no more than %s elements', p_max);
  else
    -- The first key of the first element that does not fit its rule.
    select elements.ordinality - 1, rules.key, rules.value, elements.value -> rules.key
    into v_index, v_key, v_rule, v_item
    from jsonb_array_elements(p_value) with ordinality as elements (value, ordinality)
    left join jsonb_each(p_shape) as rules on true
    where jsonb_typeof(elements.value) <> 'object'
      or case coalesce(jsonb_typeof(elements.value -> rules.key), 'null')
        when 'null' then coalesce((rules.value -> 'required')::boolean, false)
        when 'string' then
          rules.value ->> 'type' <> 'text'
          or char_length(elements.value ->> rules.key) > (rules.value -> 'max')::integer
          or (
            rules.value ? 'min'
            and (
              char_length(elements.value ->> rules.key) < (rules.value -> 'min')::integer
              or elements.value ->> rules.key !~ '[^[:space:]]'
            )
          )
        when 'number' then
          rules.value ->> 'type' <> 'number'
          or (elements.value -> rules.key)::numeric
          not between (rules.value -> 'min')::numeric and (rules.value -> 'max')::numeric
        else jsonb_typeof(elements.value -> rules.key) <> rules.value ->> 'type'
      end
    order by elements.ordinality, rules.key
    limit 1;
    if not found then
      return true;
    end if;
    if jsonb_typeof(p_value -> v_index::integer) <> 'object' then
      v_key := null;
      v_fault := 'must be an object';
    elsif coalesce(jsonb_typeof(v_item), 'null') = 'null' then
      v_fault := 'is required';
    else
      v_fault := case v_rule ->> 'type'
        when 'text' then
          case
            when v_rule ? 'min'
              then format('must be a text of %s to %s characters', v_rule -> 'min', v_rule -> 'max')
            else format('must be a text of at most %s characters', v_rule -> 'max')
          end
        when 'number' then
          format('must be a number from %s to %s', v_rule -> 'min', v_rule -> 'max')
        else format('must be of type %s', v_rule ->> 'type')
      end;
    end if;
  end if;
  raise exception '%: %.', concat(p_field, '[' || v_index || ']', '.' || v_key), v_fault
    using errcode = 'PT400', hint = 'invalid_element',
      detail = json_build_object('field', p_field, 'index', v_index, 'key', v_key)::text;
end;
$$;
comment on function private.check_elements is
'For check constraints: true when a document is an array of at most so many objects of the given '
'shape, else PT400 invalid_element, whose message names field, index and key. The shape maps a key'
' to {"type": "text"|"number"|"object"|"array"|"boolean", "required": true|false, "min", "max"}; '
'a text has a maximal length and, if not blank, a minimal one; a number has both bounds. Further '
'keys are allowed, and null counts as absent. Null for null.';

revoke execute on function
private.is_small_json, private.is_small_object, private.is_text_list, private.check_elements
from public;
grant execute on function
private.is_small_json, private.is_small_object, private.is_text_list, private.check_elements
to authenticated, service_role;
