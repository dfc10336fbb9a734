"""A server that says whatever it is told to, byte for byte, and then hangs up."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["raw_server"]


@asynccontextmanager
async def raw_server(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answer one request after the other, the last answer again and again.

    Yields:
        The port on 127.0.0.1.
    """
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
