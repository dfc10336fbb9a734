"""Strangers' pictures: upright, in plain colours, within bounds, or refused by their name."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from reelbase.media.sources import load_picture
from reelbase.media.spec import Refused, Source

RED, BLUE = (255, 0, 0), (0, 0, 255)


def load(path: Path, longest: int = 200) -> Image.Image:
    return load_picture(Source("reference_image", str(path), "Image 3"), longest)


def near(image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    pixel = image.getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 24 for a, b in zip(pixel, colour, strict=True))


def halves(mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (60, 40), RED)
    image.paste(BLUE, (30, 0, 60, 40))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("form", "mode"),
    [("PNG", "RGB"), ("PNG", "P"), ("PNG", "RGBA"), ("JPEG", "RGB"), ("JPEG", "CMYK"),
     ("WEBP", "RGB"), ("GIF", "P")],
)  # fmt: skip
def test_every_kind_of_picture_shows_its_colours(tmp_path: Path, form: str, mode: str) -> None:
    halves(mode).save(tmp_path / "picture", form)
    image = load(tmp_path / "picture")
    assert (image.mode, image.size) == ("RGB", (60, 40))
    assert near(image, (10, 20), RED)
    assert near(image, (50, 20), BLUE)


def test_grey_of_sixteen_bits_keeps_its_tones(tmp_path: Path) -> None:
    Image.new("I;16", (9, 9), 0x8000).save(tmp_path / "grey.png")
    assert near(load(tmp_path / "grey.png"), (4, 4), (128, 128, 128))


def test_picture_that_was_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera's right side was down
    halves().save(tmp_path / "turned.jpg", exif=exif)
    image = load(tmp_path / "turned.jpg")
    assert image.size == (40, 60)
    assert near(image, (20, 10), RED)
    assert near(image, (20, 50), BLUE)


def test_moving_picture_shows_its_first_moment(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:])
    assert near(load(tmp_path / "moving.webp"), (5, 5), RED)


def test_what_is_see_through_is_laid_on_white(tmp_path: Path) -> None:
    Image.new("LA", (8, 8), (0, 0)).save(tmp_path / "clear.png")
    assert near(load(tmp_path / "clear.png"), (4, 4), (255, 255, 255))


def test_large_picture_is_reduced(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 300)).save(tmp_path / "large.jpg")
    assert load(tmp_path / "large.jpg").size == (200, 20)


@pytest.mark.parametrize("place", ["exif", "icc_profile"])
def test_nonsense_beside_the_picture_does_not_matter(tmp_path: Path, place: str) -> None:
    nonsense = {"exif": b"Exif\0\0MM\0*\xff\xff\xff\xff", "icc_profile": bytes(4000)}
    halves().save(tmp_path / "odd.jpg", **{place: nonsense[place]})
    assert near(load(tmp_path / "odd.jpg"), (10, 20), RED)


def bomb(side: int) -> bytes:
    """A PNG that says that it is very large, in a hundred bytes."""
    chunks = [
        b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0),
        b"IDAT" + zlib.compress(bytes(1000)),
        b"IEND",
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bomb(50_000), "input_too_large"),
        (bomb(10_001), "input_too_large"),
        (b"", "input_wrong_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "input_wrong_type"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "input_wrong_type"),
        (b"\x89PNG\r\n\x1a\n" + b"garbage" * 9, "input_unreadable"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "input_unreadable"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(20), "input_unreadable"),
    ],
)
def test_what_is_no_picture_is_refused_by_its_name(
    tmp_path: Path, content: bytes, code: str
) -> None:
    (tmp_path / "picture.png").write_bytes(content)
    with pytest.raises(Refused) as refused:
        load(tmp_path / "picture.png")
    assert refused.value.code == code
    assert refused.value.message.startswith("Image 3 ")


def test_picture_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    Image.effect_noise((99, 99), 90).save(tmp_path / "half.png")
    content = (tmp_path / "half.png").read_bytes()
    (tmp_path / "half.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(Refused, match="damaged"):
        load(tmp_path / "half.png")
