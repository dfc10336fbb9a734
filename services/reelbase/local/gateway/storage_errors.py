"""Errors of the storage server, in the shape that the platform's clients read.

The body is always `{"statusCode", "error", "message"}`. The platform's storage API answers most
errors with HTTP 400 and puts the meaningful status into the body, and its clients rely on the
body; this server does the same. Only 416 (a range) and 5xx travel as HTTP status too.
"""

from starlette.responses import JSONResponse

__all__ = [
    "StorageError",
    "access_denied",
    "already_exists",
    "error_response",
    "invalid_key",
    "invalid_mime_type",
    "invalid_parameter",
    "no_such_bucket",
    "no_such_key",
    "too_large",
]

RLS_VIOLATION = "new row violates row-level security policy"


class StorageError(Exception):
    """An answer other than success.

    Args:
        status: What went wrong, as an HTTP status; goes into the body.
        error: The code that clients switch on.
        message: What went wrong, for people.
        headers: Further response headers.
    """

    def __init__(
        self, status: int, error: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.headers = headers

    @property
    def http_status(self) -> int:
        """The status that the response carries."""
        if self.status == 544:  # the platform's own status for a slow database, unknown to HTTP
            return 503
        return self.status if self.status in {401, 416} or self.status >= 500 else 400


def error_response(error: StorageError) -> JSONResponse:
    """Render an error."""
    # A message may repeat a lone surrogate that came in as JSON and cannot go out as UTF-8.
    message = error.message.encode(errors="replace").decode()
    content = {"statusCode": str(error.status), "error": error.error, "message": message}
    headers = {"cache-control": "no-store", **(error.headers or {})}
    return JSONResponse(content, status_code=error.http_status, headers=headers)


def no_such_key() -> StorageError:
    """Return the error for a file that is not there, or that the caller may not see."""
    return StorageError(404, "not_found", "Object not found")


def no_such_bucket() -> StorageError:
    """Return the error for a bucket that is not there, or that the caller may not see."""
    return StorageError(404, "Bucket not found", "Bucket not found")


def already_exists() -> StorageError:
    """Return the error for a name that is taken."""
    return StorageError(409, "Duplicate", "The resource already exists")


def access_denied(message: str = RLS_VIOLATION) -> StorageError:
    """Return the error for what the caller may not do."""
    return StorageError(403, "Unauthorized", message)


def too_large(what: str = "object") -> StorageError:
    """Return the error for a body over its limit."""
    return StorageError(413, "Payload too large", f"The {what} exceeded the maximum allowed size")


def invalid_key(key: str) -> StorageError:
    """Return the error for a path that cannot name a file."""
    return StorageError(400, "InvalidKey", f"Invalid key: {key}")


def invalid_mime_type(mime_type: str) -> StorageError:
    """Return the error for a type that the bucket does not take."""
    return StorageError(415, "invalid_mime_type", f"mime type {mime_type} is not supported")


def invalid_parameter(message: str) -> StorageError:
    """Return the error for a malformed request."""
    return StorageError(400, "InvalidParameter", message)
