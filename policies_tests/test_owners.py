"""What owners may do with what is theirs, and where it ends."""

import json

import pytest

from .harness import Bench, Session, Shop, open_shop, refused


def upload(bench: Bench, session: Session, user: str, name: str, kind: str) -> str:
    """Store a picture's row as the storage server does, list it as its owner, return its id."""
    path = f"{user}/up/{name}"
    bench.run(
        "insert into storage.objects (bucket_id, name, metadata)"
        " values ('reference-images', %s, %s)",
        path,
        json.dumps({"mimetype": "image/png; charset=binary", "size": 12}),
    )
    return str(
        session.value(
            "insert into public.assets (kind, bucket, storage_path)"
            " values (%s, 'reference-images', %s) returning id",
            kind,
            path,
        )
    )


def test_type_and_size_of_an_upload_come_from_storage(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        asset = upload(bench, session, user, "a.png", "image")
        assert session.rows(
            "select mime_type, size_bytes from public.assets where id = %s", asset
        ) == [("image/png", 12)]


@pytest.mark.parametrize("kind", ["video", "audio", "document"])
def test_upload_cannot_be_listed_as_what_it_is_not(bench: Bench, kind: str) -> None:
    user = bench.person()
    with bench.owner(user) as session, refused("PT400"):
        upload(bench, session, user, "a.png", kind)


@pytest.mark.parametrize("bucket", ["final-images", "thumbnails", "final-videos", "voiceovers"])
def test_result_is_not_registered_by_its_owner(bench: Bench, bucket: str) -> None:
    user = bench.person()
    path = f"{user}/job/result.png"
    bench.run(
        "insert into storage.objects (bucket_id, name, metadata) values (%s, %s, %s)",
        bucket,
        path,
        json.dumps({"mimetype": "image/png", "size": 12}),
    )
    # A service has stored it and is about to say so.
    with bench.owner(user) as session, refused("42501"):
        session.run(
            "insert into public.assets (kind, bucket, storage_path) values ('image', %s, %s)",
            bucket,
            path,
        )


@pytest.mark.parametrize(
    "path",
    [
        "{other}/a.png",
        "a.png",
        "{user}",
        "{user}/../{other}/a.png",
        "{user}/./a.png",
        "{user}//a.png",
        "{user}/a/",
        "/{user}/a.png",
        "{user}/" + "x" * 1024,
    ],
    ids=lambda path: path[:24],
)
def test_asset_lies_in_its_owners_folder_whoever_writes(bench: Bench, path: str) -> None:
    user = bench.person()
    with bench.service() as service, refused("23514"):
        service.run(
            "insert into public.assets"
            " (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
            " values (%s, 'image', 'final-images', %s, 'image/png', 1)",
            user,
            path.format(user=user, other=bench.person()),
        )


ADD_FILE = "insert into public.job_assets (job_id, asset_id, role) values (%s, %s, %s)"


@pytest.mark.parametrize(
    "role", ["result_image", "result_video", "thumbnail", "sprite_sheet", "final_character"]
)
def test_owner_adds_no_result_to_a_job(bench: Bench, shop: Shop, role: str) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        asset = upload(bench, session, user, "a.png", "image")
        for job in (shop.draft(user), shop.job(user)):
            with refused("42501"):
                session.run(ADD_FILE, job.id, asset, role)


def test_what_went_into_a_job_stays_once_it_is_queued(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        asset = upload(bench, session, user, "a.png", "image")
        draft = shop.draft(user)
        session.run(ADD_FILE, draft.id, asset, "reference_image")
        assert session.run("delete from public.job_assets") == 1
        session.run(ADD_FILE, draft.id, asset, "reference_image")
        session.rows("select public.queue_generation(%s)", draft.id)
        assert session.run("delete from public.job_assets") == 0
        session.rows("select public.cancel_generation(%s)", draft.id)
        assert session.run("delete from public.job_assets") == 0
        with refused("42501"):
            session.run(ADD_FILE, draft.id, asset, "reference_image")
    assert bench.value("select count(*) from public.job_assets where user_id = %s", user) == 1


def test_service_ties_no_file_to_anothers_job(bench: Bench, shop: Shop) -> None:
    user, other = bench.person(), bench.person()
    job = shop.job(user)
    with bench.owner(other) as session, bench.service() as service:
        theirs = upload(bench, session, other, "a.png", "image")
        for owner in (user, other):
            with refused("23503"):
                service.run(
                    "insert into public.job_assets (job_id, asset_id, role, user_id)"
                    " values (%s, %s, 'result_image', %s)",
                    job.id,
                    theirs,
                    owner,
                )


def test_job_takes_no_more_references_than_its_model(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        assets = [upload(bench, session, user, f"{number}.png", "image") for number in range(4)]
        shop.submit(session, p_reference_asset_ids=assets[:3])
        with refused("PT400"):
            shop.submit(session, p_reference_asset_ids=assets)
        draft = shop.draft(user).id
        add = (
            "insert into public.job_assets (job_id, asset_id, role)"
            " values (%s, %s, 'reference_image')"
        )
        for asset in assets[:3]:
            session.run(add, draft, asset)
        with refused("PT400"):
            session.run(add, draft, assets[3])
    assert bench.balance(user) == 93


def test_limit_of_references_holds_when_the_model_is_changed(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    draft = shop.draft(user)
    smaller = open_shop(bench)
    bench.run("update public.models set max_reference_images = 0 where id = %s", smaller.model)
    with bench.owner(user) as session:
        session.run(
            "insert into public.job_assets (job_id, asset_id, role)"
            " values (%s, %s, 'reference_image')",
            draft.id,
            upload(bench, session, user, "a.png", "image"),
        )
        with refused("PT400"):
            session.run(
                "update public.generation_jobs set model_id = %s where id = %s",
                smaller.model,
                draft.id,
            )
            session.rows("select public.queue_generation(%s)", draft.id)
    assert bench.balance(user) == 100


def test_reference_named_twice_is_refused_in_words(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        asset = upload(bench, session, user, "a.png", "image")
        with refused("PT400"):
            shop.submit(session, p_reference_asset_ids=[asset, asset])


def test_draft_whose_model_is_gone_lets_its_project_go(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        project = session.value("insert into public.projects (name) values ('p') returning id")
        draft = shop.draft(user, project_id=project)
    bench.run("update public.models set is_active = false where id = %s", shop.model)
    # For good, as an operator does.
    assert bench.run("delete from public.projects where id = %s", project) == 1
    assert (
        bench.value("select project_id from public.generation_jobs where id = %s", draft.id) is None
    )


@pytest.mark.parametrize("column", ["project_id", "campaign_id", "storyboard_id", "parent_job_id"])
def test_job_is_its_owners_in_all_that_it_names_whoever_writes(
    bench: Bench, shop: Shop, column: str
) -> None:
    draft, other = shop.draft(bench.person()), bench.person()
    if column == "parent_job_id":
        theirs = shop.draft(other).id
    else:
        tables = {"project_id": "projects", "campaign_id": "campaigns"}
        with bench.owner(other) as session:
            theirs = session.value(
                f"insert into public.{tables.get(column, 'storyboard_sequences')} (name)"
                " values ('theirs') returning id"
            )
    with refused("23503"):
        bench.run(
            f"update public.generation_jobs set {column} = %s where id = %s", theirs, draft.id
        )


def test_draft_is_not_its_own_parent(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    draft = shop.draft(user)
    with bench.owner(user) as session, refused("23514"):
        session.run("update public.generation_jobs set parent_job_id = id where id = %s", draft.id)


def test_token_of_a_deleted_user_writes_nothing(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    bench.run("delete from auth.users where id = %s", user)
    with bench.owner(user) as session:
        with refused("23503"):
            session.run("insert into public.projects (name) values ('p')")
        with refused("42501", "user_not_found"):
            shop.submit(session, p_mode="draft")
        with refused("42501"):
            session.run(
                "insert into storage.objects (bucket_id, name) values ('reference-images', %s)",
                f"{user}/up/a.png",
            )


def test_results_are_their_owners_once_the_job_is_done(bench: Bench, shop: Shop) -> None:
    user, stranger = bench.person(), bench.person()
    shop.job(user)
    seen = "select name from storage.objects where bucket_id = 'final-images'"
    with shop.queue() as queue, bench.owner(user) as owner, bench.owner(stranger) as other:
        [job] = queue.finalizing()
        path = f"{user}/{job.id}/result.png"
        bench.run("insert into storage.objects (bucket_id, name) values ('final-images', %s)", path)
        assert owner.column(seen) == []
        queue.complete(job)
        assert owner.column(seen) == [path]
        assert other.column(seen) == []
    with bench.anonymous() as session:
        assert session.column(seen) == []
    with bench.service() as session:
        assert path in session.column(seen)


@pytest.mark.parametrize(
    "parameters",
    [
        f'{{"seed": {"9" * 6000}}}',
        '{"seed": [1, {"deep": -1e40}]}',
        f'{{"seed": {"[" * 9}{"]" * 9}}}',
        f'{{"seed": {"[" * 5000}{"]" * 5000}}}',
        "[]",
        f'{{"text": "{"x" * 17000}"}}',
    ],
    ids=["digits", "exponent", "nine-deep", "very-deep", "no-object", "large"],
)
def test_parameters_are_what_every_reader_can_take(
    bench: Bench, shop: Shop, parameters: str
) -> None:
    # Also where the model says nothing of them.
    with refused("23514"):
        shop.draft(bench.person(), parameters=parameters)


def test_model_makes_no_more_outputs_than_it_can(bench: Bench, shop: Shop) -> None:
    with bench.owner(bench.person()) as session:
        shop.submit(session, p_output_count=10)
        for count in (11, 0, -1, None):
            with refused("PT400", "output_count_not_available"):
                shop.submit(session, p_output_count=count)


@pytest.mark.parametrize(
    ("column", "length"),
    [
        ("prompt", 10_001),
        ("negative_prompt", 10_001),
        ("audio_instructions", 10_001),
        ("art_style", 101),
        ("idempotency_key", 201),
        ("idempotency_key", 0),
    ],
)
def test_texts_of_a_job_are_short(bench: Bench, shop: Shop, column: str, length: int) -> None:
    state = "PT400" if column == "prompt" else "23514"
    with refused(state):
        shop.draft(bench.person(), **{column: "x" * length})
    # Whatever the catalogue says, and whoever writes.
    if column == "prompt":
        draft = shop.draft(bench.person())
        with bench.undone(), refused("23514"):
            bench.run("drop trigger generation_jobs_price_update on public.generation_jobs")
            bench.run(
                "update public.generation_jobs set prompt = repeat('x', %s) where id = %s",
                length,
                draft.id,
            )
