"""What users may say of themselves, and until when."""

import pytest

from .harness import Bench, refused


def test_user_changes_names_and_picture(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        change = (
            "update public.profiles set username = %s, full_name = 'Ada', avatar_url = %s"
            " returning user_id::text"
        )
        assert session.column(change, f"ada-{user[:8]}", "https://pictures.example/ada.png") == [
            user
        ]


def test_closed_account_changes_nothing_of_its_profile(bench: Bench) -> None:
    user = bench.person()
    bench.run("update public.profiles set deleted_at = now() where user_id = %s", user)
    with bench.owner(user) as session:
        assert session.run("update public.profiles set full_name = 'Ada'") == 0


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//pictures.example/ada.png",
        'https://pictures.example/"><script>',
        "https://pictures.example/a b",
        "https://pictures.example/" + "x" * 2048,
        "",
    ],
    ids=lambda address: address[:20],
)
def test_picture_is_a_web_address(bench: Bench, address: str) -> None:
    with bench.owner(bench.person()) as session, refused("23514"):
        session.run("update public.profiles set avatar_url = %s", address)


@pytest.mark.parametrize("username", ["", "ad", "a" * 31, ".ada", "a da", "ada\n", "áda", "<ada>"])
def test_username_is_plain(bench: Bench, username: str) -> None:
    with bench.owner(bench.person()) as session, refused("23514"):
        session.run("update public.profiles set username = %s", username)


def test_username_is_taken_regardless_of_case(bench: Bench) -> None:
    one, two = bench.person(), bench.person()
    with bench.owner(one) as session:
        session.run("update public.profiles set username = %s", f"ada-{one[:8]}")
    with bench.owner(two) as session, refused("23505"):
        session.run("update public.profiles set username = %s", f"ADA-{one[:8].upper()}")


@pytest.mark.parametrize("column", ["full_name", "first_name", "last_name"])
def test_names_are_short(bench: Bench, column: str) -> None:
    with bench.owner(bench.person()) as session, refused("23514"):
        session.run(f"update public.profiles set {column} = repeat('x', 201)")


@pytest.mark.parametrize("column", ["notification_settings", "ui_settings"])
@pytest.mark.parametrize(
    "value", ["[]", "null", f'{{"x": "{"x" * 17000}"}}'], ids=["array", "null", "large"]
)
def test_preferences_are_small_objects(bench: Bench, column: str, value: str) -> None:
    with bench.owner(bench.person()) as session, refused("23514"):
        session.run(f"update public.user_preferences set {column} = %s", value)


@pytest.mark.parametrize("seconds", ["0", "-1", "NaN"])
def test_preferred_length_is_a_length(bench: Bench, seconds: str) -> None:
    with bench.owner(bench.person()) as session, refused("23514"):
        session.run("update public.user_preferences set default_duration_seconds = %s", seconds)
