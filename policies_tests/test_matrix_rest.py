"""A slice of the matrix through the API server, and ways that might lead round it.

Every table and view is read and written once by each actor with the `postgrest` client, and must
answer as matrix.py says. Then come the API's own features, each tried on another's rows: embeds,
aggregates, counts, filters, upserts, bulk inserts, `columns`, `Prefer`, functions by GET, and the
schemas that are not a client's.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any
from uuid import uuid4

import httpx
import pytest
from postgrest import APIError, SyncPostgrestClient

from reelbase.local.pytest_plugin import RunningStack

from .browser import Camera
from .cells import sample_of
from .harness import Bench
from .matrix import (
    ACTORS,
    CHECKED,
    DENIED,
    HIDDEN,
    ONE_ROW,
    PEOPLE,
    RELATIONS,
    ROUTINES,
    UNWRITABLE,
    Actor,
    Relation,
)
from .worlds import World, open_world

PASSWORD = "correct horse battery"


@dataclass(slots=True)
class Api:
    """The API server, and each actor's headers."""

    url: str
    world: World
    headers: dict[Actor, dict[str, str]]
    http: httpx.Client
    clients: dict[tuple[Actor, str], Any] = field(default_factory=dict)

    def client(self, actor: Actor, schema: str = "public") -> Any:
        """Return an actor's client for a schema."""
        if (actor, schema) not in self.clients:
            self.clients[actor, schema] = SyncPostgrestClient(
                f"{self.url}/rest/v1",
                schema=schema,
                headers=dict(self.headers[actor]),
                http_client=self.http,
            )
        return self.clients[actor, schema]

    def table(self, actor: Actor, relation: Relation) -> Any:
        """Return where an actor's requests about a table begin."""
        return self.client(actor, relation.schema).from_(relation.full_name.partition(".")[2])


@pytest.fixture(scope="module")
def api(stack: RunningStack, bench: Bench) -> Iterator[Api]:
    """A world that others can see, and tokens of everybody in it."""
    key = {"apikey": stack.publishable_key}
    headers: dict[Actor, dict[str, str]] = {"anon": key, "service": {"apikey": stack.secret_key}}
    accounts: dict[Actor, str] = {}
    with httpx.Client(base_url=stack.supabase_url, headers=key, timeout=30) as auth:
        for actor in (*PEOPLE, "nobody"):
            email = f"{uuid4().hex}@rest.example"
            body = {} if actor == "guest" else {"email": email, "password": PASSWORD}
            answer = auth.post("/auth/v1/signup", json=body)
            assert answer.status_code == 200, answer.text
            session = answer.json()
            accounts[actor] = session["user"]["id"]
            headers[actor] = key | {"Authorization": f"Bearer {session['access_token']}"}
    bench.run("delete from auth.users where id = %s", accounts["nobody"])
    with (
        open_world(bench, accounts) as world,
        httpx.Client(base_url=f"{stack.supabase_url}/rest/v1/", timeout=30) as http,
    ):
        yield Api(stack.supabase_url, world, headers, http)


def outcome_of(request: Any) -> tuple[str, list[dict[str, Any]]]:
    """Send a request and tell its outcome in the words of the matrix, and the rows."""
    try:
        rows = request.execute().data
    except APIError as error:
        state, message = error.code or "", error.message or ""
        if state == "42501" and message.startswith("permission denied"):
            return DENIED, []
        if state == "42501" and "row-level security" in message:
            return CHECKED, []
        return (f"{state} {error.hint}" if state.startswith("PT") else state), []
    return f"{len(rows)} rows", rows


def as_json(world: World, relation: Relation, actor: Actor, row: Mapping[str, str]) -> Any:
    """Turn a row of samples into what a client would send."""
    facts = world.catalogue.columns[relation.full_name]
    values = ", ".join(
        f"'{column}', to_jsonb(({world.fill(sample, actor)})::{facts[column].type})"
        for column, sample in row.items()
    )
    return world.session.value(f"select jsonb_build_object({values})") if row else {}


def row_of(world: World, relation: Relation, target: str) -> Any:
    """Return a row as the database has it."""
    return world.session.column(f"select to_jsonb(t) from {relation.full_name} as t where {target}")


def filters(world: World, relation: Relation, target: str) -> dict[str, Any]:
    """Return the key of a row as a client would filter by it."""
    key = relation.key.split() or world.catalogue.keys.get(relation.full_name, [])
    [row] = row_of(world, relation, target) or [{}]
    return {column: row.get(column) for column in key}


def only(request: Any, key: Mapping[str, Any]) -> Any:
    """Filter a request by a key."""
    for column, value in key.items():
        request = request.is_(column, "null") if value is None else request.eq(column, value)
    return request


# Each table, read and written once by each actor --------------------------------------------------


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_table_answers_as_the_matrix_says(api: Api, relation: Relation, actor: Actor) -> None:
    if relation.schema == "private":
        seen, _ = outcome_of(api.table(actor, relation).select("*"))
        assert seen == "PGRST106"
        return
    steps = _Steps(api, relation, actor)
    steps.select()
    made = steps.insert()
    steps.update()
    steps.delete(made)
    assert steps.failures == []


class _Steps:
    """The four requests of one actor to one table."""

    def __init__(self, api: Api, relation: Relation, actor: Actor) -> None:
        self.world, self.relation, self.actor = api.world, relation, actor
        self.api = api
        self.failures: list[str] = []
        self.service = actor == "service"
        self.person = actor in PEOPLE and relation.owner is not None
        self.own_target = api.world.target(relation, actor)
        self.own = filters(api.world, relation, self.own_target)
        self.other_target = api.world.target(relation, "stranger" if actor == "owner" else "owner")
        self.other = filters(api.world, relation, self.other_target)

    @property
    def table(self) -> Any:
        return self.api.table(self.actor, self.relation)

    def expect(self, name: str, expected: str, request: Any) -> list[dict[str, Any]]:
        """Send a request, note a failure, and return the rows."""
        seen, rows = outcome_of(request)
        if seen not in expected.split("|"):
            self.failures.append(f"{self.actor}: {name}: expected {expected}, saw {seen}")
        return rows

    def select(self) -> None:
        """Read everything: just what is to be seen comes."""
        relation, actor, world = self.relation, self.actor, self.world
        if self.service and "s" in relation.service:
            self.expect("select", ONE_ROW, only(self.table.select("*"), self.own))
            return
        readable = not self.service and relation.schema == "public"
        if actor == "anon":
            readable = relation.shared is not None
        if not readable:
            self.expect("select", DENIED, self.table.select("*"))
            return
        wanted = world.session.column(
            f"select to_jsonb(t) from {relation.full_name} as t where {world.seen(relation, actor)}"
        )
        rows = self.expect("select", f"{len(wanted)} rows", self.table.select("*"))
        key = self.own or dict.fromkeys(world.catalogue.keys.get(relation.full_name, []))
        if {_key(row, key) for row in rows} != {_key(row, key) for row in wanted}:
            self.failures.append(f"{actor}: select: other rows than those to be seen")

    def insert(self) -> dict[str, Any] | None:
        """Make a row, and return it."""
        relation, actor = self.relation, self.actor
        writable = {name for name, column in relation.columns.items() if column.insert}
        granted = "i" in relation.service if self.service else bool(writable) and actor != "anon"
        row = relation.service_row if self.service else relation.user_row
        if not granted:
            column = next(iter(row), relation.all_columns[0])
            row = {column: sample_of(self.world, relation, column)}
            expected = f"{DENIED}|{UNWRITABLE}|428C9" if relation.view else DENIED
        else:
            usual = "23503" if actor == "nobody" else ONE_ROW
            is_draft = relation.name == "generation_jobs"  # it leaves no trace
            expected = relation.outcome(actor, "insert", "status" if is_draft else "-", usual)
        body = as_json(self.world, relation, actor, row)
        if relation.name == "generation_jobs":
            body["status"] = "pending"
        rows = self.expect("insert", expected, self.table.insert(body))
        if (
            rows
            and not self.service
            and rows[0].get("user_id")
            not in (
                None,
                self.world.people[actor].id,
            )
        ):
            self.failures.append(f"{actor}: insert: the row is somebody else's")
        return rows[0] if rows else None

    def update(self) -> None:
        """Change a column of one's own row and of another's."""
        relation, actor = self.relation, self.actor
        writable = [name for name, column in relation.columns.items() if column.update]
        services = relation.all_columns if "u" in relation.service else []
        if self.service:
            granted = [*services, *relation.service_updates.split()]
        else:
            granted = writable if actor != "anon" else []
        fixed = {*self.own, *relation.generated.split()}
        column = relation.blind or next(
            name for name in (*granted, *relation.all_columns) if name not in fixed
        )
        value = as_json(
            self.world, relation, actor, {column: sample_of(self.world, relation, column)}
        )
        if self.service:
            # To what it is: no value suits every column.
            value = {column: row_of(self.world, relation, self.own_target)[0][column]}
        refused = f"{DENIED}|{UNWRITABLE}|428C9" if relation.view else DENIED
        if self.person or self.service:
            expected = ONE_ROW if column in granted else refused
            self.expect("update", expected, only(self.table.update(value), self.own))
        if not self.service and relation.owner is not None:
            before = row_of(self.world, relation, self.other_target)
            expected = HIDDEN if column in granted else refused
            self.expect("update another's", expected, only(self.table.update(value), self.other))
            if row_of(self.world, relation, self.other_target) != before:
                self.failures.append(f"{actor}: update another's: it did")

    def delete(self, made: dict[str, Any] | None) -> None:
        """Delete what was made, and another's row."""
        relation, actor = self.relation, self.actor
        granted = "d" in relation.service if self.service else relation.deletes and actor != "anon"
        refused = f"{DENIED}|{UNWRITABLE}" if relation.view else DENIED
        # A table that is closed has no key to show.
        key = self.own or {relation.all_columns[0]: None}
        if made is not None:
            key = {column: made[column] for column in key}
        if not granted:
            self.expect("delete", refused, only(self.table.delete(), key))
        elif made is not None:
            # What is kept, out of sight, is not reported.
            expected = f"{HIDDEN}|{ONE_ROW}" if relation.keeps else ONE_ROW
            self.expect("delete", expected, only(self.table.delete(), key))
            if not self.service:
                self.expect("select deleted", HIDDEN, only(self.table.select("*"), key))
        if granted and not self.service and relation.owner is not None:
            before = row_of(self.world, relation, self.other_target)
            self.expect("delete another's", HIDDEN, only(self.table.delete(), self.other))
            if row_of(self.world, relation, self.other_target) != before:
                self.failures.append(f"{actor}: delete another's: it did")


def _key(row: Mapping[str, Any], key: Mapping[str, Any]) -> str:
    return json.dumps([row.get(column) for column in key])


# Ways round ---------------------------------------------------------------------------------------

NO_GRANT = "403 42501"
SIGN_IN = "401 42501"
"""No grant, for who has no token."""
NO_ROWS = "200 0 rows"
NO_RELATION = "400 PGRST200"
NO_SUCH_KEY = "400 42P10"
"""Only the rows that have a key are unique by it, which no client can say."""
NO_AGGREGATES = "400 PGRST123"
NO_SCHEMA = "406 PGRST106"
NO_FUNCTION = "404 PGRST202"

STRANGERS: tuple[Actor, ...] = ("anon", "stranger", "guest", "nobody")

MERGE = {"Prefer": "resolution=merge-duplicates"}
IGNORE = {"Prefer": "resolution=ignore-duplicates"}
SHOW = {"Prefer": "return=representation"}


@dataclass(frozen=True, slots=True)
class Way:
    """A request that is to lead nowhere.

    Attributes:
        name: What is tried.
        method: The HTTP method.
        path: Below /rest/v1/. `$projects` is the caller's own, `$their_projects` the owner's.
        users: What a signed-in stranger must see.
        anon: What somebody without a token must see.
        body: The request's body.
        headers: More headers.
        nobody: What a user without a profile must see, if it is not what the others see.
    """

    name: str
    method: str
    path: str
    users: str = NO_GRANT
    anon: str = SIGN_IN
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    nobody: str | None = None


def get(name: str, path: str, users: str = NO_ROWS, anon: str = SIGN_IN, **more: Any) -> Way:
    """A request that reads."""
    return Way(name, "GET", path, users, anon, **more)


def post(name: str, path: str, body: Any, users: str = NO_GRANT, **more: Any) -> Way:
    """A request that inserts or calls."""
    return Way(name, "POST", path, users, body=body, **more)


def in_schema(schema: str) -> dict[str, str]:
    """The headers that name a schema, for reading and for writing."""
    return {"Accept-Profile": schema, "Content-Profile": schema}


WAYS = [
    # Embeds
    get(
        "embed jobs in another's project",
        "projects?select=*,generation_jobs(*)&id=eq.$their_projects",
    ),
    get(
        "embed another's profile",
        "generation_jobs?select=id,profiles!inner(email)&user_id=eq.$their_me",
    ),
    get(
        "embed by what is embedded",
        "projects?select=id,generation_jobs!inner(id)&generation_jobs.id=eq.$their_done",
    ),
    get("spread another's profile", "projects?select=id,...profiles(email)&id=eq.$their_projects"),
    get(
        "embed where nothing is",
        "projects?select=id,assets()&assets=not.is.null&id=eq.$their_projects",
    ),
    get(
        "embed two steps away",
        "assets?select=id,job_assets(*,generation_jobs(*))&id=eq.$their_upload",
    ),
    get("embed in a view", "credit_statement?select=*,profiles(*)&user_id=eq.$their_me"),
    get(
        "embed jobs in a model",
        "models?select=id,generation_jobs!inner(id)&generation_jobs.user_id=eq.$their_me",
    ),
    get(
        "embed profiles in a plan",
        "subscription_plans?select=tier,profiles!inner(user_id)&profiles.user_id=eq.$their_me",
    ),
    get(
        "embed subscriptions in plans",
        "subscription_plans?select=tier,subscriptions!inner(id)&subscriptions.user_id=neq.$me",
    ),
    get(
        "embed owners in templates",
        "prompt_templates?select=name,profiles!inner(email)&user_id=eq.$their_me",
    ),
    get("embed another schema", "projects?select=id,tasks(*)", NO_RELATION, NO_RELATION),
    get("embed users", "profiles?select=user_id,users(*)", NO_RELATION, NO_RELATION),
    get("embed files", "profiles?select=user_id,objects(*)", NO_RELATION, NO_RELATION),
    get(
        "embed in what a function shows",
        "rpc/get_public_project?p_project_id=$their_shown_project&select=*,profiles(*)",
        NO_RELATION,
        NO_RELATION,
    ),
    get(
        "a column that a function does not show",
        "rpc/list_public_projects?select=user_id",
        "400 42703",
        "400 42703",
    ),
    get(
        "filter by a column that a function does not show",
        "rpc/list_public_projects?select=name&share_token=like.*",
        "400 42703",
        "400 42703",
    ),
    # Aggregates, counts and plans
    get("count by select", "generation_jobs?select=id.count()", NO_AGGREGATES, NO_AGGREGATES),
    get("count without a column", "profiles?select=count()", NO_AGGREGATES, NO_AGGREGATES),
    get("sum", "credit_accounts?select=balance.sum()", NO_AGGREGATES, NO_AGGREGATES),
    Way(
        "count exactly",
        "HEAD",
        "profiles?user_id=eq.$their_me",
        "200 */0",
        "401",
        headers={"Prefer": "count=exact"},
    ),
    Way(
        "count by reading",
        "GET",
        "generation_jobs?id=eq.$their_done&select=id",
        "200 0 rows */0",
        SIGN_IN,
        headers={"Prefer": "count=exact"},
    ),
    get(
        "explain",
        "credit_accounts",
        "406 PGRST107|415 PGRST107",
        "406 PGRST107|415 PGRST107",
        headers={"Accept": "application/vnd.pgrst.plan+json; options=analyze|verbose"},
    ),
    # Filters and orders
    get("another's by id", "profiles?user_id=eq.$their_me"),
    get("all but one's own", "projects?user_id=neq.$me"),
    get("either or", "assets?or=(user_id.eq.$their_me,and(user_id.eq.$their_me,id.not.is.null))"),
    get("by a pattern", "profiles?email=like.*$their_me*"),
    get(
        "by an embedded column",
        "projects?select=id,generation_jobs(id)&generation_jobs.prompt="
        "like.*&generation_jobs=not.is.null&user_id=neq.$me",
    ),
    get("by a token", "projects?share_token=eq.$their_token"),
    get("by a cast", "credit_transactions?select=user_id::text&user_id=eq.$their_me"),
    get("by a path in JSON", "generation_jobs?select=parameters->>seed&user_id=eq.$their_me"),
    get(
        "by a computed column",
        "characters?select=id,credits_used&credits_used=not.is.null&user_id=neq.$me",
    ),
    get(
        "by a computed column that is its own table's",
        "projects?select=id,credits_used",
        "400 42703",
        "400 42703|401 42501",
    ),
    get(
        "order by another table",
        "projects?select=id,profiles!inner(email)&order=profiles(email)&user_id=neq.$me",
    ),
    get("templates by their owner", "prompt_templates?user_id=eq.$their_me", anon=NO_ROWS),
    get(
        "templates that are retired",
        "prompt_templates?is_active=is.false&user_id=is.null",
        anon=NO_ROWS,
    ),
    get("models that are retired", "models?is_active=is.false", anon=NO_ROWS),
    get("a view of another's", "generated_images?user_id=eq.$their_me"),
    get("another's statistics", "user_stats?user_id=eq.$their_me"),
    get("another's use", "credit_usage_by_model?user_id=neq.$me"),
    # Upserts
    post(
        "upsert another's project",
        "projects?on_conflict=id",
        {"id": "$their_projects", "name": "Mine"},
        headers=MERGE,
    ),
    post(
        "upsert over another's project",
        "projects?on_conflict=share_token",
        {"share_token": "$their_token", "name": "Mine"},
        headers=MERGE,
    ),
    post(
        "upsert another's profile",
        "profiles?on_conflict=user_id",
        {"user_id": "$their_me", "username": "stolen"},
        headers=MERGE,
    ),
    post(
        "upsert another's credits",
        "credit_accounts?on_conflict=user_id",
        {"user_id": "$their_me", "balance": 0},
        headers=MERGE,
    ),
    post(
        "upsert another's platform",
        "platform_configurations?on_conflict=user_id,platform",
        {"user_id": "$their_me", "platform": "web"},
        headers=MERGE,
    ),
    post(
        "upsert another's feedback",
        "feedback?on_conflict=job_id,user_id",
        {"job_id": "$their_rated", "rating": 1},
        headers=MERGE,
    ),
    post(
        "insert another's feedback, ignoring what is there",
        "feedback?on_conflict=job_id,user_id",
        {"job_id": "$their_rated", "user_id": "$their_me", "rating": 1},
        headers=IGNORE,
    ),
    post(
        "upsert a job by another's key",
        "generation_jobs?on_conflict=user_id,idempotency_key",
        {"user_id": "$their_me", "idempotency_key": "x", "kind": "text_to_image", "prompt": "x"},
        NO_SUCH_KEY,
        anon=NO_SUCH_KEY,
        headers=MERGE,
    ),
    Way(
        "put another's project",
        "PUT",
        "projects?id=eq.$their_projects",
        body={"id": "$their_projects", "name": "Mine"},
    ),
    # Bulk inserts and columns
    post(
        "rows of different keys",
        "projects",
        [{"name": "a"}, {"name": "b", "user_id": "$me"}],
        "400 PGRST102",
        anon="400 PGRST102",
    ),
    post(
        "rows of different keys, named",
        "projects?columns=name,user_id",
        [{"name": "a"}, {"name": "b", "user_id": "$their_me"}],
    ),
    post(
        "rows of different keys, with defaults",
        "projects?columns=name,user_id",
        [{"name": "a"}, {"name": "b", "user_id": "$their_me"}],
        headers={"Prefer": "missing=default"},
    ),
    post(
        "a column that is no client's",
        "generation_jobs?columns=kind,prompt,credit_cost",
        {"kind": "text_to_image", "prompt": "x", "credit_cost": 0},
    ),
    post(
        "a column that is not there",
        "projects?columns=name,price",
        {"name": "a", "price": 1},
        "400 PGRST204",
        anon="400 PGRST204",
    ),
    post(
        "one good row and one bad",
        "feedback",
        [{"job_id": "$done", "rating": 5}, {"job_id": "$their_done", "rating": 5}],
    ),
    Way(
        "change a column that is no client's",
        "PATCH",
        "projects?columns=name,user_id&id=eq.$projects",
        body={"name": "a", "user_id": "$their_me"},
    ),
    # Prefer
    Way(
        "change another's and show it",
        "PATCH",
        "projects?id=eq.$their_projects",
        NO_ROWS,
        body={"name": "Mine"},
        headers=SHOW,
    ),
    Way(
        "change everybody's and show it",
        "PATCH",
        "feedback?user_id=neq.$me",
        NO_ROWS,
        body={"rating": 1},
        headers=SHOW,
    ),
    Way(
        "delete everybody's and show it",
        "DELETE",
        "conversations?user_id=neq.$me",
        NO_ROWS,
        headers=SHOW,
    ),
    Way(
        "change another's, undone",
        "PATCH",
        "projects?id=eq.$their_projects",
        NO_ROWS,
        body={"name": "Mine"},
        headers={"Prefer": "return=representation, tx=rollback"},
    ),
    post(
        "insert for another, undone",
        "projects",
        {"name": "a", "user_id": "$their_me"},
        headers={"Prefer": "return=representation, tx=rollback"},
    ),
    post(
        "insert and show another table",
        "feedback?select=*,profiles(*)",
        {"job_id": "$their_done", "rating": 5},
        headers=SHOW,
    ),
    Way(
        "change what is embedded",
        "PATCH",
        "projects?id=eq.$their_projects&select=id,generation_jobs(id)",
        NO_ROWS,
        body={"name": "Mine"},
        headers=SHOW,
    ),
    # Views
    Way("change a view", "PATCH", "credit_statement?user_id=eq.$their_me", body={"amount": 1}),
    Way("delete from a view", "DELETE", "credit_statement?user_id=eq.$their_me"),
    post("insert into a view", "credit_statement", {"user_id": "$me", "amount": 1}),
    # Functions
    get("act by GET", "rpc/cancel_generation?p_job_id=$their_queued", "404 PT404 job_not_found"),
    get(
        "restore by GET",
        "rpc/restore_project?p_project_id=$their_lost_projects",
        "404 PT404 project_not_found|405 25006",
    ),
    post(
        "act on another's",
        "rpc/cancel_generation",
        {"p_job_id": "$their_queued"},
        "404 PT404 job_not_found",
    ),
    post(
        "restore another's",
        "rpc/restore_project",
        {"p_project_id": "$their_lost_projects"},
        "404 PT404 project_not_found",
    ),
    post(
        "an argument that is not there",
        "rpc/my_credits",
        {"p_user_id": "$their_me"},
        NO_FUNCTION,
        anon=NO_FUNCTION,
    ),
    post(
        "a definer function",
        "rpc/cancel_own_job",
        {"p_job_id": "$their_queued"},
        NO_FUNCTION,
        anon=NO_FUNCTION,
    ),
    post(
        "the row of another as an argument",
        "rpc/credits_used",
        {"": "x"},
        NO_FUNCTION,
        anon=NO_FUNCTION,
    ),
    get(
        "a project that is not public",
        "rpc/get_public_project?p_project_id=$their_projects",
        "404 PT404 project_not_found",
        "404 PT404 project_not_found",
    ),
    get(
        "a project by an empty token",
        "rpc/get_shared_project?p_token=",
        "404 PT404 project_not_found",
        "404 PT404 project_not_found",
    ),
    # Schemas
    *(
        way
        for schema in ("private", "auth", "storage", "extensions", "pg_catalog", "realtime")
        for way in (
            get(f"read in {schema}", "settings", NO_SCHEMA, NO_SCHEMA, headers=in_schema(schema)),
            post(
                f"write in {schema}",
                "users",
                {"id": "$me"},
                NO_SCHEMA,
                anon=NO_SCHEMA,
                headers=in_schema(schema),
            ),
            post(
                f"call in {schema}",
                "rpc/grant_credits",
                {"p_user_id": "$me"},
                NO_SCHEMA,
                anon=NO_SCHEMA,
                headers=in_schema(schema),
            ),
        )
    ),
    get("read the queue", "tasks", NO_GRANT, headers=in_schema("worker")),
    get("read the queue's view", "job_queue_status", NO_GRANT, headers=in_schema("worker")),
    post("write to the queue", "tasks", {"job_id": "$queued"}, headers=in_schema("worker")),
    Way("empty the queue", "DELETE", "tasks?job_id=not.is.null", headers=in_schema("worker")),
    post(
        "claim",
        "rpc/claim_tasks",
        {"p_lease": "$me", "p_worker": "x", "p_wanted": []},
        headers=in_schema("worker"),
    ),
    get(
        "find a file",
        "rpc/find_shown_file?p_asset_id=$their_done_result",
        NO_GRANT,
        headers=in_schema("worker"),
    ),
    post("purge", "rpc/purge_hidden", {}, headers=in_schema("worker")),
]


@pytest.fixture(scope="module")
def camera(api: Api, bench: Bench) -> list[Any]:
    """A camera, and what the database looked like when it last stood still."""
    lens = Camera(bench)
    return [lens, lens.shoot()]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_way_round_leads_nowhere(api: Api, camera: list[Any], way: Way) -> None:
    theirs = {f"their_{name}": value for name, value in api.world.names("owner").items()}
    # What everybody may know is no secret, nor is what is too short to be anybody's.
    known = {"model", "bare", "spare", "shown_project", "token"}
    secrets = {
        value
        for name, value in api.world.names("owner").items()
        if name not in known and len(value) > 30
    }
    failures = []
    for actor in STRANGERS:
        whose: Actor = actor if actor in PEOPLE else "stranger"
        names = {**theirs, **api.world.names(whose)}
        request = api.http.build_request(
            way.method,
            Template(way.path).substitute(names),
            content=Template(json.dumps(way.body)).substitute(names) if way.body else None,
            headers={
                **api.headers[actor],
                **({"Content-Type": "application/json"} if way.body else {}),
                **way.headers,
            },
        )
        answer = api.http.send(request)
        expected = {"anon": way.anon, "nobody": way.nobody or way.users}.get(actor, way.users)
        if (seen := outcome_of_answer(answer)) not in expected.split("|"):
            failures.append(f"{actor}: expected {expected}, saw {seen}: {answer.text[:200]}")
        sent = f"{request.url} {request.content.decode()}"
        leaked = {each for each in secrets if each in answer.text and each not in sent}
        failures += [f"{actor}: learned {each}" for each in leaked]
    assert failures == []
    if way.method in ("GET", "HEAD"):
        return  # the API server reads in transactions that cannot write
    lens, before = camera
    camera[1] = lens.shoot()
    assert camera[1] == before


def outcome_of_answer(answer: httpx.Response) -> str:
    """Put an answer into the words of WAYS."""
    body = answer.json() if answer.content else None
    parts = [str(answer.status_code)]
    if answer.is_error:
        if isinstance(body, dict):
            parts.append(body["code"])
            if body["code"].startswith("PT"):
                parts.append(body["hint"])
        return " ".join(parts)
    if isinstance(body, list):
        parts.append(f"{len(body)} rows")
    if "count=" in answer.request.headers.get("prefer", ""):
        parts.append(answer.headers["content-range"])
    return " ".join(parts)


# What is allowed, so that the refusals are known to be the database's -----------------------------


def test_owner_embeds_counts_and_orders_what_is_theirs(api: Api) -> None:
    names = api.world.names("owner")
    client = api.client("owner")
    [project] = (
        client.from_("projects")
        .select("id, generation_jobs(id, job_assets(assets(id))), profiles(user_id)")
        .eq("id", names["projects"])
        .execute()
        .data
    )
    jobs = {job["id"] for job in project["generation_jobs"]}
    assert {names["done"], names["film"]} <= jobs
    assert jobs.isdisjoint({names["lost_job"], names["swept_job"]})
    assert project["profiles"] == {"user_id": names["me"]}
    answer = client.from_("assets").select("id", count="exact").order("created_at").execute()
    assert answer.count == len(answer.data) > 5


def test_count_of_what_is_embedded_counts_what_one_sees(api: Api) -> None:
    # The one aggregate that the API allows.
    model = api.world.names("owner")["model"]
    for actor in PEOPLE:
        rows = api.client(actor).from_("generation_jobs").select("id").eq("model_id", model)
        [counted] = (
            api.client(actor)
            .from_("models")
            .select("generation_jobs(count)")
            .eq("id", model)
            .execute()
            .data
        )
        assert counted["generation_jobs"] == [{"count": len(rows.execute().data)}]


def test_owner_upserts_what_is_theirs(api: Api) -> None:
    names = api.world.names("owner")
    table = api.client("owner").from_("platform_configurations")
    platform = {"platform": f"upsert-{uuid4()}", "aspect_ratio": "9:16"}
    [made] = table.upsert(platform, on_conflict="user_id,platform").execute().data
    [changed] = (
        table.upsert({**platform, "aspect_ratio": "1:1"}, on_conflict="user_id,platform")
        .execute()
        .data
    )
    assert (changed["id"], changed["aspect_ratio"]) == (made["id"], "1:1")
    assert changed["user_id"] == names["me"]
    table.delete().eq("id", made["id"]).execute()


def test_columns_that_are_not_named_are_not_taken(api: Api) -> None:
    stranger, owner = api.world.names("stranger"), api.world.names("owner")
    answer = api.http.post(
        "brand_guidelines?columns=brand_name",
        json=[{"brand_name": "a"}, {"brand_name": "b", "user_id": owner["me"]}],
        headers=api.headers["stranger"] | SHOW,
    )
    assert answer.status_code == 201
    assert [row["user_id"] for row in answer.json()] == [stranger["me"]] * 2
    api.client("stranger").from_("brand_guidelines").delete().in_(
        "id", [row["id"] for row in answer.json()]
    ).execute()


def test_nobody_ends_a_transaction_as_they_like(api: Api) -> None:
    # Were it obeyed, a client could try things out without a trace in the log of activity.
    answer = api.http.post(
        "brand_guidelines",
        json={"brand_name": "a"},
        headers=api.headers["owner"] | {"Prefer": "return=representation, tx=rollback"},
    )
    assert answer.status_code == 201
    assert "tx" not in answer.headers.get("preference-applied", "")
    deleted = (
        api.client("owner").from_("brand_guidelines").delete().eq("id", answer.json()[0]["id"])
    )
    assert len(deleted.execute().data) == 1


@pytest.mark.parametrize("actor", ["anon", "owner", "nobody", "guest"])
def test_description_of_the_api_shows_what_one_may_use(api: Api, actor: Actor) -> None:
    answer = api.http.get("", headers=api.headers[actor])
    assert answer.status_code == 200
    described = {path.strip("/") for path in answer.json()["paths"]} - {""}
    tables = {path for path in described if not path.startswith("rpc/")}
    assert tables == {
        relation.name
        for relation in RELATIONS
        if relation.schema == "public" and (actor != "anon" or relation.shared is not None)
    }
    role: Actor = "anon" if actor == "anon" else "owner"
    assert {path.removeprefix("rpc/") for path in described - tables} == {
        routine.name.removeprefix("public.")
        for routine in ROUTINES
        if routine.schema == "public" and role in routine.outcomes and "(" not in routine.name
    }


def test_services_key_opens_the_queue(api: Api) -> None:
    rows = api.client("service", "worker").from_("tasks").select("job_id").execute().data
    assert api.world.names("owner")["queued"] in {row["job_id"] for row in rows}
