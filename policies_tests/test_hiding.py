"""Deleting hides at once, can be undone for a while, and then removes for good."""

from typing import Any

import pytest

from .harness import Background, Bench, Job, Shop, refused, rejected
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
        with rejected("lease_lost"):
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


@pytest.mark.parametrize("table", ["generation_jobs"])
def test_nothing_is_moved_into_a_deleted_project(
    bench: Bench, shop: Shop, owner: str, table: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
        shop.draft(owner)
        session.run("delete from public.projects where id = %s", project)
        # Without a condition no other policy but that for updates is asked.
        with refused("42501"):
            session.run(f"update public.{table} set project_id = %s", project)


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


@pytest.mark.parametrize("table", ["projects", "generation_jobs"])
def test_delete_without_a_condition_touches_ones_own_alone(
    bench: Bench, shop: Shop, owner: str, table: str
) -> None:
    stranger = bench.person()
    for user in (owner, stranger):
        with bench.owner(user) as session:
            finish(shop, user, make_project(session))
    before = sight(bench, owner)
    with bench.owner(stranger) as session:
        session.run(f"delete from public.{table}")
        assert session.rows(f"select from public.{table}") == []
    assert sight(bench, owner) == before


def test_nothing_is_done_with_what_was_deleted(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project, other = make_project(session), make_project(session)
    job = finish(shop, owner, other)
    with bench.owner(owner) as session:
        session.run("delete from public.projects where id = %s", project)
        session.run("delete from public.generation_jobs where id = %s", job.id)
        for call in ("share_project", "unshare_project"):
            with refused("PT404", "project_not_found"):
                session.run(f"select public.{call}(%s)", project)
        for call in ("queue_generation", "cancel_generation"):
            with refused("PT404", "job_not_found"):
                session.run(f"select public.{call}(%s)", job.id)
    token = "select share_token from public.projects where id = %s"
    assert bench.value(token, project) is None


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


def test_purge_removes_all_that_was_said_of_a_job(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    gone, kept = finish(shop, owner, project), finish(shop, owner, project)
    said = {
        "feedback": "(rating) values (5)",
        "performance_metrics": "(prompt) values ('p')",
        "video_concepts": "(prompt, title, concept) values ('p', 't', 'c')",
        "web_research_queries": "(prompt, response) values ('p', 'r')",
        "content_summaries": "(original_content, summary) values ('c', 's')",
        "video_segmentations": "(prompt, concept) values ('p', 'c')",
        "characters": "(visual_prompt) values ('p')",
    }
    with bench.service() as service:
        for job in (gone, kept):
            for table, values in said.items():
                row = values.replace("(", "(user_id, job_id, ", 1)
                row = row.replace("values (", "values (%s, %s, ")
                service.run(f"insert into public.{table} {row}", owner, job.id)
    with bench.owner(owner) as session:
        session.run("delete from public.generation_jobs where id = %s", gone.id)
    let_grace_pass(bench, owner)
    purge(bench)
    for table in (*said, "user_prompts"):
        left = f"select job_id::text from public.{table} where user_id = %s"
        assert bench.column(left, owner) == [kept.id], table


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


def test_restoring_a_job_brings_back_no_other_jobs_result(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    source = finish(shop, owner, project)
    asset = bench.value("select asset_id from public.job_assets where job_id = %s", source.id)
    user = shop.job(owner, p_reference_asset_ids=[asset])
    with bench.owner(owner) as session:
        session.run("delete from public.generation_jobs where id = %s", source.id)
        session.run("select public.restore_generation(%s)", user.id)
        assert session.value("select count(*) from public.assets") == 0
        draft = shop.draft(owner)
        with refused("PT404", "reference_asset_not_found"):
            session.run(
                "insert into public.job_assets (job_id, asset_id, role)"
                " values (%s, %s, 'reference_image')",
                draft.id,
                asset,
            )


def test_what_lies_in_a_deleted_project_is_not_acted_upon(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    done = finish(shop, owner, project)
    draft = shop.draft(owner, project_id=project)
    with bench.owner(owner) as session:
        session.run("delete from public.projects where id = %s", project)
        for call in ("queue_generation", "cancel_generation", "restore_generation"):
            for job in (draft, done):
                with refused("PT404", "job_not_found"):
                    session.run(f"select public.{call}(%s)", job.id)
        assert session.run("update public.generation_jobs set project_id = null") == 0
        session.run("delete from public.generation_jobs")
        session.run("select public.restore_project(%s)", project)
        assert set(session.column("select id::text from public.generation_jobs")) == {
            done.id,
            draft.id,
        }
    assert bench.balance(owner) == 93


def test_job_on_its_way_into_a_project_that_is_being_deleted_is_refused(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as deleting, bench.owner(owner) as submitting:
        project = make_project(deleting)
        with deleting.connection.transaction():
            deleting.run("delete from public.projects where id = %s", project)
            late = Background(
                bench, submitting, lambda: shop.submit(submitting, p_project_id=project)
            ).wait_until_blocked()
        with refused("PT404", "project_not_found"):
            late.result()
    assert bench.balance(owner) == 100


def test_deleting_a_job_and_submitting_one_that_follows_it_do_not_deadlock(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    parent = finish(shop, owner, project)
    with (
        bench.owner(owner) as deleting,
        bench.owner(owner) as submitting,
        bench.superuser() as blocker,
    ):
        with blocker.connection.transaction(force_rollback=True):
            blocker.run("select from public.credit_accounts where user_id = %s for update", owner)
            delete = Background(
                bench,
                deleting,
                lambda: deleting.run("delete from public.generation_jobs where id = %s", parent.id),
            ).wait_until_blocked()
            submit = Background(
                bench, submitting, lambda: shop.submit(submitting, p_parent_job_id=parent.id)
            ).wait_until_blocked()
        delete.result()
        submit.result()
    assert bench.complaints(owner) == []


def test_heartbeat_waits_for_nobody(bench: Bench, shop: Shop, owner: str) -> None:
    shop.job(owner)
    shop.job(owner)
    with shop.queue() as queue, bench.superuser() as holder:
        jobs = queue.claim(2)
        with holder.connection.transaction(force_rollback=True):
            holder.run("select from worker.tasks where job_id = %s for update", jobs[0].id)
            holder.run("select from public.generation_jobs where id = %s for update", jobs[1].id)
            queue.session.run("set lock_timeout = '1ms'")
            # What is locked is held as yet: nothing says that it was lost.
            assert set(queue.extend(*jobs)) == {job.id for job in jobs}
            # And what cannot be handed back at once comes back by itself.
            assert queue.release(*jobs) == []


def test_prompts_of_a_draft_go_with_it(bench: Bench, shop: Shop, owner: str) -> None:
    draft = shop.draft(owner)
    with bench.owner(owner) as session:
        session.run("insert into public.user_prompts (prompt, job_id) values ('x', %s)", draft.id)
        session.run("delete from public.generation_jobs where id = %s", draft.id)
        assert session.value("select count(*) from public.user_prompts") == 0


def test_nothing_is_restored_after_the_grace_time(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project, other = make_project(session), make_project(session)
    job = finish(shop, owner, other)
    with bench.owner(owner) as session:
        session.run("delete from public.projects where id = %s", project)
        session.run("delete from public.generation_jobs where id = %s", job.id)
    let_grace_pass(bench, owner)
    with bench.owner(owner) as session:
        with refused("PT404", "project_not_found"):
            session.run("select public.restore_project(%s)", project)
        with refused("PT404", "job_not_found"):
            session.run("select public.restore_generation(%s)", job.id)


def test_purge_leaves_a_project_alone_while_it_is_being_restored(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    job = finish(shop, owner, project)
    with bench.owner(owner) as session:
        session.run("delete from public.projects where id = %s", project)
    let_grace_pass(bench, owner)
    with bench.superuser() as restoring, restoring.connection.transaction():
        restoring.run("update public.projects set deleted_at = null where id = %s", project)
        purge(bench)
    assert bench.value("select prompt from public.generation_jobs where id = %s", job.id) != ""
    assert sight(bench, owner)[:3] == (1, 1, 1)


def test_what_a_running_job_works_from_stays(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    source = finish(shop, owner, project)
    asset = bench.value("select asset_id from public.job_assets where job_id = %s", source.id)
    upload = bench.value(
        "insert into public.assets (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
        " values (%s, 'image', 'reference-images', %s, 'image/png', 1) returning id",
        owner,
        f"{owner}/a/me.png",
    )
    running = shop.job(owner, p_reference_asset_ids=[asset, upload])
    with bench.owner(owner) as session:
        with refused("PT409", "asset_in_use"):
            session.run("delete from public.assets where id = %s", upload)
        session.run("delete from public.projects where id = %s", project)
    let_grace_pass(bench, owner)
    purge(bench)
    assert bench.rows("select from public.assets where id = %s", asset) != []
    with bench.owner(owner) as session:
        session.rows("select public.cancel_generation(%s)", running.id)
        assert session.run("delete from public.assets where id = %s", upload) == 1
    purge(bench)
    assert bench.rows("select from public.assets where id = %s", asset) == []


def test_file_that_was_registered_again_is_not_removed(bench: Bench, owner: str) -> None:
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
    with bench.owner(owner) as deleting, bench.owner(owner) as inserting:
        deleting.run(insert, path)
        with deleting.connection.transaction():
            deleting.run("delete from public.assets where storage_path = %s", path)
            late = Background(
                bench, inserting, lambda: inserting.run(insert, path)
            ).wait_until_blocked()
        with refused("PT409", "upload_is_being_removed"):
            late.result()
    # However it comes to be needed again, it is not handed out for removal.
    bench.run(
        "insert into public.assets (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
        " values (%s, 'image', 'thumbnails', %s, 'image/png', 1)",
        owner,
        path,
    )
    bench.run(
        "insert into worker.file_removals (bucket, storage_path) values ('thumbnails', %s)", path
    )
    with bench.service() as service:
        claimed = service.rows("select bucket, storage_path from worker.claim_file_removals(1000)")
    assert ("thumbnails", path) not in claimed
    assert ("reference-images", path) in claimed


def test_uploads_of_a_deleted_project_are_out_of_sight_in_storage_too(
    bench: Bench, owner: str
) -> None:
    path, other = f"{owner}/a/film.mp4", f"{owner}/b/film.mp4"
    for name in (path, other):
        bench.run(
            "insert into storage.objects (bucket_id, name, metadata) values ('raw-videos', %s, %s)",
            name,
            '{"size": 1, "mimetype": "video/mp4"}',
        )
    seen = "select name from storage.objects where bucket_id = 'raw-videos' order by name"
    with bench.owner(owner) as session:
        project = make_project(session)
        session.run(
            "insert into public.assets (project_id, kind, bucket, storage_path)"
            " values (%s, 'video', 'raw-videos', %s)",
            project,
            path,
        )
        assert session.column(seen) == [path, other]
        session.run("delete from public.projects")
        assert session.column(seen) == [other]
        session.run("select public.restore_project(%s)", project)
        assert session.column(seen) == [path, other]


def test_draft_is_not_queued_while_its_file_is_being_deleted(
    bench: Bench, shop: Shop, owner: str
) -> None:
    upload = bench.value(
        "insert into public.assets (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
        " values (%s, 'image', 'reference-images', %s, 'image/png', 1) returning id",
        owner,
        f"{owner}/a/me.png",
    )
    draft = shop.draft(owner)
    with bench.owner(owner) as queueing, bench.owner(owner) as deleting:
        queueing.run(
            "insert into public.job_assets (job_id, asset_id, role)"
            " values (%s, %s, 'reference_image')",
            draft.id,
            upload,
        )
        with queueing.connection.transaction():
            queueing.rows("select public.queue_generation(%s)", draft.id)
            late = Background(
                bench,
                deleting,
                lambda: deleting.run("delete from public.assets where id = %s", upload),
            ).wait_until_blocked()
        with refused("PT409", "asset_in_use"):
            late.result()
    with shop.queue() as queue:
        assert (
            queue.session.value(
                "select jsonb_array_length(inputs) from worker.claim_tasks(gen_random_uuid(),"
                " 'tester', jsonb_build_array(jsonb_build_object('provider', %s::text)))",
                shop.provider,
            )
            == 1
        )


def test_purged_job_is_not_restored(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    job = finish(shop, owner, project)
    with bench.owner(owner) as session:
        session.run("delete from public.projects where id = %s", project)
    let_grace_pass(bench, owner)
    purge(bench)
    with bench.owner(owner) as session, refused("PT404", "job_not_found"):
        session.run("select public.restore_generation(%s)", job.id)


def test_file_of_a_deleted_project_goes_into_no_job(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    asset = bench.value(
        "select asset_id from public.job_assets where job_id = %s", finish(shop, owner, project).id
    )
    draft = shop.draft(owner)
    with bench.owner(owner) as session:
        session.run("delete from public.projects where id = %s", project)
        with refused("PT404", "reference_asset_not_found"):
            session.run(
                "insert into public.job_assets (job_id, asset_id, role)"
                " values (%s, %s, 'reference_image')",
                draft.id,
                asset,
            )
