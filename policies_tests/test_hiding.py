"""Deleting hides at once, can be undone for a while, and then removes for good."""

from typing import Any

import pytest

from .harness import Background, Bench, Job, Shop, refused
from .test_sharing import finish, make_project

SEEN = (
    "select (select count(*) from public.projects), (select count(*) from public.generation_jobs),"
    " (select count(*) from public.assets),"
    " (select count(*) from public.job_events), (select count(*) from public.user_prompts)"
)


def sight(bench: Bench, user_id: str) -> tuple[Any, ...]:
    """How many projects, jobs, assets, events and prompts a user sees."""
    with bench.owner(user_id) as session:
        [row] = session.rows(SEEN)
    return row


@pytest.fixture
def owner(bench: Bench) -> str:
    return bench.person()


def test_deleted_job_is_out_of_sight_with_all_that_is_its_own(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    job = finish(shop, owner, project)
    assert sight(bench, owner)[:3] == (1, 1, 1)
    with bench.owner(owner) as session:
        session.run("delete from public.generation_jobs where id = %s", job.id)
    assert sight(bench, owner) == (1, 0, 0, 0, 0)
    # The books keep it, and the result stays charged.
    assert shop.status(job) == "completed"
    assert bench.balance(owner) == 93
    with bench.owner(owner) as session:
        assert session.value("select count(*) from public.credit_statement") == 2


def test_deleting_a_running_job_cancels_it_and_returns_its_credits(
    bench: Bench, shop: Shop, owner: str
) -> None:
    job = shop.job(owner)
    with shop.queue() as queue:
        [held] = queue.claim()
        with bench.owner(owner) as session:
            session.run("delete from public.generation_jobs where id = %s", job.id)
        assert shop.status(job) == "cancelled"
        assert bench.balance(owner) == 100
        with refused("PT409", "lease_lost"):
            queue.advance(held, "processing")
    assert bench.complaints(owner) == []


def test_draft_is_deleted_at_once(bench: Bench, shop: Shop, owner: str) -> None:
    draft = shop.draft(owner)
    with bench.owner(owner) as session:
        assert session.run("delete from public.generation_jobs where id = %s", draft.id) == 1
    assert bench.rows("select from public.generation_jobs where id = %s", draft.id) == []


def test_deleted_project_hides_its_contents_and_cancels_what_runs(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project, other = make_project(session), make_project(session)
        session.run(
            "insert into public.conversations (project_id, type, user_input, response)"
            " values (%s, 'general_chat', 'Hi', 'Hello')",
            project,
        )
    finish(shop, owner, project)
    finish(shop, owner, other)
    running = shop.job(owner, p_project_id=project)
    with bench.owner(owner) as session:
        session.run("delete from public.projects where id = %s", project)
        assert session.value("select count(*) from public.conversations") == 0
    assert shop.status(running) == "cancelled"
    assert bench.balance(owner) == 100 - 14
    assert sight(bench, owner)[:3] == (1, 1, 1)
    assert bench.complaints(owner) == []


def test_nothing_new_gets_into_a_deleted_project(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
        session.run("delete from public.projects where id = %s", project)
        for insert in (
            "insert into public.generation_jobs (kind, prompt, project_id)"
            " values ('text_to_image', 'x', %s)",
            "insert into public.conversations (type, user_input, response, project_id)"
            " values ('general_chat', 'x', 'y', %s)",
            "select public.submit_generation('text_to_image', 'x', p_project_id => %s)",
        ):
            with refused("42501"):
                session.run(insert, project)
    assert bench.balance(owner) == 100


def test_project_and_job_can_be_brought_back(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session, is_public=True)
        session.run("select public.share_project(%s)", project)
    job = finish(shop, owner, project)
    before = sight(bench, owner)
    with bench.owner(owner) as session:
        session.run("delete from public.generation_jobs where id = %s", job.id)
        session.run("delete from public.projects where id = %s", project)
        session.run("select public.restore_project(%s)", project)
        session.run("select public.restore_generation(%s)", job.id)
        # What was shown to others is not shown again unasked.
        assert session.rows("select is_public, share_token from public.projects") == [(False, None)]
    assert sight(bench, owner) == before


def test_stranger_deletes_and_restores_nothing(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    job = finish(shop, owner, project)
    before = sight(bench, owner)
    with bench.owner(bench.person()) as session:
        assert session.run("delete from public.projects where id = %s", project) == 0
        assert session.run("delete from public.generation_jobs where id = %s", job.id) == 0
        with refused("PT404", "job_not_found"):
            session.run("select public.restore_generation(%s)", job.id)
    assert sight(bench, owner) == before


def let_grace_pass(bench: Bench, user_id: str) -> None:
    """Move a user's deletions into the past; the setting is everybody's."""
    bench.run(
        "update public.generation_jobs set hidden_at = hidden_at - interval '1 year'"
        " where user_id = %s and hidden_at is not null",
        user_id,
    )
    bench.run(
        "update public.projects set deleted_at = deleted_at - interval '1 year'"
        " where user_id = %s and deleted_at is not null",
        user_id,
    )


def purge(bench: Bench) -> None:
    with bench.service() as service:
        while any(service.value("select worker.purge_hidden(1)").values()):
            pass


def files_to_remove(bench: Bench, user_id: str) -> list[str]:
    return bench.column(
        "select storage_path from worker.file_removals where starts_with(storage_path, %s)",
        user_id,
    )


def test_purge_keeps_for_the_books_what_they_need_and_nothing_else(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    job = finish(shop, owner, project)
    alone = Job(
        *bench.rows(
            "select id::text, user_id::text from public.generation_jobs where id = %s", job.id
        )[0]
    )
    with bench.owner(owner) as session:
        session.run("delete from public.generation_jobs where id = %s", alone.id)
    purge(bench)
    assert bench.value("select prompt from public.generation_jobs where id = %s", job.id) != ""
    let_grace_pass(bench, owner)
    purge(bench)
    [row] = bench.rows(
        "select kind::text, credit_cost, status::text, prompt, parameters, project_id,"
        " purged_at is not null from public.generation_jobs where id = %s",
        job.id,
    )
    assert row == ("text_to_image", 7, "completed", "", {}, None, True)
    for table in ("assets", "user_prompts", "job_assets"):
        assert bench.rows(f"select from public.{table} where user_id = %s", owner) == []
    assert files_to_remove(bench, owner) == [f"{owner}/{job.id}/result.png"]
    assert bench.complaints(owner) == []
    with bench.owner(owner) as session, refused("PT404", "job_not_found"):
        session.run("select public.restore_generation(%s)", job.id)


def test_purge_removes_a_deleted_project_with_its_contents(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project, other = make_project(session), make_project(session)
        for each in (project, other):
            session.run(
                "insert into public.video_concepts (project_id, prompt, title, concept)"
                " values (%s, 'p', 't', 'c')",
                each,
            )
    first, second = finish(shop, owner, project), finish(shop, owner, project)
    kept = finish(shop, owner, other)
    shop.draft(owner, project_id=project)
    with bench.owner(owner) as session:
        session.run("delete from public.projects where id = %s", project)
    let_grace_pass(bench, owner)
    purge(bench)
    assert bench.rows("select id::text from public.projects where user_id = %s", owner) == [
        (other,)
    ]
    prompts = dict(
        bench.rows("select id::text, prompt from public.generation_jobs where user_id = %s", owner)
    )
    assert prompts == {first.id: "", second.id: "", kept.id: "A harbour"}
    assert bench.value("select count(*) from public.video_concepts where user_id = %s", owner) == 1
    assert sorted(files_to_remove(bench, owner)) == sorted(
        f"{owner}/{job.id}/result.png" for job in (first, second)
    )
    assert bench.complaints(owner) == []


def test_deleting_a_user_asks_for_every_file_in_their_folder_to_be_removed(
    bench: Bench, shop: Shop, owner: str
) -> None:
    stranger = bench.person()
    for user in (owner, stranger):
        # One that was never registered as an asset.
        bench.run(
            "insert into storage.objects (bucket_id, name, metadata)"
            " values ('raw-videos', %s, '{\"size\": 1}')",
            f"{user}/upload/film.mp4",
        )
    job = shop.job(owner)
    with shop.queue() as queue:
        [held] = queue.finalizing()
        queue.complete(held)
    bench.run("delete from auth.users where id = %s", owner)
    assert sorted(files_to_remove(bench, owner)) == sorted(
        [f"{owner}/{job.id}/result.png", f"{owner}/upload/film.mp4"]
    )
    assert files_to_remove(bench, stranger) == []


def test_file_removal_is_claimed_once_and_forgotten_when_confirmed(
    bench: Bench, shop: Shop, owner: str
) -> None:
    for number in range(3):
        bench.run(
            "insert into worker.file_removals (bucket, storage_path) values ('thumbnails', %s)",
            f"{owner}/{number}",
        )
    with bench.service() as one, bench.service() as two:
        claim = (
            "select storage_path from worker.claim_file_removals(1000)"
            " where starts_with(storage_path, %s)"
        )
        assert len(one.column(claim, owner)) == 3
        assert two.column(claim, owner) == []
        confirmed = one.value(
            "select worker.confirm_file_removals(jsonb_build_array("
            "jsonb_build_object('bucket', 'thumbnails', 'storage_path', %s::text)))",
            f"{owner}/0",
        )
        assert confirmed == 1
    assert len(files_to_remove(bench, owner)) == 2


def test_upload_whose_row_was_deleted_is_not_registered_again(bench: Bench, owner: str) -> None:
    path = f"{owner}/upload/me.png"
    bench.run(
        "insert into storage.objects (bucket_id, name, metadata)"
        ' values (\'reference-images\', %s, \'{"size": 1, "mimetype": "image/png"}\')',
        path,
    )
    insert = (
        "insert into public.assets (kind, bucket, storage_path)"
        " values ('image', 'reference-images', %s)"
    )
    with bench.owner(owner) as session:
        session.run(insert, path)
        session.run("delete from public.assets where storage_path = %s", path)
        with refused("PT409", "upload_is_being_removed"):
            session.run(insert, path)


@pytest.mark.parametrize("rounds", range(3))
def test_deleting_a_project_and_failing_its_job_at_once_do_not_deadlock(
    bench: Bench, shop: Shop, owner: str, rounds: int
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    job = shop.job(owner, p_project_id=project)
    with shop.queue() as queue, bench.owner(owner) as session, bench.superuser() as blocker:
        [held] = queue.claim()
        # Both have begun and wait for the account; then both go on at once.
        blocker.run("begin")
        blocker.run("select from public.credit_accounts where user_id = %s for update", owner)
        failing = Background(bench, queue.session, lambda: queue.fail(held)).wait_until_blocked()
        deleting = Background(
            bench,
            session,
            lambda: session.run("delete from public.projects where id = %s", project),
        ).wait_until_blocked()
        blocker.run("rollback")
        failing.result()
        deleting.result()
    assert shop.status(job) == "failed"
    assert bench.balance(owner) == 100
    assert bench.complaints(owner) == []
