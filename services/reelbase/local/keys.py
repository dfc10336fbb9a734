"""Keys of one embedded stack: made once, kept in its state folder, never shared between stacks."""

import base64
import hashlib
import json
import os
import secrets
import tempfile
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

__all__ = ["KeysFileError", "StackKeys", "load_or_create_keys"]

LEGACY_KEY_LIFETIME = 10 * 365 * 24 * 3600
"""Seconds that a legacy JWT key is good for: ten years, as on the platform."""


class KeysFileError(Exception):
    """The keys file exists but cannot be used."""


@dataclass(frozen=True, slots=True)
class StackKeys:
    """Everything secret about one embedded stack; `repr` shows none of it.

    Attributes:
        publishable_key: `sb_publishable_…`, for browsers; acts as `anon`.
        secret_key: `sb_secret_…`, for servers; acts as `service_role`.
        anon_jwt: Legacy key, an HS256 JWT with role `anon`.
        service_role_jwt: Legacy key, an HS256 JWT with role `service_role`.
        jwt_secret: The secret that signs the two legacy keys.
        signing_jwk: The private ES256 JWK that signs access tokens, with `kid`.
        database_password: The password that all login roles share.
    """

    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    anon_jwt: str = field(repr=False)
    service_role_jwt: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    # A dict cannot be hashed; the other fields tell two sets of keys apart.
    signing_jwk: dict[str, Any] = field(repr=False, hash=False)
    database_password: str = field(repr=False)

    def public_jwks(self) -> dict[str, Any]:
        """Return the JWK set that anybody may see: the public half of the ES256 key."""
        public = {name: self.signing_jwk[name] for name in ("kty", "crv", "x", "y", "kid")}
        return {"keys": [{**public, "alg": "ES256", "use": "sig", "key_ops": ["verify"]}]}

    def verification_jwks(self) -> dict[str, Any]:
        """Return the JWK set that PostgREST verifies with; it holds the legacy secret."""
        legacy = {"kty": "oct", "k": base64url(self.jwt_secret.encode()), "alg": "HS256"}
        return {"keys": [*self.public_jwks()["keys"], legacy]}


def base64url(data: bytes) -> str:
    """Encode without padding, as JOSE does."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def load_or_create_keys(path: Path) -> StackKeys:
    """Read the keys of a stack, making them first if there are none.

    Safe to call from several processes at once: all of them get the same keys.

    Args:
        path: `keys.json` in the state folder; the folder is made if it is missing.

    Raises:
        KeysFileError: The file is there but is not a keys file.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        publish(path, json.dumps(asdict(make_keys()), indent=2))
    path.chmod(0o600)
    return read_keys(path)


def publish(path: Path, content: str) -> None:
    """Write a private file that appears whole or not at all, and never replaces one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".keys-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link fails where a rename would overwrite what another process has just made.
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()


def read_keys(path: Path) -> StackKeys:
    """Read and check a keys file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        keys = StackKeys(**{each.name: content[each.name] for each in fields(StackKeys)})
        keys.verification_jwks()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is not a keys file of Reelbase ({type(error).__name__}): remove it."
        raise KeysFileError(message) from None
    return keys


def make_keys() -> StackKeys:
    """Make a new set of keys."""
    jwt_secret = secrets.token_urlsafe(48)
    private_key = ec.generate_private_key(ec.SECP256R1())
    signing_jwk = ECAlgorithm.to_jwk(private_key, as_dict=True)
    return StackKeys(
        publishable_key=api_key("sb_publishable_"),
        secret_key=api_key("sb_secret_"),
        anon_jwt=legacy_key("anon", jwt_secret),
        service_role_jwt=legacy_key("service_role", jwt_secret),
        jwt_secret=jwt_secret,
        signing_jwk={**signing_jwk, "kid": secrets.token_hex(16), "alg": "ES256"},
        database_password=secrets.token_hex(24),
    )


def api_key(prefix: str) -> str:
    """Make a new-style key: random part, then a checksum that tells a typo from a wrong key."""
    body = prefix + base64url(secrets.token_bytes(16))
    return f"{body}_{base64url(hashlib.sha256(body.encode()).digest())[:8]}"


def legacy_key(role: str, secret: str) -> str:
    """Sign a legacy key for a role."""
    now = int(time.time())
    claims = {"iss": "supabase", "role": role, "iat": now, "exp": now + LEGACY_KEY_LIFETIME}
    return jwt.encode(claims, secret, algorithm="HS256")
