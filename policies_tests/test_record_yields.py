"""What jobs yield becomes rows of their owners, and nothing else does that a provider says."""

import json
from typing import Any
from uuid import uuid4

import pytest

from .harness import Bench, Job, Session, Shop, picture, refused, rejected

CONCEPT = {
    "title": "Dawn",
    "concept": "Fog lifts.",
    "tone": "calm",
    "goal": "sell",
    "web_info": "w",
}
SEGMENTS = [
    {"visual": "Fog", "narration": "It is early.", "animation": "slow pan"},
    {"visual": "Boats"},
]
YIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "concept": ("video_concepts", CONCEPT),
    "web_research": ("web_research_queries", {"response": "There are many."}),
    "content_summary": ("content_summaries", {"summary": "A text."}),
    "video_segmentation": ("video_segmentations", {"segments": SEGMENTS}),
    "character": ("characters", {"name": "Ann", "description": "A sailor"}),
}


@pytest.fixture
def user(bench: Bench) -> str:
    """Somebody who may have many jobs at once."""
    return bench.person(tier="pro")


def offer(shop: Shop, *kinds: str) -> None:
    """Let the shop's model make other things as well, for 7 credits each."""
    for kind in kinds:
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


def ended(shop: Shop, user_id: str, kind: str, yields: Any, *files: str, **more: Any) -> Job:
    """Submit a job of some kind, and end it well with yields and pictures of these roles."""
    shop.job(user_id, p_kind=kind, **more)
    with shop.queue() as queue:
        [job] = queue.claim()
        assets = [
            picture(job, f"{place}.png") | {"role": role, "position": place}
            for place, role in enumerate(files)
        ]
        queue.complete(job, assets=assets, yields=yields)
    return job


def upload(bench: Bench, user_id: str) -> str:
    """Store a picture as its owner does, and return the asset."""
    path = f"{user_id}/{uuid4()}/own.png"
    bench.run(
        "insert into storage.objects (bucket_id, name, metadata)"
        " values ('reference-images', %s, %s)",
        path,
        json.dumps({"mimetype": "image/png", "size": 12}),
    )
    with bench.owner(user_id) as session:
        return str(
            session.value(
                "insert into public.assets (kind, bucket, storage_path)"
                " values ('image', 'reference-images', %s) returning id",
                path,
            )
        )


def the_row(session: Session, table: str, columns: str) -> tuple[Any, ...]:
    """Return these columns of the only row of a table that a session sees."""
    [row] = session.rows(f"select {columns} from public.{table}")
    return row


# Whose it is --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", YIELDS)
def test_yield_is_its_jobs_owners_and_in_its_jobs_project(
    bench: Bench, shop: Shop, user: str, kind: str
) -> None:
    table, yields = YIELDS[kind]
    offer(shop, kind)
    with bench.owner(user) as owner:
        project = owner.value("insert into public.projects (name) values ('p') returning id")
        job = ended(shop, user, kind, yields, p_project_id=project)
        columns = "id, user_id::text, project_id, job_id::text, credits_used(t), is_refunded(t)"
        [(row, *rest)] = owner.rows(f"select {columns} from public.{table} as t")
        assert rest == [user, project, job.id, 7, False]
    assert shop.status(job) == "completed"
    with bench.owner(bench.person()) as stranger:
        assert stranger.rows(f"select id from public.{table}") == []
    with bench.anonymous() as nobody, refused("42501"):
        nobody.rows(f"select id from public.{table}")
    with bench.service() as service:
        assert row in service.column(f"select id from public.{table}")


def test_nobody_records_yields_but_through_a_job_that_is_completed(bench: Bench) -> None:
    for open_session in (bench.service, bench.anonymous, lambda: bench.owner(bench.person())):
        with open_session() as session, refused("42501"):
            session.rows("select private.record_yields('[]')")


# What it says -------------------------------------------------------------------------------------


def test_concept_is_what_was_asked_and_what_was_answered(
    bench: Bench, shop: Shop, user: str
) -> None:
    offer(shop, "concept")
    ended(shop, user, "concept", CONCEPT | {"credits_used": 0, "user_id": str(uuid4())})
    with bench.owner(user) as owner:
        columns = "prompt, title, concept, tone, goal, web_info"
        assert the_row(owner, "video_concepts", columns) == (
            ("A harbour", "Dawn", "Fog lifts.", "calm", "sell", "w")
        )


def test_concept_may_be_short_of_all_but_title_and_idea(
    bench: Bench, shop: Shop, user: str
) -> None:
    offer(shop, "concept")
    ended(shop, user, "concept", {"title": "Dawn", "concept": "Fog.", "tone": None})
    with bench.owner(user) as owner:
        assert the_row(owner, "video_concepts", "tone, goal, web_info") == ("", "", "")


def test_answer_stands_beside_its_question(bench: Bench, shop: Shop, user: str) -> None:
    offer(shop, "web_research")
    answer = "<script>alert('x')</script> '; drop table public.profiles; -- \\u0000 ☃"
    ended(shop, user, "web_research", {"response": answer})
    with bench.owner(user) as owner:
        assert the_row(owner, "web_research_queries", "prompt, response") == ("A harbour", answer)


@pytest.mark.parametrize(
    ("parameters", "summed_up"),
    [
        ({"content": "A long text."}, ("A long text.", "A harbour")),
        ({}, ("A harbour", "")),
        ({"content": ["no", "text"]}, ("A harbour", "")),
        ({"content": ""}, ("A harbour", "")),
    ],
)
def test_summary_stands_beside_its_text_and_what_was_wanted_of_it(
    bench: Bench, shop: Shop, user: str, parameters: dict[str, Any], summed_up: tuple[str, str]
) -> None:
    offer(shop, "content_summary")
    ended(
        shop,
        user,
        "content_summary",
        {"summary": "A text."},
        p_parameters=json.dumps(parameters),
    )
    with bench.owner(user) as owner:
        columns = "original_content, user_input, summary"
        assert the_row(owner, "content_summaries", columns) == (*summed_up, "A text.")


def test_segmentation_has_its_segments_in_order(bench: Bench, shop: Shop, user: str) -> None:
    offer(shop, "video_segmentation")
    wish = {"p_negative_prompt": "rain", "p_art_style": "ink"}
    ended(shop, user, "video_segmentation", {"segments": SEGMENTS}, **wish)
    with bench.owner(user) as owner:
        columns = "prompt, concept, negative_prompt, art_style, model, is_selected"
        assert the_row(owner, "video_segmentations", columns) == (
            ("A harbour", "A harbour", "rain", "ink", shop.model, False)
        )
        assert owner.rows(
            "select position, visual, narration, animation from public.video_segments"
            " order by position"
        ) == [(0, "Fog", "It is early.", "slow pan"), (1, "Boats", "", "")]


@pytest.mark.parametrize(
    ("said", "asked", "concept"),
    [
        ({"concept": "Theirs"}, {"concept": "Mine"}, "Theirs"),
        ({}, {"concept": "Mine"}, "Mine"),
        ({}, {"concept": {"no": "text"}}, "A harbour"),
    ],
)
def test_segmentation_has_the_idea_of_the_answer_or_of_the_wish(
    shop: Shop, user: str, said: dict[str, str], asked: dict[str, Any], concept: str
) -> None:
    offer(shop, "video_segmentation")
    yields = {"segments": SEGMENTS} | said
    ended(shop, user, "video_segmentation", yields, p_parameters=json.dumps(asked))
    with shop.bench.owner(user) as owner:
        assert the_row(owner, "video_segmentations", "concept") == (concept,)


def test_idea_of_the_wish_is_cut_where_it_does_not_fit_beside_the_wish(
    shop: Shop, user: str
) -> None:
    offer(shop, "video_segmentation")
    wish = {"p_prompt": "ก" * 8_000}
    ended(shop, user, "video_segmentation", {"segments": SEGMENTS}, **wish)
    with shop.bench.owner(user) as owner:
        prompt, concept = the_row(owner, "video_segmentations", "prompt, concept")
    assert prompt == wish["p_prompt"]
    assert len(concept) > 1_000
    assert prompt.startswith(concept)


# Characters ---------------------------------------------------------------------------------------


def pictures(session: Session) -> list[tuple[int, str]]:
    """Return what characters are known by: places and file names."""
    return session.rows(
        "select pictures.position::int, regexp_replace(assets.storage_path, '.*/', '')"
        " from public.character_reference_images as pictures"
        " inner join public.assets on assets.id = pictures.asset_id order by pictures.position"
    )


SHEETS = (
    "success, model, (select storage_path from public.assets where id = sprite_sheet_id),"
    " (select storage_path from public.assets where id = final_image_id)"
)


def test_character_has_the_pictures_that_its_job_made(bench: Bench, shop: Shop, user: str) -> None:
    offer(shop, "character")
    job = ended(
        shop,
        user,
        "character",
        {"name": "Ann", "message": "Done."},
        "result_image",
        "sprite_sheet",
        "final_character",
        "result_image",
        p_reference_asset_ids=[upload(bench, user)],
        p_art_style="ink",
    )
    folder = f"{user}/{job.id}"
    with bench.owner(user) as owner:
        assert the_row(owner, "characters", SHEETS) == (
            (True, shop.model, f"{folder}/1.png", f"{folder}/2.png")
        )
        columns = "name, description, visual_prompt, art_style, message"
        assert the_row(owner, "characters", columns) == ("Ann", None, "A harbour", "ink", "Done.")
        # What it was drawn from, then what was drawn.
        assert pictures(owner) == [(0, "own.png"), (1, "0.png"), (2, "3.png")]


def test_character_is_known_by_six_pictures_at_most(bench: Bench, shop: Shop, user: str) -> None:
    offer(shop, "character")
    job = ended(shop, user, "character", {}, *["result_image"] * 8)
    with bench.owner(user) as owner:
        assert pictures(owner) == [(place, f"{place}.png") for place in range(6)]
        # Where no picture is the finished one, it is the first.
        final = the_row(owner, "characters", SHEETS)[3]
        assert final == f"{user}/{job.id}/0.png"


def test_character_that_was_described_before_is_drawn(bench: Bench, shop: Shop, user: str) -> None:
    offer(shop, "character")
    with bench.owner(user) as owner:
        character = owner.value(
            "insert into public.characters (visual_prompt, name) values ('A sailor', 'Bob')"
            " returning id::text"
        )
        owner.run(
            "insert into public.character_reference_images (character_id, asset_id, position)"
            " values (%s, %s, 3)",
            character,
            upload(bench, user),
        )
        job = ended(
            shop,
            user,
            "character",
            {"name": "Ann", "description": "Of the sea", "visual_prompt": "Another"},
            "final_character",
            "result_image",
            p_parameters=json.dumps({"character_id": character.upper()}),
        )
        columns = "id::text, job_id::text, name, description, visual_prompt, success"
        assert the_row(owner, "characters", columns) == (
            (character, job.id, "Bob", "Of the sea", "A sailor", True)
        )
        assert pictures(owner) == [(3, "own.png")]


def test_strangers_character_is_not_drawn(bench: Bench, shop: Shop, user: str) -> None:
    offer(shop, "character")
    with bench.owner(bench.person()) as stranger, bench.owner(user) as owner:
        theirs = stranger.value(
            "insert into public.characters (visual_prompt) values ('A sailor') returning id::text"
        )
        for wrong in (theirs, "no id at all", None, 7, [theirs]):
            ended(
                shop,
                user,
                "character",
                {},
                "final_character",
                p_parameters=json.dumps({"character_id": wrong}),
            )
        assert owner.value("select count(*) from public.characters where success") == 5
        assert the_row(stranger, "characters", "job_id, success") == (None, False)


# What does not fit --------------------------------------------------------------------------------

WRONG: list[tuple[str, Any]] = [
    ("concept", {"title": "Dawn"}),
    ("concept", CONCEPT | {"title": " "}),
    ("concept", CONCEPT | {"title": 7}),
    ("concept", CONCEPT | {"title": "x" * 301}),
    ("concept", CONCEPT | {"tone": ["calm"]}),
    ("concept", CONCEPT | {"web_info": "x" * 49_152}),
    ("web_research", {"answer": "There are many."}),
    ("web_research", {"response": {"text": "There are many."}}),
    ("web_research", {"response": "x" * 100_001}),
    ("content_summary", {}),
    ("content_summary", {"summary": "x" * 100_001}),
    ("video_segmentation", {}),
    ("video_segmentation", {"segments": []}),
    ("video_segmentation", {"segments": "Fog"}),
    ("video_segmentation", {"segments": ["Fog"]}),
    ("video_segmentation", {"segments": [{"narration": "Nothing is seen."}]}),
    ("video_segmentation", {"segments": [{"visual": "x" * 8_193}]}),
    ("video_segmentation", {"segments": [{"visual": "ü" * 5_000}]}),
    ("video_segmentation", {"segments": [{"visual": "Fog"}] * 1_001}),
    ("video_segmentation", {"segments": SEGMENTS, "concept": 7}),
    ("character", {"name": "x" * 201}),
    ("character", {"name": {"first": "Ann"}}),
    ("character", {"visual_prompt": "ü" * 10_000, "description": "ü" * 5_000}),
]


@pytest.mark.parametrize(
    ("kind", "yields"), WRONG, ids=[f"{kind}-{place}" for place, (kind, _) in enumerate(WRONG)]
)
def test_yield_that_does_not_fit_is_refused_and_the_job_left_as_it_was(
    bench: Bench, shop: Shop, user: str, kind: str, yields: Any
) -> None:
    offer(shop, kind)
    shop.job(user, p_kind=kind)
    with shop.queue() as queue:
        [job] = queue.claim()
        with rejected("refused"):
            queue.complete(job, assets=[picture(job)], yields=yields)
        assert shop.status(job) == "starting"
        assert bench.value("select count(*) from public.assets where user_id = %s", user) == 0
        assert queue.fail(job, error_code="unusable_answer") == "failed"
    assert bench.balance(user) == 100
    table = YIELDS[kind][0]
    assert bench.value(f"select count(*) from public.{table} where user_id = %s", user) == 0


def test_one_yield_that_does_not_fit_spoils_no_others(bench: Bench, shop: Shop, user: str) -> None:
    offer(shop, "concept", "web_research")
    kinds = ["concept", "web_research", "concept", "text_to_image"]
    jobs = [shop.job(user, p_kind=kind) for kind in kinds]
    answers: list[Any] = [CONCEPT, {"response": None}, CONCEPT | {"title": "Dusk"}, None]
    with shop.queue() as queue:
        claimed = {job.id: job for job in queue.claim(10)}
        told = [
            {
                "job_id": job.id,
                "lease": claimed[job.id].lease,
                "assets": [picture(job)],
                "yields": answer,
            }
            for job, answer in zip(jobs, answers, strict=True)
        ]
        for _ in range(2):  # sent twice
            results = queue.session.rows(
                "select job_id::text, result from worker.complete_jobs(%s)", json.dumps(told)
            )
            assert dict(results) == {
                job.id: "refused" if place == 1 else "done" for place, job in enumerate(jobs)
            }
    with bench.owner(user) as owner:
        assert owner.column("select title from public.video_concepts order by title") == [
            "Dawn",
            "Dusk",
        ]
        assert owner.rows("select id from public.web_research_queries") == []


def test_what_makes_files_alone_may_say_anything_and_nothing_comes_of_it(
    bench: Bench, shop: Shop, user: str
) -> None:
    ended(shop, user, "text_to_image", CONCEPT | {"segments": SEGMENTS}, "result_image")
    for table, _ in YIELDS.values():
        assert bench.value(f"select count(*) from public.{table} where user_id = %s", user) == 0


def test_yields_of_many_owners_in_one_call_go_each_to_its_own(bench: Bench, shop: Shop) -> None:
    offer(shop, *YIELDS)
    users = [bench.person(tier="pro") for _ in range(2)]
    jobs = {shop.job(user, p_kind=kind).id: kind for user in users for kind in YIELDS}
    with shop.queue() as queue:
        told = [
            {"job_id": job.id, "lease": job.lease, "yields": YIELDS[jobs[job.id]][1]}
            for job in queue.claim(20)
        ]
        results = queue.session.column(
            "select result from worker.complete_jobs(%s)", json.dumps(told)
        )
    assert results == ["done"] * 10
    for user in users:
        with bench.owner(user) as owner:
            for table, _ in YIELDS.values():
                assert the_row(owner, table, "user_id::text") == (user,)


def test_deleted_job_takes_what_it_yielded_out_of_sight(
    bench: Bench, shop: Shop, user: str
) -> None:
    offer(shop, *YIELDS)
    with bench.owner(user) as owner:
        for kind, (table, yields) in YIELDS.items():
            job = ended(shop, user, kind, yields)
            owner.run("delete from public.generation_jobs where id = %s", job.id)
            assert owner.rows(f"select id from public.{table}") == []
