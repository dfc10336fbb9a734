"""Cutting silence: what is heard stays, in step with what is seen, and hostile films end politely.

The films are white exactly while they beep, so that a look and a listen tell whether both agree.
"""

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from clips import heard, lit, turns, write_clip
from PIL import Image

from reelbase.media.autocut import Report, autocut
from reelbase.media.probe import probe
from reelbase.media.spec import Cuts, Refused, Source

LOUD = [(0.6, 1.4), (2.6, 3.2)]
CUTS = Cuts(min_silence=0.5, threshold_db=-35.0, keep=0.12)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("talk") / "talk.mp4", LOUD, 4.0)


def cut(
    film: Path, folder: Path, cuts: Cuts = CUTS, thumbnail: Callable[[Image.Image], None] = print
) -> tuple[Path, Report]:
    path = folder / "cut.mp4"
    source = Source("source_video", str(film), "The video")
    return path, autocut(source, cuts, path, draft=True, report=lambda _: None, thumbnail=thumbnail)


def refusal(film: Path, folder: Path) -> Refused:
    with pytest.raises(Refused) as refused:
        cut(film, folder)
    assert refused.value.message.startswith("The video ")
    assert str(folder) not in refused.value.message
    return refused.value


def in_step(path: Path) -> bool:
    """Whether it gets white and black when it gets loud and silent, twice."""
    seen, sounding = turns(lit(path)), turns(heard(path))
    assert len(seen) == len(sounding) == 4
    return all(abs(a - b) <= 0.05 for a, b in zip(seen, sounding, strict=True))


def test_silence_is_cut_and_what_is_heard_stays(talk: Path, tmp_path: Path) -> None:
    path, report = cut(talk, tmp_path)
    assert report.source_seconds == pytest.approx(4.0, abs=0.1)
    assert report.cuts == 3
    # What stays: both beeps, and 0.12 seconds on either side of each (AAC blurs where they begin).
    assert report.source_seconds - report.cut_seconds == pytest.approx(1.92, abs=0.16)
    assert sum(loud for _, loud in heard(path)) * 0.02 == pytest.approx(1.4, abs=0.08)
    assert sum(white for _, white in lit(path)) == pytest.approx(35, abs=1)


def test_picture_and_sound_stay_in_step(talk: Path, tmp_path: Path) -> None:
    path, _ = cut(talk, tmp_path)
    assert in_step(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"times": [0, 0.2, 0.6, 0.64, 0.7, 1.1, 1.4, 1.9, 2.6, 2.7, 3.2, 3.5]},
        {"late": 0.5},
        {"late": 0.5, "times": [0, 0.6, 1.4, 2.6, 3.2]},
    ],
    ids=["varying rate", "late sound", "late sound and few frames"],
)
def test_odd_timing_stays_in_step(tmp_path: Path, changes: dict[str, object]) -> None:
    film = write_clip(tmp_path / "odd.mp4", LOUD, 4.0, **changes)
    path, _ = cut(film, tmp_path)
    assert in_step(path)


@pytest.mark.parametrize(
    ("loud", "sound"),
    [([], True), ([(0.0, 9.0)], True), ([(0.2, 0.4)], False)],
    ids=["silent throughout", "never silent", "mute"],
)
def test_film_without_silence_or_sound_comes_back_whole(
    tmp_path: Path, loud: list[tuple[float, float]], sound: bool
) -> None:
    film = write_clip(tmp_path / "film.mp4", loud, 1.0, sound=sound)
    path, report = cut(film, tmp_path)
    assert (report.cut_seconds, report.cuts) == (0.0, 0)
    assert len(lit(path)) == pytest.approx(25, abs=2)
    assert probe(path).has_audio == sound


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_turned_film_comes_out_upright(tmp_path: Path, turn: int) -> None:
    film = write_clip(tmp_path / "t.mp4", [(0.0, 1.0)], 0.4, turn=turn, right=True, sound=False)
    pictures: list[Image.Image] = []
    path, _ = cut(film, tmp_path, thumbnail=pictures.append)
    width, height = (64, 48) if turn == 180 else (48, 64)
    assert (probe(path).width, probe(path).height) == (width, height)
    # The white half, which was on the right, goes round with the picture, against the clock.
    places = {90: (24, 8), 180: (8, 24), -90: (24, 56)}
    opposite = width - 1 - places[turn][0], height - 1 - places[turn][1]
    shown = pictures[0].convert("L")
    assert shown.getpixel(places[turn]) > 200
    if turn != 180:
        assert shown.getpixel((24, 64 - places[turn][1])) < 50
    assert shown.getpixel(opposite) < 50


def test_same_film_gives_the_same_bytes(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first, _ = cut(talk, tmp_path)
    again, _ = cut(talk, tmp_path / "again")
    assert first.read_bytes() == again.read_bytes()


def test_shorter_silence_than_ordered_is_left(talk: Path, tmp_path: Path) -> None:
    _, report = cut(talk, tmp_path, Cuts(min_silence=5.0, threshold_db=-35.0, keep=0.1))
    assert report.cuts == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\x89PNG\r\n\x1a\n" + bytes(99),
        b"RIFF\xff\xff\xff\xffWAVEjunk",
    ],
)
def test_what_is_no_film_is_refused_by_its_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "film.mp4").write_bytes(content)
    assert refusal(tmp_path / "film.mp4", tmp_path).code == "input_wrong_type"


def test_film_of_garbage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom" + b"\xff" * 999)
    assert refusal(tmp_path / "film.mp4", tmp_path).code == "input_unreadable"


def test_film_without_pictures_is_refused(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        piece = av.AudioFrame(format="s16", layout="mono", samples=1024)
        piece.sample_rate = 48_000
        container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    assert "no pictures" in refusal(film, tmp_path).message


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_film_of_ten_hours_is_refused_before_it_is_decoded(tmp_path: Path, name: str) -> None:
    film = write_clip(tmp_path / name, [], 0.2, times=[0, 1, 36000], sound=False)
    assert refusal(film, tmp_path).code == "input_too_long"


def test_sound_of_ten_hours_is_refused(tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mkv", [], 36000.2, late=36000.0, times=[0.0])
    assert refusal(film, tmp_path).code == "input_too_long"


def test_film_that_is_too_large_is_refused(tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mp4", [], 0.1, size=(4098, 16), times=[0], sound=False)
    verdict = refusal(film, tmp_path)
    assert verdict.code == "input_too_large"
    assert "4098 × 16" in verdict.message


def test_film_that_was_cut_off_is_worked_on_to_where_it_ends(tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mkv", [(0.0, 4.0)], 4.0)
    content = film.read_bytes()
    film.write_bytes(content[: len(content) * 2 // 3])
    _, report = cut(film, tmp_path)
    assert 0.5 < report.source_seconds < 4.0
