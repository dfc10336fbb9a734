"""A user with a browser, a token and the source tries everything, and nothing happens.

Each attempt is made by supabase-js in the name of a signed-up owner, of an anonymous sign-in and of
nobody at all. What each sees must be just the refusal written here, and after it every table and
every stored file must be what it was.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from reelbase.local.pytest_plugin import RunningStack

from .browser import Browser, Camera, Snapshot, attempts, open_browser
from .harness import Bench

ACTORS = ("owner", "guest", "anon")

DENIED = "403 42501"
"""No grant, or a policy's check."""
SIGN_IN = "401 42501"
"""No grant, for somebody without a token."""
NOTHING = "no rows"
NOT_THERE = "404"
FORBIDDEN = "403"

# (attempt, what a user sees, what anon sees); the first that matches; a signed-in user is refused
# as DENIED and anon as SIGN_IN where nothing else is said.
EXPECTED: list[tuple[str, ...]] = [
    (r"list all users|make a user by hand|delete a stranger at .*", *["403 not_admin"] * 2),
    # Where users have no right to delete at all they learn that, and not that nothing was found.
    (
        r"delete a stranger's (profiles|user_preferences|credit_\w+|job_events) .*",
        DENIED,
        SIGN_IN,
    ),
    # Rows that are not the user's, or may not be touched, are not there.
    (r"(read|delete|embed|find|rename|change|publish|edit) .*stranger.*", NOTHING, SIGN_IN),
    (r"(read all|rename everybody|order profiles|embed accounts) .*", NOTHING, SIGN_IN),
    (r"edit a job after it was \w+", NOTHING, SIGN_IN),
    (r"remove the result of own job|delete the asset of own result", NOTHING, SIGN_IN),
    (r"one stranger's job and no other", "406 PGRST116", SIGN_IN),
    (r"(count|estimate) .*", NOTHING, "401"),
    (r"aggregate \w+", "400 PGRST123", "400 PGRST123"),
    (r"explain \w+", "415 PGRST107", "415 PGRST107"),
    # Functions and schemas that the API does not offer.
    (r".* as a public function|grant_credits in schema worker", *["404 PGRST202"] * 2),
    (r"set_config|pg_read_file|dblink|submit with a cost|submit for .*", *["404 PGRST202"] * 2),
    (r".* in (schema (private|auth|storage)|pg_catalog)", *["406 PGRST106"] * 2),
    (r"read worker.tasks as a public table", *["404 42P01"] * 2),
    # What is another's cannot be referred to: a project by the policies, the rest by keys of two
    # columns.
    (r"(job|submit|draft|asset) (in|into|moved into) a stranger's project", DENIED, SIGN_IN),
    (
        r"job that follows .*|submit after .*|prompt that leads .*|prompt with a stranger.*",
        "409 23503",
        SIGN_IN,
    ),
    (
        r"submit with a stranger's asset .*|stranger's asset as reference of own draft",
        "404 PT404 reference_asset_not_found",
        SIGN_IN,
    ),
    (
        r"(cancel|queue|retry|rate|restore) a stranger's (job|draft)",
        "404 PT404 job_not_found",
        SIGN_IN,
    ),
    (
        r"(share|unshare|restore) a stranger's project",
        "404 PT404 project_not_found",
        SIGN_IN,
    ),
    (r"open a .*project .*", *["404 PT404 project_not_found"] * 2),
    (r"asset of a (stranger's file|file that is not there)", "404 PT404 upload_not_found", SIGN_IN),
    # Values that make no sense.
    (r"cancel own job after .*", "409 PT409 transition_not_allowed", SIGN_IN),
    (r"insert a job that never was a state", "400 22P02", SIGN_IN),
    # Only those that have a key are unique by it, which no client can say.
    (r"upsert a job by its key", *["400 42P10"] * 2),
    (r"ask for a film .*", "400 PT400 duration_not_available", SIGN_IN),
    (r"ask for minus ten outputs", "400 PT400 output_count_not_available", SIGN_IN),
    (r"submit a prompt that is too long", "400 PT400 prompt_too_long", SIGN_IN),
    (r"submit a prompt with a NUL", "400 22P05", SIGN_IN),
    (r"submit parameters .*", "400 PT400 invalid_parameter", SIGN_IN),
    (
        r"submit a prompt of nothing.*|take a username with .*|take an avatar .*"
        r"|preferences that are no object",
        "400 23514",
        SIGN_IN,
    ),
    (r"take a stranger's username .*", "409 23505", SIGN_IN),
    # Files.
    (r"(list|look whether|sign) .*(folder in|is there|among others).*", *[NOTHING] * 2),
    (r"list (the whole bucket|buckets)|remove (own|a stranger's) \w+", *[NOTHING] * 2),
    (r"(write into|overwrite|replace|sign an upload|climb out of own folder$).*", *[FORBIDDEN] * 2),
    (r"upload into no folder|make a bucket", *[FORBIDDEN] * 2),
    (r"(move|copy) own upload .*", FORBIDDEN, NOT_THERE),
    (r"climb out of own folder, encoded", *["400"] * 2),
    (r"upload a web page", *["415"] * 2),
    (r"(download|sign|look at|move (own|a stranger)|copy|climb into|ask for).*", *[NOT_THERE] * 2),
    (r"(open|empty|delete) a bucket.*", *[NOT_THERE] * 2),
    # Tokens.
    (r"token .*", *["401 PGRST301"] * 2),
    (r"claims in headers", NOTHING, SIGN_IN),
    (r"services' role in app metadata", "403 not_admin", "400"),
]


@dataclass(slots=True)
class Scene:
    """The browser, and what everything looked like when it last stood still."""

    browser: Browser
    camera: Camera
    before: Snapshot


@pytest.fixture(scope="module")
def scene(stack: RunningStack) -> Iterator[Scene]:
    """One browser for all attempts: none of them changes anything."""
    with Bench(stack.admin_database_url) as bench, open_browser(stack, bench) as browser:
        camera = Camera(bench)
        yield Scene(browser, camera, camera.shoot())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test an attempt."""
    if "attempt" in metafunc.fixturenames:
        metafunc.parametrize("attempt", attempts())


def expectation(attempt: str, actor: str) -> str:
    """Return what an actor must see."""
    for pattern, user, anon in EXPECTED:
        if re.match(rf"(?:{pattern})$", attempt):
            return anon if actor == "anon" else user
    return SIGN_IN if actor == "anon" else DENIED


def seen(answer: dict[str, Any]) -> str:
    """Put what an actor saw into the words of `EXPECTED`."""
    if "crashed" in answer:
        return str(answer["crashed"])
    if answer["refused"]:
        code = answer["code"]
        hint = answer["hint"] if code and code.startswith("PT") else None
        return " ".join(str(part) for part in (answer["status"], code, hint) if part)
    if answer["data"] in (None, [], "\n", "") and not answer["count"]:
        return NOTHING
    return f"{answer['data']} ({answer['count']})"


def test_attempt_is_refused_and_changes_nothing(scene: Scene, attempt: str) -> None:
    answers = {actor: seen(each) for actor, each in scene.browser.ask(ACTORS, attempt).items()}
    after = scene.camera.shoot()
    changed = [table for table in after if after[table] != scene.before.get(table)]
    scene.before = after
    assert changed == []
    assert answers == {actor: expectation(attempt, actor) for actor in ACTORS}


def test_snapshot_sees_a_change_in_each_place(bench: Bench, scene: Scene) -> None:
    # The proof above is worth what the snapshot sees.
    changes = {
        "public.credit_accounts": "update public.credit_accounts set debt = debt + 1",
        "public.generation_jobs": "update public.generation_jobs set priority = priority + 1",
        "worker.tasks": "delete from worker.tasks",
        "private.settings": "update private.settings set signup_bonus = 1e6",
        # One of the scene's: users of other tests may have more than their plans allow.
        "storage.objects": "update storage.objects set name = name || 'x' where id ="
        " (select id from storage.objects order by created_at desc limit 1)",
        "auth.users": 'update auth.users set raw_app_meta_data = \'{"role": "x"}\'',
    }
    camera = Camera(bench)
    for table, change in changes.items():
        with bench.undone(), bench.tampering():
            assert bench.run(change) > 0
            assert camera.shoot()[table] != scene.before[table]


def test_browser_can_do_what_it_may(scene: Scene) -> None:
    # Refusals prove nothing if the client could do nothing at all.
    assert len(attempts()) > 300
    before = scene.camera.shoot()
    answer = scene.browser.ask(["owner"], "rename own project")["owner"]
    assert seen(answer) != NOTHING
    scene.before = scene.camera.shoot()
    assert scene.before["public.projects"] != before["public.projects"]
