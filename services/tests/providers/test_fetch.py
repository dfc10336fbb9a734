"""Fetching outputs from addresses that an attacker may have written, who runs the name server."""

import base64
import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from standins.driving import complaint
from standins.frame import Cut, Drip, Garbage, Loopback, Redirect, Standin, Status, a_job
from standins.media import TINY_MP3, TINY_MP4, TINY_PNG
from standins.raw import raw_server
from starlette.routing import BaseRoute

from reelbase.providers import fetch as fetching
from reelbase.providers.base import Context, Permanent, ProviderError, Transient
from reelbase.providers.fetch import fetch, fetch_all, is_public, keep, keep_file, system_resolve

pytestmark = pytest.mark.anyio

JOB = a_job()
PUBLIC = "93.184.216.34"


class FilesStandin(Standin):
    """Files, and nothing else."""

    name = "files"
    operations = ()

    def routes(self) -> list[BaseRoute]:
        return []

    @property
    def environ(self) -> dict[str, str]:
        return {}


class Names:
    """A name server, which writes down what it was asked for."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def standin(standins: Loopback) -> FilesStandin:
    return standins.open(FilesStandin)


async def get(url: str, folder: Path, context: Context, **changes: Any) -> Any:
    told: dict[str, Any] = {"provider": "files", "job": JOB, "mime_kinds": {"video"}}
    return await fetch(url, folder, context=context, **(told | changes))


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# What it does -------------------------------------------------------------------------------------


async def test_file_is_fetched_and_named_after_what_it_is(standin: Standin, tmp_path: Path) -> None:
    url = standin.file(TINY_MP4, "application/octet-stream")
    fetched = await get(url, tmp_path, standin.context(), headers={"x-key": "k"})
    assert (fetched.mime_type, fetched.size) == ("video/mp4", len(TINY_MP4))
    assert left_in(tmp_path) == ["output-0.mp4"]
    assert fetched.path.read_bytes() == TINY_MP4
    assert fetched.output(3).role == "result_video"
    assert fetched.output(3).position == 3
    (seen,) = standin.seen
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["x-key"] == "k"
    (call,) = standin.calls
    assert (call.operation, call.status_code, call.job_id) == ("fetch", 200, JOB.id)


async def test_as_many_outputs_are_fetched_as_were_asked_for(
    standin: Standin, tmp_path: Path
) -> None:
    urls = [standin.file(TINY_PNG, "image/png") for _ in range(3)]
    told: Any = {"context": standin.context(), "provider": "files", "mime_kind": "image"}
    job = a_job(output_count=2)
    outputs = await fetch_all(urls, lambda: tmp_path, job=job, **told)
    assert [output.position for output in outputs] == [0, 1]
    error = await complaint(fetch_all([], lambda: tmp_path, job=job, **told))
    assert error.code == "no_output"


async def test_large_file_needs_little_memory(standin: Standin, tmp_path: Path) -> None:
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.write(TINY_MP4)
        file.truncate(32 << 20)
    context = standin.context(max_output_bytes=1 << 30)
    before = peak_memory()
    fetched = await get(standin.file(source, "video/mp4"), tmp_path, context)
    assert fetched.size == 32 << 20
    assert peak_memory() - before < 16 << 20  # the server is in this process, too


def peak_memory() -> int:
    """The most that this process ever had in memory, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


# Where it does not go -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
        "168.63.129.16", "169.254.169.254", "172.16.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
        "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1",
        "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:7f00:1", "3fff::1", "fc00::1",
        "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1", "", "x",
        "2130706433", "0x7f.1",
    ],
)  # fmt: skip
def test_address_that_is_not_public_is_not_taken_for_one(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111", "2a00:1450::1"],
)
def test_public_address_is_taken_for_one(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_makes_it_no_more_public(address: ipaddress.IPv4Address) -> None:
    wrapped = [f"::ffff:{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) + int(address)))]
    assert {is_public(each) for each in wrapped} == {is_public(str(address))}
    if not address.is_global:
        assert not is_public(str(address))


@given(st.ip_addresses(v=6))
def test_nothing_but_global_unicast_is_public(address: ipaddress.IPv6Address) -> None:
    if is_public(str(address)) and address.ipv4_mapped is None:
        assert int(address) >> 125 == 1 or int(address) >> 32 == 0x64FF9B << 64


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]",
        "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
        "169.254.169.254", "[fe80::1%25lo]", "10.1.2.3", "[64:ff9b::127.0.0.1]",
    ],
)  # fmt: skip
async def test_host_is_refused_however_it_is_written(
    standin: Standin, tmp_path: Path, host: str
) -> None:
    error = await complaint(get(f"https://{host}/x", tmp_path, standin.context()))
    # What the resolver does not know is unavailable; nothing is connected to either way.
    assert error.code in {"output_refused", "output_unavailable"}
    assert host not in error.message
    assert left_in(tmp_path) == []
    assert [call.status_code for call in standin.calls] == [None]


@pytest.mark.parametrize(
    "url",
    [
        "http://media.example/x.mp4", "https://media.example:8443/x", "https://u:p@media.example/",
        "https://u@media.example/", "ftp://media.example/x", "file:///etc/passwd",
        "//media.example", "gopher://media.example", "media.example/x", "https://", "https:///x",
        "", "https://[::1", "https://media.example:99999/", "https://media.example:-1/",
        "https://me dia.example/", "https://media.example/\r\nHost: evil",
        "https://media\0.example/", "https://" + "a" * 9000, "javascript:alert(1)",
        "HTTPS://①②⑦.⓪.⓪.①/", "https://media.example\\@127.0.0.1/",
    ],
)  # fmt: skip
async def test_address_of_another_form_is_refused(
    standin: Standin, tmp_path: Path, url: str
) -> None:
    names = Names(["127.0.0.1"])
    error = await complaint(get(url, tmp_path, standin.context(), resolve=names))
    assert (type(error), error.code) == (Permanent, "output_refused")


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], ["169.254.169.254"]]
)
async def test_name_that_leads_to_one_private_address_is_refused(
    standin: Standin, tmp_path: Path, answer: list[str]
) -> None:
    names = Names(answer)
    error = await complaint(
        get("https://media.example/x", tmp_path, standin.context(), resolve=names)
    )
    assert (type(error), error.code) == (Permanent, "output_refused")
    assert names.asked == [("media.example", 443)]


async def test_name_is_resolved_once_and_its_second_answer_changes_nothing(
    standin: Standin, tmp_path: Path
) -> None:
    port = standin.host.partition(":")[2]
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    url = standin.file(TINY_MP4, "video/mp4").replace("127.0.0.1", "media.example")
    fetched = await get(url, tmp_path, standin.context(), resolve=names)
    assert fetched.size == len(TINY_MP4)
    assert names.asked == [("media.example", int(port))]
    assert standin.seen[0].headers["host"] == f"media.example:{port}"


async def test_name_that_nobody_knows_may_be_known_later(tmp_path: Path) -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    for names in (unknown, Names([])):
        error = await complaint(get("https://media.example/x", tmp_path, Context(), resolve=names))
        assert (type(error), error.code) == (Transient, "output_unavailable")


async def test_systems_resolver_says_each_address_once() -> None:
    assert await system_resolve("127.0.0.1", 443) == ["127.0.0.1"]


# Redirects ----------------------------------------------------------------------------------------


async def test_redirect_is_followed_without_the_headers(standin: Standin, tmp_path: Path) -> None:
    first, second = (standin.file(TINY_MP4, "video/mp4") for _ in range(2))
    standin.misbehave(Redirect(second, 307), on="fetch")
    await get(first, tmp_path, standin.context(), headers={"Authorization": "Bearer k"})
    assert [seen.headers.get("authorization") for seen in standin.seen] == ["Bearer k", None]


async def test_relative_redirect_is_followed(standin: Standin, tmp_path: Path) -> None:
    url = standin.file(TINY_MP4, "video/mp4")
    standin.misbehave(Redirect("0?again"), on="fetch")
    await get(url, tmp_path, standin.context())
    assert standin.seen[1].query == {"again": ""}


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:9/", "https://127.0.0.1/", "http://169.254.169.254/latest/meta-data/",
        "https://[::ffff:169.254.169.254]/", "https://[::1]/", "https://2130706433/",
        "file:///etc/passwd", "//127.0.0.1:9/", "https://u:p@media.example/",
    ],
)  # fmt: skip
async def test_redirect_is_checked_like_the_first_address(
    standin: Standin, tmp_path: Path, location: str
) -> None:
    standin.misbehave(Redirect(location), on="fetch")
    error = await complaint(get(standin.file(TINY_MP4, ""), tmp_path, standin.context()))
    assert (type(error), error.code) == (Permanent, "output_refused")
    assert len(standin.seen) == 1


@pytest.mark.parametrize(
    "location", [b"", b"http://[", b"data:video/mp4;base64,AAAA", b"https://\xff/", b"http:///x"]
)
async def test_redirect_that_leads_nowhere_is_not_followed(tmp_path: Path, location: bytes) -> None:
    head = b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: "
    async with raw_server(head + location + b"\r\n\r\n") as port:
        context = Context(private_hosts=frozenset({f"127.0.0.1:{port}"}))
        error = await complaint(get(f"http://127.0.0.1:{port}/", tmp_path, context))
    assert error.code in {"output_refused", "output_unavailable"}


async def test_redirects_without_end_are_not_followed(standin: Standin, tmp_path: Path) -> None:
    url = standin.file(TINY_MP4, "video/mp4")
    standin.misbehave(Redirect(url), on="fetch", times=10)
    error = await complaint(get(url, tmp_path, standin.context()))
    assert error.code == "output_refused"
    assert len(standin.seen) == 6


# Bounds -------------------------------------------------------------------------------------------


async def test_file_that_says_it_is_too_large_is_not_read(standin: Standin, tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n"
    async with raw_server(head + TINY_MP4) as port:
        context = Context(private_hosts=frozenset({f"127.0.0.1:{port}"}))
        error = await complaint(get(f"http://127.0.0.1:{port}/", tmp_path, context))
    assert (type(error), error.code) == (Permanent, "output_too_large")
    assert left_in(tmp_path) == []


async def test_file_that_does_not_say_it_is_cut_at_the_limit(
    standin: Standin, tmp_path: Path
) -> None:
    standin.misbehave(Drip(TINY_MP4, pause=0), on="fetch")
    context = standin.context(max_output_bytes=100_000)
    error = await complaint(get(standin.file(b"", ""), tmp_path, context))
    assert (type(error), error.code) == (Permanent, "output_too_large")
    assert left_in(tmp_path) == []


async def test_server_that_drips_is_left_when_the_time_is_over(
    standin: Standin, tmp_path: Path
) -> None:
    standin.misbehave(Drip(), on="fetch")
    context = standin.context(fetch_seconds=0.2)
    error = await complaint(get(standin.file(b"", ""), tmp_path, context))
    assert (type(error), error.code) == (Transient, "output_unavailable")
    assert left_in(tmp_path) == []


async def test_server_that_drips_is_left_long_before_that(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SLOW_SECONDS", 0.1)
    standin.misbehave(Drip(), on="fetch")
    context = standin.context(fetch_seconds=3600)
    with anyio.fail_after(30):
        error = await complaint(get(standin.file(b"", ""), tmp_path, context))
    assert (type(error), error.code) == (Transient, "output_unavailable")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + TINY_MP4,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 25 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
    ],
    ids=["longer", "half-a-chunk", "huge", "negative", "nothing", "no-http"],
)
async def test_length_that_is_a_lie_is_no_file(tmp_path: Path, answer: bytes) -> None:
    async with raw_server(answer) as port:
        context = Context(private_hosts=frozenset({f"127.0.0.1:{port}"}))
        error = await complaint(get(f"http://127.0.0.1:{port}/", tmp_path, context))
    assert (type(error), error.code) == (Transient, "output_unavailable")
    assert left_in(tmp_path) == []


async def test_what_is_sent_beyond_the_length_is_left_out(tmp_path: Path) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(TINY_MP4)}\r\n\r\n".encode()
    async with raw_server(head + TINY_MP4 + b"HTTP/1.1 200 OK\r\n\r\n") as port:
        context = Context(private_hosts=frozenset({f"127.0.0.1:{port}"}))
        fetched = await get(f"http://127.0.0.1:{port}/", tmp_path, context)
    assert fetched.size == len(TINY_MP4)


@pytest.mark.parametrize("packing", [b"gzip", b"br", b"identity, gzip", b"\xff"])
async def test_packed_file_is_refused(tmp_path: Path, packing: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: " + packing + b"\r\n\r\n"
    async with raw_server(head + TINY_MP4) as port:
        context = Context(private_hosts=frozenset({f"127.0.0.1:{port}"}))
        error = await complaint(get(f"http://127.0.0.1:{port}/", tmp_path, context))
    assert (type(error), error.code) == (Permanent, "output_refused")


# What it is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"<!doctype html><p>Sign in", b'{"error": 1}', b"<svg onload=alert(1)>", b"", b"#EXTM3U\n",
     TINY_PNG, TINY_MP3, b"\x7fELF", b"%PDF-1.7"],
    ids=["html", "json", "svg", "empty", "playlist", "picture", "sound", "program", "document"],
)  # fmt: skip
async def test_file_that_only_says_it_is_a_film_is_refused(
    standin: Standin, tmp_path: Path, data: bytes
) -> None:
    error = await complaint(get(standin.file(data, "video/mp4"), tmp_path, standin.context()))
    assert (type(error), error.code) == (Permanent, "output_refused")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (404, Permanent, "output_gone"),
        (410, Permanent, "output_gone"),
        (403, Transient, "output_unavailable"),
        (429, Transient, "output_unavailable"),
        (500, Transient, "output_unavailable"),
        (206, Transient, "output_unavailable"),
        (204, Transient, "output_unavailable"),
    ],
)
async def test_status_says_whether_it_is_worth_another_try(
    standin: Standin, tmp_path: Path, status: int, kind: type[ProviderError], code: str
) -> None:
    standin.misbehave(Status(status, {"retry-after": "3"}), on="fetch")
    error = await complaint(get(standin.file(TINY_MP4, "video/mp4"), tmp_path, standin.context()))
    assert (type(error), error.code) == (kind, code)
    assert getattr(error, "retry_after", 3) == 3


async def test_output_that_is_named_once_is_tried_for_more_than_once(
    standin: Standin, tmp_path: Path
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    url = standin.file(TINY_MP4, "video/mp4")
    standin.misbehave(Status(503, {"retry-after": "500"}), on="fetch")
    standin.misbehave(Cut(midway=True), on="fetch")
    fetched = await get(url, tmp_path, standin.context(), attempts=3, sleep=sleep)
    assert fetched.size == len(TINY_MP4)
    assert pauses == [10.0, 2.0]
    standin.misbehave(Cut(), on="fetch", times=3)
    error = await complaint(
        get(url, tmp_path, standin.context(), attempts=3, sleep=sleep, name="other")
    )
    assert (type(error), error.code) == (Permanent, "output_unavailable")
    assert [call.status_code for call in standin.calls] == [503, 200, 200, None, None, None]


async def test_address_in_an_answer_may_hold_the_file_itself(tmp_path: Path) -> None:
    packed = base64.b64encode(TINY_MP4).decode()
    fetched = await get(f"data:video/mp4;base64,{packed}", tmp_path, Context())
    assert fetched.path.read_bytes() == TINY_MP4
    for url in ("data:", "data:x", "data:;base64,!!!", "data:,%00", "data:video/mp4;base64,AAA"):
        error = await complaint(get(url, tmp_path, Context()))
        assert (type(error), error.code) == (Permanent, "output_refused")
    small = Context(max_output_bytes=100)
    error = await complaint(get(f"data:;base64,{packed}", tmp_path, small))
    assert error.code == "output_too_large"


async def test_bytes_in_hand_are_judged_alike(tmp_path: Path) -> None:
    kept = await keep(TINY_PNG, tmp_path, name="a", mime_kinds={"image"}, max_bytes=1000)
    assert (kept.path.name, kept.mime_type) == ("a.png", "image/png")
    for data, most, code in (
        (TINY_PNG, 10, "output_too_large"),
        (TINY_MP4, 9999, "output_refused"),
        (b"", 9999, "output_refused"),
    ):
        error = await complaint(
            keep(data, tmp_path, name="b", mime_kinds={"image"}, max_bytes=most)
        )
        assert (type(error), error.code) == (Permanent, code)
    (tmp_path / "c").write_bytes(TINY_MP3)
    assert (await keep_file(tmp_path / "c", mime_kinds={"audio"})).mime_type == "audio/mpeg"


async def test_no_error_shows_the_address(standin: Standin, tmp_path: Path) -> None:
    url = standin.file(TINY_MP4, "video/mp4") + "?signature=hush"
    for how in (
        Status(404),
        Status(500),
        Cut(),
        Garbage(b"no"),
        Redirect("http://127.0.0.1:9/hush"),
    ):
        standin.misbehave(how, on="fetch")
        error: BaseException | None = await complaint(get(url, tmp_path, standin.context()))
        while error is not None:
            assert "hush" not in str(error)
            assert error.__suppress_context__ or error.__context__ is None
            error = error.__cause__
    assert "hush" not in repr(standin.calls)


def test_no_bytes_on_the_wire_make_a_fetch_do_anything_but_complain(tmp_path: Path) -> None:
    lines = st.sampled_from(
        [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 302 Found", b"Location: http://[",
         b"Location: \xff\xff", b"Location: https://\xc3\xa9.example\x00/", b"Content-Length: 5",
         b"Transfer-Encoding: chunked", b"Content-Encoding: \xff", b"Retry-After: \xe9", b"", b"5",
         b"Set-Cookie: \x80=;;;", TINY_MP4, b"x: " + b"y" * 200_000]
    )  # fmt: skip

    async def nobody(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def play(answer: bytes) -> None:
        async with raw_server(answer) as port:
            context = Context(private_hosts=frozenset({f"fuzz.example:{port}"}), fetch_seconds=2)
            try:
                url = f"http://fuzz.example:{port}/"
                await get(url, tmp_path, context, name=f"f{port}", resolve=nobody)
            except ProviderError:
                return

    @settings(max_examples=30, deadline=None, database=None)
    @given(st.lists(lines | st.binary(max_size=20), max_size=6))
    def run(parts: list[bytes]) -> None:
        anyio.run(play, b"\r\n".join(parts))

    run()


# Who answers --------------------------------------------------------------------------------------


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for a name: how to show it, and how to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day.replace(year=2120))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(path)
    return shown, ssl.create_default_context(cafile=path)


async def test_server_must_prove_the_name_though_its_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, trusted = certificate("media.example", tmp_path)
    asked: list[str] = []
    shown.sni_callback = lambda _, name, __: asked.append(name)  # type: ignore[assignment]
    monkeypatch.setattr(fetching, "tls_context", lambda: trusted)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(TINY_MP4)}\r\n\r\n".encode()
    async with raw_server(head + TINY_MP4, tls=shown) as port:
        context = Context(private_hosts=frozenset({f"127.0.0.1:{port}"}))
        for host, is_good in (("media.example", True), ("other.example", False)):
            got = get(
                f"https://{host}:{port}/",
                tmp_path,
                context,
                name=host,
                resolve=Names(["127.0.0.1"]),
            )
            if is_good:
                assert (await got).size == len(TINY_MP4)
            else:
                assert isinstance(await complaint(got), Transient)
        # And unknown authorities prove nothing.
        monkeypatch.undo()
        url = f"https://media.example:{port}/"
        error = await complaint(
            get(url, tmp_path, context, name="third", resolve=Names(["127.0.0.1"]))
        )
        assert isinstance(error, Transient)
    assert asked == ["media.example", "other.example", "media.example"]
