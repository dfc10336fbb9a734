"""Rendering: real files, decoded again. Small pictures, so that it stays quick."""

import itertools
from array import array
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from reelbase.media.probe import probe
from reelbase.media.render import Teller, render
from reelbase.media.spec import Refused, RenderSpec

QUIET = Teller(lambda progress: None)
PROMPT = "A lighthouse at dawn, waves breaking. A lone gull circles the harbour."

ODD_PROMPTS = {
    "one letter": "a",
    "ten thousand letters": "The quick brown fox. " * 476,
    "one endless word": "x" * 10_000,
    "emoji": "😀🔥👩‍👩‍👧‍👦🇹🇭 ❤️",
    "filter language": "100% {x} %s \\N 'q' \"d\" : ; [in] drawtext=text=foo,scale=2 $(id) `id`",
    "lines": "one\n\ntwo\r\nthree\tfour",
    "controls": "a\x00b\x1b[31mc\x07",
    "invisible": "a\u200bb\u202e\ufeffc",
    "lone surrogate": "x\ud800y",
    "Thai": "สวัสดีชาวโลก " * 60,
    "Arabic": "منارة عند الفجر (hello) 123 " * 9,
    "Chinese": "黎明时的灯塔" * 100,
    "Khmer, which has no voice": "ប្រភាគារ",
    "all at once": "Hello สวัสดี مرحبا 你好 नमस्ते שלום 😀 Привет",
    "nothing but marks": "\u0301\u0301",
    "private use": "\U000f0000\ue000",
    "markup": "<speak><audio src='file:///etc/passwd'/></speak> [[foo]] &amp;",
    "nothing to say": "... --- ...",
}


def order(text: str = PROMPT, **changes: Any) -> RenderSpec:
    fields: dict[str, Any] = {
        "task": "film",
        "aspect_ratio": None,
        "resolution": "144p",
        "seconds": 3.0,
        "count": 1,
        "style": None,
        "draft": False,
        "parameters": {},
    }
    return RenderSpec.checked(text=text, **(fields | changes))


def rendered(folder: Path, spec: RenderSpec) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / render(spec, folder, QUIET).outputs[0]["file"]


def frames(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def samples(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        pieces = [p for f in container.decode(audio=0) for p in resampler.resample(f)]
    return [s / 32768 for p in pieces for s in array("h", bytes(p.planes[0])[: 2 * p.samples])]


def difference(a: Image.Image, b: Image.Image) -> float:
    """The mean distance of two pictures, in levels of 255."""
    return sum(ImageStat.Stat(ImageChops.difference(a, b)).mean) / 3


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendered(tmp_path_factory.mktemp("film"), order())


def test_film_has_one_picture_and_one_sound_stream_of_the_ordered_length(film: Path) -> None:
    with av.open(str(film)) as container:
        streams = [(s.type, s.codec_context.codec.canonical_name) for s in container.streams]
        assert streams == [("video", "h264"), ("audio", "aac")]
        video = container.streams.video[0]
        assert (video.width, video.height, video.pix_fmt) == (256, 144, "yuv420p")
        assert video.average_rate == 25
        assert container.streams.audio[0].rate == 48_000
    info = probe(film)
    assert (info.mime_type, info.kind, info.has_audio) == ("video/mp4", "video", True)
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    assert info.duration_ms == pytest.approx(3000, abs=60)
    assert len(frames(film)) == 75


def test_film_plays_before_it_is_loaded_whole(film: Path) -> None:
    content = film.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_film_has_a_thumbnail_of_its_own_colours(film: Path) -> None:
    thumbnail = film.with_suffix(".jpg")
    assert probe(thumbnail).mime_type == "image/jpeg"
    shown = Image.open(thumbnail).resize((256, 144)).convert("RGB")
    assert min(difference(shown, frame) for frame in frames(film)) < 8


def test_film_moves_and_carries_words(film: Path) -> None:
    pictures = frames(film)
    assert all(difference(a, b) > 0.05 for a, b in itertools.pairwise(pictures[5:70:5]))
    words = pictures[30].convert("L").crop((0, 72, 256, 144))
    assert words.getextrema()[1] > 220


def test_film_speaks_at_a_sane_loudness(film: Path) -> None:
    heard = samples(film)
    assert max(map(abs, heard)) < 0.99
    loud = sorted(heard, key=abs)[-len(heard) // 4 :]
    assert 0.04 < (sum(s * s for s in loud) / len(loud)) ** 0.5 < 0.5


def test_film_without_a_voice_is_quieter_but_not_silent(tmp_path: Path, film: Path) -> None:
    quiet = samples(rendered(tmp_path, order(parameters={"voice": "none"}, seconds=1.0)))
    assert 0.005 < max(map(abs, quiet)) < 0.6 * max(map(abs, samples(film)))


def test_same_order_gives_the_same_bytes(tmp_path: Path, film: Path) -> None:
    assert rendered(tmp_path, order()).read_bytes() == film.read_bytes()


def test_two_prompts_give_visibly_different_films(tmp_path: Path, film: Path) -> None:
    other = rendered(tmp_path, order("A robot tends a garden on a distant planet. It hums."))
    pairs = list(zip(frames(film), frames(other), strict=True))[::10]
    assert min(difference(a, b) for a, b in pairs) > 10


def test_another_seed_gives_another_film(tmp_path: Path, film: Path) -> None:
    other = rendered(tmp_path, order("Tea", seconds=1.0, parameters={"seed": 1}))
    first = rendered(tmp_path / "first", order("Tea", seconds=1.0))
    assert difference(frames(first)[12], frames(other)[12]) > 3


@pytest.mark.parametrize("style", ["noir", "neon", "watercolor", "vintage", "poster"])
def test_style_changes_the_look_and_says_its_name(tmp_path: Path, style: str) -> None:
    spec = order(task="still", style=style)
    output = render(spec, tmp_path, QUIET).outputs[0]
    assert output["style"] == style
    plain = rendered(tmp_path / "plain", order(task="still"))
    assert difference(Image.open(tmp_path / output["file"]), Image.open(plain)) > 5


def test_unknown_style_always_gets_the_same_look(tmp_path: Path) -> None:
    first = render(order(task="still", style="Ukiyo-e №7"), tmp_path, QUIET)
    assert first == render(order(task="still", style="Ukiyo-e №7"), tmp_path, QUIET)


def test_upright_film_is_upright(tmp_path: Path) -> None:
    info = probe(rendered(tmp_path, order(aspect_ratio="9:16", seconds=1.0, draft=True)))
    assert (info.width, info.height) == (144, 256)


def test_stills_are_as_many_as_ordered_and_all_different(tmp_path: Path) -> None:
    spec = order(task="still", count=4, aspect_ratio="1:1")
    outputs = render(spec, tmp_path, QUIET).outputs
    pictures = [Image.open(tmp_path / output["file"]) for output in outputs]
    assert [(p.format, p.size) for p in pictures] == [("PNG", (144, 144))] * 4
    assert all(difference(a, b) > 3 for a, b in itertools.combinations(pictures, 2))
    assert all(probe(tmp_path / o["thumbnail"]).mime_type == "image/jpeg" for o in outputs)


def test_voice_over_speaks_all_of_the_prompt(tmp_path: Path) -> None:
    short = probe(rendered(tmp_path, order("One.", task="voice")))
    long = probe(rendered(tmp_path, order("One two three four five six seven.", task="voice")))
    assert (short.mime_type, short.kind, short.audio_codec) == ("audio/mpeg", "audio", "mp3")
    assert short.duration_ms is not None
    assert long.duration_ms is not None
    assert 200 < short.duration_ms < long.duration_ms / 2


def test_voice_over_leaves_only_the_file(tmp_path: Path) -> None:
    rendered(tmp_path, order("One.", task="voice"))
    assert [path.name for path in tmp_path.iterdir()] == ["voice.mp3"]


def test_voices_differ_by_language(tmp_path: Path) -> None:
    english = rendered(tmp_path / "en", order("Radio", task="voice")).read_bytes()
    german = order("Radio", task="voice", parameters={"voice": "de"})
    assert rendered(tmp_path / "de", german).read_bytes() != english


@pytest.mark.parametrize("task", ["film", "voice"])
def test_unknown_voice_is_refused(tmp_path: Path, task: str) -> None:
    with pytest.raises(Refused) as refusal:
        render(order(task=task, parameters={"voice": "xx-none"}), tmp_path, QUIET)
    assert refusal.value.code == "unknown_voice"


@pytest.mark.parametrize(
    ("text", "code"), [("ប្រភាគារ", "unsupported_language"), ("...", "unspeakable")]
)
def test_what_cannot_be_spoken_is_no_voice_over(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        render(order(text, task="voice"), tmp_path, QUIET)
    assert refusal.value.code == code


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u202e"])
def test_empty_prompt_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused) as refusal:
        render(order(text), tmp_path, QUIET)
    assert refusal.value.code == "empty_prompt"


@pytest.mark.parametrize("name", ODD_PROMPTS)
def test_odd_prompts_become_films(tmp_path: Path, name: str) -> None:
    spec = order(ODD_PROMPTS[name], seconds=1.0, draft=True)
    info = probe(rendered(tmp_path, spec))
    assert (info.width, info.height, info.has_audio) == (256, 144, True)
    assert info.duration_ms == pytest.approx(1000, abs=60)


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    seen: list[int] = []
    render(order(seconds=1.0, draft=True), tmp_path, Teller(seen.append))
    assert seen == sorted(seen)
    assert seen[0] < 10
    assert 75 < seen[-1] <= 100
