"""Who is calling: API keys and access tokens, checked once and remembered until they expire."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from reelbase.local.keys import StackKeys

__all__ = [
    "ACCESS_TOKEN_LIFETIME",
    "Caller",
    "InvalidToken",
    "TokenVerifier",
    "api_key_role",
    "bearer_of",
    "caller_of",
    "verifier_of",
]

_CLIENT_ROLES = ("anon", "authenticated", "service_role")

ACCESS_TOKEN_LIFETIME = 3600
"""Seconds that an access token is good for."""

CACHED_TOKENS = 4096
CACHED_TOKEN_LENGTH = 8192


class InvalidToken(Exception):  # noqa: N818 (the name is the contract with the storage part)
    """The request carries no usable key or token; the message is fit for the client."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose key or token was verified.

    Attributes:
        role: The database role to act as.
        user_id: The user, or None for a bare API key.
        claims: The verified claims of `token`.
        token: A JWT that PostgREST accepts.
    """

    role: str
    user_id: str | None
    claims: dict[str, Any]
    token: str


class TokenVerifier:
    """Checks tokens against one stack's keys.

    An access token is an ES256 JWT of the signing key, named by `kid`, for audience
    `authenticated`. A legacy key, or a token that a developer signed with the legacy secret, is an
    HS256 JWT. The algorithm decides the key, so that no public key is ever taken for a secret.

    Args:
        keys: The keys of the stack.
        clock: Seconds since the epoch.
    """

    def __init__(self, keys: StackKeys, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        public_jwk = keys.public_jwks()["keys"][0]
        self.kid: str = keys.signing_jwk["kid"]
        self._public_key = jwt.PyJWK(public_jwk, algorithm="ES256").key
        self._private_key = jwt.PyJWK(keys.signing_jwk, algorithm="ES256").key
        self._secret = keys.jwt_secret
        self._verified: dict[str, tuple[float, Caller]] = {}

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign an access token."""
        return jwt.encode(claims, self._private_key, algorithm="ES256", headers={"kid": self.kid})

    def verify(self, token: str) -> Caller:
        """Check a token's signature and times.

        Raises:
            InvalidToken: It is malformed, forged, expired, or for another audience.
        """
        known = self._verified.get(token)
        now = self._clock()
        if known is not None and known[0] > now:
            return known[1]
        claims = self._claims(token)
        expires_at = float(claims["exp"])
        if expires_at <= now:
            raise InvalidToken("invalid JWT: token is expired")
        subject = claims.get("sub")
        role = claims.get("role", "anon")
        # A server's own role, or `none`, which is none but its own, must not come from a token.
        if role not in _CLIENT_ROLES or not (subject is None or isinstance(subject, str)):
            raise InvalidToken("invalid JWT: malformed claims")
        caller = Caller(role=role, user_id=subject or None, claims=claims, token=token)
        if len(token) <= CACHED_TOKEN_LENGTH:
            if len(self._verified) >= CACHED_TOKENS:
                self._verified.clear()
            self._verified[token] = (expires_at, caller)
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") == "ES256" and header.get("kid") == self.kid:
                return jwt.decode(
                    token,
                    self._public_key,
                    algorithms=["ES256"],
                    audience="authenticated",
                    options={"require": ["exp", "aud", "sub"]},
                )
            if header.get("alg") == "HS256":
                return jwt.decode(
                    token,
                    self._secret,
                    algorithms=["HS256"],
                    options={"require": ["exp"], "verify_aud": False},
                )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("invalid JWT: token is expired") from None
        except (jwt.PyJWTError, ValueError):
            raise InvalidToken("invalid JWT: unable to parse or verify signature") from None
        raise InvalidToken("invalid JWT: unrecognized signing method or key")


@lru_cache(maxsize=8)
def verifier_of(keys: StackKeys) -> TokenVerifier:
    """Return the verifier of a stack's keys: one a process, for its memory of verified tokens."""
    return TokenVerifier(keys)


@lru_cache(maxsize=8)
def api_keys(keys: StackKeys) -> dict[str, str]:
    """Return the JWT that stands for each API key."""
    return {
        keys.publishable_key: keys.anon_jwt,
        keys.secret_key: keys.service_role_jwt,
        keys.anon_jwt: keys.anon_jwt,
        keys.service_role_jwt: keys.service_role_jwt,
    }


def api_key_role(api_key: str, keys: StackKeys) -> Caller:
    """Return who an API key stands for.

    Raises:
        InvalidToken: It is none of the stack's four keys.
    """
    token = api_keys(keys).get(api_key)
    if token is None:
        raise InvalidToken("Invalid API key")
    return verifier_of(keys).verify(token)


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """Return the token of an `Authorization: Bearer` header, or None without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def caller_of(headers: Mapping[str, str], keys: StackKeys) -> Caller:
    """Return who is calling, by `Authorization` if there is one, else by `apikey`.

    Args:
        headers: Request headers, looked up in lower case.
        keys: The keys of this stack.

    Raises:
        InvalidToken: There is no key or token, or one that is not valid.
    """
    api_key = headers.get("apikey")
    key_caller = None if api_key is None else api_key_role(api_key, keys)
    bearer = bearer_of(headers)
    if bearer is not None:
        if bearer in api_keys(keys):
            return api_key_role(bearer, keys)
        return verifier_of(keys).verify(bearer)
    if key_caller is None:
        raise InvalidToken("No API key found in request")
    return key_caller
