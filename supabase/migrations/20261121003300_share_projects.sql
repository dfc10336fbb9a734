-- How others see a project: by its link, or because it is public.
--
-- Nobody but the owner reads the tables. What others may see goes through the functions here, and
-- is all they show: name, description, the owner's username and picture, and the results of
-- finished jobs; prompts only if the owner chose so. No user id, and no storage path either, since
-- paths begin with the user's id: a result carries the path at which Reelbase's own service hands
-- the file out (/shared/{token}/{asset_id} and /public/{project_id}/{asset_id}).
--
-- A link is a random token of 244 bits. A token that is unknown, a project that is private and one
-- that was deleted get the same answer.

create type public.shared_project as (
  name text,
  description text,
  username text,
  avatar_url text,
  created_at timestamptz,
  results jsonb
);
comment on type public.shared_project is 'A project as others see it.';
comment on column public.shared_project.username is 'Of the owner.';
comment on column public.shared_project.avatar_url is 'Of the owner.';
comment on column public.shared_project.results is
'Newest first: [{asset_id, kind, role, mime_type, size_bytes, width, height, duration_ms, '
'created_at, prompt, path, thumbnail_path}]; paths are relative to Reelbase''s service.';

create type public.public_project as (
  project_id uuid,
  name text,
  description text,
  username text,
  avatar_url text,
  created_at timestamptz
);
comment on type public.public_project is 'A public project in a list.';

-- ---------------------------------------------------------------------------------------------
-- The owner's part
-- ---------------------------------------------------------------------------------------------

create function private.share_own_project(p_project_id uuid)
returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_token text;
begin
  if not exists (
    select from public.profiles where user_id = (select auth.uid()) and deleted_at is null
  ) then
    raise exception 'The account is closed.' using errcode = 'PT403', hint = 'account_closed';
  end if;
  update public.projects
  set share_token = coalesce(
    share_token, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
  )
  where id = p_project_id and user_id = (select auth.uid()) and deleted_at is null
  returning share_token into v_token;
  if not found then
    raise exception 'There is no such project.' using errcode = 'PT404', hint = 'project_not_found';
  end if;
  return v_token;
end;
$$;
comment on function private.share_own_project is
'Gives the caller''s project a link, or returns the one it has. Definer: the token is not a '
'client''s to choose. Identity from the token of the request. Raises PT404 project_not_found, '
'PT403 account_closed.';

create function private.unshare_own_project(p_project_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.projects set share_token = null
  where id = p_project_id and user_id = (select auth.uid()) and deleted_at is null;
  if not found then
    raise exception 'There is no such project.' using errcode = 'PT404', hint = 'project_not_found';
  end if;
end;
$$;
comment on function private.unshare_own_project is
'Takes the link of the caller''s project away for good; nothing happens without one. Definer and '
'errors as share_own_project.';

create function public.share_project(p_project_id uuid)
returns text
language sql
set search_path = ''
begin atomic
  select private.share_own_project(p_project_id);
end;
comment on function public.share_project is
'Makes a link for a project and returns its token: whoever has it may see the project through '
'get_shared_project. Again: the same token. Errors: 404 project_not_found, 403 account_closed.';

create function public.unshare_project(p_project_id uuid)
returns void
language sql
set search_path = ''
begin atomic
  select private.unshare_own_project(p_project_id);
end;
comment on function public.unshare_project is
'Drops a project''s link; a new one will be another. Errors: 404 project_not_found.';

-- ---------------------------------------------------------------------------------------------
-- Everybody's part
-- ---------------------------------------------------------------------------------------------

create function private.shown_results(p_project_id uuid)
returns table (
  asset_id uuid, job_id uuid, role public.asset_role, place integer, created_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select job_assets.asset_id, jobs.id, job_assets.role, job_assets.position, jobs.created_at
  from public.generation_jobs as jobs
  inner join public.job_assets on job_assets.job_id = jobs.id
  where jobs.project_id = p_project_id and jobs.status = 'completed' and jobs.hidden_at is null
    and job_assets.role in (
      'result_image', 'result_video', 'result_audio', 'sprite_sheet', 'final_character',
      'subtitle', 'thumbnail'
    );
$$;
comment on function private.shown_results is
'What others may see of a project: files that came out of its finished jobs.';

create function private.show_project(p_project_id uuid, p_folder text, p_limit integer)
returns public.shared_project
language sql
stable
set search_path = ''
as $$
  select
    projects.name, projects.description, profiles.username, profiles.avatar_url,
    projects.created_at,
    coalesce((
      select jsonb_agg(
        jsonb_build_object(
          'asset_id', assets.id, 'kind', assets.kind, 'role', shown.role,
          'mime_type', assets.mime_type, 'size_bytes', assets.size_bytes, 'width', assets.width,
          'height', assets.height, 'duration_ms', assets.duration_ms,
          'created_at', shown.created_at,
          'prompt', case when projects.show_prompts then jobs.prompt end,
          'path', p_folder || '/' || assets.id,
          'thumbnail_path', p_folder || '/' || assets.thumbnail_id
        )
        order by shown.created_at desc, shown.job_id, shown.role, shown.place
      )
      from (
        select * from private.shown_results(projects.id) as results
        where results.role <> 'thumbnail'
        order by results.created_at desc, results.job_id, results.role, results.place
        limit least(greatest(coalesce(p_limit, 100), 0), 500)
      ) as shown
      inner join public.assets on assets.id = shown.asset_id and assets.hidden_at is null
      inner join public.generation_jobs as jobs on jobs.id = shown.job_id
    ), '[]')
  from public.projects
  inner join public.profiles on profiles.user_id = projects.user_id
  where projects.id = p_project_id;
$$;
comment on function private.show_project is 'A project as others see it; says nothing of whether.';

create function private.find_shown_project(p_token text, p_project_id uuid)
returns uuid
language sql
stable
set search_path = ''
as $$
  select projects.id
  from public.projects
  inner join public.profiles on profiles.user_id = projects.user_id
  where projects.deleted_at is null and profiles.deleted_at is null
    and (
      projects.share_token = p_token or (projects.id = p_project_id and projects.is_public)
    );
$$;
comment on function private.find_shown_project is
'The project that a link leads to, or the one named if it is public; null when nobody may see it.';

create function private.open_shared_project(p_token text, p_limit integer)
returns public.shared_project
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_id uuid := private.find_shown_project(p_token, null);
begin
  if v_id is null then
    raise exception 'There is no such project.' using errcode = 'PT404', hint = 'project_not_found';
  end if;
  return private.show_project(v_id, 'shared/' || p_token, p_limit);
end;
$$;
comment on function private.open_shared_project is
'Shows the project of a link to anybody. Definer: others read no table of it. Raises PT404.';

create function private.open_public_project(p_project_id uuid, p_limit integer)
returns public.shared_project
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_id uuid := private.find_shown_project(null, p_project_id);
begin
  if v_id is null then
    raise exception 'There is no such project.' using errcode = 'PT404', hint = 'project_not_found';
  end if;
  return private.show_project(v_id, 'public/' || v_id, p_limit);
end;
$$;
comment on function private.open_public_project is
'Shows a public project to anybody. Definer: others read no table of it. Raises PT404.';

create function private.public_projects(
  p_limit integer, p_before timestamptz, p_before_id uuid
)
returns setof public.public_project
language sql
stable
security definer
set search_path = ''
as $$
  select
    projects.id, projects.name, projects.description, profiles.username, profiles.avatar_url,
    projects.created_at
  from public.projects
  inner join public.profiles on profiles.user_id = projects.user_id
  where projects.is_public and projects.deleted_at is null and profiles.deleted_at is null
    and (projects.created_at, projects.id) < (
      coalesce(p_before, 'infinity'),
      coalesce(p_before_id, '00000000-0000-0000-0000-000000000000')
    )
  order by projects.created_at desc, projects.id desc
  limit least(greatest(coalesce(p_limit, 20), 0), 100);
$$;
comment on function private.public_projects is
'Public projects for anybody. Definer: others read no table of them.';

create function public.get_shared_project(p_token text, p_limit integer default 100)
returns public.shared_project
language sql
stable
set search_path = ''
begin atomic
  select private.open_shared_project(p_token, p_limit);
end;
comment on function public.get_shared_project is
'The project of a link, with its p_limit (up to 500) newest results. No sign-in is needed. Errors: '
'404 project_not_found.';

create function public.get_public_project(p_project_id uuid, p_limit integer default 100)
returns public.shared_project
language sql
stable
set search_path = ''
begin atomic
  select private.open_public_project(p_project_id, p_limit);
end;
comment on function public.get_public_project is
'A public project, with its p_limit (up to 500) newest results. No sign-in is needed. Errors: 404 '
'project_not_found.';

create function public.list_public_projects(
  p_limit integer default 20, p_before timestamptz default null, p_before_id uuid default null
)
returns setof public.public_project
language sql
stable
set search_path = ''
begin atomic
  select private.public_projects(p_limit, p_before, p_before_id);
end;
comment on function public.list_public_projects is
'Public projects, newest first, up to 100 at once. For the next ones pass created_at and '
'project_id of the last one seen as p_before and p_before_id: several may be of one moment. '
'Projects that are shared by link alone are not listed.';

-- ---------------------------------------------------------------------------------------------
-- The service's part
-- ---------------------------------------------------------------------------------------------

create function worker.find_shown_file(
  p_asset_id uuid, p_token text default null, p_project_id uuid default null
)
returns table (bucket text, storage_path text, mime_type text)
language sql
stable
security definer
set search_path = ''
as $$
  select assets.bucket, assets.storage_path, assets.mime_type
  from public.assets
  inner join private.shown_results(private.find_shown_project(p_token, p_project_id)) as shown
    on shown.asset_id = assets.id
  where assets.id = p_asset_id and assets.hidden_at is null;
$$;
comment on function worker.find_shown_file is
'Where the file lies that a link (p_token) or a public project shows; no row when it does not.';

revoke execute on function
private.share_own_project, private.unshare_own_project, private.shown_results, private.show_project,
private.find_shown_project, private.open_shared_project, private.open_public_project,
private.public_projects,
public.share_project, public.unshare_project, public.get_shared_project, public.get_public_project,
public.list_public_projects,
worker.find_shown_file
from public;
grant execute on function
private.share_own_project, private.unshare_own_project,
public.share_project, public.unshare_project
to authenticated;
grant execute on function
private.open_shared_project, private.open_public_project, private.public_projects,
public.get_shared_project, public.get_public_project, public.list_public_projects
to anon, authenticated;
grant execute on function worker.find_shown_file to service_role;
