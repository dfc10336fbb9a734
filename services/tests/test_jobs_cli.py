"""`reelbase jobs …` and `reelbase queue …`, as an operator calls them."""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from reelbase.cli import app
from reelbase.cli.jobs import duration_of
from reelbase.local.throwaway import Database, fresh_database

PATIENCE = 60
"""Seconds after which something that should happen will not."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A database whose queue is the test's own, and the command line beside it."""

    connection: "psycopg.Connection[Any]"
    url: str

    def call(self, line: str, *arguments: str, answer: str | None = None) -> Result:
        """Call `reelbase`."""
        env = {"DATABASE_URL": self.url, "SUPABASE_URL": None, "LOGNAME": "tess"}
        return CliRunner().invoke(app, [*shlex.split(line), *arguments], env=env, input=answer)

    def json(self, line: str) -> Any:
        """Call it for machines."""
        result = self.call(f"{line} --json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def process(self, line: str, **more: Any) -> "subprocess.Popen[str]":
        """Call `reelbase` in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from reelbase.cli import app; app()", *shlex.split(line)],
            # A terminal's size is read from here first, and test runners set it.
            env={
                **os.environ,
                "DATABASE_URL": self.url,
                "PYTHONUNBUFFERED": "1",
                "COLUMNS": "250",
                "LINES": "60",
                "TERM": "xterm",
            },
            text=True,
            **more,
        )

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Ask the database, as superuser."""
        return self.connection.execute(query.encode(), arguments).fetchall()

    def person(self) -> str:
        """Sign somebody up and return the id."""
        user = str(uuid.uuid4())
        self.connection.execute(
            "insert into auth.users (id, aud, role, email)"
            " values (%s, 'authenticated', 'authenticated', %s)",
            [user, f"{user}@cli.example"],
        )
        return user

    def submit(self, user: str, *, kind: str = "text_to_image", after: str | None = None) -> str:
        """Submit a job in a user's name."""
        with self.connection.transaction():
            self.connection.execute(
                "select set_config('request.jwt.claims', %s, true)",
                [json.dumps({"role": "authenticated", "sub": user})],
            )
            self.connection.execute("set local role authenticated")
            [(job,)] = self.rows(
                "select id from public.submit_generation(%s, 'A secret harbour',"
                " p_mode => 'standard', p_after_job_ids => %s::uuid[])",
                kind,
                [after] if after else [],
            )
        return str(job)

    def claim(self) -> tuple[str, str]:
        """Claim a task and return its job and the lease."""
        lease = str(uuid.uuid4())
        [(job,)] = self.rows(
            "select job_id from worker.claim_tasks(%s, 'host-7', '[{\"provider\": \"local\"}]')",
            lease,
        )
        return str(job), lease

    def tell(self, function: str, job: str, lease: str, **more: Any) -> None:
        """Tell the queue about a job that was claimed."""
        [(result,)] = self.rows(
            f"select result::text from worker.{function}(%s)",
            json.dumps([{"job_id": job, "lease": lease, **more}]),
        )
        assert result == "done"

    def bring(self, status: str, user: str | None = None) -> str:
        """Return a job that is in a state, or parked at its provider."""
        job = self.submit(user or self.person())
        if status in ("cancelled", "expired"):
            self.connection.execute(
                "update public.generation_jobs set status = %s where id = %s", [status, job]
            )
        elif status != "queued":
            claimed, lease = self.claim()
            assert claimed == job
            if status == "failed":
                self.fail(job, lease)
            elif status == "completed":
                self.complete(job, lease)
            elif status == "parked":
                parked = {"status": "processing", "provider_job_id": "p-1"}
                self.tell("advance_jobs", job, lease, **parked, poll_after_seconds=1000)
        return job

    def fail(self, job: str, lease: str, error_class: str = "permanent", **more: Any) -> None:
        """End an attempt badly."""
        error = {"error_class": error_class, "error_code": "broken", "error_message": "It broke."}
        self.tell("fail_jobs", job, lease, **error, **more)

    def complete(self, job: str, lease: str) -> None:
        """End a job well."""
        [(user,)] = self.rows("select user_id from public.generation_jobs where id = %s", job)
        asset = {
            "role": "result_image",
            "bucket": "final-images",
            "storage_path": f"{user}/{job}/result.png",
            "mime_type": "image/png",
            "size_bytes": 1,
        }
        self.tell("complete_jobs", job, lease, assets=[asset])

    def draft(self) -> str:
        """Make a draft."""
        [(job,)] = self.rows(
            "insert into public.generation_jobs (user_id, kind, prompt, status)"
            " values (%s, 'text_to_image', 'A harbour', 'pending') returning id",
            self.person(),
        )
        return str(job)

    def status(self, job: str) -> str:
        """Read a job's state."""
        [(status,)] = self.rows("select status from public.generation_jobs where id = %s", job)
        return str(status)

    def balance_of(self, job: str) -> Decimal:
        """Read what a job's owner has."""
        [(balance,)] = self.rows(
            "select balance from public.credit_accounts inner join public.generation_jobs"
            " using (user_id) where id = %s",
            job,
        )
        return Decimal(balance)

    def owner(self, job: str) -> str:
        """Read whose a job is."""
        [(user,)] = self.rows("select user_id from public.generation_jobs where id = %s", job)
        return str(user)

    def actions(self, job: str) -> list[tuple[Any, ...]]:
        """Read what operators did to a job."""
        return self.rows(
            "select operator, action, reason from worker.operator_actions"
            " where details ->> 'job_id' = %s order by created_at, id",
            job,
        )

    def empty(self) -> None:
        """End whatever has not ended."""
        self.connection.execute(
            "update public.generation_jobs set status = 'cancelled'"
            " where finished_at is null and status <> 'pending'"
        )
        self.connection.execute("delete from worker.providers")


@pytest.fixture(scope="module")
def database_of_this_file(database: Database, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A database of this file's own: what waits in it is what the tests put there."""
    with (
        fresh_database(database.admin_url, request.config.rootpath) as own,
        psycopg.connect(own.admin_url, autocommit=True) as connection,
    ):
        yield Desk(connection, own.url)


@pytest.fixture
def desk(database_of_this_file: Desk) -> Desk:
    """The database with an empty queue."""
    database_of_this_file.empty()
    return database_of_this_file


WHY = ("--reason", "of a test")


def one_sentence(result: Result, *parts: str) -> None:
    """See that a command ended with one plain sentence and nothing else."""
    assert result.exit_code == 1, result.output
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "Traceback" not in line
    for part in parts:
        assert part in line


def ids(rows: list[dict[str, Any]]) -> list[str]:
    """Return the jobs of a listing."""
    return [row["job_id"] for row in rows]


# List ---------------------------------------------------------------------------------------------


def test_list_shows_what_has_not_ended_oldest_first_and_where_it_is(desk: Desk) -> None:
    desk.bring("completed")
    parked, running, queued = desk.bring("parked"), desk.bring("starting"), desk.bring("queued")
    result = desk.call("jobs list")
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head.split() == [
        *("job", "status", "place", "kind", "provider", "user", "age", "tries", "credits", "error")
    ]
    assert [line.split()[:3] for line in lines] == [
        [parked, "processing", "parked"],
        [running, "starting", "running"],
        [queued, "queued", "in"],
    ]
    assert "harbour" not in result.output
    assert ids(desk.json("jobs list")) == [parked, running, queued]


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "expired"])
def test_list_shows_what_has_ended_newest_first(desk: Desk, end: str) -> None:
    user = desk.person()
    jobs = [desk.bring(end, user) for _ in range(2)]
    for line in (f"jobs list --status {end} --limit 2", f"jobs list --status {end} --user {user}"):
        rows = desk.json(line)
        assert ids(rows) == jobs[::-1]
        assert {row["status"] for row in rows} == {end}


def test_list_is_filtered(desk: Desk) -> None:
    user = desk.person()
    parked, image = desk.bring("parked", user), desk.bring("queued", user)
    voice = desk.submit(desk.person(), kind="voiceover")
    draft = desk.draft()
    old = desk.bring("queued")
    desk.connection.execute(
        "update worker.tasks set created_at = created_at - interval '1 hour' where job_id = %s",
        [old],
    )
    for options, wanted in (
        ("--kind voiceover", [voice]),
        (f"--user {user}", [parked, image]),
        ("--place parked", [parked]),
        ("--place parked --place in_line", [old, parked, image, voice]),
        ("--status processing", [parked]),
        ("--status queued --kind text_to_image", [old, image]),
        ("--older-than 59m", [old]),
        ("--provider local", [old, parked, image, voice]),
        ("--provider other", []),
        ("--limit 2", [old, parked]),
    ):
        assert ids(desk.json(f"jobs list {options}")) == wanted, options
    assert draft in ids(desk.json("jobs list --status pending"))
    assert "there may be more (--limit 2)" in desk.call("jobs list --limit 2").stdout


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--kind film", "There is no kind “film”; there are: text_to_image,"),
        ("--older-than soon", "“soon” is no length of time"),
        ("--user nobody@cli.example", "There is no user"),
    ],
)
def test_filter_that_makes_no_sense_is_one_sentence(desk: Desk, options: str, part: str) -> None:
    for line in (f"jobs list {options}", f"jobs cancel --all --reason x {options}"):
        one_sentence(desk.call(line), part)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (3599, "59 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (172_800, "2 d"),
        (180_000, "2 d 2 h"),
        (-3, "0 s"),
        (None, ""),
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    assert duration_of(seconds) == text


# Show ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "place", "comes_next"),
    [
        ("queued", "in line: submit", "It is claimed when a dispatcher has room; 0 are ahead"),
        ("starting", "running: submit, leased by host-7 until", "host-7 has it for "),
        ("parked", "parked: poll, until", "its provider is asked how far it is"),
        ("completed", None, "Nothing: it is done."),
        ("failed", None, "Retried, it would cost "),
    ],
)
def test_show_tells_how_a_job_is_and_what_comes_next(
    desk: Desk, status: str, place: str | None, comes_next: str
) -> None:
    job = desk.bring(status)
    result = desk.call(f"jobs show {job}")
    assert result.exit_code == 0, result.output
    head, *_ = result.stdout.split("\n\n")
    facts = dict(re.findall(r"^(\w+(?: \w+)?) {2,}(.*)$", head, re.MULTILINE))
    assert facts["job"] == job
    assert desk.owner(job) in facts["owner"]
    assert facts.get("place", "").startswith(place or "")
    assert comes_next in facts["next"]
    assert ("expires and is refunded" in facts["next"]) == (place is not None)
    assert "harbour" not in result.output
    assert "\nCredits\n" in result.stdout
    assert "\nHistory\n" in result.stdout
    assert ("\nAttempts\n" in result.stdout) == (status != "queued")
    told = desk.json(f"jobs show {job}")
    assert told["job"]["id"] == job
    assert comes_next in told["next"]
    assert told["events"][0]["to_status"] == "queued"


def test_show_says_what_is_held_back_and_by_what(desk: Desk) -> None:
    user = desk.person()
    first, _, held = [desk.submit(user) for _ in range(3)]
    blocked = desk.submit(user, after=first)
    assert (
        "2 of theirs are in line or running, and the plan free lets 2 run at once"
        in (desk.json(f"jobs show {held}")["next"])
    )
    assert (
        f"when they are completed: {first} (queued)." in (desk.json(f"jobs show {blocked}")["next"])
    )
    desk.call("queue pause local --reason broken")
    assert "Its provider is paused (broken)." in desk.json(f"jobs show {first}")["next"]


def test_show_says_what_a_transient_failure_leads_to(desk: Desk) -> None:
    desk.submit(desk.person())
    job, lease = desk.claim()
    desk.fail(job, lease, "transient", retry_after_seconds=1000)
    result = desk.call(f"jobs show {job}")
    assert "attempt 2 of 3 begins" in result.stdout
    assert "broken: It broke." in result.stdout
    desk.call(f"jobs retry {job}", *WHY)
    again, lease = desk.claim()
    assert again == job
    desk.fail(job, lease, "unknown", retry_after_seconds=1000)
    assert "whether its provider has it" in desk.json(f"jobs show {job}")["next"]


def test_show_leads_from_a_job_to_its_retry(desk: Desk) -> None:
    job = desk.bring("failed")
    desk.call(f"jobs retry {job}", *WHY)
    told = desk.json(f"jobs show {job}")
    [(retry,)] = desk.rows(
        "select id from public.generation_jobs where idempotency_key = %s", f"retry:{job}"
    )
    assert told["next"] == f"It was retried, as job {retry} (queued)."
    assert [action["reason"] for action in told["actions"]] == ["of a test"]


def test_show_of_a_draft_and_of_one_that_its_owner_deleted(desk: Desk) -> None:
    draft, deleted = desk.draft(), desk.bring("failed")
    desk.connection.execute(
        "update public.generation_jobs set hidden_at = now() where id = %s", [deleted]
    )
    assert "it is a draft" in desk.json(f"jobs show {draft}")["next"]
    assert "its owner has deleted it" in desk.json(f"jobs show {deleted}")["next"]
    one_sentence(desk.call(f"jobs retry {deleted}", *WHY), "job_deleted")


@pytest.mark.parametrize("command", ["show", "retry --reason x", "cancel --reason x"])
@pytest.mark.parametrize("job", [str(uuid.UUID(int=7)), "job-1"])
def test_job_that_is_not_there_is_one_sentence(desk: Desk, command: str, job: str) -> None:
    one_sentence(desk.call(f"jobs {command} {job}"), job)


# Retry --------------------------------------------------------------------------------------------


def test_retry_of_a_parked_job_has_it_due_at_once(desk: Desk) -> None:
    job = desk.bring("parked")
    assert f"{job}  is due now." in desk.call(f"jobs retry {job} --dry-run", *WHY).stdout
    assert desk.rows(
        "select due_at > now() + interval '1 minute' from worker.tasks where job_id = %s", job
    ) == [(True,)]
    assert f"{job}  is due now." in desk.call(f"jobs retry {job}", *WHY).stdout
    assert desk.claim()[0] == job
    assert desk.actions(job) == [("tess", "retry_job", "of a test")]


def test_retry_of_a_failed_job_is_a_new_one_at_its_owners_expense(desk: Desk) -> None:
    job = desk.bring("failed")
    [(cost,)] = desk.rows("select credit_cost from public.generation_jobs where id = %s", job)
    dry = desk.call(f"jobs retry {job} --dry-run", *WHY)
    assert f"for {cost} credits of its owner's (100.00 → {100 - cost})" in dry.stdout
    assert "nothing was written" in dry.stdout
    assert desk.balance_of(job) == 100
    assert desk.actions(job) == []
    real = desk.call(f"jobs retry {job}", *WHY)
    assert f"(100.00 → {100 - cost})" in real.stdout
    assert desk.balance_of(job) == 100 - cost
    again = desk.call(f"jobs retry {job}", *WHY)
    assert "was retried before, as " in again.stdout
    assert "which is queued" in again.stdout
    assert desk.balance_of(job) == 100 - cost


def test_retry_without_credits_is_refused_in_one_sentence(desk: Desk) -> None:
    job = desk.bring("failed")
    desk.call(f"credits adjust --user {desk.owner(job)} --amount -100", *WHY)
    one_sentence(desk.call(f"jobs retry {job}", *WHY), "insufficient_credits")


def test_retry_of_what_needs_none_is_refused(desk: Desk) -> None:
    for status, hint in (("queued", "job_in_line"), ("completed", "job_completed")):
        job = desk.bring(status)
        one_sentence(desk.call(f"jobs retry {job}", *WHY), hint)
        desk.empty()


# Cancel -------------------------------------------------------------------------------------------


def test_cancel_returns_what_the_job_cost_and_says_so(desk: Desk) -> None:
    job = desk.bring("parked")
    [(cost,)] = desk.rows("select credit_cost from public.generation_jobs where id = %s", job)
    dry = desk.call(f"jobs cancel {job} --dry-run", *WHY)
    assert dry.exit_code == 0, dry.output
    assert desk.status(job) == "processing"
    real = desk.call(f"jobs cancel {job}", *WHY, "--operator", "olga")
    line = f"{job}  processing → cancelled, {cost} credits returned"
    assert dry.stdout.splitlines()[0] == real.stdout.splitlines()[0] == line
    assert (desk.status(job), desk.balance_of(job)) == ("cancelled", 100)
    assert desk.actions(job) == [("olga", "cancel_job", "of a test")]
    assert "was cancelled before" in desk.call(f"jobs cancel {job}", *WHY).stdout
    assert desk.rows("select provider_job_id from worker.cancellations where job_id = %s", job) == [
        ("p-1",)
    ]
    assert "has yet to be told to stop (1)" in desk.json(f"jobs show {job}")["next"]


def test_cancel_of_many_asks_first(desk: Desk) -> None:
    user = desk.person()
    jobs = [desk.submit(user) for _ in range(3)]
    child = desk.submit(user, after=jobs[0])
    other = desk.submit(desk.person())
    line = f"jobs cancel --all --user {user}"
    refused = desk.call(line, *WHY, answer="n\n")
    assert refused.exit_code == 1
    assert "4 jobs, which cost " in refused.stdout
    assert {desk.status(job) for job in [*jobs, child]} == {"queued"}
    dry = desk.call(f"{line} --dry-run", *WHY)
    assert "4 cancelled, " in dry.stdout
    done = desk.call(line, *WHY, answer="y\n")
    assert done.exit_code == 0, done.output
    assert "4 cancelled, " in done.stdout
    assert {desk.status(job) for job in [*jobs, child]} == {"cancelled"}
    assert desk.balance_of(jobs[0]) == 100
    assert desk.status(other) == "queued"
    everything = desk.call("jobs cancel --all --yes", *WHY)
    assert "1 cancelled, " in everything.stdout
    assert "0 jobs, " in desk.call("jobs cancel --all", *WHY).stdout


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("", "Name jobs, or say --all"),
        ("--user ada@customer.example", "Name jobs, or say --all"),
        (f"{uuid.UUID(int=1)} --all", "Name jobs, or say --all"),
        (f"{uuid.UUID(int=1)} --kind voiceover", "Name jobs, or say --all"),
        ("--all --status failed", "has not ended can be cancelled"),
    ],
)
def test_cancel_does_not_guess_what_is_meant(desk: Desk, options: str, part: str) -> None:
    one_sentence(desk.call(f"jobs cancel {options}", *WHY), part)


def test_what_ended_well_is_not_cancelled(desk: Desk) -> None:
    job = desk.bring("completed")
    one_sentence(desk.call(f"jobs cancel {job}", *WHY), "job_ended")


# Drain --------------------------------------------------------------------------------------------


def test_drain_waits_until_nothing_that_was_begun_is_left(desk: Desk) -> None:
    desk.submit(desk.person())
    job, lease = desk.claim()
    waiting = desk.submit(desk.person())
    with desk.process("jobs drain local --reason upgrade", stdout=subprocess.PIPE) as drain:
        assert drain.stdout is not None
        assert drain.stdout.readline() == "local is drained.\n"
        assert drain.stdout.readline() == "local: 1 not done, 1 of them with a dispatcher\n"
        desk.complete(job, lease)
        assert drain.stdout.readline().startswith("Drained: nothing runs.")
        assert drain.wait(PATIENCE) == 0
    assert desk.status(waiting) == "queued"
    assert (
        desk.rows(
            "select from worker.claim_tasks(%s, 'w', '[{\"provider\": \"local\"}]')", uuid.uuid4()
        )
        == []
    )
    assert "local is well." in desk.call("jobs drain local --resume").stdout
    assert desk.claim()[0] == waiting


def test_drain_of_all_goes_over_every_provider_and_may_be_taken_back(desk: Desk) -> None:
    desk.bring("starting")
    dry = desk.call("jobs drain --dry-run", *WHY)
    assert "local is drained." in dry.stdout
    assert desk.rows("select from worker.providers where is_drained") == []
    late = desk.call("jobs drain --timeout 0", *WHY)
    assert late.exit_code == 1
    assert "Something still runs" in late.stderr
    [(providers, drained)] = desk.rows(
        "select (select count(distinct provider) from public.models),"
        " (select count(*) from worker.providers where is_drained)"
    )
    assert drained >= providers > 0
    assert desk.call("jobs drain --no-wait", *WHY).exit_code == 0
    resumed = desk.call("jobs drain --resume")
    assert "local is well." in resumed.stdout
    assert desk.rows("select from worker.providers where is_drained") == []
    assert "No provider is being drained." in desk.call("jobs drain --resume").stdout
    one_sentence(desk.call("jobs drain"), "--reason")


# Queue --------------------------------------------------------------------------------------------


def test_queue_once_shows_counts_rates_and_who_has_most(desk: Desk) -> None:
    user = desk.person()
    for _ in range(4):
        desk.submit(user)
    desk.claim()
    result = desk.call("queue --once")
    assert result.exit_code == 0, result.output
    summary, *_ = result.stdout.splitlines()
    assert summary.startswith("4 jobs: 1 running, 0 parked, 0 blocked, 2 held, 1 in line.")
    blocks = {block.splitlines()[0]: block.splitlines() for block in result.stdout.split("\n\n")}
    assert blocks["Providers"][2].split()[:5] == ["local", "well", "1", "1", "2"]
    assert blocks["Kinds"][2].split()[:6] == ["text_to_image", "1", "2", "0", "0", "1"]
    assert [line.split()[:4] for line in blocks["States"][2:]] == [
        ["text_to_image", "queued", "local", "3"],
        ["text_to_image", "starting", "local", "1"],
    ]
    assert blocks["Heaviest users"][2].split()[:4] == [f"{user}@cli.example", "free", "4", "1"]
    assert "Heaviest users" not in desk.call("queue --once --users 0").stdout
    # Not a terminal: there is nothing to redraw.
    assert desk.call("queue").stdout.splitlines()[1:3] == result.stdout.splitlines()[1:3]


def test_queue_is_told_to_machines_too(desk: Desk) -> None:
    desk.bring("starting")
    desk.call("queue pause local --for 10m", *WHY)
    seen = desk.json("queue")
    [depths] = seen["depths"]
    assert (depths["provider"], depths["running"], depths["underway"]) == ("local", 1, 1)
    [rates] = [row for row in seen["rates"] if row["kind"] == "text_to_image"]
    assert rates["started_1m"] >= 1
    [provider] = seen["providers"]
    assert (provider["is_paused"], provider["pause_reason"]) == (True, "of a test")
    assert [row["status"] for row in seen["statuses"]] == ["starting"]
    assert [row["jobs"] for row in seen["users"]] == [1]


def test_queue_of_which_nothing_is_left_says_so(desk: Desk) -> None:
    assert desk.call("queue --once").stdout.startswith("Nothing waits and nothing runs.")


def test_queue_on_a_terminal_follows_what_happens_until_it_is_stopped(desk: Desk) -> None:
    desk.bring("queued")
    controller, terminal = pty.openpty()
    try:
        with desk.process(
            "queue --interval 0.1", stdin=terminal, stdout=terminal, stderr=terminal
        ) as live:
            try:
                read_until(controller, "1 job: 0 running")
                desk.bring("queued")
                read_until(controller, "2 jobs: 0 running", "Heaviest users")
                live.send_signal(signal.SIGINT)
                read_to_end(controller, live)
                assert live.returncode == 0
            finally:
                live.kill()
    finally:
        os.close(terminal)
        os.close(controller)


def read_until(descriptor: int, *texts: str) -> None:
    """Read what is drawn until all these texts are in it."""
    seen = ""
    deadline = time.monotonic() + PATIENCE
    while not all(text in seen for text in texts):
        ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"{texts} never came: {seen}"
        seen += os.read(descriptor, 65536).decode(errors="replace")


def read_to_end(descriptor: int, process: "subprocess.Popen[str]") -> None:
    """Read what is drawn until the process has ended: it would wait for a reader."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None:
        assert time.monotonic() < deadline, "it does not stop"
        ready, _, _ = select.select([descriptor], [], [], 0.1)
        if ready:
            os.read(descriptor, 65536)


def test_provider_is_paused_limited_and_resumed_by_name(desk: Desk) -> None:
    paused = desk.call("queue pause local", *WHY)
    assert paused.stdout == "local is paused (of a test).\nDone.\n"
    assert "paused (of a test)" in desk.call("queue --once").stdout
    dry = desk.call("queue resume local --dry-run")
    assert dry.stdout.startswith("local is well.\nDry run")
    assert desk.call("queue resume local").stdout == "local is well.\nDone.\n"
    limited = desk.call("queue limit local --max-running 4", *WHY)
    assert "At once: 4. Begun in a minute: no limit." in limited.stdout
    limited = desk.call("queue limit local --max-running none --starts-per-minute 60", *WHY)
    assert "At once: no limit. Begun in a minute: 60." in limited.stdout
    for_a_while = desk.call("queue pause local --for 10m", *WHY)
    assert re.search(r"local is paused until \d\d:\d\d:\d\d UTC \(of a test\)", for_a_while.stdout)
    done = [
        action
        for _, action, _ in desk.rows(
            "select operator, action, reason from worker.operator_actions"
            " where details ->> 'provider' = 'local' and operator = 'tess'"
            " order by created_at desc limit 5"
        )
    ]
    assert done == [
        *("pause_provider", "limit_provider", "limit_provider", "resume_provider"),
        "pause_provider",
    ]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("queue pause relicate --reason x", "There is no provider relicate. (provider_not_found)"),
        ("queue pause local --reason ''", "reason_required"),
        ("queue pause local --reason x --for ever", "“ever” is no length of time"),
        ("queue limit local --reason x --max-running 0", "“0” is no limit"),
        ("queue limit local --reason x", "Give --max-running or --starts-per-minute"),
        ("queue resume local", "was never paused"),
    ],
)
def test_provider_is_left_alone_when_something_is_not_right(
    desk: Desk, line: str, part: str
) -> None:
    one_sentence(desk.call(line), part)
    assert desk.rows("select from worker.providers") == []


def test_database_that_does_not_answer_is_one_sentence_without_secrets() -> None:
    env = {"DATABASE_URL": "postgresql://postgres:a-secret@127.0.0.1:1/postgres"}
    for line in ("queue --once", "queue --json", "jobs list", "jobs cancel --all --reason x"):
        result = CliRunner().invoke(app, line.split(), env=env)
        one_sentence(result, "does not answer")
        assert "a-secret" not in result.output


# As the README has it -----------------------------------------------------------------------------


def test_commands_of_the_readme_run_as_printed(desk: Desk, request: pytest.FixtureRequest) -> None:
    readme = (request.config.rootpath / "README.md").read_text()
    lines = re.findall(r"^reelbase ((?:jobs|queue).*)$", readme, re.MULTILINE)
    commands = {tuple(line.split("#")[0].split()[:2]) for line in lines}
    assert commands >= {
        ("queue",),
        *(("queue", name) for name in ("pause", "resume", "limit")),
        *(("jobs", name) for name in ("list", "show", "retry", "cancel", "drain")),
    }
    user = desk.person()
    desk.connection.execute(
        "update public.profiles set email = 'ada@customer.example' where user_id = %s", [user]
    )
    failed, live = desk.bring("failed", user), desk.bring("queued", user)
    for line in lines:
        job = failed if line.startswith("jobs retry") else live
        done = desk.call(re.sub("#.*", "", line).replace("<job>", job))
        assert done.exit_code == 0, f"{line}: {done.output}"
