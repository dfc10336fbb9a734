"""One of everything for each of three people, for the matrix to be tried on.

A world lives in one transaction that is never committed, or, for tests over HTTP, is there for all
to see and deleted in the end. Names that samples may use, all of whoever acts:

    $me              the user's id
    $<table>         the key of the user's row of a table
    $model           a model that makes pictures and is nobody else's
    $queued $draft $failed $done $rated $film $voice   jobs; the last four are finished
    $waiting         a job that waits for $queued; $stopped: one cancelled at its provider
    $lost_job        a finished job that its owner deleted
    $lost_projects   a project that its owner deleted, with $swept_job, $lost_film, $lost_voice
    $shown_project   a public project, with $shown in it and a link by $token
    $<job>_result    what a finished job made
    $lost_<table>    a row that is hidden with its project or job
    $upload $second_upload $lost_upload   registered uploads; the first is the draft's reference
    $fresh_path      an upload that nobody has registered yet
    $bare            a user without a profile; $spare: one that has no preferences
    $debtor          a user who spent what was bought by $lost_payment and got the money back
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from string import Template
from typing import Any
from uuid import uuid4

from .harness import Bench, Job, Session, advance, claim, complete, fail
from .matrix import PEOPLE, RELATIONS, Actor, Relation

__all__ = ["SCHEMAS", "Catalogue", "ColumnFacts", "World", "open_world"]

SCHEMAS = ["public", "worker", "private"]

JOBS = {
    "done": ("text_to_image", "projects"),
    "rated": ("text_to_image", "projects"),
    "failed": ("text_to_image", "projects"),
    "film": ("text_to_video", "projects"),
    "voice": ("voiceover", "projects"),
    "shown": ("text_to_image", "shown_project"),
    "lost_job": ("text_to_image", "projects"),
    "swept_job": ("text_to_image", "lost_projects"),
    "lost_film": ("text_to_video", "lost_projects"),
    "lost_voice": ("voiceover", "lost_projects"),
}
"""Jobs that somebody worked on: kind and project."""

RESULTS = {
    "text_to_image": ("result_image", "final-images", "image/png"),
    "text_to_video": ("result_video", "final-videos", "video/mp4"),
    "voiceover": ("result_audio", "voiceovers", "audio/wav"),
}
"""Role, bucket and type of what a kind of job makes."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What the database knows of a column.

    Attributes:
        type: Its type, in SQL.
        is_enum: Whether that is an enum.
        refers: Whether it is part of a foreign key.
    """

    type: str
    is_enum: bool
    refers: bool


class Catalogue:
    """The database's own description of what the matrix names.

    Attributes:
        views: Every table and view with its schema, and whether it is a view.
        columns: Their columns.
        keys: Their primary keys.
        routines: The types of the arguments of every function, by name; where several share a name,
            by name and types.
    """

    def __init__(self, session: Session) -> None:
        self.views: dict[str, bool] = dict(
            session.rows(
                "select n.nspname || '.' || c.relname, c.relkind in ('v', 'm')"
                " from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
                " where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = any(%s)",
                SCHEMAS,
            )
        )
        self.columns: dict[str, dict[str, ColumnFacts]] = {name: {} for name in self.views}
        for relation, column, *facts in session.rows(
            "select n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, null),"
            " t.typtype = 'e', exists (select from pg_constraint as k where k.conrelid = c.oid"
            "  and k.contype = 'f' and a.attnum = any(k.conkey))"
            " from pg_attribute as a inner join pg_class as c on c.oid = a.attrelid"
            " inner join pg_namespace as n on n.oid = c.relnamespace"
            " inner join pg_type as t on t.oid = a.atttypid"
            " where a.attnum > 0 and not a.attisdropped and n.nspname = any(%s)"
            " and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.oid, a.attnum",
            SCHEMAS,
        ):
            self.columns[relation][column] = ColumnFacts(*facts)
        self.keys: dict[str, list[str]] = {}
        for relation, column in session.rows(
            "select n.nspname || '.' || c.relname, a.attname from pg_index as i"
            " inner join pg_class as c on c.oid = i.indrelid"
            " inner join pg_namespace as n on n.oid = c.relnamespace"
            " inner join pg_attribute as a on a.attrelid = c.oid and a.attnum = any(i.indkey)"
            " where i.indisprimary and n.nspname = any(%s)"
            " order by c.oid, array_position(i.indkey::int2[], a.attnum)",
            SCHEMAS,
        ):
            self.keys.setdefault(relation, []).append(column)
        self.routines: dict[str, list[str]] = {
            name if namesakes == 1 else f"{name}({', '.join(types)})": types
            for name, types, namesakes in session.rows(
                "select n.nspname || '.' || p.proname,"
                " array(select format_type(a.type, null)"
                "  from unnest(p.proargtypes::oid[]) with ordinality as a (type, place)"
                "  order by a.place),"
                " count(*) over (partition by n.nspname, p.proname)"
                " from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace"
                " where n.nspname = any(%s)",
                SCHEMAS,
            )
        }


@dataclass(slots=True)
class Person:
    """Somebody with rows, and the names of these."""

    id: str
    names: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """People, their rows, and the session in whose transaction they are.

    Attributes:
        session: As superuser; its transaction is open, unless others see the world.
        catalogue: What there is in the database.
        people: By actor.
        nobody: The id in the token of somebody who is not there any more.
        targets: The condition that finds a person's row, by table and actor.
        cells: What cells.py made of it, by table and actor.
    """

    session: Session
    catalogue: Catalogue
    people: dict[Actor, Person]
    nobody: str
    targets: dict[tuple[str, Actor], str] = field(default_factory=dict)
    cells: dict[tuple[str, Actor], list[Any]] = field(default_factory=dict)

    def claims(self, actor: Actor) -> dict[str, Any]:
        """Return what is in an actor's token."""
        if actor in ("anon", "service"):
            return {"role": "anon" if actor == "anon" else "service_role", "iss": "supabase"}
        return {
            "aud": "authenticated",
            "role": "authenticated",
            "sub": self.nobody if actor == "nobody" else self.people[actor].id,
            "aal": "aal1",
            "session_id": str(uuid4()),
            "is_anonymous": actor == "guest",
            "app_metadata": {},
            # Users write this themselves.
            "user_metadata": {"sub": self.people["owner"].id, "role": "service_role"},
        }

    def request(self, actor: Actor) -> dict[str, str]:
        """Return the settings that the API server makes of an actor's request, the role last."""
        claims = self.claims(actor)
        return {
            "search_path": '"public", "extensions"',
            "request.method": "POST",
            "request.path": "/",
            "request.headers": json.dumps({"user-agent": "matrix"}),
            "request.cookies": "{}",
            "request.jwt.claims": json.dumps(claims),
            "role": claims["role"],
        }

    def names(self, actor: Actor) -> Mapping[str, str]:
        """Return what samples of an actor stand for; the owner's, for who has nothing."""
        return self.people[actor if actor in PEOPLE else "owner"].names

    def fill(self, text: str, actor: Actor) -> str:
        """Put a person's keys into a sample."""
        return Template(text).substitute(self.names(actor))

    def target(self, relation: Relation, actor: Actor) -> str:
        """Return the condition that finds the row of a person; the owner's, for who has none."""
        actor = actor if actor in PEOPLE and relation.owner else "owner"
        return self.targets.get((relation.full_name, actor), "true")

    def rows_of(self, relation: Relation, actor: Actor) -> str:
        """Return the condition on all rows of a person, the deleted ones too."""
        if relation.owner is None:
            return "false"
        user_id = self.nobody if actor == "nobody" else self.people[actor].id
        return f"coalesce(({relation.owner}) = '{user_id}', false)"

    def seen_own(self, relation: Relation, actor: Actor) -> str:
        """Return the condition on those rows of a user that were not deleted in the app."""
        if actor in ("anon", "service"):
            return "false"
        own = self.rows_of(relation, actor)
        if relation.hidden is None or actor not in PEOPLE:
            return own
        return f"({own} and not coalesce({self.fill(relation.hidden, actor)}, false))"

    def seen(self, relation: Relation, actor: Actor) -> str:
        """Return the condition on all rows that an actor is to see."""
        own = self.seen_own(relation, actor)
        return own if relation.shared is None else f"({own} or ({relation.shared}))"


@contextmanager
def open_world(bench: Bench, accounts: Mapping[Actor, str] | None = None) -> Iterator[World]:
    """Build a world.

    Args:
        bench: The database.
        accounts: The ids of the people, and of nobody, who are there already; then all is
            committed, so that others see it, and deleted in the end. Default: they are made, and
            all is undone.
    """
    with bench.superuser() as session:
        session.run("begin")
        nobody = accounts["nobody"] if accounts else str(uuid4())
        world = World(session, Catalogue(session), {}, nobody)
        _Builder(world, accounts).build()
        if not accounts:
            yield world
            return
        session.run("commit")
        try:
            yield world
        finally:
            _remove(world)


def _remove(world: World) -> None:
    session, names = world.session, world.names("owner")
    users = [
        *(names[name] for name in ("bare", "spare", "debtor")),
        *(person.id for person in world.people.values()),
    ]
    with session.connection.transaction():
        session.run("delete from auth.users where id = any(%s::uuid[])", users)
        session.run("set local storage.allow_delete_query = 'true'")
        for table, path in (("storage.objects", "name"), ("worker.file_removals", "storage_path")):
            session.run(
                f"delete from {table} where split_part({path}, '/', 1) = any(%s)",
                users,
            )
        stocked = f"{names['model']}%"
        session.run("delete from public.models where id like %s", stocked)
        session.run("delete from worker.providers where name like %s", stocked)
        session.run("delete from worker.lanes where provider like %s", stocked)
        session.run("delete from worker.webhook_events where event_id like %s", stocked)
        session.run("delete from worker.api_usage_logs where provider like %s", stocked)
        session.run("delete from public.prompt_templates where name like %s", stocked)


class _Builder:
    """Makes the rows of a world, by the functions that a product would use."""

    def __init__(self, world: World, accounts: Mapping[Actor, str] | None) -> None:
        self.world = world
        self.session = world.session
        self.accounts = accounts
        self.model = f"matrix-{uuid4().hex[:12]}"
        self.shared: dict[str, str] = {}

    def build(self) -> None:
        """Make everything."""
        self.stock()
        for actor in PEOPLE:
            if self.accounts:
                user_id = self.accounts[actor]
            else:
                user_id = self.sign_up(anonymous=actor == "guest")
            person = Person(user_id, {"me": user_id, **self.shared})
            self.world.people[actor] = person
            self.act_as(user_id)
            self.upload(person)
            self.work(person)
            self.stop(person)
        for actor, person in self.world.people.items():
            self.act_as(person.id)
            person.names["queued"] = self.submit("text_to_image", person.names["projects"])
            person.names["waiting"] = self.submit(
                "text_to_image", person.names["projects"], p_after_job_ids=[person.names["queued"]]
            )
            for relation in RELATIONS:
                self.settle(relation, actor)
            self.lose(person)
        self.act_as(None)

    def act_as(self, user_id: str | None) -> None:
        """Let auth.uid() be a user's, without giving up a superuser's rights."""
        claims = json.dumps({"role": "authenticated", "sub": user_id}) if user_id else ""
        self.session.rows("select set_config('request.jwt.claims', %s, true)", claims)

    def sign_up(self, *, anonymous: bool = False) -> str:
        """Make a user, as the auth server does."""
        user_id = str(uuid4())
        self.session.run(
            "insert into auth.users (id, aud, role, email, is_anonymous)"
            " values (%s, 'authenticated', 'authenticated', %s, %s)",
            user_id,
            None if anonymous else f"{user_id}@matrix.example",
            anonymous,
        )
        return user_id

    def stock(self) -> None:
        """Put into the catalogue what is to be seen, and what is not."""
        for name in (self.model, f"{self.model}-old"):
            self.session.run(
                "insert into public.models (id, provider, provider_model, display_name, kinds,"
                " modes, aspect_ratios, max_outputs, max_reference_images, sort_order, is_active)"
                " values (%s, %s, 'm', 'Of the matrix', '{text_to_image,text_to_video,voiceover}',"
                " '{draft,standard,ultra}', '{1:1,16:9}', 10, 3, 1000, %s)",
                name,
                name,
                name == self.model,
            )
            self.session.run(
                "insert into public.model_prices (model_id, kind, mode, unit, credits)"
                " select id, kind, mode, 'output', case mode when 'draft' then 0 else 7 end"
                " from public.models cross join unnest(kinds) as kind"
                " cross join unnest('{draft,standard}'::public.generation_mode[]) as mode"
                " where id = %s",
                name,
            )
        self.session.rows("select worker.limit_provider(%s, null, null)", self.model)
        self.session.run(
            "insert into public.prompt_templates (user_id, name, prompt, is_active)"
            " values (null, %s, 'A harbour', true), (null, %s, 'A quay', false)",
            self.model,
            f"{self.model}-old",
        )
        if not self.accounts:
            # These are on sale for others, too.
            self.session.run(
                "update public.subscription_plans set is_active = false where tier = 'business'"
            )
            self.session.run(
                "update public.credit_packages set is_active = false where slug = 'thb-trial'"
            )
        # Profiles go with their users alone: this one never gets any.
        self.session.run("set local session_replication_role = replica")
        bare = self.sign_up(anonymous=True)
        self.session.run("set local session_replication_role = origin")
        spare = self.sign_up(anonymous=True)
        self.session.run("delete from public.user_preferences where user_id = %s", spare)
        self.shared = {"model": self.model, "bare": bare, "spare": spare, **self.borrow()}
        self.shared |= self.hear(self.shared["debtor"], self.shared["lost_payment"])

    def borrow(self) -> dict[str, str]:
        """Somebody who buys and spends, and whose bank takes the money back."""
        debtor = self.sign_up(anonymous=True)
        [payment] = self.session.column(
            "select id::text from worker.open_payment(%s, 'sandbox', 'matrix',"
            " p_package_slug => 'usd-starter')",
            debtor,
        )
        self.session.rows("select worker.settle_payment(%s, 999, 'USD')", payment)
        self.act_as(debtor)
        job_id = self.submit("text_to_image", None)
        self.act_as(None)
        [job] = self.claim()
        assert job.id == job_id
        self.complete(job, "text_to_image")
        self.session.rows("select worker.open_dispute(%s, 'matrix')", payment)
        self.session.rows("select worker.close_dispute(%s, 'matrix', 'lost')", payment)
        self.session.rows("select worker.grant_credits(%s, 1, 'A trial', 'matrix')", debtor)
        return {"debtor": debtor, "lost_payment": payment}

    def hear(self, debtor: str, payment: str) -> dict[str, str]:
        """What providers told and cost: an event that is dead, one that is due, a call, a check."""
        names = ("dead", "due")
        told = [
            {"provider": "sandbox", "event_id": f"{self.model}-{name}", "payload": "{}"}
            for name in names
        ]
        self.session.rows("select worker.receive_webhooks(%s)", json.dumps(told))
        dead = self.session.value(
            "update worker.webhook_events set status = 'dead', next_attempt_at = null,"
            " payment_id = %s where provider = 'sandbox' and event_id = %s returning id::text",
            payment,
            f"{self.model}-dead",
        )
        call = {"call_id": str(uuid4()), "provider": self.model, "operation": "submit"}
        self.session.rows("select worker.log_api_usage(%s)", json.dumps([call]))
        self.session.rows(
            "select worker.keep_payment_customer(%s, 'sandbox', %s)", debtor, self.model
        )
        pending = self.session.value(
            "select id::text from worker.open_payment(%s, 'sandbox', 'matrix-open',"
            " p_package_slug => 'usd-starter')",
            debtor,
        )
        self.session.run(
            "update worker.payment_checks set due_at = now() where payment_id = %s", pending
        )
        return {"dead_event": dead, "call": call["call_id"], "open_payment": pending}

    def upload(self, person: Person) -> None:
        """Projects, and files in the user's folder."""
        names = person.names
        for project in ("projects", "shown_project", "lost_projects"):
            names[project] = str(
                self.session.value(
                    "insert into public.projects (name, is_public) values (%s, %s) returning id",
                    project,
                    project == "shown_project",
                )
            )
        names["token"] = self.session.value(
            "select public.share_project(%s)", names["shown_project"]
        )
        for name in ("upload", "second_upload", "lost_upload", "fresh"):
            path = f"{person.id}/up/{name}.png"
            self.session.run(
                "insert into storage.objects (bucket_id, name, owner_id, metadata)"
                " values ('reference-images', %s, %s, %s)",
                path,
                person.id,
                '{"mimetype": "image/png", "size": 45}',
            )
            if name == "fresh":
                names["fresh_path"] = path
                continue
            names[name] = str(
                self.session.value(
                    "insert into public.assets (kind, bucket, storage_path, project_id)"
                    " values ('image', 'reference-images', %s, %s) returning id",
                    path,
                    names["lost_projects"] if name == "lost_upload" else None,
                )
            )

    def work(self, person: Person) -> None:
        """Credits, and jobs in several states."""
        names = person.names
        self.session(
            "private.grant_credits",
            p_user_id=person.id,
            p_amount=1000,
            p_kind="purchase",
            p_source_key="matrix",
        )
        for job, (kind, project) in JOBS.items():
            parents = {"p_after_job_ids": [names["done"]]} if job == "lost_job" else {}
            names[job] = self.submit(kind, names[project], **parents)
        self.finish(person)
        names["draft"] = str(
            self.session.value(
                "insert into public.generation_jobs (kind, prompt, model_id, status)"
                " values ('text_to_image', 'draft', %s, 'pending') returning id",
                self.model,
            )
        )
        self.session.run(
            "insert into public.job_assets (job_id, asset_id, role)"
            " values (%s, %s, 'reference_image')",
            names["draft"],
            names["upload"],
        )

    def submit(self, kind: str, project_id: str | None, **more: Any) -> str:
        """Submit a job and return its id."""
        arguments = {
            "p_kind": kind,
            "p_prompt": "A harbour",
            "p_model_id": self.model,
            "p_project_id": project_id,
        } | more
        named = ", ".join(f"{name} => %s" for name in arguments)
        return str(
            self.session.value(
                f"select id from public.submit_generation({named})", *arguments.values()
            )
        )

    def stop(self, person: Person) -> None:
        """A job that is cancelled while its provider works on it."""
        person.names["stopped"] = self.submit("text_to_image", person.names["projects"])
        [job] = self.claim()
        advance(self.session, job, "processing", provider_job_id=job.id, poll_after_seconds=60)
        self.session.rows("select public.cancel_generation(%s)", job.id)

    def finish(self, person: Person) -> None:
        """Work on all jobs that wait, as a dispatcher does."""
        names = {person.names[name]: name for name in JOBS}
        # No more are given out at once than the plan lets run.
        while claimed := self.claim():
            for job in claimed:
                name = names.pop(job.id)
                if name == "failed":
                    fail(self.session, job)
                    continue
                self.complete(job, JOBS[name][0])
                person.names[f"{name}_result"] = str(
                    self.session.value(
                        "select asset_id from public.job_assets where job_id = %s", job.id
                    )
                )
        assert not names

    def claim(self) -> list[Job]:
        """Claim jobs that wait."""
        return claim(self.session, self.model, 20)

    def complete(self, job: Job, kind: str) -> None:
        """Bring a job that was claimed to its end."""
        advance(self.session, job, "processing")
        role, bucket, mime_type = RESULTS[kind]
        result = {
            "role": role,
            "bucket": bucket,
            "storage_path": f"{job.user_id}/{job.id}/result",
            "mime_type": mime_type,
            "size_bytes": 45,
        }
        complete(self.session, job, assets=[result])

    def settle(self, relation: Relation, actor: Actor) -> None:
        """Make a person's row of a table, or find the one that is there, and remember its key."""
        names = self.world.people[actor].names
        if relation.service == "" or (relation.owner is None and actor != "owner"):
            return
        key = relation.key.split() or self.world.catalogue.keys[relation.full_name]
        columns = ", ".join(f'"{column}"::text' for column in key)
        short = relation.name.rpartition(".")[2]
        if relation.find is None:
            row = {**relation.service_row, **relation.first}
            found = self.insert(relation, actor, row, columns)
            for column, lost in re.findall(r"(\w+) = '(\$lost_\w+)'", relation.hidden or ""):
                lost_row = {**row, column: f"'{lost}'"}
                names[f"lost_{short}"] = self.insert(relation, actor, lost_row, columns)[0]
        else:
            condition = self.world.fill(relation.find, actor)
            if relation.owner is not None:
                condition = f"{self.world.rows_of(relation, actor)} and ({condition})"
            [found] = self.session.rows(
                f"select {columns} from {relation.full_name} where {condition} order by 1 limit 1"
            )
        names.setdefault(short, found[0])
        self.world.targets[relation.full_name, actor] = " and ".join(
            f'"{column}" = {_quoted(value)}' if value is not None else f'"{column}" is null'
            for column, value in zip(key, found, strict=True)
        )

    def insert(
        self, relation: Relation, actor: Actor, row: Mapping[str, str], returning: str
    ) -> tuple[Any, ...]:
        """Insert a row of samples and return its key."""
        columns = ", ".join(f'"{column}"' for column in row)
        values = ", ".join(self.world.fill(sample, actor) for sample in row.values())
        [found] = self.session.rows(
            f"insert into {relation.full_name} ({columns}) values ({values}) returning {returning}"
        )
        return found

    def lose(self, person: Person) -> None:
        """Delete a job and a project, as their owner does in the app."""
        self.session.run("set local role authenticated")
        for table, name in (("generation_jobs", "lost_job"), ("projects", "lost_projects")):
            self.session.run(f"delete from public.{table} where id = %s", person.names[name])
        self.session.run("set local role none")


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
