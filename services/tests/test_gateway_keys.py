"""The keys of a stack."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import jwt
import pytest

from reelbase.local.gateway.tokens import InvalidToken, TokenVerifier, caller_of
from reelbase.local.keys import KeysFileError, StackKeys, load_or_create_keys


@pytest.fixture
def keys(tmp_path: Path) -> StackKeys:
    return load_or_create_keys(tmp_path / "keys.json")


def test_keys_stay_the_same_once_made(tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys.json"
    assert load_or_create_keys(path) == load_or_create_keys(path)
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]


def test_two_stacks_share_no_key(tmp_path: Path) -> None:
    one, two = (asdict(load_or_create_keys(tmp_path / name / "keys.json")) for name in "ab")
    assert all(one[name] != two[name] for name in one)


def test_callers_at_once_get_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(load_or_create_keys, [path] * 8))
    assert all(each == made[0] for each in made)


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    load_or_create_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    load_or_create_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"publishable_key": 1}', "\ud7ff"])
def test_a_file_that_is_no_keys_file_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(KeysFileError, match="is not a keys file"):
        load_or_create_keys(path)
    assert path.read_text(encoding="utf-8") == content


def test_no_secret_shows_in_the_representation(keys: StackKeys) -> None:
    shown = repr(keys)
    values = json.loads(json.dumps(asdict(keys)))
    secrets = [*values.pop("signing_jwk").values(), *values.values()]
    assert not [each for each in secrets if each in shown]


def test_keys_have_the_platforms_forms(keys: StackKeys) -> None:
    assert keys.publishable_key.startswith("sb_publishable_")
    assert keys.secret_key.startswith("sb_secret_")
    for token, role in ((keys.anon_jwt, "anon"), (keys.service_role_jwt, "service_role")):
        claims = jwt.decode(token, keys.jwt_secret, algorithms=["HS256"])
        assert claims["role"] == role


def test_public_keys_hold_nothing_private(keys: StackKeys) -> None:
    (public,) = keys.public_jwks()["keys"]
    assert public["kid"] == keys.signing_jwk["kid"]
    assert "d" not in public
    verification = keys.verification_jwks()["keys"]
    assert [each["kty"] for each in verification] == ["EC", "oct"]
    assert all("d" not in each for each in verification)


def test_the_bearer_is_the_caller_and_the_key_only_without_one(keys: StackKeys) -> None:
    assert caller_of({"apikey": keys.secret_key}, keys).token == keys.service_role_jwt
    both = {"apikey": keys.secret_key, "authorization": f"Bearer {keys.publishable_key}"}
    assert caller_of(both, keys).role == "anon"
    alone = {"authorization": f"bearer {keys.service_role_jwt}"}
    assert caller_of(alone, keys).role == "service_role"
    for nobody in ({}, {"apikey": "x"}, {"apikey": "x", "authorization": both["authorization"]}):
        with pytest.raises(InvalidToken):
            caller_of(nobody, keys)


def test_a_verified_token_is_refused_once_it_expires(keys: StackKeys) -> None:
    now = 1_000_000_000.0
    verifier = TokenVerifier(keys, clock=lambda: now)
    claims = {"sub": "x", "aud": "authenticated", "role": "authenticated", "exp": 4_000_000_000}
    token = verifier.sign(claims)
    assert verifier.verify(token) is verifier.verify(token)
    now = 4_000_000_000.0
    with pytest.raises(InvalidToken):
        verifier.verify(token)


def test_a_user_token_for_another_audience_is_refused(keys: StackKeys) -> None:
    verifier = TokenVerifier(keys)
    for changed in ({"aud": "other"}, {"aud": None}, {"sub": None}, {"role": 1}, {"exp": None}):
        claims = {"sub": "x", "aud": "authenticated", "role": "anon", "exp": 4e9, **changed}
        given = {name: value for name, value in claims.items() if value is not None}
        with pytest.raises(InvalidToken):
            verifier.verify(verifier.sign(given))
