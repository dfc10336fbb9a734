"""A character sheet: one figure from several sides, as moves of a sprite, and as a portrait.

The figure is drawn by rule from its description. Where the user gave pictures of somebody, nobody
is drawn: the sheet and the portrait are composed of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from reelbase.media.backdrops import paint
from reelbase.media.figures import POSES, Traits, described, figure, traits_of
from reelbase.media.fonts import draw_line, lay_out
from reelbase.media.looks import Palette, mix
from reelbase.media.shots import plan_shots
from reelbase.media.spec import RenderSpec
from reelbase.media.text import clean, shortened

__all__ = ["Drawn", "draw_character"]

# From the sides that matter most to those that matter least, in degrees.
_SIDES = (0, 180, 90, 45, 270, 315, 135, 225)
_CELL = 0.5  # a sprite's height, as a share of a picture's
_COLUMNS = 3  # pictures in a row of a composed sheet
_GAP = 0.05  # between them, as a share of a cell
_NAME_COLUMNS = 48
_TEXT_COLUMNS = 1200
_PORTRAIT = 0.82  # the figure's height in its portrait


@dataclass(frozen=True, slots=True)
class Drawn:
    """The pictures with their roles, in order, and what there is to say of the character."""

    pictures: list[tuple[str, Image.Image]]
    yields: dict[str, str]


def draw_character(spec: RenderSpec, text: str, references: Sequence[Image.Image]) -> Drawn:
    """Make the pictures of a character.

    `text` is its description, cleaned; `references` are the user's own pictures of it, if any.
    """
    assert spec.figure is not None
    name = shortened(clean(spec.figure.name or "").replace("\n", " "), _NAME_COLUMNS)
    said = shortened(text, _TEXT_COLUMNS)
    yields = {"description": said, "name": clean(spec.figure.name or "")}
    shot = plan_shots(spec, [text])[0]
    size = spec.width, spec.height
    backdrop = paint(shot.composition, shot.palette, shot.look, size, shot.seed)
    scene = backdrop.back
    if backdrop.front is not None:
        scene.paste(backdrop.front, (0, 0), backdrop.front)
    scene = scene.filter(ImageFilter.GaussianBlur(spec.height / 120))

    if references:
        sheet = _composed(references, round(spec.height * _CELL), shot.palette)
        portrait = _hung(references[0], scene, named=bool(name))
        views: list[Image.Image] = []
        count = len(references)
        yields["message"] = (
            f"Composed of {count} reference image{'s' * (count > 1)}; nothing was drawn."
        )
        yields["visual_prompt"] = said
    else:
        traits = traits_of(text, spec.digest("figure", name))
        sides = sorted(_SIDES[: spec.figure.views])
        views = [_view(traits, side, size, shot.palette) for side in sides]
        sheet = _sprites(traits, sides, round(spec.height * _CELL))
        portrait = _standing(traits, scene, named=bool(name))
        yields["message"] = (
            f"Drawn by rule from the description, in {len(views)} views and {len(POSES)} poses; "
            "no model was asked."
        )
        yields["visual_prompt"] = f"{said}\n{described(traits)}".strip()
    if name:
        _write_name(portrait, name)
    pictures = [("result_image", view) for view in views]
    pictures += [("sprite_sheet", sheet), ("final_character", portrait)]
    return Drawn(pictures, {key: value for key, value in yields.items() if value})


def _paper(size: tuple[int, int], palette: Palette) -> Image.Image:
    """A plain, softly lit ground."""
    light = Image.radial_gradient("L").resize(size)
    near, far = mix(palette.light, (255, 255, 255), 0.6), mix(palette.glow, (255, 255, 255), 0.55)
    return Image.composite(Image.new("RGB", size, far), Image.new("RGB", size, near), light)


def _shadow(image: Image.Image, x: int, y: int, width: int) -> None:
    """The shadow of somebody who stands there."""
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((x - width, y - width // 5, x + width, y + width // 5), fill=110)
    image.paste((30, 24, 44), (0, 0), mask.filter(ImageFilter.GaussianBlur(max(1, width // 9))))


def _view(traits: Traits, side: int, size: tuple[int, int], palette: Palette) -> Image.Image:
    image = _paper(size, palette)
    _stand(image, figure(traits, round(min(size) * 0.94), side), size[1] * 0.97)
    return image


def _stand(image: Image.Image, drawn: Image.Image, ground: float) -> None:
    """Put a figure on its feet, in the middle."""
    top = round(ground - drawn.height * 0.945)
    _shadow(image, image.width // 2, round(ground), round(drawn.width * 0.2))
    image.paste(drawn, ((image.width - drawn.width) // 2, top), drawn)


def _sprites(traits: Traits, sides: Sequence[int], cell: int) -> Image.Image:
    """A side a column, a pose a row, on nothing."""
    sheet = Image.new("RGBA", (cell * len(sides), cell * len(POSES)))
    for row, pose in enumerate(POSES):
        for column, side in enumerate(sides):
            sheet.paste(figure(traits, cell, side, pose), (column * cell, row * cell))
    return sheet


def _standing(traits: Traits, scene: Image.Image, *, named: bool) -> Image.Image:
    side = round(min(scene.size) * (_PORTRAIT if named else 0.92))
    turn = Random(traits.top).choice((-25, 25))
    _stand(scene, figure(traits, side, turn, "waving"), scene.height * (0.85 if named else 0.95))
    return scene


def _fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    scale = min(size[0] / picture.width, size[1] / picture.height)
    return picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
        Image.Resampling.LANCZOS,
    )


def _composed(references: Sequence[Image.Image], cell: int, palette: Palette) -> Image.Image:
    """The user's pictures in rows, each whole, in cells of one size."""
    columns = min(_COLUMNS, len(references))
    rows = -(-len(references) // columns)
    gap = max(2, round(cell * _GAP))
    sheet = _paper((columns * cell + (columns + 1) * gap, rows * cell + (rows + 1) * gap), palette)
    for number, reference in enumerate(references):
        whole = _fitted(reference, (cell, cell))
        left = gap + number % columns * (cell + gap) + (cell - whole.width) // 2
        top = gap + number // columns * (cell + gap) + (cell - whole.height) // 2
        sheet.paste(whole, (left, top))
    return sheet


def _hung(reference: Image.Image, scene: Image.Image, *, named: bool) -> Image.Image:
    """The picture, framed, before the scene."""
    whole = _fitted(reference, (round(scene.width * 0.8), round(scene.height * 0.76)))
    border = max(2, scene.height // 60)
    left = (scene.width - whole.width) // 2
    top = round((scene.height * (0.86 if named else 1.0) - whole.height) / 2)
    shade = Image.new("L", scene.size)
    box = (left - border, top - border, left + whole.width + border, top + whole.height + border)
    shade.paste(150, (box[0], box[1] + border, box[2], box[3] + border))
    scene.paste((0, 0, 0), (0, 0), shade.filter(ImageFilter.GaussianBlur(border)))
    scene.paste((252, 250, 244), box)
    scene.paste(whole, (left, top))
    return scene


def _write_name(image: Image.Image, name: str) -> None:
    """The name across the lower edge, as large as it fits."""
    width, height = image.size
    sizes = [max(8, round(height * share)) for share in (0.085, 0.07, 0.058, 0.048, 0.04, 0.034)]
    block = lay_out(name, sizes=sizes, width=round(width * 0.88), height=round(height * 0.13))
    ramp = Image.linear_gradient("L").resize((width, round(height * 0.28)))
    ramp = ramp.point([round(v * 0.8) for v in range(256)])
    image.paste((8, 8, 16), (0, height - ramp.height), ramp)
    pad = max(2, block.size // 4)
    top = height - round(height * 0.03) - block.height
    for number, line in enumerate(block.lines):
        mask = draw_line(block, line, pad)
        x = (width - round(line.width)) // 2 - pad
        y = top + number * block.pitch - pad
        shadow = mask.filter(ImageFilter.GaussianBlur(block.size / 9))
        image.paste((0, 0, 0), (x, y), shadow)
        image.paste((255, 255, 255), (x, y), mask)
