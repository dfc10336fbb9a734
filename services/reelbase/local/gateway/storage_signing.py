"""Tokens in signed URLs: whoever holds one may read or write one path until it expires.

They are HS256 JWTs as on the platform, but signed with keys of their own, one for reading and one
for uploading, derived from the stack's secret. So a signed URL never passes for an access token,
an access token never for a signed URL, and a URL for reading never for one to upload with.
"""

import hashlib
import hmac
from typing import Any, Literal

import jwt

from reelbase.local.gateway.storage_errors import StorageError

__all__ = ["UrlSigner"]

Purpose = Literal["read", "upload"]


class UrlSigner:
    """Makes and checks the tokens of one stack.

    Args:
        secret: The stack's `jwt_secret`.
    """

    def __init__(self, secret: str) -> None:
        self._keys = {
            purpose: hmac.digest(secret.encode(), f"storage url {purpose}".encode(), hashlib.sha256)
            for purpose in ("read", "upload")
        }

    def sign(
        self, purpose: Purpose, path: str, expires_at: int, claims: dict[str, Any] | None = None
    ) -> str:
        """Return a token for one path.

        Args:
            purpose: What the token allows.
            path: Bucket and key, joined by a slash.
            expires_at: The end of its validity, in seconds since the epoch.
            claims: What else it shall say.
        """
        content = {**(claims or {}), "url": path, "exp": expires_at}
        return jwt.encode(content, self._keys[purpose], algorithm="HS256")

    def verify(self, purpose: Purpose, path: str, token: str) -> dict[str, Any]:
        """Return what a token says.

        Raises:
            StorageError: It is forged, has expired, or is for another path or purpose.
        """
        try:
            claims = jwt.decode(
                token,
                self._keys[purpose],
                algorithms=["HS256"],
                options={"require": ["exp", "url"], "verify_aud": False, "verify_sub": False},
            )
        except jwt.ExpiredSignatureError:
            message = '"exp" claim timestamp check failed'
            raise StorageError(400, "InvalidJWT", message) from None
        except (jwt.PyJWTError, ValueError):
            raise StorageError(400, "InvalidJWT", "signature verification failed") from None
        if claims["url"] != path:
            raise StorageError(400, "InvalidSignature", "Invalid signature")
        return claims
