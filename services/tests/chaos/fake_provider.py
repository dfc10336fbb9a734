"""A provider of the worst sort: `python -m chaos.fake_provider`, on loopback, never killed.

    POST /{flavour}/submissions                   {reference, prompt, kind, outputs}
    GET  /{flavour}/submissions/{id}              how it stands, and addresses of its outputs
    GET  /{flavour}/submissions?reference={…}     all of a reference, where the flavour can be asked
    POST /{flavour}/submissions/{id}/cancel
    GET  /outputs/{id}/{position}                 the bytes

How it misbehaves is decided in `plan`, by the number in the prompt. What it did is written to its
journal before anybody is answered, one JSON object a line: it is the witness. HTTP is spoken by
hand, since no server library cuts connections, answers twice or stops in the middle.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import io
import json
import random
import re
import time
import uuid
import wave
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from PIL import Image

from .plan import FLAVOURS, Flavour, Submission, chance, plan_submission

__all__ = ["main"]

NO_ANSWER_SECONDS = 30.0
"""For how long a connection is held without an answer: longer than any client waits."""

LATE_SECONDS = 0.2
"""How long after a connection was cut a submission may still be accepted."""


class Cut(Exception):  # noqa: N818 - what happens to the connection
    """The connection ends now, whatever was sent or not."""


@dataclass(slots=True)
class Request:
    """What a client asked."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """The query by name."""
        return parse_qs(urlsplit(self.target).query)


@dataclass(slots=True)
class Held:
    """A submission that was accepted."""

    id: str
    flavour: Flavour
    reference: str
    number: int
    plan: Submission
    kind: str
    outputs: list[bytes]
    accepted_at: float
    status: str = "running"
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    is_deaf: bool = False

    def shown(self, base: str) -> dict[str, Any]:
        """What its owner is told."""
        told: dict[str, Any] = {
            "id": self.id, "reference": self.reference, "status": self.status,
            "progress": min(99, int(100 * (time.time() - self.accepted_at) / 4)),
        }  # fmt: skip
        if self.status == "succeeded":
            told["outputs"] = [
                f"{base}/outputs/{self.id}/{position}" for position in range(len(self.outputs))
            ]
        if self.status == "failed":
            told["is_final"] = self.plan.fate == "fails for good"
        return told


class FakeProvider:
    """All flavours in one server.

    Args:
        journal: The file that is appended to.
        seed: Decides how it misbehaves.
        webhook: Where webhooks go.
        calmness: From 0 to 1, how many of the calls that only ask are left in peace.
    """

    def __init__(self, journal: Path, seed: int, webhook: str, calmness: float = 0.85) -> None:
        self._journal = journal.open("a", buffering=1)
        self._seed = seed
        self._webhook = webhook
        self._calmness = calmness
        self._held: dict[str, Held] = {}
        self._tried: Counter[int] = Counter()
        self._chance = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._http = httpx.AsyncClient(timeout=3)
        self.base = ""

    async def serve(self) -> None:
        """Listen on a free port, say which, and serve for ever."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        print(self.base, flush=True)
        async with server:
            await server.serve_forever()

    def _note(self, what: str, **facts: Any) -> None:
        line = json.dumps({"at": time.time(), "what": what, **facts})
        self._journal.write(line + "\n")

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader)) is not None:
                await self._handle(request, writer)
        except (Cut, ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        match (request.method, *request.path.strip("/").split("/")):
            case ("POST", flavour, "submissions") if flavour in FLAVOURS:
                await self._submit(FLAVOURS[flavour], json.loads(request.body), writer)
            case ("GET", flavour, "submissions") if flavour in FLAVOURS:
                await self._search(FLAVOURS[flavour], request, writer)
            case ("GET", flavour, "submissions", held_id) if flavour in FLAVOURS:
                await self._show(held_id, writer)
            case ("POST", flavour, "submissions", held_id, "cancel") if flavour in FLAVOURS:
                await self._cancel(held_id, writer)
            case ("GET", "outputs", held_id, position):
                await self._deliver(held_id, int(position), writer)
            case _:
                await answer(writer, 404, {"error": "no such address"})

    # Submissions ---------------------------------------------------------------------------------

    async def _submit(
        self, flavour: Flavour, wish: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        found = re.search(r"\d+", wish["prompt"])
        assert found is not None
        number = int(found[0])
        nth = self._tried[number]
        self._tried[number] += 1
        plan = plan_submission(self._seed, number, nth, may_last=wish["kind"] == "voiceover")
        facts = {"flavour": flavour.name, "reference": wish["reference"], "number": number}
        manner = plan.manner
        refusals: dict[str, tuple[int, dict[str, str]]] = {
            "refused": (422, {}),
            "forbidden": (403, {}),
            "throttled": (429, {"Retry-After": "1"}),
            "throttled without a time": (429, {}),
            "error before": (500, {}),
        }
        if manner in refusals:
            status, headers = refusals[manner]
            self._note("refused", manner=manner, **facts)
            await answer(writer, status, {"error": manner}, headers)
            return
        if manner == "cut before":
            self._note("refused", manner=manner, **facts)
            raise Cut
        if manner == "cut, then accepted":
            self._later(self._accept_late(flavour, wish, plan, number))
            raise Cut
        held = self._accept(flavour, wish, plan, number)
        await self._answer_submission(held, writer)

    async def _accept_late(
        self, flavour: Flavour, wish: dict[str, Any], plan: Submission, number: int
    ) -> None:
        await asyncio.sleep(self._chance.uniform(0, LATE_SECONDS))
        self._accept(flavour, wish, plan, number)

    def _accept(
        self, flavour: Flavour, wish: dict[str, Any], plan: Submission, number: int
    ) -> Held:
        name = f"sub-{number}-{uuid.uuid4().hex[:12]}"
        outputs = [make_output(name, wish["kind"], each) for each in range(wish["outputs"])]
        held = Held(
            name, flavour, wish["reference"], number, plan, wish["kind"], outputs, time.time()
        )
        held.is_deaf = plan.is_deaf
        if not flavour.is_asynchronous:
            # What it makes at once it either makes or refuses.
            held.status = "succeeded"
        self._held[name] = held
        self._note(
            "accepted",
            id=name,
            flavour=flavour.name,
            reference=held.reference,
            number=number,
            manner=plan.manner,
            fate=plan.fate if flavour.is_asynchronous else "succeeds",
            outputs=[hashlib.sha256(each).hexdigest() for each in outputs],
        )
        if flavour.is_asynchronous:
            self._later(self._work(held))
            self._later(self._send_webhooks(held))
        return held

    async def _answer_submission(self, held: Held, writer: asyncio.StreamWriter) -> None:
        plan = held.plan
        content = held.shown(self.base)
        if not held.flavour.is_asynchronous:
            content["files"] = [base64.b64encode(each).decode() for each in held.outputs]
        await asyncio.sleep(plan.answer_after)
        match plan.manner:
            case "cut after":
                raise Cut
            case "no answer":
                await asyncio.sleep(NO_ANSWER_SECONDS)
                raise Cut
            case "error after":
                await answer(writer, 500, {"error": "something went wrong"})
            case "garbage":
                await answer_raw(writer, 200, b'{"id": "sub-', {"Content-Type": "text/html"})
            case "cut in the answer":
                raw = json.dumps(content).encode()
                head = f"HTTP/1.1 201 Created\r\nContent-Length: {len(raw)}\r\n\r\n"
                writer.write(head.encode() + raw[: len(raw) // 2])
                await writer.drain()
                raise Cut
            case "twice":
                # An interim answer, which HTTP allows any number of, then one answer too many,
                # which lies in wait for whoever asks next on this connection.
                writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
                await answer(writer, 201, content)
                await answer(writer, 201, content)
            case _:
                await answer(writer, 201, content)
        self._note("answered", id=held.id, manner=plan.manner)

    async def _work(self, held: Held) -> None:
        plan = held.plan
        if plan.fate == "never ends":
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(held.ended.wait(), plan.works_for)
        if held.status != "running":
            return
        held.status = {
            "fails once": "failed", "fails for good": "failed", "is forgotten": "forgotten",
        }.get(plan.fate, "succeeded")  # fmt: skip
        self._note("ended", id=held.id, status=held.status)
        held.ended.set()

    # Questions -----------------------------------------------------------------------------------

    async def _misbehave(self, writer: asyncio.StreamWriter) -> bool:
        """Now and then do not answer a question; True if it was answered with an error."""
        if self._chance.random() < self._calmness:
            return False
        how = self._chance.randrange(5)
        if how == 0:
            raise Cut
        if how == 1:
            await asyncio.sleep(self._chance.uniform(0.2, 1.5))
            return False
        if how == 2:
            await answer(writer, 429, {"error": "slow down"}, {"Retry-After": "1"})
            return True
        if how == 3:
            await answer_raw(writer, 200, b"<html>", {"Content-Type": "text/html"})
            return True
        await answer(writer, 503, {"error": "away"})
        return True

    async def _search(
        self, flavour: Flavour, request: Request, writer: asyncio.StreamWriter
    ) -> None:
        if not flavour.can_be_asked:
            await answer(writer, 405, {"error": "no such thing"})
            return
        if await self._misbehave(writer):
            return
        (reference,) = request.query["reference"]
        found = [
            held
            for held in self._held.values()
            if held.reference == reference and held.status != "forgotten"
        ]
        for held in found:
            self._note("told", id=held.id, status=held.status)
        forgotten = [
            held
            for held in self._held.values()
            if held.reference == reference and held.status == "forgotten"
        ]
        for held in forgotten:
            self._note("told", id=held.id, status="forgotten")
        self._note("searched", reference=reference, found=[held.id for held in found])
        content = [held.shown(self.base) for held in found]
        await answer(writer, 200, {"searched": reference, "submissions": content})

    async def _show(self, held_id: str, writer: asyncio.StreamWriter) -> None:
        if await self._misbehave(writer):
            return
        held = self._held.get(held_id)
        if held is None or held.status == "forgotten":
            self._note("told", id=held_id, status="forgotten" if held else "unknown")
            await answer(writer, 404, {"error": "no such submission"})
            return
        self._note("told", id=held_id, status=held.status)
        await answer(writer, 200, held.shown(self.base))

    async def _cancel(self, held_id: str, writer: asyncio.StreamWriter) -> None:
        held = self._held.get(held_id)
        if held is not None and held.is_deaf:
            held.is_deaf = False
            if self._chance.random() < 0.5:
                raise Cut
            await answer(writer, 502, {"error": "away"})
            return
        if held is None or held.status == "forgotten":
            self._note("cancelled", id=held_id, was="unknown")
            await answer(writer, 404, {"error": "no such submission"})
            return
        self._note("cancelled", id=held_id, was=held.status)
        if held.status == "running":
            held.status = "cancelled"
            held.ended.set()
        await answer(writer, 200, held.shown(self.base))

    async def _deliver(self, held_id: str, position: int, writer: asyncio.StreamWriter) -> None:
        if await self._misbehave(writer):
            return
        held = self._held[held_id]
        content = held.outputs[position]
        self._note("delivered", id=held_id, position=position)
        kind = "audio/wav" if held.kind == "voiceover" else "image/png"
        if self._chance.random() < 0.05:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}"
            writer.write(head.encode() + b"\r\n\r\n" + content[: len(content) // 2])
            await writer.drain()
            raise Cut
        await answer_raw(writer, 200, content, {"Content-Type": kind})

    # Webhooks ------------------------------------------------------------------------------------

    async def _send_webhooks(self, held: Held) -> None:
        draw = chance(self._seed, "webhooks", held.id)
        delivery = held.plan.delivery
        if delivery == "never":
            return
        if delivery == "early":
            # Before the answer to the submission, most often: nobody knows this id yet.
            await self._send(held, "started")
        if held.plan.fate == "never ends":
            return
        await held.ended.wait()
        if delivery == "late":
            await asyncio.sleep(draw.uniform(0.5, 3))
        await self._send(held, "ended")
        if delivery == "twice":
            await asyncio.sleep(draw.uniform(0, 1))
            await self._send(held, "ended")
        if delivery == "out of order":
            await asyncio.sleep(draw.uniform(0, 0.5))
            await self._send(held, "started")
        if draw.random() < 0.05:
            await self._send(held, "ended", held_id=f"sub-nobody-{uuid.uuid4().hex[:8]}")

    async def _send(self, held: Held, event: str, held_id: str | None = None) -> None:
        content = {"provider": held.flavour.name, "id": held_id or held.id, "event": event}
        try:
            response = await self._http.post(self._webhook, json=content)
        except httpx.HTTPError as error:
            self._note("webhook", ok=False, error=type(error).__name__, **content)
        else:
            self._note("webhook", ok=response.is_success, **content)


def make_output(name: str, kind: str, position: int) -> bytes:
    """A small file of its kind, with other content for every submission."""
    grain = hashlib.sha256(f"{name}/{position}".encode()).digest()
    file = io.BytesIO()
    if kind == "voiceover":
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(grain * 100)
    else:
        Image.frombytes("RGB", (4, 2), grain[:24]).resize((32, 16)).save(file, "PNG")
    return file.getvalue()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None when the client has hung up."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in map(splits, lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a body that comes in pieces."""
    pieces = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(pieces)


def splits(line: str) -> tuple[str, str, str]:
    """Name and value of a header."""
    return line.partition(":")


async def answer(
    writer: asyncio.StreamWriter,
    status: int,
    content: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> None:
    """Answer with JSON."""
    raw = json.dumps(content).encode()
    await answer_raw(writer, status, raw, {"Content-Type": "application/json", **(headers or {})})


async def answer_raw(
    writer: asyncio.StreamWriter, status: int, raw: bytes, headers: dict[str, str]
) -> None:
    """Answer with bytes; the connection stays open."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(raw)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + raw)
    await writer.drain()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m chaos.fake_provider")
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--webhook", required=True)
    asked = parser.parse_args()
    asyncio.run(FakeProvider(asked.journal, asked.seed, asked.webhook).serve())


if __name__ == "__main__":
    main()
