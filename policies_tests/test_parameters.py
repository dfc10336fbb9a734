"""What a job may ask of its model beyond a prompt: checked before anything is charged."""

import json
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbase.local.pytest_plugin import RunningStack

from .harness import Bench, Shop, open_shop, refused
from .test_owners import upload

RULES: dict[str, dict[str, Any]] = {
    "seed": {"type": "integer", "min": 0, "max": 99},
    "guidance": {"type": "number", "min": 0.5, "max": 20},
    "voice": {"type": "text", "min": 2, "max": 5},
    "note": {"type": "text", "max": 5},
    "look": {"type": "text", "choices": ["plain", "film"]},
    "loop": {"type": "boolean"},
    "marks": {
        "type": "array",
        "min": 1,
        "max": 3,
        "items": {"type": "number", "min": 0, "max": 9},
    },
    "words": {"type": "array", "max": 2, "items": {"type": "text", "max": 3}},
    "cuts": {"type": "integer", "min": 1, "max": 9, "kinds": ["video_edit"]},
}


def strict_shop(bench: Bench) -> Shop:
    """A model with rules."""
    shop = open_shop(bench)
    bench.run(
        "update public.models set parameters = %s where id = %s", json.dumps(RULES), shop.model
    )
    return shop


@pytest.fixture(scope="module")
def strict(bench: Bench) -> Shop:
    """A model with rules, for tests that only ask."""
    return strict_shop(bench)


def number_of_jobs(bench: Bench, user: str) -> int:
    """Count a user's jobs."""
    count = bench.value("select count(*) from public.generation_jobs where user_id = %s", user)
    return int(count)


# Parameters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"seed": 0, "guidance": 0.5, "voice": "ab", "note": "", "look": "film", "loop": False},
        {"seed": 99, "guidance": 20, "voice": "ประตู", "marks": [0, 9, 4.25], "words": []},
        {"words": ["abc", ""], "marks": [1e0]},
    ],
)
def test_parameters_that_keep_the_rules_are_kept_to_the_letter(
    bench: Bench, strict: Shop, parameters: dict[str, Any]
) -> None:
    job = strict.job(bench.person(), p_parameters=json.dumps(parameters))
    kept = bench.value("select parameters from public.generation_jobs where id = %s", job.id)
    assert kept == parameters


REFUSED = [
    ('{"seed": 1e400}', "parameters.seed: must be a whole number from 0 to 99."),
    ('{"seed": -1}', "parameters.seed: "),
    ('{"seed": 1.5}', "parameters.seed: "),
    ('{"seed": 5.0}', "parameters.seed: "),
    ('{"seed": "5"}', "parameters.seed: "),
    ('{"seed": true}', "parameters.seed: "),
    ('{"seed": null}', "parameters.seed: "),
    ('{"guidance": 0.49999}', "parameters.guidance: must be a number from 0.5 to 20."),
    ('{"guidance": 1.000000000000000000001}', "parameters.guidance: "),
    ('{"guidance": -1e-16000}', "parameters.guidance: "),
    ('{"voice": "a"}', "parameters.voice: must be a text of 2 to 5 characters."),
    ('{"voice": "abcdef"}', "parameters.voice: "),
    ('{"voice": " \\t\\n"}', "parameters.voice: "),
    ('{"note": "abcdef"}', "parameters.note: must be a text of 0 to 5 characters."),
    ('{"look": "noir"}', "parameters.look: must be one of plain, film."),
    ('{"look": ["film"]}', "parameters.look: "),
    ('{"look": null}', "parameters.look: "),
    ('{"loop": 1}', "parameters.loop: must be true or false."),
    ('{"marks": []}', "parameters.marks: must be a list of 1 to 3."),
    ('{"marks": [1, 2, 3, 4]}', "parameters.marks: "),
    ('{"marks": {"0": 1}}', "parameters.marks: "),
    ('{"marks": [1, 2, "x"]}', "parameters.marks[2]: must be a number from 0 to 9."),
    ('{"marks": [[1]]}', "parameters.marks[0]: "),
    ('{"words": ["abc", "abcd"]}', "parameters.words[1]: must be a text of 0 to 3 characters."),
    ('{"colour": "red"}', "parameters.colour: is not known to this model, which knows guidance, "),
    ('{"cuts": 3}', "parameters.cuts: is not known to this model"),
    ('{"Seed": 3}', "parameters.Seed: is not known"),
    ('{"": 3}', "parameters.: is not known"),
    (f'{{"{"x" * 5000}": 3}}', f"parameters.{'x' * 40}: is not known"),
    (f'{{"seed": {"[" * 1000}{"]" * 1000}}}', "parameters.seed: "),
    (json.dumps({"marks": [1] * 10_000}), "parameters: must be no longer than 16384 bytes"),
    (json.dumps({"note": "\x01" * 5000}), "parameters: must be no longer than 16384 bytes"),
    (f'{{"seed": {"9" * 60_000}}}', "parameters: must be no longer than 16384 bytes"),
    ("[]", "parameters: must be an object."),
    ('"x"', "parameters: must be an object."),
    ("null", "parameters: must be an object."),
]


@pytest.mark.parametrize(("parameters", "message"), REFUSED, ids=lambda each: each[:24])
def test_parameters_that_break_a_rule_are_refused_by_name(
    bench: Bench, strict: Shop, parameters: str, message: str
) -> None:
    with bench.anonymous() as session, pytest.raises(psycopg.Error) as caught:
        session.rows(
            "select public.quote_generation('text_to_image', p_model_id => %s, p_parameters => %s)",
            strict.model,
            parameters,
        )
    told = caught.value.diag
    assert (caught.value.sqlstate, told.message_hint) == ("PT400", "invalid_parameter")
    assert (told.message_primary or "").startswith(message)
    assert len(str(caught.value)) < 1000


def test_nothing_is_charged_or_written_for_parameters_that_are_refused(
    bench: Bench, strict: Shop
) -> None:
    user = bench.person()
    wrong = '{"seed": 100}'
    with bench.owner(user) as session:
        with refused("PT400", "invalid_parameter"):
            strict.submit(session, p_parameters=wrong)
        with refused("PT400", "invalid_parameter"):
            session.run(
                "insert into public.generation_jobs (kind, prompt, model_id, parameters)"
                " values ('text_to_image', 'x', %s, %s)",
                strict.model,
                wrong,
            )
    with refused("PT400", "invalid_parameter"):
        strict.draft(user, parameters=wrong)
    assert (number_of_jobs(bench, user), bench.balance(user)) == (0, 100)


def test_draft_is_held_to_the_rules_when_it_is_edited_and_when_it_is_queued(bench: Bench) -> None:
    shop = strict_shop(bench)
    user = bench.person()
    draft = shop.draft(user, parameters='{"seed": 9}')
    with bench.owner(user) as session:
        with refused("PT400", "invalid_parameter"):
            session.run(
                "update public.generation_jobs set parameters = '{\"seed\": -9}' where id = %s",
                draft.id,
            )
        bench.run("update public.models set parameters = '{}' where id = %s", shop.model)
        with refused("PT400", "invalid_parameter"):
            session("public.queue_generation", p_job_id=draft.id)
        assert shop.status(draft) == "pending"
        session.run("update public.generation_jobs set parameters = '{}' where id = %s", draft.id)
        session("public.queue_generation", p_job_id=draft.id)
    assert bench.balance(user) == 93


def test_model_without_rules_takes_any_object(bench: Bench, shop: Shop) -> None:
    odd = '{"anything": [null, {"goes": 1.5}]}'
    assert shop.status(shop.job(bench.person(), p_parameters=odd)) == "queued"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, database=None)
@given(
    parameters=st.dictionaries(st.sampled_from([*RULES, "other"]), anything, max_size=3) | anything
)
def test_whatever_is_asked_gets_a_price_or_a_plain_refusal(
    bench: Bench, strict: Shop, parameters: Any
) -> None:
    document = json.dumps(parameters)
    refusal = None
    try:
        bench.rows(
            "select public.quote_generation('text_to_image', p_model_id => %s, p_parameters => %s)",
            strict.model,
            document,
        )
    except psycopg.Error as error:
        refusal = (error.sqlstate, error.diag.message_hint)
    if refusal is None:
        assert set(parameters) <= RULES.keys() - {"cuts"}
    elif refusal[0] == "22P05":
        assert "\\u0000" in document  # PostgreSQL cannot read it, so nobody ever looks at it
    else:
        assert refusal == ("PT400", "invalid_parameter")


def test_hostile_documents_are_a_bad_request_to_the_api_and_never_its_fault(
    strict: Shop, stack: RunningStack
) -> None:
    with httpx.Client(
        base_url=stack.supabase_url, headers={"apikey": stack.publishable_key}, timeout=30
    ) as api:
        for document in (
            '{"voice": "\\u0000"}',
            '{"seed": 1e999999}',
            *(each for each, _ in REFUSED if each != "null"),  # to the API that is none
        ):
            body = (
                f'{{"p_kind": "text_to_image", "p_model_id": "{strict.model}",'
                f' "p_parameters": {document}}}'
            )
            answer = api.post(
                "/rest/v1/rpc/quote_generation",
                content=body,
                headers={"content-type": "application/json"},
            )
            assert answer.status_code == 400, (document[:60], answer.text)


# Lengths ------------------------------------------------------------------------------------------


def film_shop(bench: Bench, **columns: Any) -> Shop:
    """A model of films of 1 to 30 seconds, usually 6, at a credit a second."""
    shop = open_shop(bench)
    pieces = {"type": "array", "max": 9, "items": {"type": "number", "min": 0.1, "max": 30}}
    given = {
        "min_seconds": 1,
        "max_seconds": 30,
        "default_seconds": 6,
        "kinds": "{text_to_image,image_to_video}",
        "parameters": json.dumps({"durations": pieces}),
    } | columns
    bench.run(
        f"update public.models set {', '.join(f'{name} = %s' for name in given)} where id = %s",
        *given.values(),
        shop.model,
    )
    bench.run(
        "insert into public.model_prices (model_id, kind, mode, unit, credits)"
        " values (%s, 'image_to_video', 'standard', 'second', 1)",
        shop.model,
    )
    return shop


def test_film_of_several_pieces_costs_as_much_as_they_are_long(bench: Bench) -> None:
    shop = film_shop(bench)
    user = bench.person()
    pieces = json.dumps({"durations": [1, 2.5, 0.25]})
    film = {"p_kind": "image_to_video", "p_parameters": pieces}
    found = "select duration_seconds, credit_cost from public.generation_jobs where id = %s"
    with bench.owner(user) as session:
        left_open = shop.submit(session, **film)
        assert session.rows(found, left_open) == [(Decimal("3.75"), Decimal("3.75"))]
        said = shop.submit(session, **film, p_duration_seconds=Decimal("3.75"))
        assert session.rows(found, said) == [(Decimal("3.75"), Decimal("3.75"))]
        # Or a minute would be had for the price of a second.
        with refused("PT400", "invalid_parameter"):
            shop.submit(session, **film, p_duration_seconds=1)
        for lengths in ([30, 0.1], [0.1]):
            with refused("PT400", "duration_not_available"):
                shop.submit(session, **film | {"p_parameters": json.dumps({"durations": lengths})})
        plain = shop.submit(session, p_kind="image_to_video")
        assert session.rows(found, plain) == [(Decimal(6), Decimal(6))]
    assert bench.balance(user) == 100 - 3.75 * 2 - 6


def test_model_that_makes_certain_lengths_sells_no_other(bench: Bench) -> None:
    shop = film_shop(bench, allowed_seconds=[5, 6, 10])
    with bench.owner(bench.person()) as session:
        for seconds in (5, 10, None):
            shop.submit(session, p_kind="image_to_video", p_duration_seconds=seconds)
        for other in (4, Decimal("5.5"), 11):
            with refused("PT400", "duration_not_available"):
                shop.submit(session, p_kind="image_to_video", p_duration_seconds=other)


# Files --------------------------------------------------------------------------------------------


def test_job_without_the_file_that_its_model_works_from_is_refused_uncharged(bench: Bench) -> None:
    shop = film_shop(bench, required_inputs='{"image_to_video": ["reference_image"]}')
    user = bench.person()
    with bench.owner(user) as session:
        with pytest.raises(psycopg.Error) as caught:
            shop.submit(session, p_kind="image_to_video")
        assert (caught.value.sqlstate, caught.value.diag.message_hint) == ("PT400", "input_missing")
        assert (caught.value.diag.message_primary or "").startswith("inputs: ")
        assert (number_of_jobs(bench, user), bench.balance(user)) == (0, 100)
        # Another kind of the same model needs none.
        first = shop.submit(session)
        picture = upload(bench, session, user, "a.png", "image")
        shop.submit(session, p_kind="image_to_video", p_reference_asset_ids=[picture])
        # What its parents make is not known yet.
        shop.submit(session, p_kind="image_to_video", p_after_job_ids=[first])
        shop.submit(session, p_kind="image_to_video", p_parent_job_id=first)


def test_draft_without_the_file_that_its_model_works_from_stays_a_draft(bench: Bench) -> None:
    shop = film_shop(bench, required_inputs='{"image_to_video": ["reference_image"]}')
    user = bench.person()
    draft = shop.draft(user, kind="image_to_video")
    with bench.owner(user) as session:
        with refused("PT400", "input_missing"):
            session("public.queue_generation", p_job_id=draft.id)
        assert bench.balance(user) == 100
        session.run(
            "insert into public.job_assets (job_id, asset_id, role)"
            " values (%s, %s, 'reference_image')",
            draft.id,
            upload(bench, session, user, "a.png", "image"),
        )
        session("public.queue_generation", p_job_id=draft.id)
    assert (shop.status(draft), bench.balance(user)) == ("queued", 94)


# Rules --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ([], "parameters: "),
        ({"Seed": {"type": "boolean"}}, "parameters.Seed: must be named"),
        ({"seed": 7}, "parameters.seed: "),
        ({"seed": {"type": "colour"}}, "parameters.seed: "),
        ({"seed": {"max": 7}}, "parameters.seed: "),
        ({"seed": {"type": "integer", "max": 7}}, "parameters.seed: must have min and max"),
        ({"seed": {"type": "integer", "min": 8, "max": 7}}, "parameters.seed: "),
        ({"seed": {"type": "integer", "min": "0", "max": 7}}, "parameters.seed: "),
        ({"seed": {"type": "integer", "min": 0, "max": 7, "step": 2}}, "parameters.seed: "),
        ({"voice": {"type": "text"}}, "parameters.voice: must have max"),
        ({"voice": {"type": "text", "max": 0}}, "parameters.voice: "),
        ({"voice": {"type": "text", "max": 7, "choices": ["a"]}}, "parameters.voice: "),
        ({"voice": {"type": "text", "choices": []}}, "parameters.voice: "),
        ({"voice": {"type": "text", "choices": [1]}}, "parameters.voice: "),
        ({"loop": {"type": "boolean", "min": 0}}, "parameters.loop: "),
        ({"loop": {"type": "boolean", "kinds": ["films"]}}, "parameters.loop: must name"),
        ({"loop": {"type": "boolean", "kinds": []}}, "parameters.loop: "),
        ({"marks": {"type": "array", "max": 7}}, "parameters.marks: must say in `items`"),
        ({"marks": {"type": "array", "items": {"type": "boolean"}}}, "parameters.marks: "),
        (
            {"marks": {"type": "array", "max": 2, "items": {"type": "text"}}},
            "parameters.marks: must say in `items` what is in it: must have max",
        ),
        (
            {
                "marks": {
                    "type": "array",
                    "max": 2,
                    "items": {"type": "array", "max": 2, "items": {"type": "boolean"}},
                }
            },
            "parameters.marks: ",
        ),
    ],
)
def test_rule_that_says_nothing_of_use_is_refused_by_name(
    bench: Bench, shop: Shop, rules: Any, name: str
) -> None:
    with bench.service() as service, pytest.raises(psycopg.Error) as caught:
        service.run(
            "update public.models set parameters = %s where id = %s", json.dumps(rules), shop.model
        )
    told = caught.value.diag
    assert (caught.value.sqlstate, told.message_hint) == ("PT400", "invalid_parameter_rule")
    assert (told.message_primary or "").startswith(name)


@pytest.mark.parametrize(
    "columns",
    [
        {"required_inputs": '{"films": ["reference_image"]}'},
        {"required_inputs": '{"video_edit": ["result_video"]}'},
        {"required_inputs": '{"video_edit": "source_video"}'},
        {"required_inputs": "[]"},
        {"min_seconds": 1},
        {"min_seconds": 2, "max_seconds": 1},
        {"min_seconds": 1, "max_seconds": "NaN"},
        {"min_seconds": 1, "max_seconds": 5, "default_seconds": 6},
        {"allowed_seconds": [5]},
        {"min_seconds": 1, "max_seconds": 5, "allowed_seconds": [5, 6]},
        {"min_seconds": 1, "max_seconds": 5, "allowed_seconds": [5, None]},
        {"min_seconds": 1, "max_seconds": 5, "default_seconds": 4, "allowed_seconds": [3, 5]},
    ],
    ids=str,
)
def test_limits_of_a_model_fit_one_another(
    bench: Bench, shop: Shop, columns: dict[str, Any]
) -> None:
    with bench.service() as service, refused("23514"):
        service.run(
            f"update public.models set {', '.join(f'{name} = %s' for name in columns)}"
            " where id = %s",
            *columns.values(),
            shop.model,
        )


# The catalogue as it comes ------------------------------------------------------------------------


def test_local_models_make_every_kind_and_are_offered(bench: Bench) -> None:
    kinds = bench.column("select unnest(enum_range(null::public.generation_kind))::text")
    offered = bench.column(
        "select unnest(kinds)::text from public.models where provider = 'local' and is_active"
    )
    assert sorted(offered) == sorted(kinds)


def test_models_of_paid_providers_come_switched_off_with_rules_and_prices(bench: Bench) -> None:
    with bench.undone():
        found = bench.rows(
            "select id, is_active, parameters is not null,"
            " array(select kinds.kind::text from unnest(models.kinds) as kinds (kind) where not"
            "  exists (select from public.model_prices as prices where prices.model_id = models.id"
            "  and prices.kind = kinds.kind and prices.mode = 'standard' and prices.credits > 0))"
            " from public.models where provider in ('replicate', 'fal', 'google', 'runway',"
            " 'luma', 'recraft', 'elevenlabs', 'text')"
        )
        assert len(found) > 20
        assert [row for row in found if row[1:] != (False, True, [])] == []
        # Switched on, each gives every kind of its a price without being told anything more.
        bench.run("update public.models set is_active = true")
        for model, kind in bench.rows("select id, unnest(kinds)::text from public.models"):
            assert (
                bench.value("select (public.quote_generation(%s, 'x', %s)).model_id", kind, model)
                == model
            )


# By hand ------------------------------------------------------------------------------------------


def test_operator_offers_a_model_and_takes_it_back(bench: Bench, shop: Shop) -> None:
    said = {"p_model_id": shop.model, "p_reason": " A test ", "p_operator": " ada "}
    user = bench.person()
    with bench.service() as service, bench.owner(user) as session:
        service("worker.operate_model", p_action="disable", **said)
        with refused("PT400", "model_not_available"):
            shop.submit(session)
        settings = json.dumps({"provider_model": "m-2"})
        service("worker.operate_model", p_action="enable", p_settings=settings, **said)
        shop.submit(session)
        assert session.rows(
            "select is_active, provider_model from public.models where id = %s", shop.model
        ) == [(True, "m-2")]
    assert bench.rows(
        "select operator, action, reason, details ->> 'provider_model' from worker.operator_actions"
        " where details ->> 'model_id' = %s order by action",
        shop.model,
    ) == [("ada", "disable_model", "A test", None), ("ada", "enable_model", "A test", "m-2")]


def test_operator_makes_a_model_the_default_of_its_kinds(bench: Bench, shop: Shop) -> None:
    chosen = "select (public.quote_generation('text_to_image')).model_id"
    with bench.undone():
        before = bench.value(chosen)
        assert before != shop.model
        bench(
            "worker.operate_model",
            p_model_id=shop.model,
            p_action="enable",
            p_reason="x",
            p_operator="x",
            p_settings='{"is_default": true}',
        )
        assert bench.value(chosen) == shop.model
    assert bench.value(chosen) == before


@pytest.mark.parametrize(
    ("changes", "state", "hint"),
    [
        ({"p_reason": " "}, "PT400", "reason_required"),
        ({"p_operator": None}, "PT400", "operator_required"),
        ({"p_model_id": "nothing"}, "PT404", "model_not_found"),
        ({"p_action": "praise"}, "PT400", "unknown_action"),
        ({"p_settings": '{"provider_model": " "}'}, "PT400", "invalid_provider_model"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_operator_does_nothing_that_makes_no_sense(
    bench: Bench, shop: Shop, changes: dict[str, Any], state: str, hint: str
) -> None:
    call = {
        "p_model_id": shop.model,
        "p_action": "enable",
        "p_reason": "x",
        "p_operator": "x",
    } | changes
    with bench.service() as service, refused(state, hint):
        service("worker.operate_model", **call)


def test_model_that_has_no_price_is_not_offered(bench: Bench, shop: Shop) -> None:
    bench.run("delete from public.model_prices where model_id = %s", shop.model)
    with bench.service() as service, refused("PT409", "model_has_no_price"):
        service(
            "worker.operate_model",
            p_model_id=shop.model,
            p_action="enable",
            p_reason="x",
            p_operator="x",
        )
