"""The animatic: scenes with their words, drawn as moving frames.

A scene is a still of two layers that a camera passes over, a darkening towards the words, and the
words themselves, line by line. Everything is cut, blended and painted on luma and chroma planes,
so that nothing is converted per frame and nothing but the scenes at hand is in memory.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageFilter

from reelbase.media.backdrops import Backdrop, paint
from reelbase.media.encode import Planes, planes_of
from reelbase.media.fonts import Block, draw_line, lay_out
from reelbase.media.shots import Shot
from reelbase.media.spec import FPS

__all__ = ["Scene", "Span", "Still", "film_frames", "painted", "poster", "schedule", "spans_of"]

Box = tuple[float, float, float, float]

Span = tuple[str, int, int]
"""Words, and when they are there: the first frame and the end."""


def _part_of(box: Box, part: int) -> Box:
    return box[0] / part, box[1] / part, box[2] / part, box[3] / part


_MARGIN = 1.14  # how much larger than the frame a still is, so that the camera can move
_FADE = 0.5  # seconds of cross-fade
_SUBTITLE = 0.058
_BLACK, _WHITE, _GREY = 16, 235, 128  # limited range


@dataclass(frozen=True, slots=True)
class Scene:
    """A place in the film: first frame and number of frames (fades included)."""

    first: int
    frames: int
    fade_in: int
    fade_out: int


class _Words:
    """A caption, laid out for a frame: its lines as masks, and the shade that lies under them."""

    def __init__(self, text: str, size: tuple[int, int], largest: float) -> None:
        width, height = size
        short = min(width, height)
        shares = (0.115, 0.1, 0.088, 0.076, 0.066, 0.058, 0.05, 0.044, 0.038)
        sizes = [max(8, round(short * share)) for share in shares if share <= largest]
        margin = round(width * 0.07)
        area = height * (0.42 if width >= height else 0.36)
        self.block: Block = lay_out(text, sizes=sizes, width=width - 2 * margin, height=int(area))
        block = self.block
        self.pad = max(2, block.size // 4)
        self.top = height - round(height * 0.09) - block.height
        self.lines: list[tuple[Image.Image, Image.Image, int, int]] = []
        for number, line in enumerate(block.lines):
            mask = draw_line(block, line, self.pad)
            shadow = mask.filter(ImageFilter.GaussianBlur(block.size / 9))
            shadow = shadow.point([min(255, round(v * 0.8)) for v in range(256)])
            x = width - margin - round(line.width) if block.rtl else margin
            self.lines.append(
                (mask, shadow, x - self.pad, self.top + number * block.pitch - self.pad)
            )
        rule = max(2, block.size // 10)
        left = width - margin - block.size if block.rtl else margin
        self.rule = (left, self.top - round(block.size * 0.42), left + block.size, rule)
        # Dark towards the lower edge, from well above the words.
        start = max(0, self.top - round(height * 0.3))
        ramp = (
            Image.linear_gradient("L").resize((8, height - start)).resize((width, height - start))
        )
        self.shade = ramp.point([round(190 * (1 - (1 - v / 255) ** 2) ** 1.5) for v in range(256)])
        self.shade_top = start


def _largest(caption: str) -> float:
    """The size of type, as a share of the shorter side, that a caption of its own picture gets."""
    return 0.115 if len(caption) < 60 else 0.088


def _even(value: float) -> int:
    return round(value / 2) * 2


class Still:
    """A picture as planes, larger than the frame, and the way the camera takes over it.

    `path` are two boxes on the picture, the first and the last frame; everything between is
    interpolated. `drift` is how far the near layer, if there is one, moves against the far one.
    """

    def __init__(
        self,
        size: tuple[int, int],
        backdrop: Backdrop,
        path: tuple[Box, Box],
        drift: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        large = backdrop.back.size
        self.size = size
        self.back = planes_of(backdrop.back)
        self.path = path
        self.drift = drift
        self.front: Planes | None = None
        self.alpha: Image.Image | None = None
        self.front_top = 0
        if backdrop.front is None:
            return
        alpha = backdrop.front.getchannel("A")
        box = alpha.getbbox() or (0, large[1] - 2, large[0], large[1])
        self.front_top = box[1] // 2 * 2
        crop = (0, self.front_top, large[0], large[1])
        self.front = planes_of(backdrop.front.convert("RGB").crop(crop))
        self.alpha = alpha.crop(crop)

    def frame(self, share: float) -> Planes:
        """The picture at a point of the scene, 0 to 1."""
        a, b = self.path
        rest = 1 - share
        box = (
            a[0] * rest + b[0] * share,
            a[1] * rest + b[1] * share,
            a[2] * rest + b[2] * share,
            a[3] * rest + b[3] * share,
        )
        planes = tuple(
            plane.resize(
                (self.size[0] // part, self.size[1] // part),
                Image.Resampling.BILINEAR,
                box=_part_of(box, part),
            )
            for plane, part in zip(self.back, (1, 2, 2), strict=True)
        )
        if self.front is not None and self.alpha is not None:
            self._pass_front(planes, box, share)
        return planes[0], planes[1], planes[2]

    def _pass_front(self, planes: Sequence[Image.Image], box: Box, share: float) -> None:
        assert self.front is not None
        assert self.alpha is not None
        width, height = self.size
        # The near layer moves against the far one, within the still.
        slide = self.drift[0] * (share - 0.5) * 2
        left = min(max(0.0, box[0] - slide), self.alpha.size[0] - (box[2] - box[0]))
        right = left + (box[2] - box[0])
        scale = (box[3] - box[1]) / height
        row = max(0, int((self.front_top - box[1]) / scale) // 2 * 2 + 2)
        top = max(0.0, box[1] + row * scale - self.front_top)
        low = min(box[3] - self.front_top, float(self.alpha.size[1]))
        if low - top < 4 or height - row < 4:
            return
        target = (width, height - row)
        half = (width // 2, (height - row) // 2)
        region = (left, top, right, low)
        alpha = self.alpha.resize(target, Image.Resampling.BILINEAR, box=region)
        small = alpha.resize(half, Image.Resampling.BOX)
        for plane, source, part in zip(planes, self.front, (1, 2, 2), strict=True):
            piece = source.resize(
                target if part == 1 else half,
                Image.Resampling.BILINEAR,
                box=_part_of(region, part),
            )
            plane.paste(piece, (0, row // part), alpha if part == 1 else small)


def painted(shot: Shot, size: tuple[int, int], draft: bool) -> Still:
    """Paint a shot, larger than the frame."""
    large = _even(size[0] * _MARGIN), _even(size[1] * _MARGIN)
    backdrop: Backdrop = paint(shot.composition, shot.palette, shot.look, large, shot.seed)
    if draft and backdrop.front is not None:
        backdrop.back.paste(backdrop.front, (0, 0), backdrop.front)
        backdrop = Backdrop(backdrop.back, None)
    random = Random(shot.seed)
    width, height = size
    space_x, space_y = large[0] - width, large[1] - height
    along = random.choice((-1, 1))
    near = random.uniform(0.93, 0.97)
    zooms = (1.0, near) if random.random() < 0.7 else (near, 1.0)
    boxes = []
    for zoom, place in zip(zooms, (0.5 - 0.42 * along, 0.5 + 0.42 * along), strict=True):
        w, h = width * zoom, height * zoom
        x = (large[0] - w) * min(1.0, max(0.0, place))
        y = (large[1] - h) * (0.72 if zoom == 1.0 else 0.8)
        boxes.append((x, y, x + w, y + h))
    drift = -along * min(space_x * 0.5, width * 0.03), min(space_y * 0.2, height * 0.012)
    return Still(size, backdrop, (boxes[0], boxes[1]), drift)


def _paint_words(planes: Planes, words: _Words, age: float, left: float) -> None:
    """Lay the words over a frame, `age` seconds after they came and `left` before they go."""
    leaving = min(1.0, max(0.0, left / 0.3))
    shading = min(1.0, age / 0.35 + 0.25) * min(1.0, 0.35 + leaving)
    _tint(planes, words.shade, (0, words.shade_top), _BLACK, shading)
    x, y, x_end, thick = words.rule
    grown = round((x_end - x) * _ease(age / 0.5))
    if grown > 1 and leaving > 0:
        begin = x_end - grown if words.block.rtl else x
        bar = Image.new("L", (grown, thick), 255)
        _tint(planes, bar, (begin, y), _WHITE, leaving)
    for number, (mask, shadow, x, y) in enumerate(words.lines):
        come = _ease((age - 0.12 * number) / 0.45)
        strength = come * leaving
        if strength <= 0.0:
            continue
        rise = round((1 - come) * words.block.size * 0.35)
        _tint(planes, shadow, (x, y + rise), _BLACK, strength**3)
        _tint(planes, mask, (x, y + rise), _WHITE, strength)


def _ease(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return 1 - (1 - share) ** 3


def _tint(
    planes: Planes, mask: Image.Image, at: tuple[int, int], luma: int, strength: float
) -> None:
    """Paint a colourless tone through a mask."""
    if strength < 0.999:
        mask = mask.point([round(v * strength) for v in range(256)])
    planes[0].paste(luma, (*at, at[0] + mask.width, at[1] + mask.height), mask)
    x, y = at[0] // 2, at[1] // 2
    # The mask on the chroma grid: pad so that an odd place does not shift it.
    shifted = mask
    if at[0] % 2 or at[1] % 2:
        shifted = Image.new("L", (mask.width + at[0] % 2, mask.height + at[1] % 2))
        shifted.paste(mask, (at[0] % 2, at[1] % 2))
    small = shifted.reduce(2)
    for plane in planes[1:]:
        plane.paste(_GREY, (x, y, x + small.width, y + small.height), small)


def schedule(seconds: Sequence[float], fade: float = _FADE) -> list[Scene]:
    """Place scenes of the given lengths one after another, each fading into the next."""
    scenes: list[Scene] = []
    ends: list[int] = []
    total = 0.0
    for length in seconds:
        total += length
        ends.append(max(round(total * FPS), ends[-1] + 1 if ends else 1))
    begins = [0, *ends[:-1]]
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        half = min(round(FPS * fade) // 2, (end - begin) // 3)
        if fade:
            half = max(1, half)
        lead = half if number else 0
        tail = half if number < len(begins) - 1 else 0
        scenes.append(Scene(begin - lead, end - begin + lead + tail, 2 * lead, 2 * tail))
    return scenes


def film_frames(
    scenes: Sequence[Scene],
    spans: Sequence[Span],
    size: tuple[int, int],
    paint_scene: Callable[[int], Still],
    *,
    subtitles: bool = False,
) -> Iterator[Planes]:
    """All frames in order; a still is painted ahead of its scene and dropped after it.

    With `subtitles` the words are small, because the pictures are what the film is about.
    """
    stills: dict[int, Future[Still]] = {}
    words: dict[str, _Words] = {}
    count = max(scene.first + scene.frames for scene in scenes)
    with ThreadPoolExecutor(2) as painters, ThreadPoolExecutor(2) as workers:

        def still(number: int) -> Future[Still]:
            if number not in stills:
                stills[number] = painters.submit(paint_scene, number)
            return stills[number]

        def compose(at: int, showing: Sequence[tuple[int, Future[Still]]]) -> Planes:
            planes: Planes | None = None
            for number, future in showing:
                scene = scenes[number]
                picture = future.result().frame((at - scene.first) / max(1, scene.frames - 1))
                if planes is None:
                    planes = picture
                else:
                    share = (at - scene.first + 1) / (scene.fade_in + 1)
                    y, u, v = (
                        Image.blend(a, b, share) for a, b in zip(planes, picture, strict=True)
                    )
                    planes = y, u, v
            assert planes is not None
            for caption, first, end in spans:
                if first <= at < end:
                    left = 9.0 if end >= count else (end - at) / FPS
                    _paint_words(planes, words[caption], (at - first) / FPS, left)
            return planes

        waiting: deque[Future[Planes]] = deque()
        for at in range(count):
            showing = [
                number
                for number, scene in enumerate(scenes)
                if scene.first <= at < scene.first + scene.frames
            ]
            for caption, first, _ in spans:
                if first == at:
                    words[caption] = _Words(
                        caption, size, _SUBTITLE if subtitles else _largest(caption)
                    )
            pairs = [(number, still(number)) for number in showing]
            if showing[-1] + 1 < len(scenes):
                still(showing[-1] + 1)
            for number in [n for n in stills if n < showing[0]]:
                del stills[number]
            waiting.append(workers.submit(compose, at, pairs))
            if len(waiting) >= 4:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def spans_of(captions: Sequence[str], scenes: Sequence[Scene]) -> list[Span]:
    """When each caption is there, one a scene. The same words twice running stay."""
    spans: list[Span] = []
    for number, (caption, scene) in enumerate(zip(captions, scenes, strict=True)):
        first = scene.first + scene.fade_in // 2
        end = scene.first + scene.frames - (scene.fade_out // 2 if number < len(scenes) - 1 else 0)
        if spans and spans[-1][0] == caption:
            spans[-1] = (caption, spans[-1][1], end)
        else:
            spans.append((caption, first, end))
    return spans


def poster(shot: Shot, size: tuple[int, int]) -> Image.Image:
    """One still with its words, as RGB."""
    backdrop = paint(shot.composition, shot.palette, shot.look, size, shot.seed)
    image = backdrop.back
    if backdrop.front is not None:
        image.paste(backdrop.front, (0, 0), backdrop.front)
    words = _Words(shot.caption, size, _largest(shot.caption))
    image.paste((6, 7, 12), (0, words.shade_top), words.shade)
    x, y, x_end, thick = words.rule
    image.paste(shot.palette.light, (x, y, x_end, y + thick))
    for mask, shadow, x, y in words.lines:
        image.paste((0, 0, 0), (x, y), shadow)
        image.paste((255, 255, 255), (x, y), mask)
    return image
