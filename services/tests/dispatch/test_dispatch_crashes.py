"""Workers that are killed, frozen, stopped or cut off: no job is lost, charged or stored twice."""

import os
import signal
import uuid
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import structlog

from reelbase.database import Database, Wanted, encode, open_client
from reelbase.dispatch.outputs import Outputs
from reelbase.providers.base import Job, Report, Submission, Workdir
from reelbase.storage import Storage

pytestmark = pytest.mark.anyio

LOCAL_WORKER = ("-c", "from reelbase.cli import app; app()", "worker")


async def assert_done_once(bench: Any, user: str, job: str, *, results: int = 1) -> None:
    """One settled charge, one result with one file each, and books that agree."""
    assert await bench.moves(user) == [("deduction", "completed")]
    stored = await bench.results(job)
    assert len([each for each in stored if each["role"].startswith("result_")]) == results
    assert await bench.files(user) == sorted(
        f"{each['bucket']}/{each['storage_path']}" for each in stored
    )
    assert await bench.broken_promises(user) == []


def children_of(pid: int) -> list[int]:
    """The living child processes of a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] not in "ZX":
            found.append(int(entry.name))
    return found


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


async def test_killed_worker_in_the_middle_of_a_render_is_replaced_and_charged_once(
    bench: Any,
) -> None:
    user = await bench.user()
    job = await bench.submit(
        user,
        "text_to_video",
        model_id="local-animatic",
        mode="fast",
        resolution="480p",
        duration_seconds=3,
        prompt="Rain on a tin roof. A kettle sings.",
    )
    changes = {"reelbase_lease_seconds": 2, "reelbase_providers": "local"}
    async with bench.process(*LOCAL_WORKER, log="first.log", **changes) as first:
        await bench.wait(job, "processing")
        renders = children_of(first.pid)
        assert renders
        first.kill()
        await first.wait()
    await bench.until(lambda: all(map(is_gone, renders)))
    (left,) = (bench.tmp / "work").glob("worker-*")
    async with bench.process(*LOCAL_WORKER, log="second.log", **changes):
        row = await bench.wait(job, "completed")
        assert not left.exists()
    assert row["attempt_count"] == 2
    await assert_done_once(bench, user, job)
    outcomes = await bench.rows(
        "select outcome from worker.attempts where job_id = %s order by attempt", job
    )
    assert [each["outcome"] for each in outcomes] == ["lost", "succeeded"]


async def test_frozen_worker_that_wakes_after_a_takeover_changes_nothing(bench: Any) -> None:
    user = await bench.user()
    job = await bench.submit(user)
    changes = {"reelbase_lease_seconds": 1}
    async with bench.process(log="frozen.log", **changes) as frozen:
        await bench.wait(job, "processing")
        os.kill(frozen.pid, signal.SIGSTOP)
        bench.gate.touch()
        async with bench.process(log="other.log", **changes):
            row = await bench.wait(job, "completed")
        before = (row, await bench.results(job), await bench.files(user))
        os.kill(frozen.pid, signal.SIGCONT)
        await bench.until(bench.logged("dropped", "frozen.log"))
        # It is well again: the next job is its own.
        following = await bench.submit(user)
        await bench.wait(following, "completed")
    files = [name for name in await bench.files(user) if following not in name]
    assert (await bench.job(job), await bench.results(job), files) == before
    assert await bench.moves(user) == [("deduction", "completed")] * 2
    assert await bench.broken_promises(user) == []


async def test_stopped_worker_finishes_what_it_does_and_claims_no_more(bench: Any) -> None:
    user = await bench.user()
    job = await bench.submit(user)
    async with bench.process() as process:
        await bench.wait(job, "processing")
        process.terminate()
        await bench.until(bench.logged("stopping"))
        waiting = await bench.submit(user)
        bench.gate.touch()
        await bench.wait(job, "completed")
        with anyio.fail_after(10):
            assert await process.wait() == 0
    assert (await bench.job(waiting))["status"] == "queued"
    row = await bench.one("select * from worker.tasks where job_id = %s", waiting)
    assert row["lease"] is None
    await bench.cancel(user, waiting)


@pytest.mark.parametrize("how", ["time is up", "second signal"])
async def test_stopped_worker_hands_back_what_it_cannot_finish(bench: Any, how: str) -> None:
    user = await bench.user()
    job = await bench.submit(user)
    grace = 0.1 if how == "time is up" else 600
    async with bench.process(reelbase_shutdown_seconds=grace) as process:
        await bench.wait(job, "processing")
        process.send_signal(signal.SIGTERM)
        if how == "second signal":
            await bench.until(bench.logged("stopping"))
            process.send_signal(signal.SIGINT)
        with anyio.fail_after(10):
            assert await process.wait() == 0
    row = await bench.job(job)
    assert (row["status"], row["attempt_count"]) == ("queued", 0)
    assert not list((bench.tmp / "work").glob("worker-*"))
    async with bench.dispatcher(bench.instant()):
        row = await bench.wait(job, "completed")
    assert row["attempt_count"] == 1
    await assert_done_once(bench, user, job)


async def test_worker_without_a_usable_folder_says_so_in_one_sentence(bench: Any) -> None:
    path = bench.tmp / "file"
    path.write_text("no folder")
    async with bench.process(
        *LOCAL_WORKER, reelbase_providers="local", reelbase_work_dir=path
    ) as process:
        with anyio.fail_after(20):
            assert await process.wait() == 1
    told = (bench.tmp / "worker.log").read_text()
    assert told == f"Error: REELBASE_WORK_DIR: {path} cannot be made (File exists).\n"


async def test_job_whose_last_worker_vanished_fails_and_returns_the_credits(bench: Any) -> None:
    user = await bench.user()
    job = await bench.submit(user)
    for attempt in range(3):
        await bench.vanish(job)
        if attempt < 2:
            await bench.rows("select worker.tend_queue()")
    provider = bench.instant()
    async with bench.dispatcher(provider):
        row = await bench.wait(job, "failed")
    assert row["error_code"] == "attempts_exhausted"
    assert provider.submitted == []
    assert await bench.balance(user) == 100


async def test_job_that_outlived_its_deadline_expires_and_returns_the_credits(bench: Any) -> None:
    class Endless(bench.instant):  # type: ignore[misc, name-defined]
        stopped = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            try:
                await anyio.sleep_forever()
            finally:
                self.stopped = True

    user = await bench.user()
    provider = Endless()
    async with bench.dispatcher(provider, lease_seconds=2) as dispatcher:
        job = await bench.submit(user)
        await bench.until(lambda: provider.submitted)
        await bench.rows(
            "update worker.tasks set deadline_at = now() where job_id = %s returning 1", job
        )
        await bench.wait(job, "expired")
        await bench.until(lambda: provider.stopped and dispatcher.held == 0)
    assert await bench.moves(user) == [("deduction", "refunded"), ("refund", "completed")]
    assert await bench.broken_promises(user) == []


class Switch:
    """A relay on loopback in front of the gateway that can be cut and mended."""

    def __init__(self, target: str) -> None:
        address = httpx.URL(target)
        self.target = (address.host, address.port)
        self.is_cut = False
        self.url = ""
        self.relays: set[anyio.CancelScope] = set()

    async def serve(self, *, task_status: Any) -> None:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        self.url = f"http://127.0.0.1:{port}"
        async with listener:
            task_status.started()
            await listener.serve(self.relay)

    def cut(self) -> None:
        self.is_cut = True
        for relay in self.relays:
            relay.cancel()

    def mend(self) -> None:
        self.is_cut = False

    async def relay(self, client: anyio.abc.SocketStream) -> None:
        async with client:
            if self.is_cut:
                return
            async with (
                await anyio.connect_tcp(*self.target) as server,
                anyio.create_task_group() as group,
            ):
                self.relays.add(group.cancel_scope)
                try:
                    group.start_soon(self.pump, client, server, group)
                    await self.pump(server, client, group)
                finally:
                    self.relays.discard(group.cancel_scope)

    async def pump(
        self, source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream, group: Any
    ) -> None:
        try:
            while True:
                await sink.send(await source.receive())
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            group.cancel_scope.cancel()


async def test_worker_that_is_cut_off_for_a_while_resumes_and_finishes_its_job(
    bench: Any,
) -> None:
    class Gated(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            await bench.until(bench.gate.exists)
            return await super().submit(job, workdir, report)  # type: ignore[no-any-return]

    user = await bench.user()
    switch = Switch(bench.stack.supabase_url)
    provider = Gated()
    async with anyio.create_task_group() as group:
        await group.start(switch.serve)
        async with bench.dispatcher(provider, supabase_url=switch.url) as dispatcher:
            job = await bench.submit(user)
            await bench.wait(job, "starting")
            switch.cut()
            bench.gate.touch()
            waiting = await bench.submit(user)
            await bench.until(lambda: provider.submitted)
            assert (await bench.job(job))["status"] == "starting"
            assert dispatcher.held == 1
            switch.mend()
            await bench.wait(job, "completed")
            await bench.wait(waiting, "completed")
        group.cancel_scope.cancel()
    assert (await bench.job(job))["attempt_count"] == 1
    assert len(provider.submitted) == 2
    assert await bench.moves(user) == [("deduction", "completed")] * 2


async def test_worker_that_is_cut_off_for_longer_than_its_lease_stops_its_work(
    bench: Any,
) -> None:
    class Endless(bench.instant):  # type: ignore[misc, name-defined]
        stopped = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            try:
                await anyio.sleep_forever()
            finally:
                self.stopped = True

    user = await bench.user()
    switch = Switch(bench.stack.supabase_url)
    provider = Endless()
    async with anyio.create_task_group() as group:
        await group.start(switch.serve)
        async with bench.dispatcher(
            provider, supabase_url=switch.url, lease_seconds=1, database_url=None
        ) as dispatcher:
            job = await bench.submit(user)
            await bench.wait(job, "starting")
            switch.cut()
            await bench.until(lambda: provider.stopped and dispatcher.held == 0)
            async with bench.dispatcher(bench.instant()):
                await bench.wait(job, "completed")
        group.cancel_scope.cancel()
    await assert_done_once(bench, user, job)


async def test_paid_result_waits_for_storage_and_is_not_ordered_again(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Billing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

    monkeypatch.setattr("reelbase.storage.UPLOAD_ATTEMPTS", 1)
    monkeypatch.setattr("reelbase.dispatch.steps.STORAGE_AWAY_SECONDS", 0.05)
    user = await bench.user()
    switch = Switch(bench.stack.supabase_url)
    provider = Billing()
    with structlog.testing.capture_logs() as lines:
        async with anyio.create_task_group() as group:
            await group.start(switch.serve)
            switch.cut()
            async with bench.dispatcher(provider, storage_url=switch.url):
                job = await bench.submit(user)
                await bench.until(
                    lambda: [line for line in lines if line["event"] == "storage_unavailable"]
                )
                switch.mend()
                await bench.wait(job, "completed")
            group.cancel_scope.cancel()
    assert len(provider.submitted) == 1
    assert provider.recovered == []
    await assert_done_once(bench, user, job)


async def test_second_completion_with_the_same_lease_changes_nothing(bench: Any) -> None:
    user = await bench.user()
    job = await bench.submit(user)
    lease = str(uuid.uuid4())
    wanted = [Wanted(bench.provider, frozenset(["voiceover"]))]
    async with open_client(bench.settings()) as client:
        database = Database(client)

        async def results(call: Any, **news: Any) -> str:
            answer = await call([encode({"job_id": job, "lease": lease, **news})])
            return answer[job].result  # type: ignore[no-any-return]

        claimed = await database.claim_tasks(lease, "me", wanted, 1, 30)
        again = await database.claim_tasks(lease, "me", wanted, 1, 30, is_repeat=True)
        assert [each.job_id for each in claimed] == [each.job_id for each in again] == [job]
        assert await results(database.advance_jobs, status="processing") == "done"
        path = f"{user}/{job}/result_audio-0-aa.wav"
        asset = {
            "role": "result_audio", "bucket": "voiceovers", "storage_path": path,
            "mime_type": "audio/wav", "size_bytes": 5, "sha256": "a" * 64, "width": None,
            "height": None, "duration_ms": 100, "style": None, "position": 0, "thumbnail": None,
        }  # fmt: skip
        assert await results(database.complete_jobs, assets=[asset]) == "done"
        assert await results(database.complete_jobs, assets=[asset]) == "done"
        failure = {"error_class": "permanent", "error_code": "late", "error_message": "Too late."}
        assert await results(database.fail_jobs, **failure) == "lease_lost"
        lease = str(uuid.uuid4())
        assert await results(database.complete_jobs, assets=[asset]) == "lease_lost"
    assert len(await bench.results(job)) == 1
    assert await bench.moves(user) == [("deduction", "completed")]


async def test_claim_that_arrives_after_its_repetition_claims_nothing(bench: Any) -> None:
    user = await bench.user()
    lease = str(uuid.uuid4())
    wanted = [Wanted(bench.provider, frozenset(["voiceover"]))]
    async with open_client(bench.settings()) as client:
        database = Database(client)
        assert await database.claim_tasks(lease, "me", wanted, 1, 30, is_repeat=True) == []
        job = await bench.submit(user)
        assert await database.claim_tasks(lease, "me", wanted, 1, 30) == []
    await bench.cancel(user, job)


async def test_upload_that_is_there_already_is_taken_as_done(bench: Any, tmp_path: Path) -> None:
    user = await bench.user()
    job = await bench.submit(user)
    claimed = {"id": job, "user_id": user}
    async with open_client(bench.settings()) as client:
        storage = Storage(client)
        provider = bench.instant()
        made = await provider.submit(
            Job(
                id=job, user_id=user, kind="voiceover", mode="standard", model="model-1",
                attempt=1, prompt="x",
            ),
            lambda: tmp_path,
            lambda _: None,
        )  # fmt: skip
        folder = f"{claimed['user_id']}/{claimed['id']}"
        first = await Outputs(storage).store(folder, made.outputs, tmp_path)
        assert len(await bench.files(user)) == 1
        # The worker that stored it died before it could say so.
        second = await Outputs(storage).store(folder, made.outputs, tmp_path)
        assert first == second
    async with bench.dispatcher(provider):
        await bench.wait(job, "completed")
    await assert_done_once(bench, user, job)


async def test_worker_process_writes_no_secret_and_no_prompt_into_its_log(bench: Any) -> None:
    user = await bench.user()
    prompt = "Zebras dance on the moon"
    job = await bench.submit(user, prompt=prompt)
    bench.gate.touch()
    async with bench.process(reelbase_log_level="DEBUG"):
        await bench.wait(job, "completed")
    log = (bench.tmp / "worker.log").read_text()
    assert job in log
    assert prompt not in log
    password = bench.stack.database_url.split("@")[0].rsplit(":", 1)[1]
    for secret in (bench.stack.secret_key, password):
        assert secret not in log
    assert all(line.startswith("{") for line in log.splitlines())
