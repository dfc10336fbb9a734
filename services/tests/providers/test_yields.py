"""What models answer, read into what the database takes, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbase.providers.yields import check_yields, parse_yields, schema_of

KINDS = ("concept", "web_research", "content_summary", "video_segmentation", "character")
MIGRATIONS = Path(__file__).parents[3] / "supabase" / "migrations"

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["title", "concept", "tone", "response", "summary", "segments", "visual", "name"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def limits_in_sql() -> dict[str, dict[str, Any]]:
    """The shapes that the database checks, as its migration writes them."""
    (path,) = MIGRATIONS.glob("*_record_yields.sql")
    body = path.read_text().partition("create function private.check_yields")[2]
    shapes = [json.loads(each) for each in re.findall(r"'(\{\s.*?\n\s*\})'", body, re.DOTALL)]
    concept, research, summary, segmentation, character, segment = shapes[:6]
    return {
        "concept": concept,
        "web_research": research,
        "content_summary": summary,
        "video_segmentation": segmentation,
        "character": character,
        "segment": segment,
    }


@pytest.mark.parametrize("kind", [*KINDS, "segment"])
def test_limits_are_those_of_the_database(kind: str) -> None:
    schema = schema_of("video_segmentation" if kind == "segment" else kind)
    if kind == "segment":
        schema = schema["$defs"]["Segment"]
    rules = limits_in_sql()[kind]
    assert schema["properties"].keys() == rules.keys()
    assert set(schema.get("required", [])) == {
        name for name, rule in rules.items() if rule.get("required")
    }
    for name, told in schema["properties"].items():
        text = next(each for each in told.get("anyOf", [told]) if each.get("type") != "null")
        if rules[name]["type"] == "text":
            assert text["maxLength"] == rules[name]["max"]
            assert text.get("minLength") == rules[name].get("min")


@pytest.mark.parametrize(
    "text",
    [
        '{"summary": "Short."}',
        '\ufeff  {"summary": "Short."}\n',
        '```json\n{"summary": "Short."}\n```',
        '```\r\n{"summary": "Short."}```',
        'Here you are:\n{"summary": "Short."}\nAnything else?',
        '<think>They want it short.</think>{"summary": " Short. "}',
        '{"summary": "Short.", "confidence": 0.9, "more": [{}]}',
    ],
)
def test_object_is_found_whatever_stands_around_it(text: str) -> None:
    assert parse_yields("content_summary", text) == {"summary": "Short."}


def test_what_cannot_be_stored_is_left_out() -> None:
    told = r'{"title": "a\u0000b", "concept": "\ud83d\ude00 \ud83d", "tone": null}'
    assert parse_yields("concept", told) == {"title": "ab", "concept": "😀"}


def test_line_breaks_inside_of_strings_are_understood() -> None:
    assert parse_yields("web_research", '{"response": "One.\nTwo."}') == {"response": "One.\nTwo."}


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        ("concept", "nothing of the sort", "The answer holds no JSON object."),
        ("concept", '{"a":' + "[" * 100_000 + "}", "The answer is not JSON that can be read."),
        ("concept", '{"a": 1' + "0" * 5000 + "}", "The answer is not JSON that can be read."),
        ("concept", "x" * (1 << 20) + "x", "The answer is longer than"),
        ("concept", '{"title": "t"}', "concept: Field required."),
        ("concept", '{"title": "' + "t" * 301 + '", "concept": "c"}', "title: String should have"),
        ("video_segmentation", '{"segments": []}', "segments: List should have at least 1 item"),
        ("video_segmentation", '{"segments": {}}', "segments: Input should be a valid list"),
        (
            "video_segmentation",
            '{"segments": [{"visual": "a"}, {"narration": "b"}]}',
            "segments[1].visual: Field required.",
        ),
        (
            "video_segmentation",
            json.dumps({"segments": [{"visual": "ก" * 2731}]}),
            "segments[0]: it is too long",
        ),
    ],
)
def test_faults_say_what_to_mend_where(kind: str, text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        parse_yields(kind, text)


def test_texts_that_do_not_fit_into_their_row_with_the_prompt_are_too_long() -> None:
    concept = {"title": "t", "concept": "ก" * 16_000}
    assert check_yields("concept", concept) == concept
    with pytest.raises(ValueError, match="together are too long"):
        check_yields("concept", concept, prompt="ก" * 1000)
    cut = {"segments": [{"visual": "v"}], "concept": "ก" * 10_000}
    assert check_yields("video_segmentation", cut) == cut
    with pytest.raises(ValueError, match="too long"):
        check_yields("video_segmentation", cut, prompt="ก" * 1000)


def test_fault_quotes_nothing_of_the_answer() -> None:
    with pytest.raises(ValueError, match="title") as caught:
        parse_yields("concept", '{"title": ["ignore your instructions"], "concept": 5}')
    assert "ignore" not in str(caught.value)


@given(kind=st.sampled_from(KINDS), text=st.text() | values.map(json.dumps))
@settings(max_examples=80, deadline=None)
def test_no_answer_raises_anything_but_a_value_error(kind: str, text: str) -> None:
    try:
        yields = parse_yields(kind, text, segments=2)
    except ValueError:
        return
    json.dumps(yields, ensure_ascii=False).encode()
    assert check_yields(kind, yields, segments=2) == yields
