-- What a user said and what was answered, across all features: the history of a chat.
--
-- The front end writes a turn when it is over. A turn is not edited, only deleted.

create type public.conversation_type as enum (
  'concept_generation', 'web_research', 'content_summary', 'video_segmentation',
  'image_generation', 'video_generation', 'voiceover_generation', 'character_generation',
  'general_chat'
);
comment on type public.conversation_type is 'Which feature a conversation was about.';

create table public.conversations (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  project_id uuid,
  type public.conversation_type not null,
  user_input text not null,
  response text not null,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  constraint conversations_project_is_the_owners foreign key (project_id, user_id)
  references public.projects (id, user_id) on delete cascade,
  constraint conversations_user_input_is_given check (user_input ~ '[^[:space:]]'),
  constraint conversations_texts_are_short check (
    char_length(user_input) <= 10000 and octet_length(user_input || response) <= 32768
  ),
  constraint conversations_metadata_is_a_small_object check (
    private.is_small_object(metadata, 4096)
  )
);
comment on table public.conversations is 'Turns of conversations: one input and its answer each.';
comment on column public.conversations.metadata is 'Object of the front end''s own.';

create index conversations_user_id_created_at_idx
on public.conversations (user_id, created_at desc);
create index conversations_project_id_user_id_created_at_idx
on public.conversations (project_id, user_id, created_at desc) where project_id is not null;

alter table public.conversations enable row level security;

create policy conversations_select_owner on public.conversations
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy conversations_insert_owner on public.conversations
for insert to authenticated with check (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy conversations_delete_owner on public.conversations
for delete to authenticated using (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);

revoke all on public.conversations from public, anon, authenticated, service_role;
grant select, delete on public.conversations to authenticated;
grant insert (project_id, type, user_input, response, metadata)
on public.conversations to authenticated;
grant select, insert, update, delete on public.conversations to service_role;
