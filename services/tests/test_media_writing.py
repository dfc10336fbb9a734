"""Text steps: always the same, always valid, and never more than the text itself says."""

from typing import Any

import pytest

from reelbase.media.spec import Refused
from reelbase.media.text import clean, divided, sentences_of
from reelbase.media.writing import write
from reelbase.providers.yields import check_yields

ENGLISH = (
    "A lighthouse at dawn, waves breaking. Dr. Smith, the keeper of Bell Rock, climbs 3.5 flights "
    "one last time. The lamp has burned for 120 years. Ships knew the lamp. Tomorrow a machine "
    "takes over! Who will remember the lamp?"
)
THAI = (
    "ประภาคารยามรุ่งสาง คลื่นซัดฝั่ง ผู้ดูแลคนเก่าปีนบันไดเป็นครั้งสุดท้าย ตะเกียงดวงนี้ส่องสว่างมานานหนึ่งร้อยปี "
    "พรุ่งนี้เครื่องจักรจะมาแทนที่ เขาเขียนบรรทัดสุดท้ายในสมุดบันทึกแล้วปิดลง"
)
KINDS = ("concept", "web_research", "content_summary", "video_segmentation")
ODD = ["x", "?", "😀" * 900, "ก" * 3000, "中文。" * 700, "a. " * 900, "x" * 9000, "one\n\ntwo"]


def yields(kind: str, text: str, **parameters: Any) -> dict[str, Any]:
    seconds = parameters.pop("seconds", None)
    _, value = write(kind, text, parameters, seconds)
    return check_yields(kind, value, prompt=text, segments=parameters.get("segments"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [ENGLISH, THAI, *ODD], ids=range(2 + len(ODD)))
def test_any_text_yields_what_the_database_takes(kind: str, text: str) -> None:
    assert yields(kind, text)


@pytest.mark.parametrize("kind", ["concept", "video_segmentation"])
def test_longest_prompts_fit_their_rows(kind: str) -> None:
    for text in ("😀" * 8_192, "สวัสดี " * 1428):  # 32 kB, 10 000 characters
        assert yields(kind, text)["concept"] is not None


def test_sentences_end_where_a_reader_would_end_them() -> None:
    assert sentences_of(ENGLISH)[:3] == [
        "A lighthouse at dawn, waves breaking.",
        "Dr. Smith, the keeper of Bell Rock, climbs 3.5 flights one last time.",
        "The lamp has burned for 120 years.",
    ]
    assert sentences_of("天亮了。海很静！") == ["天亮了。", "海很静！"]
    assert len(sentences_of(THAI)) > 2
    assert all(part in THAI for part in sentences_of(THAI))


@pytest.mark.parametrize("text", [ENGLISH, THAI, "one two three"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_divided_text_is_all_there_in_so_many_parts(text: str, count: int) -> None:
    parts = divided(text, count)
    assert len(parts) == count
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


def test_concept_is_the_prompt_in_order_and_says_so() -> None:
    concept = yields("concept", ENGLISH, tone="calm", goal="to be remembered")
    assert concept["title"] == "A lighthouse at dawn, waves breaking"
    assert (concept["tone"], concept["goal"]) == ("calm", "to be remembered")
    assert "no language model was asked" in concept["concept"]
    assert "ไม่ได้ใช้แบบจำลองภาษา" in yields("concept", THAI)["concept"]
    assert "web_info" not in concept


def test_research_says_that_it_looked_nowhere_and_asks() -> None:
    response = yields("web_research", ENGLISH)["response"]
    assert response.startswith("Nothing was looked up")
    assert "“Bell Rock”" in response
    assert "“lamp”" in response
    assert yields("web_research", THAI)["response"].startswith("ไม่ได้ค้นหา")
    assert yields("web_research", THAI, language="en")["response"].startswith("Nothing")


def test_summary_is_made_of_the_text_s_own_sentences() -> None:
    summary = yields("content_summary", "Make it short.", content=ENGLISH, sentences=2)["summary"]
    lines = summary.split("\n")
    assert len(lines) == 2
    assert all(line in ENGLISH for line in lines)
    assert yields("content_summary", "Only this.")["summary"] == "Only this."


def test_segments_are_as_many_and_as_long_as_ordered() -> None:
    segments = yields("video_segmentation", ENGLISH, segments=4, seconds=20.0)["segments"]
    assert len(segments) == 4
    assert clean(" ".join(each["narration"] for each in segments)) == ENGLISH
    lengths = [float(each["animation"].split(", ")[1].removesuffix(" s")) for each in segments]
    assert sum(lengths) == pytest.approx(20.0, abs=0.3)
    assert len(yields("video_segmentation", ENGLISH, seconds=30.0)["segments"]) == 6
    assert len(yields("video_segmentation", "Tea", segments=5)["segments"]) == 5
    assert yields("video_segmentation", "x", concept="Of this.")["segments"][0]["narration"] == (
        "Of this."
    )


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"segments": 0}, "parameters.segments"),
        ({"segments": True}, "parameters.segments"),
        ({"language": 5}, "parameters.language"),
    ],
)
def test_what_cannot_be_written_is_refused_by_its_field(
    parameters: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        write("video_segmentation", "x", parameters, None)
    assert refused.value.message.startswith(f"{field}: ")
