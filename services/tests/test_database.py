"""How the services read what the database answers, and write what they tell it."""

import json
import uuid
from typing import Any

import pytest
from structlog.testing import capture_logs

from reelbase.database import Task, Wanted, encode, read_tasks


def row(**changes: Any) -> dict[str, Any]:
    return {
        "job_id": str(uuid.uuid4()),
        "user_id": str(uuid.uuid4()),
        "step": "submit",
        "attempt": 1,
        "max_attempts": 3,
        "lease_expires_at": "2026-11-21T12:00:00+00:00",
        "provider": "local",
        "provider_model": "still-1",
        "provider_job_id": None,
        "previous_outcome": None,
        "has_lost_inputs": False,
        "queued_at": "2026-11-21T11:59:00+00:00",
        "deadline_at": "2026-11-22T11:59:00+00:00",
        "kind": "text_to_image",
        "mode": "standard",
        "model_id": "local-still",
        "prompt": "a secret wish",
        "negative_prompt": None,
        "audio_instructions": None,
        "art_style": None,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "duration_seconds": None,
        "output_count": 1,
        "parameters": {},
        "inputs": [],
    } | changes


def test_claimed_rows_become_tasks() -> None:
    good = row()
    (task,) = read_tasks(json.dumps([good]).encode())
    assert isinstance(task, Task)
    assert (task.job_id, task.prompt) == (good["job_id"], "a secret wish")
    assert task.queued_at.tzinfo is not None
    assert read_tasks(b"[]") == []


def test_row_in_unknown_form_is_passed_over_and_logged_without_its_prompt() -> None:
    good, bad = row(), row(attempt="many")
    with capture_logs() as logs:
        tasks = read_tasks(json.dumps([bad, good]).encode())
    assert [task.job_id for task in tasks] == [good["job_id"]]
    (line,) = logs
    assert (line["event"], line["job_id"], line["places"]) == (
        "unknown_form",
        bad["job_id"],
        ["attempt"],
    )
    assert "secret wish" not in str(line)


def test_wish_for_tasks_is_told_in_one_form_only() -> None:
    wanted = Wanted("local", frozenset(["voiceover", "text_to_image"]), 2)
    assert wanted.as_json() == {
        "provider": "local", "kinds": ["text_to_image", "voiceover"], "limit": 2,
    }  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_json_has_no_form_for_is_refused_before_it_is_told(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode({"yields": value})
