"""A hostile browser and its victim: real accounts, real tokens, real files."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import httpx
from psycopg import sql

from reelbase.local.pytest_plugin import RunningStack

from .harness import Bench, open_shop

__all__ = ["Browser", "Camera", "Snapshot", "attempts", "open_browser"]

CLIENT = Path(__file__).parent / "clients" / "attacker.mjs"
PASSWORD = "correct horse battery"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)

Snapshot = dict[str, str]


@dataclass(frozen=True, slots=True)
class Browser:
    """The attacker's process: one line in, one line out."""

    process: "subprocess.Popen[str]"
    commands: IO[str]
    answers: IO[str]

    def ask(self, actors: Sequence[str], name: str) -> dict[str, Any]:
        """Make one attempt in each actor's name, at once, and return what each client saw."""
        self.commands.write(json.dumps({"actors": actors, "name": name}) + "\n")
        self.commands.flush()
        line = self.answers.readline()
        assert line, f"the browser died at {name!r}"
        answers: dict[str, Any] = json.loads(line)
        return answers


def attempts() -> list[str]:
    """Return the names of all attempts that the browser knows."""
    listing = subprocess.run(
        ["node", str(CLIENT), "list"], capture_output=True, text=True, check=True
    )
    names: list[str] = json.loads(listing.stdout)
    return names


@contextmanager
def open_browser(stack: RunningStack, bench: Bench) -> Iterator[Browser]:
    """Make a victim, an owner and a guest, each with all that a user may have, and a browser."""
    with httpx.Client(base_url=stack.supabase_url, timeout=30) as api:
        people: dict[str, dict[str, str]] = {}
        tokens: dict[str, dict[str, Any] | None] = {"anon": None}
        for actor in ("victim", "owner", "guest"):
            session = _sign_up(api, stack, anonymous=actor == "guest")
            people[actor] = _furnish(api, stack, bench, session["user"]["id"])
            tokens[actor] = {name: session[name] for name in ("access_token", "refresh_token")}
    victim = people.pop("victim")
    del tokens["victim"]
    settings = {
        "url": stack.supabase_url,
        "key": stack.publishable_key,
        "anonJwt": stack.anon_key,
        "tokens": tokens,
        "own": people,
        "victim": victim,
    }
    with subprocess.Popen(
        ["node", str(CLIENT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        try:
            yield Browser(process, process.stdin, process.stdout)
        finally:
            process.stdin.close()
            process.wait(10)


class Camera:
    """Takes digests of every table that Reelbase has, of buckets, files and users."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._query = _snapshot_query(bench)

    def shoot(self) -> Snapshot:
        """Return the digests as they are now."""
        return dict(self._bench.connection.execute(self._query).fetchall())


def _snapshot_query(bench: Bench) -> bytes:
    tables = bench.rows(
        "select schemaname, tablename from pg_tables where schemaname in"
        " ('public', 'worker', 'private')"
        " union all select 'storage', unnest(array['objects', 'buckets'])"
        " union all select 'auth', 'users'"
    )
    # updated_at, sign-in and access times of the platform's own tables are no part of it.
    query = sql.SQL(" union all ").join(
        sql.SQL(
            "select {name}, md5(coalesce(string_agg(row, '|' order by row), '')) from"
            " (select (to_jsonb(t) - {ignored}::text[])::text as row from {table} as t) as rows"
        ).format(
            name=f"{schema}.{table}",
            table=sql.Identifier(schema, table),
            ignored=["updated_at", "last_sign_in_at", "last_accessed_at"]
            if schema in ("auth", "storage")
            else [],
        )
        for schema, table in tables
    )
    return query.as_bytes(bench.connection)


def _sign_up(api: httpx.Client, stack: RunningStack, *, anonymous: bool) -> Any:
    body = {} if anonymous else {"email": f"{uuid4().hex}@browser.example", "password": PASSWORD}
    answer = api.post("/auth/v1/signup", json=body, headers={"apikey": stack.publishable_key})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _furnish(api: httpx.Client, stack: RunningStack, bench: Bench, user_id: str) -> dict[str, str]:
    """Give a user one of everything and return what an attacker could know of it."""
    shop = open_shop(bench)
    bench.value("select private.grant_credits(%s, 500, 'purchase', 'furniture')", user_id)
    with bench.owner(user_id) as session:
        project = str(
            session.value("insert into public.projects (name) values ('Mine') returning id")
        )
    done = shop.job(user_id, p_project_id=project)
    with shop.queue() as queue:
        [claimed] = queue.finalizing()
        queue.complete(claimed)
    unfinished = shop.job(user_id)
    with shop.queue() as queue:
        queue.finalizing()
    key = uuid4().hex
    job = shop.job(user_id, p_idempotency_key=key)
    draft = shop.draft(user_id)
    paths = {
        "uploadPath": f"{user_id}/up/listed.png",
        "unlistedPath": f"{user_id}/up/unlisted.png",
        "resultPath": f"{user_id}/{done.id}/result.png",
        "unfinishedPath": f"{user_id}/{unfinished.id}/result.png",
    }
    for name, path in paths.items():
        bucket = "reference-images" if path.startswith(f"{user_id}/up/") else "final-images"
        answer = api.post(
            f"/storage/v1/object/{bucket}/{path}",
            content=PNG,
            headers={"apikey": stack.secret_key, "content-type": "image/png"},
        )
        assert answer.status_code == 200, (name, answer.text)
    with bench.owner(user_id) as session:
        upload = str(
            session.value(
                "insert into public.assets (kind, bucket, storage_path)"
                " values ('image', 'reference-images', %s) returning id",
                paths["uploadPath"],
            )
        )
    return paths | {
        "id": user_id,
        "model": shop.model,
        "project": project,
        "done": done.id,
        "job": job.id,
        "key": key,
        "draft": draft.id,
        "upload": upload,
        "result": _value(bench, "select id from public.assets where storage_path = %s", paths),
        "transaction": str(
            bench.value("select id from public.credit_transactions where job_id = %s", job.id)
        ),
        "lot": str(
            bench.value(
                "select id from public.credit_grants where user_id = %s"
                " order by source_key limit 1",
                user_id,
            )
        ),
        "email": bench.value(
            "select coalesce(email, '') from public.profiles where user_id = %s", user_id
        ),
        "username": bench.value("select username from public.profiles where user_id = %s", user_id),
    }


def _value(bench: Bench, query: str, paths: dict[str, str]) -> str:
    return str(bench.value(query, paths["resultPath"]))
