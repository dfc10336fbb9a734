"""What each scene shows: what the prompt's words suggest, else what its hash says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from reelbase.media.backdrops import COMPOSITIONS
from reelbase.media.looks import PALETTES, Look, Palette, look_named
from reelbase.media.spec import RenderSpec

__all__ = ["Shot", "plan_shots"]

# Words that suggest a picture. They only lean the choice; any other prompt gets one by its hash.
_PICTURES = {
    "sea": "sea ocean wave beach ship boat lighthouse island fish harbo whale pirate "
    "ทะเล คลื่น 海 море волн بحر أمواج समुद्र लहर",
    "city": "city street tokyo bangkok skyline urban tower traffic neon market office train "
    "เมือง กรุงเทพ 城 город مدينة शहर",
    "peaks": "mountain peak snow alps climb himalaya volcano ภูเขา 山 гора горы горн جبل पहाड़",
    "woods": "forest tree wood jungle pine fox deer bear wolf garden ป่า 森 лес غابة जंगल",
    "cosmos": "space planet star galax moon astronaut rocket alien robot "
    "อวกาศ ดวงดาว 宇宙 星 космос звезд فضاء तारे",
    "hills": "desert dune hill valley field farm road horse river ทะเลทราย пустын صحراء रेगिस्तान",
    "lights": "party dream rain birthday love wedding magic perfume coffee music ฝน 雨 дожд مطر",
}
_MOODS = {
    "dawn": "dawn sunrise morning รุ่งอรุณ ยามเช้า рассвет утро 黎明 夜明け فجر सुबह",
    "dusk": "dusk sunset evening twilight พลบค่ำ закат 夕 غروب शाम",
    "night": "night midnight stars dark กลางคืน ночь 夜 ليل रात",
    "ice": "snow ice winter frozen arctic หิมะ снег зим 雪 ثلج",
    "forest": "forest jungle spring garden ป่า лес 森 غابة",
    "desert": "desert dune sand canyon ทะเลทราย пустын 沙漠 صحراء",
    "ember": "fire lava volcano dragon war ไฟ огонь 火 आग",
    "gold": "gold autumn harvest coffee honey ทอง золот осен 秋 ذهب",
    "violet": "neon cyber magic galax dream ฝัน",
    "rose": "rose love wedding blossom perfume รัก любов 桜 愛 حب",
}
# What may follow a picture whose words gave no second one.
_KIN = {
    "sea": ("hills", "ribbons", "peaks"),
    "city": ("lights", "ribbons", "hills"),
    "peaks": ("woods", "hills", "ribbons"),
    "woods": ("hills", "peaks", "ribbons"),
    "cosmos": ("ribbons", "lights", "peaks"),
    "hills": ("peaks", "woods", "ribbons"),
    "lights": ("ribbons", "hills", "city"),
}


@dataclass(frozen=True, slots=True)
class Shot:
    """What a scene shows, before anything is painted."""

    caption: str
    composition: str
    palette: Palette
    look: Look
    seed: int


def _hinted(text: str, hints: Mapping[str, str]) -> list[str]:
    """What the words of the text suggest, in the order in which they stand there."""
    lowered = " " + re.sub(r"[\"'(“‘«\n-]", " ", text.lower())
    found = []
    for name, words in hints.items():
        # A Latin hint must begin a word; other scripts may not have spaces.
        places = [lowered.find(f" {word}" if word.isascii() else word) for word in words.split()]
        if hits := [place for place in places if place >= 0]:
            found.append((min(hits), name))
    return [name for _, name in sorted(found)]


def plan_shots(spec: RenderSpec, captions: Sequence[str], variation: int = 0) -> list[Shot]:
    """Choose a picture for each caption: related colours, never the same composition twice running.

    Depends on the prompt, the seed and the style alone.
    """
    look = look_named(spec.style)
    random = Random(spec.digest("shots", look.name, variation))
    wanted = [name for name in _hinted(spec.text, _MOODS) if name in look.palettes]
    first = wanted[0] if wanted and variation == 0 else random.choice(look.palettes)
    second = random.choice([name for name in look.palettes if name != first])
    whole = _hinted(spec.text, _PICTURES)
    shots: list[Shot] = []
    previous = ""
    for number, caption in enumerate(captions):
        hints = _hinted(caption, _PICTURES) or whole
        choice = next((hint for hint in hints if hint != previous), None)
        if choice is None or variation > 1:
            # Variations of a still wander from what the words suggest; scenes stay near it.
            kin = _KIN[whole[0]] if whole and variation == 0 else COMPOSITIONS
            choice = random.choice([name for name in kin if name != previous])
        palette = second if number % 3 == 2 else first
        shots.append(Shot(caption, choice, PALETTES[palette], look, random.getrandbits(48)))
        previous = choice
    return shots
