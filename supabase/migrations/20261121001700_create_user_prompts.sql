-- Every prompt that a user sent, with the job it led to: the chat history of the app.

create function private.is_sound_prompt(p_prompt text, p_audio_input text)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  return p_prompt ~ '[^[:space:]]'
    and char_length(p_prompt) <= 10000 and coalesce(char_length(p_audio_input), 0) <= 10000
    and octet_length(p_prompt) + coalesce(octet_length(p_audio_input), 0) <= 32768;
end;
$$;
comment on function private.is_sound_prompt is
'Whether a prompt says something, and is as short as it must be.';
revoke execute on function private.is_sound_prompt from public;
grant execute on function private.is_sound_prompt to authenticated, service_role;

create table public.user_prompts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  prompt text not null,
  audio_input text,
  reference_asset_id uuid,
  mode public.generation_mode not null default 'standard',
  job_id uuid,
  created_at timestamptz not null default now(),
  constraint user_prompts_texts_are_given_and_short check (
    private.is_sound_prompt(prompt, audio_input)
  ),
  constraint user_prompts_reference_is_the_owners foreign key (reference_asset_id, user_id)
  references public.assets (id, user_id) on delete set null (reference_asset_id),
  constraint user_prompts_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete set null (job_id)
);
comment on table public.user_prompts is
'Prompts in the order sent; a user''s own to read and delete.';
comment on column public.user_prompts.audio_input is 'Voice-over or mood that went with it.';
comment on column public.user_prompts.job_id is 'The job it led to.';

create index user_prompts_user_id_created_at_idx on public.user_prompts (user_id, created_at desc);
create index user_prompts_reference_asset_id_user_id_idx
on public.user_prompts (reference_asset_id, user_id) where reference_asset_id is not null;
-- What the limit of rows counts.
create index user_prompts_without_job_idx on public.user_prompts (user_id) where job_id is null;
-- One prompt led to a job: nobody can pile up rows under one.
create unique index user_prompts_job_id_user_id_key
on public.user_prompts (job_id, user_id) where job_id is not null;

alter table public.user_prompts enable row level security;

create policy user_prompts_select_owner on public.user_prompts
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    job_id is null or (
      select true from public.generation_jobs as jobs where jobs.id = user_prompts.job_id
    )
  )
);
create policy user_prompts_insert_owner on public.user_prompts
for insert to authenticated with check (user_id = (select auth.uid()));
create policy user_prompts_delete_owner on public.user_prompts
for delete to authenticated using (
  user_id = (select auth.uid())
  and (
    job_id is null or (
      select true from public.generation_jobs as jobs where jobs.id = user_prompts.job_id
    )
  )
);

revoke all on public.user_prompts from public, anon, authenticated, service_role;
grant select, delete on public.user_prompts to authenticated;
grant insert (prompt, audio_input, reference_asset_id, mode, job_id)
on public.user_prompts to authenticated;
grant select, insert, update, delete on public.user_prompts to service_role;
