"""One scenario by the platform's two clients, unchanged, against the storage server."""

import json
import subprocess
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx
import jwt
import psycopg
import pytest
from psycopg import sql
from storage3.exceptions import StorageApiError
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from reelbase.local.keys import load_or_create_keys
from reelbase.local.pytest_plugin import RunningStack

SCRIPT = Path(__file__).parent / "clients" / "storage.mjs"

RLS = ["403", "new row violates row-level security policy"]
NOT_FOUND = ["404", "Object not found"]
NO_BUCKET = ["404", "Bucket not found"]
DUPLICATE = ["409", "The resource already exists"]

EXPECTED: dict[str, Any] = {
    "create_bucket": {"name": "OTHER"},
    "get_bucket": [True, 1000, ["text/*", "image/png"], ""],
    "create_bucket_again": DUPLICATE,
    "list_buckets": 2,
    "list_buckets_by_user": [],
    "create_bucket_by_user": RLS,
    "get_bucket_by_user": NO_BUCKET,
    "upload": [True, True],
    "upload_again": DUPLICATE,
    "upload_upsert": True,
    "upload_form": True,
    "upload_to_stranger": RLS,
    "upload_type": ["415", "mime type application/x-exe is not supported"],
    "upload_size": ["413", "The object exceeded the maximum allowed size"],
    "upload_key": ["400", "Invalid key: FOLDER/é.txt"],
    "upload_no_bucket": NO_BUCKET,
    "download": "second",
    "download_form": "from a form",
    "download_missing": NOT_FOUND,
    "download_by_stranger": NOT_FOUND,
    "download_by_anonymous": NOT_FOUND,
    "update": True,
    "updated": "third",
    "info": [9, "text/plain", "max-age=60", 2],
    "exists": True,
    "exists_missing": False,
    "exists_for_stranger": False,
    "list": [["a.txt", True], ["b.txt", True], ["c.txt", True], ["sub", False]],
    "list_sorted": [["c.txt", True], ["b.txt", True]],
    "list_search": [["b.txt", True]],
    "list_by_stranger": [],
    "list_v2": [True, 3, False, [True]],
    "signed": {
        "status": 200,
        "body": "third",
        "disposition": "attachment; filename=my%20file.txt; filename*=UTF-8''my%20file.txt;",
    },
    "signed_missing": NOT_FOUND,
    "signed_by_stranger": NOT_FOUND,
    "signed_many": [
        "third",
        None,
        "Either the object does not exist or you do not have access to it",
    ],
    "signed_upload": True,
    "signed_upload_again": DUPLICATE,
    "signed_uploaded": "late",
    "signed_upload_to_stranger": RLS,
    "move": "Successfully moved",
    "moved": "late",
    "move_missing": NOT_FOUND,
    "move_onto": DUPLICATE,
    "copy": True,
    "copied": "late",
    "copy_to_stranger": RLS,
    "public": {"status": 200, "body": "hello", "disposition": "attachment;"},
    "public_of_private": 400,
    "delete_bucket_with_files": ["409", "The bucket you tried to delete is not empty"],
    "update_bucket": "Successfully updated",
    "no_longer_public": 400,
    "empty_bucket": "Successfully emptied",
    "delete_bucket": "Successfully deleted",
    "get_deleted_bucket": NO_BUCKET,
    "remove_by_stranger": [],
    "remove": ["/a.txt", "/b.txt"],
    "removed": NOT_FOUND,
}

SETUP = """
insert into storage.buckets (id, name, file_size_limit, allowed_mime_types)
values ({bucket}, {bucket}, 100000, array['text/plain', 'image/*']);
create policy {select} on storage.objects for select to authenticated
  using (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy {insert} on storage.objects for insert to authenticated
  with check (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy {update} on storage.objects for update to authenticated
  using (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy {delete} on storage.objects for delete to authenticated
  using (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
"""


@pytest.fixture
def settings(stack: RunningStack) -> dict[str, Any]:
    """A bucket with a folder for each of two fresh users, and their tokens."""
    bucket = f"test-{uuid4().hex}"
    names = {
        command: sql.Identifier(f"{bucket}_{command}")
        for command in ("select", "insert", "update", "delete")
    }
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(sql.SQL(SETUP).format(bucket=sql.Literal(bucket), **names))
    secret = load_or_create_keys(stack.state_dir / "keys.json").jwt_secret
    ids = {name: str(uuid4()) for name in ("owner", "stranger")}
    tokens = {
        name: jwt.encode(
            {"sub": user_id, "role": "authenticated", "exp": int(time.time()) + 3600},
            secret,
            algorithm="HS256",
        )
        for name, user_id in ids.items()
    }
    return {
        "url": stack.supabase_url,
        "key": stack.publishable_key,
        "secretKey": stack.secret_key,
        "bucket": bucket,
        "other": f"other-{uuid4().hex}",
        "ids": ids,
        "tokens": tokens,
    }


def expected(settings: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(EXPECTED, ensure_ascii=False)
    folder = f"{settings['ids']['owner']}/trip"
    result: dict[str, Any] = json.loads(
        text.replace("OTHER", settings["other"]).replace("FOLDER", folder)
    )
    return result


@pytest.mark.anyio
async def test_supabase_js_stores_and_reads_files(settings: dict[str, Any]) -> None:
    finished = await anyio.run_process(
        # Node 20 keeps behind a flag what its realtime client looks for.
        ["node", "--experimental-websocket", str(SCRIPT)],
        input=json.dumps(settings).encode(),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    assert json.loads(finished.stdout) == expected(settings)


@pytest.mark.anyio
async def test_supabase_py_stores_and_reads_files(settings: dict[str, Any]) -> None:
    # A client made by supabase-py itself would warn of its own deprecated parameters.
    async with httpx.AsyncClient() as http:
        assert await scenario(settings, http) == expected(settings)


async def refused(call: Awaitable[Any]) -> list[str] | None:
    try:
        await call
    except StorageApiError as error:
        return [str(error.status), error.message]
    return None


async def fetched(url: str) -> dict[str, Any]:
    async with httpx.AsyncClient(verify=False) as client:
        response = await client.get(url)
    return {
        "status": response.status_code,
        "body": response.text if response.status_code == 200 else None,
        "disposition": response.headers.get("content-disposition"),
    }


async def scenario(settings: dict[str, Any], http: httpx.AsyncClient) -> dict[str, Any]:
    """Do what `clients/storage.mjs` does, in the same order."""

    async def client(key: str, token: str | None = None) -> AsyncClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        options = AsyncClientOptions(headers=headers, httpx_client=http)
        return await acreate_client(settings["url"], key, options)

    seen: dict[str, Any] = {}
    bucket, other, ids = settings["bucket"], settings["other"], settings["ids"]
    admin = (await client(settings["secretKey"])).storage
    owner = (await client(settings["key"], settings["tokens"]["owner"])).storage
    stranger = (await client(settings["key"], settings["tokens"]["stranger"])).storage
    anonymous = (await client(settings["key"])).storage
    files = owner.from_(bucket)
    folder = f"{ids['owner']}/trip"

    seen["create_bucket"] = await admin.create_bucket(
        other,
        options={
            "public": True,
            "file_size_limit": 1000,
            "allowed_mime_types": ["text/*", "image/png"],
        },
    )
    made = await admin.get_bucket(other)
    seen["get_bucket"] = [made.public, made.file_size_limit, made.allowed_mime_types, made.owner]
    seen["create_bucket_again"] = await refused(admin.create_bucket(other))
    listed = await admin.list_buckets()
    seen["list_buckets"] = len([each for each in listed if each.id in {bucket, other}])
    seen["list_buckets_by_user"] = await owner.list_buckets()
    seen["create_bucket_by_user"] = await refused(owner.create_bucket("mine"))
    seen["get_bucket_by_user"] = await refused(owner.get_bucket(bucket))

    uploaded = await files.upload(
        f"{folder}/a.txt",
        b"first",
        {"content-type": "text/plain", "cache-control": "60", "metadata": {"scene": 1}},
    )
    seen["upload"] = [
        uploaded.path == f"{folder}/a.txt",
        uploaded.full_path == f"{bucket}/{folder}/a.txt",
    ]
    seen["upload_again"] = await refused(
        files.upload(f"{folder}/a.txt", b"x", {"content-type": "text/plain"})
    )
    seen["upload_upsert"] = bool(
        await files.upload(
            f"{folder}/a.txt", b"second", {"content-type": "text/plain", "upsert": "true"}
        )
    )
    seen["upload_form"] = bool(
        await files.upload(f"{folder}/b.txt", b"from a form", {"content-type": "text/plain"})
    )
    seen["upload_to_stranger"] = await refused(
        files.upload(f"{ids['stranger']}/x.txt", b"x", {"content-type": "text/plain"})
    )
    seen["upload_type"] = await refused(
        files.upload(f"{folder}/x.exe", b"x", {"content-type": "application/x-exe"})
    )
    seen["upload_size"] = await refused(
        files.upload(f"{folder}/large.txt", bytes(100_001), {"content-type": "text/plain"})
    )
    seen["upload_key"] = await refused(
        files.upload(f"{folder}/é.txt", b"x", {"content-type": "text/plain"})
    )
    seen["upload_no_bucket"] = await refused(
        owner.from_("none").upload("x", b"x", {"content-type": "text/plain"})
    )

    seen["download"] = (await files.download(f"{folder}/a.txt")).decode()
    seen["download_form"] = (await files.download(f"{folder}/b.txt")).decode()
    seen["download_missing"] = await refused(files.download(f"{folder}/none.txt"))
    seen["download_by_stranger"] = await refused(stranger.from_(bucket).download(f"{folder}/a.txt"))
    seen["download_by_anonymous"] = await refused(
        anonymous.from_(bucket).download(f"{folder}/a.txt")
    )

    seen["update"] = bool(
        await files.update(f"{folder}/a.txt", b"third", {"content-type": "text/plain"})
    )
    seen["updated"] = (await files.download(f"{folder}/a.txt")).decode()
    await files.upload(
        f"{folder}/c.txt",
        b"described",
        {"content-type": "text/plain", "cache-control": "60", "metadata": {"scene": 2}},
    )
    info = await files.info(f"{folder}/c.txt")
    seen["info"] = [
        info["size"],
        info["content_type"],
        info["cache_control"],
        info["metadata"]["scene"],
    ]
    seen["exists"] = await files.exists(f"{folder}/a.txt")
    seen["exists_missing"] = await files.exists(f"{folder}/none.txt")
    seen["exists_for_stranger"] = await stranger.from_(bucket).exists(f"{folder}/a.txt")

    await files.upload(f"{folder}/sub/d.txt", b"deep", {"content-type": "text/plain"})

    def entries(rows: list[dict[str, Any]]) -> list[list[Any]]:
        return [[row["name"], row["id"] is not None] for row in rows]

    seen["list"] = entries(await files.list(folder))
    seen["list_sorted"] = entries(
        await files.list(
            folder, {"limit": 2, "offset": 1, "sortBy": {"column": "name", "order": "desc"}}
        )
    )
    seen["list_search"] = entries(await files.list(folder, {"search": "b"}))
    seen["list_by_stranger"] = await stranger.from_(bucket).list(folder)
    page = await files.list_v2({"prefix": f"{folder}/", "with_delimiter": True, "limit": 3})
    assert page.nextCursor is not None
    rest = await files.list_v2(
        {
            "prefix": f"{folder}/",
            "with_delimiter": True,
            "limit": 3,
            "cursor": page.nextCursor,
        }
    )
    seen["list_v2"] = [
        page.hasNext,
        len(page.objects),
        rest.hasNext,
        [each.name == f"{folder}/sub/" for each in rest.folders],
    ]

    signed = await files.create_signed_url(f"{folder}/a.txt", 60, {"download": "my file.txt"})
    seen["signed"] = await fetched(str(signed["signedUrl"]))
    seen["signed_missing"] = await refused(files.create_signed_url(f"{folder}/none.txt", 60))
    seen["signed_by_stranger"] = await refused(
        stranger.from_(bucket).create_signed_url(f"{folder}/a.txt", 60)
    )
    many = await files.create_signed_urls([f"{folder}/a.txt", f"{folder}/none.txt"], 60)
    seen["signed_many"] = [
        (await fetched(str(many[0]["signedUrl"])))["body"],
        many[1]["signedUrl"],
        many[1]["error"],
    ]

    upload = await files.create_signed_upload_url(f"{folder}/late.txt")
    late = anonymous.from_(bucket)
    seen["signed_upload"] = bool(
        await late.upload_to_signed_url(
            f"{folder}/late.txt", upload["token"], b"late", {"content-type": "text/plain"}
        )
    )
    seen["signed_upload_again"] = await refused(
        late.upload_to_signed_url(
            f"{folder}/late.txt", upload["token"], b"again", {"content-type": "text/plain"}
        )
    )
    seen["signed_uploaded"] = (await files.download(f"{folder}/late.txt")).decode()
    seen["signed_upload_to_stranger"] = await refused(
        files.create_signed_upload_url(f"{ids['stranger']}/x.txt")
    )

    moved = await files.move(f"{folder}/late.txt", f"{folder}/moved.txt")
    seen["move"] = moved["message"]
    seen["moved"] = (await files.download(f"{folder}/moved.txt")).decode()
    seen["move_missing"] = await refused(files.move(f"{folder}/late.txt", f"{folder}/x.txt"))
    seen["move_onto"] = await refused(files.move(f"{folder}/moved.txt", f"{folder}/a.txt"))
    seen["copy"] = bool(await files.copy(f"{folder}/moved.txt", f"{folder}/copied.txt"))
    seen["copied"] = (await files.download(f"{folder}/copied.txt")).decode()
    seen["copy_to_stranger"] = await refused(
        files.copy(f"{folder}/moved.txt", f"{ids['stranger']}/copied.txt")
    )

    shared = admin.from_(other)
    await shared.upload("hello world.txt", b"hello", {"content-type": "text/plain"})
    seen["public"] = await fetched(
        await shared.get_public_url("hello world.txt", {"download": True})
    )
    private = await fetched(await files.get_public_url(f"{folder}/a.txt"))
    seen["public_of_private"] = private["status"]
    seen["delete_bucket_with_files"] = await refused(admin.delete_bucket(other))
    seen["update_bucket"] = (await admin.update_bucket(other, {"public": False}))["message"]
    no_longer = await fetched(await shared.get_public_url("hello world.txt"))
    seen["no_longer_public"] = no_longer["status"]
    seen["empty_bucket"] = (await admin.empty_bucket(other))["message"]
    seen["delete_bucket"] = (await admin.delete_bucket(other))["message"]
    seen["get_deleted_bucket"] = await refused(admin.get_bucket(other))

    seen["remove_by_stranger"] = await stranger.from_(bucket).remove([f"{folder}/a.txt"])
    removed = await files.remove([f"{folder}/a.txt", f"{folder}/b.txt", f"{folder}/none.txt"])
    seen["remove"] = sorted(row["name"].removeprefix(folder) for row in removed)
    seen["removed"] = await refused(files.download(f"{folder}/a.txt"))
    return seen
