"""Text steps without a language model: laid out, counted and picked by rule.

They know nothing that was not in the prompt, and say so where a reader could think otherwise: a
concept is the prompt in order, a summary is the text's own sentences, research is a list of
questions. What the rules add is English or Thai, by the script of the text unless it was ordered.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from reelbase.media.spec import Refused
from reelbase.media.text import (
    clean,
    clusters,
    columns,
    divided,
    language_of,
    script_of,
    sentences_of,
    shortened,
)

__all__ = ["write"]

Tongue = Literal["en", "th"]

_TITLE_COLUMNS = 64
_TOPIC_COLUMNS = 400
_CONCEPT_BYTES = 46_000  # of a concept and its prompt together
_IDEA_BYTES = 8000
_VISUAL_COLUMNS = 220
_SEGMENTATION_BYTES = 32_000  # of a concept and the prompts together
_SEGMENT_BYTES = 5000  # of narration, so that a segment fits its row in any script
_SEGMENT_SECONDS = 5.0
_MOST_SEGMENTS = 50
_MOST_SEGMENTS_UNASKED = 12
_MOST_SENTENCES = 20
_TERMS = 5
_PAUSES = re.compile(r"[\s\d!-/:-@\[-`{-~“”‘’…。、，！？；：「」（）]+")
_NAMES = re.compile(  # capital letters inside of a sentence
    r"(?<=[^\W\d_] )[^\W\d_a-zß-ÿ][^\W\d_]+(?: [^\W\d_a-zß-ÿ][^\W\d_]+)*"
)
_GRAM = 3  # letters of a script without spaces that stand for a word

_WORDS: Mapping[Tongue, Mapping[str, str]] = {
    "en": {
        "idea": "Idea",
        "opening": "Opening",
        "middle": "Middle",
        "ending": "Ending",
        "show": "The place, and who is in it: {title}",
        "change": "One thing changes, seen from close by.",
        "return": "The first picture again, with the change in it.",
        "concept_note": "Laid out by rule from the prompt; no language model was asked.",
        "nothing": (
            "Nothing was looked up: this model cannot reach the web and knows nothing by itself. "
            "These are questions to ask, not answers."
        ),
        "topic": "Topic",
        "questions": "Questions",
        "about": "What is known about “{term}”, and who says so?",
    },
    "th": {
        "idea": "แนวคิด",
        "opening": "เปิดเรื่อง",
        "middle": "กลางเรื่อง",
        "ending": "จบเรื่อง",
        "show": "สถานที่และคนในเรื่อง: {title}",
        "change": "มีสิ่งหนึ่งเปลี่ยนไป เห็นในระยะใกล้",
        "return": "กลับมาที่ภาพแรก พร้อมสิ่งที่เปลี่ยนไป",
        "concept_note": "จัดวางจากข้อความตามกฎ ไม่ได้ใช้แบบจำลองภาษา",
        "nothing": (
            "ไม่ได้ค้นหาข้อมูลใด ๆ: โมเดลนี้เข้าถึงเว็บไม่ได้และไม่มีความรู้ของตัวเอง ต่อไปนี้เป็นคำถามที่ควรถาม ไม่ใช่คำตอบ"
        ),
        "topic": "หัวข้อ",
        "questions": "คำถาม",
        "about": "มีข้อมูลอะไรเกี่ยวกับ “{term}” และใครเป็นผู้กล่าว",
    },
}
_QUESTIONS: Mapping[Tongue, Sequence[str]] = {
    "en": (
        "Which claims in the prompt can be checked, and at which first-hand source?",
        "What has changed about it during the last twelve months?",
        "Who disagrees, and on what evidence?",
        "Which numbers, names and dates would a viewer want to see?",
        "Which pictures or recordings exist, and who owns the rights to them?",
    ),
    "th": (
        "ข้อความใดตรวจสอบได้ และตรวจสอบได้จากแหล่งข้อมูลชั้นต้นใด",
        "ในสิบสองเดือนที่ผ่านมามีอะไรเปลี่ยนแปลง",
        "ใครไม่เห็นด้วย และมีหลักฐานอะไร",
        "ผู้ชมอยากเห็นตัวเลข ชื่อ และวันที่ใด",
        "มีภาพหรือเสียงบันทึกใดอยู่แล้ว และใครเป็นเจ้าของลิขสิทธิ์",
    ),
}
_SHOTS: Mapping[Tongue, Sequence[str]] = {
    "en": ("Wide shot", "Medium shot", "Close-up", "Detail", "Over the shoulder"),
    "th": ("ภาพกว้าง", "ภาพระยะกลาง", "ภาพระยะใกล้", "ภาพรายละเอียด", "ภาพข้ามไหล่"),
}
_MOVES: Mapping[Tongue, Sequence[str]] = {
    "en": ("slow push in", "pan to the right", "hold still", "slow pull back", "pan to the left"),
    "th": ("ซูมเข้าช้า ๆ", "แพนไปทางขวา", "กล้องนิ่ง", "ซูมออกช้า ๆ", "แพนไปทางซ้าย"),
}
_COMMON = frozenset(
    re.findall(
        "[a-z]+",
        """
        about above after again all also and any are because been before being between both but can
        could did does doing down each every few first for from further had has have having her here
        hers him his how into its itself just last like make makes many more most much must new not
        now off once one only other our out over own same she should some such than that the their
        them then there these they this those through time too two under until very video was were
        what when where which while who whom why will with would you your
        """,
    )
)


def write(
    kind: str,
    prompt: str,
    parameters: Mapping[str, Any],
    seconds: float | None,
    negative_prompt: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """Do a text step.

    Args:
        kind: `concept`, `web_research`, `content_summary` or `video_segmentation`.
        prompt: As it came from the user.
        parameters: As docs/providers.md lists them.
        seconds: How long the video is to be that is divided into segments; None: not said.
        negative_prompt: Changes nothing, but it takes room in the row of what is yielded.

    Returns:
        The text that was worked on, and the yields.

    Raises:
        Refused: `invalid_parameter`, `empty_prompt`.
    """
    text = clean(prompt)
    own = {"content_summary": "content", "video_segmentation": "concept"}.get(kind)
    if own is not None:
        text = clean(_text(parameters, own)) or text
    if not text:
        raise Refused("empty_prompt", "The prompt is empty.")
    wanted = _text(parameters, "language") or language_of(text) or "en"
    tongue: Tongue = "th" if wanted.lower().startswith("th") else "en"
    if kind == "concept":
        return text, _concept(text, tongue, parameters, len(prompt.encode()))
    if kind == "web_research":
        return text, {"response": _research(text, tongue)}
    if kind == "content_summary":
        wished = _count(parameters, "sentences", _MOST_SENTENCES) or 3
        return text, {"summary": _summary(text, wished)}
    count = _count(parameters, "segments", _MOST_SEGMENTS)
    room = _SEGMENTATION_BYTES - len(f"{prompt}{negative_prompt or ''}".encode())
    concept = _within(text, room) if room > 40 else ""
    return text, {"segments": _segments(text, tongue, count, seconds), "concept": concept}


def _text(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name, "")
    if not isinstance(value, str):
        raise Refused("invalid_parameter", f"parameters.{name}: it must be a text.")
    return value


def _count(parameters: Mapping[str, Any], name: str, most: int) -> int | None:
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        message = f"parameters.{name}: it must be a whole number from 1 to {most}."
        raise Refused("invalid_parameter", message)
    return value


def _concept(
    text: str, tongue: Tongue, parameters: Mapping[str, Any], prompt_bytes: int
) -> dict[str, Any]:
    words = _WORDS[tongue]
    title = _title(text)
    told = {name: clean(_text(parameters, name)) for name in ("tone", "goal")}
    # The prompt stands in the same row, and all of a row is limited.
    taken = prompt_bytes + sum(len(each.encode()) for each in told.values())
    room = max(400, min(_IDEA_BYTES, (_CONCEPT_BYTES - taken) // 2))
    parts = sentences_of(text)
    if len(parts) >= 3:
        beats = [_within(part, room // 4) for part in divided(text, 3)]
    else:
        beats = [words["show"].format(title=title), words["change"], words["return"]]
    lines = [
        f"{words['idea']}: {_within(text, room)}",
        "",
        *(
            f"{words[name]}: {beat}"
            for name, beat in zip(("opening", "middle", "ending"), beats, strict=True)
        ),
        "",
        words["concept_note"],
    ]
    concept = {"title": title, "concept": "\n".join(lines)}
    return concept | {name: value for name, value in told.items() if value}


def _title(text: str) -> str:
    """The first sentence, or what a title has room for."""
    title = shortened(sentences_of(text)[0].replace("\n", " "), _TITLE_COLUMNS)
    title = title.rstrip(".。!?！？,;: ") or title
    return title[0].upper() + title[1:]


def _research(text: str, tongue: Tongue) -> str:
    words = _WORDS[tongue]
    asked = [words["about"].format(term=term) for term in _terms(text)] + [*_QUESTIONS[tongue]]
    return "\n".join(
        [
            words["nothing"],
            "",
            f"{words['topic']}: {shortened(text, _TOPIC_COLUMNS)}",
            "",
            f"{words['questions']}:",
            *(f"{number}. {question}" for number, question in enumerate(asked, 1)),
        ]
    )


def _terms(text: str) -> list[str]:
    """What the text is about: names first, then what it repeats; phrases where no spaces are."""
    if _is_unspaced(text):
        phrases = [phrase for phrase in _PAUSES.split(text) if 4 <= columns(phrase) <= 40]
        return list(dict.fromkeys(phrases))[:_TERMS]
    counted = Counter(_words(text))
    telling = [word for word in counted if len(word) > 3] or list(counted)
    common = sorted(telling, key=lambda word: -counted[word])
    found: list[str] = []
    for term in [*_NAMES.findall(text), *common]:
        if not any(term.lower() in known.lower() for known in found):
            found.append(term)
        if len(found) == _TERMS:
            break
    return found


def _is_unspaced(text: str) -> bool:
    return _unspaced_letters(text) * 2 > sum(char.isalpha() for char in text)


def _unspaced_letters(text: str) -> int:
    return sum(
        script_of(char) in ("thai", "lao", "khmer", "myanmar", "han", "kana") for char in text
    )


def _words(text: str) -> list[str]:
    """What is counted: words that mean something, or short runs of letters where no spaces are."""
    lowered = text.lower()
    if not _is_unspaced(text):
        return [word for word in re.findall(r"[^\W\d_]{3,}", lowered) if word not in _COMMON]
    grams: list[str] = []
    for phrase in _PAUSES.split(lowered):
        parts = clusters(phrase)
        grams += ["".join(parts[at : at + _GRAM]) for at in range(len(parts) - _GRAM + 1)]
    return grams


def _summary(text: str, count: int) -> str:
    """The sentences that say most of what the others say, in their order."""
    parts = list(dict.fromkeys(sentences_of(text)))
    if len(parts) <= count:
        return "\n".join(parts)
    of_all = Counter(_words(text))
    told: Counter[str] = Counter()
    chosen: set[int] = set()

    def worth(number: int) -> float:
        words = set(_words(parts[number]))
        # What was said already counts half; a long sentence is no better for being long.
        score = sum(of_all[word] / (1 + told[word]) for word in words)
        return score / math.sqrt(4 + len(words)) * (1.25 if number == 0 else 1.0)

    while len(chosen) < count:
        best = max((n for n in range(len(parts)) if n not in chosen), key=worth)
        chosen.add(best)
        told.update(set(_words(parts[best])))
    return "\n".join(parts[number] for number in sorted(chosen))


def _segments(
    text: str, tongue: Tongue, count: int | None, seconds: float | None
) -> list[dict[str, str]]:
    """The text in pieces, each with a shot and a move of the camera."""
    if count is None:
        fitting = -(-len(text.encode()) // _SEGMENT_BYTES)
        count = min(_MOST_SEGMENTS_UNASKED, len(sentences_of(text)))
        if seconds is not None:
            count = max(1, min(_MOST_SEGMENTS, round(seconds / _SEGMENT_SECONDS)))
        count = max(count, fitting)
    pieces = [_within(piece, _SEGMENT_BYTES) for piece in divided(text, count)]
    shots, moves = _SHOTS[tongue], _MOVES[tongue]
    # A text too short for so many segments is seen again from elsewhere, and not said again.
    repeated = [pieces[number % len(pieces)] for number in range(count)]
    lengths = _shares(repeated, seconds) if seconds is not None else None
    segments = []
    for number, piece in enumerate(repeated):
        move = moves[number % len(moves)]
        segments.append(
            {
                "visual": f"{shots[number % len(shots)]}: {shortened(piece, _VISUAL_COLUMNS)}",
                "narration": piece if number < len(pieces) else "",
                "animation": move if lengths is None else f"{move}, {lengths[number]:.1f} s",
            }
        )
    return segments


def _shares(pieces: Sequence[str], seconds: float) -> list[float]:
    """How long each piece is seen: one half of the time alike, the other by its length."""
    sizes = [columns(piece) + 1 for piece in pieces]
    return [seconds * (0.5 / len(pieces) + 0.5 * size / sum(sizes)) for size in sizes]


def _within(piece: str, limit: int) -> str:
    """As much of a text as fits so many bytes."""
    while (size := len(piece.encode())) > limit:
        piece = shortened(piece, max(1, int(columns(piece) * limit / size * 0.95)))
    return piece
