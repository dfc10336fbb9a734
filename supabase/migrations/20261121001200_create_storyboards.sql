-- A video planned frame by frame.
--
-- How long it becomes is the sum of its frames, computed by the database: it can neither be written
-- nor be wrong.

create function private.total_duration(p_frames jsonb)
returns numeric
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  -- A generated column is computed before any check: whatever a check will refuse, its message
  -- should be told, not an overflow here. So nothing is unwrapped, as a JSON path would, and what
  -- is no frame counts as nothing.
  if jsonb_typeof(p_frames) <> 'array' then
    return 0;
  end if;
  return (
    select coalesce(sum(
      case
        when jsonb_typeof(frames.value -> 'duration') = 'number'
          then greatest(0, least(3600, (frames.value -> 'duration')::numeric))
      end
    ), 0)
    from jsonb_array_elements(p_frames) with ordinality as frames (value, place)
    where frames.place <= 200
  );
end;
$$;
comment on function private.total_duration is
'The seconds that a storyboard''s frames take together. For the generated column.';
revoke execute on function private.total_duration from public;
grant execute on function private.total_duration to authenticated, service_role;

create table public.storyboard_sequences (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  campaign_id uuid,
  character_id uuid,
  name text not null,
  frames jsonb not null default '[]',
  total_duration numeric(10, 2) not null
  generated always as (private.total_duration(frames)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint storyboard_sequences_id_user_id_key unique (id, user_id),
  constraint storyboard_sequences_campaign_is_the_owners foreign key (campaign_id, user_id)
  references public.campaigns (id, user_id) on delete set null (campaign_id),
  constraint storyboard_sequences_name_is_given check (
    name ~ '[^[:space:]]' and char_length(name) <= 200
  ),
  constraint storyboard_sequences_frames_are_described check (
    private.check_elements(
      frames, 'frames', 200,
      '{"description": {"type": "text", "required": true, "min": 1, "max": 5000},
        "duration": {"type": "number", "required": true, "min": 0.1, "max": 3600}}'
    )
  ),
  constraint storyboard_sequences_frames_are_small check (private.is_small_json(frames, 49152))
);
comment on table public.storyboard_sequences is
'Videos planned frame by frame. Jobs join one by storyboard_id.';
comment on column public.storyboard_sequences.character_id is 'The character that plays in it.';
comment on column public.storyboard_sequences.frames is
'In order, at most 200 objects with `description` (text) and `duration` (seconds, 0.1 to 3600); '
'further keys are the front end''s own.';
comment on column public.storyboard_sequences.total_duration is
'Seconds: the sum of the frames, to two decimals. Computed.';

create index storyboard_sequences_user_id_created_at_idx
on public.storyboard_sequences (user_id, created_at desc);
create index storyboard_sequences_campaign_id_user_id_idx
on public.storyboard_sequences (campaign_id, user_id) where campaign_id is not null;

create trigger storyboard_sequences_set_updated_at before update on public.storyboard_sequences
for each row execute function private.set_updated_at();

alter table public.storyboard_sequences enable row level security;

create policy storyboard_sequences_select_owner on public.storyboard_sequences
for select to authenticated using (user_id = (select auth.uid()));
create policy storyboard_sequences_insert_owner on public.storyboard_sequences
for insert to authenticated with check (user_id = (select auth.uid()));
create policy storyboard_sequences_update_owner on public.storyboard_sequences
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy storyboard_sequences_delete_owner on public.storyboard_sequences
for delete to authenticated using (user_id = (select auth.uid()));

revoke all on public.storyboard_sequences from public, anon, authenticated, service_role;
grant select, delete on public.storyboard_sequences to authenticated;
grant
insert (campaign_id, character_id, name, frames),
update (campaign_id, character_id, name, frames)
on public.storyboard_sequences to authenticated;
grant select, insert, update, delete on public.storyboard_sequences to service_role;
