"""Type: every script of the list has its glyphs, is shaped, and runs the right way."""

import pytest
from PIL import Image, ImageChops

from reelbase.media import fonts
from reelbase.media.fonts import Block, FontsMissing, draw_line, has_glyph, lay_out
from reelbase.media.text import clusters

NOBODY_HAS = "\U0010fffd"

SAMPLES = {
    "Latin": "Žluťoučký kůň, naïve façade ßœø",
    "Vietnamese": "Ngọn hải đăng lúc bình minh",
    "Cyrillic": "Маяк на рассвете",
    "Greek": "Φάρος την αυγή",
    "Thai": "ประภาคารยามรุ่งอรุณ",
    "Arabic": "منارة عند الفجر",
    "Persian": "یک گربه پشت پنجره",
    "Hebrew": "מגדלור עם שחר",
    "Devanagari": "सुबह का दीपस्तंभ",
    "Bengali": "ভোরের বাতিঘর",
    "Tamil": "விடியலில் கலங்கரை",
    "Chinese": "黎明时的灯塔，海浪",
    "Traditional": "黎明時的燈塔",
    "Japanese": "灯台の夜明け、カモメ",
    "Korean": "새벽의 등대",
    "Khmer": "ប្រភាគារ",
    "Burmese": "မီးပြတိုက်",
    "Lao": "ປະພາຄານ",
    "Georgian": "შუქურა",
    "Armenian": "Փարոս",
    "Ethiopic": "የመብራት ቤት",
    "Emoji": "😀🔥👩‍👩‍👧‍👦🇹🇭👍🏽❤️",
    "Signs": "100% “q” «q» — … €£¥ ©™ → ★ ∞",
}


def laid_out(text: str, width: int = 2000) -> Block:
    return lay_out(text, sizes=(40,), width=width, height=2000)


def picture(text: str) -> Image.Image:
    block = laid_out(text)
    return draw_line(block, block.lines[0], 8)


@pytest.mark.parametrize("script", SAMPLES)
def test_every_script_has_glyphs_and_is_not_drawn_as_boxes(script: str) -> None:
    text = SAMPLES[script]
    assert [part for part in clusters(text) if part != " " and not has_glyph(part)] == []
    boxes = "".join(" " if part == " " else NOBODY_HAS for part in clusters(text))
    drawn, boxed = picture(text), picture(boxes).resize(picture(text).size)
    assert drawn.getbbox() is not None
    assert ImageChops.difference(drawn, boxed).getbbox() is not None


def test_a_glyph_that_no_font_has_is_a_box() -> None:
    assert not has_glyph(NOBODY_HAS)
    box = picture(NOBODY_HAS)
    assert box.getbbox() is not None
    assert picture("\U0010fffc").tobytes() == box.tobytes()


def test_arabic_letters_join() -> None:
    apart = sum(laid_out(letter).width for letter in "منارة")
    assert laid_out("منارة").width < 0.9 * apart


def test_thai_marks_stand_on_their_letters() -> None:
    assert laid_out("ก้").width == pytest.approx(laid_out("ก").width)


def test_devanagari_conjuncts_are_formed() -> None:
    assert laid_out("क्ष").width < laid_out("क").width + laid_out("ष").width


def test_right_to_left_text_starts_at_the_right() -> None:
    block = laid_out("منارة hello فجر")
    assert block.rtl
    words = [word for run in block.lines[0].runs if (word := run.text.strip())]
    assert words == ["فجر", "hello", "منارة"]


def test_numbers_within_right_to_left_text_keep_their_order() -> None:
    runs = [run for run in laid_out("منارة 123 فجر").lines[0].runs if "1" in run.text]
    assert runs[0].text.strip() == "123"
    assert not runs[0].rtl


@pytest.mark.parametrize("script", ["Latin", "Thai", "Chinese", "Arabic"])
def test_lines_stay_within_the_width(script: str) -> None:
    block = laid_out(" ".join([SAMPLES[script]] * 5), width=400)
    assert len(block.lines) > 1
    assert block.width <= 400


def test_a_word_wider_than_the_line_is_cut_rather_than_lost() -> None:
    block = laid_out("x" * 100, width=400)
    assert "".join(run.text for line in block.lines for run in line.runs) == "x" * 100
    assert block.width <= 400


def test_type_is_made_smaller_before_a_word_is_cut() -> None:
    block = lay_out("extraordinarily", sizes=(60, 50, 40), width=350, height=400)
    assert block.size < 60
    assert len(block.lines) == 1


def test_missing_font_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_PACKAGES", ("no_such_fonts", "no_such_fonts_cjk"))
    fonts._faces.cache_clear()
    try:
        with pytest.raises(FontsMissing, match="no_such_fonts"):
            laid_out("a")
    finally:
        fonts._faces.cache_clear()
