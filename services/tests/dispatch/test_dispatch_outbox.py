"""How news of jobs is put together, and what becomes of it when the database is away or refuses."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from reelbase.database import Verdict
from reelbase.dispatch import outbox as outbox_module
from reelbase.dispatch.outbox import BATCH, Outbox
from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.telemetry import Telemetry

pytestmark = pytest.mark.anyio


class Listener:
    """Takes calls, keeps what they told, and answers as it is told to."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.troubles: list[Exception] = []
        self.bad: set[str] = set()
        self.busy: set[str] = set()
        self.silent: set[str] = set()
        self.gate = anyio.Event()
        self.called = anyio.Event()
        self.gate.set()

    async def __call__(self, entries: Sequence[str]) -> dict[str, Verdict]:
        jobs = [json.loads(entry)["job_id"] for entry in entries]
        self.calls.append(jobs)
        self.called.set()
        await self.gate.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        if self.bad & set(jobs):
            raise DatabaseError("22P02", "This cannot be read.")
        busy, self.busy = self.busy, set()
        return {
            job: Verdict("busy" if job in busy else "done")
            for job in jobs
            if job not in self.silent
        }


@asynccontextmanager
async def running(listener: Listener) -> AsyncIterator[Outbox]:
    outbox = Outbox("complete", listener, Telemetry())
    async with anyio.create_task_group() as group:
        group.start_soon(outbox.run)
        yield outbox
        group.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "AWAY_SECONDS", 0)


async def test_first_goes_at_once_and_those_that_come_meanwhile_go_together() -> None:
    listener = Listener()
    listener.gate = anyio.Event()
    async with running(listener) as outbox:
        first = outbox.put("0", "lease", assets=[])
        await listener.called.wait()
        others = [outbox.put(str(number), "lease") for number in range(1, BATCH + 11)]
        assert len(outbox) == BATCH + 10
        listener.gate.set()
        for answer in (first, *others):
            assert (await answer).result == "done"
    assert [len(call) for call in listener.calls] == [1, BATCH, 10]
    assert listener.calls[1][0] == "1"


async def test_two_pieces_of_news_of_one_job_go_one_after_the_other() -> None:
    listener = Listener()
    async with running(listener) as outbox:
        answers = [outbox.put(job, "lease") for job in ("a", "a", "b")]
        for answer in answers:
            await answer
    assert listener.calls == [["a", "b"], ["a"]]


async def test_busy_job_is_told_again_and_holds_up_no_other() -> None:
    listener = Listener()
    listener.busy = {"a"}
    async with running(listener) as outbox:
        answers = [outbox.put(job, "lease") for job in ("a", "b")]
        assert [(await answer).result for answer in answers] == ["done", "done"]
    assert listener.calls == [["a", "b"], ["a"]]


async def test_news_that_a_call_is_refused_for_is_found_and_the_others_are_told() -> None:
    listener = Listener()
    listener.bad = {"b"}
    async with running(listener) as outbox:
        answers = [outbox.put(job, "lease") for job in ("a", "b", "c")]
        assert (await answers[0]).result == (await answers[2]).result == "done"
        with pytest.raises(DatabaseError, match="cannot be read"):
            await answers[1]


async def test_news_is_told_until_the_database_answers() -> None:
    listener = Listener()
    listener.troubles = [DatabaseUnavailable("away"), DatabaseUnavailable("away")]
    async with running(listener) as outbox:
        answers = [outbox.put(job, "lease") for job in ("a", "b")]
        assert [(await answer).result for answer in answers] == ["done", "done"]
    assert listener.calls == [["a", "b"]] * 3


async def test_news_that_nobody_waits_for_any_more_is_dropped() -> None:
    listener = Listener()
    listener.gate = anyio.Event()
    listener.troubles = [DatabaseUnavailable("away")]
    async with running(listener) as outbox:
        answers = [outbox.put(job, "lease") for job in ("a", "b")]
        await listener.called.wait()
        # As a job's lease does that ends.
        answers[0].cancel()
        listener.gate.set()
        await answers[1]
    assert listener.calls == [["a", "b"], ["b"]]


async def test_job_that_the_answer_leaves_out_is_an_error_of_its_own() -> None:
    listener = Listener()
    listener.silent = {"a"}
    async with running(listener) as outbox:
        answers = [outbox.put(job, "lease") for job in ("a", "b")]
        assert (await answers[1]).result == "done"
        with pytest.raises(DatabaseError, match="did not answer"):
            await answers[0]


@pytest.mark.parametrize("news", [{"yields": {"x": float("inf")}}, {"yields": {"x": object()}}])
async def test_news_that_is_no_json_is_refused_before_it_joins_others(news: Any) -> None:
    async with running(Listener()) as outbox:
        with pytest.raises(ValueError, match="JSON"):
            outbox.put("a", "lease", **news)
        assert len(outbox) == 0
