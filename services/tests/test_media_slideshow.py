"""The user's pictures as a film: which is seen when, and what is heard and written meanwhile."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from clips import heard, turns, write_clip
from PIL import Image, ImageStat

from reelbase.media.probe import probe
from reelbase.media.render import Teller, render
from reelbase.media.spec import Refused, RenderSpec, Source

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 220)}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Source, ...]:
    folder = tmp_path_factory.mktemp("pictures")
    sizes = {"red": (320, 180), "green": (300, 220), "blue": (90, 200)}
    for name, colour in COLOURS.items():
        Image.new("RGB", sizes[name], colour).save(folder / f"{name}.png")
    return tuple(
        Source("reference_image", str(folder / f"{name}.png"), f"Image {number}")
        for number, name in enumerate(COLOURS, 1)
    )


def order(sources: tuple[Source, ...], text: str = "Three colours.", **changes: Any) -> RenderSpec:
    fields: dict[str, Any] = {
        "task": "slideshow",
        "aspect_ratio": None,
        "resolution": "144p",
        "seconds": None,
        "count": 1,
        "style": None,
        "draft": True,
        "parameters": {"durations": [0.6, 1.0, 0.6], "voice": "none", "caption": False},
        "roles": [source.role for source in sources],
    }
    return replace(RenderSpec.checked(text=text, **(fields | changes)), sources=sources)


def rendered(folder: Path, spec: RenderSpec) -> Path:
    folder.mkdir(exist_ok=True)
    (output,) = render(spec, folder, Teller(lambda _: None)).outputs
    assert output["role"] == "result_video"
    return folder / output["file"]


def seen(path: Path) -> list[str]:
    """What colour the middle of each frame has most of; "" while one turns into another."""
    names = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            middle = ImageStat.Stat(frame.to_image().crop((118, 62, 138, 82))).mean
            distances = {
                name: sum(abs(a - b) for a, b in zip(middle, colour, strict=True))
                for name, colour in COLOURS.items()
            }
            best = min(distances, key=lambda name: distances[name])
            names.append(best if distances[best] < 40 else "")
    return names


def test_each_picture_is_seen_in_order_for_its_time(
    tmp_path: Path, pictures: tuple[Source, ...]
) -> None:
    parameters = {"durations": [0.6, 1.0, 0.6], "transition": "none", "voice": "none"}
    path = rendered(tmp_path, order(pictures, parameters=parameters | {"caption": False}))
    assert seen(path) == ["red"] * 15 + ["green"] * 25 + ["blue"] * 15
    info = probe(path)
    assert (info.width, info.height, info.has_audio) == (256, 144, True)
    assert info.duration_ms == pytest.approx(2200, abs=60)


def test_pictures_fade_into_one_another_and_the_film_gets_no_longer(
    tmp_path: Path, pictures: tuple[Source, ...]
) -> None:
    names = seen(rendered(tmp_path, order(pictures)))
    assert len(names) == 55
    assert (names[3], names[27], names[-3]) == ("red", "green", "blue")
    assert "" in names[12:18]
    assert "" in names[37:43]


def test_time_is_divided_evenly_where_nothing_is_said(
    tmp_path: Path, pictures: tuple[Source, ...]
) -> None:
    parameters = {"transition": "none", "voice": "none", "caption": False}
    path = rendered(tmp_path, order(pictures, seconds=1.2, parameters=parameters))
    assert seen(path) == ["red"] * 10 + ["green"] * 10 + ["blue"] * 10


def test_same_order_gives_the_same_bytes(tmp_path: Path, pictures: tuple[Source, ...]) -> None:
    spec = order(pictures[1:], parameters={"durations": [0.5, 0.5], "voice": "none"})
    first = rendered(tmp_path / "first", spec).read_bytes()
    assert rendered(tmp_path / "second", spec).read_bytes() == first


def test_prompt_is_written_over_the_pictures_unless_it_is_not_wanted(
    tmp_path: Path, pictures: tuple[Source, ...]
) -> None:
    def lightest(caption: bool) -> int:
        parameters = {"durations": [1.0], "voice": "none", "caption": caption}
        path = rendered(tmp_path, order(pictures[2:], "สวัสดี", parameters=parameters))
        with av.open(str(path)) as container:
            frame = list(container.decode(video=0))[20].to_image().convert("L")
        extrema = frame.crop((0, 100, 256, 144)).getextrema()
        return int(extrema[1])

    assert lightest(True) > 200
    assert lightest(False) < 120


def test_sound_that_was_given_is_the_voice(tmp_path: Path, pictures: tuple[Source, ...]) -> None:
    film = write_clip(tmp_path / "voice.mp4", [(0.5, 1.0)], 9.0, times=[0])
    voice = Source("source_audio", str(film), "The sound")
    path = rendered(tmp_path, order((*pictures, voice)))
    begin, end = turns(heard(path))
    assert (begin, end) == (pytest.approx(0.5, abs=0.06), pytest.approx(1.0, abs=0.06))


def test_picture_that_cannot_be_read_is_named_before_anything_is_drawn(
    tmp_path: Path, pictures: tuple[Source, ...]
) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"garbage" * 9)
    bad = Source("reference_image", str(tmp_path / "bad.png"), "Image 4")
    spec = order((*pictures, bad), parameters={})
    read: list[str] = []
    with pytest.raises(Refused, match="Image 4 is damaged"):
        render(spec, tmp_path, Teller(lambda _: None, read.append))
    assert [name for name in read if name] == ["Image 1", "Image 2", "Image 3", "Image 4"]
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"parameters": {"durations": [1.0, 2.0]}}, "parameters.durations"),
        ({"parameters": {"durations": [1.0, 2.0, 0.1]}}, "parameters.durations"),
        ({"parameters": {"durations": "1"}}, "parameters.durations"),
        ({"parameters": {"durations": [1.0, 1.0, 1.0]}, "seconds": 9.0}, "parameters.durations"),
        ({"parameters": {"transition": "wipe"}}, "parameters.transition"),
        ({"parameters": {"caption": "no"}}, "parameters.caption"),
        ({"roles": []}, "inputs"),
        ({"roles": ["reference_image"] * 21}, "inputs"),
        ({"task": "autocut", "parameters": {}}, "inputs"),
        (
            {"task": "autocut", "roles": ["source_video"], "parameters": {"keep_seconds": 9}},
            "parameters.keep_seconds",
        ),
        ({"task": "character", "parameters": {"views": 1}}, "parameters.views"),
        ({"task": "character", "parameters": {"name": 7}}, "parameters.name"),
    ],
)
def test_what_cannot_be_made_is_refused_by_its_field(
    pictures: tuple[Source, ...], changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        order(pictures, **changes)
    assert refused.value.message.startswith(f"{field}: ")


def test_order_with_pictures_survives_its_journey(pictures: tuple[Source, ...]) -> None:
    spec = order(pictures)
    assert RenderSpec.from_json(spec.to_json()) == spec
