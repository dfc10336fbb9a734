"""Many events, one call: what goes together, what is refused together, and what may wait."""

import json
from typing import Any

import anyio
import pytest

from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.web import commits
from reelbase.web.commits import Full, GroupCommit, NotStored

pytestmark = pytest.mark.anyio


class Store:
    """Answers as `worker.receive_webhooks` does, when it is let."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.may = anyio.Event()
        self.may.set()
        self.errors: list[Exception] = []
        self.refused: set[str] = set()
        self.known: set[str] = set()

    async def receive(self, entries: str) -> Any:
        ids = [each["event_id"] for each in json.loads(entries)]
        self.calls.append(ids)
        await self.may.wait()
        if self.errors:
            raise self.errors.pop(0)
        kept = [each for each in dict.fromkeys(ids) if each not in self.refused]
        fresh = set(kept) - self.known
        self.known |= fresh
        return [{"provider": "p", "event_id": each, "is_new": each in fresh} for each in kept]


async def put(made: GroupCommit, event_id: str, told: dict[str, Any]) -> None:
    try:
        told[event_id] = await made.put("p", event_id, json.dumps({"event_id": event_id}))
    except (Full, NotStored, DatabaseError, DatabaseUnavailable) as error:
        told[event_id] = type(error)


async def test_what_comes_while_others_are_on_their_way_goes_together() -> None:
    store, told = Store(), {}
    made = GroupCommit(store.receive)
    async with anyio.create_task_group() as group:
        group.start_soon(made.run)
        await put(made, "alone", told)
        store.may = anyio.Event()
        group.start_soon(put, made, "first", told)
        await anyio.wait_all_tasks_blocked()
        for number in range(commits.ENOUGH - 1):
            group.start_soon(put, made, f"e{number}", told)
        await anyio.wait_all_tasks_blocked()
        assert told == {"alone": True}
        assert store.calls == [["alone"], ["first"]]
        store.may.set()
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert [len(call) for call in store.calls] == [1, 1, commits.ENOUGH - 1]
    assert set(told.values()) == {True}
    assert len(told) == commits.ENOUGH + 1


async def test_when_very_much_waits_it_leaves_before_the_answer() -> None:
    store, told = Store(), {}
    store.may = anyio.Event()
    made = GroupCommit(store.receive)
    async with anyio.create_task_group() as group:
        group.start_soon(made.run)
        for number in range(commits.FLIGHTS * commits.ENOUGH + 50):
            group.start_soon(put, made, f"e{number}", told)
            if number % commits.ENOUGH == 0:
                await anyio.wait_all_tasks_blocked()
        await anyio.wait_all_tasks_blocked()
        assert len(store.calls) == commits.FLIGHTS
        store.may.set()
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert len(told) == commits.FLIGHTS * commits.ENOUGH + 50
    assert max(len(call) for call in store.calls) <= commits.MAX_BATCH


async def test_each_learns_what_became_of_its_own_event() -> None:
    store, told = Store(), {}
    store.known, store.refused = {"old"}, {"bad"}
    made = GroupCommit(store.receive)
    async with anyio.create_task_group() as group:
        for event_id in ("new", "old", "bad"):
            group.start_soon(put, made, event_id, told)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(made.run)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert told == {"new": True, "old": False, "bad": NotStored}


async def test_call_that_failed_in_passing_is_made_again() -> None:
    store, told = Store(), {}
    store.errors = [DatabaseUnavailable("a connection that had grown old")]
    made = GroupCommit(store.receive)
    async with anyio.create_task_group() as group:
        group.start_soon(made.run)
        await put(made, "e", told)
        group.cancel_scope.cancel()
    assert (told, store.calls) == ({"e": True}, [["e"], ["e"]])


async def test_when_the_database_refuses_it_is_the_batch_alone_that_fails() -> None:
    store, told = Store(), {}
    store.errors = [DatabaseError("42501", "no"), RuntimeError("what nobody thought of")]
    made = GroupCommit(store.receive)
    async with anyio.create_task_group() as group:
        group.start_soon(made.run)
        for event_id in ("a", "b", "c"):
            await put(made, event_id, told)
        group.cancel_scope.cancel()
    assert told == {"a": DatabaseError, "b": NotStored, "c": True}


async def test_when_the_database_is_away_nobody_waits_for_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commits, "AGAIN_SECONDS", 0)
    store, told = Store(), {}
    store.may = anyio.Event()
    store.errors = [DatabaseUnavailable("away")]
    made = GroupCommit(store.receive)
    async with anyio.create_task_group() as group:
        group.start_soon(made.run)
        for number in range(20):
            group.start_soon(put, made, f"e{number}", told)
            await anyio.wait_all_tasks_blocked()
        store.may.set()
        await anyio.wait_all_tasks_blocked()
        assert set(told.values()) == {DatabaseUnavailable}
        assert len(told) == 20
        await put(made, "later", told)
        group.cancel_scope.cancel()
    assert told["later"] is True


async def test_no_more_may_wait_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "MAX_WAITING", 10)
    store, told = Store(), {}
    made = GroupCommit(store.receive)
    async with anyio.create_task_group() as group:
        for number in range(15):
            group.start_soon(put, made, f"e{number:02}", told)
        await anyio.wait_all_tasks_blocked()
        assert list(told.values()) == [Full] * 5
        group.start_soon(made.run)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert list(told.values()) == [Full] * 5 + [True] * 10


async def test_who_has_gone_is_not_waited_for_and_service_that_ends_leaves_nobody_waiting() -> None:
    store, told = Store(), {}
    made = GroupCommit(store.receive)
    async with anyio.create_task_group() as group:
        with anyio.move_on_after(0):
            await made.put("p", "gone", '{"event_id":"gone"}')
        store.may = anyio.Event()
        scope = anyio.CancelScope()

        async def run() -> None:
            with scope:
                await made.run()

        group.start_soon(put, made, "e", told)
        group.start_soon(run)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
    assert store.calls == [["e"]]
    assert told == {"e": DatabaseUnavailable}
