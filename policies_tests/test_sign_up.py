"""Nothing that a stranger sends at sign-up breaks it, is believed, or earns twice."""

import json
import re
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelbase.local.pytest_plugin import RunningStack

from .harness import Bench, Shop, race

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{2,29}")

NAMES = [
    *("username", "user_name", "full_name", "name", "first_name", "given_name"),
    *("last_name", "family_name", "avatar_url", "picture"),
]
HOSTILE: dict[str, Any] = {
    "nothing": None,
    "an empty object": {},
    "an array": ["username", "admin"],
    "a number": 7,
    "a string": "admin",
    "a boolean": True,
    "numbers": {"username": 12, "full_name": 1.5, "avatar_url": 0},
    "nulls": {"username": None, "full_name": None, "avatar_url": None},
    "booleans": {"username": True, "full_name": False},
    "arrays inside": {"username": ["a"], "full_name": [1, [2]], "avatar_url": ["http://x"]},
    "objects inside": {"username": {"a": 1}, "full_name": {"b": {"c": []}}},
    "something deep": {"username": json.loads("[" * 60 + "]" * 60), "x": {"y": {"z": {}}}},
    "something huge": {"username": "a" * 1_000_000, "full_name": "b" * 1_000_000},
    "huge unknown keys": {f"key{number}": "x" * 1000 for number in range(500)},
    "control characters": {"username": "a\x01b\x1b[31m\r\n", "full_name": "\x7f\x02A\tB\n"},
    "only control characters": {"username": "\x01\x02", "full_name": "\n\n"},
    "emoji": {"username": "🦊🦊🦊", "full_name": "👩‍👩‍👧‍👦 Family"},
    "right to left": {
        "username": "\u202eadmin",
        "full_name": "\u202e\u0645\u0631\u062d\u0628\u0627",
    },
    "combining characters": {"username": "Z\u0351\u036b" * 50, "full_name": "e\u0301" * 300},
    "SQL": {"username": "x'); drop table public.profiles; --", "full_name": "'; select 1"},
    "a script": {"username": "<script>", "avatar_url": "javascript:alert(1)"},
    "an avatar with a quote": {"avatar_url": 'https://x.example/"onload="x'},
    "an avatar that is too long": {"avatar_url": "https://x.example/" + "a" * 5000},
    "spaces": {"username": "   ", "full_name": " \u00a0 "},
    "dots": {"username": "...", "full_name": "."},
    "two letters": {"username": "ab"},
    "a dash in front": {"username": "-_.ada"},
    "what is the server's": {
        "role": "service_role",
        "subscription_tier": "enterprise",
        "tier": "enterprise",
        "credits": 1e9,
        "balance": 1e9,
        "user_id": str(uuid4()),
        "email": "boss@example.com",
        "is_admin": True,
        "deleted_at": "2000-01-01",
    },
    "percent signs": {"username": "%s%n%%", "full_name": "%(x)s {0} $1"},
    "names of the system": {"username": "postgres", "full_name": "service_role"},
}


def account(bench: Bench, user_id: str) -> tuple[Any, ...]:
    """Return username, tier, balance and number of preference rows."""
    [row] = bench.rows(
        "select username, subscription_tier, balance,"
        " (select count(*) from public.user_preferences where user_id = p.user_id)"
        " from public.profiles as p inner join public.credit_accounts using (user_id)"
        " where user_id = %s",
        user_id,
    )
    return row


@pytest.mark.parametrize("metadata", HOSTILE)
def test_hostile_metadata_neither_breaks_sign_up_nor_is_believed(
    bench: Bench, metadata: str
) -> None:
    user = bench.person(metadata=HOSTILE[metadata])
    username, tier, balance, preferences = account(bench, user)
    assert USERNAME.fullmatch(username)
    assert (tier, balance, preferences) == ("free", 100, 1)
    [(email, avatar, deleted_at, full_name)] = bench.rows(
        "select email, avatar_url, deleted_at, full_name from public.profiles where user_id = %s",
        user,
    )
    assert email == f"{user}@policies.example"
    assert avatar is None
    assert deleted_at is None
    assert full_name is None or not re.search(r"[\x00-\x1f\x7f]", full_name)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(
                st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=5
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "username",
                "user_name",
                "full_name",
                "name",
                "first_name",
                "given_name",
                "last_name",
                "family_name",
                "avatar_url",
                "picture",
            ]
        ),
        json_values,
    )
)
def test_any_metadata_is_survived(bench: Bench, metadata: dict[str, Any]) -> None:
    username, tier, balance, _ = account(bench, bench.person(metadata=metadata))
    assert USERNAME.fullmatch(username)
    assert (tier, balance) == ("free", 100)


def test_good_metadata_is_used(bench: Bench) -> None:
    name = f"ada-{uuid4().hex[:8]}"
    user = bench.person(
        metadata={
            "username": name,
            "full_name": "  Ada  Lovelace ",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "picture": "https://x.example/a.png",
        }
    )
    assert bench.rows(
        "select username, full_name, first_name, last_name, avatar_url from public.profiles"
        " where user_id = %s",
        user,
    ) == [(name, "Ada  Lovelace", "Ada", "Lovelace", "https://x.example/a.png")]


@pytest.mark.parametrize(
    "email", ["@no-local-part.example", "no-at", "", "ü@ö.example", "%@x.example"]
)
def test_strange_address_does_not_break_sign_up(bench: Bench, email: str) -> None:
    bench.run("delete from auth.users where email = %s", email)
    user = str(uuid4())
    bench.run("insert into auth.users (id, email) values (%s, %s)", user, email)
    assert USERNAME.fullmatch(account(bench, user)[0])


def test_taken_username_gets_another(bench: Bench) -> None:
    wish = f"ada{uuid4().hex[:8]}"
    names = [
        account(bench, bench.person(metadata={"username": w}))[0] for w in (wish, wish.upper())
    ]
    assert names[0] == wish
    assert len({name.lower() for name in names}) == 2


def test_two_hundred_sign_ups_at_once_with_one_wish_all_succeed(bench: Bench) -> None:
    wish = f"crowd{uuid4().hex[:6]}"
    with ExitStack() as stack:
        clients = [stack.enter_context(bench.superuser()) for _ in range(20)]

        def sign_up(client: Any) -> int:
            return sum(
                client.run(
                    "insert into auth.users (id, email, raw_user_meta_data)"
                    " values (gen_random_uuid(), gen_random_uuid() || '@crowd.example',"
                    " jsonb_build_object('username', %s::text))",
                    wish,
                )
                for _ in range(10)
            )

        assert race([partial(sign_up, c) for c in clients]) == [10] * 20
    names = bench.column(
        "select p.username from public.profiles as p inner join auth.users as u on u.id = p.user_id"
        " where u.raw_user_meta_data ->> 'username' = %s",
        wish,
    )
    assert len(names) == len({name.lower() for name in names}) == 200
    assert wish in names


# The bonus ----------------------------------------------------------------------------------------


def test_anonymous_sign_in_gets_no_bonus(bench: Bench) -> None:
    assert account(bench, bench.person(anonymous=True))[2] == 0


def test_upgraded_anonymous_gets_the_bonus_once(bench: Bench) -> None:
    user = bench.person(anonymous=True)
    email = f"{uuid4().hex}@upgrade.example"
    for is_anonymous in (False, True, False):
        bench.run(
            "update auth.users set is_anonymous = %s, email = %s where id = %s",
            is_anonymous,
            email,
            user,
        )
    assert bench.balance(user) == 100
    assert bench.value("select email from public.profiles where user_id = %s", user) == email


def test_anonymous_with_an_address_that_had_its_bonus_gets_none(bench: Bench) -> None:
    email = f"{uuid4().hex}@upgrade.example"
    bench.run("delete from auth.users where id = %s", bench.person(email))
    user = bench.person(anonymous=True)
    bench.run("update auth.users set is_anonymous = false, email = %s where id = %s", email, user)
    assert bench.balance(user) == 0


@pytest.mark.parametrize("again", ["{0}@x.example", "{0}+more@x.example", "{0}+a+b@X.example"])
def test_bonus_is_given_once_an_address_though_the_account_was_deleted(
    bench: Bench, again: str
) -> None:
    name = uuid4().hex
    first = bench.person(f"{name}@x.example")
    assert bench.balance(first) == 100
    bench.run("delete from auth.users where id = %s", first)
    assert bench.balance(bench.person(again.format(name.upper()))) == 0


def test_plus_addresses_share_one_bonus(bench: Bench) -> None:
    name = uuid4().hex
    people = [bench.person(f"{name}{plus}@x.example") for plus in ("+1", "", "+2", "+3+4")]
    assert [bench.balance(each) for each in people] == [100, 0, 0, 0]


def test_plus_addresses_at_once_share_one_bonus(bench: Bench) -> None:
    name = uuid4().hex
    with ExitStack() as stack:
        clients = [stack.enter_context(bench.superuser()) for _ in range(8)]
        race(
            [
                partial(
                    c.run,
                    "insert into auth.users (id, email) values (gen_random_uuid(), %s)",
                    f"{name}+{n}@x.example",
                )
                for n, c in enumerate(clients)
            ]
        )
    assert (
        bench.value(
            "select sum(balance) from public.credit_accounts inner join public.profiles"
            " using (user_id) where email like %s",
            f"{name}+%",
        )
        == 100
    )


def test_changed_address_brings_no_second_bonus(bench: Bench) -> None:
    user = bench.person()
    email = f"{uuid4().hex}@x.example"
    bench.run("update auth.users set email = %s where id = %s", email, user)
    assert bench.balance(user) == 100
    assert bench.value("select email from public.profiles where user_id = %s", user) == email


# Deleting -----------------------------------------------------------------------------------------


def test_deleting_a_user_removes_every_row_of_theirs(bench: Bench, shop: Shop) -> None:
    user, other = bench.person(), bench.person()
    with bench.owner(user) as session:
        project = session.value("insert into public.projects (name) values ('p') returning id")
    for owner in (user, other):
        shop.job(owner)
        with shop.queue() as queue:
            [done] = queue.finalizing()
            queue.complete(done)
        shop.job(owner)
        with shop.queue() as queue:
            queue.fail(queue.claim()[0])
        running = shop.job(owner, p_project_id=project if owner == user else None)
        shop.draft(owner, parent_job_id=running.id, project_id=project if owner == user else None)
    # The draft's model leaves the catalogue: it must not stand in the way.
    bench.run("update public.models set is_active = false where id = %s", shop.model)
    owned = bench.rows(
        "select table_schema, table_name from information_schema.columns"
        " where column_name = 'user_id' and table_schema in ('public', 'worker', 'private')"
    )
    assert len(owned) > 10
    count = " union all ".join(
        f"select '{schema}.{table}', count(*) from {schema}.{table} where user_id = '{{0}}'"
        for schema, table in owned
    )
    before = dict(bench.rows(count.format(other)))
    assert bench.run("delete from auth.users where id = %s", user) == 1
    assert {name: rows for name, rows in bench.rows(count.format(user)) if rows} == {}
    assert dict(bench.rows(count.format(other))) == before
    orphans = bench.value(
        "select (select count(*) from public.credit_allocations as a where not exists"
        " (select from public.credit_transactions as t where t.id = a.transaction_id))"
        " + (select count(*) from worker.attempts as a where not exists"
        " (select from public.generation_jobs as j where j.id = a.job_id))"
    )
    assert orphans == 0
    assert bench.complaints(other) == []


# By the auth server -------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [name for name in HOSTILE if name != "something huge"])
def test_hostile_metadata_by_the_api_is_a_sign_up_or_a_clear_refusal(
    stack: RunningStack, bench: Bench, metadata: str
) -> None:
    answer = httpx.post(
        f"{stack.supabase_url}/auth/v1/signup",
        json={
            "email": f"{uuid4().hex}@api.example",
            "password": "correct horse battery",
            "data": HOSTILE[metadata],
        },
        headers={"apikey": stack.publishable_key},
        timeout=30,
    )
    if isinstance(HOSTILE[metadata], dict | None):
        assert answer.status_code == 200, answer.text
        _, tier, balance, _ = account(bench, answer.json()["user"]["id"])
        assert (tier, balance) == ("free", 100)
        assert answer.json()["user"]["role"] == "authenticated"
    else:
        assert answer.status_code == 400
