"""HTTP/1.1 as uvicorn speaks it, with a limit on everything that is not a body.

Its parser gathers a header, a trailer or a chunk's extension for as long as it goes on, which lets
one connection take all memory, and all time as well, since each piece is copied anew.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_LIMIT", "BoundedProtocol"]

HEAD_LIMIT = 512 * 1024
"""Bytes that may arrive without a head or a piece of a body becoming complete."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose head, or what stands between its chunks, does not end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start counting."""
        self._without_progress = 0
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Count what led to nothing so far."""
        self._without_progress += len(data)
        super().data_received(data)
        if self._without_progress > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response("Request header is too large.")

    def on_headers_complete(self) -> None:
        """Begin anew."""
        self._without_progress = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Begin anew."""
        self._without_progress = 0
        super().on_body(body)
