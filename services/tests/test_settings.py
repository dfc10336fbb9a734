"""What the services read from the environment, and what they say when it is wrong."""

import io
import json
import os
import subprocess
import sys

import pytest
import structlog
from postgrest.exceptions import APIError
from pydantic import SecretStr
from storage3.exceptions import StorageApiError

from reelbase.errors import (
    AlreadyStored,
    DatabaseError,
    DatabaseUnavailable,
    FileTooLarge,
    InsufficientCredits,
    KeyRefused,
    LeaseLost,
    ReelbaseError,
    SettingsError,
    StorageError,
    StorageUnavailable,
    from_postgrest,
    from_storage,
)
from reelbase.logs import configure_logs
from reelbase.settings import load_settings

WORKER = [sys.executable, "-c", "from reelbase.cli import app; app()", "worker"]
URL = "http://127.0.0.1:54321"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("SUPABASE_", "REELBASE_")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_abc")
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres:pass@127.0.0.1/postgres")
    monkeypatch.setenv("REELBASE_WORKER_CONCURRENCY", "7")
    monkeypatch.setenv("REELBASE_PROVIDERS", "local, other")
    settings = load_settings()
    assert settings.supabase_url == URL
    assert settings.supabase_secret_key.get_secret_value() == "sb_secret_abc"
    assert isinstance(settings.database_url, SecretStr)
    assert settings.worker_concurrency == 7
    assert settings.providers == ("local", "other")


def test_legacy_key_is_used_where_there_is_no_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "legacy")
    assert load_settings().supabase_secret_key.get_secret_value() == "legacy"
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_abc")
    assert load_settings().supabase_secret_key.get_secret_value() == "sb_secret_abc"


def test_empty_database_url_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "k")
    monkeypatch.setenv("DATABASE_URL", "")
    assert load_settings().database_url is None


def test_worker_takes_fifty_jobs_and_serves_nothing_unless_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "k")
    settings = load_settings()
    assert (settings.worker_concurrency, settings.worker_url) == (50, None)


def test_settings_never_show_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_planted")
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres:planted@127.0.0.1/postgres")
    assert "planted" not in repr(load_settings())


def test_secrets_of_named_providers_and_payments_are_known_in_every_spelling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_abc")
    monkeypatch.setenv("REELBASE_PROVIDERS", "replicate,runway,nobody")
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_planted/one")
    monkeypatch.setenv("RUNWAYML_API_SECRET", "abc")
    monkeypatch.setenv("FAL_KEY", "of-a-provider-that-is-not-named")
    monkeypatch.setenv("REELBASE_PAYMENTS", "stripe")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_new, whsec_older")
    found = load_settings().secrets()
    assert {"sb_secret_abc", "r8_planted/one", "r8_planted%2Fone"} <= set(found)
    # Each of several, and the longer ones first; what is too short would blot out half of a log.
    assert {"whsec_new", "whsec_older"} <= set(found)
    assert sorted(map(len, found), reverse=True) == list(map(len, found))
    assert not {"abc", "of-a-provider-that-is-not-named"} & set(found)


def test_addresses_and_lists_are_read_as_they_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "k")
    assert load_settings().callback_url is None
    assert load_settings().payments == ()
    monkeypatch.setenv("REELBASE_PUBLIC_URL", "https://api.example.com/reelbase/")
    monkeypatch.setenv("REELBASE_PRIVATE_HOSTS", "127.0.0.1:8080, [::1]:80")
    monkeypatch.setenv("REELBASE_PAYMENTS", "stripe, sandbox,stripe")
    settings = load_settings()
    assert settings.callback_url == "https://api.example.com/reelbase/webhooks"
    assert settings.private_hosts == {"127.0.0.1:8080", "[::1]:80"}
    assert settings.payments == ("stripe", "sandbox")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SUPABASE_SECRET_KEY": "k"}, "SUPABASE_URL is not set"),
        ({"SUPABASE_URL": URL}, "SUPABASE_SECRET_KEY is not set"),
        (
            {"SUPABASE_URL": "not an address", "SUPABASE_SECRET_KEY": "k"},
            "SUPABASE_URL cannot be used",
        ),
        (
            {"SUPABASE_URL": URL, "SUPABASE_SECRET_KEY": "k", "REELBASE_LEASE_SECONDS": "soon"},
            "REELBASE_LEASE_SECONDS cannot be used",
        ),
        (
            {"SUPABASE_URL": URL, "SUPABASE_SECRET_KEY": "k", "REELBASE_WORKER_CONCURRENCY": "0"},
            "REELBASE_WORKER_CONCURRENCY cannot be used",
        ),
        (
            {"SUPABASE_URL": URL, "SUPABASE_SECRET_KEY": "k", "REELBASE_WORKER_URL": "here"},
            "REELBASE_WORKER_URL cannot be used",
        ),
        (
            {"SUPABASE_URL": URL, "SUPABASE_SECRET_KEY": "k", "REELBASE_PUBLIC_URL": "http://a.b"},
            "REELBASE_PUBLIC_URL cannot be used: it must begin with https://",
        ),
        (
            {
                "SUPABASE_URL": URL,
                "SUPABASE_SECRET_KEY": "k",
                "REELBASE_RETURN_URL": "javascript:alert(1)",
            },
            "REELBASE_RETURN_URL cannot be used",
        ),
        (
            {"SUPABASE_URL": URL, "SUPABASE_SECRET_KEY": "k", "REELBASE_PRIVATE_HOSTS": "10.0.0.1"},
            "REELBASE_PRIVATE_HOSTS cannot be used: each must be a host and a port",
        ),
    ],
)
def test_missing_or_garbled_setting_is_named_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
    assert "not an address" not in str(refused.value)


def test_worker_without_settings_ends_with_one_sentence() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from reelbase.cli import app; app()",
            "worker",
            "--state-dir",
            "/nonexistent/state",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "REELBASE_STATE_DIR"},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: SUPABASE_URL is not set")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("code", "hint", "kind"),
    [
        ("PT409", "lease_lost", LeaseLost),
        ("PT409", "transition_not_allowed", DatabaseError),
        ("PT402", "insufficient_credits", InsufficientCredits),
        ("42501", None, KeyRefused),
        ("PGRST301", None, KeyRefused),
        ("PGRST202", None, DatabaseError),
        ("PGRST002", None, DatabaseUnavailable),
        ("53300", None, DatabaseUnavailable),
        ("08006", None, DatabaseUnavailable),
        ("40P01", None, DatabaseUnavailable),
        ("57P01", None, DatabaseUnavailable),
        ("500", None, DatabaseUnavailable),
        ("404", None, DatabaseError),
        ("23505", None, DatabaseError),
        (None, None, DatabaseError),
        ("", None, DatabaseUnavailable),
    ],
)
def test_answer_of_the_database_becomes_one_kind_of_error(
    code: str | None, hint: str | None, kind: type[ReelbaseError]
) -> None:
    told = from_postgrest(APIError({"message": "m", "code": code, "hint": hint, "details": "d"}))
    assert type(told) is kind
    if isinstance(told, DatabaseError):
        assert (told.code, told.hint, told.detail) == (code or "", hint, "d")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("409", "Duplicate", AlreadyStored),
        (409, "ResourceAlreadyExists", AlreadyStored),
        ("413", "Payload too large", FileTooLarge),
        ("415", "invalid_mime_type", StorageError),
        (500, "InternalError", StorageUnavailable),
        ("503", "SlowDown", StorageUnavailable),
        ("429", "TooManyRequests", StorageUnavailable),
        ("what", "unknown", StorageUnavailable),
    ],
)
def test_answer_of_storage_becomes_one_kind_of_error(
    status: str | int, code: str, kind: type[ReelbaseError]
) -> None:
    assert type(from_storage(StorageApiError("m", code, status))) is kind


def test_log_is_one_json_object_a_line_without_secrets_prompts_or_local_variables() -> None:
    stream = io.StringIO()
    configure_logs("INFO", ["planted-secret"], stream)
    log = structlog.stdlib.get_logger("reelbase.test")
    log.debug("too quiet")
    log.info(
        "told", prompt="a private wish", address="http://u:planted-secret@h", count=3, names=["a"]
    )

    def fail() -> None:
        local_variable = "only here: " + "q" * 5
        raise ValueError(f"with planted-secret {len(local_variable)}")

    try:
        fail()
    except ValueError:
        log.exception("failed")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["told", "failed"]
    assert (lines[0]["count"], lines[0]["names"]) == (3, ["a"])
    assert lines[0]["prompt"] == "[private]"
    assert lines[0]["address"] == "http://u:[secret]@h"
    assert "ValueError: with [secret] 16" in lines[1]["exception"]
    assert "planted-secret" not in stream.getvalue()
    assert "qqqqq" not in stream.getvalue()
