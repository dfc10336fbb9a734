"""Generated pictures to put behind the words: eight compositions drawn from a seed.

A backdrop has two layers, so that the near one can pass in front of the far one. Shapes are drawn
as masks of twice the size and reduced, which is how they get smooth edges.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from reelbase.media.looks import Colour, Look, Palette, mix

__all__ = ["COMPOSITIONS", "Backdrop", "paint"]

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Backdrop:
    """`back` is RGB; `front` is RGBA of the same size, or None when nothing stands near."""

    back: Image.Image
    front: Image.Image | None


class _Canvas:
    """A picture in which lengths are shares of its height, and x runs from 0 to `ratio`."""

    def __init__(self, size: tuple[int, int], palette: Palette, random: Random) -> None:
        self.size = size
        self.unit = size[1]
        self.ratio = size[0] / size[1]
        self.palette = palette
        self.random = random
        self.back = Image.new("RGB", size)
        self.front: Image.Image | None = None
        self.short = min(1.0, self.ratio)

    def sky(self, top: Colour, low: Colour, horizon: float = 1.0) -> None:
        """From `top` at the upper edge to `low` at the horizon and below."""
        ramp = Image.linear_gradient("L").resize((8, max(2, int(self.unit * horizon))))
        column = Image.new("L", (8, self.unit), 255)
        column.paste(ramp, (0, 0))
        mask = column.resize(self.size)
        self.back.paste(low, (0, 0, *self.size))
        self.back.paste(Image.new("RGB", self.size, top), (0, 0), ImageChops.invert(mask))

    def mask(self, draw: Callable[[ImageDraw.ImageDraw, float], None]) -> Image.Image:
        large = Image.new("L", (self.size[0] * 2, self.size[1] * 2))
        draw(ImageDraw.Draw(large), self.unit * 2.0)
        return large.reduce(2)

    def fill(
        self, mask: Image.Image, colour: Colour, low: Colour | None = None, near: bool = False
    ) -> None:
        """Paint through a mask: one colour, or a gradient from `colour` down to `low`."""
        paint = Image.new("RGB", self.size, colour)
        box = mask.getbbox()
        if low is not None and box is not None:
            ramp = Image.linear_gradient("L").resize((self.size[0], max(1, box[3] - box[1])))
            paint.paste(low, (0, box[1]), ramp)
        if near:
            if self.front is None:
                self.front = Image.new("RGBA", self.size, (*colour, 0))
            alpha = ImageChops.lighter(self.front.getchannel("A"), mask)
            solid = self.front.convert("RGB")
            solid.paste(paint, (0, 0), mask)
            solid.putalpha(alpha)
            self.front = solid
        else:
            self.back.paste(paint, (0, 0), mask)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """A soft light around a point, added to what is there."""
        side = max(2, round(2 * radius * self.unit))
        light = ImageChops.invert(Image.radial_gradient("L")).point(
            [round(strength * 255 * (max(0.0, v / 255 - 0.29) / 0.71) ** 1.7) for v in range(256)]
        )
        light = light.resize((side, side), Image.Resampling.BICUBIC)
        left, top = round(x * self.unit - side / 2), round(y * self.unit - side / 2)
        mask = Image.new("L", self.size)
        mask.paste(light, (left, top))
        self.back = ImageChops.screen(
            self.back,
            Image.composite(Image.new("RGB", self.size, colour), Image.new("RGB", self.size), mask),
        )

    def disc(self, x: float, y: float, radius: float) -> Image.Image:
        def draw(pen: ImageDraw.ImageDraw, unit: float) -> None:
            pen.ellipse(_around(x * unit, y * unit, radius * unit), fill=255)

        return self.mask(draw)

    def spot(self, at: Point, radius: float, colour: Colour, *, level: float, near: bool) -> None:
        """A disc of light out of focus: see-through, with a brighter rim."""
        side = round(2 * radius * self.unit) + 4
        large = Image.new("L", (2 * side, 2 * side))
        pen = ImageDraw.Draw(large)
        pen.ellipse((2, 2, 2 * side - 3, 2 * side - 3), fill=round(255 * min(1.0, level * 1.7)))
        rim = max(2.0, side * 0.06)
        pen.ellipse(
            (2 + rim, 2 + rim, 2 * side - 3 - rim, 2 * side - 3 - rim), fill=round(255 * level)
        )
        mask = large.reduce(2)
        place = round(at[0] * self.unit) - side // 2, round(at[1] * self.unit) - side // 2
        if near:
            whole = Image.new("L", self.size)
            whole.paste(mask, place)
            self.fill(whole, colour, near=True)
        else:
            self.back.paste(colour, (*place, place[0] + side, place[1] + side), mask)

    def below(self, ridge: Sequence[Point]) -> Image.Image:
        """Everything under a line."""

        def draw(pen: ImageDraw.ImageDraw, unit: float) -> None:
            points = [(x * unit, y * unit) for x, y in ridge]
            pen.polygon([*points, (self.ratio * unit, unit), (0, unit)], fill=255)

        return self.mask(draw)

    def stars(self, count: int, bottom: float) -> None:
        random = self.random
        spots = [
            (random.uniform(0, self.ratio), random.uniform(0, bottom) ** 1.2, random.random() ** 4)
            for _ in range(count)
        ]

        def draw(pen: ImageDraw.ImageDraw, unit: float) -> None:
            for x, y, size in spots:
                radius = unit * (0.0008 + 0.0022 * size)
                pen.ellipse(_around(x * unit, y * unit, radius), fill=round(110 + 145 * size))

        self.fill(self.mask(draw), self.palette.light)

    def ridge(self, base: float, height: float, rough: float, step: float = 0.01) -> list[Point]:
        """A hill line: a few waves, each half as high and about twice as quick as the last."""
        random = self.random
        waves = [
            (
                height * rough**k,
                random.uniform(0.8, 1.5) * 2.1**k * 1.6,
                random.uniform(0, math.tau),
            )
            for k in range(6)
        ]
        count = int(self.ratio / step) + 2
        return [
            (k * step, base - sum(a * math.sin(f * k * step + p) for a, f, p in waves))
            for k in range(count)
        ]


def _shifted(mask: Image.Image, x: int, y: int) -> Image.Image:
    moved = Image.new("L", mask.size)
    moved.paste(mask, (x, y))
    return moved


def _around(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius


def _sun(canvas: _Canvas, y: tuple[float, float], radius: float) -> Point:
    random, palette = canvas.random, canvas.palette
    x = canvas.ratio * random.choice((random.uniform(0.22, 0.4), random.uniform(0.6, 0.8)))
    height = random.uniform(*y)
    radius *= canvas.short
    canvas.glow(x, height, radius * 6.5, mix(palette.glow, palette.light, 0.5), 0.75)
    canvas.fill(
        canvas.disc(x, height, radius), palette.light, mix(palette.light, palette.glow, 0.35)
    )
    return x, height


def _hills(canvas: _Canvas) -> None:
    palette, random = canvas.palette, canvas.random
    canvas.sky(palette.sky, palette.glow, 0.68)
    _sun(canvas, (0.3, 0.46), 0.075)
    for k in range(4):
        share = k / 3
        colour = mix(
            mix(palette.far, palette.glow, 0.45), mix(palette.far, palette.near, 0.65), share
        )
        line = canvas.ridge(0.55 + 0.09 * k, 0.045 + 0.012 * k, 0.5)
        canvas.fill(canvas.below(line), colour, mix(colour, palette.glow, 0.3 * (1 - share)))
    line = canvas.ridge(random.uniform(0.86, 0.9), 0.05, 0.52)
    canvas.fill(canvas.below(line), mix(palette.near, palette.far, 0.12), palette.near, near=True)


def _peaks(canvas: _Canvas) -> None:
    palette, random = canvas.palette, canvas.random
    canvas.sky(palette.sky, palette.glow, 0.72)
    canvas.stars(90, 0.4)
    _sun(canvas, (0.2, 0.34), 0.055)
    for k in range(3):
        base, tall = 0.76 + 0.07 * k, 0.44 - 0.11 * k
        tops: list[Point] = []
        x = -random.uniform(0.1, 0.4)
        while x < canvas.ratio + 0.6:
            tops.append((x, base - tall * random.uniform(0.0, 0.22)))
            x += random.uniform(0.22, 0.4)
            tops.append((x, base - tall * random.uniform(0.6, 1.0)))
            x += random.uniform(0.22, 0.44)
        share = k / 2
        colour = mix(
            mix(palette.far, palette.glow, 0.3), mix(palette.far, palette.near, 0.7), share
        )
        body = canvas.below(_jagged(tops, random, 0.012))
        canvas.fill(body, colour, mix(colour, palette.glow, 0.35 * (1 - share)))
        peaks = list(zip(tops[1::2], tops[0::2], tops[2::2], strict=False))
        shadows = [
            [top, right, ((top[0] * 3 + left[0]) / 4, 1.0), (top[0] - 0.01, top[1] + 0.1)]
            for top, left, right in peaks
        ]
        shade = ImageChops.multiply(canvas.mask(_polygons(shadows)), body)
        canvas.fill(shade.point([round(v * 0.3) for v in range(256)]), palette.near)
        if k < 2:
            caps = [_snow(random, *peak) for peak in peaks]
            snow = ImageChops.multiply(canvas.mask(_polygons(caps)), body)
            snow = snow.point([round(v * (0.8 - 0.25 * k)) for v in range(256)])
            canvas.fill(snow, mix(palette.light, palette.glow, 0.15))
    line = _jagged(canvas.ridge(0.9, 0.03, 0.5, 0.06), random, 0.01)
    canvas.fill(canvas.below(line), mix(palette.near, palette.far, 0.1), palette.near, near=True)


def _jagged(points: Sequence[Point], random: Random, size: float) -> list[Point]:
    result = list(points)
    for _ in range(3):
        finer: list[Point] = [result[0]]
        for (xa, ya), (xb, yb) in pairwise(result):
            finer += [((xa + xb) / 2, (ya + yb) / 2 + random.uniform(-size, size)), (xb, yb)]
        result = finer
        size *= 0.55
    return result


def _snow(random: Random, top: Point, left: Point, right: Point) -> list[Point]:
    """The white cap of a mountain: its tip, with a ragged lower edge."""
    depth = random.uniform(0.26, 0.36)
    west = (top[0] + (left[0] - top[0]) * depth, top[1] + (left[1] - top[1]) * depth)
    east = (top[0] + (right[0] - top[0]) * depth, top[1] + (right[1] - top[1]) * depth)
    edge = []
    for k in range(1, 6):
        drop = (top[1] - (west[1] + east[1]) / 2) * (0.35 if k % 2 else -0.25)
        share = k / 6
        edge.append(
            (east[0] + (west[0] - east[0]) * share, east[1] + (west[1] - east[1]) * share + drop)
        )
    return [(top[0], top[1] - 0.02), (east[0] + 0.01, east[1]), *edge, (west[0] - 0.01, west[1])]


def _sea(canvas: _Canvas) -> None:
    palette, random = canvas.palette, canvas.random
    horizon = random.uniform(0.5, 0.56)
    canvas.sky(palette.sky, palette.glow, horizon)
    x, _ = _sun(canvas, (horizon - 0.2, horizon - 0.05), 0.09)
    water = canvas.below([(0, horizon), (canvas.ratio, horizon)])
    canvas.fill(water, mix(palette.glow, palette.far, 0.55), mix(palette.far, palette.near, 0.75))
    glints = []
    for k in range(150):
        depth = (k / 150) ** 1.5
        y = horizon + 0.006 + depth * (0.98 - horizon)
        spread = (0.05 + 0.3 * depth) * canvas.short
        width = random.uniform(0.3, 1.0) * (0.03 + 0.09 * depth) * canvas.short
        glints.append((x + random.gauss(0, 0.55) * spread, y, width, 0.0012 + 0.004 * depth))

    def draw(pen: ImageDraw.ImageDraw, unit: float) -> None:
        for at, y, width, height in glints:
            box = (
                (at - width) * unit,
                (y - height) * unit,
                (at + width) * unit,
                (y + height) * unit,
            )
            pen.ellipse(box, fill=190)

    canvas.fill(canvas.mask(draw), mix(palette.light, palette.glow, 0.2))
    if random.random() < 0.7:  # a headland
        side = 0.0 if x > canvas.ratio / 2 else canvas.ratio
        reach = canvas.ratio * random.uniform(0.3, 0.42)
        land = [
            (side + (0.5 - abs(side > 0)) * 2 * reach * k / 24, horizon - 0.2 * (1 - k / 24) ** 1.3)
            for k in range(25)
        ]
        land = _jagged(land if side == 0 else land[::-1], random, 0.012)

        def coast(pen: ImageDraw.ImageDraw, unit: float) -> None:
            feet = [(land[-1][0], horizon + 0.006), (land[0][0], horizon + 0.006)]
            pen.polygon([(px * unit, py * unit) for px, py in [*land, *feet]], fill=255)

        canvas.fill(canvas.mask(coast), mix(palette.far, palette.near, 0.55))
    for k in range(2):
        line = canvas.ridge(0.84 + 0.09 * k, 0.016 + 0.008 * k, 0.6)
        colour = mix(palette.far, palette.near, 0.62 + 0.3 * k)
        canvas.fill(canvas.below(line), mix(colour, palette.glow, 0.12), colour, near=True)


def _city(canvas: _Canvas) -> None:
    palette, random = canvas.palette, canvas.random
    canvas.sky(palette.sky, palette.glow, 0.8)
    canvas.stars(60, 0.4)
    _sun(canvas, (0.24, 0.4), 0.07)
    for k in range(3):
        near = k == 2
        share = k / 2
        colour = mix(mix(palette.far, palette.glow, 0.3), palette.near, 0.15 + 0.8 * share)
        blocks: list[tuple[float, float, float, float]] = []
        windows: list[tuple[float, float, float, float]] = []
        x = -random.uniform(0, 0.08)
        while x < canvas.ratio:
            width = random.uniform(0.05, 0.12) * (1 + 0.35 * k)
            top = (0.62 + 0.11 * k) - random.random() ** 1.6 * (0.36 - 0.06 * k)
            blocks.append((x, top, x + width, 1.0))
            if random.random() < 0.35:
                blocks.append((x + width * 0.3, top - 0.03, x + width * 0.7, top))
            if random.random() < 0.18:
                blocks.append((x + width * 0.48, top - 0.09, x + width * 0.52, top))
            cell = 0.016 * (1 + 0.4 * k)
            rows, lanes = int((0.97 - top) / cell), int(width / cell)
            for row in range(1, rows):
                for lane in range(lanes):
                    if random.random() < 0.16 + 0.06 * k:
                        left = x + (lane + 0.3) * width / max(1, lanes)
                        high = top + row * cell
                        windows.append((left, high, left + cell * 0.42, high + cell * 0.52))
            x += width + random.uniform(0.0, 0.02)

        canvas.fill(canvas.mask(_boxes(blocks)), colour, mix(colour, palette.near, 0.5), near=near)
        lit = canvas.mask(_boxes(windows)).point([round(v * (0.35 + 0.25 * k)) for v in range(256)])
        canvas.fill(lit, mix(palette.light, palette.glow, 0.25), near=near)


def _boxes(
    boxes: Sequence[tuple[float, float, float, float]],
) -> Callable[[ImageDraw.ImageDraw, float], None]:
    def draw(pen: ImageDraw.ImageDraw, unit: float) -> None:
        for box in boxes:
            pen.rectangle([side * unit for side in box], fill=255)

    return draw


def _woods(canvas: _Canvas) -> None:
    palette, random = canvas.palette, canvas.random
    canvas.sky(palette.sky, palette.glow, 0.75)
    _sun(canvas, (0.26, 0.42), 0.065)
    for k in range(5):
        near = k == 4
        share = k / 4
        colour = mix(mix(palette.far, palette.glow, 0.55), palette.near, share**0.8)
        ground = canvas.ridge(0.66 + 0.075 * k, 0.03, 0.5)
        trees: list[list[Point]] = []
        x = -0.02
        while x < canvas.ratio + 0.05:
            index = min(len(ground) - 1, max(0, int(x / 0.01)))
            tall = (0.11 + 0.05 * k) * random.uniform(0.55, 1.25)
            trees.append(_fir(x, ground[index][1] + 0.02, tall))
            x += random.uniform(0.35, 1.0) * (0.045 + 0.02 * k)

        mask = ImageChops.lighter(canvas.below(ground), canvas.mask(_polygons(trees)))
        canvas.fill(mask, colour, mix(colour, palette.glow, 0.32 * (1 - share)), near=near)


def _fir(x: float, foot: float, tall: float) -> list[Point]:
    right: list[Point] = []
    tiers = 5
    for tier in range(tiers):
        top, low = tier / tiers, (tier + 1) / tiers
        right += [(0.012 + 0.1 * top, top + 0.01), (0.035 + 0.2 * low, low)]
    left = [(-a, b) for a, b in reversed(right)]
    return [(x + a * tall, foot - tall + b * tall) for a, b in [(0.0, 0.0), *right, *left]]


def _polygons(shapes: Sequence[Sequence[Point]]) -> Callable[[ImageDraw.ImageDraw, float], None]:
    def draw(pen: ImageDraw.ImageDraw, unit: float) -> None:
        for shape in shapes:
            pen.polygon([(x * unit, y * unit) for x, y in shape], fill=255)

    return draw


def _cosmos(canvas: _Canvas) -> None:
    palette, random = canvas.palette, canvas.random
    canvas.sky(mix(palette.sky, (0, 0, 0), 0.55), mix(palette.near, palette.far, 0.4))
    for _ in range(3):
        at = random.uniform(0, canvas.ratio), random.uniform(0, 0.8)
        canvas.glow(*at, random.uniform(0.5, 0.9), mix(palette.far, palette.glow, 0.3), 0.5)
    canvas.stars(420, 1.0)
    radius = random.uniform(0.2, 0.27) * canvas.short
    x, y = canvas.ratio * random.uniform(0.55, 0.78), random.uniform(0.28, 0.42)
    canvas.glow(x, y, radius * 2.6, palette.glow, 0.6)
    planet = canvas.disc(x, y, radius)
    canvas.fill(planet, palette.glow, mix(palette.glow, palette.far, 0.7))
    for k in range(7):  # bands of cloud
        level = y - radius + (k + random.random()) * radius * 2 / 7
        band = canvas.below(canvas.ridge(level, 0.008, 0.5))
        band = ImageChops.subtract(band, _shifted(band, 0, round(radius * canvas.unit * 0.11)))
        band = ImageChops.multiply(band, planet).point([round(v * 0.35) for v in range(256)])
        canvas.fill(band, palette.light if k % 2 else palette.far)
    angle = random.uniform(0.9, 2.2)
    offset = round(math.cos(angle) * radius * canvas.unit), round(-radius * canvas.unit * 0.3)
    lit = _shifted(planet, *offset).filter(ImageFilter.GaussianBlur(canvas.unit * 0.045))
    shade = ImageChops.subtract(planet, lit).point([round(v * 0.85) for v in range(256)])
    canvas.fill(shade, mix(palette.near, (0, 0, 0), 0.4))
    moon = radius * random.uniform(0.14, 0.22)
    at = x - radius * random.uniform(1.5, 2.0), y + radius * random.uniform(0.3, 0.8)
    canvas.fill(canvas.disc(*at, moon), palette.light, palette.far)
    ground = canvas.ridge(0.93, 0.025, 0.55)
    canvas.fill(canvas.below(ground), mix(palette.near, palette.far, 0.2), palette.near, near=True)


def _lights(canvas: _Canvas) -> None:
    palette, random = canvas.palette, canvas.random
    canvas.sky(palette.sky, mix(palette.far, palette.near, 0.3))
    canvas.glow(
        canvas.ratio * random.uniform(0.2, 0.8), random.uniform(0.2, 0.6), 0.9, palette.glow, 0.6
    )
    for k in range(34):
        radius = random.uniform(0.02, 0.11) * (0.6 + 0.4 * canvas.short)
        at = random.uniform(0, canvas.ratio), random.uniform(0, 0.85)
        level = random.uniform(0.08, 0.38)
        colour = mix(palette.glow, palette.light, random.random())
        canvas.spot(at, radius, colour, level=level, near=k > 26)


def _ribbons(canvas: _Canvas) -> None:
    palette, random = canvas.palette, canvas.random
    canvas.sky(mix(palette.sky, palette.near, 0.4), mix(palette.sky, palette.far, 0.7))
    canvas.stars(160, 0.6)
    tilt = random.uniform(-0.25, 0.25)
    for k in range(6):
        middle = 0.18 + 0.11 * k
        line = canvas.ridge(middle, 0.06, 0.45)
        line = [(x, y + tilt * (x - canvas.ratio / 2)) for x, y in line]
        band = canvas.below(line)
        thick = round(canvas.unit * random.uniform(0.12, 0.22))
        band = ImageChops.subtract(band, _shifted(band, 0, thick))
        fade = Image.linear_gradient("L").resize((8, canvas.unit)).resize(canvas.size)
        band = ImageChops.multiply(band, ImageChops.invert(fade))
        band = band.point([round(v * 0.75) for v in range(256)])
        colour = mix(palette.glow, palette.light, random.random() * 0.7)
        canvas.fill(band, colour, palette.far)
    line = canvas.ridge(0.9, 0.04, 0.5)
    canvas.fill(canvas.below(line), mix(palette.near, palette.far, 0.15), palette.near, near=True)


_PAINTERS: dict[str, Callable[[_Canvas], None]] = {
    "hills": _hills,
    "peaks": _peaks,
    "sea": _sea,
    "city": _city,
    "woods": _woods,
    "cosmos": _cosmos,
    "lights": _lights,
    "ribbons": _ribbons,
}

COMPOSITIONS = tuple(_PAINTERS)
"""The names that :func:`paint` knows."""


def paint(
    composition: str, palette: Palette, look: Look, size: tuple[int, int], seed: int
) -> Backdrop:
    """Paint one backdrop of `size` pixels; the same arguments give the same pixels."""
    random = Random(seed)
    canvas = _Canvas(size, palette, random)
    _PAINTERS[composition](canvas)
    back = _treat(canvas.back, look, random)
    front = canvas.front
    if front is not None:
        treated = _treat(front.convert("RGB"), look, random)
        treated.putalpha(front.getchannel("A"))
        front = treated
    return Backdrop(back, front)


def _treat(image: Image.Image, look: Look, random: Random) -> Image.Image:
    size = image.size
    if look.bloom:
        small = image.reduce(8).point([max(0, v - 110) * 255 // 145 for v in range(256)] * 3)
        small = small.filter(ImageFilter.GaussianBlur(size[1] / 8 * 0.04)).resize(size)
        small = small.point([round(v * look.bloom) for v in range(256)] * 3)
        image = ImageChops.screen(image, small)
    if look.soften:
        image = image.filter(ImageFilter.GaussianBlur(look.soften * size[1] / 250))
    if look.saturation != 1.0:
        image = ImageEnhance.Color(image).enhance(look.saturation)
    if look.contrast != 1.0:
        image = ImageEnhance.Contrast(image).enhance(look.contrast)
    if look.tint is not None:
        image = ImageChops.multiply(image, Image.new("RGB", size, look.tint))
    if look.levels:
        flat = image.filter(ImageFilter.GaussianBlur(size[1] / 280))
        flat = flat.quantize(look.levels, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        image = flat.convert("RGB").filter(ImageFilter.GaussianBlur(size[1] / 1000))
    if look.lift:
        image = Image.blend(image, Image.new("RGB", size, (250, 246, 236)), look.lift)
    return _grain(image, look.grain, random)


def _grain(image: Image.Image, strength: int, random: Random) -> Image.Image:
    """Noise of a few levels: the film's grain, and what keeps smooth skies from banding."""
    if not strength:
        return image
    width, height = image.size
    noise = Image.frombytes("L", (width, height), random.randbytes(width * height))
    noise = noise.point([round(v / 255 * strength) for v in range(256)])
    return ImageChops.add(image, Image.merge("RGB", (noise,) * 3), 1.0, -(strength // 2))
