"""The inbox of payments' events: each is applied until it has come to an end."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import psycopg
import pytest
from web.conftest import until

from reelbase.database import Database, open_client
from reelbase.errors import DatabaseUnavailable, ReelbaseError
from reelbase.payments.base import Applied
from reelbase.settings import Settings
from reelbase.web import inbox as module
from reelbase.web.inbox import Inbox

pytestmark = pytest.mark.anyio

Admin = psycopg.Connection[Any]

PROVIDER = "omise"


class Till:
    """A provider of payments that does what its test wants, and notes what it was asked."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[tuple[str, Any, str | None]] = []

    async def apply(
        self,
        type: str,  # noqa: A002
        payload: Any,
        subject: str | None,
    ) -> Applied:
        self.asked.append((type, payload, subject))
        outcome = self.outcomes.pop(0) if self.outcomes else Applied("processed")
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, anyio.Event):
            await outcome.wait()
            return Applied("processed")
        assert isinstance(outcome, Applied)
        return outcome


class Mail:
    """Puts events into the inbox, and reads what became of them."""

    def __init__(self, admin: Admin) -> None:
        self.admin = admin

    def put(self, payload: Any = None, provider: str = PROVIDER) -> str:
        event_id = f"evnt_{uuid.uuid4().hex}"
        event = {
            "provider": provider,
            "event_id": event_id,
            "type": "charge.complete",
            "headers": {},
            "payload": json.dumps(payload or {}),
            "subject": "chrg_1",
        }
        self.admin.execute("select worker.receive_webhooks(%s)", (json.dumps([event]),))
        return event_id

    def read(self, event_id: str) -> tuple[Any, ...]:
        """State, attempts, error."""
        [row] = self.admin.execute(
            "select status::text, attempts, error from worker.webhook_events"
            " where provider = %s and event_id = %s",
            (PROVIDER, event_id),
        ).fetchall()
        return tuple(row)

    def is_done(self, event_id: str) -> bool:
        return self.read(event_id)[0] in {"processed", "ignored", "dead"}

    def make_due(self, event_id: str) -> None:
        self.admin.execute(
            "update worker.webhook_events set next_attempt_at = now() where event_id = %s",
            (event_id,),
        )


@pytest.fixture
def mail(admin: Admin) -> Mail:
    """An inbox in which nothing is due: what other tests left would be applied along with ours."""
    admin.execute(
        "update worker.webhook_events"
        " set status = 'ignored', next_attempt_at = null, processed_at = now()"
        " where is_of_payment and status in ('received', 'failed')"
    )
    return Mail(admin)


@asynccontextmanager
async def working(settings: Settings, till: Till) -> AsyncIterator[Inbox]:
    """An inbox at work."""
    async with open_client(settings) as client, anyio.create_task_group() as group:
        inbox = Inbox(Database(client, retry_seconds=0), {PROVIDER: till})  # type: ignore[dict-item]
        group.start_soon(inbox.run)
        yield inbox
        with anyio.fail_after(30):
            await inbox.stop(30)


async def test_event_is_applied_once_and_finished(settings: Settings, mail: Mail) -> None:
    event_id = mail.put({"key": "charge.complete", "n": 1})
    till = Till(Applied("ignored"))
    async with working(settings, till):
        await until(lambda: mail.is_done(event_id))
    assert till.asked == [("charge.complete", {"key": "charge.complete", "n": 1}, "chrg_1")]
    assert mail.read(event_id) == ("ignored", 1, None)


async def test_new_event_is_not_waited_for_when_somebody_tells(
    settings: Settings, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 3600)
    async with working(settings, Till()) as inbox:
        await anyio.wait_all_tasks_blocked()
        event_id = mail.put()
        inbox.wake()
        await until(lambda: mail.is_done(event_id))


async def test_what_goes_wrong_is_tried_again_and_told_without_what_it_held(
    settings: Settings, mail: Mail
) -> None:
    event_id = mail.put()
    till = Till(ReelbaseError("The amount is another."), RuntimeError("sk_live_PLANTED"))
    async with working(settings, till) as inbox:
        for attempt, error in (
            (1, "The amount is another."),
            (2, "It could not be applied (RuntimeError)."),
        ):
            told = ("failed", attempt, error)
            await until(lambda told=told: mail.read(event_id) == told)  # type: ignore[misc]
            mail.make_due(event_id)
            inbox.wake()
        await until(lambda: mail.is_done(event_id))
    assert mail.read(event_id) == ("processed", 3, None)


async def test_applying_that_takes_too_long_is_given_up(
    settings: Settings, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "APPLY_SECONDS", 0.01)
    event_id = mail.put()
    async with working(settings, Till(anyio.Event())):
        await until(lambda: mail.read(event_id)[0] == "failed")
    assert mail.read(event_id)[2] == "It was not done within 0.01 s."


async def test_provider_that_hangs_holds_up_no_other(settings: Settings, mail: Mail) -> None:
    first, held = mail.put(), anyio.Event()
    tills: Any = {PROVIDER: Till(held), "stripe": Till()}
    async with open_client(settings) as client, anyio.create_task_group() as group:
        inbox = Inbox(Database(client, retry_seconds=0), tills)
        group.start_soon(inbox.run)
        await until(lambda: tills[PROVIDER].asked)
        mail.put({"n": "another's"}, "stripe")
        inbox.wake()
        await until(
            lambda: ("charge.complete", {"n": "another's"}, "chrg_1") in tills["stripe"].asked
        )
        assert mail.read(first)[0] == "received"
        held.set()
        await inbox.stop(30)
    assert mail.read(first)[0] == "processed"


async def test_service_that_stops_finishes_what_it_is_at_and_begins_nothing(
    settings: Settings, mail: Mail
) -> None:
    first, held = mail.put(), anyio.Event()
    till = Till(held)
    async with working(settings, till) as inbox, anyio.create_task_group() as group:
        await until(lambda: till.asked)
        second = mail.put()
        group.start_soon(inbox.stop, 30)
        await anyio.wait_all_tasks_blocked()
        held.set()
    assert mail.read(first)[0] == "processed"
    assert mail.read(second) == ("received", 0, None)
    async with working(settings, Till()):
        await until(lambda: mail.is_done(second))


async def test_two_services_share_the_events(settings: Settings, mail: Mail) -> None:
    events = [mail.put({"n": number}) for number in range(20)]
    tills = Till(), Till()
    async with working(settings, tills[0]), working(settings, tills[1]):
        await until(lambda: all(mail.is_done(each) for each in events))
    applied = [asked[1]["n"] for till in tills for asked in till.asked]
    assert sorted(applied) == list(range(20))


async def test_database_that_is_away_is_asked_again(
    settings: Settings, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    away = [DatabaseUnavailable("away"), ReelbaseError("no"), ValueError("what nobody expects")]
    call = Database.call

    async def now_and_then(self: Database, function: str, **parameters: Any) -> Any:
        if away:
            raise away.pop()
        return await call(self, function, **parameters)

    monkeypatch.setattr(Database, "call", now_and_then)
    event_id = mail.put()
    async with working(settings, Till()):
        await until(lambda: mail.is_done(event_id))
    assert away == []
