"""Colours and treatments: what makes one prompt's film look unlike another's."""

import hashlib
from dataclasses import dataclass

__all__ = ["LOOKS", "PALETTES", "Colour", "Look", "Palette", "look_named", "mix"]

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Five colours of a scene, from the top of the sky to the nearest thing."""

    name: str
    sky: Colour
    glow: Colour
    light: Colour
    far: Colour
    near: Colour


@dataclass(frozen=True, slots=True)
class Look:
    """A treatment. `saturation` and `contrast` are factors; `grain` is in levels of 255; `lift`
    is how far everything moves towards paper white (0 to 1); `soften` blurs by that share of a
    hundredth of the picture's height; `bloom` is how much the lights spill (0 to 1); `levels` is
    the number of colours of a poster, or 0; `tint` colours a monochrome picture."""

    name: str
    palettes: tuple[str, ...]
    saturation: float = 1.0
    contrast: float = 1.0
    grain: int = 3
    lift: float = 0.0
    soften: float = 0.0
    bloom: float = 0.0
    levels: int = 0
    tint: Colour | None = None
    words: tuple[str, ...] = ()


def _hex(code: str) -> Colour:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def _palette(name: str, codes: str) -> Palette:
    sky, glow, light, far, near = map(_hex, codes.split())
    return Palette(name, sky, glow, light, far, near)


PALETTES = {
    palette.name: palette
    for palette in (
        _palette("dawn", "2a3a6e f6a97a ffe9c4 8c5f86 1c1736"),
        _palette("dusk", "2b1b4d ea6a7e ffd491 6f3d80 170e2b"),
        _palette("ocean", "0b3a53 5cc3cc f2fdf6 22758f 04202f"),
        _palette("forest", "1d4a44 b7dca6 fbf7cf 44866a 07231c"),
        _palette("desert", "7a3b34 f6c088 fff3d6 b9694f 32151a"),
        _palette("night", "0a1230 3f5596 fbf3d4 263470 05081a"),
        _palette("ember", "2a0d12 dd5a4c ffc078 842c38 180609"),
        _palette("aurora", "061c2b 2a9480 b6ffd4 17565f 030f17"),
        _palette("ice", "3a6291 d5eaf6 ffffff 7ba4c6 12283f"),
        _palette("rose", "5a2a52 f7b6b9 fff4ea aa5774 28101f"),
        _palette("gold", "5b3a12 f5cf78 fff8dc ad7a32 221305"),
        _palette("violet", "1e1250 8d6be8 f0dcff 4a34a0 0e0730"),
        _palette("jade", "0d3b3a 6fd0a4 fff0c9 2a7d72 04211f"),
        _palette("slate", "2c3644 a9b8c4 fdf1dc 5f7183 12171e"),
    )
}

_ALL = tuple(PALETTES)

LOOKS = {
    look.name: look
    for look in (
        Look("cinematic", _ALL, contrast=1.04, bloom=0.25, words=("cinema", "film", "realis")),
        Look(
            "noir",
            ("slate", "night", "ice"),
            saturation=0.0,
            contrast=1.3,
            grain=16,
            words=("noir", "black and white", "monochrome"),
        ),
        Look(
            "neon",
            ("violet", "aurora", "night", "ember", "dusk"),
            saturation=1.55,
            contrast=1.12,
            bloom=0.7,
            words=("neon", "cyber", "synth", "retro-futur"),
        ),
        Look(
            "watercolor",
            ("rose", "ice", "forest", "dawn", "jade", "gold"),
            saturation=0.85,
            grain=10,
            lift=0.22,
            soften=0.7,
            words=("water", "pastel", "paint", "ghibli", "soft"),
        ),
        Look(
            "vintage",
            ("desert", "gold", "slate", "rose"),
            saturation=0.0,
            grain=15,
            lift=0.06,
            tint=(255, 222, 178),
            words=("vintage", "sepia", "retro", "old"),
        ),
        Look(
            "poster",
            ("ember", "jade", "gold", "ocean", "violet", "rose"),
            saturation=1.25,
            contrast=1.1,
            grain=0,
            levels=12,
            words=("poster", "flat", "minimal", "comic", "cartoon", "anime", "vector", "pixel"),
        ),
    )
}


def look_named(style: str | None) -> Look:
    """The look for the style that the user asked for; an unknown name always gets the same one."""
    name = (style or "cinematic").strip().lower()
    if name in LOOKS:
        return LOOKS[name]
    for look in LOOKS.values():
        if any(word in name for word in look.words):
            return look
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    return list(LOOKS.values())[digest[0] % len(LOOKS)]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour that is `share` of the way from a to b."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )
