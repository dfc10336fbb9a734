"""The studio: templates, campaigns, storyboards, presets, metrics, and what they refuse."""

import json
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .harness import Background, Bench, Session, Shop, race, refused


def add(session: Session, table: str, **columns: Any) -> str:
    """Insert a row and return its id."""
    return str(
        session.value(
            f"insert into public.{table} ({', '.join(columns)})"
            f" values ({', '.join(['%s'] * len(columns))}) returning id",
            *columns.values(),
        )
    )


def change(session: Session, table: str, row: str, **columns: Any) -> int:
    """Update a row and return whether it was there."""
    assignments = ", ".join(f"{name} = %s" for name in columns)
    return session.run(
        f"update public.{table} set {assignments} where id = %s", *columns.values(), row
    )


def read(session: Session, table: str, row: str, column: str) -> Any:
    """Return a row's column."""
    return session.value(f"select {column} from public.{table} where id = %s", row)


# What each table needs at least.
NEEDED: dict[str, dict[str, Any]] = {
    "prompt_templates": {"name": "t", "prompt": "A harbour"},
    "brand_guidelines": {"brand_name": "b"},
    "campaigns": {"name": "c"},
    "storyboard_sequences": {"name": "s"},
    "style_presets": {"name": "p"},
    "tool_configurations": {"tool_name": "t"},
    "tool_preset_chains": {"name": "c"},
    "platform_configurations": {"platform": "shorts"},
    "performance_metrics": {"quality_score": 50},
    "characters": {"name": "c", "visual_prompt": "A captain"},
}


# Shared templates ---------------------------------------------------------------------------------


def share_template(bench: Bench, **columns: Any) -> str:
    """Make a template for everybody, as the services do."""
    with bench.service() as service:
        return add(service, "prompt_templates", **NEEDED["prompt_templates"] | columns)


def test_shared_template_is_read_by_everybody(bench: Bench) -> None:
    template = share_template(bench)
    with bench.anonymous() as visitor, bench.owner(bench.person()) as user:
        for session in (visitor, user):
            assert read(session, "prompt_templates", template, "prompt") == "A harbour"


def test_shared_template_is_nobodys_to_change(bench: Bench) -> None:
    template = share_template(bench)
    with bench.owner(bench.person()) as user:
        assert change(user, "prompt_templates", template, name="mine") == 0
        assert user.run("delete from public.prompt_templates where id = %s", template) == 0
    with bench.anonymous() as visitor, refused("42501"):
        change(visitor, "prompt_templates", template, name="mine")
    assert read(bench, "prompt_templates", template, "name") == "t"


def test_shared_template_that_is_not_active_is_hidden(bench: Bench) -> None:
    template = share_template(bench, is_active=False)
    with bench.anonymous() as visitor, bench.owner(bench.person()) as user:
        for session in (visitor, user):
            assert not session.rows(
                "select id from public.prompt_templates where id = %s", template
            )


def test_own_template_is_seen_by_its_owner_alone_active_or_not(bench: Bench) -> None:
    with (
        bench.owner(bench.person()) as owner,
        bench.owner(bench.person()) as stranger,
        bench.anonymous() as visitor,
    ):
        for is_active in (True, False):
            template = add(owner, "prompt_templates", name="t", prompt="p", is_active=is_active)
            seen = "select id::text from public.prompt_templates where id = %s"
            assert owner.column(seen, template) == [template]
            assert stranger.column(seen, template) == visitor.column(seen, template) == []


def test_user_cannot_share_a_template(bench: Bench) -> None:
    with bench.owner(bench.person()) as owner:
        template = add(owner, "prompt_templates", **NEEDED["prompt_templates"])
        with refused("42501"):
            change(owner, "prompt_templates", template, user_id=None)
        with refused("42501"):
            add(owner, "prompt_templates", name="t", prompt="p", user_id=None)


# Campaigns go forward -----------------------------------------------------------------------------

STEPS = ["draft", "active", "completed", "archived"]


@pytest.mark.parametrize("before", STEPS)
@pytest.mark.parametrize("after", STEPS)
def test_campaign_goes_forward_only(bench: Bench, before: str, after: str) -> None:
    with bench.owner(bench.person()) as owner:
        campaign = add(owner, "campaigns", name="c", status=before)
        if STEPS.index(after) >= STEPS.index(before):
            assert change(owner, "campaigns", campaign, status=after) == 1
        else:
            with refused("PT409", "transition_not_allowed"):
                change(owner, "campaigns", campaign, status=after)


def test_services_cannot_take_a_campaign_back_either(bench: Bench) -> None:
    with bench.owner(bench.person()) as owner:
        campaign = add(owner, "campaigns", name="c", status="archived")
    with bench.service() as service, refused("PT409", "transition_not_allowed"):
        change(service, "campaigns", campaign, status="draft")


def test_completion_of_a_campaign_is_stamped_once(bench: Bench) -> None:
    with bench.owner(bench.person()) as owner:
        campaign = add(owner, "campaigns", name="c")
        assert read(owner, "campaigns", campaign, "completed_at") is None
        change(owner, "campaigns", campaign, status="completed")
        stamp = read(owner, "campaigns", campaign, "completed_at")
        assert stamp is not None
        change(owner, "campaigns", campaign, status="completed", name="d")
        change(owner, "campaigns", campaign, status="archived")
        assert read(owner, "campaigns", campaign, "completed_at") == stamp


def test_campaign_archived_unfinished_was_never_completed(bench: Bench) -> None:
    with bench.owner(bench.person()) as owner:
        campaign = add(owner, "campaigns", name="c", status="archived")
        assert read(owner, "campaigns", campaign, "completed_at") is None


@pytest.mark.parametrize("count", [-1, 10_001])
def test_planned_videos_are_bounded(bench: Bench, count: int) -> None:
    with bench.owner(bench.person()) as owner, refused("23514"):
        add(owner, "campaigns", name="c", total_videos=count)


# Elements -----------------------------------------------------------------------------------------

FRAME = {"description": "A harbour", "duration": 2.5}


@pytest.mark.parametrize(
    ("table", "column", "value", "message"),
    [
        ("campaigns", "concepts", {}, "concepts: must be an array."),
        ("campaigns", "concepts", None, "concepts: must be an array."),
        ("campaigns", "concepts", ["x"], "concepts[0]: must be an object."),
        ("campaigns", "concepts", [{"title": "x"}, {}], "concepts[1].title: is required."),
        ("campaigns", "concepts", [{"title": None}], "concepts[0].title: is required."),
        (
            "campaigns",
            "concepts",
            [{"title": " \n"}],
            "concepts[0].title: must be a text of 1 to 200 characters.",
        ),
        (
            "campaigns",
            "concepts",
            [{"title": "x" * 201}],
            "concepts[0].title: must be a text of 1 to 200 characters.",
        ),
        (
            "campaigns",
            "concepts",
            [{"title": "x"}, {"title": "y", "description": ["z"]}],
            "concepts[1].description: must be a text of at most 5000 characters.",
        ),
        (
            "campaigns",
            "concepts",
            [{"title": "x"}] * 201,
            "concepts: must have no more than 200 elements.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [FRAME, FRAME, FRAME | {"duration": 0}],
            "frames[2].duration: must be a number from 0.1 to 3600.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [FRAME | {"duration": 3600.001}],
            "frames[0].duration: must be a number from 0.1 to 3600.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [FRAME | {"duration": 10**300}],
            "frames[0].duration: must be a number from 0.1 to 3600.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [FRAME | {"duration": "2.5"}],
            "frames[0].duration: must be a number from 0.1 to 3600.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [FRAME | {"duration": [1, 2]}],
            "frames[0].duration: must be a number from 0.1 to 3600.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [FRAME | {"duration": [3600] * 50_000}],
            "frames[0].duration: must be a number from 0.1 to 3600.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [[{"duration": 3600}] * 50_000],
            "frames[0]: must be an object.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [{"description": "x"}],
            "frames[0].duration: is required.",
        ),
        (
            "storyboard_sequences",
            "frames",
            [{"duration": 1}],
            "frames[0].description: is required.",
        ),
        ("storyboard_sequences", "frames", [[FRAME]], "frames[0]: must be an object."),
        (
            "storyboard_sequences",
            "frames",
            [FRAME] * 100_000,
            "frames: must have no more than 200 elements.",
        ),
        ("tool_preset_chains", "tools", [{"settings": {}}], "tools[0].tool: is required."),
        (
            "tool_preset_chains",
            "tools",
            [{"tool": "cut"}, {"tool": "x" * 101}],
            "tools[1].tool: must be a text of 1 to 100 characters.",
        ),
        (
            "tool_preset_chains",
            "tools",
            [{"tool": "cut", "settings": []}],
            "tools[0].settings: must be of type object.",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_wrong_with_an_element_is_told(
    bench: Bench, table: str, column: str, value: Any, message: str
) -> None:
    with bench.owner(bench.person()) as owner:
        row = add(owner, table, **NEEDED[table])
        for attempt in (
            partial(add, owner, table, **NEEDED[table]),
            partial(change, owner, table, row),
        ):
            with pytest.raises(psycopg.Error) as caught:
                attempt(**{column: json.dumps(value)})
            assert caught.value.sqlstate == "PT400"
            assert caught.value.diag.message_primary == message
            assert caught.value.diag.message_hint == "invalid_element"


def test_faulty_element_is_told_to_programs_too(bench: Bench) -> None:
    with bench.owner(bench.person()) as owner, pytest.raises(psycopg.Error) as caught:
        add(owner, "campaigns", name="c", concepts=json.dumps([{"title": "x"}, {"title": 5}]))
    assert json.loads(caught.value.diag.message_detail or "") == {
        "field": "concepts",
        "index": 1,
        "key": "title",
    }


def test_elements_may_hold_more_than_is_asked_for(bench: Bench) -> None:
    concepts = [{"title": "x", "description": None, "mood": {"light": ["low", 3]}}, {"title": "y"}]
    tools = [{"tool": "cut", "settings": {"at": 2}, "label": "first"}, {"tool": "grade"}]
    with bench.owner(bench.person()) as owner:
        campaign = add(owner, "campaigns", name="c", concepts=json.dumps(concepts))
        assert read(owner, "campaigns", campaign, "concepts") == concepts
        chain = add(owner, "tool_preset_chains", name="c", tools=json.dumps(tools))
        assert read(owner, "tool_preset_chains", chain, "tools") == tools


# Storyboards --------------------------------------------------------------------------------------


@given(
    st.lists(
        st.decimals("0.1", "3600", places=3, allow_nan=False, allow_infinity=False), max_size=20
    )
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_storyboard_takes_as_long_as_its_frames(bench: Bench, durations: list[Decimal]) -> None:
    frames = ", ".join(f'{{"description": "x", "duration": {each}}}' for each in durations)
    with bench.undone():
        total = bench.value(
            "insert into public.storyboard_sequences (user_id, name, frames)"
            " values (%s, 's', %s) returning total_duration",
            bench.person(),
            f"[{frames}]",
        )
        assert total == bench.value("select round(%s::numeric, 2)", sum(durations))


def test_storyboards_duration_follows_its_frames_and_cannot_be_written(bench: Bench) -> None:
    with bench.owner(bench.person()) as owner:
        board = add(owner, "storyboard_sequences", name="s", frames=json.dumps([FRAME] * 200))
        assert read(owner, "storyboard_sequences", board, "total_duration") == 500
        change(owner, "storyboard_sequences", board, frames=json.dumps([FRAME] * 3))
        assert read(owner, "storyboard_sequences", board, "total_duration") == Decimal("7.5")
        with refused("428C9"):
            change(owner, "storyboard_sequences", board, total_duration=1)
        with refused("428C9"):
            add(owner, "storyboard_sequences", name="s", total_duration=1)


def test_longest_storyboard_fits(bench: Bench) -> None:
    frames = [FRAME | {"duration": 3600}] * 200
    with bench.owner(bench.person()) as owner:
        board = add(owner, "storyboard_sequences", name="s", frames=json.dumps(frames))
        assert read(owner, "storyboard_sequences", board, "total_duration") == 720_000


# Bounds -------------------------------------------------------------------------------------------

OBJECTS = [
    ("style_presets", "style_data"),
    ("tool_configurations", "configuration"),
    ("platform_configurations", "preferred_style"),
    ("platform_configurations", "character_preferences"),
    ("performance_metrics", "actual_engagement"),
]
DOCUMENTS = [
    *OBJECTS,
    ("platform_configurations", "prompt_templates"),
    ("performance_metrics", "improvements"),
]
ELEMENTS = {
    ("campaigns", "concepts"): {"title": "x"},
    ("storyboard_sequences", "frames"): FRAME,
    ("tool_preset_chains", "tools"): {"tool": "cut"},
}
UNREADABLE = {
    "large": json.dumps("x" * 66_000),
    "digits": "9" * 6000,
    "exponent": '[1, {"deep": -1e40}]',
    "nine-deep": "[" * 9 + "]" * 9,
    "very-deep": "[" * 5000 + "]" * 5000,
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize(("table", "column"), DOCUMENTS)
def test_documents_are_what_every_reader_can_take(
    bench: Bench, table: str, column: str, kind: str
) -> None:
    with bench.owner(bench.person()) as owner, refused("23514"):
        add(owner, table, **NEEDED[table] | {column: f'{{"more": {UNREADABLE[kind]}}}'})


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize(("table", "column"), ELEMENTS)
def test_further_keys_of_elements_are_what_every_reader_can_take(
    bench: Bench, table: str, column: str, kind: str
) -> None:
    element = json.dumps(ELEMENTS[table, column])[:-1] + f', "more": {UNREADABLE[kind]}}}'
    with bench.owner(bench.person()) as owner, refused("23514"):
        add(owner, table, **NEEDED[table] | {column: f"[{element}]"})


@pytest.mark.parametrize(("table", "column"), OBJECTS)
@pytest.mark.parametrize("value", ["[]", "null", '"x"', "1"])
def test_objects_are_objects(bench: Bench, table: str, column: str, value: str) -> None:
    with bench.owner(bench.person()) as owner, refused("23514"):
        add(owner, table, **NEEDED[table] | {column: value})


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("prompt_templates", "tags"),
        ("brand_guidelines", "values"),
        ("brand_guidelines", "tone_of_voice"),
        ("brand_guidelines", "do_list"),
        ("brand_guidelines", "dont_list"),
        ("brand_guidelines", "color_palette"),
        ("campaigns", "platform"),
        ("style_presets", "tags"),
    ],
)
@pytest.mark.parametrize(
    "value",
    [["x", None], [["x"], ["y"]], ["x", " "], ["x" * 501], [str(n) for n in range(51)]],
    ids=["null", "two-dimensional", "blank", "long", "many"],
)
def test_lists_hold_some_short_texts(bench: Bench, table: str, column: str, value: Any) -> None:
    with bench.owner(bench.person()) as owner:
        row = add(owner, table, **NEEDED[table] | {column: ["x", "y"]})
        assert change(owner, table, row, **{column: []}) == 1
        with refused("23514"):
            change(owner, table, row, **{column: value})


NAMES = [
    ("prompt_templates", "name"),
    ("brand_guidelines", "brand_name"),
    ("campaigns", "name"),
    ("storyboard_sequences", "name"),
    ("style_presets", "name"),
    ("tool_configurations", "tool_name"),
    ("tool_preset_chains", "name"),
    ("platform_configurations", "platform"),
]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        *((table, column, value) for table, column in NAMES for value in ("", "\n ", "x" * 201)),
        ("prompt_templates", "prompt", "x" * 10_001),
        ("prompt_templates", "description", "x" * 5001),
        ("brand_guidelines", "visual_style", "x" * 5001),
        ("brand_guidelines", "fonts", "x" * 1001),
        ("campaigns", "description", "x" * 5001),
        ("campaigns", "target_audience", "x" * 5001),
        ("tool_preset_chains", "description", "x" * 5001),
        ("platform_configurations", "aspect_ratio", "x" * 21),
        ("performance_metrics", "prompt", "x" * 10_001),
        ("performance_metrics", "platform", "x" * 51),
        ("style_presets", "thumbnail_url", "javascript:alert(1)"),
        ("style_presets", "thumbnail_url", "https://pictures.example/" + "x" * 2048),
    ],
    ids=lambda value: str(value)[:20],
)
def test_texts_are_given_and_short(bench: Bench, table: str, column: str, value: str) -> None:
    with bench.owner(bench.person()) as owner, refused("23514"):
        add(owner, table, **NEEDED[table] | {column: value})


SCORES = ["predicted_score", "quality_score", "style_consistency", "brand_compliance"]


@pytest.mark.parametrize("score", SCORES)
def test_score_is_a_percentage(bench: Bench, score: str) -> None:
    with bench.owner(bench.person()) as owner:
        metric = add(owner, "performance_metrics", **{score: 100})
        assert change(owner, "performance_metrics", metric, **{score: 0}) == 1
        for value, code in (
            ("-0.01", "23514"),
            ("100.01", "23514"),
            ("NaN", "23514"),
            ("Infinity", "22003"),
        ):
            with refused(code):
                change(owner, "performance_metrics", metric, **{score: value})


# References ---------------------------------------------------------------------------------------

REFERENCES = [
    ("campaigns", "brand_guidelines_id", "brand_guidelines"),
    ("storyboard_sequences", "campaign_id", "campaigns"),
    ("storyboard_sequences", "character_id", "characters"),
    ("style_presets", "character_id", "characters"),
    ("tool_configurations", "character_id", "characters"),
    ("performance_metrics", "character_id", "characters"),
]


@pytest.mark.parametrize(("table", "column", "target"), REFERENCES)
def test_reference_to_a_strangers_row_is_refused(
    bench: Bench, table: str, column: str, target: str
) -> None:
    with bench.owner(bench.person()) as owner, bench.owner(bench.person()) as stranger:
        theirs = add(stranger, target, **NEEDED[target])
        row = add(owner, table, **NEEDED[table])
        for wrong in (theirs, str(uuid4())):
            with refused("23503"):
                add(owner, table, **NEEDED[table] | {column: wrong})
            with refused("23503"):
                change(owner, table, row, **{column: wrong})


@pytest.mark.parametrize(("table", "column", "target"), REFERENCES)
def test_row_outlives_what_it_refers_to(bench: Bench, table: str, column: str, target: str) -> None:
    with bench.owner(bench.person()) as owner:
        mine = add(owner, target, **NEEDED[target])
        row = add(owner, table, **NEEDED[table] | {column: mine})
        assert owner.run(f"delete from public.{target} where id = %s", mine) == 1
        assert read(owner, table, row, column) is None


def test_metrics_are_of_ones_own_jobs_that_are_not_hidden(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    hidden, theirs = shop.job(user), shop.job(bench.person())
    bench.run("update public.generation_jobs set hidden_at = now() where id = %s", hidden.id)
    with bench.owner(user) as owner:
        metric = add(owner, "performance_metrics", quality_score=50)
        for wrong in (hidden.id, theirs.id, str(uuid4())):
            with refused("42501"):
                owner.run("insert into public.performance_metrics (job_id) values (%s)", wrong)
            with refused("42501"):
                change(owner, "performance_metrics", metric, job_id=wrong)


def test_services_cannot_tie_metrics_to_a_strangers_job(bench: Bench, shop: Shop) -> None:
    job = shop.job(bench.person())
    with bench.service() as service, refused("23503"):
        add(service, "performance_metrics", user_id=bench.person(), job_id=job.id)


def test_metrics_of_a_hidden_job_are_hidden(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    with bench.owner(user) as owner:
        metric = add(owner, "performance_metrics", job_id=job.id, prompt="A harbour")
        assert read(owner, "performance_metrics", metric, "prompt") == "A harbour"
        bench.run("update public.generation_jobs set hidden_at = now() where id = %s", job.id)
        assert owner.rows("select id from public.performance_metrics") == []
        assert change(owner, "performance_metrics", metric, prompt="B") == 0
        assert owner.run("delete from public.performance_metrics where id = %s", metric) == 0
    assert read(bench, "performance_metrics", metric, "prompt") == "A harbour"


def test_deleting_a_user_removes_their_studio(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as owner:
        rows = {table: add(owner, table, **needed) for table, needed in NEEDED.items()}
        for table, column, target in REFERENCES:
            change(owner, table, rows[table], **{column: rows[target]})
    bench.run("delete from auth.users where id = %s", user)
    for table in rows:
        assert bench.value(f"select count(*) from public.{table} where user_id = %s", user) == 0


# Presets ------------------------------------------------------------------------------------------

USES = [
    ("style_presets", "use_style_preset", "p_preset_id", "preset_not_found"),
    (
        "tool_configurations",
        "use_tool_configuration",
        "p_configuration_id",
        "configuration_not_found",
    ),
    ("tool_preset_chains", "use_preset_chain", "p_chain_id", "chain_not_found"),
]
each_use = pytest.mark.parametrize(("table", "function", "argument", "hint"), USES)


def use(session: Session, function: str, argument: str, row: str) -> int:
    """Use a preset and return its count as told."""
    return int(session.value(f"select usage_count from public.{function}({argument} => %s)", row))


@each_use
def test_use_is_counted_and_the_row_returned(
    bench: Bench, table: str, function: str, argument: str, hint: str
) -> None:
    with bench.owner(bench.person()) as owner:
        row = add(owner, table, **NEEDED[table])
        told = owner.rows(f"select * from public.{function}({argument} => %s)", row)
        assert told == owner.rows(f"select * from public.{table} where id = %s", row)
        assert use(owner, function, argument, row) == 2


@each_use
def test_use_is_no_edit(bench: Bench, table: str, function: str, argument: str, hint: str) -> None:
    with bench.owner(bench.person()) as owner:
        row = add(owner, table, **NEEDED[table])
        before = read(owner, table, row, "updated_at")
        use(owner, function, argument, row)
        assert read(owner, table, row, "updated_at") == before
        change(owner, table, row, is_favorite=True)
        assert read(owner, table, row, "updated_at") > before


@each_use
def test_uses_at_once_are_all_counted(
    bench: Bench, table: str, function: str, argument: str, hint: str
) -> None:
    user = bench.person()
    with bench.owner(user) as first, bench.owner(user) as second, bench.owner(user) as third:
        row = add(first, table, **NEEDED[table])
        told = race(
            [partial(use, session, function, argument, row) for session in (first, second, third)]
        )
        assert sorted(str(each) for each in told) == ["1", "2", "3"]


@each_use
def test_use_waits_for_one_that_is_not_committed(
    bench: Bench, table: str, function: str, argument: str, hint: str
) -> None:
    user = bench.person()
    with bench.owner(user) as first, bench.owner(user) as second:
        row = add(first, table, **NEEDED[table])
        first.run("begin")
        assert use(first, function, argument, row) == 1
        waiting = Background(bench, second, partial(use, second, function, argument, row))
        waiting.wait_until_blocked()
        first.run("commit")
        assert waiting.result() == 2


@each_use
def test_strangers_preset_is_not_found(
    bench: Bench, table: str, function: str, argument: str, hint: str
) -> None:
    with bench.owner(bench.person()) as owner, bench.owner(bench.person()) as stranger:
        row = add(owner, table, **NEEDED[table])
        for wrong in (row, str(uuid4())):
            with refused("PT404", hint):
                use(stranger, function, argument, wrong)
        assert read(owner, table, row, "usage_count") == 0


@each_use
def test_count_of_uses_is_not_the_users_to_write(
    bench: Bench, table: str, function: str, argument: str, hint: str
) -> None:
    with bench.owner(bench.person()) as owner:
        row = add(owner, table, **NEEDED[table])
        with refused("42501"):
            change(owner, table, row, usage_count=99)


def test_platform_is_configured_once_a_user(bench: Bench) -> None:
    with bench.owner(bench.person()) as owner, bench.owner(bench.person()) as other:
        row = add(owner, "platform_configurations", platform="shorts")
        with refused("23505"):
            add(owner, "platform_configurations", platform="shorts")
        add(other, "platform_configurations", platform="shorts")
        assert owner.rows(
            "insert into public.platform_configurations (platform, aspect_ratio)"
            " values ('shorts', '9:16') on conflict (user_id, platform) do update"
            " set platform = excluded.platform, aspect_ratio = excluded.aspect_ratio"
            " returning id::text, aspect_ratio"
        ) == [(row, "9:16")]


def test_presets_are_found_by_tag(bench: Bench) -> None:
    with bench.owner(bench.person()) as owner, bench.owner(bench.person()) as stranger:
        row = add(owner, "style_presets", name="p", tags=["noir", "rain"])
        add(owner, "style_presets", name="q", tags=["sun"])
        found = "select id::text from public.style_presets where tags @> %s::text[]"
        assert owner.column(found, ["rain"]) == [row]
        assert stranger.column(found, ["rain"]) == []
