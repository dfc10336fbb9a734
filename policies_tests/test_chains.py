"""Jobs that wait for others: when they begin, what they work from, and what ends them."""

import json
import random
from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from .harness import (
    Background,
    Bench,
    Job,
    Queue,
    Session,
    Shop,
    insist,
    picture,
    race,
    refused,
    rejected,
)
from .test_ledger_races import no_deadlocks

RETRY = "select (r).id::text from (select public.retry_generation(%s) as r) as retried"
CANCEL = "select public.cancel_generation(%s)"
DELETE = "delete from public.generation_jobs where id = any(%s::uuid[])"


@pytest.fixture
def user(bench: Bench) -> str:
    """Somebody who may have many jobs at once."""
    return bench.person(tier="pro")


def after(shop: Shop, *parents: Job, **more: Any) -> Job:
    """Submit a job that waits for others of the same owner."""
    return shop.job(parents[0].user_id, p_after_job_ids=[parent.id for parent in parents], **more)


def waits_for(bench: Bench, job: Job) -> int:
    """Return for how many others a job waits at this moment."""
    return int(bench.value("select waits_for from worker.tasks where job_id = %s", job.id))


def fates(bench: Bench, *jobs: Job) -> list[tuple[Any, ...]]:
    """Return state, reason and whether the charge was returned, of each job."""
    return [
        row
        for job in jobs
        for row in bench.rows(
            "select status, error_code, is_refunded from public.generation_jobs where id = %s",
            job.id,
        )
    ]


def taken(queue: Queue, limit: int = 100) -> dict[str, Job]:
    """Claim all that is in line, by id."""
    return {job.id: job for job in queue.claim(limit)}


def finish(shop: Shop, job: Job, **more: Any) -> None:
    """Claim a job, which is the next in line, and end it well."""
    with shop.queue() as queue:
        [claimed] = queue.claim()
        assert claimed.id == job.id
        queue.complete(claimed, **more)


def completed(shop: Shop, user_id: str, **more: Any) -> Job:
    """Return a job that is done, with one picture."""
    job = shop.job(user_id, **more)
    finish(shop, job)
    return job


def output(job: Job, role: str, name: str, position: int = 0) -> dict[str, Any]:
    """Return an output of some kind, as a worker tells of it."""
    bucket, mime_type = {
        "result_image": ("final-images", "image/png"),
        "result_video": ("final-videos", "video/mp4"),
        "result_audio": ("voiceovers", "audio/wav"),
    }[role]
    return picture(job, name) | {
        "role": role,
        "bucket": bucket,
        "mime_type": mime_type,
        "position": position,
    }


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


def inputs(queue: Queue) -> list[tuple[str, str]]:
    """Claim the one job in line, and return roles and file names of what it works from."""
    [(found,)] = queue.session.rows(
        "select inputs from worker.claim_tasks(gen_random_uuid(), 'tester', %s, 10)",
        json.dumps([{"provider": queue.provider}]),
    )
    places = [each["position"] for each in found]
    assert places == sorted(places)
    return [(each["role"], each["storage_path"].rsplit("/", 1)[1]) for each in found]


# When it begins -----------------------------------------------------------------------------------


def test_job_begins_when_the_last_of_its_parents_is_done(
    bench: Bench, shop: Shop, user: str
) -> None:
    one, two = shop.job(user), shop.job(user)
    child = after(shop, one, two)
    assert waits_for(bench, child) == 2
    with shop.queue() as queue:
        running = taken(queue)
        assert set(running) == {one.id, two.id}
        queue.complete(running[two.id])
        assert taken(queue) == {}
        assert waits_for(bench, child) == 1
        queue.complete(running[one.id])
        assert list(taken(queue)) == [child.id]
    assert bench.complaints(user) == []


def test_parents_that_end_in_one_call_count_each(bench: Bench, shop: Shop, user: str) -> None:
    parents = [shop.job(user) for _ in range(3)]
    child, grandchild = after(shop, *parents), after(shop, parents[0])
    with shop.queue() as queue:
        told = [
            {"job_id": job.id, "lease": job.lease, "assets": [picture(job)]}
            for job in taken(queue).values()
        ]
        results = queue.session.column(
            "select result from worker.complete_jobs(%s)", json.dumps(told)
        )
        assert results == ["done"] * 3
        assert set(taken(queue)) == {child.id, grandchild.id}


def test_waiting_job_is_charged_and_takes_no_place_in_line(bench: Bench, shop: Shop) -> None:
    user = bench.person()  # who may run two jobs at once
    parent = shop.job(user)
    child = after(shop, parent)
    other = shop.job(user)
    assert bench.balance(user) == 79
    with shop.queue() as queue:
        assert set(taken(queue)) == {parent.id, other.id}
    assert shop.status(child) == "queued"
    with bench.owner(user) as session:
        used = session.value("select used from public.my_limits() where resource = 'active_jobs'")
    assert used == 3


def test_job_that_is_let_go_waits_for_a_place_like_any_other(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    parent = shop.job(user)
    child = after(shop, parent)
    others = [shop.job(user) for _ in range(3)]
    with shop.queue() as queue:
        running = taken(queue)
        assert set(running) == {parent.id, others[0].id}
        queue.complete(running[parent.id])
        # It is older than the two others.
        assert set(taken(queue)) == {child.id}
        queue.complete(running[others[0].id])
        assert set(taken(queue)) == {others[1].id}


def test_children_of_one_parent_begin_as_many_at_once_as_the_plan_allows(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    parent = shop.job(user)
    children = [after(shop, parent) for _ in range(4)]
    finish(shop, parent)
    with shop.queue() as queue:
        running = taken(queue)
        assert list(running) == [each.id for each in children[:2]]
        for job in running.values():
            queue.complete(job)
        assert list(taken(queue)) == [each.id for each in children[2:]]


def test_chain_of_four_steps_runs_in_order(bench: Bench, shop: Shop, user: str) -> None:
    jobs = [shop.job(user)]
    for _ in range(3):
        jobs.append(after(shop, jobs[-1]))
    with shop.queue() as queue:
        for job in jobs:
            [claimed] = queue.claim(10)
            assert claimed.id == job.id
            queue.complete(claimed)
    assert bench.balance(user) == 100 - 4 * 7
    assert bench.complaints(user) == []


def test_parent_that_is_done_already_is_not_waited_for(bench: Bench, shop: Shop, user: str) -> None:
    parent = completed(shop, user)
    child = after(shop, parent)
    assert waits_for(bench, child) == 0
    with shop.queue() as queue:
        assert inputs(queue) == [("reference_image", "result.png")]
    assert shop.status(child) == "starting"


def test_waking_says_whose_provider_has_something_to_do(
    bench: Bench, shop: Shop, user: str
) -> None:
    parent = shop.job(user)
    after(shop, parent)
    with bench.superuser() as listener:
        listener.run("listen reelbase_tasks")
        finish(shop, parent)
        heard = {note.payload for note in listener.connection.notifies(timeout=0.2)}
        listener.run("unlisten *")
    assert shop.provider in heard


# The parent that it edits -------------------------------------------------------------------------


def test_edit_of_an_unfinished_job_waits_for_it_and_works_from_it(
    bench: Bench, shop: Shop, user: str
) -> None:
    parent = shop.job(user)
    edit = shop.job(user, p_parent_job_id=parent.id)
    assert waits_for(bench, edit) == 1
    finish(shop, parent)
    with shop.queue() as queue:
        assert inputs(queue) == [("reference_image", "result.png")]


def test_edit_of_a_job_that_ended_starts_at_once_from_what_it_was_given(
    bench: Bench, shop: Shop, user: str
) -> None:
    broken = shop.job(user)
    with shop.queue() as queue:
        [claimed] = queue.claim()
        queue.fail(claimed)
    done = completed(shop, user)
    for parent in (broken, done):
        edit = shop.job(user, p_parent_job_id=parent.id)
        assert waits_for(bench, edit) == 0
        with shop.queue() as queue:
            assert inputs(queue) == []


def test_draft_that_is_queued_waits_for_the_job_that_it_edits(
    bench: Bench, shop: Shop, user: str
) -> None:
    parent = shop.job(user)
    draft = shop.draft(user, parent_job_id=parent.id)
    with bench.owner(user) as session:
        session.rows("select public.queue_generation(%s)", draft.id)
    assert waits_for(bench, draft) == 1
    finish(shop, parent)
    assert waits_for(bench, draft) == 0


def test_draft_is_no_parent_to_wait_for(bench: Bench, shop: Shop, user: str) -> None:
    draft = shop.draft(user)
    assert waits_for(bench, shop.job(user, p_parent_job_id=draft.id)) == 0
    with refused("PT409", "parent_not_submitted"):
        after(shop, draft)


def test_drafts_that_name_each_other_wait_in_one_direction(
    bench: Bench, shop: Shop, user: str
) -> None:
    one, two = shop.draft(user), shop.draft(user)
    with bench.owner(user) as session:
        for draft, parent in ((one, two), (two, one)):
            session.run(
                "update public.generation_jobs set parent_job_id = %s where id = %s",
                parent.id,
                draft.id,
            )
        for draft in (one, two):
            session.rows("select public.queue_generation(%s)", draft.id)
        assert session.rows(
            "select job_id::text, depends_on_job_id::text from job_dependencies"
        ) == [(two.id, one.id)]
    finish(shop, one)
    finish(shop, two)


def test_parent_may_be_named_twice_by_its_two_names(bench: Bench, shop: Shop, user: str) -> None:
    parents = [shop.job(user) for _ in range(2)]
    child = after(shop, *parents, p_parent_job_id=parents[1].id)
    assert waits_for(bench, child) == 2
    finish(shop, parents[0])
    finish(shop, parents[1])
    assert waits_for(bench, child) == 0


# What it works from -------------------------------------------------------------------------------


def test_results_of_parents_come_after_its_own_files_and_only_as_many_as_the_model_takes(
    bench: Bench, shop: Shop, user: str
) -> None:
    one, two = shop.job(user, p_output_count=2), shop.job(user, p_output_count=2)
    # The order of the parents, not that in which they end; the model takes three.
    after(shop, two, one, p_reference_asset_ids=[upload(bench, user)])
    with shop.queue() as queue:
        running = taken(queue)
        for job, name in ((running[one.id], "one"), (running[two.id], "two")):
            queue.complete(
                job,
                assets=[
                    output(job, "result_image", f"{name}-{place}.png", place) for place in (1, 0)
                ],
            )
        assert inputs(queue) == [
            ("reference_image", "own.png"),
            ("reference_image", "two-0.png"),
            ("reference_image", "two-1.png"),
        ]


def test_one_video_and_one_sound_of_the_parents_are_sources(
    bench: Bench, shop: Shop, user: str
) -> None:
    parents = [shop.job(user) for _ in range(2)]
    after(shop, *parents)
    with shop.queue() as queue:
        running = taken(queue)
        for number, parent in enumerate(parents):
            job = running[parent.id]
            queue.complete(
                job,
                assets=[
                    output(job, "result_audio", f"{number}.wav"),
                    output(job, "result_video", f"{number}.mp4"),
                ],
            )
        assert sorted(inputs(queue)) == [("source_audio", "0.wav"), ("source_video", "0.mp4")]


def test_thumbnail_of_a_parent_is_no_input(bench: Bench, shop: Shop, user: str) -> None:
    parent = shop.job(user)
    after(shop, parent)
    with shop.queue() as queue:
        [job] = queue.claim()
        small = picture(job, "small.png") | {"bucket": "thumbnails"}
        queue.complete(job, assets=[picture(job) | {"thumbnail": small}])
        assert inputs(queue) == [("reference_image", "result.png")]


def test_results_of_a_deleted_parent_are_purged_only_when_its_child_has_ended(
    bench: Bench, shop: Shop, user: str
) -> None:
    parent = completed(shop, user)
    child = after(shop, parent)
    left = "select count(*) from public.job_assets where job_id = %s"
    with bench.owner(user) as session:
        session.run(DELETE, [parent.id])
    bench.run(
        "update public.generation_jobs set hidden_at = now() - interval '40 days' where id = %s",
        parent.id,
    )

    def purge() -> None:
        with bench.service() as service:
            while any(service.value("select worker.purge_hidden(1)").values()):
                pass

    purge()
    assert bench.value(left, parent.id) == 1
    with shop.queue() as queue:
        [claimed] = queue.claim()
        assert claimed.id == child.id
        purge()
        assert bench.value(left, parent.id) == 1
        queue.complete(claimed)
    purge()
    assert bench.value(left, parent.id) == 0
    assert bench.value(left, child.id) == 1


def test_services_cannot_take_a_result_away_from_a_waiting_job(
    bench: Bench, shop: Shop, user: str
) -> None:
    done, other = completed(shop, user), shop.job(user)
    after(shop, done, other)
    with bench.service() as service, refused("PT409", "asset_in_use"):
        service.run(
            "delete from public.assets"
            " where id in (select asset_id from public.job_assets where job_id = %s)",
            done.id,
        )


# What is refused ----------------------------------------------------------------------------------


def test_only_ones_own_jobs_that_are_in_sight_can_be_waited_for(
    bench: Bench, shop: Shop, user: str
) -> None:
    with bench.owner(user) as session:
        project = session.value("insert into public.projects (name) values ('p') returning id")
        deleted, swept = shop.job(user), shop.job(user, p_project_id=project)
        session.run(DELETE, [deleted.id])
        session.run("delete from public.projects where id = %s", project)
    mine = shop.job(user)
    before = bench.balance(user)
    strangers = Job(shop.job(bench.person()).id, user)
    for wrong in (strangers, deleted, swept, Job(str(uuid4()), user)):
        with refused("PT404", "job_not_found"):
            after(shop, mine, wrong)
    assert bench.balance(user) == before
    assert bench.value("select count(*) from worker.tasks where user_id = %s", user) == 1


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_job_that_came_to_nothing_is_not_waited_for(
    bench: Bench, shop: Shop, user: str, end: str
) -> None:
    parent = shop.job(user)
    if end == "failed":
        with shop.queue() as queue:
            [claimed] = queue.claim()
            queue.fail(claimed)
    else:
        with bench.owner(user) as session:
            session.rows(CANCEL, parent.id)
    assert shop.status(parent) == end
    with refused("PT409", "parent_failed"):
        after(shop, parent)
    # Nor by its other name, if it is named as one to wait for.
    with refused("PT409", "parent_failed"):
        after(shop, parent, p_parent_job_id=parent.id)
    assert bench.balance(user) == 100


def test_job_is_named_once_and_not_more_than_twenty_are(
    bench: Bench, shop: Shop, user: str
) -> None:
    parents = [shop.job(user, p_mode="draft") for _ in range(21)]
    with refused("PT400", "duplicate_parent"):
        after(shop, parents[0], parents[1], parents[0])
    with refused("PT400", "too_many_parents"):
        after(shop, *parents)
    with refused("PT400", "too_many_parents"):
        after(shop, *[Job(str(uuid4()), user)] * 100_000)
    assert waits_for(bench, after(shop, *parents[:20])) == 20
    # The one that it edits besides.
    assert waits_for(bench, after(shop, *parents[:20], p_parent_job_id=parents[20].id)) == 21
    assert waits_for(bench, after(shop, *parents, p_parent_job_id=parents[20].id)) == 21


def test_same_key_with_other_parents_is_another_request(
    bench: Bench, shop: Shop, user: str
) -> None:
    one, two, edited = shop.job(user), shop.job(user), shop.job(user)
    key = {"p_idempotency_key": "k", "p_parent_job_id": edited.id}
    child = after(shop, one, two, **key)
    assert after(shop, one, two, **key).id == child.id
    for others in ((one,), (two, one), (one, two, edited)):
        with refused("PT409", "idempotency_key_reused"):
            after(shop, *others, **key)
    with refused("PT409", "idempotency_key_reused"):
        shop.job(user, **key)
    # Whatever became of them since.
    with bench.owner(user) as session:
        session.rows(CANCEL, one.id)
    assert after(shop, one, two, **key).id == child.id
    assert shop.status(child) == "cancelled"
    plain = shop.job(user, p_idempotency_key="plain")
    assert shop.job(user, p_idempotency_key="plain", p_after_job_ids=[]).id == plain.id
    assert shop.job(user, p_idempotency_key="plain", p_after_job_ids=None).id == plain.id


# What ends it -------------------------------------------------------------------------------------


def fails(bench: Bench, shop: Shop, job: Job) -> None:
    with shop.queue() as queue:
        queue.fail(taken(queue)[job.id])


def is_cancelled(bench: Bench, shop: Shop, job: Job) -> None:
    with bench.owner(job.user_id) as session:
        session.rows(CANCEL, job.id)


def is_deleted(bench: Bench, shop: Shop, job: Job) -> None:
    with shop.queue() as queue:
        assert job.id in taken(queue)
        with bench.owner(job.user_id) as session:
            session.run(DELETE, [job.id])


def expires(bench: Bench, shop: Shop, job: Job) -> None:
    bench.run("update worker.tasks set deadline_at = now() where job_id = %s", job.id)
    with shop.queue() as queue:
        assert job.id in queue.end_overdue()


@pytest.mark.parametrize("comes_to_nothing", [fails, is_cancelled, is_deleted, expires])
def test_all_that_depends_on_what_came_to_nothing_is_cancelled_and_refunded(
    bench: Bench, shop: Shop, user: str, comes_to_nothing: Callable[..., None]
) -> None:
    root, other = shop.job(user), shop.job(user)
    child = after(shop, root)
    edit = shop.job(user, p_parent_job_id=root.id)
    # A diamond: by two ways, and once.
    grandchild = after(shop, child, edit, other)
    comes_to_nothing(bench, shop, root)
    assert fates(bench, child, edit, grandchild) == [("cancelled", "parent_failed", True)] * 3
    assert shop.status(other) in ("queued", "starting")
    assert bench.balance(user) == 93
    assert bench.complaints(user) == []
    assert bench.column("select job_id::text from worker.tasks where user_id = %s", user) == [
        other.id
    ]
    assert bench.column(
        "select from_status || ' ' || to_status from public.job_events where job_id = %s"
        " and from_status is not null",
        grandchild.id,
    ) == ["queued cancelled"]


def test_what_becomes_of_a_job_does_not_touch_its_parents_or_its_siblings(
    bench: Bench, shop: Shop, user: str
) -> None:
    parent = shop.job(user)
    child, sibling = after(shop, parent), after(shop, parent)
    with bench.owner(user) as session:
        session.rows(CANCEL, child.id)
    finish(shop, parent)
    finish(shop, sibling)
    assert fates(bench, parent, child, sibling) == [
        ("completed", None, False),
        ("cancelled", None, True),
        ("completed", None, False),
    ]
    assert bench.complaints(user) == []


def test_attempt_that_is_repeated_ends_nothing(bench: Bench, shop: Shop, user: str) -> None:
    parent = shop.job(user)
    child = after(shop, parent)
    with shop.queue() as queue:
        [claimed] = queue.claim()
        assert queue.fail(claimed, "transient") == "queued"
        assert waits_for(bench, child) == 1
        [claimed] = queue.claim()
        queue.complete(claimed)
    assert waits_for(bench, child) == 0


def test_long_chain_ends_in_one_statement(bench: Bench, shop: Shop, user: str) -> None:
    chain = [shop.job(user)]
    with bench.owner(user) as session:
        for _ in range(40):
            more = {"p_after_job_ids": [chain[-1].id], "p_mode": "draft"}
            chain.append(Job(shop.submit(session, **more), user))
        session.rows(CANCEL, chain[0].id)
    # Were each level an end of its own, inside that of the one before, it could be too deep.
    assert bench.rows(
        "select error_code, count(*), count(distinct cmin::text) from public.generation_jobs"
        " where user_id = %s group by error_code order by error_code",
        user,
    ) == [("parent_failed", 40, 1), (None, 1, 1)]
    assert bench.value("select count(*) from worker.tasks where user_id = %s", user) == 0
    assert bench.balance(user) == 100


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parents_and_children_are_deleted_in_one_statement(
    bench: Bench, shop: Shop, user: str, order: tuple[int, ...]
) -> None:
    made = [shop.job(user)]
    made += [after(shop, made[0]), after(shop, made[0])]
    made += [after(shop, made[1], made[2])]
    # Rows are met in the order in which they lie in the table.
    for place in order:
        bench.run(
            "update public.generation_jobs set art_style = 'ink' where id = %s", made[place].id
        )
    with bench.owner(user) as session:
        session.run("delete from public.generation_jobs")
        assert session.value("select count(*) from public.generation_jobs") == 0
    assert {status for status, _, _ in fates(bench, *made)} == {"cancelled"}
    assert bench.balance(user) == 100
    assert bench.complaints(user) == []


def test_deleting_a_project_ends_what_waits_elsewhere_for_its_jobs(
    bench: Bench, shop: Shop, user: str
) -> None:
    with bench.owner(user) as session:
        project = session.value("insert into public.projects (name) values ('p') returning id")
        parent = shop.job(user, p_project_id=project)
        child = after(shop, parent, p_project_id=project)
        elsewhere = after(shop, child)
        session.run("delete from public.projects where id = %s", project)
    assert [status for status, _, _ in fates(bench, parent, child, elsewhere)] == ["cancelled"] * 3
    assert bench.balance(user) == 100


def test_deleted_user_leaves_no_chain(bench: Bench, shop: Shop, user: str) -> None:
    parent = shop.job(user)
    child = after(shop, parent)
    bench.run("delete from auth.users where id = %s", user)
    assert (
        bench.value(
            "select (select count(*) from public.job_dependencies where user_id = %s)"
            " + (select count(*) from worker.tasks where job_id = %s)",
            user,
            child.id,
        )
        == 0
    )


# Another try --------------------------------------------------------------------------------------


def test_chain_is_tried_again_from_its_first_job_on(bench: Bench, shop: Shop, user: str) -> None:
    root, other = shop.job(user), shop.job(user)
    child = after(shop, other, p_parent_job_id=root.id)
    with shop.queue() as queue:
        running = taken(queue)
        queue.fail(running[root.id])
        queue.complete(running[other.id])
    with bench.owner(user) as session:
        with refused("PT409", "parent_failed"):
            session.value(RETRY, child.id)
        root_again = Job(session.value(RETRY, root.id), user)
        child_again = Job(session.value(RETRY, child.id), user)
        assert waits_for(bench, child_again) == 1
        assert (
            str(
                session.value(
                    "select parent_job_id from public.generation_jobs where id = %s", child_again.id
                )
            )
            == root_again.id
        )
        with shop.queue() as queue:
            [claimed] = queue.claim(10)
            assert claimed.id == root_again.id
            queue.complete(claimed, assets=[picture(claimed, "again.png")])
            # The parent that it edits first, then the one that it was to wait for.
            assert inputs(queue) == [
                ("reference_image", "again.png"),
                ("reference_image", "result.png"),
            ]
        assert session.value(RETRY, child.id) == child_again.id


def test_retry_that_is_sent_twice_is_one_job_whatever_became_of_its_parents(
    bench: Bench, shop: Shop, user: str
) -> None:
    root = shop.job(user)
    child = after(shop, root)
    is_cancelled(bench, shop, root)
    with bench.owner(user) as session:
        root_again = session.value(RETRY, root.id)
        child_again = session.value(RETRY, child.id)
        session.rows(CANCEL, root_again)
        assert shop.status(Job(child_again, user)) == "cancelled"
        assert session.value(RETRY, child.id) == child_again
        third = session.value(RETRY, root_again)
        assert session.value(RETRY, child.id) == child_again
        last = session.value(RETRY, child_again)
        assert last != child_again
    finish(shop, Job(third, user))
    finish(shop, Job(last, user))


def test_retry_waits_for_a_parent_that_goes_on(bench: Bench, shop: Shop, user: str) -> None:
    parent = shop.job(user)
    child = after(shop, parent)
    with bench.owner(user) as session:
        session.rows(CANCEL, child.id)
        again = Job(session.value(RETRY, child.id), user)
    assert waits_for(bench, again) == 1
    finish(shop, parent)
    finish(shop, again)


# At the same time ---------------------------------------------------------------------------------


def test_two_parents_that_end_at_once_let_their_child_go(
    bench: Bench, shop: Shop, user: str
) -> None:
    one, two = shop.job(user), shop.job(user)
    child = after(shop, one, two)
    with shop.queue() as first, shop.queue() as second:
        running = taken(first)
        first.session.run("begin")
        first.complete(running[one.id])
        late = Background(bench, second.session, lambda: second.complete(running[two.id]))
        late.wait_until_blocked()
        first.session.run("commit")
        late.result()
        assert list(taken(first)) == [child.id]


def test_parent_that_fails_while_the_other_one_ends_cancels_their_child(
    bench: Bench, shop: Shop, user: str
) -> None:
    for failing_comes_first in (True, False):
        one, two = shop.job(user), shop.job(user)
        child = after(shop, one, two)
        with shop.queue() as first, shop.queue() as second:
            running = taken(first)
            failing, ending = (first, second) if failing_comes_first else (second, first)
            ends: list[Callable[[], Any]] = [
                partial(failing.fail, running[one.id]),
                partial(ending.complete, running[two.id]),
            ]
            if not failing_comes_first:
                ends.reverse()
            first.session.run("begin")
            ends[0]()
            late = Background(bench, second.session, ends[1]).wait_until_blocked()
            first.session.run("commit")
            late.result()
        assert fates(bench, one, two, child) == [
            ("failed", "broken", True),
            ("completed", None, False),
            ("cancelled", "parent_failed", True),
        ]
    assert bench.complaints(user) == []


def test_job_that_is_submitted_while_its_parent_ends_waits_for_nobody(
    bench: Bench, shop: Shop, user: str
) -> None:
    parent = shop.job(user)
    with shop.queue() as queue, bench.owner(user) as owner:
        [claimed] = queue.claim()
        queue.session.run("begin")
        queue.complete(claimed)
        submitted = Background(
            bench, owner, lambda: shop.submit(owner, p_after_job_ids=[parent.id])
        ).wait_until_blocked()
        queue.session.run("commit")
        child = Job(submitted.result(), user)
        assert list(taken(queue)) == [child.id]


def test_job_that_is_submitted_while_its_parent_fails_is_not_made(
    bench: Bench, shop: Shop, user: str
) -> None:
    parent = shop.job(user)
    with shop.queue() as queue, bench.owner(user) as owner:
        [claimed] = queue.claim()
        queue.session.run("begin")
        queue.fail(claimed)
        submitted = Background(
            bench, owner, lambda: shop.submit(owner, p_after_job_ids=[parent.id])
        ).wait_until_blocked()
        queue.session.run("commit")
        with refused("PT409", "parent_failed"):
            submitted.result()
    assert bench.balance(user) == 100


def test_parent_ends_only_after_the_child_that_is_being_submitted(
    bench: Bench, shop: Shop, user: str
) -> None:
    for is_named in (True, False):
        parent = shop.job(user)
        how = {"p_after_job_ids": [parent.id]} if is_named else {"p_parent_job_id": parent.id}
        with shop.queue() as queue, bench.owner(user) as owner:
            [claimed] = queue.claim()
            owner.run("begin")
            child = Job(shop.submit(owner, **how), user)
            with rejected("busy"):
                queue.complete(claimed)
            owner.run("commit")
            queue.complete(claimed)
            assert list(taken(queue)) == [child.id]


def test_child_that_is_cancelled_while_its_parent_ends_stays_cancelled(
    bench: Bench, shop: Shop, user: str
) -> None:
    for cancelling_comes_first in (True, False):
        parent = shop.job(user)
        child = after(shop, parent)
        with shop.queue() as queue, bench.owner(user) as owner:
            [claimed] = queue.claim()
            calls: list[tuple[Session, Callable[[], Any]]] = [
                (owner, partial(owner.rows, CANCEL, child.id)),
                (queue.session, partial(queue.complete, claimed)),
            ]
            if not cancelling_comes_first:
                calls.reverse()
            (first, begin), (second, follow) = calls
            first.run("begin")
            begin()
            late = Background(bench, second, follow).wait_until_blocked()
            first.run("commit")
            late.result()
        assert fates(bench, parent, child) == [
            ("completed", None, False),
            ("cancelled", None, True),
        ]
    assert bench.value("select count(*) from worker.tasks where user_id = %s", user) == 0
    assert bench.balance(user) == 100 - 2 * 7
    assert bench.complaints(user) == []


@pytest.mark.parametrize("seed", range(3))
def test_chains_that_are_worked_on_and_cancelled_at_once_end_without_a_deadlock(
    bench: Bench, shop: Shop, user: str, seed: int
) -> None:
    dice = random.Random(seed)
    with (
        no_deadlocks(bench),
        shop.queue() as one,
        shop.queue() as two,
        bench.owner(user) as owner,
        bench.owner(user) as other,
    ):
        for _ in range(3):
            roots = [Job(shop.submit(owner, p_mode="draft"), user) for _ in range(4)]
            made = list(roots)
            for _ in range(8):
                parents = dice.sample(made, 2)
                wish = {"p_mode": "draft", "p_after_job_ids": [each.id for each in parents]}
                made.append(Job(shop.submit(owner, **wish), user))
            running = list(taken(one).values())
            assert len(running) == len(roots)

            def end_in_one_call(queue: Queue, *jobs: Job) -> None:
                told = [
                    {"job_id": job.id, "lease": job.lease, "assets": [picture(job)]} for job in jobs
                ]
                queue.session.rows("select * from worker.complete_jobs(%s)", json.dumps(told))

            calls: list[Callable[[], Any]] = [
                partial(end_in_one_call, one, running[0], running[1]),
                partial(end_in_one_call, two, running[2], running[3]),
                partial(owner.rows, CANCEL, made[5].id),
                partial(other.run, DELETE, [each.id for each in dice.sample(made[4:], 3)]),
            ]
            for result in race(calls):
                if isinstance(result, psycopg.Error):
                    hints = ("transition_not_allowed", "job_not_found")
                    assert result.diag.message_hint in hints, result
            # Whatever came first: what is left can be done, and nothing waits for what has ended.
            for job in running:
                if shop.status(job) == "starting":
                    insist(partial(one.complete, job))
            while left := taken(one):
                for job in left.values():
                    one.complete(job)
            assert bench.value("select count(*) from worker.tasks where user_id = %s", user) == 0
    assert bench.complaints(user) == []


# Whose it is --------------------------------------------------------------------------------------


def test_dependencies_are_read_by_their_owner_and_written_by_nobody(
    bench: Bench, shop: Shop, user: str
) -> None:
    parent = shop.job(user)
    child = after(shop, parent)
    seen = "select job_id::text, depends_on_job_id::text, position from public.job_dependencies"
    with bench.owner(user) as owner, bench.service() as service:
        assert owner.rows(seen) == [(child.id, parent.id, 1)]
        assert (child.id, parent.id, 1) in service.rows(seen)
        for session in (owner, service):
            for statement in (
                "insert into public.job_dependencies (job_id, depends_on_job_id, user_id)"
                f" values ('{parent.id}', '{child.id}', '{user}')",
                "update public.job_dependencies set position = 2",
                "delete from public.job_dependencies",
            ):
                with refused("42501"):
                    session.run(statement)
        owner.run(DELETE, [child.id])
        assert owner.rows(seen) == []
    with bench.owner(bench.person()) as stranger:
        assert stranger.rows(seen) == []
    with bench.anonymous() as nobody, refused("42501"):
        nobody.rows(seen)


def test_job_depends_on_its_owners_jobs_alone(bench: Bench, shop: Shop, user: str) -> None:
    child, strangers = shop.job(user), shop.job(bench.person())
    row = "insert into public.job_dependencies (job_id, depends_on_job_id, user_id) values "
    for owner in (user, strangers.user_id):
        with refused("23503"):
            bench.run(row + "(%s, %s, %s)", child.id, strangers.id, owner)
    with refused("23514"):
        bench.run(row + "(%s, %s, %s)", child.id, child.id, user)
