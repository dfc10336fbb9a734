"""How much one user can make the database hold, count or write out, at worst."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from reelbase.local.pytest_plugin import RunningStack

from .harness import Bench, Session, Shop, race, refused

# Numbers that are short as they are sent and long as they are written out.
BOMB = "[" + ", ".join(["1e131071"] * 9000) + "]"
DECIMALS = '["seed", [0e-16383]]'

WIDE = "\U0001f3ac"
"""Four bytes that count as one character."""


def texts(bytes_in_all: int, *names: str) -> dict[str, Any]:
    """Columns of text that hold so many bytes together, in as few characters as can be."""
    size = bytes_in_all // len(names) // 4 * 4
    rest = bytes_in_all - size * (len(names) - 1)
    return dict.fromkeys(names, WIDE * (size // 4)) | {
        names[0]: WIDE * (rest // 4) + "x" * (rest % 4)
    }


def document(bytes_stored: int) -> str:
    """An object that takes so many bytes, stored or written out."""
    return json.dumps({"x": "x" * (bytes_stored - 20)})


def elements(bytes_stored: int, **first: Any) -> str:
    """A list of one element that takes so many bytes."""
    return json.dumps([first | {"more": "x" * (bytes_stored - 150)}])


def words(bytes_stored: int, length: int) -> list[str]:
    """A list of texts that takes about so many bytes."""
    return ["x" * length] * min(50, bytes_stored // (length + 12))


# The largest row that each table takes. A further byte in the text named is too much.
LARGEST: dict[str, tuple[str, dict[str, Any]]] = {
    "prompt_templates": (
        "prompt",
        {"name": WIDE * 200, "tags": words(8192, 50)} | texts(24576, "prompt", "description"),
    ),
    "projects": ("description", {"name": WIDE * 200} | texts(10240, "description")),
    "brand_guidelines": (
        "visual_style",
        {"brand_name": WIDE * 200, "color_palette": words(8192, 50), "fonts": "x"}
        | {name: words(8192, 150) for name in ("values", "tone_of_voice", "do_list", "dont_list")}
        | texts(10239, "visual_style"),
    ),
    "campaigns": (
        "description",
        {
            "name": WIDE * 200,
            "platform": words(8192, 50)[:20],
            "concepts": elements(49152, title="x"),
        }
        | texts(10240, "description", "target_audience"),
    ),
    "storyboard_sequences": (
        "name",
        {"name": WIDE * 200, "frames": elements(49152, description="x", duration=2)},
    ),
    "generation_jobs": (
        "prompt",
        {
            "kind": "text_to_image",
            "status": "pending",
            "art_style": WIDE * 100,
            "parameters": document(16384),
        }
        | texts(32768, "prompt", "negative_prompt", "audio_instructions"),
    ),
    "assets": ("style", {"style": WIDE * 100}),
    "user_prompts": ("prompt", texts(32768, "prompt", "audio_input")),
    "conversations": (
        "response",
        {"type": "general_chat", "metadata": document(4096), "user_input": "x"}
        | texts(32767, "response"),
    ),
    "video_concepts": (
        "web_info",
        {"title": "x"} | texts(49151, "web_info", "prompt", "concept"),
    ),
    "video_segmentations": (
        "concept",
        {"art_style": WIDE * 100, "model": WIDE * 100}
        | texts(32768, "concept", "prompt", "negative_prompt"),
    ),
    "video_segments": ("visual", {"position": 0} | texts(8192, "visual", "narration", "animation")),
    "characters": (
        "visual_prompt",
        {"name": WIDE * 200, "art_style": WIDE * 100}
        | texts(20480, "visual_prompt", "description"),
    ),
    "style_presets": (
        "thumbnail_url",
        {
            "name": WIDE * 200,
            "style_data": document(32768),
            "tags": words(8192, 50),
            "thumbnail_url": "https://" + "x" * 2040,
        },
    ),
    "tool_configurations": (
        "tool_name",
        {"tool_name": WIDE * 100, "configuration": document(32768)},
    ),
    "tool_preset_chains": (
        "description",
        {"name": WIDE * 200, "tools": elements(32768, tool="x")} | texts(10240, "description"),
    ),
    "platform_configurations": (
        "platform",
        {
            "platform": WIDE * 50,
            "preferred_style": document(8192),
            "prompt_templates": document(8192),
            "character_preferences": document(8192),
        },
    ),
    "performance_metrics": (
        "prompt",
        {
            "platform": WIDE * 50,
            "actual_engagement": document(4096),
            "improvements": document(8192),
        }
        | texts(16384, "prompt"),
    ),
}


def insert(session: Session, table: str, **columns: Any) -> str:
    """Insert a row and return its id."""
    return str(
        session.value(
            f"insert into public.{table} ({', '.join(columns)})"
            f" values ({', '.join(['%s'] * len(columns))}) returning id",
            *columns.values(),
        )
    )


@pytest.fixture
def needs(bench: Bench, shop: Shop) -> Callable[[str, str], dict[str, Any]]:
    """Make what a row of a table refers to, and return the columns that say so."""

    def make(user: str, table: str) -> dict[str, Any]:
        if table == "video_segments":
            segmentation = bench.value(
                "insert into public.video_segmentations (user_id, prompt, concept)"
                " values (%s, 'x', 'x') returning id",
                user,
            )
            return {"segmentation_id": segmentation}
        if table == "assets":
            path = f"{user}/{uuid4()}/{'x' * 900}.png"
            store(bench, path, 12, bucket="reference-images")
            return {"kind": "image", "bucket": "reference-images", "storage_path": path}
        if table == "generation_jobs":
            return {"model_id": shop.model}  # it takes any parameters
        return {}

    return make


def store(session: Session, path: str, size: int, *, bucket: str = "raw-videos") -> int:
    """Write a file's row as the storage server does."""
    kind = "image/png" if bucket == "reference-images" else "video/mp4"
    return session.run(
        "insert into storage.objects (bucket_id, name, metadata) values (%s, %s, %s)",
        bucket,
        path,
        json.dumps({"size": size, "mimetype": kind}),
    )


# Rows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", LARGEST)
def test_largest_row_fits_and_a_larger_one_does_not(
    bench: Bench, needs: Callable[[str, str], dict[str, Any]], table: str
) -> None:
    user = bench.person()
    text, row = LARGEST[table]
    with bench.owner(user) as session:
        assert insert(session, table, **needs(user, table) | row)
        with refused("23514"):
            insert(session, table, **needs(user, table) | row | {text: row[text] + "x"})


def test_what_a_free_account_can_pile_up_is_bounded(
    bench: Bench, needs: Callable[[str, str], dict[str, Any]]
) -> None:
    user = bench.person()
    limits = dict(
        bench.rows(
            "select table_name, max_rows * factor from private.row_limits"
            " cross join public.subscription_plans where tier = 'free'"
        )
    )
    assert limits.keys() == LARGEST.keys()
    worst = {}
    with bench.owner(user) as session:
        for table, (_, row) in LARGEST.items():
            insert(session, table, **needs(user, table) | row)
    for table in LARGEST:
        # Cast and back, so that nothing is measured as it is compressed.
        [size] = bench.column(
            f"select max(octet_length(row_to_json(x)::text)) from public.{table} as x"
            " where user_id = %s",
            user,
        )
        worst[table] = size * limits[table]
    [activity] = bench.column(
        "select max_rows * (1024 + 256 + 200) + 3 * ceil(max_rows / 5.0) * (256 + 300)"
        " from public.subscription_plans where tier = 'free'"
    )
    worst["user_activity_logs"] = int(activity) * 90
    assert sum(worst.values()) < 500_000_000, worst


# Documents ----------------------------------------------------------------------------------------

DOCUMENTS = [
    ("style_presets", {"name": "x"}, "style_data", "{}"),
    ("tool_configurations", {"tool_name": "x"}, "configuration", "{}"),
    ("platform_configurations", {"platform": "x"}, "preferred_style", "{}"),
    ("platform_configurations", {"platform": "x"}, "prompt_templates", "{}"),
    ("platform_configurations", {"platform": "x"}, "character_preferences", "{}"),
    ("performance_metrics", {}, "actual_engagement", "{}"),
    ("performance_metrics", {}, "improvements", "{}"),
    ("campaigns", {"name": "x"}, "concepts", '[{"title": "x"}]'),
    ("storyboard_sequences", {"name": "x"}, "frames", '[{"description": "x", "duration": 1}]'),
    ("tool_preset_chains", {"name": "x"}, "tools", '[{"tool": "x"}]'),
    ("conversations", {"type": "general_chat", "user_input": "x", "response": "x"}, "metadata", ""),
    ("generation_jobs", {"kind": "text_to_image", "prompt": "x"}, "parameters", "{}"),
]


def with_number(template: str, value: str) -> str:
    """A document as it should be, with something more in it."""
    head, tail = (template[:-2], "}]") if template.endswith("}]") else (template[:-1], "}")
    return f'{head or "{"}{", " if len(head) > 1 else ""}"more": {value}{tail}'


@pytest.mark.parametrize("value", [BOMB, DECIMALS], ids=["digits", "decimals"])
@pytest.mark.parametrize("place", DOCUMENTS, ids=lambda place: f"{place[0]}.{place[2]}")
def test_document_is_bounded_before_it_is_written_out(
    bench: Bench,
    needs: Callable[[str, str], dict[str, Any]],
    place: tuple[str, dict[str, Any], str, str],
    value: str,
) -> None:
    table, needed, column, template = place
    user = bench.person()
    with bench.owner(user) as session, refused("23514"):
        row = needs(user, table) | needed | {column: with_number(template, value)}
        insert(session, table, **row)


@pytest.mark.parametrize("value", [BOMB, DECIMALS], ids=["digits", "decimals"])
def test_preferences_and_details_are_bounded_before_they_are_written_out(
    bench: Bench, value: str
) -> None:
    with bench.owner(bench.person()) as session:
        for column in ("notification_settings", "ui_settings"):
            with refused("23514"):
                session.run(
                    f"update public.user_preferences set {column} = %s", f'{{"x": {value}}}'
                )
        with refused("PT400", "invalid_details"):
            session("public.log_activity", p_action="x", p_details=f'{{"x": {value}}}')


def test_what_a_provider_sends_is_kept_to_the_letter(bench: Bench) -> None:
    payload = f'{{"b": 1, "a": {BOMB},  "b": 2}}'
    event = uuid4().hex
    told = {"provider": "bomber", "event_id": event, "payload": payload}
    with bench.service() as service:
        service.rows("select worker.receive_webhooks(%s)", json.dumps([told]))
    kept = "select payload::text from worker.webhook_events where event_id = %s"
    assert bench.value(kept, event) == payload
    # Whoever looks at all rows of all tables as documents would choke on it.
    bench.run("delete from worker.webhook_events where event_id = %s", event)


def test_number_that_was_asked_for_is_not_repeated(bench: Bench) -> None:
    with bench.anonymous() as visitor, pytest.raises(psycopg.Error) as caught:
        visitor.rows(
            "select public.quote_generation('text_to_video', p_duration_seconds => 1e131071)"
        )
    assert caught.value.diag.message_hint == "duration_not_available"
    assert len(str(caught.value)) < 1000


# Counting -----------------------------------------------------------------------------------------

HISTORY = {
    "generation_jobs": "(user_id, kind, model_id, prompt, status, finished_at, queued_at,"
    " credit_cost, provider)"
    " select %(user)s, 'text_to_image', %(model)s, 'x', 'completed', now(), now(), 0, 'x'",
    "user_prompts": "(user_id, prompt, job_id) select %(user)s, 'x', gen_random_uuid()",
    "assets": "(user_id, kind, bucket, storage_path, mime_type, size_bytes)"
    " select %(user)s::uuid, 'image', 'final-images', %(user)s::text || '/' || n, 'image/png', 1",
}


@pytest.mark.parametrize("table", HISTORY)
def test_counting_does_not_walk_what_years_have_left(bench: Bench, shop: Shop, table: str) -> None:
    user = bench.person()
    counted = bench.value("select counted from private.row_limits where table_name = %s", table)
    with bench.superuser() as session, session.undone():
        # Past the triggers, which would make a history of it that is not asked about here.
        session.run("set local session_replication_role = replica")
        session.connection.execute(
            f"insert into public.{table} {HISTORY[table]}"
            " from generate_series(1, 3000) as n".encode(),
            {"user": user, "model": shop.model},
        )
        session.run(f"analyze public.{table}")
        [told] = session.value(
            f"explain (analyze, format json) select count(*) from public.{table}"
            f" where user_id = '{user}' and ({counted})"
        )
    assert table in str(told)
    assert met(told["Plan"]) == 0


def met(plan: dict[str, Any]) -> int:
    """How many rows a plan read from tables, those that it left out too."""
    mine = 0
    if "Relation Name" in plan:
        mine = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return mine + sum(met(each) for each in plan.get("Plans", []))


# Closed accounts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [table for table in LARGEST if table != "assets"])
def test_closed_account_adds_nothing(
    bench: Bench, needs: Callable[[str, str], dict[str, Any]], table: str
) -> None:
    user = bench.person()
    columns = needs(user, table) | LARGEST[table][1]
    bench.run("update public.profiles set deleted_at = now() where user_id = %s", user)
    with bench.owner(user) as session, refused("PT403", "account_closed"):
        insert(session, table, **columns)


def test_closed_account_adds_no_asset_and_shares_nothing(
    bench: Bench, needs: Callable[[str, str], dict[str, Any]]
) -> None:
    user = bench.person()
    columns = needs(user, "assets")
    with bench.owner(user) as session:
        project = insert(session, "projects", name="p")
        bench.run("update public.profiles set deleted_at = now() where user_id = %s", user)
        with refused("PT403", "account_closed"):
            insert(session, "assets", **columns)
        with refused("PT403", "account_closed"):
            session("public.share_project", p_project_id=project)


# Uploads ------------------------------------------------------------------------------------------


@pytest.fixture
def narrow(bench: Bench) -> str:
    """A user of a plan that allows 1000 bytes of uploads in ten files."""
    user = bench.person()
    # Nobody else in these tests is of this plan; see test_limits.
    bench.run(
        "update public.subscription_plans set max_rows = 10, max_storage_bytes = 1000"
        " where tier = 'business'"
    )
    bench.run("update public.profiles set subscription_tier = 'business' where user_id = %s", user)
    return user


def test_upload_that_was_permitted_earlier_is_held_to_the_plan(bench: Bench, narrow: str) -> None:
    # As with a signed address: the storage server writes the row, with rights of its own.
    with bench.service() as server:
        assert store(server, f"{narrow}/a/1.mp4", 600) == 1
        with refused("42501", "storage_limit_reached"):
            store(server, f"{narrow}/a/2.mp4", 401)
        assert store(server, f"{narrow}/a/3.mp4", 400) == 1
        with refused("42501", "storage_limit_reached"):
            server.run(
                "update storage.objects set metadata = %s where name = %s",
                json.dumps({"size": 601}),
                f"{narrow}/a/1.mp4",
            )
        # Results are not uploads.
        assert store(server, f"{narrow}/a/4.mp4", 5000, bucket="final-videos") == 1


def test_addresses_signed_in_advance_are_held_to_the_plan_together(
    bench: Bench, stack: RunningStack
) -> None:
    key = {"apikey": stack.publishable_key}
    png = b"\x89PNG\r\n\x1a\n" + bytes(392)
    with httpx.Client(base_url=stack.supabase_url, headers=key, timeout=30) as api:
        session = api.post("/auth/v1/signup", json={}).json()
        user = session["user"]["id"]
        # As in the fixture above.
        bench.run(
            "update public.subscription_plans set max_rows = 10, max_storage_bytes = 1000"
            " where tier = 'business'"
        )
        bench.run(
            "update public.profiles set subscription_tier = 'business' where user_id = %s", user
        )
        addresses = [
            api.post(
                f"/storage/v1/object/upload/sign/reference-images/{user}/a/{number}.png",
                headers={"authorization": f"Bearer {session['access_token']}"},
            ).json()["url"]
            for number in range(4)
        ]
        answers = [
            api.put(
                f"/storage/v1{address}", content=png, headers={"content-type": "image/png"}
            ).status_code
            for address in addresses
        ]
        listed = api.get(
            f"/storage/v1/object/reference-images/{user}/a/2.png",
            headers={"authorization": f"Bearer {session['access_token']}"},
        )
    assert [status == 200 for status in answers] == [True, True, False, False]
    assert listed.status_code in {400, 404}
    assert (
        bench.value("select count(*) from storage.objects where starts_with(name, %s)", user) == 2
    )


def test_number_of_uploads_is_held_too(bench: Bench, narrow: str) -> None:
    with bench.service() as server:
        for number in range(10):
            store(server, f"{narrow}/a/{number}.mp4", 1)
        with refused("42501", "storage_limit_reached"):
            store(server, f"{narrow}/a/10.mp4", 0)


def test_uploads_that_end_at_once_count_one_another(bench: Bench, narrow: str) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(bench.service()) for _ in range(6)]
        results = race(
            [
                partial(store, server, f"{narrow}/{number}/film.mp4", 300)
                for number, server in enumerate(servers)
            ]
        )
    assert results.count(1) == 3
    assert {each.sqlstate for each in results if isinstance(each, psycopg.Error)} == {"42501"}


@pytest.mark.parametrize("end", ["closed", "deleted"])
def test_permission_to_upload_ends_with_its_account(bench: Bench, end: str) -> None:
    user = bench.person()
    if end == "closed":
        bench.run("update public.profiles set deleted_at = now() where user_id = %s", user)
    else:
        bench.run("delete from auth.users where id = %s", user)
    with bench.service() as server, refused("42501", "storage_limit_reached"):
        store(server, f"{user}/a/film.mp4", 1)
