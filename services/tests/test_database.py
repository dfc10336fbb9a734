"""How the services read what the database answers."""

import uuid
from typing import Any

from structlog.testing import capture_logs

from reelbase.database import Task, read_task


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


def test_claimed_row_becomes_a_task() -> None:
    good = row()
    task = read_task(good)
    assert isinstance(task, Task)
    assert (task.job_id, task.prompt) == (good["job_id"], "a secret wish")


def test_row_in_unknown_form_is_passed_over_and_logged_without_its_prompt() -> None:
    bad = row(attempt="many")
    with capture_logs() as logs:
        assert read_task(bad) is None
    (line,) = logs
    assert (line["event"], line["job_id"], line["places"]) == (
        "unknown_form",
        bad["job_id"],
        ["attempt"],
    )
    assert "secret wish" not in str(line)
