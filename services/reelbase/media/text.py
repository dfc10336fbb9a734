"""Prompts as material: cleaning, graphemes, where a line may break, which script it is, scenes.

Nothing here draws. A width is counted in *columns*: a Latin letter is one, an ideograph or an
emoji two, a combining mark none.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

__all__ = [
    "Unit",
    "clean",
    "clusters",
    "columns",
    "divided",
    "language_of",
    "scenes_of",
    "script_of",
    "sentences_of",
    "shortened",
    "units_of",
]

_MARKS_A_CLUSTER = 8  # beyond that it is decoration that no font can stack
_COLUMNS_A_SECOND = 30  # what can be read and spoken, if quickly
_SECONDS_A_SCENE = 1.7  # at least, on average
_COLUMNS_A_SCENE = 64  # what a caption looks best with
_INVISIBLE_KEPT = {"\u200b", "\u200c", "\u200d"}

_ENDS = ".!?…。！？｡؟۔।॥။។"
_CLAUSES = ",;:—–،؛、，；："
_CLOSERS = "\"'”’)]»」』"
_WIDE_ENDS = "。！？｡"
_ABBREVIATIONS = {"mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "e.g", "i.e", "no", "fig"}
_PHRASE_COLUMNS = 40  # of scripts that end no sentence with a mark
_NO_START = set(
    "、。，．」』）］｝〉》】〕！？：；ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ…‥ๆฯ"
    + ")]}»”’,.!?:;%"
)
_NO_END = set("「『（［｛〈《【〔" + "([{«“‘")
_LEADING_VOWELS = set("เแโใไເແໂໃໄ")

# First code point, last code point, script.
_SCRIPTS = (
    (0x0041, 0x024F, "latin"),
    (0x1E00, 0x1EFF, "latin"),
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0530, 0x058F, "armenian"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0xFB50, 0xFDFF, "arabic"),
    (0xFE70, 0xFEFC, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0980, 0x09FF, "bengali"),
    (0x0A00, 0x0A7F, "gurmukhi"),
    (0x0A80, 0x0AFF, "gujarati"),
    (0x0B00, 0x0B7F, "oriya"),
    (0x0B80, 0x0BFF, "tamil"),
    (0x0C00, 0x0C7F, "telugu"),
    (0x0C80, 0x0CFF, "kannada"),
    (0x0D00, 0x0D7F, "malayalam"),
    (0x0D80, 0x0DFF, "sinhala"),
    (0x0E00, 0x0E7F, "thai"),
    (0x0E80, 0x0EFF, "lao"),
    (0x1000, 0x109F, "myanmar"),
    (0x10A0, 0x10FF, "georgian"),
    (0x1200, 0x139F, "ethiopic"),
    (0x1780, 0x17FF, "khmer"),
    (0x3040, 0x30FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xF900, 0xFAFF, "han"),
    (0x20000, 0x323AF, "han"),
    (0x1100, 0x11FF, "hangul"),
    (0xAC00, 0xD7AF, "hangul"),
)
_UNSPACED = {"han", "kana", "thai", "lao", "khmer", "myanmar"}

# The language that espeak-ng speaks a script in; None where it has no voice for it.
_LANGUAGES: dict[str, str | None] = {
    "latin": "en",
    "greek": "el",
    "cyrillic": "ru",
    "armenian": "hy",
    "hebrew": "he",
    "arabic": "ar",
    "devanagari": "hi",
    "bengali": "bn",
    "gurmukhi": "pa",
    "gujarati": "gu",
    "oriya": "or",
    "tamil": "ta",
    "telugu": "te",
    "kannada": "kn",
    "malayalam": "ml",
    "sinhala": "si",
    "thai": "th",
    "lao": None,
    "myanmar": "my",
    "georgian": "ka",
    "ethiopic": "am",
    "khmer": None,
    "kana": "ja",
    "han": "cmn",
    "hangul": "ko",
}
# Letters that tell a language from the others of its script.
_TELLING = (
    ("cyrillic", "іїєґІЇЄҐ", "uk"),
    ("arabic", "ٹڈڑںے", "ur"),
    ("arabic", "پچژگ", "fa"),
    ("latin", "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệ", "vi"),
    ("latin", "ąćęłńśźż", "pl"),
    ("latin", "ğışİ", "tr"),
    ("latin", "äöüß", "de"),
    ("latin", "ñ¿¡", "es"),
    ("latin", "ãõ", "pt"),
    ("latin", "àçèêîœùû", "fr"),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of text that no line break divides, and whether a space follows it."""

    text: str
    spaced: bool


def clean(text: str) -> str:
    """Make any text drawable: canonical form, one kind of space, no controls, no lone surrogates.

    Line feeds stay; joiners that shape letters and emoji stay. Nothing visible left means "".
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    whole = unicodedata.normalize("NFC", whole).replace("\r\n", "\n").replace("\r", "\n")
    whole = re.sub("[\u2028\u2029\x85\x0b\x0c]", "\n", whole)
    kept: list[str] = []
    marks = 0
    for char in whole:
        category = unicodedata.category(char)
        marks = marks + 1 if category[0] == "M" else 0
        if marks > _MARKS_A_CLUSTER:
            continue
        if char == "\n" or char in _INVISIBLE_KEPT or "\U000e0020" <= char <= "\U000e007f":
            kept.append(char)
        elif category in ("Cc", "Zs"):
            kept.append(" ")
        elif category != "Cf":
            kept.append(char)
    lines = (
        re.sub(" +", " ", line).strip(" \u200b\u200c\u200d") for line in "".join(kept).split("\n")
    )
    result = "\n".join(line for line in lines if line)
    visible = any(unicodedata.category(char)[0] in "LNPSM" or _is_other(char) for char in result)
    return result if visible else ""


def _is_other(char: str) -> bool:
    return unicodedata.category(char) in ("Co", "Cn")


@lru_cache(maxsize=1 << 14)
def _extends(char: str) -> bool:
    point = ord(char)
    return (
        unicodedata.category(char)[0] == "M"
        or char in "\u200c\u200d\u0e33\u0eb3"
        or 0x1F3FB <= point <= 0x1F3FF
        or 0xE0020 <= point <= 0xE007F
    )


def _is_flag_half(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def clusters(text: str) -> list[str]:
    """What a reader sees as single characters: a base with its marks, an emoji with its joiners."""
    found: list[str] = []
    for char in text:
        if found and (
            _extends(char)
            or (found[-1][-1] == "\u200d" and ord(char) > 0x2000)
            or (_is_flag_half(char) and len(found[-1]) == 1 and _is_flag_half(found[-1]))
        ):
            found[-1] += char
        else:
            found.append(char)
    return found


def columns(text: str) -> int:
    """How wide the text is, roughly, in Latin letters."""
    return len(text) - text.count("\n") if text.isascii() else sum(map(_columns_of, text))


@lru_cache(maxsize=1 << 14)
def _columns_of(char: str) -> int:
    if _extends(char) or char in "\n\u200b":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


@lru_cache(maxsize=1 << 14)
def script_of(char: str) -> str | None:
    """The script that a letter or mark belongs to."""
    point = ord(char)
    if not char.isalpha() and unicodedata.category(char)[0] != "M":
        return None
    return next((name for first, last, name in _SCRIPTS if first <= point <= last), None)


def language_of(text: str) -> str | None:
    """The espeak-ng language in which to speak the text, by its script; None if it has no voice.

    Several languages share a script: letters of their own decide, else the commonest language.
    """
    count = Counter(script for char in text if (script := script_of(char)))
    if not count:
        return "en"
    script = count.most_common(1)[0][0]
    # An ideograph says as much as three letters, and kana among them mean Japanese.
    if 3 * count["han"] + count["kana"] > count[script] or script in ("han", "kana"):
        script = "kana" if count["kana"] * 8 > count["han"] else "han"
    lowered = text.lower()
    for of_script, letters, language in _TELLING:
        # One "é" does not make a text French.
        telling = sum(letter in letters for letter in lowered)
        if (
            of_script == script
            and telling * 25 >= count[script]
            and (telling > 1 or script != "latin")
        ):
            return language
    return _LANGUAGES[script]


def _may_break(before: str, after: str, phrases: bool) -> bool:
    if before == "\u200b":
        return True
    if after[0] in _NO_START or before[0] in _NO_END:
        return False
    if before in "-–—/" and after[0].isalpha():
        return True
    left, right = script_of(before[0]), script_of(after[0])
    wide = {"han", "kana"}
    if left in wide or right in wide or (before in _NO_START and ord(before) > 0x2FFF):
        return True
    return not phrases and left in _UNSPACED and after[0] in _LEADING_VOWELS


def units_of(line: str, *, phrases: bool = False) -> list[Unit]:
    """Cut one line of text where it may be broken.

    Scripts without spaces break between ideographs or, for Thai and Lao, before a vowel that can
    only begin a syllable; no dictionary is used. With `phrases`, these stay whole between spaces.
    """
    units: list[Unit] = []
    current = ""
    last = ""
    for cluster in clusters(line):
        if cluster[0] == " ":
            if current:
                units.append(Unit(current, spaced=True))
            current, last = "", ""
            continue
        if current and _may_break(last, cluster, phrases):
            units.append(Unit(current.replace("\u200b", ""), spaced=False))
            current = ""
        current += cluster
        last = cluster
    if current:
        units.append(Unit(current, spaced=False))
    return [unit for unit in units if unit.text]


def _text_of(units: Sequence[Unit]) -> str:
    joined = "".join(unit.text + " " * unit.spaced for unit in units)
    return joined.replace("\n ", "\n").strip()


def _break_cost(unit: Unit) -> float:
    """How much it hurts to change the scene after this unit."""
    last = unit.text.rstrip(_CLOSERS)[-1:]
    if last in _ENDS:
        return 0.0
    return 0.3 if last in _CLAUSES else 0.9 if unit.spaced else 2.5


def _split_long(unit: Unit, limit: int) -> list[Unit]:
    parts: list[list[str]] = [[]]
    size = 0
    for cluster in clusters(unit.text):
        width = columns(cluster)
        if size + width > limit and parts[-1]:
            parts.append([])
            size = 0
        parts[-1].append(cluster)
        size += width
    return [
        Unit("".join(p), spaced=unit.spaced and i == len(parts) - 1) for i, p in enumerate(parts)
    ]


def scenes_of(text: str, seconds: float) -> list[str]:
    """Divide a cleaned prompt into the captions of a film, one a scene.

    Every word is kept as long as the film has time for it: thirty columns a second. What exceeds
    that is left out at a word's end, and an ellipsis says so. Scenes end with sentences and clauses
    where they can. A prompt too short to be divided is one caption.
    """
    units = _units_within(text, max(int(seconds * _COLUMNS_A_SECOND), 24))
    sizes = [columns(unit.text) + unit.spaced for unit in units]
    total = sum(sizes)
    most = max(1, int(seconds / _SECONDS_A_SCENE))
    fewest = min(most, max(1, round(seconds / 3.5)), max(1, total // 12))
    wanted = min(most, max(fewest, -(-total // _COLUMNS_A_SCENE)))
    return _partition(units, sizes, total / wanted)


def sentences_of(text: str) -> list[str]:
    """The sentences of a cleaned text, at least one. A line ends one; so does, in scripts that have
    no mark for it, the space after a phrase of some length."""
    found: list[str] = []
    for line in text.split("\n"):
        begin = 0
        for match in re.finditer(f"[{re.escape(_ENDS)}]+[{re.escape(_CLOSERS)}]*| ", line):
            end = match.end()
            ended = _ends_sentence(line, begin, match)
            if ended and (piece := line[begin:end].strip()):
                found.append(piece)
            begin = end if ended else begin
        if piece := line[begin:].strip():
            found.append(piece)
    return found or [text]


def _ends_sentence(line: str, begin: int, match: re.Match[str]) -> bool:
    if match[0] == " ":
        before = line[match.start() - 1] if match.start() else ""
        return (script_of(before) in _UNSPACED if before else False) and columns(
            line[begin : match.start()]
        ) >= _PHRASE_COLUMNS
    if match[0][0] in _WIDE_ENDS:
        return True
    if match.end() < len(line) and line[match.end()] != " ":
        return False
    last = line[begin : match.start()].rpartition(" ")[2].lower().lstrip("(")
    return match[0] != "." or not (last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha()))


def divided(text: str, count: int) -> list[str]:
    """Divide a cleaned text into so many parts of about one length, at sentences where it can, else
    at words; fewer where it has not so many words."""
    parts = sentences_of(text)
    if len(parts) > count:
        parts = _gathered(parts, count)
    whole: set[str] = set()  # what has no place to be cut
    while len(parts) < count:
        longest = max((part for part in parts if part not in whole), key=columns, default=None)
        if longest is None:
            break
        if pair := _halved(longest):
            at = parts.index(longest)
            parts[at : at + 1] = pair
        else:
            whole.add(longest)
    return parts


def _gathered(parts: Sequence[str], count: int) -> list[str]:
    """So many groups of parts, each ending where its share of the whole is nearest."""
    sizes = [columns(part) for part in parts]
    total = sum(sizes)
    groups: list[str] = []
    begin = size = 0
    for number in range(count):
        end = begin + 1
        size += sizes[begin]
        share = total * (number + 1) / count
        # One at least is left for each group that is to come.
        while len(parts) - end > count - number - 1 and (
            abs(size + sizes[end] - share) <= abs(size - share)
        ):
            size += sizes[end]
            end += 1
        end = len(parts) if number == count - 1 else end
        groups.append("".join(map(_followed, parts[begin : end - 1])) + parts[end - 1])
        begin = end
    return groups


def _followed(part: str) -> str:
    """A sentence and what stands between it and the next."""
    wide = part[-1] in _WIDE_ENDS or script_of(part[-1]) in ("han", "kana")
    return part if wide else part + " "


def _halved(text: str) -> list[str] | None:
    units = units_of(text)
    sizes = [columns(unit.text) + unit.spaced for unit in units]
    total, size = sum(sizes), 0
    best: tuple[float, int] | None = None
    for at, unit in enumerate(units[:-1], 1):
        size += sizes[at - 1]
        cost = abs(2 * size / total - 1) + 0.4 * _break_cost(unit)
        if best is None or cost < best[0]:
            best = cost, at
    if best is None:
        return None
    return [_text_of(units[: best[1]]), _text_of(units[best[1] :])]


def shortened(text: str, room: int) -> str:
    """The cleaned text, or as much of it as has `room` columns, with an ellipsis."""
    return _text_of(_units_within(text, room))


def _units_within(text: str, room: int) -> list[Unit]:
    """The units of all lines; a unit that ends a line ends with a line feed."""
    units: list[Unit] = []
    for line in text.split("\n"):
        parts = [part for unit in units_of(line) for part in _split_long(unit, room)]
        if parts:
            units += [*parts[:-1], Unit(parts[-1].text + "\n", spaced=True)]
    if columns(text) <= room:
        return units
    kept: list[Unit] = []
    for unit in units:
        room -= columns(unit.text) + unit.spaced
        if room < 1 and kept:
            break
        kept.append(unit)
    tail = kept[-1].text.strip().rstrip(_CLAUSES + _ENDS)
    return [*kept[:-1], Unit(tail + "…", spaced=False)]


def _partition(units: Sequence[Unit], sizes: Sequence[int], ideal: float) -> list[str]:
    """The cheapest division into scenes of about `ideal` columns (dynamic programming)."""
    best = [0.0] + [float("inf")] * len(units)
    start = [0] * (len(units) + 1)
    for end in range(1, len(units) + 1):
        at_end = end == len(units)
        last = units[end - 1]
        cost = 0.0 if at_end or last.text.endswith("\n") else _break_cost(last)
        size = 0
        for begin in range(end - 1, -1, -1):
            size += sizes[begin]
            if size > 2.2 * ideal and begin < end - 1:
                break
            total = best[begin] + (size / ideal - 1) ** 2 + 0.35 * cost
            if total < best[end]:
                best[end], start[end] = total, begin
    cuts = [len(units)]
    while cuts[-1] > 0:
        cuts.append(start[cuts[-1]])
    cuts.reverse()
    return [_text_of(units[a:b]) for a, b in pairwise(cuts)]
