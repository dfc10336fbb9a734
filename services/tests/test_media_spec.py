"""Orders: sizes, limits, and parameters that name what is wrong with them."""

from typing import Any

import pytest

from reelbase.media.spec import Refused, RenderSpec, frame_size


def order(**changes: Any) -> RenderSpec:
    fields: dict[str, Any] = {
        "task": "film",
        "text": "A lighthouse at dawn",
        "aspect_ratio": None,
        "resolution": None,
        "seconds": None,
        "count": 1,
        "style": None,
        "draft": False,
        "parameters": {},
    }
    return RenderSpec.checked(**(fields | changes))


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [
        ("16:9", "720p", (1280, 720)),
        ("9:16", "720p", (720, 1280)),
        ("16:9", "480p", (854, 480)),
        ("16:9", "1080p", (1920, 1080)),
        ("1:1", "1080p", (1080, 1080)),
        ("4:5", "720p", (720, 900)),
        ("4:3", "720p", (960, 720)),
        ("21:9", "1080p", (2520, 1080)),
    ],
)
def test_sizes_are_exact_and_even(ratio: str, resolution: str, size: tuple[int, int]) -> None:
    assert frame_size(ratio, resolution) == size


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aspect_ratio": "wide"}, "unsupported_aspect_ratio"),
        ({"aspect_ratio": "100:1"}, "unsupported_aspect_ratio"),
        ({"aspect_ratio": "0:0"}, "unsupported_aspect_ratio"),
        ({"resolution": "720"}, "unsupported_resolution"),
        ({"resolution": "9000p"}, "unsupported_resolution"),
        ({"resolution": "2160p"}, "unsupported_resolution"),
        ({"seconds": 0.2}, "unsupported_duration"),
        ({"seconds": 61}, "unsupported_duration"),
        ({"seconds": float("nan")}, "unsupported_duration"),
        ({"count": 5}, "unsupported_output_count"),
        ({"parameters": {"voice": "../../etc/passwd"}}, "unknown_voice"),
        ({"parameters": {"voice": 3}}, "invalid_parameter"),
        ({"parameters": {"seed": -1}}, "invalid_parameter"),
        ({"parameters": {"seed": True}}, "invalid_parameter"),
    ],
)
def test_what_cannot_be_made_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        order(**changes)
    assert refusal.value.code == code


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(Refused, match=r"parameters\.colour") as refusal:
        order(parameters={"colour": "red"})
    assert refusal.value.code == "invalid_parameter"


def test_order_survives_its_journey() -> None:
    spec = order(text="x\ud800 \n'\"", parameters={"seed": 7, "voice": "th"})
    assert RenderSpec.from_json(spec.to_json()) == spec
    assert "\n" not in spec.to_json()
    assert spec.digest("a") != order(text="x\ud800 \n'\"").digest("a")
