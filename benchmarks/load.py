# ruff: noqa: S608  # No word from outside gets into a statement here.
"""A database of any size that looks lived in, and what a front end usually reads from it.

Used by `reads.py`, which measures at a million jobs, and by `policies_tests/test_plans.py`, which
asserts the plans on few: both see the same distribution of rows and ask the same questions.

Everything follows from the numbers of users and jobs; nothing is random and nothing asks a clock.
User 1 has a hundredth of all jobs (at 10 000 users), the last ones half the average: a tail as in
life. A job's rows lie between those of others, as they came in, not user by user. The books are in
order: private.reconcile_credits() finds nothing.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg import sql

__all__ = ["BIG", "NEWEST", "READS", "TABLES", "Read", "load", "names", "user_id"]

BIG = (
    "assets",
    "conversations",
    "credit_accounts",
    "credit_allocations",
    "credit_grants",
    "credit_transactions",
    "generation_jobs",
    "job_assets",
    "job_events",
    "profiles",
    "projects",
    "style_presets",
    "user_prompts",
)
"""Tables that grow with the users: none of them may be read whole."""

TABLES = ("auth.users", "public.user_preferences", *(f"public.{name}" for name in BIG))
"""Tables that `load` fills, but for the few rows of worker.tasks."""


# -------------------------------------------------------------------------------------------------
# Rows
# -------------------------------------------------------------------------------------------------

_PLAN = (
    # A number from 0 to 1 for the n-th of something, another for each seed.
    """
    create function pg_temp.chance(n integer, seed integer) returns float8
    language sql immutable
    return (pg_catalog.hashint8extended(n, seed) & 2147483647) / 2147483648.0
    """,
    # One in a hundred has many projects.
    """
    create temporary table load_users as
    select n, md5('user ' || n)::uuid as user_id, case when n <= {users} / 100 then 100 else 10 end
      as projects
    from generate_series(1, {users}) as n
    """,
    """
    create temporary table load_jobs as
    select
      drawn.n, md5('job ' || drawn.n)::uuid as id, users.user_id, users.n as user_n,
      case when drawn.in_project < 0.7 then md5(
        'project ' || users.n || ' ' || floor(pg_temp.chance(drawn.n, 3) * users.projects)
      )::uuid end as project_id,
      timestamptz '2025-11-01 00:00:00Z' + drawn.n * (interval '365 days' / {jobs}) as at,
      (case
        when drawn.fate < 0.02 then 'pending' when drawn.fate < 0.022 then 'queued'
        when drawn.fate < 0.07 then 'failed' when drawn.fate < 0.10 then 'cancelled'
        when drawn.fate < 0.11 then 'expired' else 'completed'
      end)::public.job_status as status,
      case when drawn.fate > 0.99 then timestamptz '2026-11-01 00:00:00Z' end as hidden_at,
      (case
        when drawn.sort < 0.7 then 'text_to_image' when drawn.sort < 0.9 then 'text_to_video'
        else 'voiceover'
      end)::public.generation_kind as kind,
      case
        when drawn.sort < 0.7 then 'local-still' when drawn.sort < 0.9 then 'local-animatic'
        else 'local-voice'
      end as model_id
    from (
      select
        n, pg_temp.chance(n, 1) as who, pg_temp.chance(n, 2) as in_project,
        pg_temp.chance(n, 4) as fate, pg_temp.chance(n, 5) as sort
      from generate_series(1, {jobs}) as n
    ) as drawn
    inner join load_users as users on users.n = floor({users} * drawn.who * drawn.who) + 1
    """,
    # What each user's credits went through, in order. What is bought covers all that is spent.
    """
    create temporary table load_ledger as
    select
      moved.*, row_number() over history as version,
      sum(moved.amount) over (history rows unbounded preceding) as balance_after
    from (
      select
        md5('bonus ' || n)::uuid as id, user_id, timestamptz '2025-10-30 00:00:00Z' as at,
        100::numeric as amount, 'bonus' as type, 'completed' as status, 'signup-bonus' as source,
        null::uuid as job_id, null::uuid as reverses_id, null::public.generation_kind as kind,
        null::text as model_id
      from load_users
      union all
      select
        md5('purchase ' || users.n)::uuid, users.user_id, timestamptz '2025-10-31 00:00:00Z',
        50 + count(jobs.n), 'purchase', 'completed', 'purchase', null, null, null, null
      from load_users as users left join load_jobs as jobs on jobs.user_id = users.user_id
      group by users.n, users.user_id
      union all
      select
        md5('allowance ' || n || ' ' || month)::uuid, user_id,
        timestamptz '2025-11-01 00:00:00Z' + month * interval '30 days', 10, 'grant', 'completed',
        'allowance ' || month, null, null, null, null
      from load_users cross join generate_series(0, 11) as month
      union all
      select
        md5('deduction ' || n)::uuid, user_id, at, -1, 'deduction',
        case status when 'completed' then 'completed' when 'queued' then 'pending'
          else 'refunded' end,
        null, id, null, kind, model_id
      from load_jobs where status <> 'pending'
      union all
      select
        md5('refund ' || n)::uuid, user_id, at + interval '1 minute', 1, 'refund', 'completed',
        null, id, md5('deduction ' || n)::uuid, kind, model_id
      from load_jobs where status in ('failed', 'cancelled', 'expired')
    ) as moved
    window history as (partition by moved.user_id order by moved.at, moved.id)
    """,
    "analyze load_users",
    "analyze load_jobs",
    "analyze load_ledger",
)

_ROWS = (
    """
    insert into auth.users (id, aud, role, email)
    select user_id, 'authenticated', 'authenticated', n || '@load.example' from load_users
    """,
    """
    insert into public.profiles (user_id, username, email, created_at)
    select user_id, 'load_' || n, n || '@load.example', '2025-10-30 00:00:00Z' from load_users
    """,
    "insert into public.user_preferences (user_id) select user_id from load_users",
    """
    insert into public.credit_accounts (user_id, balance, version, lifetime_earned, lifetime_spent)
    select
      user_id, sum(amount), count(*), sum(amount) filter (where source is not null),
      coalesce(-sum(amount) filter (where source is null), 0)
    from load_ledger group by user_id
    """,
    # One in twenty was deleted, one in a hundred is public.
    """
    insert into public.projects (id, user_id, name, is_public, deleted_at, created_at)
    select
      md5('project ' || users.n || ' ' || k)::uuid, users.user_id, 'Project ' || k,
      pg_temp.chance(users.n, 100 + k) > 0.99,
      case when pg_temp.chance(users.n, 100 + k) < 0.05 then
        timestamptz '2026-10-01 00:00:00Z' end,
      timestamptz '2025-11-01 00:00:00Z' + k * interval '3 days' + users.n * interval '1 second'
    from load_users as users cross join generate_series(0, users.projects - 1) as k
    """,
    """
    insert into public.generation_jobs (
      id, user_id, project_id, kind, model_id, prompt, status, progress, credit_cost,
      credit_transaction_id, is_refunded, provider, error_code, error_message, created_at,
      queued_at, started_at, finished_at, updated_at, hidden_at
    )
    select
      id, user_id, project_id, kind, model_id,
      'A harbour at dawn, boats coming in, gulls, long lens, number ' || n, status,
      case when status = 'completed' then 100 else 0 end, 1,
      case when status <> 'pending' then md5('deduction ' || n)::uuid end,
      status in ('failed', 'cancelled', 'expired'), 'local',
      case when status = 'failed' then 'broken' end,
      case when status = 'failed' then 'It broke.' end,
      at, case when status <> 'pending' then at end,
      case when status not in ('pending', 'queued') then at + interval '2 seconds' end,
      case when status not in ('pending', 'queued') then at + interval '1 minute' end, at, hidden_at
    from load_jobs
    """,
    """
    insert into worker.tasks (
      job_id, user_id, provider, kind, created_at, is_admitted, ready_at, deadline_at
    )
    select id, user_id, 'local', kind, at, true, at, at + interval '2 days'
    from load_jobs where status = 'queued'
    """,
    """
    insert into public.job_events (job_id, user_id, from_status, to_status, actor, created_at)
    select
      jobs.id, jobs.user_id, steps.came_from::public.job_status,
      coalesce(steps.went_to::public.job_status, jobs.status), 'service',
      jobs.at + steps.n * interval '10 seconds'
    from load_jobs as jobs
    cross join (
      values (1, null, 'queued'), (2, 'queued', 'starting'), (3, 'starting', 'processing'),
        (4, 'processing', 'finalizing'), (5, 'finalizing', null)
    ) as steps (n, came_from, went_to)
    where steps.n = 1 or jobs.status not in ('pending', 'queued')
    """,
    # Two files a job: what came out and its thumbnail, or, where nothing came out, two references.
    """
    insert into public.assets (
      id, user_id, project_id, kind, bucket, storage_path, mime_type, size_bytes, width, height,
      duration_ms, thumbnail_id, created_at, updated_at, hidden_at
    )
    select
      md5('asset ' || jobs.n || ' ' || files.k)::uuid, jobs.user_id, jobs.project_id,
      files.kind::public.asset_kind, files.bucket, jobs.user_id || '/' || jobs.id || '/' || files.k,
      files.mime_type, 100000, case when files.kind <> 'audio' then 1280 end,
      case when files.kind <> 'audio' then 720 end,
      case when files.kind <> 'image' then 6000 end,
      case when files.bucket not in ('thumbnails', 'reference-images') then
        md5('asset ' || jobs.n || ' 1')::uuid end,
      jobs.at, jobs.at, jobs.hidden_at
    from load_jobs as jobs
    inner join (
      values (true, 0, 'text_to_image', 'image', 'final-images', 'image/png'),
        (true, 0, 'text_to_video', 'video', 'final-videos', 'video/mp4'),
        (true, 0, 'voiceover', 'audio', 'voiceovers', 'audio/mpeg'),
        (true, 1, null, 'image', 'thumbnails', 'image/jpeg'),
        (false, 0, null, 'image', 'reference-images', 'image/png'),
        (false, 1, null, 'image', 'reference-images', 'image/png')
    ) as files (is_done, k, made_by, kind, bucket, mime_type)
      on files.is_done = (jobs.status = 'completed')
      and coalesce(files.made_by, jobs.kind::text) = jobs.kind::text
    """,
    """
    insert into public.job_assets (job_id, asset_id, role, user_id, position, created_at)
    select
      jobs.id, md5('asset ' || jobs.n || ' ' || k)::uuid,
      (case
        when jobs.status <> 'completed' then 'reference_image' when k = 1 then 'thumbnail'
        when jobs.kind = 'text_to_image' then 'result_image'
        when jobs.kind = 'text_to_video' then 'result_video' else 'result_audio'
      end)::public.asset_role,
      jobs.user_id, case when jobs.status <> 'completed' then k else 0 end, jobs.at
    from load_jobs as jobs cross join generate_series(0, 1) as k
    """,
    """
    insert into public.user_prompts (user_id, prompt, job_id, created_at)
    select user_id, 'A harbour at dawn, number ' || n, id, at from load_jobs
    """,
    """
    insert into public.credit_transactions (
      id, user_id, version, amount, balance_after, type, status, operation_type, model_id, job_id,
      reverses_id, idempotency_key, created_at, processed_at
    )
    select
      id, user_id, version, amount, balance_after, type::public.transaction_type,
      status::public.transaction_status, kind, model_id, job_id, reverses_id, source, at,
      case when status <> 'pending' then at end
    from load_ledger order by at
    """,
    # All that jobs cost comes out of what was bought.
    """
    insert into public.credit_grants (
      id, user_id, kind, amount, remaining, source_key, created_at
    )
    select
      md5('lot ' || lots.id)::uuid, lots.user_id,
      (case lots.type when 'grant' then 'allowance' else lots.type end)::public.credit_grant_kind,
      lots.amount,
      lots.amount - case when lots.type = 'purchase' then accounts.lifetime_spent else 0 end,
      lots.source, lots.at
    from load_ledger as lots
    inner join public.credit_accounts as accounts on accounts.user_id = lots.user_id
    where lots.source is not null
    """,
    """
    insert into public.credit_allocations (transaction_id, grant_id, amount)
    select
      ledger.id,
      md5('lot ' || case when ledger.source is null then md5('purchase ' || users.n)::uuid
        else ledger.id end)::uuid,
      ledger.amount
    from load_ledger as ledger inner join load_users as users on users.user_id = ledger.user_id
    """,
    """
    insert into public.style_presets (user_id, name, tags, is_favorite, created_at)
    select
      user_id, 'Look ' || k, array['load', 'look ' || k % 5], k % 4 = 0,
      timestamptz '2025-11-01 00:00:00Z' + k * interval '1 day'
    from load_users cross join generate_series(1, 20) as k
    """,
    """
    insert into public.conversations (
      user_id, project_id, type, user_input, response, created_at
    )
    select
      users.user_id, md5('project ' || users.n || ' ' || k % 5)::uuid, 'general_chat',
      'What comes next?', repeat('A harbour at dawn. ', 20),
      timestamptz '2025-11-01 00:00:00Z' + k * interval '1 day'
    from load_users as users cross join generate_series(1, 20) as k
    """,
)


def load(
    connection: psycopg.Connection,
    users: int,
    jobs: int,
    *,
    in_bulk: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Fill a migrated database that has none of these users yet, and analyse it.

    Triggers and foreign keys are passed by, since every row is made to fit; checks and unique keys
    are not. The ledger's own triggers, which nothing passes by, let in who has the search path of
    its functions.

    Args:
        connection: As superuser, inside a transaction; with `in_bulk` outside of one.
        users: How many; at least 100.
        jobs: How many; users own two assets, one prompt and up to five events for each.
        in_bulk: Build the indexes after the rows instead of with them. For a database that nobody
            else uses and that is thrown away afterwards.
        say: Is told how long each step took.
    """
    sizes = {"users": users, "jobs": jobs}

    def run(statements: tuple[str, ...] | list[str]) -> None:
        for statement in statements:
            began = time.perf_counter()
            connection.execute(statement.format(**sizes).encode())
            say(f"{time.perf_counter() - began:7.1f} s  {' '.join(statement.split())[:64]}")

    scope = "" if in_bulk else "local"
    run(
        [
            f"set {scope} session_replication_role = replica",
            f"set {scope} search_path = 'reelbase_ledger'",
        ]
    )
    if in_bulk:
        run(["set work_mem = '256MB'", "set maintenance_work_mem = '1GB'"])
        # An index that is not ready takes no entries; `reindex` makes it ready and whole again.
        tables = ", ".join(f"'{table}'::regclass" for table in TABLES)
        run([f"update pg_index set indisready = false where indrelid in ({tables})"])
    run(_PLAN)
    run(_ROWS)
    if in_bulk:
        run(["update pg_index set indisready = true where not indisready"])
        run([f"reindex table {table}" for table in TABLES])
    run([f"{'vacuum analyze' if in_bulk else 'analyze'} {table}" for table in TABLES])
    run(
        [
            f"set {scope} session_replication_role = origin",
            f"set {scope} search_path to default",
        ]
    )
    run(["drop table load_users, load_jobs, load_ledger"])


def user_id(n: int) -> str:
    """Return the id of the n-th user, from 1."""
    return _id(f"user {n}")


def names(connection: psycopg.Connection | psycopg.Cursor, n: int) -> dict[str, str]:
    """Return what the reads of the n-th user are asked about.

    Args:
        connection: Or a cursor; as superuser.
        n: Which user, from 1.
    """
    project = f"project {n} 1"
    row = connection.execute(
        "select jobs.id, jobs.created_at::text from public.generation_jobs as jobs"
        " where jobs.user_id = %s and jobs.status = 'completed' and jobs.hidden_at is null"
        " and jobs.project_id is null order by jobs.created_at desc offset 19 limit 1",
        [user_id(n)],
    ).fetchone()
    assert row is not None, f"user {n} has too few jobs"
    return {
        "user_id": user_id(n),
        "project_id": _id(project),
        "job_id": str(row[0]),
        "job_at": row[1].replace(" ", "T").replace("+00", "Z"),
    }


def _id(name: str) -> str:
    return str(UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()))


# -------------------------------------------------------------------------------------------------
# Reads
# -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """One thing that a front end asks.

    `{user_id}`, `{project_id}`, `{job_id}` and `{job_at}` stand for what `names` returns.

    Attributes:
        name: What it is.
        path: How PostgREST is asked.
        sql: What PostgREST makes of it, its outermost wrapping apart.
        arguments: The parameters that PostgREST sends along.
        filters: What a reader whom no policy binds adds to the path to be told much the same.
        index: How the index begins that must carry it; None for a function, whose plan nobody sees.
    """

    name: str
    path: str
    sql: str
    arguments: tuple[str, ...] = ()
    filters: str | None = None
    index: str | None = None

    def request(self, names: Mapping[str, str], *, unbound: bool = False) -> str:
        """Return the path, for the owner or for a reader whom no policy binds."""
        path = self.path
        if unbound and self.filters:
            path += ("&" if "?" in path else "?") + self.filters
        return path.format(**names)

    def statement(self) -> str:
        """Return the statement as PostgREST prepares it."""
        return (
            f"with pgrst_source as ({self.sql})"
            " select null::bigint as total_result_set,"
            " pg_catalog.count(_postgrest_t) as page_total,"
            " coalesce(json_agg(_postgrest_t), '[]') as body,"
            " nullif(current_setting('response.headers', true), '') as response_headers,"
            " nullif(current_setting('response.status', true), '') as response_status,"
            " '' as response_inserted"
            " from (select * from pgrst_source) as _postgrest_t"
        )

    def execution(self, names: Mapping[str, str]) -> str:
        """Return how to execute the statement once it is prepared as `asked`."""
        values = [sql.quote(argument.format(**names)) for argument in self.arguments]
        return f"execute asked ({', '.join(values)})" if values else "execute asked"


def _columns(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split(","))


_JOB = "id,kind,status,progress,prompt,credit_cost,created_at"
_ASSET = "id,kind,bucket,storage_path,width,height,duration_ms"
_EVENT = "id,from_status,to_status,actor,note,created_at"
_OWN = "user_id=eq.{user_id}"
_NEWEST_JOBS = "generation_jobs_user_id_created_at_idx"

_WITH_ASSETS = f"/generation_jobs?select={_JOB},job_assets(role,position,assets({_ASSET}))"
_WITH_ASSETS_SQL = f"""
select {_columns("generation_jobs", _JOB)}, coalesce(embedded_1.embedded_1, '[]') as job_assets
from public.generation_jobs
left join lateral (
  select json_agg(embedded_1)::jsonb as embedded_1
  from (
    select job_assets_1.role, job_assets_1.position, row_to_json(embedded_2.*)::jsonb as assets
    from public.job_assets as job_assets_1
    left join lateral (
      select {_columns("assets_2", _ASSET)}
      from public.assets as assets_2
      where assets_2.id = job_assets_1.asset_id and assets_2.user_id = job_assets_1.user_id
      limit $1 offset $2
    ) as embedded_2 on true
    where
      job_assets_1.job_id = generation_jobs.id and job_assets_1.user_id = generation_jobs.user_id
    limit $3 offset $4
  ) as embedded_1
) as embedded_1 on true
"""

NEWEST = Read(
    "newest 20 jobs with their assets",
    f"{_WITH_ASSETS}&order=created_at.desc,id&limit=20",
    f"{_WITH_ASSETS_SQL} order by generation_jobs.created_at desc, generation_jobs.id"
    " limit $5 offset $6",
    ("1000", "0", "1000", "0", "20", "0"),
    _OWN,
    _NEWEST_JOBS,
)

READS = (
    NEWEST,
    # `or=` alone would be right as well, and read all from the newest row on.
    Read(
        "the next 20, by keyset",
        f"{_WITH_ASSETS}&created_at=lte.{{job_at}}"
        "&or=(created_at.lt.{job_at},id.gt.{job_id})&order=created_at.desc,id&limit=20",
        f"{_WITH_ASSETS_SQL}"
        " where (generation_jobs.created_at < $5 or generation_jobs.id > $6)"
        " and generation_jobs.created_at <= $7"
        " order by generation_jobs.created_at desc, generation_jobs.id limit $8 offset $9",
        ("1000", "0", "1000", "0", "{job_at}", "{job_id}", "{job_at}", "20", "0"),
        _OWN,
        _NEWEST_JOBS,
    ),
    Read(
        "one job with its events",
        f"/generation_jobs?select={_JOB},job_events({_EVENT})&id=eq.{{job_id}}&job_events.order=id",
        f"""
        select
          {_columns("generation_jobs", _JOB)}, coalesce(embedded_1.embedded_1, '[]') as job_events
        from public.generation_jobs
        left join lateral (
          select json_agg(embedded_1)::jsonb as embedded_1
          from (
            select {_columns("job_events_1", _EVENT)}
            from public.job_events as job_events_1
            where
              job_events_1.job_id = generation_jobs.id
              and job_events_1.user_id = generation_jobs.user_id
            order by job_events_1.id
            limit $1 offset $2
          ) as embedded_1
        ) as embedded_1 on true
        where generation_jobs.id = $3
        limit $4 offset $5
        """,
        ("1000", "0", "{job_id}", "1000", "0"),
        _OWN,
        "job_events_pkey",
    ),
    # Not by `status=in.(…)`: PostgREST sends a list of values as a parameter, and a plan for any
    # list cannot use an index of some states alone. `is null` is part of the statement.
    Read(
        "jobs that have not ended",
        f"/generation_jobs?select={_JOB}&finished_at=is.null&order=created_at.desc",
        f"select {_columns('generation_jobs', _JOB)} from public.generation_jobs"
        " where generation_jobs.finished_at is null"
        " order by generation_jobs.created_at desc limit $1 offset $2",
        ("1000", "0"),
        _OWN,
        "generation_jobs_unfinished_idx",
    ),
    Read(
        "a page of the ledger",
        "/credit_statement?order=version.desc&limit=50",
        "select credit_statement.* from public.credit_statement"
        " order by credit_statement.version desc limit $1 offset $2",
        ("50", "0"),
        _OWN,
        "credit_transactions_user_id_version_key",
    ),
    Read("my_credits", "/rpc/my_credits", "select * from public.my_credits()"),
    Read("my_limits", "/rpc/my_limits", "select * from public.my_limits()"),
    Read(
        "user_stats",
        "/user_stats",
        "select user_stats.* from public.user_stats limit $1 offset $2",
        ("1000", "0"),
        _OWN,
        _NEWEST_JOBS,
    ),
    Read(
        "credit_usage_by_model",
        "/credit_usage_by_model?order=day.desc&limit=100",
        "select credit_usage_by_model.* from public.credit_usage_by_model"
        " order by credit_usage_by_model.day desc limit $1 offset $2",
        ("100", "0"),
        _OWN,
        "credit_transactions_user_id_",
    ),
    Read(
        "newest projects",
        "/projects?select=id,name,description,created_at&order=created_at.desc&limit=20",
        "select projects.id, projects.name, projects.description, projects.created_at"
        " from public.projects order by projects.created_at desc limit $1 offset $2",
        ("20", "0"),
        _OWN,
        "projects_",
    ),
    Read(
        "a project with its jobs and assets",
        f"/projects?select=id,name,generation_jobs({_JOB}),assets({_ASSET})&id=eq.{{project_id}}"
        "&generation_jobs.order=created_at.desc&generation_jobs.limit=20"
        "&assets.order=created_at.desc&assets.limit=20",
        f"""
        select
          projects.id, projects.name, coalesce(embedded_1.embedded_1, '[]') as generation_jobs,
          coalesce(embedded_2.embedded_2, '[]') as assets
        from public.projects
        left join lateral (
          select json_agg(embedded_1)::jsonb as embedded_1
          from (
            select {_columns("generation_jobs_1", _JOB)}
            from public.generation_jobs as generation_jobs_1
            where
              generation_jobs_1.project_id = projects.id
              and generation_jobs_1.user_id = projects.user_id
            order by generation_jobs_1.created_at desc
            limit $1 offset $2
          ) as embedded_1
        ) as embedded_1 on true
        left join lateral (
          select json_agg(embedded_2)::jsonb as embedded_2
          from (
            select {_columns("assets_1", _ASSET)}
            from public.assets as assets_1
            where assets_1.project_id = projects.id and assets_1.user_id = projects.user_id
            order by assets_1.created_at desc
            limit $3 offset $4
          ) as embedded_2
        ) as embedded_2 on true
        where projects.id = $5
        limit $6 offset $7
        """,
        ("20", "0", "20", "0", "{project_id}", "1000", "0"),
        _OWN,
        "generation_jobs_project_id_user_id_created_at_idx",
    ),
    Read(
        "style presets by tag",
        "/style_presets?select=id,name,tags,is_favorite,usage_count"
        "&tags=cs.{{look 1}}&order=created_at.desc&limit=20",
        "select style_presets.id, style_presets.name, style_presets.tags,"
        " style_presets.is_favorite, style_presets.usage_count"
        " from public.style_presets where style_presets.tags @> $1"
        " order by style_presets.created_at desc limit $2 offset $3",
        ("{{look 1}}", "20", "0"),
        _OWN,
        "style_presets_user_id_created_at_idx",
    ),
    *(
        Read(
            f"newest {view.replace('_', ' ')}",
            f"/{view}?order=created_at.desc&limit=20",
            f"select {view}.* from public.{view} order by {view}.created_at desc"
            " limit $1 offset $2",
            ("20", "0"),
            _OWN,
            index,
        )
        for view, index in (
            ("generated_images", _NEWEST_JOBS),
            ("generated_videos", _NEWEST_JOBS),
            ("generated_voiceovers", _NEWEST_JOBS),
            ("images", "assets_user_id_created_at_idx"),
            ("videos", "assets_user_id_created_at_idx"),
        )
    ),
    Read(
        "conversations of a project",
        "/conversations?select=id,type,user_input,response,created_at"
        "&project_id=eq.{project_id}&order=created_at.desc&limit=20",
        "select conversations.id, conversations.type, conversations.user_input,"
        " conversations.response, conversations.created_at"
        " from public.conversations where conversations.project_id = $1"
        " order by conversations.created_at desc limit $2 offset $3",
        ("{project_id}", "20", "0"),
        _OWN,
        "conversations_project_id_user_id_created_at_idx",
    ),
    Read(
        "newest prompts",
        "/user_prompts?select=id,prompt,mode,job_id,created_at&order=created_at.desc&limit=20",
        "select user_prompts.id, user_prompts.prompt, user_prompts.mode, user_prompts.job_id,"
        " user_prompts.created_at"
        " from public.user_prompts order by user_prompts.created_at desc limit $1 offset $2",
        ("20", "0"),
        _OWN,
        "user_prompts_user_id_created_at_idx",
    ),
    Read(
        "list_public_projects",
        "/rpc/list_public_projects?p_limit=20",
        "select * from public.list_public_projects(20)",
    ),
)
