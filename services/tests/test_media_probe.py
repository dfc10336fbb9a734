"""Probing: what a file is, and what is no media file however it is named."""

import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from standins.media import TINY_MP4

from reelbase.media.probe import (
    LARGE_BYTES,
    MAX_IMAGE_BYTES,
    MediaInfo,
    Unreadable,
    probe,
    probe_apart,
)


@pytest.mark.parametrize(
    ("form", "mime_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_images_are_told_by_content(tmp_path: Path, form: str, mime_type: str) -> None:
    path = tmp_path / "picture.mp4"
    Image.new("RGB", (31, 17)).save(path, form)
    assert probe(path) == MediaInfo(mime_type, "image", 31, 17)


def test_wav_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "sound"
    data = bytes(2 * 8000)
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1,
                         8000, 16000, 2, 16)  # fmt: skip
    path.write_bytes(header + struct.pack("<4sI", b"data", len(data)) + data)
    info = probe(path)
    assert (info.mime_type, info.kind, info.duration_ms) == ("audio/wav", "audio", 1000)
    assert info.has_audio
    assert info.audio_codec == "pcm_s16le"


def test_picture_of_more_bytes_than_are_stored_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "picture.webp"
    Image.new("RGB", (31, 17)).save(path, "WEBP")
    with path.open("r+b") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    with pytest.raises(Unreadable, match="larger"):
        probe(path)


def test_large_film_is_looked_into_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(TINY_MP4 + struct.pack(">I4s", LARGE_BYTES, b"free"))
    os.truncate(path, len(TINY_MP4) + LARGE_BYTES)
    assert probe_apart(path) == probe(path)


def test_film_with_a_title_of_a_gigabyte_takes_no_memory_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    size = 1 << 30
    handler = struct.pack(">I4s", 33, b"hdlr") + b"\0" * 8 + b"mdirappl" + b"\0" * 9
    title = struct.pack(">I4sI4sII", size + 24, b"\xa9nam", size + 16, b"data", 1, 0)
    titles = struct.pack(">I4s", size + 32, b"ilst") + title
    meta = struct.pack(">I4sI", size + 77, b"meta", 0) + handler + titles
    path.write_bytes(TINY_MP4 + meta)
    os.truncate(path, path.stat().st_size + size)
    with pytest.raises(Unreadable):
        probe_apart(path)


@pytest.mark.parametrize(
    ("codec", "rate"), [(0x7777, 8000), (1, 1)], ids=["unknown codec", "longer than a month"]
)
def test_sound_that_nobody_can_play_is_refused(tmp_path: Path, codec: int, rate: int) -> None:
    path = tmp_path / "sound.wav"
    size = 3_000_000
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, codec, 1,
                         rate, rate, 1, 8)  # fmt: skip
    path.write_bytes(header + struct.pack("<4sI", b"data", size) + bytes(size))
    with pytest.raises(Unreadable):
        probe(path)


def test_a_picture_beyond_reason_is_refused_from_its_header(tmp_path: Path) -> None:
    body = struct.pack(">4sIIBBBBB", b"IHDR", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = struct.pack(">4s", b"IDAT") + zlib.compress(b"")
    chunk += struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(Unreadable):
        probe(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x89PNG\r\n\x1a\n" + b"garbage" * 9,
        b"\x00\x00\x00\x18ftypisom" + b"\xff" * 200,
        b"ID3" + b"\x00" * 100,
        b"RIFF\xff\xff\xff\xffWAVEjunk",
        b"\x1a\x45\xdf\xa3" + b"\x00" * 50,
    ],
)
def test_what_is_no_media_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        probe(path)
