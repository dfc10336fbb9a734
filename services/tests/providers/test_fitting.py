"""Fitting a job to what a model says of itself, and finding media in whatever it returns."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standins.frame import a_job

from reelbase.providers.base import Permanent
from reelbase.providers.fitting import Field, fields_of, fitted, media_in

USUAL = {name: Field() for name in ("prompt", "aspect_ratio", "duration", "image", "num_outputs")}
TEXT = {"type": "string"}


def fields(**properties: Any) -> Any:
    return fields_of({}, {"properties": {"prompt": TEXT, **properties}})


def fit(job: Any, properties: dict[str, Any], **links: Any) -> dict[str, Any]:
    return fitted(job, fields(**properties), USUAL, **links)


@pytest.mark.parametrize(
    ("told", "seconds", "sent"),
    [
        ({"type": "integer", "minimum": 2, "maximum": 12}, 4.2, 5),
        ({"type": "integer", "minimum": 2, "maximum": 12}, 1, 2),
        ({"type": "number"}, 4.2, 4.2),
        ({"type": "string"}, 4.2, "5"),
        ({"enum": ["5", "10"]}, 4, "5"),
        ({"enum": ["10s", "5s"]}, 6, "10s"),
        ({"enum": [4, 6, 8]}, 6, 6),
        ({"anyOf": [{"const": 5}, {"const": 10}, {"type": "null"}]}, 5, 5),
        ({"enum": ["auto"]}, 5, "auto"),
        ({}, 5, 5),
    ],
)
def test_length_is_said_as_the_model_has_it(
    told: dict[str, Any], seconds: float, sent: Any
) -> None:
    wish = fit(a_job(duration_seconds=seconds), {"duration": told})
    assert wish["duration"] == sent
    assert type(wish["duration"]) is type(sent)


@pytest.mark.parametrize("told", [{"enum": ["5", "10"]}, {"type": "integer", "maximum": 10}])
def test_length_that_no_model_has_is_refused_by_its_name(told: dict[str, Any]) -> None:
    with pytest.raises(Permanent, match=r"duration_seconds: .* 10 seconds") as caught:
        fit(a_job(duration_seconds=11), {"duration": told})
    assert caught.value.code == "duration_unsupported"


def test_ratio_and_resolution_are_found_in_the_models_own_writing() -> None:
    told = {
        "aspect_ratio": {"enum": ["16:9", "1:1"]},
        "resolution": {"enum": ["720P", "1080P"]},
    }
    wish = fit(a_job(), told)
    assert (wish["aspect_ratio"], wish["resolution"]) == ("16:9", "720P")
    for changes, name in (
        ({"aspect_ratio": "21:9"}, "aspect_ratio"),
        ({"resolution": "4k"}, "res"),
    ):
        with pytest.raises(Permanent, match=f"^invalid_parameter: {name}"):
            fit(a_job(**changes), told)


def test_ratio_becomes_a_size_where_the_model_has_sizes() -> None:
    told = {"image_size": {"anyOf": [{"type": "object"}, {"enum": ["square_hd", "portrait_16_9"]}]}}
    assert fit(a_job(aspect_ratio="9:16"), told)["image_size"] == "portrait_16_9"
    with pytest.raises(Permanent, match="aspect_ratio"):
        fit(a_job(aspect_ratio="21:9"), told)


def test_what_a_model_has_no_field_for_is_said_in_the_prompt() -> None:
    job = a_job(negative_prompt="text", art_style="woodcut")
    assert fit(job, {})["prompt"] == f"{job.prompt}\nStyle: woodcut\nAvoid: text"
    wish = fit(job, {"negative_prompt": TEXT})
    assert wish["prompt"] == f"{job.prompt}\nStyle: woodcut"
    assert wish["negative_prompt"] == "text"


def test_parameters_are_passed_on_and_unknown_ones_refused_by_their_name() -> None:
    job = a_job(parameters={"seed": 7})
    assert fit(job, {"seed": {"type": "integer"}})["seed"] == 7
    with pytest.raises(Permanent, match=r"parameters\.seed: "):
        fit(job, {})
    # Where a model says nothing, it may have them.
    assert fitted(job, None, USUAL)["seed"] == 7


def test_parameters_replace_nothing_that_the_job_says() -> None:
    wish = fit(a_job(parameters={"prompt": "another"}), {})
    assert wish["prompt"] == a_job().prompt


def test_number_of_outputs_is_within_what_the_model_makes() -> None:
    told = {"num_images": {"type": "integer", "maximum": 4}}
    assert fit(a_job(output_count=3), told)["num_images"] == 3
    for properties in (told, {}):
        with pytest.raises(Permanent, match="output_count: "):
            fit(a_job(output_count=5), properties)


A, B, C = "https://a.example/1", "https://a.example/2", "https://a.example/3"


@pytest.mark.parametrize(
    ("told", "images", "sent"),
    [
        ({"image": TEXT}, [A], {"image": A}),
        ({"start_image": TEXT, "end_image": TEXT}, [A, B], {"start_image": A, "end_image": B}),
        ({"image_urls": {"type": "array"}}, [A, B, C], {"image_urls": [A, B, C]}),
        ({"image": TEXT, "reference_images": {}}, [A, B], {"reference_images": [A, B]}),
        ({"image_input": {"type": "array", "maxItems": 2}}, [A], {"image_input": [A]}),
    ],
)
def test_images_go_where_the_model_takes_them(
    told: dict[str, Any], images: list[str], sent: dict[str, Any]
) -> None:
    wish = fit(a_job(), told, images=images)
    assert {name: wish[name] for name in told if name in wish} == sent


@pytest.mark.parametrize(
    ("told", "links", "code"),
    [
        ({}, {"images": [A]}, "input_unsupported"),
        ({"image": TEXT}, {"images": [A, B]}, "too_many_inputs"),
        ({"image": TEXT, "end_image": TEXT}, {"images": [A, B, C]}, "too_many_inputs"),
        ({"images": {"maxItems": 2}}, {"images": [A, B, C]}, "too_many_inputs"),
        ({}, {"videos": [A]}, "input_unsupported"),
        ({"video_url": TEXT}, {"videos": [A, B]}, "input_unsupported"),
        ({}, {"sounds": [A]}, "input_unsupported"),
    ],
)
def test_files_that_a_model_does_not_take_are_refused(
    told: dict[str, Any], links: dict[str, Any], code: str
) -> None:
    with pytest.raises(Permanent, match="inputs: ") as caught:
        fit(a_job(), told, **links)
    assert caught.value.code == code


def test_reference_in_a_schema_is_followed_and_one_without_end_is_not() -> None:
    document = {
        "parts": {"Input": {"properties": {"a": {"$ref": "#/parts/a"}, "b": {"$ref": "#/parts/b"}}},
                  "a": {"allOf": [{"enum": ["x"]}]}, "b": {"$ref": "#/parts/b"}}
    }  # fmt: skip
    found = fields_of(document, {"$ref": "#/parts/Input"})
    assert found == {"a": Field(choices=("x",)), "b": Field()}


def test_schema_that_multiplies_by_references_is_not_read_to_its_end() -> None:
    branches = [{"$ref": "#/many"}] * 20
    many = {"allOf": branches, "anyOf": branches, "oneOf": branches, "type": "string"}
    document = {"many": many, "Input": {"properties": {"a": {"$ref": "#/many"}}}}
    # It has sixty to the sixth power of parts.
    assert fields_of(document, {"$ref": "#/Input"}) == {"a": Field(frozenset({"string"}))}


NAMES = st.sampled_from(
    ["a", "$ref", "properties", "anyOf", "allOf", "enum", "type", "minimum", "maximum", "maxItems",
     "const", "prompt", "duration", "image", "url", "video", "content_type", "resolution"]
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["#/a", "#/", "a/b", "https://x.example/a.mp4", "data:,", "http://["]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=50, deadline=None, database=None)
@given(json_values, json_values)
def test_whatever_a_model_says_of_itself_is_read(document: Any, schema: Any) -> None:
    for each in (schema, {"properties": document}, {"properties": {"duration": schema}}):
        with contextlib.suppress(Permanent):
            fitted(a_job(negative_prompt="x"), fields_of(document, each), USUAL, images=[A])


@pytest.mark.parametrize(
    ("told", "kind", "found"),
    [
        (A, "video", [A]),
        ([A, B, A], "image", [A, B]),
        ({"video": {"url": A, "content_type": "video/mp4"}, "seed": 1}, "video", [A]),
        ({"video": {"url": A}, "thumbnail": {"url": B}}, "video", [A]),
        ({"images": [{"url": A}, {"url": B}]}, "image", [A, B]),
        ({"output": A, "preview_image": B + ".png"}, "video", [A]),
        ([A + ".mp4?x=1", B + ".jpg"], "video", [A + ".mp4?x=1"]),
        ({"audio_url": A}, "audio", [A]),
        ({"file": {"url": A, "content_type": "application/octet-stream"}}, "audio", [A]),
        ({"text": "no address", "n": 5, "deep": [[[[[[[[A]]]]]]]]}, "video", []),
        (None, "video", []),
    ],
)
def test_media_are_found_in_any_form_of_result(told: Any, kind: str, found: list[str]) -> None:
    assert media_in(told, kind) == found


@settings(max_examples=50, deadline=None, database=None)
@given(json_values, st.sampled_from(["video", "image", "audio"]))
def test_whatever_a_model_returns_is_looked_through(told: Any, kind: str) -> None:
    assert all(isinstance(each, str) for each in media_in(told, kind))
