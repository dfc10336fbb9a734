"""`reelbase webhooks …`, as an operator calls it."""

import json
import shlex
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from reelbase.cli import app
from reelbase.local.throwaway import Database


@dataclass(frozen=True, slots=True)
class Desk:
    """Events that are a test's own, by their provider, and the command line beside them."""

    connection: "psycopg.Connection[Any]"
    url: str
    provider: str

    def call(self, line: str, answer: str | None = None) -> Result:
        """Call `reelbase webhooks`."""
        env = {"DATABASE_URL": self.url, "SUPABASE_URL": None, "LOGNAME": "tess"}
        return CliRunner().invoke(app, ["webhooks", *shlex.split(line)], env=env, input=answer)

    def json(self, line: str) -> Any:
        """Call it for machines."""
        result = self.call(f"{line} --json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def listed(self, line: str = "") -> list[str]:
        """The events that are listed, by their providers' ids."""
        return [row["event_id"] for row in self.json(f"list --provider {self.provider} {line}")]

    def bring(self, event_id: str, status: str) -> str:
        """Put an event in, in a state, and return its id."""
        event = {
            "provider": self.provider,
            "event_id": event_id,
            "type": "charge.complete",
            "headers": {"webhook-id": event_id},
            "payload": '{"name": "Somchai PRIVATE"}',
            "subject": "chrg_1",
        }
        self.connection.execute("select worker.receive_webhooks(%s)", [json.dumps([event])])
        [(found,)] = self.connection.execute(
            "update worker.webhook_events"
            " set status = %(status)s::worker.webhook_status, attempts = 3,"
            " error = case"
            "   when %(status)s::text in ('failed', 'dead') then 'It \x1b[31mbroke.'"
            " end,"
            " next_attempt_at = case when %(status)s::text in ('received', 'failed')"
            "   then now() + interval '1 hour' end,"
            " processed_at = case when %(status)s::text in ('processed', 'ignored') then now() end"
            " where provider = %(provider)s and event_id = %(event_id)s returning id::text",
            {"status": status, "provider": self.provider, "event_id": event_id},
        ).fetchall()
        return str(found)

    def status(self, event: str) -> str:
        """An event's state."""
        query = "select status::text from worker.webhook_events where id = %s"
        [(status,)] = self.connection.execute(query, [event]).fetchall()
        return str(status)


STATES = ("received", "failed", "dead", "processed", "ignored")


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        made = Desk(connection, database.url, f"test-{uuid.uuid4().hex[:12]}")
        yield made
        connection.execute("delete from worker.webhook_events where provider = %s", [made.provider])


def test_list_shows_what_went_wrong_unless_other_states_are_asked_for(desk: Desk) -> None:
    for status in STATES:
        desk.bring(f"e-{status}", status)
    assert desk.listed() == ["e-failed", "e-dead"]
    for status in STATES:
        assert desk.listed(f"--status {status}") == [f"e-{status}"]
    every = " ".join(f"--status {status}" for status in STATES)
    assert sorted(desk.listed(every)) == sorted(f"e-{status}" for status in STATES)
    assert desk.listed(f"{every} --type other") == []
    assert len(desk.listed(f"{every} --limit 3")) == 3
    assert desk.listed("--older-than 1h") == []
    shown = desk.call(f"list --provider {desk.provider}").output
    assert "charge.complete" in shown
    assert "PRIVATE" not in shown
    assert "\x1b" not in shown
    for wrong in ("list --status done", "list --older-than soon"):
        assert desk.call(wrong).exit_code != 0


def test_show_tells_all_but_what_the_event_says_unless_asked(desk: Desk) -> None:
    event = desk.bring("evt_1", "dead")
    for name in (event, f"{desk.provider}:evt_1"):
        shown = desk.call(f"show {name}")
        assert shown.exit_code == 0
        for told in (event, "evt_1", "charge.complete", "chrg_1", "dead", "webhooks replay"):
            assert told in shown.output
        assert "PRIVATE" not in shown.output
        assert "\x1b" not in shown.output
    assert "Somchai PRIVATE" in desk.call(f"show {event} --payload").output
    assert "payload" not in desk.json(f"show {event}")
    assert desk.json(f"show {event} --payload")["payload"] == {"name": "Somchai PRIVATE"}
    for nothing in (str(uuid.uuid4()), f"{desk.provider}:evt_2", "evt_1", "x:y"):
        refused = desk.call(f"show {nothing}")
        assert refused.exit_code == 1
        assert refused.output.startswith("Error: ")


def test_replay_has_an_event_acted_on_again_in_somebodys_name(desk: Desk) -> None:
    event = desk.bring("evt_1", "dead")
    dry = desk.call(f"replay {event} --reason 'The key was wrong' --dry-run")
    assert (dry.exit_code, desk.status(event)) == (0, "dead")
    done = desk.call(f"replay {desk.provider}:evt_1 --reason 'The key was wrong'")
    assert (done.exit_code, desk.status(event)) == (0, "received")
    assert "is due now" in done.output
    told = desk.json(f"show {event}")
    assert [(each["operator"], each["reason"]) for each in told["actions"]] == [
        ("tess", "The key was wrong")
    ]
    assert (told["attempts"], told["error"]) == (0, None)
    assert "The key was wrong" in desk.call(f"show {event}").output
    again = desk.call(f"replay {event} --reason again")
    assert (again.exit_code, "about to be acted on" in again.output) == (1, True)
    for refused in (
        f"replay {event}",
        "replay --reason why",
        f"replay {event} --all --reason why",
        f"replay {event} --type x --reason why",
        "replay --all --status received --reason why",
        f"replay {uuid.uuid4()} --reason why",
    ):
        assert desk.call(refused).exit_code != 0


def test_replay_of_many_is_asked_about(desk: Desk) -> None:
    dead = [desk.bring(f"d-{number}", "dead") for number in range(3)]
    failed = desk.bring("f", "failed")
    line = f"replay --all --provider {desk.provider} --reason 'The database was down'"
    assert desk.call(line, "n\n").exit_code == 1
    assert {desk.status(each) for each in dead} == {"dead"}
    done = desk.call(line, "y\n")
    assert done.exit_code == 0
    assert "3 are due now." in done.output
    assert {desk.status(each) for each in dead} == {"received"}
    assert desk.status(failed) == "failed"
    assert "1 are due now." in desk.call(f"{line} --status failed --yes").output
