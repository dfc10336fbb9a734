"""The user's pictures as scenes of a film: framed, and a camera that moves over each.

A picture of nearly the frame's shape fills it, and the camera pans along what is left over. One of
another shape is shown whole, before a blurred copy of itself.
"""

from random import Random

from PIL import Image, ImageEnhance, ImageFilter

from reelbase.media.backdrops import Backdrop
from reelbase.media.film import Box, Still
from reelbase.media.sources import load_picture
from reelbase.media.spec import Source

__all__ = ["shown"]

_FILLING = 0.7  # the share of a picture that must be seen for it to fill the frame
_ROOM = 1.12  # how much larger than the frame the widest view is
_NEAR = 0.9  # the nearest view, as a share of the widest
_WHOLE = 0.86  # the height or width of a picture shown whole, as a share of the widest view
_LONGEST_SHARE = 2  # the longer side of a picture in memory, in longer sides of the frame
_DIM = 0.5


def shown(source: Source, size: tuple[int, int], seed: int) -> Still:
    """Frame a picture for a film of `size` pixels. The same seed moves the camera the same way.

    Raises:
        Refused: see `load_picture`.
    """
    random = Random(seed)
    wide = _even(size[0] * _ROOM), _even(size[1] * _ROOM)
    picture = load_picture(source, _LONGEST_SHARE * max(wide))
    ratio = (picture.width / picture.height) / (wide[0] / wide[1])
    if min(ratio, 1 / ratio) < _FILLING:
        framed = _whole(picture, wide)
        return Still(size, Backdrop(framed, None), _approach(framed.size, wide, random, pan=0.0))
    scale = max(wide[0] / picture.width, wide[1] / picture.height)
    large = _even(picture.width * scale), _even(picture.height * scale)
    large = max(large[0], wide[0]), max(large[1], wide[1])
    framed = picture.resize(large, Image.Resampling.LANCZOS)
    return Still(size, Backdrop(framed, None), _approach(large, wide, random, pan=0.35))


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)


def _whole(picture: Image.Image, wide: tuple[int, int]) -> Image.Image:
    """The picture, all of it, before a dim blurred copy that fills the frame."""
    scale = max(wide[0] / picture.width, wide[1] / picture.height)
    covered = picture.width * scale, picture.height * scale
    part = wide[0] / covered[0] * picture.width, wide[1] / covered[1] * picture.height
    left, top = (picture.width - part[0]) / 2, (picture.height - part[1]) / 2
    small = max(2, wide[0] // 8), max(2, wide[1] // 8)
    behind = picture.resize(
        small, Image.Resampling.BOX, box=(left, top, left + part[0], top + part[1])
    )
    behind = behind.filter(ImageFilter.GaussianBlur(min(small) / 16))
    framed = ImageEnhance.Brightness(behind).enhance(_DIM).resize(wide, Image.Resampling.BICUBIC)
    fit = min(wide[0] * _WHOLE / picture.width, wide[1] * _WHOLE / picture.height)
    whole = picture.resize(
        (max(1, round(picture.width * fit)), max(1, round(picture.height * fit))),
        Image.Resampling.LANCZOS,
    )
    at = (wide[0] - whole.width) // 2, (wide[1] - whole.height) // 2
    depth = max(2, min(wide) // 60)
    shade = Image.new("L", wide)
    shade.paste(170, (at[0], at[1] + depth // 2, at[0] + whole.width, at[1] + whole.height + depth))
    framed.paste((0, 0, 0), (0, 0), shade.filter(ImageFilter.GaussianBlur(depth)))
    framed.paste(whole, at)
    return framed


def _approach(
    large: tuple[int, int], wide: tuple[int, int], random: Random, *, pan: float
) -> tuple[Box, Box]:
    """From the widest view to the nearest, or back, along what the widest leaves over."""
    forth = random.random() < 0.6
    zooms = (1.0, _NEAR) if forth else (_NEAR, 1.0)
    along = random.choice((-1, 1))
    boxes: list[Box] = []
    for zoom, way in zip(zooms, (-along, along), strict=True):
        w, h = wide[0] * zoom, wide[1] * zoom
        # Sideways or up and down: wherever there is room beyond the widest view.
        x = (large[0] - w) * (0.5 + (pan * way if large[0] > wide[0] else 0.0))
        y = (large[1] - h) * (0.5 + (pan * way if large[1] > wide[1] else 0.0))
        boxes.append((x, y, x + w, y + h))
    return boxes[0], boxes[1]
