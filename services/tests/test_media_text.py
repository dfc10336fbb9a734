"""Prompts as material: what is kept, where it is cut, which language it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbase.media.text import (
    clean,
    clusters,
    columns,
    language_of,
    scenes_of,
    shortened,
    units_of,
)


@pytest.mark.parametrize(
    "text", ["", "   ", "\n\t \r\n", "\u200b\u200d", "\u202e\ufeff", "\x00\x07"]
)
def test_text_without_anything_visible_is_empty(text: str) -> None:
    assert clean(text) == ""


def test_controls_become_spaces_and_direction_marks_go() -> None:
    assert clean("a\x00b\x1b[31m\u202ec\ufeff") == "a b [31mc"


def test_every_kind_of_line_end_is_one_line_feed() -> None:
    assert clean("a\r\nb\rc\u2028d\n\n\n  e") == "a\nb\nc\nd\ne"


def test_lone_surrogate_becomes_the_replacement_character() -> None:
    assert clean("x\ud800y") == "x\ufffdy"
    assert clean("\ud83d\ude00") == "😀"


def test_marks_are_bounded_so_that_no_cluster_grows_without_end() -> None:
    assert len(clean("Z" + "\u0301" * 500)) < 12


@pytest.mark.parametrize("emoji", ["👩‍👩‍👧‍👦", "🇹🇭", "👍🏽", "❤️", "1️⃣", "นี้"[:3], "क्"])
def test_what_a_reader_sees_as_one_character_is_one_cluster(emoji: str) -> None:
    assert clusters("a" + emoji + "b") == ["a", emoji, "b"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A lighthouse at dawn", "en"),
        ("A café in the rain", "en"),
        ("ประภาคารยามรุ่งอรุณ", "th"),
        ("منارة عند الفجر", "ar"),
        ("یک گربه پشت پنجره", "fa"),
        ("Маяк на рассвете", "ru"),
        ("Маяк і море, їжак", "uk"),
        ("黎明时的灯塔", "cmn"),
        ("灯台の夜明け", "ja"),
        ("새벽의 등대", "ko"),
        ("सुबह का दीपस्तंभ", "hi"),
        ("ខ្មែរ", None),
        ("😀 123", "en"),
        ("タワー in 東京 の夜", "ja"),
    ],
)
def test_language_follows_the_script(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_sentences_become_scenes() -> None:
    text = "A lighthouse at dawn, waves breaking. A lone gull circles above the old harbour."
    assert scenes_of(text, 6.0) == [
        "A lighthouse at dawn, waves breaking.",
        "A lone gull circles above the old harbour.",
    ]


def test_no_word_is_lost_while_the_film_has_time_for_it() -> None:
    text = " ".join(f"word{number}" for number in range(20))
    assert " ".join(scenes_of(text, 10.0)).split() == text.split()


def test_what_exceeds_the_film_is_cut_at_a_word_and_says_so() -> None:
    scenes = scenes_of("wonderful " * 1000, 6.0)
    assert scenes[-1].endswith("wonderful…")
    assert 100 < columns(" ".join(scenes)) <= 6 * 30 + len(scenes)


def test_longer_films_keep_more() -> None:
    text = "wonderful " * 1000
    assert len(" ".join(scenes_of(text, 30.0))) > 4 * len(" ".join(scenes_of(text, 6.0)))


def test_unspaced_scripts_break_where_a_syllable_or_an_ideograph_begins() -> None:
    assert [unit.text for unit in units_of("灯台の、夜")] == ["灯", "台", "の、", "夜"]
    assert all(unit.text[0] in "เก" for unit in units_of("กาเกาแก"[:5]))


@given(st.text(max_size=400), st.sampled_from([1.0, 3.0, 6.0, 60.0]))
def test_any_text_can_be_cleaned_and_divided(text: str, seconds: float) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    cleaned.encode()
    if cleaned:
        scenes = scenes_of(cleaned, seconds)
        assert scenes
        assert all(scene.strip() for scene in scenes)
        assert len(scenes) <= seconds
        assert columns(shortened(cleaned, 40)) <= 42
