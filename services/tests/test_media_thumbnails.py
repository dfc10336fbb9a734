"""Thumbnails, where something is in the way of making them."""

from pathlib import Path

import pytest

from reelbase.media.thumbnails import make_thumbnail

pytestmark = pytest.mark.anyio


async def test_process_that_cannot_be_started_costs_no_more_than_the_thumbnail(
    tmp_path: Path,
) -> None:
    """What was made is there, and paid for; no folder stands for no memory, or no process."""
    assert not await make_thumbnail(tmp_path / "film.mp4", tmp_path / "gone" / "thumbnail.jpg")
