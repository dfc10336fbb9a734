"""A proxy of the worst sort between dispatchers and gateway.

HTTP promises nobody that a request arrives once: proxies send again, clients give up on what is
carried out all the same, and what was stuck arrives when everything is over. So calls of functions
are carried twice, late once more, or without bringing the answer back. Everything else is passed
on as it is.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx

from .fake_provider import Request, answer, answer_raw, read_request

__all__ = ["Postman"]

WAYS = {
    "once": 85,
    "twice at once": 3,
    "twice": 2,
    "again, late": 6,
    "without the answer": 2,
    "not at all": 2,
}
"""How a call is carried, out of a hundred."""

LATE_SECONDS = 7.0

KEPT = frozenset(
    {
        "accept",
        "accept-profile",
        "apikey",
        "authorization",
        "cache-control",
        "content-profile",
        "content-type",
        "prefer",
        "x-upsert",
    }
)
"""Headers that are passed on."""


class Postman:
    """Carries requests to one address.

    Args:
        target: Where to.
        seed: Decides how they are carried, one after another.

    Attributes:
        tally: How often in which way.
    """

    def __init__(self, target: str, seed: int) -> None:
        self.tally: Counter[str] = Counter()
        self._chance = random.Random(f"{seed}/postman")
        self._http = httpx.AsyncClient(
            base_url=target,
            timeout=60,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        )
        self._late: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Listen on a free port, and yield the address."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        async with self._http, server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            for task in self._late:
                task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, Dropped):
                while (request := await read_request(reader)) is not None:
                    await self._carry(request, writer)
        finally:
            writer.close()

    async def _carry(self, request: Request, writer: asyncio.StreamWriter) -> None:
        way = "once"
        if "/rest/v1/rpc/" in request.target:
            (way,) = self._chance.choices(list(WAYS), list(WAYS.values()))
            self.tally[f"calls carried {way}"] += 1
        if way == "not at all":
            raise Dropped
        if way == "twice at once":
            self._later(self._send_unheard(request))
        try:
            response = await self._send(request)
        except httpx.HTTPError:
            await answer(writer, 502, {"message": "bad gateway"})
            return
        if way == "twice":
            await self._send_unheard(request)
        if way == "again, late":
            self._later(self._send_unheard(request, self._chance.uniform(0, LATE_SECONDS)))
        if way == "without the answer":
            raise Dropped
        kind = response.headers.get("content-type", "application/octet-stream")
        await answer_raw(writer, response.status_code, response.content, {"Content-Type": kind})

    async def _send(self, request: Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name in KEPT}
        return await self._http.request(
            request.method, request.target, content=request.body, headers=headers
        )

    async def _send_unheard(self, request: Request, seconds: float = 0.0) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(httpx.HTTPError):
            await self._send(request)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class Dropped(Exception):  # noqa: N818 - what happens to the connection
    """The connection ends without an answer."""
