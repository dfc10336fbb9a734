"""Every provider, from a browser's order to the settled ledger, through processes as they are run.

One worker and one web service, each as a process of its own, have all providers at once; each
provider is a server on loopback that behaves as its documents say. A user of supabase-js orders
from all of them:

- "called": the provider calls back, and nobody would ask it for half a minute;
- "lost": it never calls back, and is asked when the time has come (which is brought forward);
- "failed": it refuses in the end, and the credits return.

Then all keys stop working, so that errors of every kind are written as well; and whatever was
written anywhere is looked through for the secrets that were planted.
"""

import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest
from psycopg import sql
from standins import elevenlabs, fal, google, luma, recraft, replicate, runway, text
from standins.frame import Loopback, Standin, Work, loopback

from reelbase.local.keys import load_or_create_keys
from reelbase.local.pytest_plugin import RunningStack

SCRIPT = Path(__file__).parent / "clients" / "providers.mjs"
CLI = [sys.executable, "-c", "from reelbase.cli import app; app()"]
PATIENCE = 60

KINDS: dict[str, tuple[type[Standin], str, str, tuple[str, ...]]] = {
    "replicate": (
        replicate.ReplicateStandin,
        "text_to_video",
        "replicate-seedance-1-pro",
        ("called", "lost", "failed"),
    ),
    "fal": (fal.FalStandin, "text_to_video", "fal-kling-2.5-turbo", ("called", "lost", "failed")),
    "google": (
        google.GoogleStandin,
        "text_to_video",
        "google-omni-flash",
        ("called", "lost", "failed"),
    ),
    "runway": (runway.RunwayStandin, "text_to_video", "runway-gen4.5", ("lost", "failed")),
    "luma": (luma.LumaStandin, "text_to_video", "luma-ray-3.2", ("lost", "failed")),
    "recraft": (recraft.RecraftStandin, "text_to_image", "recraft-v4.1", ("at once", "failed")),
    "elevenlabs": (
        elevenlabs.ElevenLabsStandin,
        "voiceover",
        "elevenlabs-multilingual-v2",
        ("at once", "failed"),
    ),
    "text": (text.TextStandin, "concept", "text-model", ("at once", "failed")),
}
"""By provider: its stand-in, what is ordered, from which model, and what becomes of it."""

ORDERS = [(name, how) for name, (_, _, _, ways) in KINDS.items() for how in ways]
WORKS = [(name, how) for name, how in ORDERS if how != "failed"]
CALLED = [name for name, how in ORDERS if how == "called"]
SECRETS_OF_PAYMENTS = (
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "OMISE_SECRET_KEY",
    "OMISE_WEBHOOK_SECRET",
    "REELBASE_SANDBOX_SECRET",
)


def planted(prefix: str = "") -> str:
    """A secret that nobody else has: no word of it turns up by chance."""
    return f"{prefix}planted{uuid4().hex}"


def signing() -> str:
    """A secret as Standard Webhooks has them."""
    return "whsec_" + b64encode(planted().encode()).decode()


def directed(kind: type[Standin]) -> type[Standin]:
    """A stand-in whose jobs end as their prompts say, and whose secrets are its own."""

    class Directed(kind):  # type: ignore[valid-type, misc]
        key = planted("sk-")
        secret = signing()

        def take(self, body: Any, query: Mapping[str, str] | None = None) -> Work:
            wish = json.dumps(body)
            usual = self.plan
            end = "refused" if "failed" in wish else "succeeded"
            self.plan = replace(usual, end=end, calls_back="called" in wish)
            try:
                return super().take(body, query)  # type: ignore[no-any-return]
            finally:
                self.plan = usual

    return Directed


@dataclass
class Run:
    """What there was, and what came of it."""

    standins: dict[str, Standin]
    secrets: dict[str, str]
    outcomes: dict[str, Any] = field(default_factory=dict)
    balance: float = 0
    granted: float = 0
    written: dict[str, str] = field(default_factory=dict)
    usage: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    misconfigured: set[str] = field(default_factory=set)
    refused: list[int] = field(default_factory=list)

    def of(self, provider: str, how: str) -> dict[str, Any]:
        """What came of one order."""
        outcome: dict[str, Any] = self.outcomes[f"{provider} {how}"]
        return outcome


class Books:
    """The database, as its owner sees it."""

    def __init__(self, stack: RunningStack) -> None:
        self.connection = psycopg.connect(stack.admin_database_url, autocommit=True)

    def ask(self, query: str, *parameters: Any) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self.connection.execute(query.encode(), parameters).fetchall()]

    def tables(self) -> Iterator[tuple[str, str]]:
        """All that is written in the schema of the services, and of jobs and payments, by table."""
        names = self.ask("select tablename from pg_catalog.pg_tables where schemaname = 'worker'")
        shown = ("generation_jobs", "job_events", "assets", "video_concepts", "payments")
        places = [("worker", name) for name in names] + [("public", name) for name in shown]
        for place in places:
            query = sql.SQL("select coalesce(string_agg(t::text, chr(10)), '') from {} as t")
            row = self.connection.execute(query.format(sql.Identifier(*place))).fetchone()
            assert row is not None
            yield ".".join(place), row[0]


@contextmanager
def process(
    command: str, environ: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the services; stop it as an operator would."""
    with log.open("wb") as file:
        service = subprocess.Popen([*CLI, command], env=environ, stdout=file, stderr=file)
        try:
            yield service
            service.terminate()
            assert service.wait(PATIENCE) == 0
        finally:
            service.kill()
            service.wait()


def wait_for(condition: Any) -> None:
    """Wait until something is true."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Whether a service is there."""
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def order(books: Books, user: str, wish: Mapping[str, Any]) -> str:
    """Order something as a user; return the job's id."""
    names = sql.SQL(", ").join(sql.SQL("{} => %s").format(sql.Identifier(name)) for name in wish)
    with books.connection.transaction():
        books.ask(
            "select set_config('role', 'authenticated', true),"
            " set_config('request.jwt.claims', %s, true)",
            json.dumps({"sub": user, "role": "authenticated"}),
        )
        query = sql.SQL("select id from public.submit_generation({})").format(names)
        row = books.connection.execute(query, list(wish.values())).fetchone()
    assert row is not None
    return str(row[0])


def wish_of(name: str, how: str) -> dict[str, Any]:
    """What is ordered."""
    _, kind, model, _ = KINDS[name]
    prompt = f"A quiet harbour that is {how} to {name}."
    return {"p_kind": kind, "p_model_id": model, "p_prompt": prompt}


@pytest.fixture(scope="module")
def run(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run all of it once; the tests look at what came of it."""
    folder = tmp_path_factory.mktemp("providers")
    with ExitStack() as exits:
        server = exits.enter_context(loopback())
        books = Books(stack)
        exits.callback(books.connection.close)
        exits.enter_context(models_on_the_market(books))
        yield carry_out(stack, books, server, folder)


@contextmanager
def models_on_the_market(books: Books) -> Iterator[None]:
    """Offer the models for a while."""
    models = [model for _, _, model, _ in KINDS.values()]
    change = "update public.models set is_active = %s where id = any(%s) returning 1"
    assert len(books.ask(change, True, models)) == len(models)
    try:
        yield
    finally:
        books.ask(change, False, models)
        books.ask("delete from worker.providers where name = any(%s) returning 1", list(KINDS))


def carry_out(stack: RunningStack, books: Books, server: Loopback, folder: Path) -> Run:
    """Start everything, order, wait, let the keys fail, and stop everything."""
    standins = {name: server.open(directed(kind)) for name, (kind, _, _, _) in KINDS.items()}
    standins["google"].webhook_url = f"{stack.api_url}/webhooks/google"  # type: ignore[attr-defined]
    payments = {name: planted("sk_test_") for name in SECRETS_OF_PAYMENTS} | {
        "STRIPE_WEBHOOK_SECRET": f"{signing()},{signing()}",
        "OMISE_WEBHOOK_SECRET": b64encode(planted().encode()).decode(),
        "REELBASE_SANDBOX_SECRET": signing(),
    }
    environ = {
        **os.environ,
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_SECRET_KEY": stack.secret_key,
        "DATABASE_URL": stack.database_url,
        "REELBASE_API_URL": stack.api_url,
        "REELBASE_PUBLIC_URL": stack.api_url,
        "REELBASE_PROVIDERS": ",".join(KINDS),
        "REELBASE_PAYMENTS": "stripe,omise,sandbox",
        "REELBASE_STRIPE_URL": "http://127.0.0.1:9",
        "REELBASE_OMISE_URL": "http://127.0.0.1:9",
        "OMISE_PUBLIC_KEY": "pkey_test_public",
        "REELBASE_PRIVATE_HOSTS": server.url.removeprefix("http://"),
        "REELBASE_WORK_DIR": str(folder / "work"),
        "REELBASE_LOG_LEVEL": "DEBUG",
        "REELBASE_POLL_MIN_SECONDS": "0.05",
        "REELBASE_POLL_MAX_SECONDS": "0.2",
        "REELBASE_LISTEN_POLL_SECONDS": "0.2",
        "REELBASE_TEND_SECONDS": "0.2",
        **payments,
    }
    for standin in standins.values():
        environ |= standin.environ
    run = Run(standins, secrets_in(stack, standins, payments))
    user, token = someone(stack, books)
    run.granted = float(
        books.ask("select balance from public.credit_accounts where user_id = %s", user)[0]
    )
    worker_log, api_log = folder / "worker.log", folder / "api.log"
    with process("api", environ, api_log), process("worker", environ, worker_log):
        wait_for(lambda: answers(stack.api_url))
        seen = browse(stack, books, token, folder)
        run.outcomes, run.balance = seen["outcomes"], float(seen["balance"])
        run.refused = knock(stack, token)
        run.misconfigured = let_keys_fail(books, standins, user)
    run.usage = [
        dict(row)
        for row in books.ask("select to_jsonb(logs) from worker.api_usage_logs as logs")
        if row["provider"] in {*KINDS, "stripe", "omise"}
    ]
    run.events = {
        row["subject"]: row
        for row in books.ask(
            "select to_jsonb(events) from worker.webhook_events as events"
            " where events.provider = any(%s)",
            CALLED,
        )
    }
    run.written = dict(books.tables())
    for log in (worker_log, api_log, *(stack.state_dir / "logs").iterdir()):
        run.written[log.name] = log.read_text(errors="replace")
    return run


def secrets_in(
    stack: RunningStack, standins: Mapping[str, Standin], payments: Mapping[str, str]
) -> dict[str, str]:
    """All that may be seen nowhere, by what it is."""
    found = {f"{name} key": standin.key for name, standin in standins.items()}
    for name in ("replicate", "google"):
        found[f"{name} webhook secret"] = standins[name].secret  # type: ignore[attr-defined]
    for name, value in payments.items():
        for number, part in enumerate(value.split(",")):
            found[f"{name} {number}"] = part
    found["secret key"] = stack.secret_key
    found["database password"] = stack.database_url.split("@")[0].rpartition(":")[2]
    # Nor without what they begin with.
    bare = {f"{name}, bare": value.removeprefix("whsec_") for name, value in found.items()}
    return found | bare


def someone(stack: RunningStack, books: Books) -> tuple[str, str]:
    """Sign a user up who may run many jobs and has the credits; return id and token."""
    user = str(uuid4())
    books.ask(
        "insert into auth.users (id, email, instance_id, aud, role, email_confirmed_at)"
        " values (%s, %s, '00000000-0000-0000-0000-000000000000', 'authenticated',"
        " 'authenticated', now()) returning id",
        user,
        f"{user}@example.com",
    )
    books.ask(
        "update public.profiles set subscription_tier = 'enterprise'"
        " where user_id = %s returning 1",
        user,
    )
    books.ask("select worker.grant_credits(%s, 1000, 'For the tests', 'tester')", user)
    claims = {
        "sub": user,
        "role": "authenticated",
        "aud": "authenticated",
        "iss": f"{stack.supabase_url}/auth/v1",
        "email": f"{user}@example.com",
        "exp": int(time.time()) + 3600,
    }
    secret = load_or_create_keys(stack.state_dir / "keys.json").jwt_secret
    return user, jwt.encode(claims, secret, "HS256")


def browse(stack: RunningStack, books: Books, token: str, folder: Path) -> dict[str, Any]:
    """Have a browser's client order everything; return what it saw."""
    settings = {
        "url": stack.supabase_url,
        "key": stack.publishable_key,
        "token": token,
        "wishes": {f"{name} {how}": wish_of(name, how) for name, how in ORDERS},
        "patience": PATIENCE,
    }
    seen, complaints = folder / "browser.json", folder / "browser.log"
    with seen.open("wb") as output, complaints.open("wb") as errors:
        browser = subprocess.Popen(
            ["node", "--experimental-websocket", "--no-warnings", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
        )
        try:
            write(browser.stdin, settings)
            # What a provider calls back about is left to it.
            wait_for(lambda: bring_forward(books) or browser.poll() is not None)
        finally:
            browser.kill()
            browser.wait()
    assert browser.returncode == 0, complaints.read_text()
    told: dict[str, Any] = json.loads(seen.read_text())
    return told


def write(pipe: IO[bytes] | None, settings: Mapping[str, Any]) -> None:
    """Hand the settings over."""
    assert pipe is not None
    pipe.write(json.dumps(settings).encode())
    pipe.close()


def bring_forward(books: Books) -> None:
    """Let the time come at which jobs are looked up of which their providers do not tell."""
    books.ask(
        "update worker.tasks set due_at = now() from public.generation_jobs as jobs"
        " where jobs.id = tasks.job_id and tasks.due_at > now() + interval '1 second'"
        " and jobs.prompt not like '%% called %%' and tasks.provider = any(%s)"
        " returning 1",
        list(KINDS),
    )


def knock(stack: RunningStack, token: str) -> list[int]:
    """Deliver what nobody signed, and buy from who is away; return how that was answered."""
    forged = {
        "content-type": "application/json",
        "stripe-signature": f"t={int(time.time())},v1={'0' * 64}",
        "omise-signature": "0" * 64,
        "omise-signature-timestamp": str(int(time.time())),
        "webhook-id": "1",
        "webhook-timestamp": str(int(time.time())),
        "webhook-signature": "v1,AAAA",
    }
    names = ("stripe", "omise", "sandbox", *CALLED)
    statuses = []
    with httpx.Client(base_url=stack.api_url, timeout=30) as client:
        for name in names:
            response = client.post(f"/webhooks/{name}", content=b'{"id": "1"}', headers=forged)
            statuses.append(response.status_code)
        headers = {"authorization": f"Bearer {token}"}
        for provider, package in (("stripe", "usd-starter"), ("omise", "thb-starter")):
            body = {
                "package": package,
                "provider": provider,
                "method": "card" if provider == "stripe" else "promptpay",
                "idempotency_key": str(uuid4()),
            }
            statuses.append(client.post("/checkout", json=body, headers=headers).status_code)
    return statuses


def let_keys_fail(books: Books, standins: Mapping[str, Standin], user: str) -> set[str]:
    """Have every provider refuse our keys; return those whose jobs have heard of it."""
    known = {name: standin.key for name, standin in standins.items()}
    for standin in standins.values():
        standin.key = planted("changed-")  # type: ignore[misc]
    jobs = {name: order(books, user, wish_of(name, "at once")) for name in KINDS}
    told = (
        "select distinct attempts.provider from worker.attempts"
        " where job_id = any(%s::uuid[]) and error_class = 'configuration'"
    )
    wait_for(lambda: set(books.ask(told, list(jobs.values()))) == set(KINDS))
    for name, key in known.items():
        standins[name].key = key  # type: ignore[misc]
    for job in jobs.values():
        books.ask("select worker.cancel_job(%s, 'The test ends', 'tester')", job)
    return set(books.ask(told, list(jobs.values())))


@pytest.mark.parametrize(("provider", "how"), WORKS)
def test_order_ends_with_a_result_in_storage_and_a_settled_charge(
    run: Run, provider: str, how: str
) -> None:
    outcome = run.of(provider, how)
    assert (outcome["status"], outcome["error_code"]) == ("completed", None)
    if provider == "text":
        assert [each["title"] for each in outcome["concepts"]] == ["An idea"]
    else:
        roles = {each["role"] for each in outcome["files"]}
        assert roles & {"result_video", "result_image", "result_audio"}
        assert ("thumbnail" in roles) == ("result_video" in roles)
        for each in outcome["files"]:
            assert each["downloaded"] == each["size_bytes"] > 0
            assert len(each["sha256"]) == 64
    [move] = outcome["moves"]
    assert (move["type"], move["status"]) == ("deduction", "completed")
    assert -move["amount"] == outcome["credit_cost"] > 0


@pytest.mark.parametrize("provider", KINDS)
def test_order_that_its_provider_refuses_costs_nothing(run: Run, provider: str) -> None:
    outcome = run.of(provider, "failed")
    assert outcome["status"] == "failed"
    assert outcome["error_message"]
    assert outcome["files"] == []
    moves = [(each["type"], each["status"]) for each in outcome["moves"]]
    assert moves == [("deduction", "refunded"), ("refund", "completed")]
    assert sum(each["amount"] for each in outcome["moves"]) == 0


def test_account_has_paid_for_what_there_is_and_for_nothing_else(run: Run) -> None:
    spent = sum(run.of(*each)["credit_cost"] for each in WORKS)
    assert run.balance == run.granted - spent


@pytest.mark.parametrize("provider", CALLED)
def test_provider_that_calls_back_is_believed_and_asked_once(run: Run, provider: str) -> None:
    standin = run.standins[provider]
    (work,) = [each for each in standin.works.values() if "called" in json.dumps(each.body)]
    event = run.events[work.id]
    assert (event["provider"], event["status"]) == (provider, "processed")
    assert event["job_id"] == run.of(provider, "called")["id"]
    looked = [seen for seen in standin.of("look_up") if work.id in seen.path]
    assert len(looked) == 1


@pytest.mark.parametrize("provider", KINDS)
def test_each_order_is_submitted_once_and_every_call_is_on_record(run: Run, provider: str) -> None:
    ways = KINDS[provider][3]
    calls = [each for each in run.usage if each["provider"] == provider]
    for how in ways:
        job = run.of(provider, how)["id"]
        of_job = [each for each in calls if each["job_id"] == job]
        assert [each["operation"] for each in of_job].count("submit") == 1
        assert all(each["latency_ms"] is not None for each in of_job)
    assert len(run.standins[provider].works) == len(ways)
    worked = {run.of(provider, how)["id"] for how in ways if how != "failed"}
    # What it cost is known from the provider, or from its units; of text only the operator knows.
    billed = [each for each in calls if each["job_id"] in worked and each["units"]]
    assert {each["job_id"] for each in billed} == worked
    assert provider == "text" or all(each["cost_usd"] is not None for each in billed)


def test_what_is_not_genuine_is_refused_and_who_is_away_is_said_to_be(run: Run) -> None:
    forged, bought = run.refused[:-2], run.refused[-2:]
    assert set(forged) == {401}
    assert set(bought) <= {502, 503}
    # What was asked of them is on record, though nobody answered.
    unanswered = {each["provider"] for each in run.usage if each["status_code"] is None}
    assert {"stripe", "omise"} <= unanswered


def test_no_secret_is_written_anywhere(run: Run) -> None:
    assert run.misconfigured == set(KINDS)
    # There was something to look through.
    assert "provider_misconfigured" in run.written["worker.log"]
    assert "not_genuine" in run.written["api.log"]
    assert len(run.written["worker.api_usage_logs"]) > 1000
    leaks = [
        f"{what} in {where}"
        for where, content in run.written.items()
        for what, secret in run.secrets.items()
        if secret in content
    ]
    assert leaks == []
