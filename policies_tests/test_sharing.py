"""What others see of a project: by its link, or because it is public, and nothing besides."""

import json
from typing import Any

import pytest

from .harness import Bench, Job, Session, Shop, refused

KEYS_OF_A_RESULT = {
    "asset_id",
    "kind",
    "role",
    "mime_type",
    "size_bytes",
    "width",
    "height",
    "duration_ms",
    "created_at",
    "prompt",
    "path",
    "thumbnail_path",
}


def make_project(session: Session, **columns: Any) -> str:
    values = {"name": "Harbour film", "description": "Dawn."} | columns
    return str(
        session.value(
            f"insert into public.projects ({', '.join(values)})"
            f" values ({', '.join(['%s'] * len(values))}) returning id",
            *values.values(),
        )
    )


def finish(shop: Shop, user_id: str, project_id: str) -> Job:
    """Submit a job into a project and bring it to its end, with one picture."""
    job = shop.job(user_id, p_project_id=project_id)
    with shop.queue() as queue:
        [held] = queue.finalizing()
        assert held.id == job.id
        queue.complete(held)
    return held


def shown(session: Session, token: str) -> dict[str, Any]:
    [row] = session.rows("select to_jsonb(x) from public.get_shared_project(%s) as x", token)
    return dict(row[0])


@pytest.fixture
def owner(bench: Bench) -> str:
    return bench.person(metadata={"avatar_url": "https://pictures.example/ada.png"})


def test_link_shows_the_project_and_its_finished_results_to_anybody(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
        token = session.value("select public.share_project(%s)", project)
    job = finish(shop, owner, project)
    running = shop.job(owner, p_project_id=project)
    username = bench.value("select username from public.profiles where user_id = %s", owner)
    for reader in (bench.anonymous(), bench.owner(bench.person())):
        with reader as session:
            found = shown(session, token)
        results = found.pop("results")
        found.pop("created_at")
        assert found == {
            "name": "Harbour film",
            "description": "Dawn.",
            "username": username,
            "avatar_url": "https://pictures.example/ada.png",
        }
        [result] = results
        assert set(result) == KEYS_OF_A_RESULT
        assert result["path"] == f"shared/{token}/{result['asset_id']}"
        assert result["prompt"] is None
        # Nothing leads to the owner, to jobs or to what is not finished.
        everything = json.dumps([found, results])
        assert not any(secret in everything for secret in (owner, job.id, running.id, project))


def test_prompts_are_shown_only_if_the_owner_chose_so(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session, show_prompts=True)
        token = session.value("select public.share_project(%s)", project)
    finish(shop, owner, project)
    with bench.anonymous() as session:
        assert [each["prompt"] for each in shown(session, token)["results"]] == ["A harbour"]


def test_sharing_again_keeps_the_link_and_unsharing_ends_it(bench: Bench, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
        token = session.value("select public.share_project(%s)", project)
        assert len(token) == 64
        assert session.value("select public.share_project(%s)", project) == token
        session.run("select public.unshare_project(%s)", project)
        another = session.value("select public.share_project(%s)", project)
        assert another != token
    with bench.anonymous() as session:
        with refused("PT404", "project_not_found"):
            shown(session, token)
        assert shown(session, another)["name"] == "Harbour film"


@pytest.mark.parametrize("call", ["share_project", "unshare_project", "restore_project"])
def test_nobody_shares_or_restores_a_strangers_project(bench: Bench, owner: str, call: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
    with bench.owner(bench.person()) as session, refused("PT404", "project_not_found"):
        session.run(f"select public.{call}(%s)", project)
    with bench.anonymous() as session, refused("42501"):
        session.run(f"select public.{call}(%s)", project)


@pytest.mark.parametrize("token", [None, "", "x", "0" * 64])
def test_wrong_links_all_get_the_same_answer(bench: Bench, token: str | None) -> None:
    with bench.anonymous() as session, refused("PT404", "project_not_found"):
        session.run("select public.get_shared_project(%s)", token)


def test_public_project_is_listed_and_shown_and_a_linked_one_is_not_listed(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        public = make_project(session, is_public=True)
        linked = make_project(session)
        session.run("select public.share_project(%s)", linked)
    finish(shop, owner, public)
    with bench.anonymous() as session:
        listed = session.column("select project_id from public.list_public_projects(100)")
        assert [str(each) for each in listed if str(each) in (public, linked)] == [public]
        found = session.value("select to_jsonb(x) from public.get_public_project(%s) as x", public)
        [result] = found["results"]
        assert result["path"] == f"public/{public}/{result['asset_id']}"
        assert owner not in json.dumps(found)
        with refused("PT404", "project_not_found"):
            session.run("select public.get_public_project(%s)", linked)


def test_list_goes_on_between_projects_of_one_moment(bench: Bench, owner: str) -> None:
    with bench.owner(owner) as session:
        mine = session.rows(
            "insert into public.projects (name, is_public)"
            " select 'p', true from generate_series(1, 5) returning created_at, id"
        )
    seen: list[Any] = []
    before, before_id = mine[0][0], "ffffffff-ffff-ffff-ffff-ffffffffffff"
    with bench.anonymous() as session:
        while before == mine[0][0]:
            page = session.rows(
                "select created_at, project_id from public.list_public_projects(2, %s, %s)",
                before,
                before_id,
            )
            seen += page
            before, before_id = page[-1] if page else (None, None)
    assert [each for each in seen if each in mine] == sorted(mine, reverse=True)


def test_closed_accounts_and_deleted_projects_are_not_shown(bench: Bench, owner: str) -> None:
    with bench.owner(owner) as session:
        first, second = (make_project(session, is_public=True) for _ in range(2))
        tokens = [session.value("select public.share_project(%s)", p) for p in (first, second)]
        session.run("delete from public.projects where id = %s", first)
    with bench.anonymous() as session, refused("PT404"):
        shown(session, tokens[0])
    bench.run("update public.profiles set deleted_at = now() where user_id = %s", owner)
    with bench.anonymous() as session:
        with refused("PT404"):
            shown(session, tokens[1])
        with refused("PT404"):
            session.run("select public.get_public_project(%s)", second)
        listed = {
            str(each)
            for each in session.column("select project_id from public.list_public_projects(100)")
        }
        assert not listed & {first, second}


def test_deleted_results_and_uploads_are_not_shown(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
        token = session.value("select public.share_project(%s)", project)
    job = finish(shop, owner, project)
    # An upload in the same project, used as a reference, is nobody else's business.
    upload = bench.value(
        "insert into public.assets (user_id, project_id, kind, bucket, storage_path, mime_type,"
        " size_bytes) values (%s, %s, 'image', 'reference-images', %s, 'image/png', 1)"
        " returning id",
        owner,
        project,
        f"{owner}/a/me.png",
    )
    bench.run(
        "insert into public.job_assets (job_id, asset_id, role, user_id)"
        " values (%s, %s, 'reference_image', %s)",
        job.id,
        upload,
        owner,
    )
    with bench.anonymous() as session:
        assert [each["role"] for each in shown(session, token)["results"]] == ["result_image"]
    with bench.owner(owner) as session:
        session.run("delete from public.generation_jobs where id = %s", job.id)
    with bench.anonymous() as session:
        assert shown(session, token)["results"] == []


def test_service_finds_a_shown_file_and_no_other(bench: Bench, shop: Shop, owner: str) -> None:
    with bench.owner(owner) as session:
        project, other = make_project(session), make_project(session)
        token = session.value("select public.share_project(%s)", project)
    finish(shop, owner, project)
    finish(shop, owner, other)
    assets = dict(
        bench.rows("select project_id::text, id from public.assets where user_id = %s", owner)
    )
    find = "select storage_path from worker.find_shown_file(%s, p_token => %s, p_project_id => %s)"
    with bench.service() as service:
        [path] = service.column(find, assets[project], token, None)
        assert path.startswith(f"{owner}/")
        assert service.column(find, assets[other], token, None) == []
        assert service.column(find, assets[project], None, project) == []
        assert service.column(find, assets[project], None, None) == []
        bench.run("update public.projects set is_public = true where id = %s", project)
        assert service.column(find, assets[project], None, project) == [path]


def test_project_that_was_hidden_without_losing_its_link_is_not_shown(
    bench: Bench, shop: Shop, owner: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session, is_public=True)
        token = session.value("select public.share_project(%s)", project)
    # As an operator may do it.
    bench.run("update public.projects set deleted_at = now() where id = %s", project)
    with bench.anonymous() as session:
        with refused("PT404", "project_not_found"):
            shown(session, token)
        with refused("PT404", "project_not_found"):
            session.run("select public.get_public_project(%s)", project)
        listed = session.column("select project_id::text from public.list_public_projects(100)")
        assert project not in listed


@pytest.mark.parametrize("status", ["processing", "cancelled"])
def test_file_of_a_job_that_is_not_finished_is_not_shown(
    bench: Bench, shop: Shop, owner: str, status: str
) -> None:
    with bench.owner(owner) as session:
        project = make_project(session)
        token = session.value("select public.share_project(%s)", project)
    job = shop.job(owner, p_project_id=project)
    with shop.queue() as queue, bench.owner(owner) as session:
        [held] = queue.claim()
        queue.advance(held, "processing")
        if status == "cancelled":
            session.run("select public.cancel_generation(%s)", job.id)
    # Written too early, or by hand.
    asset = bench.value(
        "with asset as (insert into public.assets (user_id, project_id, kind, bucket, storage_path,"
        " mime_type, size_bytes) values (%s, %s, 'image', 'final-images', %s, 'image/png', 1)"
        " returning id, user_id) insert into public.job_assets (job_id, asset_id, role, user_id)"
        " select %s, id, 'result_image', user_id from asset returning asset_id",
        owner,
        project,
        f"{owner}/{job.id}/early.png",
        job.id,
    )
    with bench.anonymous() as session, bench.service() as service:
        assert shown(session, token)["results"] == []
        found = "select storage_path from worker.find_shown_file(%s, p_token => %s)"
        assert service.column(found, asset, token) == []
