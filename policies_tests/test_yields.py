"""What generation yields: whose it is, what it cost, how it is shown, rated and tried again."""

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from .harness import Background, Bench, Job, Session, Shop, race, refused

# What each table needs besides an owner.
WISHES: dict[str, dict[str, str]] = {
    "conversations": {"type": "general_chat", "user_input": "Hello", "response": "Hello!"},
    "video_concepts": {"prompt": "A harbour", "title": "Dawn", "concept": "Fog lifts."},
    "web_research_queries": {"prompt": "Harbours", "response": "There are many."},
    "content_summaries": {"original_content": "A long text.", "summary": "A text."},
    "video_segmentations": {"prompt": "A harbour", "concept": "Fog lifts."},
    "characters": {"visual_prompt": "A sailor"},
}
OWNERS_WRITE = ["conversations", "video_concepts", "video_segmentations", "characters"]
OF_JOBS = [table for table in WISHES if table != "conversations"]


def add(session: Session, table: str, **columns: Any) -> str:
    """Insert one row, with what its table needs, and return its id."""
    values = WISHES.get(table, {}) | columns
    return str(
        session.value(
            f"insert into public.{table} ({', '.join(values)})"
            f" values ({', '.join(['%s'] * len(values))}) returning id",
            *values.values(),
        )
    )


def put(session: Session, table: str, **columns: Any) -> None:
    """Insert one row as `add` does, and ask nothing back: reading it would ask another policy."""
    values = WISHES.get(table, {}) | columns
    session.run(
        f"insert into public.{table} ({', '.join(values)})"
        f" values ({', '.join(['%s'] * len(values))})",
        *values.values(),
    )


def project(session: Session) -> str:
    """Make a project and return its id."""
    return add(session, "projects", name="p")


def upload(bench: Bench, user: str, mime_type: str = "image/png", **columns: Any) -> str:
    """Store a file's row as the storage server does, list it as its owner, return its id."""
    bucket = "reference-images" if mime_type.startswith("image/") else "raw-videos"
    path = f"{user}/{uuid4()}/file"
    bench.run(
        "insert into storage.objects (bucket_id, name, metadata) values (%s, %s, %s)",
        bucket,
        path,
        json.dumps({"mimetype": mime_type, "size": 12}),
    )
    with bench.owner(user) as session:
        kind = mime_type.partition("/")[0]
        return add(session, "assets", kind=kind, bucket=bucket, storage_path=path, **columns)


def failed(shop: Shop, user: str, **more: Any) -> Job:
    """Submit a job that fails."""
    shop.job(user, **more)
    with shop.queue() as queue:
        [job] = queue.claim()
        queue.fail(job)
    return job


def completed(shop: Shop, user: str, **more: Any) -> Job:
    """Submit a job that ends well, with one picture."""
    shop.job(user, **more)
    with shop.queue() as queue:
        [job] = queue.finalizing()
        queue.complete(job)
    return job


def offer(shop: Shop, kind: str) -> None:
    """Let the shop's model make another kind of thing, for 7 credits."""
    shop.bench.run(
        "update public.models set kinds = array_append(kinds, %s::public.generation_kind)"
        " where id = %s",
        kind,
        shop.model,
    )
    shop.bench.run(
        "insert into public.model_prices (model_id, kind, mode, unit, credits)"
        " values (%s, %s, 'standard', 'job', 7)",
        shop.model,
        kind,
    )


def ids(session: Session, table: str) -> list[str]:
    """Return the ids of all rows that a session sees."""
    return [str(each) for each in session.column(f"select id from public.{table} order by id")]


# Whose it is --------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", WISHES)
def test_yield_is_its_owners_alone(bench: Bench, table: str) -> None:
    user, stranger = bench.person(), bench.person()
    with bench.service() as service:
        row = add(service, table, user_id=user)
        assert row in ids(service, table)
    with bench.owner(user) as owner, bench.owner(stranger) as other:
        assert ids(owner, table) == [row]
        assert ids(other, table) == []
        # Without a condition it is the policy of DELETE alone that decides.
        assert other.run(f"delete from public.{table}") == 0
        assert owner.run(f"delete from public.{table} where id = %s", row) == 1
    with bench.anonymous() as session, refused("42501"):
        ids(session, table)


@pytest.mark.parametrize("table", OWNERS_WRITE)
def test_owner_writes_down_what_is_theirs(bench: Bench, table: str) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        row = add(session, table, project_id=project(session))
        assert session.rows(f"select id::text, user_id::text from public.{table}") == [(row, user)]


@pytest.mark.parametrize("table", OWNERS_WRITE)
def test_nothing_is_put_into_anothers_project_or_a_deleted_one(bench: Bench, table: str) -> None:
    with bench.owner(bench.person()) as other:
        foreign = project(other)
    with bench.owner(bench.person()) as session:
        deleted = project(session)
        session.run("delete from public.projects where id = %s", deleted)
        for wrong in (foreign, deleted, str(uuid4())):
            with refused("42501"):
                put(session, table, project_id=wrong)


@pytest.mark.parametrize("table", OF_JOBS)
def test_service_cannot_mix_owners_up(bench: Bench, shop: Shop, table: str) -> None:
    user, stranger = bench.person(), bench.person()
    job = shop.job(stranger, p_mode="draft")
    with bench.owner(stranger) as other, bench.service() as service:
        foreign = project(other)
        with refused("23503"):
            add(service, table, user_id=user, job_id=job.id)
        with refused("23503"):
            add(service, table, user_id=user, project_id=foreign)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into public.web_research_queries (prompt, response) values ('p', 'r')",
        "insert into public.content_summaries (original_content, summary) values ('c', 's')",
        "insert into public.video_concepts (prompt, title, concept, job_id)"
        " values ('p', 't', 'c', gen_random_uuid())",
        "insert into public.conversations (user_id, type, user_input, response)"
        " values (gen_random_uuid(), 'general_chat', 'i', 'r')",
        "insert into public.characters (visual_prompt, success) values ('v', true)",
        "insert into public.video_source_images (video_id, position, image_id, user_id)"
        " values (gen_random_uuid(), 0, gen_random_uuid(), auth.uid())",
        "update public.conversations set response = 'r'",
        "update public.video_concepts set title = 't'",
        "update public.video_segmentations set model = 'm'",
        "update public.video_segments set visual = 'v'",
        "update public.characters set final_image_id = null",
        "update public.character_reference_images set position = 0",
        "delete from public.generated_videos",
        "update public.generated_videos set animation_prompt = 'p'",
    ],
)
def test_what_is_the_services_to_write_is_refused_to_clients(bench: Bench, statement: str) -> None:
    with bench.owner(bench.person()) as session, refused("42501"):
        session.run(statement)


@pytest.mark.parametrize("table", WISHES)
def test_yields_hide_with_their_project_and_come_back_with_it(bench: Bench, table: str) -> None:
    user = bench.person()
    with bench.owner(user) as session, bench.service() as service:
        inside = project(session)
        hidden = add(service, table, user_id=user, project_id=inside)
        other = add(service, table, user_id=user)
        session.run("delete from public.projects where id = %s", inside)
        assert ids(session, table) == [other]
        assert session.run(f"delete from public.{table} where id = %s", other) == 1
        assert session.run(f"delete from public.{table}") == 0
        session.rows("select public.restore_project(%s)", inside)
        assert ids(session, table) == [hidden]


@pytest.mark.parametrize("table", OF_JOBS)
def test_yields_hide_with_their_job_and_come_back_with_it(
    bench: Bench, shop: Shop, table: str
) -> None:
    user = bench.person()
    job = completed(shop, user)
    with bench.owner(user) as session, bench.service() as service:
        row = add(service, table, user_id=user, job_id=job.id)
        session.run("delete from public.generation_jobs where id = %s", job.id)
        assert ids(session, table) == []
        assert session.run(f"delete from public.{table}") == 0
        session.rows("select public.restore_generation(%s)", job.id)
        assert ids(session, table) == [row]


@pytest.mark.parametrize("table", WISHES)
def test_yields_go_when_their_project_goes_for_good(bench: Bench, table: str) -> None:
    user = bench.person()
    with bench.owner(user) as session, bench.service() as service:
        inside = project(session)
        add(service, table, user_id=user, project_id=inside)
        service.run("delete from public.projects where id = %s", inside)
        assert ids(session, table) == []


def test_all_that_was_made_goes_with_its_user(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    picture = upload(bench, user)
    failed(shop, user, p_reference_asset_ids=[picture])
    job = completed(shop, user, p_reference_asset_ids=[picture])
    with bench.owner(user) as session, bench.service() as service:
        inside = project(session)
        for table in WISHES:
            extra = {"job_id": job.id} if table in OF_JOBS else {}
            add(service, table, user_id=user, project_id=inside, **extra)
        whole = session.value("select id::text from public.video_segmentations")
        add(session, "video_segments", segmentation_id=whole, position=0, visual="Fog")
        draw_from(session, session.value("select id::text from public.characters"), picture, 0)
        session.run("insert into public.feedback (job_id, rating) values (%s, 5)", job.id)
        bench.run("delete from auth.users where id = %s", user)
        tables = [*WISHES, "video_segments", "character_reference_images", "feedback", "job_assets"]
        for table in tables:
            assert (
                service.value(f"select count(*) from public.{table} where user_id = %s", user) == 0
            )


# What it cost -------------------------------------------------------------------------------------

COST = "select credits_used({0}), credit_transaction_id({0}), is_refunded({0}) from public.{0}"


@pytest.mark.parametrize("table", OF_JOBS)
def test_cost_of_a_yield_is_read_through_its_job(bench: Bench, shop: Shop, table: str) -> None:
    user = bench.person()
    job = completed(shop, user)
    paid = bench.value(
        "select credit_transaction_id from public.generation_jobs where id = %s", job.id
    )
    with bench.owner(user) as session, bench.service() as service:
        add(service, table, user_id=user, job_id=job.id)
        assert session.rows(COST.format(table)) == [(7, paid, False)]
        bench.rows("select private.refund_deduction(%s)", job.id)
        assert session.rows(COST.format(table)) == [(7, paid, True)]


@pytest.mark.parametrize("table", OF_JOBS)
def test_yield_of_no_job_cost_nothing(bench: Bench, table: str) -> None:
    user = bench.person()
    with bench.owner(user) as session, bench.service() as service:
        add(service, table, user_id=user)
        assert session.rows(COST.format(table)) == [(None, None, False)]


@pytest.mark.parametrize("table", OF_JOBS)
def test_computed_column_tells_nothing_about_anothers_job(
    bench: Bench, shop: Shop, table: str
) -> None:
    job = completed(shop, bench.person())
    bench.rows("select private.refund_deduction(%s)", job.id)
    with bench.owner(bench.person()) as session:
        row = f'jsonb_populate_record(null::public.{table}, \'{{"job_id": "{job.id}"}}\')'
        assert session.rows(
            f"select credits_used(r), credit_transaction_id(r), is_refunded(r) from {row} as r"
        ) == [(None, None, False)]


# Segmentations ------------------------------------------------------------------------------------


def selected(bench: Bench, user: str) -> list[str]:
    """Return the ids of a user's selected segmentations, hidden ones too."""
    return [
        str(each)
        for each in bench.column(
            "select id from public.video_segmentations where user_id = %s and is_selected", user
        )
    ]


def segmentations(session: Session, count: int, **columns: Any) -> list[str]:
    """Write down some segmentations and return their ids."""
    return [add(session, "video_segmentations", **columns) for _ in range(count)]


@pytest.mark.parametrize("inside", [True, False], ids=["project", "no-project"])
@pytest.mark.parametrize(
    "select",
    [
        "select public.select_segmentation(%s)",
        "update public.video_segmentations set is_selected = true where id = %s returning id",
    ],
    ids=["function", "update"],
)
def test_selecting_a_segmentation_unselects_the_others(
    bench: Bench, select: str, inside: bool
) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        first, second = segmentations(session, 2, project_id=project(session) if inside else None)
        for each in (first, second, second):
            session.rows(select, each)
            assert selected(bench, user) == [each]


def test_each_project_has_its_own_selected_segmentation(bench: Bench) -> None:
    user, stranger = bench.person(), bench.person()
    with bench.owner(user) as session, bench.owner(stranger) as other:
        alone = add(session, "video_segmentations", is_selected=True)
        inside = add(session, "video_segmentations", project_id=project(session), is_selected=True)
        foreign = add(other, "video_segmentations", is_selected=True)
        assert sorted(selected(bench, user)) == sorted([alone, inside])
        # Written as selected, it takes the place of the one that was.
        successor = add(session, "video_segmentations", is_selected=True)
        assert sorted(selected(bench, user)) == sorted([successor, inside])
        assert selected(bench, stranger) == [foreign]


def test_selected_segmentation_of_a_hidden_job_makes_room(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = completed(shop, user)
    with bench.owner(user) as session, bench.service() as service:
        add(service, "video_segmentations", user_id=user, job_id=job.id, is_selected=True)
        other = add(session, "video_segmentations")
        session.run("delete from public.generation_jobs where id = %s", job.id)
        session.rows("select public.select_segmentation(%s)", other)
    assert selected(bench, user) == [other]


def test_hidden_segmentation_is_not_found(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = completed(shop, user)
    with bench.owner(user) as session, bench.service() as service:
        inside = project(session)
        hidden = [
            add(service, "video_segmentations", user_id=user, job_id=job.id),
            add(session, "video_segmentations", project_id=inside),
        ]
        session.run("delete from public.generation_jobs where id = %s", job.id)
        session.run("delete from public.projects where id = %s", inside)
        for each in hidden:
            with refused("PT404", "segmentation_not_found"):
                session.rows("select public.select_segmentation(%s)", each)
    assert selected(bench, user) == []


def test_two_selected_are_refused_even_if_no_trigger_looks(bench: Bench) -> None:
    user = bench.person()
    with bench.undone():
        bench.run("alter table public.video_segmentations disable trigger user")
        for _ in range(2):
            add(bench, "video_segmentations", user_id=user, is_selected=True)
        with refused("23P01"):
            bench.run("set constraints all immediate")


def test_calls_that_select_at_once_wait_for_one_another(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as one, bench.owner(user) as two:
        first, second = segmentations(one, 2)
        one.run("begin")
        one.rows("select public.select_segmentation(%s)", first)
        waiting = Background(
            bench, two, lambda: two.rows("select public.select_segmentation(%s)", second)
        ).wait_until_blocked()
        one.run("commit")
        waiting.result()
    assert selected(bench, user) == [second]


def test_never_are_two_selected_however_it_is_done(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as one, bench.owner(user) as two, bench.owner(user) as three:
        first, second, third = segmentations(one, 3)
        update = "update public.video_segmentations set is_selected = true where id = %s"
        for _ in range(10):
            results = race(
                [
                    lambda: one.run(update, first),
                    lambda: two.run(update, second),
                    lambda: three.rows("select public.select_segmentation(%s)", third),
                ]
            )
            errors = [each for each in results if isinstance(each, psycopg.Error)]
            assert {error.sqlstate for error in errors} <= {"23505"}
            assert len(selected(bench, user)) == 1


def test_statement_that_selects_several_selects_one(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        segmentations(session, 3)
        for each in segmentations(session, 2):
            # The one that was selected lies before others once, and after others once.
            session.rows("select public.select_segmentation(%s)", each)
            session.run("update public.video_segmentations set is_selected = true")
            assert len(selected(bench, user)) == 1
        session.run(
            "insert into public.video_segmentations (prompt, concept, is_selected)"
            " select 'x', 'x', true from generate_series(1, 3)"
        )
        assert len(selected(bench, user)) == 1


def test_stranger_selects_nothing_of_anothers(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as session, bench.owner(bench.person()) as other:
        [row] = segmentations(session, 1)
        with refused("PT404", "segmentation_not_found"):
            other.rows("select public.select_segmentation(%s)", row)
        assert other.run("update public.video_segmentations set is_selected = true") == 0
    assert selected(bench, user) == []


def test_segments_are_in_order_and_go_with_their_segmentation(bench: Bench) -> None:
    with bench.owner(bench.person()) as session:
        [whole] = segmentations(session, 1)
        for position in (1, 0):
            add(
                session,
                "video_segments",
                segmentation_id=whole,
                position=position,
                visual=f"Part {position}",
            )
        with refused("23505"):
            add(session, "video_segments", segmentation_id=whole, position=0, visual="Again")
        assert session.column("select visual from public.video_segments order by position") == [
            "Part 0",
            "Part 1",
        ]
        session.run("delete from public.video_segmentations where id = %s", whole)
        assert ids(session, "video_segments") == []


def test_segments_are_hidden_and_refused_where_their_segmentation_is(bench: Bench) -> None:
    with bench.owner(bench.person()) as session, bench.owner(bench.person()) as other:
        inside = project(session)
        [whole] = segmentations(session, 1, project_id=inside)
        part = {"segmentation_id": whole, "visual": "Fog"}
        add(session, "video_segments", position=0, **part)
        assert ids(other, "video_segments") == []
        assert other.run("delete from public.video_segments") == 0
        with refused("42501"):
            put(other, "video_segments", position=1, **part)
        session.run("delete from public.projects where id = %s", inside)
        assert ids(session, "video_segments") == []
        assert session.run("delete from public.video_segments") == 0
        with refused("42501"):
            put(session, "video_segments", position=1, **part)


# Characters ---------------------------------------------------------------------------------------


def draw_from(session: Session, character: str, asset: str, position: int) -> None:
    """Add a picture to a character."""
    session.run(
        "insert into public.character_reference_images (character_id, asset_id, position)"
        " values (%s, %s, %s)",
        character,
        asset,
        position,
    )


def test_character_has_up_to_six_pictures(bench: Bench) -> None:
    user = bench.person()
    assets = [upload(bench, user) for _ in range(7)]
    with bench.owner(user) as session:
        character = add(session, "characters")
        for position, asset in enumerate(assets[:6]):
            draw_from(session, character, asset, position)
        with refused("23505"):
            draw_from(session, character, assets[6], 5)
        with refused("23514"):
            draw_from(session, character, assets[6], 6)
        with refused("23505"):
            session.run("delete from public.character_reference_images where position = 0")
            draw_from(session, character, assets[1], 0)
        session.run("delete from public.assets where id = %s", assets[1])
        assert session.column(
            "select position from public.character_reference_images order by position"
        ) == [2, 3, 4, 5]


def test_character_is_drawn_from_its_owners_pictures_alone(bench: Bench) -> None:
    user, stranger = bench.person(), bench.person()
    film, foreign = upload(bench, user, "video/mp4"), upload(bench, stranger)
    with bench.owner(user) as session, bench.owner(stranger) as other:
        character = add(session, "characters")
        for asset in (foreign, str(uuid4())):
            with refused("PT404", "reference_asset_not_found"):
                draw_from(session, character, asset, 0)
        with refused("PT400", "kind_does_not_fit"):
            draw_from(session, character, film, 0)
        with refused("42501"):
            draw_from(other, character, foreign, 0)
        draw_from(session, character, upload(bench, user), 0)
        seen = "select count(*) from public.character_reference_images"
        assert (session.value(seen), other.value(seen)) == (1, 0)
        assert other.run("update public.characters set name = 'Eve'") == 0
        assert other.run("delete from public.character_reference_images") == 0
        with bench.service() as service:
            for column in ("sprite_sheet_id", "final_image_id"):
                with refused("23503"):
                    service.run(
                        f"update public.characters set {column} = %s where id = %s",
                        foreign,
                        character,
                    )


def test_pictures_of_a_hidden_character_are_hidden(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        inside = project(session)
        draw_from(session, add(session, "characters", project_id=inside), upload(bench, user), 0)
        session.run("delete from public.projects where id = %s", inside)
        assert session.rows("select position from public.character_reference_images") == []
        assert session.run("delete from public.character_reference_images") == 0
        assert session.run("update public.characters set name = 'Ida'") == 0


def test_storyboard_outlives_its_character(bench: Bench) -> None:
    with bench.owner(bench.person()) as session, bench.owner(bench.person()) as other:
        character = add(session, "characters", name="Ida")
        board = add(session, "storyboard_sequences", name="b", character_id=character)
        with refused("23503"):
            add(other, "storyboard_sequences", name="b", character_id=character)
        session.run("update public.characters set name = 'Ada'")
        session.run("delete from public.characters")
        assert session.rows("select id::text, character_id from public.storyboard_sequences") == [
            (board, None)
        ]


# How it is shown ----------------------------------------------------------------------------------


def stored(job: Job, mime_type: str, **more: Any) -> dict[str, Any]:
    """Return an output as complete_jobs takes it, with a thumbnail unless it is sound."""
    kind = mime_type.partition("/")[0]
    bucket = {"image": "final-images", "video": "final-videos", "audio": "voiceovers"}[kind]
    folder = f"{job.user_id}/{job.id}"
    thumbnail = {
        "bucket": "thumbnails",
        "storage_path": f"{folder}/{uuid4()}.jpg",
        "mime_type": "image/jpeg",
        "size_bytes": 1,
        "width": 160,
        "height": 90,
    }
    return (
        {
            "role": f"result_{kind}",
            "bucket": bucket,
            "storage_path": f"{folder}/{uuid4()}",
            "mime_type": mime_type,
            "size_bytes": 5,
        }
        | ({"thumbnail": thumbnail} if kind != "audio" else {})
        | more
    )


def made(bench: Bench, shop: Shop, user: str, *mime_types: str, **more: Any) -> Job:
    """Submit a job that ends with outputs of these types, 1920 x 1080 and 2.5 seconds long."""
    shop.job(user, **more)
    with shop.queue() as queue:
        [job] = queue.finalizing()
        assets = [
            stored(job, each, position=position)
            | ({} if each.startswith("audio") else {"width": 1920, "height": 1080})
            | ({} if each.startswith("image") else {"duration_ms": 2500})
            for position, each in enumerate(mime_types)
        ]
        queue.complete(job, assets=assets)
    return job


def test_finished_videos_count_for_their_campaign(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    offer(shop, "text_to_video")
    with bench.owner(user) as session:
        campaign, other = add(session, "campaigns", name="c"), add(session, "campaigns", name="d")
    for _ in range(2):
        made(bench, shop, user, "video/mp4", p_kind="text_to_video", p_campaign_id=campaign)
    made(bench, shop, user, "image/png", p_campaign_id=campaign)
    failed(shop, user, p_kind="text_to_video", p_campaign_id=campaign)
    shop.job(user, p_kind="text_to_video", p_campaign_id=campaign)
    with bench.owner(user) as session:
        counts = "select id::text, completed_videos from public.campaigns"
        assert dict(session.rows(counts)) == {campaign: 2, other: 0}


def test_file_comes_out_of_one_job(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    first, second = completed(shop, user), completed(shop, user)
    insert = (
        "insert into public.job_assets (job_id, asset_id, role, user_id)"
        " select %s, asset_id, %s, user_id from public.job_assets where job_id = %s"
    )
    with bench.service() as service:
        with refused("23505"):
            service.run(insert, second.id, "result_image", first.id)
        # It may go into another, of course.
        assert service.run(insert, second.id, "reference_image", first.id) == 1


def test_images_and_videos_are_shown_with_ratio_format_and_maker(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    offer(shop, "text_to_video")
    still = made(bench, shop, user, "image/png")
    film = made(bench, shop, user, "video/mp4", p_kind="text_to_video")
    given = upload(bench, user)
    columns = "job_id::text, aspect_ratio, format, bucket, thumbnail_bucket"
    with bench.owner(user) as session:
        assert session.rows(f"select {columns} from public.images where id <> %s", given) == [
            (still.id, "16:9", "png", "final-images", "thumbnails")
        ]
        assert session.rows(f"select {columns} from public.images where id = %s", given) == [
            (None, None, "png", "reference-images", None)
        ]
        assert session.rows(f"select {columns}, duration::float from public.videos") == [
            (film.id, "16:9", "mp4", "final-videos", "thumbnails", 2.5)
        ]


def test_generated_images_have_a_row_a_result_and_one_for_none(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    two = made(bench, shop, user, "image/png", "image/webp", p_output_count=2, p_art_style="ink")
    none = failed(shop, user)
    with bench.owner(user) as session:
        rows = session.rows(
            "select job_id::text, success, position, visual_prompt, art_style, model, message,"
            " image_size_bytes, credits_used, is_refunded, bucket, thumbnail_bucket"
            " from public.generated_images order by created_at, position"
        )
        shared = ("A harbour", "ink", shop.model, None, 5, 14, False, "final-images", "thumbnails")
        missing = (None, shop.model, "It broke.", None, 7, True, None, None)
        assert rows == [
            (two.id, True, 0, *shared),
            (two.id, True, 1, *shared),
            (none.id, False, None, "A harbour", *missing),
        ]
        keys = session.column("select id from public.generated_images")
        assert len(set(keys)) == 3


def test_generated_videos_are_shown_with_their_files(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    offer(shop, "image_to_video")
    picture = upload(bench, user)
    wish = {"p_kind": "image_to_video", "p_reference_asset_ids": [picture]}
    job = made(bench, shop, user, "video/mp4", "video/mp4", **wish)
    none = failed(shop, user, p_kind="image_to_video")
    with bench.owner(user) as session:
        path = session.value("select storage_path from public.assets where id = %s", picture)
        assert session.rows(
            "select id::text, animation_prompt, success, total_videos, image_bucket,"
            " image_storage_path, credits_used from public.generated_videos order by created_at"
        ) == [
            (job.id, "A harbour", True, 2, "reference-images", path, 7),
            (none.id, "A harbour", False, 0, None, None, 7),
        ]
        assert session.rows(
            "select generated_video_id::text, position, bucket, thumbnail_bucket"
            " from public.generated_video_files order by position"
        ) == [(job.id, position, "final-videos", "thumbnails") for position in (0, 1)]


def test_generated_voiceovers_are_shown(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    offer(shop, "voiceover")
    job = made(bench, shop, user, "audio/mpeg", p_kind="voiceover")
    with bench.owner(user) as session:
        assert session.rows(
            "select job_id::text, narration_prompt, bucket, duration::float, credits_used, success"
            " from public.generated_voiceovers"
        ) == [(job.id, "A harbour", "voiceovers", 2.5, 7, True)]


SHOWN = ["images", "videos", "generated_images", "generated_videos"]
SHOWN += ["generated_video_files", "generated_voiceovers"]


def test_views_show_neither_drafts_nor_what_is_hidden_nor_anothers(
    bench: Bench, shop: Shop
) -> None:
    user, stranger = bench.person(), bench.person()
    kinds = {"text_to_image": "image/png", "text_to_video": "video/mp4", "voiceover": "audio/mpeg"}
    for kind in ("text_to_video", "voiceover"):
        offer(shop, kind)
    jobs = []
    for kind, mime_type in kinds.items():
        jobs.append(made(bench, shop, user, mime_type, p_kind=kind))
        shop.draft(user, kind=kind)
        dropped = shop.draft(user, kind=kind)
        with bench.owner(user) as session:
            session.rows("select public.cancel_generation(%s)", dropped.id)

    def counts(session: Session) -> list[int]:
        return [session.value(f"select count(*) from public.{view}") for view in SHOWN]

    with bench.owner(user) as owner, bench.owner(stranger) as other:
        assert counts(owner) == [1] * 6
        assert counts(other) == [0] * 6
        for job in jobs:
            owner.run("delete from public.generation_jobs where id = %s", job.id)
        assert counts(owner) == [0] * 6
    with bench.anonymous() as session:
        for view in SHOWN:
            with refused("42501"):
                session.rows(f"select id from public.{view}")


def test_file_comes_out_of_one_job_once(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    first, second = completed(shop, user), completed(shop, user)
    claim = (
        "insert into public.job_assets (job_id, asset_id, role, user_id)"
        " select %s, asset_id, %s, user_id from public.job_assets where job_id = %s"
    )
    with bench.service() as service:
        for job, role in ((first, "sprite_sheet"), (second, "result_image")):
            with refused("23505"):
                service.run(claim, job.id, role, first.id)
        # It may go into as many as one likes.
        shop.job(
            user,
            p_reference_asset_ids=[
                service.value("select asset_id from public.job_assets where job_id = %s", first.id)
            ],
        )


@pytest.mark.parametrize("view", SHOWN)
def test_newest_page_walks_the_index_in_order(bench: Bench, view: str) -> None:
    index = "generation_jobs" if view.startswith("generated") else "assets"
    index = "assets" if view == "generated_video_files" else index
    with bench.owner(bench.person()) as session, session.undone():
        # Tables of a test are small: ask whether it can be done, not whether it pays.
        for setting in ("seqscan", "sort", "bitmapscan", "hashjoin", "mergejoin"):
            session.run(f"set local enable_{setting} = off")
        plan = session.column(
            f"explain (costs off) select * from public.{view} order by created_at desc limit 20"
        )
    assert any(f"{index}_user_id_created_at_idx" in line for line in plan)
    assert not any("created_at" in line for line in plan if "Sort Key" in line)


def test_source_images_of_a_video_are_the_services_to_tell(bench: Bench) -> None:
    user, stranger = bench.person(), bench.person()
    film, picture = upload(bench, user, "video/mp4"), upload(bench, user)
    foreign = upload(bench, stranger)
    insert = (
        "insert into public.video_source_images"
        " (video_id, position, image_id, user_id, duration_ms) values (%s, %s, %s, %s, 1500)"
    )
    seen = "select position, duration_ms from public.video_source_images"
    with bench.service() as service:
        service.run(insert, film, 0, picture, user)
        service.run(insert, film, 1, picture, user)
        with refused("23503"):
            service.run(insert, film, 2, foreign, user)
    with bench.owner(user) as owner, bench.owner(stranger) as other:
        assert owner.rows(f"{seen} order by position") == [(0, 1500), (1, 1500)]
        assert other.rows(seen) == []
        bench.run("update public.assets set hidden_at = now() where id = %s", film)
        assert owner.rows(seen) == []


# Rating -------------------------------------------------------------------------------------------

RATE = "select (r).rating, (r).comment from (select public.rate_generation(%s, %s, %s) as r) as x"


def test_rating_again_changes_the_rating(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = completed(shop, user)
    with bench.owner(user) as session:
        assert session.rows(RATE, job.id, 2, "Dull.") == [(2, "Dull.")]
        assert session.rows(RATE, job.id, 4, None) == [(4, "Dull.")]
        assert session.rows(RATE, job.id, 5, "") == [(5, None)]
        assert session.rows("select rating, user_id::text from public.feedback") == [(5, user)]


def test_job_is_rated_by_its_owner_once_it_is_done(bench: Bench, shop: Shop) -> None:
    user, stranger = bench.person(), bench.person()
    broken, done = failed(shop, user), completed(shop, user)
    waiting = shop.job(user)
    insert = "insert into public.feedback (job_id, rating) values (%s, 3)"
    with bench.owner(user) as owner, bench.owner(stranger) as other:
        for job in (waiting, broken):
            with refused("PT409", "job_not_completed"):
                owner.rows(RATE, job.id, 3, None)
            with refused("42501"):
                owner.run(insert, job.id)
        for job_id in (done.id, str(uuid4())):
            with refused("PT404", "job_not_found"):
                other.rows(RATE, job_id, 3, None)
            with refused("42501"):
                other.run(insert, job_id)
        for rating in (0, 6, None):
            with refused("PT400", "invalid_rating"):
                owner.rows(RATE, done.id, rating, None)
        for rating in (0, 6):
            with refused("23514"):
                owner.run(insert.replace("3", str(rating)), done.id)
        owner.run(insert, done.id)
        assert other.rows("select rating from public.feedback") == []
        assert other.run("update public.feedback set rating = 1") == 0
        assert other.run("delete from public.feedback") == 0
        with refused("42501"):
            owner.run("update public.feedback set job_id = %s", waiting.id)
        owner.run("delete from public.generation_jobs where id = %s", done.id)
        assert owner.rows("select rating from public.feedback") == []
        assert owner.run("update public.feedback set rating = 1") == 0
        assert owner.run("delete from public.feedback") == 0
        with refused("PT404", "job_not_found"):
            owner.rows(RATE, done.id, 3, None)


def test_ratings_at_once_leave_one(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = completed(shop, user)
    with bench.owner(user) as one, bench.owner(user) as two:
        results = race(
            [lambda: one.rows(RATE, job.id, 1, None), lambda: two.rows(RATE, job.id, 5, None)]
        )
        assert not any(isinstance(each, psycopg.Error) for each in results)
        assert one.value("select count(*) from public.feedback") == 1


# Another try --------------------------------------------------------------------------------------

RETRY = "select (r).id::text from (select public.retry_generation(%s) as r) as retried"


def wish(bench: Bench, job_id: str) -> tuple[Any, ...]:
    """Return all that its owner said of a job."""
    [row] = bench.rows(
        "select kind, mode, model_id, prompt, negative_prompt, audio_instructions, art_style,"
        " aspect_ratio, resolution, duration_seconds, output_count, parameters, project_id,"
        " parent_job_id, campaign_id, storyboard_id,"
        " array(select (asset_id, role) from public.job_assets where job_id = jobs.id"
        " and role <> 'result_image' order by position)"
        " from public.generation_jobs as jobs where id = %s",
        job_id,
    )
    return row


def test_retry_is_the_same_wish_and_is_charged_once(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    parent = completed(shop, user)
    with bench.owner(user) as session:
        campaign = add(session, "campaigns", name="c")
        job = failed(
            shop,
            user,
            p_project_id=project(session),
            p_negative_prompt="rain",
            p_audio_instructions="waves",
            p_art_style="ink",
            p_aspect_ratio="16:9",
            p_output_count=2,
            p_parameters='{"seed": 7}',
            p_reference_asset_ids=[upload(bench, user), upload(bench, user)],
            p_parent_job_id=parent.id,
            p_campaign_id=campaign,
            p_storyboard_id=add(session, "storyboard_sequences", name="s"),
        )
        before = bench.balance(user)
        again = session.value(RETRY, job.id)
        assert session.value(RETRY, job.id) == again != job.id
        assert wish(bench, again) == wish(bench, job.id)
        assert shop.status(Job(again, user)) == "queued"
        assert before - bench.balance(user) == 14
        assert (
            session.value("select prompt from public.user_prompts where job_id = %s", again)
            == "A harbour"
        )


def test_retries_at_once_are_one_job_and_one_charge(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = failed(shop, user)
    with bench.owner(user) as one, bench.owner(user) as two:
        first, second = race([lambda: one.value(RETRY, job.id), lambda: two.value(RETRY, job.id)])
    assert first == second
    assert bench.balance(user) == 93
    assert bench.value("select count(*) from public.generation_jobs where user_id = %s", user) == 2


def test_retry_under_a_key_of_ones_own_is_another_job(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = failed(shop, user)
    with bench.owner(user) as session:
        first = session.value(RETRY, job.id)
        keyed = "select (public.retry_generation(%s, %s)).id::text"
        second = session.value(keyed, job.id, "mine")
        assert first != second == session.value(keyed, job.id, "mine")
        shop.submit(session, p_prompt="Another", p_idempotency_key="taken")
        with refused("PT409", "idempotency_key_reused"):
            session.value(keyed, job.id, "taken")


def test_what_was_cancelled_is_retried_and_a_failed_retry_too(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    with bench.owner(user) as session:
        session.rows("select public.cancel_generation(%s)", job.id)
        second = session.value(RETRY, job.id)
        with shop.queue() as queue:
            [claimed] = queue.claim()
            assert claimed.id == second
            queue.fail(claimed)
        third = session.value(RETRY, second)
        assert len({job.id, second, third}) == 3


def test_only_what_came_to_nothing_is_retried_and_only_by_its_owner(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    broken, done = failed(shop, user), completed(shop, user)
    waiting, draft = shop.job(user), shop.draft(user)
    with bench.owner(user) as owner, bench.owner(bench.person()) as other:
        for job in (waiting, draft):
            with refused("PT409", "job_not_ended"):
                owner.value(RETRY, job.id)
        with refused("PT409", "job_completed"):
            owner.value(RETRY, done.id)
        for job_id in (broken.id, str(uuid4())):
            with refused("PT404", "job_not_found"):
                other.value(RETRY, job_id)
        owner.run("delete from public.generation_jobs where id = %s", broken.id)
        with refused("PT404", "job_not_found"):
            owner.value(RETRY, broken.id)
    with bench.anonymous() as session, refused("42501"):
        session.value(RETRY, broken.id)


def traces(bench: Bench, user: str) -> list[tuple[Any, ...]]:
    """Return all that a retry would leave behind."""
    return bench.rows(
        "select (select count(*) from public.generation_jobs where user_id = p.user_id),"
        " (select count(*) from public.user_prompts where user_id = p.user_id),"
        " (select count(*) from public.job_assets where user_id = p.user_id), a.balance, a.version"
        " from public.profiles as p inner join public.credit_accounts as a using (user_id)"
        " where p.user_id = %s",
        user,
    )


def test_retry_without_one_of_its_files_is_refused_whole(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        inside = project(session)
        kept, gone = upload(bench, user), upload(bench, user)
        hidden = upload(bench, user, project_id=inside)
        lost = failed(shop, user, p_reference_asset_ids=[kept, gone])
        unseen = failed(shop, user, p_reference_asset_ids=[kept, hidden])
        session.run("delete from public.assets where id = %s", gone)
        session.run("delete from public.projects where id = %s", inside)
        before = traces(bench, user)
        for job in (lost, unseen):
            with refused("PT404", "reference_asset_not_found"):
                session.value(RETRY, job.id)
        assert traces(bench, user) == before
        assert session.column(
            "select id::text from public.generation_jobs where has_lost_inputs"
        ) == [lost.id]


def test_result_that_was_purged_is_lost_to_the_jobs_that_it_went_into(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    kept = upload(bench, user)
    maker = completed(shop, user, p_reference_asset_ids=[kept])
    with bench.owner(user) as session:
        result = session.value("select id::text from public.images where job_id = %s", maker.id)
        taker = failed(shop, user, p_reference_asset_ids=[result])
        other = failed(shop, user, p_reference_asset_ids=[kept])
        session.run("delete from public.generation_jobs where id = %s", maker.id)
        with refused("PT404", "reference_asset_not_found"):
            session.value(RETRY, taker.id)
        bench.run(
            "update public.generation_jobs set hidden_at = now() - interval '90 days'"
            " where id = %s",
            maker.id,
        )
        with bench.service() as service:
            service("worker.purge_hidden")
        with refused("PT404", "reference_asset_not_found"):
            session.value(RETRY, taker.id)
        assert session.value(RETRY, other.id) != other.id
    assert bench.column(
        "select id::text from public.generation_jobs where user_id = %s and has_lost_inputs", user
    ) == [taker.id]


def test_retry_that_was_made_is_told_though_a_file_is_gone_since(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    asset = upload(bench, user)
    job = failed(shop, user, p_reference_asset_ids=[asset])
    with bench.owner(user) as session:
        again = session.value(RETRY, job.id)
        session.rows("select public.cancel_generation(%s)", again)
        session.run("delete from public.assets where id = %s", asset)
        assert session.value(RETRY, job.id) == again


def test_draft_may_lose_a_file_and_be_retried_as_it_was_queued(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    asset = upload(bench, user)
    draft = shop.draft(user)
    with bench.owner(user) as session:
        session.run(
            "insert into public.job_assets (job_id, asset_id, role)"
            " values (%s, %s, 'reference_image')",
            draft.id,
            asset,
        )
        session.run("delete from public.assets where id = %s", asset)
        session.rows("select public.queue_generation(%s)", draft.id)
        session.rows("select public.cancel_generation(%s)", draft.id)
        again = session.value(RETRY, draft.id)
    assert wish(bench, again) == wish(bench, draft.id)


def test_retry_that_cannot_be_paid_leaves_nothing(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = failed(shop, user, p_output_count=10)
    with bench.owner(user) as session:
        shop.submit(session, p_output_count=6)
        before = traces(bench, user)
        with refused("PT402", "insufficient_credits"):
            session.value(RETRY, job.id)
        assert traces(bench, user) == before


def test_retry_uses_each_file_as_the_job_did(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    offer(shop, "video_edit")
    film = upload(bench, user, "video/mp4")
    job = shop.job(
        user,
        p_kind="video_edit",
        p_reference_asset_ids=[film, film],
        p_reference_roles=["source_audio", "source_video"],
    )
    with bench.owner(user) as session:
        session.rows("select public.cancel_generation(%s)", job.id)
        again = session.value(RETRY, job.id)
        roles = "select role::text from public.job_assets where job_id = %s order by position"
        assert session.column(roles, again) == ["source_audio", "source_video"]
        assert session.value(RETRY, job.id) == again
        with refused("PT400", "reference_roles_do_not_fit"):
            shop.submit(
                session,
                p_kind="video_edit",
                p_reference_asset_ids=[film],
                p_reference_roles=["source_audio", "source_video"],
            )


def test_deleted_retry_makes_room_for_another(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = failed(shop, user)
    with bench.owner(user) as session:
        first = session.value(RETRY, job.id)
        session.run("delete from public.generation_jobs where id = %s", first)
        assert session.value(RETRY, job.id) != first


def test_key_of_a_deleted_job_makes_no_other(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user, p_idempotency_key="once")
    with bench.owner(user) as session:
        session.run("delete from public.generation_jobs where id = %s", job.id)
        with refused("PT409", "job_deleted"):
            shop.submit(session, p_idempotency_key="once")
    assert bench.balance(user) == 100
