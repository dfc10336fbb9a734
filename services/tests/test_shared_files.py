"""Files that nothing needs are removed; files that a project shows are handed out."""

import json
import uuid
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import psycopg
import pytest

from reelbase.database import Database, open_client
from reelbase.dispatch.housekeeping import keep_house, remove_files
from reelbase.local.pytest_plugin import RunningStack
from reelbase.settings import Settings
from reelbase.storage import Storage
from reelbase.web import create_app

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
def admin(stack: RunningStack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.admin_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def settings(stack: RunningStack) -> Settings:
    return Settings.model_validate(
        {"SUPABASE_URL": stack.supabase_url, "SUPABASE_SECRET_KEY": stack.secret_key}
    )


@asynccontextmanager
async def services(settings: Settings) -> Any:
    async with open_client(settings) as client:
        yield Database(client), Storage(client)


def sign_up(admin: psycopg.Connection[Any]) -> str:
    user = str(uuid.uuid4())
    admin.execute(
        "insert into auth.users (id, aud, role, email, is_anonymous)"
        " values (%s, 'authenticated', 'authenticated', %s, false)",
        (user, f"{user}@files.example"),
    )
    return user


async def make_result(
    admin: psycopg.Connection[Any], storage: Storage, user: str, folder: Path
) -> tuple[str, str, str]:
    """A finished job with one picture, in a project.

    Returns:
        Ids of project and asset, and the picture's path.
    """
    [project] = admin.execute(
        "insert into public.projects (user_id, name) values (%s, 'p') returning id::text", (user,)
    ).fetchone() or ("",)
    with admin.transaction():
        admin.execute(
            "select set_config('request.jwt.claims', %s, true)", (json.dumps({"sub": user}),)
        )
        [job] = admin.execute(
            "select id::text from public.submit_generation('text_to_image', 'x',"
            " p_mode => 'draft', p_project_id => %s)",
            (project,),
        ).fetchone() or ("",)
    path = f"{user}/{job}/result.png"
    file = folder / f"{job}.png"
    file.write_bytes(PNG)
    await storage.upload("final-images", path, file, "image/png")
    lease = str(uuid.uuid4())
    # By hand, so that no other test's worker has it.
    admin.execute(
        "update worker.tasks set lease = %s, worker = 'test', provider = 'test',"
        " available_at = now() + interval '1 hour' where job_id = %s",
        (lease, job),
    )
    for status in ("starting", "processing", "finalizing"):
        admin.execute("update public.generation_jobs set status = %s where id = %s", (status, job))
    outputs = [
        {
            "role": "result_image",
            "bucket": "final-images",
            "storage_path": path,
            "mime_type": "image/png",
            "size_bytes": len(PNG),
        }
    ]
    admin.execute("select worker.complete_job(%s, %s, %s)", (job, lease, json.dumps(outputs)))
    [asset] = admin.execute(
        "select id::text from public.assets where storage_path = %s", (path,)
    ).fetchone() or ("",)
    return project, asset, path


def stored(admin: psycopg.Connection[Any], user: str) -> list[str]:
    rows = admin.execute(
        "select name from storage.objects where starts_with(name, %s) order by name", (user,)
    ).fetchall()
    return [name for (name,) in rows]


async def test_deleted_users_files_are_removed_and_nobody_elses(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user, other = sign_up(admin), sign_up(admin)
    async with services(settings) as (database, storage):
        _, _, path = await make_result(admin, storage, user, tmp_path)
        _, _, others = await make_result(admin, storage, other, tmp_path)
        loose = tmp_path / "loose.png"
        loose.write_bytes(PNG)
        await storage.upload("reference-images", f"{user}/up/me.png", loose, "image/png")
        admin.execute("delete from auth.users where id = %s", (user,))
        assert stored(admin, user) == [path, f"{user}/up/me.png"]
        assert await remove_files(database, storage) >= 2
    assert stored(admin, user) == []
    assert stored(admin, other) == [others]
    left = admin.execute(
        "select from worker.file_removals where starts_with(storage_path, %s)", (user,)
    )
    assert left.fetchall() == []


async def test_bucket_that_is_gone_holds_up_no_other(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user = sign_up(admin)
    async with services(settings) as (database, storage):
        _, _, path = await make_result(admin, storage, user, tmp_path)
        admin.execute(
            "insert into worker.file_removals (bucket, storage_path) values"
            " ('no-such-bucket', %s), ('final-images', %s)",
            (path, path),
        )
        await remove_files(database, storage)
    assert stored(admin, user) == []


async def test_rounds_purge_what_was_deleted_long_ago(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user = sign_up(admin)
    async with services(settings) as (database, storage):
        project, _, path = await make_result(admin, storage, user, tmp_path)
        admin.execute(
            "update public.projects set deleted_at = now() - interval '1 year' where id = %s",
            (project,),
        )
        async with anyio.create_task_group() as group:
            group.start_soon(keep_house, database, storage, 0.05)
            with anyio.fail_after(30):
                while stored(admin, user):  # noqa: ASYNC110 - it is a database that is watched
                    await anyio.sleep(0.02)
            group.cancel_scope.cancel()
    assert path not in stored(admin, user)
    assert admin.execute("select from public.projects where id = %s", (project,)).fetchall() == []


async def test_link_leads_to_the_file_until_it_is_dropped(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user = sign_up(admin)
    async with services(settings) as (_, storage):
        project, asset, _ = await make_result(admin, storage, user, tmp_path)
        _, private, _ = await make_result(admin, storage, user, tmp_path)
    token = uuid.uuid4().hex + uuid.uuid4().hex
    admin.execute("update public.projects set share_token = %s where id = %s", (token, project))
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://reelbase") as client,
        httpx.AsyncClient() as anybody,
    ):
        answer = await client.get(f"/shared/{token}/{asset}")
        assert answer.status_code == 307
        assert answer.headers["cache-control"] == "no-store"
        assert (await anybody.get(answer.headers["location"])).content == PNG
        for nothing in (
            f"/shared/{token}/{private}",
            f"/shared/{'0' * 64}/{asset}",
            f"/shared/{token}/{uuid.uuid4()}",
            f"/public/{project}/{asset}",
            f"/shared/{token}/not-a-uuid",
        ):
            assert (await client.get(nothing)).status_code == 404
        admin.execute(
            "update public.projects set share_token = null, is_public = true where id = %s",
            (project,),
        )
        assert (await client.get(f"/shared/{token}/{asset}")).status_code == 404
        assert (await client.get(f"/public/{project}/{asset}")).status_code == 307
