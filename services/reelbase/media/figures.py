"""A drawn figure that can be seen from all sides: what it looks like, and how to draw it.

Everything that it has is told by :class:`Traits`, which follow from the words of its description
and, where they leave something open, from a seed. The head is a ball: eyes, mouth and ears have
places on it, and turn with it out of sight. Lengths are shares of the height of the picture.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from reelbase.media.looks import Colour, mix

__all__ = ["POSES", "Pose", "Traits", "described", "figure", "traits_of"]

Pose = Literal["standing", "left step", "right step", "waving"]

POSES: tuple[Pose, ...] = ("standing", "left step", "right step", "waving")

_SCALE = 3  # how much larger it is drawn than it will be
_INK: Colour = (38, 32, 48)
_WHITE: Colour = (255, 255, 255)

_COLOURS: Mapping[str, tuple[Colour, str]] = {
    "red": ((206, 62, 58), "red แดง"),
    "orange": ((232, 132, 52), "orange ส้ม"),
    "yellow": ((242, 200, 76), "yellow golden เหลือง"),
    "green": ((74, 150, 96), "green เขียว"),
    "teal": ((42, 146, 148), "teal turquoise cyan"),
    "blue": ((62, 110, 196), "blue navy น้ำเงิน ฟ้า"),
    "purple": ((124, 84, 184), "purple violet ม่วง"),
    "pink": ((236, 128, 166), "pink rose ชมพู"),
    "brown": ((134, 88, 58), "brown น้ำตาล"),
    "black": ((54, 50, 62), "black dark ดำ"),
    "white": ((240, 236, 228), "white ivory ขาว"),
    "grey": ((142, 148, 158), "grey gray silver เทา"),
}
_HAIR_COLOURS = ("brown", "black", "red", "yellow", "grey", "purple", "teal", "pink", "orange")
_CLOTHES = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
_SKINS: tuple[Colour, ...] = (
    (255, 224, 196), (244, 200, 164), (222, 170, 128), (182, 128, 90), (134, 90, 64), (98, 66, 50),
)  # fmt: skip
_TOPS = "coat|jacket|shirt|dress|sweater|hoodie|robe|suit|armou?r|cloak|uniform|cape"
_FURS = ("orange", "brown", "grey", "white", "black", "yellow")

# The first whose words are found decides; else it is a person.
_KINDS = {
    "robot": "robot android cyborg droid machine หุ่นยนต์ ロボット 机器人 робот",
    "cat": "cat kitten kitty แมว 猫 кот",
    "dog": "dog puppy wolf fox หมา สุนัข 犬 狗 собака",
    "rabbit": "rabbit bunny hare กระต่าย 兎 兔 заяц",
    "bear": "bear panda teddy หมี 熊 медведь",
}
_HAIRS = {
    "long": "long-haired princess queen witch fairy mermaid ผมยาว เจ้าหญิง",
    "spiky": "spiky punk ninja hero anime นินจา",
    "bun": "bun ballerina grandmother teacher มวย คุณยาย",
    "bald": "bald monk wrestler พระ",
    "short": "boy man knight soldier king astronaut chef เด็กชาย ผู้ชาย",
    "bob": "girl woman detective scientist เด็กหญิง ผู้หญิง",
}
_HATS = {
    "crown": "king queen prince princess crown ราชา เจ้าหญิง มงกุฎ",
    "pointed hat": "wizard witch mage magician sorcerer พ่อมด แม่มด",
    "cap": "cap driver baseball skater หมวก",
    "helmet": "knight astronaut soldier helmet viking อัศวิน นักบินอวกาศ",
    "chef's hat": "chef cook baker เชฟ พ่อครัว",
}
_EXTRAS = {
    "glasses": "glasses scientist professor teacher librarian nerd แว่น ครู",
    "scarf": "scarf winter skater explorer pilot ผ้าพันคอ",
    "cape": "hero super vampire wizard cape king ฮีโร่",
    "beard": "beard bearded wizard viking king grandfather pirate เครา",
}


@dataclass(frozen=True, slots=True)
class Traits:
    """What a figure looks like; colours are named as in this module."""

    kind: str
    skin: Colour
    fur: str
    hair: str
    hair_colour: str
    top: str
    legs: str
    hat: str | None
    extras: frozenset[str]


def _hinted(text: str, hints: Mapping[str, str]) -> list[str]:
    """What the words suggest. A word of Latin letters must stand by itself, or in the plural."""
    lowered = text.lower()
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)?", lowered))
    return [
        name
        for name, hint in hints.items()
        for word in hint.split()
        if (
            word in words or word + "s" in words or word + "ed" in words
            if word[0].isascii()
            else word in lowered
        )
    ]


def _coloured(text: str, things: str) -> str | None:
    """The colour that the text gives to one of the things, in English: "red curly hair"."""
    for name, (_, words) in _COLOURS.items():
        latin = "|".join(word for word in words.split() if word.isascii())
        if re.search(rf"\b(?:{latin})(?:\s+\w+)?[\s-]+(?:{things})", text.lower()):
            return name
    return None


def traits_of(text: str, seed: int) -> Traits:
    """What somebody looks like of whom this is said; the seed decides what it leaves open."""
    random = Random(seed)
    named = _hinted(text, {name: words for name, (_, words) in _COLOURS.items()})
    kind = next(iter(_hinted(text, _KINDS)), "person")
    hairs = _hinted(text, _HAIRS)
    skin = random.choice(_SKINS)
    fur = random.choice(_FURS)
    styles = ("short", "bob", "long", "spiky", "bun")
    hair = random.choice(styles)
    hair_colour = random.choice(_HAIR_COLOURS)
    top = random.choice(_CLOTHES)
    legs = random.choice(("blue", "brown", "black", "grey", "teal"))
    extra = random.choice((None, None, "glasses", "scarf"))
    spare = [name for name in named if name not in ("black", "white")] or named
    hat = next(iter(_hinted(text, _HATS)), None) if kind != "robot" else None
    if hat and hair in ("spiky", "bun"):  # they would stand out of it
        hair = "bob"
    extras = frozenset(_hinted(text, _EXTRAS)) | ({extra} if extra else set())
    body = _coloured(text, "fur|cat|dog|fox|wolf|rabbit|bunny|bear|robot|kitten|puppy")
    coat = _coloured(text, _TOPS) or (spare[0] if spare and body is None else top)
    if kind not in ("person", "robot") and coat == (body or fur):
        coat = _CLOTHES[(_CLOTHES.index(coat) + 4) % len(_CLOTHES)] if coat in _CLOTHES else "teal"
    return Traits(
        kind=kind,
        skin=skin,
        fur=body or fur,
        hair=hairs[0] if hairs else hair,
        hair_colour=_coloured(text, "hair|haired|beard|bob|braids?|curls") or hair_colour,
        top=coat,
        legs=_coloured(text, "trousers|pants|jeans|skirt|shorts|boots") or legs,
        hat=hat,
        extras=extras,
    )


def described(traits: Traits) -> str:
    """The traits in words."""
    parts = []
    if traits.kind == "robot":
        parts.append(f"a {traits.top} robot of round corners with an antenna and a dark visor")
    elif traits.kind == "person":
        style = "bobbed" if traits.hair == "bob" else traits.hair
        hair = f"{style} {traits.hair_colour} hair"
        if traits.hair in ("bald", "bun"):
            hair = "no hair" if traits.hair == "bald" else f"{traits.hair_colour} hair in a bun"
        parts.append(f"a round-headed person with {hair} in {_a(traits.top)} top")
        parts.append(f"{traits.legs} trousers")
    else:
        parts.append(f"an upright {traits.kind} with {traits.fur} fur in {_a(traits.top)} top")
        parts.append(f"{traits.legs} trousers")
    if traits.hat:
        parts.append(_a(traits.hat))
    parts += [extra if extra == "glasses" else _a(extra) for extra in sorted(_worn(traits))]
    return ", ".join(parts)


def _a(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def _worn(traits: Traits) -> frozenset[str]:
    """The extras that can be seen on somebody of this kind."""
    if traits.kind == "robot":
        return traits.extras & {"scarf", "cape"}
    return traits.extras if traits.kind == "person" else traits.extras - {"beard"}


# ---------------------------------------------------------------------------------------------
# Drawing
# ---------------------------------------------------------------------------------------------

_MIDDLE = 0.5
_HEAD_Y, _HEAD = 0.335, 0.185  # centre and radius
_NECK, _HIP, _GROUND = 0.5, 0.735, 0.93
_SHOULDER, _HIPS = 0.118, 0.062  # how far out arms and legs begin
_FACE = math.radians(64)  # half the angle that the face takes of the head


class _Pen:
    """Draws in shares of the height, on a picture that is larger than wanted."""

    def __init__(self, side: int, turn: float) -> None:
        self.unit = side * _SCALE
        self.image = Image.new("RGBA", (self.unit, self.unit))
        self.draw = ImageDraw.Draw(self.image)
        self.turn = math.radians(turn)

    def side(self, angle: float, radius: float) -> tuple[float, float]:
        """Where a point at this angle around the figure is seen, and how near (-1 to 1)."""
        return _MIDDLE + radius * math.sin(angle + self.turn), math.cos(angle + self.turn)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        if rx > 0.001 and ry > 0.001:
            u = self.unit
            self.draw.ellipse(((x - rx) * u, (y - ry) * u, (x + rx) * u, (y + ry) * u), fill=colour)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        self.draw.polygon([(x * self.unit, y * self.unit) for x, y in points], fill=colour)

    def box(
        self, x: float, y: float, radii: tuple[float, float], corner: float, colour: Colour
    ) -> None:
        u, (rx, ry) = self.unit, radii
        self.draw.rounded_rectangle(
            ((x - rx) * u, (y - ry) * u, (x + rx) * u, (y + ry) * u), corner * u, fill=colour
        )

    def limb(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        u = self.unit
        places = [(x * u, y * u) for x, y in points]
        self.draw.line(places, fill=colour, width=round(width * u), joint="curve")
        for x, y in points:
            self.ellipse(x, y, width / 2, width / 2, colour)

    def arc(
        self, x: float, y: float, radii: tuple[float, float], ends: tuple[int, int], width: float
    ) -> None:
        u, (rx, ry) = self.unit, radii
        box = ((x - rx) * u, (y - ry) * u, (x + rx) * u, (y + ry) * u)
        if rx * u > 2:
            self.draw.arc(box, *ends, fill=_INK, width=max(1, round(width * u)))


def figure(traits: Traits, side: int, turn: float, pose: Pose = "standing") -> Image.Image:
    """Draw somebody on a transparent square.

    Args:
        traits: Who it is.
        side: Pixels of the square.
        turn: Degrees by which the figure is turned to its left: 0 looks at us, 180 away.
        pose: What arms and legs do.
    """
    pen = _Pen(side, turn)
    top, legs = _COLOURS[traits.top][0], _COLOURS[traits.legs][0]
    swing = {"left step": 1.0, "right step": -1.0}.get(pose, 0.0)
    facing = math.cos(pen.turn) > 0
    cape = "cape" in _worn(traits)
    if cape and facing:
        _cape(pen, traits)
    behind = math.cos(pen.turn) > 0.3
    if traits.kind == "person" and behind:
        _falling_hair(pen, traits)
    if traits.kind not in ("robot", "person") and facing:
        _tail(pen, traits)
    for near in (False, True):
        for hand in (-1, 1):
            x, depth = pen.side(hand * math.pi / 2, _HIPS)
            if (depth > 0) == near or (abs(depth) < 1e-6 and near == (hand > 0)):
                _leg(pen, x, hand * swing, legs, _shoe(traits), dim=not near and abs(depth) > 0.3)
    _arms(pen, traits, top, pose, swing, near=False)
    _torso(pen, traits, top, legs)
    if not facing and traits.kind not in ("robot", "person"):
        _tail(pen, traits)
    if cape and not facing:
        _cape(pen, traits)
    _arms(pen, traits, top, pose, swing, near=True)
    if "scarf" in _worn(traits):
        _scarf(pen, traits)
    if traits.kind == "person" and not behind:
        _falling_hair(pen, traits)
    if traits.kind == "robot":
        _robot_head(pen, traits)
    else:
        _head(pen, traits)
    return _finished(pen.image, side)


def _shoe(traits: Traits) -> Colour:
    if traits.kind == "robot":
        return 92, 98, 110
    return mix(_COLOURS[traits.legs][0], _INK, 0.6)


def _arms(pen: _Pen, traits: Traits, top: Colour, pose: Pose, swing: float, *, near: bool) -> None:
    for hand in (-1, 1):
        x, depth = pen.side(hand * math.pi / 2, _SHOULDER)
        if (depth >= -0.05) != near:
            continue
        out = 0.05 * math.cos(pen.turn) * hand
        ahead = -hand * swing * 0.085
        shift = ahead * math.sin(pen.turn)
        colour = mix(top, _INK, 0.12 if near else 0.3)
        palm = _palm(traits)
        elbow = (x + out + shift * 0.5, _NECK + 0.115)
        wrist = (x + out * 1.25 + shift, _NECK + 0.21 - abs(ahead) * 0.25)
        if pose == "waving" and hand == 1:
            spread = 0.11 * math.cos(pen.turn)
            elbow = (x + spread, _NECK + 0.05)
            wrist = (x + spread * 1.55, _NECK - 0.085)
        pen.limb([(x, _NECK + 0.035), elbow, wrist], 0.062, colour)
        pen.ellipse(
            wrist[0], wrist[1] + (0.012 if wrist[1] > _NECK else -0.018), 0.036, 0.036, palm
        )


def _palm(traits: Traits) -> Colour:
    if traits.kind == "robot":
        return 122, 128, 142
    return traits.skin if traits.kind == "person" else _COLOURS[traits.fur][0]


def _leg(pen: _Pen, x: float, swing: float, colour: Colour, shoe: Colour, *, dim: bool) -> None:
    stride = swing * 0.1 * math.sin(pen.turn)
    lift = max(0.0, swing) * (0.03 if abs(stride) < 0.05 else 0.015)
    foot = (x + stride, _GROUND - 0.03 - lift)
    if dim:
        colour, shoe = mix(colour, _INK, 0.3), mix(shoe, _INK, 0.3)
    pen.limb([(x, _HIP), (x + stride * 0.4, (_HIP + foot[1]) / 2), foot], 0.078, colour)
    toe = 0.03 * math.sin(pen.turn)
    width = 0.047 + 0.017 * abs(math.sin(pen.turn))
    pen.ellipse(foot[0] + toe, foot[1] + 0.012, width, 0.032, shoe)


def _torso(pen: _Pen, traits: Traits, top: Colour, legs: Colour) -> None:
    broad = abs(math.cos(pen.turn)) + 0.76 * abs(math.sin(pen.turn)) * 0.96
    broad = min(1.0, max(0.74, broad))
    upper, lower = 0.105 * broad, 0.128 * broad
    if traits.kind == "robot":
        pen.box(_MIDDLE, (_NECK + _HIP) / 2 + 0.005, (0.135 * broad, 0.13), 0.045, top)
        x, depth = pen.side(0.0, 0.1)
        if depth > 0.1:
            pen.box(x, _NECK + 0.11, (0.055 * depth, 0.04), 0.014, mix(top, _WHITE, 0.55))
            lamp: Colour = (255, 196, 84)
            pen.ellipse(x - 0.02 * depth, _NECK + 0.11, 0.013 * depth, 0.013, lamp)
            pen.ellipse(x + 0.02 * depth, _NECK + 0.11, 0.013 * depth, 0.013, (110, 214, 190))
        return
    pen.box(_MIDDLE, _HIP - 0.005, (lower * 0.98, 0.05), 0.045, legs)
    pen.polygon(
        [
            (_MIDDLE - upper, _NECK + 0.03), (_MIDDLE + upper, _NECK + 0.03),
            (_MIDDLE + lower, _HIP), (_MIDDLE - lower, _HIP),
        ],
        top,
    )  # fmt: skip
    pen.ellipse(_MIDDLE, _NECK + 0.04, upper, 0.04, top)
    pen.ellipse(_MIDDLE, _HIP, lower, 0.026, top)
    x, depth = pen.side(0.0, 0.108 * broad)
    if depth > 0.1:  # buttons
        for number in range(3):
            pen.ellipse(
                x, _NECK + 0.095 + 0.052 * number, 0.0105 * depth, 0.0105, mix(top, _WHITE, 0.7)
            )


def _cape(pen: _Pen, traits: Traits) -> None:
    colour = mix(_COLOURS[traits.top][0], _INK, 0.45)
    x, depth = pen.side(math.pi, 0.06)
    wide = 0.105 + 0.075 * abs(depth)
    pen.polygon(
        [
            (x - 0.09, _NECK + 0.02), (x + 0.09, _NECK + 0.02),
            (x + wide, _GROUND - 0.09), (x - wide, _GROUND - 0.09),
        ],
        colour,
    )  # fmt: skip
    pen.ellipse(x, _GROUND - 0.09, wide, 0.022, colour)


def _tail(pen: _Pen, traits: Traits) -> None:
    fur = mix(_COLOURS[traits.fur][0], _INK, 0.08)
    x, depth = pen.side(math.pi, 0.1)
    if traits.kind in ("rabbit", "bear"):
        pen.ellipse(x, _HIP - 0.01, 0.045, 0.045, mix(fur, _WHITE, 0.25))
        return
    way = 1 if depth > 0.5 or depth < -0.5 else math.copysign(1, x - _MIDDLE)
    points = [
        (x + way * 0.2 * math.sin(k / 9 * 2.2), _HIP + 0.01 - 0.17 * (k / 9) ** 1.4)
        for k in range(10)
    ]
    pen.limb(points, 0.042 if traits.kind == "cat" else 0.06, fur)
    pen.ellipse(*points[-1], 0.024, 0.03, mix(fur, _WHITE, 0.5))


def _scarf(pen: _Pen, traits: Traits) -> None:
    names = list(_CLOTHES)
    colour = _COLOURS[names[(names.index(traits.top) + 3) % 8 if traits.top in names else 0]][0]
    pen.box(_MIDDLE, _NECK + 0.028, (0.112, 0.028), 0.027, colour)
    x, depth = pen.side(0.5, 0.1)
    if depth > 0:
        pen.box(x, _NECK + 0.085, (0.026, 0.065), 0.014, mix(colour, _INK, 0.15))


def _falling_hair(pen: _Pen, traits: Traits) -> None:
    """Hair that reaches below the head."""
    hair = _hair_of(traits)
    away = -math.sin(pen.turn)
    if traits.hair == "long":
        radii = (_HEAD * (0.98 - 0.16 * abs(away)), 0.2)
        pen.box(_MIDDLE + 0.045 * away, _HEAD_Y + 0.13, radii, 0.1, mix(hair, _INK, 0.2))
    elif traits.hair == "bob":
        radii = (_HEAD * 1.06, 0.14)
        pen.box(_MIDDLE + 0.02 * away, _HEAD_Y + 0.06, radii, 0.09, mix(hair, _INK, 0.16))


def _head(pen: _Pen, traits: Traits) -> None:
    animal = traits.kind != "person"
    fur = _COLOURS[traits.fur][0]
    hair = fur if animal else _hair_of(traits)
    skin = fur if animal else traits.skin
    facing = math.cos(pen.turn)
    bald = traits.hair == "bald" or animal
    if animal:
        _ears(pen, traits, fur, near=False)
    if bald:
        pen.ellipse(_MIDDLE, _HEAD_Y, _HEAD * 1.03, _HEAD, skin)
    else:
        pen.ellipse(_MIDDLE, _HEAD_Y - 0.006, _HEAD * 1.08, _HEAD * 1.06, hair)
        if traits.hair == "spiky":
            for k in range(-3, 4):
                angle = k * 0.36
                x, y = _MIDDLE + math.sin(angle) * _HEAD, _HEAD_Y - math.cos(angle) * _HEAD
                pen.polygon(
                    [
                        (x - 0.05 * math.cos(angle), y - 0.05 * math.sin(angle) + 0.02),
                        (x + 0.05 * math.cos(angle), y + 0.05 * math.sin(angle) + 0.02),
                        (x + math.sin(angle) * 0.085, y - math.cos(angle) * 0.085),
                    ],
                    hair,
                )
        if traits.hair == "bun":
            x, _ = pen.side(math.pi, 0.06)
            pen.ellipse(x, _HEAD_Y - _HEAD * 1.12, 0.075, 0.065, mix(hair, _INK, 0.1))
        _face_patch(pen, skin)
    if not animal:
        for hand in (-1, 1):  # ears
            x, depth = pen.side(hand * math.pi / 2, _HEAD * 0.98)
            if depth > -0.25:
                pen.ellipse(x, _HEAD_Y + 0.03, 0.022 + 0.014 * max(0.0, depth), 0.036, skin)
                pen.ellipse(x, _HEAD_Y + 0.032, 0.011, 0.02, mix(skin, (200, 90, 80), 0.35))
    if animal:
        _muzzle(pen, traits, fur)
    if facing > -0.75:
        _features(pen, traits, skin)
    if not bald:
        _fringe(pen, traits, hair)
    if animal:
        _ears(pen, traits, fur, near=True)
    _hat(pen, traits)


def _hair_of(traits: Traits) -> Colour:
    """The colour of the hair, darker where it would be lost on the skin."""
    hair = _COLOURS[traits.hair_colour][0]
    distance = sum(abs(a - b) for a, b in zip(hair, traits.skin, strict=True))
    return mix(hair, _INK, 0.6) if distance < 130 else hair


def _span(pen: _Pen, half: float) -> tuple[float, float] | None:
    """What one sees of a patch of the head that reaches `half` to either side of its front."""
    turn = math.atan2(math.sin(pen.turn), math.cos(pen.turn))
    low, high = max(turn - half, -math.pi / 2), min(turn + half, math.pi / 2)
    return (math.sin(low), math.sin(high)) if low < high else None


def _face_patch(pen: _Pen, skin: Colour) -> None:
    span = _span(pen, _FACE)
    if span is None:
        return
    low, high = span[0] * _HEAD, span[1] * _HEAD
    middle, half = _MIDDLE + (low + high) / 2, (high - low) / 2
    # Round below and flat above, where the hair begins.
    pen.ellipse(middle, _HEAD_Y + 0.028, half * 1.04, _HEAD * 0.84, skin)


def _fringe(pen: _Pen, traits: Traits, hair: Colour) -> None:
    span = _span(pen, _FACE)
    if span is None:
        return
    low, high = _MIDDLE + span[0] * _HEAD * 1.04, _MIDDLE + span[1] * _HEAD * 1.04
    top, edge = _HEAD_Y - _HEAD * 0.93, _HEAD_Y - 0.05
    dips = {"bob": 5, "long": 2, "bun": 2, "short": 3, "spiky": 4}.get(traits.hair, 3)
    points = [(low, _HEAD_Y - 0.01), (low, top)]
    points += [(high, top), (high, _HEAD_Y - 0.01)]
    for k in range(dips * 2 - 1, 0, -1):
        share = k / (dips * 2)
        points.append((low + (high - low) * share, edge - (0.055 if k % 2 else 0.012)))
    within = Image.new("L", pen.image.size)
    u, radii = pen.unit, (_HEAD * 1.08, _HEAD * 1.06)
    ImageDraw.Draw(within).ellipse(
        [
            v * u
            for v in (
                _MIDDLE - radii[0], _HEAD_Y - 0.006 - radii[1],
                _MIDDLE + radii[0], _HEAD_Y - 0.006 + radii[1],
            )
        ],
        fill=255,
    )  # fmt: skip
    fringe = Image.new("L", pen.image.size)
    ImageDraw.Draw(fringe).polygon([(x * u, y * u) for x, y in points], fill=255)
    pen.image.paste(hair, (0, 0), ImageChops.multiply(within, fringe))


def _features(pen: _Pen, traits: Traits, skin: Colour) -> None:
    animal = traits.kind != "person"
    for hand in (-1, 1):
        x, depth = pen.side(hand * 0.42, _HEAD * 0.96)
        if depth > 0.12:
            pen.ellipse(x, _HEAD_Y + 0.03, 0.027 * depth, 0.037, _INK)
            pen.ellipse(x + 0.007 * depth, _HEAD_Y + 0.017, 0.0095 * depth, 0.011, _WHITE)
            if not animal:
                pen.arc(x, _HEAD_Y - 0.008, (0.03 * depth, 0.026), (205, 335), 0.0085)
        x, depth = pen.side(hand * 0.78, _HEAD * 0.93)
        if depth > 0.2 and not animal:
            pen.ellipse(x, _HEAD_Y + 0.086, 0.026 * depth, 0.016, mix(skin, (236, 96, 96), 0.38))
    x, depth = pen.side(0.0, _HEAD * 0.98)
    if depth > -0.1 and not animal:
        nose, ahead = pen.side(0.0, _HEAD * 1.045)
        pen.ellipse(nose, _HEAD_Y + 0.066, 0.013 + 0.006 * (1 - abs(ahead)), 0.012,
                    mix(skin, (190, 80, 60), 0.25))  # fmt: skip
        if "beard" in _worn(traits):
            hair = _hair_of(traits)
            span = _span(pen, _FACE * 0.8)
            if span is not None:
                low, high = span[0] * _HEAD, span[1] * _HEAD
                pen.ellipse(
                    _MIDDLE + (low + high) / 2, _HEAD_Y + 0.148, (high - low) / 2, 0.072, hair
                )
    if depth > 0.05 and not animal:
        at = _HEAD_Y + (0.118 if "beard" in _worn(traits) else 0.098)
        pen.arc(x - 0.002, at - 0.012, (0.042 * max(0.35, depth), 0.03), (25, 155), 0.0105)
    if "glasses" in _worn(traits):
        for hand in (-1, 1):
            x, depth = pen.side(hand * 0.42, _HEAD)
            if depth > 0.12:
                pen.arc(x, _HEAD_Y + 0.028, (0.052 * depth, 0.052), (0, 360), 0.0105)
        bridge, depth = pen.side(0.0, _HEAD * 1.0)
        if depth > 0.2:
            pen.arc(bridge, _HEAD_Y + 0.028, (0.03 * depth, 0.014), (190, 350), 0.0105)


def _muzzle(pen: _Pen, traits: Traits, fur: Colour) -> None:
    pale = mix(fur, _WHITE, 0.62)
    x, depth = pen.side(0.0, _HEAD * 0.82)
    if depth < -0.05:
        return
    wide = 0.055 + 0.03 * max(0.0, depth)
    reach = 0.012 * math.sin(pen.turn)
    if traits.kind in ("dog", "bear"):
        reach *= 2.2
    pen.ellipse(x + reach, _HEAD_Y + 0.09, wide, 0.062, pale)
    nose, depth = pen.side(0.0, _HEAD * 0.98)
    nose += reach * 1.6
    pen.ellipse(nose, _HEAD_Y + 0.062, 0.021 * max(0.5, depth), 0.014, _INK)
    if depth > 0.1:
        for hand in (-1, 1):
            pen.arc(
                nose + hand * 0.02 * depth,
                _HEAD_Y + 0.082,
                (0.021 * depth, 0.022),
                (20, 160),
                0.009,
            )


def _ears(pen: _Pen, traits: Traits, fur: Colour, *, near: bool) -> None:
    inner = mix(fur, (244, 150, 150), 0.55)
    facing = math.cos(pen.turn)
    for hand in (-1, 1):
        x, depth = pen.side(hand * math.pi / 2, _HEAD * 0.62)
        if (depth > 0.3) != near:
            continue
        broad = 0.5 + 0.5 * abs(facing)
        if traits.kind == "rabbit":
            lean = 0.03 * hand * facing
            pen.limb([(x, _HEAD_Y - 0.12), (x + lean, _HEAD_Y - 0.265)], 0.074 * broad, fur)
            if facing > 0:
                pen.limb([(x, _HEAD_Y - 0.14), (x + lean, _HEAD_Y - 0.26)], 0.034 * broad, inner)
        elif traits.kind == "bear":
            x, _ = pen.side(hand * math.pi / 2, _HEAD * 0.78)
            pen.ellipse(x, _HEAD_Y - 0.145, 0.062 * broad, 0.058, fur)
            if facing > 0:
                pen.ellipse(x, _HEAD_Y - 0.142, 0.034 * broad, 0.032, inner)
        else:
            tip = 0.045 * hand * facing
            points = [
                (x - 0.072 * broad, _HEAD_Y - 0.1), (x + tip, _HEAD_Y - 0.272),
                (x + 0.072 * broad, _HEAD_Y - 0.1),
            ]  # fmt: skip
            pen.polygon(points, fur)
            if facing > 0:
                middle = (x, _HEAD_Y - 0.13)
                small = [
                    (middle[0] + (a - middle[0]) * 0.52, middle[1] + (b - middle[1]) * 0.52)
                    for a, b in points
                ]
                pen.polygon(small, inner)


def _hat(pen: _Pen, traits: Traits) -> None:
    top = _COLOURS[traits.top][0]
    brow = _HEAD_Y - _HEAD * 0.62
    if traits.hat == "crown":
        gold: Colour = (244, 196, 72)
        points = [(_MIDDLE - 0.11, brow - 0.02)]
        for k in range(6):
            x = _MIDDLE - 0.11 + 0.22 * k / 5
            points += [(x, brow - 0.14), (x + 0.022, brow - 0.075)] if k < 5 else [(x, brow - 0.14)]
        pen.polygon([*points, (_MIDDLE + 0.11, brow - 0.02)], gold)
        pen.box(_MIDDLE, brow - 0.03, (0.112, 0.022), 0.012, mix(gold, _INK, 0.14))
    elif traits.hat == "pointed hat":
        colour = mix(top, _INK, 0.35)
        lean = 0.05 * math.sin(pen.turn)
        pen.polygon(
            [
                (_MIDDLE - 0.13, brow - 0.01), (_MIDDLE + 0.13, brow - 0.01),
                (_MIDDLE + 0.03 - lean, 0.015),
            ],
            colour,
        )  # fmt: skip
        pen.ellipse(_MIDDLE, brow, 0.235, 0.036, colour)
        pen.box(_MIDDLE, brow - 0.028, (0.122, 0.017), 0.008, (244, 196, 72))
    elif traits.hat == "cap":
        x, depth = pen.side(0.0, _HEAD * 1.1)
        pen.draw.pieslice(
            [v * pen.unit for v in (_MIDDLE - _HEAD * 1.1, _HEAD_Y - _HEAD * 1.12,
                                    _MIDDLE + _HEAD * 1.1, _HEAD_Y + _HEAD * 0.4)],
            180, 360, fill=top,
        )  # fmt: skip
        if depth > -0.3:
            pen.ellipse(x, brow + 0.05, 0.075 + 0.06 * max(0.0, depth), 0.024, mix(top, _INK, 0.25))
    elif traits.hat == "helmet":
        steel: Colour = (176, 186, 200)
        pen.draw.pieslice(
            [v * pen.unit for v in (_MIDDLE - _HEAD * 1.14, _HEAD_Y - _HEAD * 1.18,
                                    _MIDDLE + _HEAD * 1.14, _HEAD_Y + _HEAD * 0.75)],
            180, 360, fill=steel,
        )  # fmt: skip
        pen.box(
            _MIDDLE, _HEAD_Y - _HEAD * 0.24, (_HEAD * 1.16, 0.018), 0.012, mix(steel, _INK, 0.3)
        )
        pen.ellipse(_MIDDLE, _HEAD_Y - _HEAD * 1.16, 0.028, 0.028, top)
    elif traits.hat == "chef's hat":
        pale: Colour = (250, 248, 242)
        for shift in (-0.08, 0.0, 0.08):
            pen.ellipse(_MIDDLE + shift, brow - 0.13, 0.085, 0.075, mix(pale, _INK, 0.03))
        pen.box(_MIDDLE, brow - 0.045, (0.128, 0.05), 0.015, pale)


def _robot_head(pen: _Pen, traits: Traits) -> None:
    shell = mix(_COLOURS[traits.top][0], _WHITE, 0.4)
    steel: Colour = (112, 118, 132)
    broad = 0.88 + 0.12 * abs(math.cos(pen.turn))
    pen.limb([(_MIDDLE, _HEAD_Y - 0.12), (_MIDDLE, _HEAD_Y - 0.245)], 0.016, steel)
    pen.ellipse(_MIDDLE, _HEAD_Y - 0.255, 0.028, 0.028, (255, 120, 88))
    pen.box(_MIDDLE, _NECK, (0.05, 0.03), 0.012, steel)
    for hand in (-1, 1):
        x, depth = pen.side(hand * math.pi / 2, 0.19 * broad)
        if depth < 0.3:
            pen.box(x, _HEAD_Y + 0.01, (0.026, 0.055), 0.014, steel)
    pen.box(_MIDDLE, _HEAD_Y, (0.19 * broad, 0.155), 0.07, shell)
    span = _span(pen, _FACE)
    if span is not None:
        low, high = span[0] * 0.185 * broad, span[1] * 0.185 * broad
        x, half = _MIDDLE + (low + high) / 2, (high - low) / 2
        pen.box(x, _HEAD_Y + 0.005, (half, 0.085), min(0.045, half), (30, 34, 52))
        for hand in (-1, 1):
            x, depth = pen.side(hand * 0.42, 0.165)
            if depth > 0.15:
                pen.ellipse(x, _HEAD_Y - 0.005, 0.028 * depth, 0.034, (118, 232, 232))
        x, depth = pen.side(0.0, 0.165)
        if depth > 0.15:
            pen.box(x, _HEAD_Y + 0.056, (0.032 * depth, 0.007), 0.006, (118, 232, 232))
    for hand in (-1, 1):
        x, depth = pen.side(hand * math.pi / 2, 0.15 * broad)
        if depth >= 0.3:
            pen.ellipse(x, _HEAD_Y + 0.01, 0.05, 0.055, steel)
            pen.ellipse(x, _HEAD_Y + 0.01, 0.024, 0.027, mix(steel, _WHITE, 0.4))


def _finished(large: Image.Image, side: int) -> Image.Image:
    """Reduce, light from the upper left, and draw a line around."""
    flat = large.reduce(_SCALE)
    alpha = flat.getchannel("A")
    light = ImageChops.invert(Image.radial_gradient("L")).resize((side * 2, side * 2))
    light = light.crop((round(side * 0.7), round(side * 0.8), round(side * 1.7), round(side * 1.8)))
    light = light.point([178 + v * 77 // 255 for v in range(256)])
    colours = ImageChops.multiply(flat.convert("RGB"), Image.merge("RGB", (light,) * 3))
    line = max(1, side // 110)
    around = alpha.filter(ImageFilter.MaxFilter(2 * line + 1))
    around = around.filter(ImageFilter.GaussianBlur(line / 2))
    around = around.point([min(255, v * 2) for v in range(256)])
    figure_ = Image.new("RGBA", (side, side), (*_INK, 0))
    figure_.putalpha(around)
    colours.putalpha(alpha)
    figure_.alpha_composite(colours)
    return figure_
