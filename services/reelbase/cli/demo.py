"""`reelbase demo`: the whole way of one job, of one that fails, and of a purchase, for real."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import httpx
    from rich.console import Console
    from supabase import AsyncClient

__all__ = ["register"]

DEFAULT_STATE_DIR = Path(".reelbase")
DEFAULT_PROMPT = (
    "Dawn over a quiet harbour. Fishing boats rock at their moorings, and gulls circle above the "
    "masts. The first light turns the water to gold. A new day begins."
)
OUT_DIR = Path("out")
PATIENCE_SECONDS = 300
START_SECONDS = 30
PACKAGE = "usd-starter"
SIGN_UP_BONUS = 100
INTERRUPTED = 130


class Kind(StrEnum):
    """What the local provider can make."""

    TEXT_TO_VIDEO = "text_to_video"
    TEXT_TO_IMAGE = "text_to_image"
    VOICEOVER = "voiceover"


def register(app: typer.Typer) -> None:
    """Add the command to an app."""
    app.command()(demo)


def demo(
    prompt: Annotated[
        str, typer.Option(help="What the film shows, speaks and captions.")
    ] = DEFAULT_PROMPT,
    kind: Annotated[Kind, typer.Option(help="What to make.")] = Kind.TEXT_TO_VIDEO,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the stack running at the end.")
    ] = False,
    state_dir: Annotated[
        Path, typer.Option(envvar="REELBASE_STATE_DIR", help="State folder of the stack.")
    ] = DEFAULT_STATE_DIR,
    port: Annotated[
        int | None, typer.Option(envvar="REELBASE_PORT", help="First of the stack's five ports.")
    ] = None,
) -> None:
    """Sign up, submit a prompt, get a film; see a failure refunded, and buy credits."""
    import anyio  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    console = Console(highlight=False)
    wanted = Wanted(prompt, kind.value, keep, state_dir, port)
    raise typer.Exit(anyio.run(run, console, wanted))


class DemoFailedError(Exception):
    """Something did not happen that should have; the message says what."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command."""

    prompt: str
    kind: str
    keep: bool
    state_dir: Path
    port: int | None


async def run(console: "Console", wanted: Wanted) -> int:
    """Do it all and clean up; return the exit code."""
    import anyio  # noqa: PLC0415

    code = INTERRUPTED
    tour = anyio.CancelScope()

    async def stop_on_signals() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            # To the very end, so that an impatient second one does not cut the cleaning up short.
            async for _ in signals:
                if not tour.cancel_called:
                    console.print("\nStopping …")
                    tour.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(stop_on_signals)
        with tour:
            code = await told(console, wanted)
        group.cancel_scope.cancel()
    return code


async def told(console: "Console", wanted: Wanted) -> int:
    """Run the demo and turn what it could not do into one sentence."""
    import httpx  # noqa: PLC0415
    import psycopg  # noqa: PLC0415
    from postgrest.exceptions import APIError  # noqa: PLC0415
    from storage3.exceptions import StorageApiError  # noqa: PLC0415
    from supabase_auth.errors import AuthError  # noqa: PLC0415

    from reelbase.local.errors import LocalError  # noqa: PLC0415

    try:
        check(bool(wanted.prompt.strip()), "The prompt is empty.")
        async with (
            stack(console, wanted) as environment,
            service("worker", environment, wanted.state_dir) as still_there,
        ):
            await Tour(console, wanted, environment, still_there).take()
    except (DemoFailedError, LocalError) as error:
        reason = str(error)
    except APIError as error:
        reason = f"The database refused: {error.message} ({error.hint or error.code})"
    except (StorageApiError, AuthError) as error:
        reason = f"The stack refused: {error.message}"
    except (httpx.HTTPError, psycopg.Error) as error:
        reason = f"The stack stopped answering ({type(error).__name__})."
    except OSError as error:
        reason = f"{error.filename or 'The system'}: {error.strerror or type(error).__name__}."
    else:
        return 0
    console.print(f"Error: {reason}", style="red", markup=False, soft_wrap=True)
    return 1


@asynccontextmanager
async def stack(console: "Console", wanted: Wanted) -> AsyncIterator[dict[str, str]]:
    """The embedded stack's variables; it is stopped afterwards if it was started here."""
    import anyio  # noqa: PLC0415
    from anyio.to_thread import run_sync  # noqa: PLC0415

    from reelbase.local.binaries import find_project_root  # noqa: PLC0415
    from reelbase.local.stack import EmbeddedStack  # noqa: PLC0415

    began = time.monotonic()
    embedded = EmbeddedStack(wanted.state_dir)
    started = False

    def up() -> bool:
        return embedded.up(find_project_root(), port=wanted.port, tied_to_caller=not wanted.keep)

    try:
        console.print("[bold]1. The stack[/] PostgreSQL, PostgREST, Auth and Storage")
        started = await run_sync(up)
        environment = with_free_port(embedded.environment())
        took = f"up in {time.monotonic() - began:.1f} s" if started else "ran already"
        console.print(f"   {environment['SUPABASE_URL']} {took}")
        yield environment
    finally:
        if started and not wanted.keep:
            with anyio.CancelScope(shield=True):
                await run_sync(embedded.down)


def with_free_port(environment: dict[str, str]) -> dict[str, str]:
    """Move the web service to another port, if somebody serves on its own already."""
    import socket  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415

    from reelbase.local.processes import LOOPBACK, port_is_free  # noqa: PLC0415

    port = urlsplit(environment["REELBASE_API_URL"]).port
    if port is None or port_is_free(port):
        return environment
    with socket.create_server((LOOPBACK, 0)) as free:
        url = f"http://{LOOPBACK}:{free.getsockname()[1]}"
    return {**environment, "REELBASE_API_URL": url, "REELBASE_PUBLIC_URL": url}


@asynccontextmanager
async def service(
    name: str, environment: dict[str, str], state_dir: Path
) -> AsyncIterator[Callable[[], None]]:
    """`reelbase worker` or `api` as a child process. It ends when the block does, or this process.

    Gives a function that raises `DemoFailedError` when the service has ended early.
    """
    import asyncio  # noqa: PLC0415

    import anyio  # noqa: PLC0415

    from reelbase.local.processes import end_with_parent  # noqa: PLC0415

    log_path = state_dir / "logs" / f"{name}.log"
    with log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            "from reelbase.cli import app; app()",
            name,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for us; we tell it ourselves.
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),
        )

    def still_there() -> None:
        message = f"The {name} ended with code {process.returncode}; {log_path} says why."
        check(process.returncode is None, message)

    try:
        yield still_there
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                # A second signal, since what it may still hold is not worth waiting for; another
                # one, because two of a kind may arrive as one.
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGINT)
                with anyio.move_on_after(10):
                    await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


class Tour:
    """The steps that a user of Reelbase takes, each looked at."""

    def __init__(
        self,
        console: "Console",
        wanted: Wanted,
        environment: dict[str, str],
        still_there: Callable[[], None],
    ) -> None:
        self.still_there = still_there
        self.console = console
        self.wanted = wanted
        self.environment = environment

    async def take(self) -> None:
        """Take all steps.

        Raises:
            DemoFailedError: one of them did not end as it should.
        """
        import httpx  # noqa: PLC0415
        from supabase import AsyncClientOptions, create_async_client  # noqa: PLC0415

        began = time.monotonic()
        async with httpx.AsyncClient(timeout=30) as http:
            client = await create_async_client(
                self.environment["SUPABASE_URL"],
                self.environment["SUPABASE_PUBLISHABLE_KEY"],
                AsyncClientOptions(auto_refresh_token=False, httpx_client=http),
            )
            await self.sign_up(client)
            job = await self.make(client)
            await self.show_history(client, job)
            await self.show_result(client, http, job)
            await self.fail_on_purpose(client)
            async with service("api", self.environment, self.wanted.state_dir) as api_is_there:
                self.still_there = api_is_there
                await self.buy(client, http)
            await self.show_ledger(client)
            await client.auth.sign_out()
        await self.reconcile()
        self.say_goodbye(time.monotonic() - began)

    def title(self, number: int, name: str, rest: str = "") -> None:
        """Begin a step."""
        self.console.print(f"\n[bold]{number}. {name}[/] {rest}")

    async def sign_up(self, client: "AsyncClient") -> None:
        """Make a fresh user, as a front end would."""
        self.title(2, "A user", "signs up through the API")
        email = f"demo-{secrets.token_hex(4)}@example.com"
        answer = await client.auth.sign_up({"email": email, "password": secrets.token_urlsafe(16)})
        if answer.session is None or answer.user is None:
            raise DemoFailedError("The sign-up did not open a session.")
        balance = await self.balance(client)
        self.console.print(f"   {email} has {balance:g} credits, the sign-up bonus")
        check(balance == SIGN_UP_BONUS, f"The sign-up bonus is {balance:g} instead of 100 credits.")

    async def balance(self, client: "AsyncClient") -> float:
        """Read the account's balance."""
        rows = (await client.table("credit_accounts").select("balance").execute()).data
        check(len(rows) == 1, "The user has no credit account.")
        return float(field(rows[0], "balance"))

    async def submit(self, client: "AsyncClient", **wish: Any) -> dict[str, Any]:
        """Submit a job; sending it twice with its key would make it once."""
        parameters = {f"p_{name}": value for name, value in wish.items()}
        parameters["p_idempotency_key"] = secrets.token_hex(8)
        answer = await client.rpc("submit_generation", parameters).execute()
        return as_row(answer.data)

    async def make(self, client: "AsyncClient") -> dict[str, Any]:
        """Submit the prompt and follow the job to its end."""
        self.title(3, "A job", self.wanted.kind)
        job = await self.submit(client, kind=self.wanted.kind, prompt=self.wanted.prompt)
        shown = " ".join(self.wanted.prompt.split())
        shown = shown if len(shown) <= 72 else f"{shown[:71]}…"
        self.console.print(f"   “{shown}”", markup=False)
        self.console.print(f"   {job['model_id']}, {float(job['credit_cost']):g} credits held")
        job = await self.follow(client, job)
        message = f"The job ended as {job['status']}: {job['error_message']}"
        check(job["status"] == "completed", message)
        return job

    async def follow(self, client: "AsyncClient", job: dict[str, Any]) -> dict[str, Any]:
        """Show the job's progress until it ends."""
        import anyio  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (TextColumn("   {task.description:<11}"), BarColumn(), TimeElapsedColumn())
        live = self.console.is_terminal
        seen: tuple[str, int] = ("", 0)
        with Progress(*columns, console=self.console, disable=not live) as bar:
            shown = bar.add_task(job["status"], total=100)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                query = client.table("generation_jobs").select("*").eq("id", job["id"])
                job = as_row((await query.execute()).data)
                bar.update(shown, description=job["status"], completed=job["progress"])
                # Where nobody sees a bar move: a line for each state and each quarter.
                if not live and seen != (seen := (job["status"], job["progress"] // 25)):
                    self.console.print(f"   {job['status']} {job['progress']} %")
                if job["status"] in {"completed", "failed", "cancelled", "expired"}:
                    return job
                self.still_there()
                if time.monotonic() > deadline:
                    raise DemoFailedError(
                        f"The job is still {job['status']} after {PATIENCE_SECONDS} s."
                    )
                await anyio.sleep(0.2)

    async def show_history(self, client: "AsyncClient", job: dict[str, Any]) -> None:
        """Print the job's life as it was recorded."""
        from rich.table import Table  # noqa: PLC0415

        self.title(4, "Its history", "from job_events")
        query = client.table("job_events").select("*").eq("job_id", job["id"])
        events = rows_of((await query.order("created_at").order("id").execute()).data)
        table = Table(box=None, padding=(0, 2), show_header=False)
        for event in events:
            before = event["from_status"] or ""
            table.add_row(
                f" {event['created_at'][11:23]}",
                f"{before} →".strip(),
                event["to_status"],
                event["actor"],
                event["note"] or "",
            )
        self.console.print(table)
        check(bool(events), "The job has no history.")
        check(events[-1]["to_status"] == "completed", "The history does not end with `completed`.")

    async def show_result(
        self, client: "AsyncClient", http: "httpx.AsyncClient", job: dict[str, Any]
    ) -> None:
        """Print where the result lies, fetch it by a signed URL, and look inside."""
        self.title(5, "Its result", "in a private bucket")
        columns = "role, position, assets(*)"
        query = client.table("job_assets").select(columns).eq("job_id", job["id"])
        rows = rows_of((await query.order("position").execute()).data)
        results = [row["assets"] for row in rows if row["role"].startswith("result_")]
        check(len(results) == 1, f"The job has {len(results)} results instead of one.")
        asset = results[0]
        bucket = client.storage.from_(asset["bucket"])
        url = (await bucket.create_signed_url(asset["storage_path"], 3600))["signedUrl"]
        if not url:
            raise DemoFailedError("Storage gave no signed URL.")
        self.console.print(f"   path   {asset['bucket']}/{asset['storage_path']}", soft_wrap=True)
        self.console.print(f"   URL    {url}", soft_wrap=True, markup=False)
        path = OUT_DIR / f"{job['kind']}-{job['id'][:8]}{Path(asset['storage_path']).suffix}"
        size = await download(http, url, path)
        check(size == asset["size_bytes"], f"{path} is {size} bytes long, not as it was stored.")
        seconds, streams = look_inside(path)
        inside = ", ".join(streams)
        length = f", {seconds:.1f} s" if seconds else ""
        self.console.print(f"   file   {path}: {inside}{length}, {size / 1e6:.2f} MB")
        if job["kind"] == Kind.TEXT_TO_VIDEO:
            codecs = sorted(stream.split()[0] for stream in streams)
            check(codecs == ["aac", "h264"], f"The film holds {inside}, not one H.264 and one AAC.")
            check(seconds >= 3, f"The film lasts {seconds:.1f} s, less than 3.")

    async def fail_on_purpose(self, client: "AsyncClient") -> None:
        """Submit a job that cannot work, and see the credits return."""
        self.title(6, "A failure", "a voice-over in a voice that nobody has")
        before = await self.balance(client)
        job = await self.submit(
            client, kind="voiceover", prompt="Hello?", parameters={"voice": "nobody"}
        )
        held = await self.balance(client)
        job = await self.follow(client, job)
        after = await self.balance(client)
        self.console.print(f"   {job['error_code']}: {job['error_message']}", markup=False)
        self.console.print(f"   credits: {before:g} before, {held:g} held, {after:g} after")
        status = f"The job in an unknown voice ended as {job['status']} ({job['error_code']})."
        check(job["status"] == "failed" and job["error_code"] == "unknown_voice", status)
        check(job["is_refunded"] is True, "The failed job was not refunded.")
        check(
            after == before, f"The balance was {before:g} before the failure and {after:g} after."
        )

    async def buy(self, client: "AsyncClient", http: "httpx.AsyncClient") -> None:
        """Buy credits in the sandbox, and deliver the event of it five times."""
        self.title(7, "A purchase", "in the sandbox, where nothing is charged")
        api = self.environment["REELBASE_API_URL"]
        await self.wait_for_api(http, api)
        session = await client.auth.get_session()
        if session is None:
            raise DemoFailedError("The session is over.")
        user = {"Authorization": f"Bearer {session.access_token}"}
        before = await self.balance(client)
        wish = {"package": PACKAGE, "provider": "sandbox", "idempotency_key": secrets.token_hex(8)}
        answer = await http.post(f"{api}/checkout", json=wish, headers=user)
        check(answer.status_code == 201, f"The purchase was not opened: {answer.text}")
        opened = answer.json()
        payment_url = f"{api}/payments/{opened['payment_id']}"
        payment = (await http.get(payment_url, headers=user)).json()
        price = f"{payment['amount_minor'] / 100:.2f} {payment['currency']}"
        self.console.print(f"   {payment['credits']:g} credits for {price}")
        self.console.print(f"   page   {opened['url']}", soft_wrap=True, markup=False)
        pressed = await http.post(answer_of(opened["url"]), data={"decision": "pay"})
        check(pressed.status_code == 303, f"The page answered {pressed.status_code} to `Pay`.")
        await self.deliver_again(http, payment)
        applied = await self.applied(opened["payment_id"])
        payment = (await http.get(payment_url, headers=user)).json()
        after = await self.balance(client)
        self.console.print(
            f"   the event came 5 times, under {applied} ids: payment {payment['status']}"
        )
        self.console.print(f"   credits: {before:g} before, {after:g} after")
        check(payment["status"] == "succeeded", f"The payment is {payment['status']}.")
        message = f"The balance was {before:g} before the purchase and {after:g} after."
        check(after == before + payment["credits"], message)

    async def wait_for_api(self, http: "httpx.AsyncClient", api: str) -> None:
        """Wait until the web service answers."""
        import anyio  # noqa: PLC0415
        import httpx  # noqa: PLC0415

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if (await http.get(f"{api}/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            self.still_there()
            if time.monotonic() > deadline:
                raise DemoFailedError(f"The web service did not answer within {START_SECONDS} s.")
            await anyio.sleep(0.1)

    async def deliver_again(self, http: "httpx.AsyncClient", payment: dict[str, Any]) -> None:
        """Be a provider that tells it five times: twice under its id, twice under others."""
        from reelbase.payments.sandbox import event_of  # noqa: PLC0415
        from reelbase.signatures import (  # noqa: PLC0415
            read_base64_secrets,
            sign_standard_webhooks,
        )

        key = read_base64_secrets(self.environment["REELBASE_SANDBOX_SECRET"])[0]
        event_id, body = event_of(
            "pay", payment["id"], payment["amount_minor"], payment["currency"]
        )
        url = f"{self.environment['REELBASE_API_URL']}/webhooks/sandbox"
        for name in (event_id, event_id, f"{event_id}_again", f"{event_id}_and_again"):
            signed = sign_standard_webhooks(key, name, int(time.time()), body)
            headers = {"Content-Type": "application/json", **signed}
            answer = await http.post(url, content=body, headers=headers)
            check(answer.status_code == 200, f"The webhook answered {answer.status_code}.")

    async def applied(self, payment_id: str) -> int:
        """Wait until every stored event of a payment is applied; return how many there are."""
        import anyio  # noqa: PLC0415
        import psycopg  # noqa: PLC0415

        deadline = time.monotonic() + START_SECONDS
        async with await psycopg.AsyncConnection.connect(
            self.environment["DATABASE_URL"], autocommit=True
        ) as connection:
            while True:
                cursor = await connection.execute(
                    "select count(*), count(*) filter (where status = 'processed')"
                    " from worker.webhook_events where subject = %s",
                    (payment_id,),
                )
                stored, done = await cursor.fetchone() or (0, 0)
                if stored and stored == done:
                    return int(stored)
                self.still_there()
                if time.monotonic() > deadline:
                    message = f"{done} of {stored} events were applied in {START_SECONDS} s."
                    raise DemoFailedError(message)
                await anyio.sleep(0.05)

    async def show_ledger(self, client: "AsyncClient") -> None:
        """Print every movement of credits."""
        from rich.table import Table  # noqa: PLC0415

        self.title(8, "The ledger", "which nobody can rewrite")
        query = client.table("credit_statement").select("*").order("version")
        ledger = rows_of((await query.execute()).data)
        table = Table(box=None, padding=(0, 2), show_header=False)
        for row in ledger:
            table.add_row(
                f" {row['version']}",
                row["type"],
                row["status"],
                f"{float(row['amount']):+g}",
                f"= {float(row['balance_after']):g}",
                row["operation_type"] or "",
            )
        self.console.print(table)
        moves = [(row["type"], row["status"]) for row in ledger]
        expected = [
            ("bonus", "completed"),
            ("deduction", "completed"),
            ("deduction", "refunded"),
            ("refund", "completed"),
            ("purchase", "completed"),
        ]
        message = "The ledger is not a bonus, a settled charge, a refunded one and a purchase."
        check(moves == expected, message)
        balance = await self.balance(client)
        self.console.print(f"   balance {balance:g} credits")
        total = sum(float(row["amount"]) for row in ledger)
        check(abs(total - balance) < 0.005, f"The ledger sums up to {total:g}, not {balance:g}.")

    async def reconcile(self) -> None:
        """Have the database prove all its books."""
        import psycopg  # noqa: PLC0415

        async with await psycopg.AsyncConnection.connect(
            self.environment["DATABASE_URL"]
        ) as connection:
            cursor = await connection.execute("select count(*) from private.reconcile_credits()")
            row = await cursor.fetchone()
        found = row[0] if row else None
        check(found == 0, f"private.reconcile_credits() found {found} broken promises.")
        self.console.print("   private.reconcile_credits() finds nothing amiss")

    def say_goodbye(self, seconds: float) -> None:
        """Say what to do next."""
        self.console.print(f"\n[bold green]All of it happened[/], in {seconds:.1f} s.")
        program = program_name()
        self.console.print("\nNext:")
        for command, purpose in (
            ("up", "the stack, to stay"),
            ("worker", "runs jobs until Ctrl-C"),
            ("api", "takes webhooks and payments until Ctrl-C"),
            ("env", "addresses and keys for your front end"),
            ('demo --prompt "…"', "a film of your own"),
            ("demo --kind voiceover", "or an image: --kind text_to_image"),
            ("down", "stops the stack"),
        ):
            self.console.print(f"   {program} {command:<24} {purpose}", markup=False)


def program_name() -> str:
    """What to type for this program from here."""
    if shutil.which("reelbase"):
        return "reelbase"
    path = Path(sys.argv[0])
    return os.path.relpath(path) if path.name == "reelbase" else "reelbase"


def answer_of(page: str) -> str:
    """Where the form of a page of the sandbox leads."""
    address, _, query = page.partition("?")
    return f"{address}/answer?{query}"


async def download(http: "httpx.AsyncClient", url: str, path: Path) -> int:
    """Fetch a file, making its folder if need be; return its size in bytes."""
    import anyio  # noqa: PLC0415

    await anyio.Path(path.parent).mkdir(exist_ok=True)
    async with http.stream("GET", url) as answer:
        check(answer.status_code == 200, f"The signed URL answers {answer.status_code}.")
        async with await anyio.open_file(path, "wb") as file:
            async for chunk in answer.aiter_bytes():
                await file.write(chunk)
            return await file.tell()


def look_inside(path: Path) -> tuple[float, list[str]]:
    """Read a media file: its length in seconds (0 for a still) and its streams in words."""
    import av  # noqa: PLC0415

    with av.open(str(path)) as container:
        streams = []
        for stream in container.streams:
            name = stream.codec_context.name
            if isinstance(stream, av.VideoStream):
                name += f" {stream.codec_context.width}×{stream.codec_context.height}"
            streams.append(name)
        still = container.format.name.endswith("_pipe")
        seconds = 0.0 if still else float(container.duration or 0) / av.time_base
    return seconds, streams


def check(happened: bool, otherwise: str) -> None:
    """Stop the demo when something did not happen."""
    if not happened:
        raise DemoFailedError(otherwise)


def rows_of(data: Any) -> list[dict[str, Any]]:
    """Read an answer as rows."""
    return [dict(row) for row in data]


def as_row(data: Any) -> dict[str, Any]:
    """Read an answer that is one row, alone or in a list."""
    row = data[0] if isinstance(data, list) and data else data
    check(isinstance(row, dict), "The job cannot be read.")
    return dict(row)


def field(row: Any, name: str) -> Any:
    """Read a column."""
    return dict(row)[name]
