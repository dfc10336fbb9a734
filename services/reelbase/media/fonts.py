"""Setting text in any script: which font has a glyph, which way it runs, where the lines break.

Pillow (Raqm) shapes one run of one font at a time. This module divides a line into such runs and
puts them in visual order: two levels of direction, which is what captions need.
"""

import struct
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from reelbase.media.text import Unit, clusters, script_of, units_of

__all__ = ["Block", "FontsMissing", "Line", "draw_line", "has_glyph", "lay_out"]

_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
_IGNORED = {"\u200b", "\u200c", "\u200d", "\ufe0e", "\ufe0f"}
_SHRINK_FOR_WHOLE_WORDS = 0.6
_TALL = {
    "thai", "lao", "khmer", "myanmar", "arabic", "devanagari", "bengali", "tamil", "telugu",
    "kannada", "malayalam", "sinhala", "gujarati", "gurmukhi", "oriya",
}  # fmt: skip


class FontsMissing(Exception):  # noqa: N818 - says what is wrong
    """The font packages that Reelbase depends on are not installed."""


@dataclass(frozen=True, slots=True)
class Face:
    """One font of one file."""

    path: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    text: str
    face: Face
    rtl: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line in visual order, left to right, and its width in pixels."""

    runs: tuple[Run, ...]
    width: float


@dataclass(frozen=True, slots=True)
class Block:
    """A laid out text: `size` is the height of the type, `pitch` from line to line, in pixels."""

    lines: tuple[Line, ...]
    size: int
    pitch: int
    weight: int
    rtl: bool

    @property
    def width(self) -> float:
        return max(line.width for line in self.lines)

    @property
    def height(self) -> int:
        return self.pitch * len(self.lines)


@lru_cache(maxsize=1)
def _faces() -> tuple[Face, ...]:
    """All fonts in the order in which they are asked for a glyph."""
    try:
        folders = [Path(str(files(package))) for package in _PACKAGES]
    except ModuleNotFoundError as error:
        raise FontsMissing(str(error)) from error
    text, others = folders
    scripts = sorted(
        path
        for path in text.glob("NotoSans*.ttf")
        if not path.name.startswith(("NotoSans[", "NotoSans-Italic", "NotoSansSymbols"))
    )
    ordered = [
        *text.glob("NotoSans[[]wght].ttf"),
        *scripts,
        *text.glob("NotoEmoji*.ttf"),
        *others.glob("*.ttc"),
        *text.glob("NotoSansSymbols*.ttf"),
    ]
    if len(ordered) < len(scripts) + 4:
        raise FontsMissing("a font file is missing")
    return tuple(Face(str(path)) for path in ordered)


@lru_cache(maxsize=64)
def _font(face: Face, size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(face.path, size, index=face.index)
    font.set_variation_by_axes([weight])
    return font


@lru_cache(maxsize=64)
def _coverage(path: str) -> frozenset[int]:
    """The code points for which a TrueType or OpenType file (or collection) has a glyph."""
    with Path(path).open("rb") as file:

        def at(offset: int, size: int) -> bytes:
            file.seek(offset)
            return file.read(size)

        base = struct.unpack(">I", at(12, 4))[0] if at(0, 4) == b"ttcf" else 0
        tables = struct.unpack(">H", at(base + 4, 2))[0]
        for number in range(tables):
            tag, _, start, _ = struct.unpack(">4sIII", at(base + 12 + 16 * number, 16))
            if tag == b"cmap":
                break
        else:
            return frozenset()
        (count,) = struct.unpack(">H", at(start + 2, 2))
        offsets = {
            struct.unpack(">HHI", at(start + 4 + 8 * number, 8))[2] for number in range(count)
        }
        found: set[int] = set()
        for offset in offsets:
            form, _, length = struct.unpack(">HHI", at(start + offset, 8))
            if form == 12:
                body = at(start + offset, length)
                for first, last, _ in struct.iter_unpack(">III", body[16:]):
                    found.update(range(first, last + 1))
            elif form == 4:
                (length,) = struct.unpack(">H", at(start + offset + 2, 2))
                found.update(_format_4(at(start + offset, length)))
        return frozenset(found)


def _format_4(table: bytes) -> list[int]:
    """The mapped code points of a `cmap` subtable of format 4 (OpenType specification, cmap)."""
    segments = struct.unpack(">H", table[6:8])[0] // 2
    words = struct.unpack(f">{len(table) // 2}H", table[: len(table) // 2 * 2])
    ends = words[7 : 7 + segments]
    starts = words[8 + segments : 8 + 2 * segments]
    deltas = words[8 + 2 * segments : 8 + 3 * segments]
    at_offsets = 8 + 3 * segments
    found = []
    for number, (first, last, delta) in enumerate(zip(starts, ends, deltas, strict=True)):
        shift = words[at_offsets + number]
        for point in range(first, min(last, 0xFFFE) + 1):
            place = at_offsets + number + shift // 2 + point - first
            glyph = words[place] if shift and place < len(words) else point + delta
            if glyph % 0x10000:
                found.append(point)
    return found


def has_glyph(cluster: str) -> bool:
    """Whether one of the fonts can draw all of this."""
    return any(_covers(face, cluster) for face in _faces())


def _covers(face: Face, cluster: str) -> bool:
    known = _coverage(face.path)
    return all(char in _IGNORED or ord(char) in known for char in cluster)


def _face_for(cluster: str, previous: Face | None, cjk_index: int) -> Face:
    """The font for a grapheme: the one in use if it can, else the first that can.

    A grapheme that no font has is set in the first font, whose empty box then stands for it.
    """
    faces = _faces()
    if cluster.endswith("\ufe0f") or ("\u200d" in cluster and ord(cluster[0]) > 0x2000):
        faces = tuple(sorted(faces, key=lambda face: "Emoji" not in face.path))
    elif (
        previous is not None
        and "Emoji" not in previous.path  # its space is as wide as an emoji
        and script_of(cluster[0]) is None
        and _covers(previous, cluster)
    ):
        return previous
    found = next((face for face in faces if _covers(face, cluster)), None)
    if found is None:
        found = next((face for face in faces if _covers(face, cluster[0])), _faces()[0])
    if found.path.endswith(".ttc"):
        return Face(found.path, cjk_index)
    return found


def _cjk_index(text: str) -> int:
    """Which member of the collection has the regional forms: Japanese, Korean or Chinese."""
    scripts = {script_of(char) for char in text}
    return 0 if "kana" in scripts else 1 if "hangul" in scripts else 2


def _is_rtl(text: str) -> bool:
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL"):
            return True
        if kind == "L":
            return False
    return False


def _directions(parts: Sequence[str], base: bool) -> list[bool]:
    """Whether each grapheme runs from right to left; what is neutral goes with its neighbours."""
    strong: list[bool | None] = []
    for part in parts:
        kind = unicodedata.bidirectional(part[0])
        strong.append(True if kind in ("R", "AL") else False if kind in ("L", "EN", "AN") else None)
    result: list[bool] = []
    for number, own in enumerate(strong):
        if own is not None:
            result.append(own)
            continue
        before = result[-1] if result else base
        after = next((s for s in strong[number:] if s is not None), base)
        result.append(before if before == after else base)
    return result


def _runs(text: str, base: bool, cjk_index: int) -> tuple[Run, ...]:
    """Divide a line into runs of one font and one direction, in visual order."""
    parts = clusters(text)
    logical: list[Run] = []
    face: Face | None = None
    for part, rtl in zip(parts, _directions(parts, base), strict=True):
        face = _face_for(part, face, cjk_index)
        if logical and logical[-1].face == face and logical[-1].rtl == rtl:
            logical[-1] = Run(logical[-1].text + part, face, rtl)
        else:
            logical.append(Run(part, face, rtl))
    # Runs against the grain are turned among themselves; then all, if the line runs leftwards.
    visual: list[Run] = []
    group: list[Run] = []
    for run in logical:
        if run.rtl != base:
            group.insert(0, run)
        else:
            visual += [*group, run]
            group = []
    visual += group
    return tuple(reversed(visual) if base else visual)


def _run_width(run: Run, size: int, weight: int) -> float:
    return _font(run.face, size, weight).getlength(run.text, direction="rtl" if run.rtl else "ltr")


def _wrap(units: Sequence[Unit], widths: Sequence[float], space: float, limit: float) -> list[str]:
    lines: list[str] = []
    current, used = "", 0.0
    for unit, width in zip(units, widths, strict=True):
        if current and used + width > limit:
            lines.append(current.rstrip())
            current, used = "", 0.0
        current += unit.text + " " * unit.spaced
        used += width + space * unit.spaced
    return [*lines, current.rstrip()]


def _narrowed(text: str, measure: Callable[[str], float], limit: float) -> list[str]:
    """The text, cut between graphemes wherever it would get wider than the limit."""
    if measure(text) <= limit:
        return [text]
    parts = [""]
    for cluster in clusters(text):
        if parts[-1] and measure(parts[-1] + cluster) > limit:
            parts.append("")
        parts[-1] += cluster
    return parts


def _fit(text: str, measure: Callable[[str], float], limit: float) -> tuple[list[str], bool]:
    """Lines no wider than the limit, as even in length as their number allows.

    Also whether a phrase had to be cut where no space is.
    """
    cut = False
    lines: list[str] = []
    for paragraph in text.split("\n"):
        units: list[Unit] = []
        for phrase in units_of(paragraph, phrases=True):
            if measure(phrase.text) <= limit:
                units.append(phrase)
                continue
            cut = True
            pieces = [
                piece
                for unit in units_of(phrase.text)
                for piece in _narrowed(unit.text, measure, limit)
            ]
            units += [Unit(piece, spaced=False) for piece in pieces[:-1]]
            units.append(Unit(pieces[-1], phrase.spaced))
        if not units:
            continue
        widths = [measure(unit.text) for unit in units]
        space = measure(" ")
        best = _wrap(units, widths, space, limit)
        low, high = max(widths), limit
        while high - low > limit / 64:
            middle = (low + high) / 2
            if len(_wrap(units, widths, space, middle)) > len(best):
                low = middle
            else:
                high = middle
        lines += _wrap(units, widths, space, high)
    return lines, cut


def lay_out(
    text: str, *, sizes: Sequence[int], width: int, height: int, weight: int = 700
) -> Block:
    """Set the text in the largest of `sizes` (pixels, falling) with which it fits the area.

    The smallest size is taken when none fits; the caller keeps texts short enough for it.
    """
    cjk_index = _cjk_index(text)
    rtl = _is_rtl(text)
    tall = any(script_of(char) in _TALL for char in text)
    fitting: Block | None = None  # the largest that fits, though it cuts a word
    block: Block | None = None
    for size in sizes:
        if fitting is not None and size < fitting.size * _SHRINK_FOR_WHOLE_WORDS:
            break

        def measure(piece: str, size: int = size) -> float:
            return sum(_run_width(run, size, weight) for run in _runs(piece, rtl, cjk_index))

        texts, cut = _fit(text, measure, width)
        lines = []
        for piece in texts:
            runs = _runs(piece, rtl, cjk_index)
            lines.append(Line(runs, sum(_run_width(run, size, weight) for run in runs)))
        block = Block(tuple(lines), size, round(size * (1.55 if tall else 1.28)), weight, rtl)
        if block.height <= height and block.width <= width:
            if not cut:
                return block
            fitting = fitting or block
    result = fitting or block
    assert result is not None, "sizes is empty"
    return result


def draw_line(block: Block, line: Line, padding: int) -> Image.Image:
    """One line as an 8-bit mask; the baseline lies at `padding + 1.07 * size` from the top."""
    image = Image.new("L", (int(line.width) + 2 * padding + 1, block.pitch + 2 * padding))
    draw = ImageDraw.Draw(image)
    x, baseline = float(padding), padding + round(block.size * 1.07)
    for run in line.runs:
        font = _font(run.face, block.size, block.weight)
        draw.text(
            (x, baseline),
            run.text,
            fill=255,
            font=font,
            anchor="ls",
            direction="rtl" if run.rtl else "ltr",
        )
        x += _run_width(run, block.size, block.weight)
    return image
