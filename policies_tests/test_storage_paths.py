"""No path leads out of one's own folder: not up, not encoded, not by a name that looks alike.

Requests go to the storage API byte for byte, since a client would tidy their paths. Each must be
refused, and afterwards every row and every file must be what it was. The policies are asked by SQL
as well: the platform's storage server takes more names for paths than the embedded one does.
"""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from string import Template
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from reelbase.local.pytest_plugin import RunningStack

from .browser import Camera, Snapshot
from .cells import outcome_of
from .harness import Bench
from .matrix import CHECKED

PASSWORD = "correct horse battery"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)

# By name: a path as it stands in a URL. `$me` is the attacker, `$them` the victim.
HOSTILE = {
    "another's folder": "$them/up/planted.png",
    "another's file": "$them/up/listed.png",
    "another's folder, encoded": "$them%2Fup%2Fplanted.png",
    "up from one's own": "$me/../$them/up/planted.png",
    "up from one's own, dots encoded": "$me/%2e%2e/$them/up/planted.png",
    "up from one's own, slashes encoded": "$me%2f..%2f$them%2fup%2fplanted.png",
    "up from one's own, all encoded": "$me%2f%2e%2e%2f$them%2fup%2fplanted.png",
    "up from one's own, encoded twice": "$me/%252e%252e%252f$them/up/planted.png",
    "up and down again": "$them/../$me/up/planted.png",
    "up from a subfolder": "$me/up/../../$them/up/planted.png",
    "up from the root": "../$them/up/planted.png",
    "up into another bucket": "../final-images/$me/up/planted.png",
    "up into another bucket, encoded": "..%2ffinal-images%2f$me%2fup%2fplanted.png",
    "backslashes": "$me\\..\\$them\\up\\planted.png",
    "backslashes, encoded": "$me%5c..%5c$them%5cup%5cplanted.png",
    "a backslash for the folder": "$me%5cplanted.png",
    "no folder": "planted.png",
    "an empty folder": "/planted.png",
    "an empty folder, encoded": "%2Fplanted.png",
    "an empty folder before one's own": "/$me/up/planted.png",
    "an empty folder within one's own": "$me//planted.png",
    "this folder": "./$me/up/planted.png",
    "this folder within one's own": "$me/./planted.png",
    "three dots that are none": "$me/..%00/$them/planted.png",
    "the folder itself": "$me",
    "the folder itself, with a slash": "$me/",
    "another's folder itself": "$them/",
    "one's own in capitals": "$LOUD/up/planted.png",
    "one's own without dashes": "$bare/up/planted.png",
    "one's own in braces": "%7B$me%7D/up/planted.png",
    "one's own with more behind": "$me-more/up/planted.png",
    "one's own with more before": "x$me/up/planted.png",
    "one's own and a space": "$me%20/up/planted.png",
    "one's own and a NUL": "$me%00/up/planted.png",
    "one's own and a line break": "$me%0A/up/planted.png",
    "a NUL behind another's": "$them%00/../$me/planted.png",
    "a question mark": "$them%3F/$me/planted.png",
    "a slash that looks like one": "$them%E2%88%95up%E2%88%95planted.png",
    "a wide slash": "$me%EF%BC%8F..%EF%BC%8F$them%EF%BC%8Fplanted.png",
    "wide dots": "$me/%EF%BC%8E%EF%BC%8E/$them/planted.png",
    "dots that are too long": "$me/%C0%AE%C0%AE/$them/planted.png",
    "a slash that is too long": "$me%C0%AF..%C0%AF$them%C0%AFplanted.png",
    "letters that look like another's": "$alike/up/planted.png",
    "nothing that one sees": "$them%E2%80%8B/up/planted.png",
    "from right to left": "%E2%80%AE$them/up/planted.png",
    "half a character": "$me/%FF%FE.png",
    "too long": f"$me/{'x' * 1100}.png",
}

# By name: as they would come to the database on the platform. The policies let none of them pass.
NAMES = {
    "another's folder": "$them/up/planted.png",
    "no folder": "planted.png",
    "an empty folder": "/planted.png",
    "an empty folder before one's own": "/$me/planted.png",
    "an empty folder within one's own": "$me//planted.png",
    "nothing in one's own": "$me/",
    "this folder": "$me/./planted.png",
    "up": "$me/../$them/planted.png",
    "up at the end": "$me/up/..",
    "up at the root": "../$me/planted.png",
    "one's own in capitals": "$LOUD/planted.png",
    "one's own and a space": "$me /planted.png",
    "one's own with more behind": "$me-more/planted.png",
    "a backslash": "$me\\planted.png",
    "a wide slash": "$me\uff0fplanted.png",
    "letters that look alike": "$alike/planted.png",
    "nothing that one sees": "$me\u200b/planted.png",
}

ATTACKERS = ("stranger", "guest", "nobody", "anon")
TWO = ("stranger", "anon")
"""Those of them who are told apart where the policies ask no more than whose folder it is."""


@dataclass(slots=True)
class Storage:
    """The storage API, and everybody who calls it."""

    stack: RunningStack
    connection: http.client.HTTPConnection
    headers: dict[str, dict[str, str]]
    ids: dict[str, str]
    camera: Camera
    before: tuple[Snapshot, dict[str, tuple[int, int]]]

    def names(self, attacker: str) -> dict[str, str]:
        """Return what stands for what in a path."""
        me, them = self.ids.get(attacker, self.ids["stranger"]), self.ids["victim"]
        return {
            "me": me,
            "them": them,
            "LOUD": me.upper(),
            "bare": me.replace("-", ""),
            # Cyrillic letters, as a URL has them.
            "alike": quote(_alike(them)),
        }

    def call(
        self, who: str, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Send a request as it is, and return the status that the API tells, and the body."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.putrequest(method, f"/storage/v1{path}", skip_accept_encoding=True)
        given = {"content-type": "application/json", **self.headers[who], **headers}
        if body is not None:
            given["content-length"] = str(len(content))
        for name, value in given.items():
            self.connection.putheader(name, value)
        self.connection.endheaders(content if body is not None else None)
        answer = self.connection.getresponse()
        text = answer.read()
        try:
            told = json.loads(text)
        except ValueError:
            return answer.status, text
        status = told.get("statusCode", answer.status) if isinstance(told, dict) else answer.status
        return int(status), told

    def look(self) -> tuple[Snapshot, dict[str, tuple[int, int]]]:
        """Return digests of all rows, and size and time of all files."""
        folder = self.stack.state_dir / "storage"
        files = {
            str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in folder.rglob("*")
            if path.is_file()
        }
        return self.camera.shoot(), files

    def assert_unchanged(self) -> None:
        """Nothing was written, moved or removed."""
        before, self.before = self.before, self.look()
        assert self.before[1].keys() == before[1].keys()
        assert self.before == before


@pytest.fixture(scope="module")
def storage(stack: RunningStack) -> Iterator[Storage]:
    """A victim with uploads and results, and those who are after them."""
    key = {"apikey": stack.publishable_key}
    headers = {"anon": key, "service": {"apikey": stack.secret_key}}
    ids: dict[str, str] = {}
    with Bench(stack.admin_database_url) as bench:
        for who in ("victim", "stranger", "guest", "nobody"):
            body = {"email": f"{uuid4().hex}@paths.example", "password": PASSWORD}
            answer = httpx.post(
                f"{stack.supabase_url}/auth/v1/signup",
                json={} if who == "guest" else body,
                headers=key,
                timeout=30,
            )
            assert answer.status_code == 200, answer.text
            session = answer.json()
            ids[who] = session["user"]["id"]
            headers[who] = key | {"authorization": f"Bearer {session['access_token']}"}
        camera = Camera(bench)
        connection = http.client.HTTPConnection(urlsplit(stack.supabase_url).netloc, timeout=30)
        storage = Storage(stack, connection, headers, ids, camera, ({}, {}))
        for who in ("victim", "stranger", "guest"):
            folder = ids[who]
            for bucket, path in (
                ("reference-images", f"{folder}/up/listed.png"),
                ("final-images", f"{folder}/job/result.png"),
                ("final-images", f"{folder}/job/unfinished.png"),
            ):
                target = f"/object/{bucket}/{path}"
                status, told = storage.call(
                    "service", "POST", target, PNG, **{"content-type": "image/png"}
                )
                assert status == 200, told
            bench.run(
                "insert into public.assets"
                " (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
                " values (%s, 'image', 'final-images', %s, 'image/png', 45)",
                folder,
                f"{folder}/job/result.png",
            )
        bench.run("delete from auth.users where id = %s", ids["nobody"])
        storage.before = storage.look()
        yield storage
        connection.close()


def _alike(text: str) -> str:
    return text.translate(str.maketrans("abce", "\u0430\u042c\u0441\u0435"))


def path_of(storage: Storage, attacker: str, name: str) -> str:
    """Return a hostile path as an attacker would send it."""
    return Template(HOSTILE[name]).substitute(storage.names(attacker))


def decoded(path: str) -> str:
    """Return a path as JSON bodies have it."""
    return unquote(path, errors="surrogateescape")


# Writing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_uploaded_to_a_hostile_path(storage: Storage, name: str) -> None:
    png = {"content-type": "image/png"}
    for who in ATTACKERS:
        path = path_of(storage, who, name)
        uploads = f"/object/reference-images/{path}"
        calls = {
            "upload": ("POST", uploads, PNG, png),
            "upsert": ("POST", uploads, PNG, {**png, "x-upsert": "true"}),
            "replace": ("PUT", uploads, PNG, png),
            "sign an upload": ("POST", f"/object/upload/sign/reference-images/{path}", {}, {}),
            "upload a result": ("POST", f"/object/final-images/{path}", PNG, png),
        }
        for call, (method, target, body, more) in calls.items():
            status, told = storage.call(who, method, target, body, **more)
            assert status in {400, 403, 404}, (who, call, status, told)
    storage.assert_unchanged()


@pytest.mark.parametrize("action", ["move", "copy"])
@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_moved_or_copied_to_a_hostile_path(
    storage: Storage, name: str, action: str
) -> None:
    for who in TWO:
        own = f"{storage.names(who)['me']}/up/listed.png"
        path = path_of(storage, who, name)
        for hostile in {path, decoded(path)}:
            for bucket in ("reference-images", "final-images"):
                body = {
                    "bucketId": "reference-images",
                    "sourceKey": own,
                    "destinationBucket": bucket,
                    "destinationKey": hostile,
                }
                status, told = storage.call(who, "POST", f"/object/{action}", body)
                assert status in {400, 403, 404, 415}, (who, bucket, hostile, status, told)
    storage.assert_unchanged()


def test_files_do_not_change_owner_or_leave_the_results(storage: Storage) -> None:
    me, them = storage.ids["stranger"], storage.ids["victim"]
    relocations = [
        # From another, wherever to.
        ("reference-images", f"{them}/up/listed.png", "reference-images", f"{me}/up/stolen.png"),
        ("final-images", f"{them}/job/result.png", "reference-images", f"{me}/up/stolen.png"),
        ("final-images", f"{them}/job/result.png", "final-images", f"{me}/job/stolen.png"),
        # Into the results, where only the services write.
        ("reference-images", f"{me}/up/listed.png", "final-images", f"{me}/job/planted.png"),
        ("reference-images", f"{me}/up/listed.png", "thumbnails", f"{me}/job/planted.png"),
        # Of a job that is not paid for.
        ("final-images", f"{me}/job/unfinished.png", "reference-images", f"{me}/up/early.png"),
    ]
    for action in ("move", "copy"):
        for source_bucket, source, bucket, destination in relocations:
            body = {
                "bucketId": source_bucket,
                "sourceKey": source,
                "destinationBucket": bucket,
                "destinationKey": destination,
            }
            status, told = storage.call("stranger", "POST", f"/object/{action}", body)
            assert status in {403, 404}, (action, body, status, told)
    body = {
        "bucketId": "final-images",
        "sourceKey": f"{me}/job/result.png",
        "destinationKey": f"{me}/job/elsewhere.png",
    }
    assert storage.call("stranger", "POST", "/object/move", body)[0] in {403, 404}
    storage.assert_unchanged()


def test_upload_url_is_good_for_its_path_alone(storage: Storage) -> None:
    me, them = storage.ids["stranger"], storage.ids["victim"]
    target = f"/object/upload/sign/reference-images/{me}/up/fresh.png"
    status, told = storage.call("stranger", "POST", target, {})
    assert status == 200
    token = told["url"].rpartition("token=")[2]
    for bucket, path in (
        ("reference-images", f"{them}/up/planted.png"),
        ("reference-images", f"{them}/up/listed.png"),
        ("reference-images", f"{me}/up/other.png"),
        ("reference-images", f"{me}/up/fresh.png/../../../{them}/up/planted.png"),
        ("reference-images", f"{me}%2fup%2ffresh.png%2f..%2fplanted.png"),
        ("final-images", f"{me}/up/fresh.png"),
    ):
        address = f"/object/upload/sign/{bucket}/{path}?token={token}"
        status, told = storage.call("anon", "PUT", address, PNG, **{"content-type": "image/png"})
        assert status in {400, 403, 404}, (path, status, told)
    storage.assert_unchanged()


def test_token_outlives_its_user_and_opens_no_folder(storage: Storage) -> None:
    me = storage.ids["nobody"]
    for method, target in (
        ("POST", f"/object/reference-images/{me}/up/planted.png"),
        ("POST", f"/object/upload/sign/reference-images/{me}/up/planted.png"),
    ):
        body: Any = PNG if "sign" not in target else {}
        status, told = storage.call("nobody", method, target, body, **{"content-type": "image/png"})
        assert status == 403, told
    storage.assert_unchanged()


# Reading ------------------------------------------------------------------------------------------

TO_READ = {
    "as it is": "$them/up/listed.png",
    "encoded": "$them%2Fup%2Flisted.png",
    "up from one's own": "$me/../$them/up/listed.png",
    "up from one's own, encoded": "$me%2f%2e%2e%2f$them%2fup%2flisted.png",
    "up from one's own, encoded twice": "$me/%252e%252e/$them/up/listed.png",
    "backslashes": "$me%5c..%5c$them%5cup%5clisted.png",
    "an empty folder before it": "/$them/up/listed.png",
    "another's result": "../final-images/$them/job/result.png",
    "letters that look alike": "$alike/up/listed.png",
}


@pytest.mark.parametrize("name", TO_READ)
def test_another_file_is_not_there_by_whatever_path(storage: Storage, name: str) -> None:
    for who in ATTACKERS:
        path = Template(TO_READ[name]).substitute(storage.names(who))
        for method, target in (
            ("GET", f"/object/reference-images/{path}"),
            ("GET", f"/object/authenticated/reference-images/{path}"),
            ("GET", f"/object/public/reference-images/{path}"),
            ("GET", f"/object/info/reference-images/{path}"),
            ("GET", f"/object/info/authenticated/reference-images/{path}"),
            ("HEAD", f"/object/reference-images/{path}"),
            ("HEAD", f"/object/authenticated/reference-images/{path}"),
            ("POST", f"/object/sign/reference-images/{path}"),
            ("DELETE", f"/object/reference-images/{path}"),
        ):
            body = {"expiresIn": 60} if method == "POST" else None
            status, told = storage.call(who, method, target, body)
            assert status in {400, 403, 404}, (who, method, target, status, told)
    storage.assert_unchanged()


@pytest.mark.parametrize(
    "prefix",
    [
        *("$them", "$them/", "$them/up", "$them/up/", "/$them/up", "$me/../$them/up", "../$them"),
        *(
            "$me/%2e%2e/$them",
            "$them%2Fup",
            "%",
            "_",
            "",
            "/",
            "*",
            ".",
            "..",
            "$them\\up",
            "$alike",
        ),
    ],
)
def test_nobody_lists_anothers_folder(storage: Storage, prefix: str) -> None:
    for who in TWO:
        folder = Template(prefix).substitute(storage.names(who))
        for bucket in ("reference-images", "final-images", "raw-videos", "thumbnails"):
            for target, body in (
                (f"/object/list/{bucket}", {"prefix": folder, "limit": 1000}),
                (f"/object/list/{bucket}", {"prefix": folder, "search": storage.ids["victim"]}),
                (f"/object/list-v2/{bucket}", {"prefix": folder, "with_delimiter": False}),
                (f"/object/list-v2/{bucket}", {"prefix": folder, "with_delimiter": True}),
            ):
                status, told = storage.call(who, "POST", target, body)
                assert status in {200, 400}, (who, target, told)
                assert storage.ids["victim"] not in json.dumps(told), (who, target, told)
                if folder.startswith(("/", "..", storage.ids["victim"])):
                    assert "listed.png" not in json.dumps(told), (who, target, told)


def test_nobody_signs_or_removes_what_is_anothers_among_their_own(storage: Storage) -> None:
    them = storage.ids["victim"]
    for who in ("stranger", "guest", "anon"):
        me = storage.names(who)["me"]
        paths = [
            f"{them}/up/listed.png",
            f"{me}/../{them}/up/listed.png",
            f"{them}/up/../up/listed.png",
        ]
        status, told = storage.call(
            who, "POST", "/object/sign/reference-images", {"expiresIn": 60, "paths": paths}
        )
        assert status in {200, 400}
        assert "token=" not in json.dumps(told)
        for bucket in ("reference-images", "final-images"):
            status, told = storage.call(
                who,
                "DELETE",
                f"/object/{bucket}",
                {"prefixes": [*paths, them, f"{them}/", f"{them}/job/result.png", "", "%"]},
            )
            assert (status, told) == (200, []) or status == 400, told
    storage.assert_unchanged()


# The policies by themselves -----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", ["insert", "update"])
def test_policies_take_no_name_outside_ones_own_folder(
    bench: Bench, command: str, name: str
) -> None:
    me, them = bench.person(), bench.person()
    alike = _alike(me)
    hostile = Template(NAMES[name]).substitute(
        me=me, them=them, LOUD=me.upper(), alike=alike if alike != me else f"\u0430{me[1:]}"
    )
    insert = "insert into storage.objects (bucket_id, name) values ('reference-images', %s)"
    with bench.owner(me) as session, session.undone():
        session.run(insert, f"{me}/up/fresh.png")
        statement = insert if command == "insert" else "update storage.objects set name = %s"
        with pytest.raises(psycopg.Error) as refused:
            session.run(statement, hostile)
        assert outcome_of(refused.value) == CHECKED


@pytest.mark.parametrize(
    "bucket", ["final-images", "final-videos", "thumbnails", "voiceovers", "another"]
)
def test_policies_take_uploads_in_two_buckets_alone(bench: Bench, bucket: str) -> None:
    me = bench.person()
    with bench.owner(me) as session, session.undone():
        with pytest.raises(psycopg.Error) as refused:
            session.run(
                "insert into storage.objects (bucket_id, name) values (%s, %s)",
                bucket,
                f"{me}/up/fresh.png",
            )
        assert outcome_of(refused.value) == CHECKED


# What is allowed, so that the refusals are known to be about paths --------------------------------


def test_owner_uploads_reads_moves_and_removes_within_the_folder(storage: Storage) -> None:
    me, (_, files) = storage.ids["stranger"], storage.look()
    base, fresh = "/object/reference-images", f"{me}/up/sub.folder/..fresh..png"
    png = {"content-type": "image/png"}
    assert storage.call("stranger", "POST", f"{base}/{fresh}", PNG, **png)[0] == 200
    assert storage.call("stranger", "GET", f"{base}/{fresh}") == (200, PNG)
    moved = f"{me}/up/moved.png"
    body = {"bucketId": "reference-images", "sourceKey": fresh, "destinationKey": moved}
    assert storage.call("stranger", "POST", "/object/move", body)[0] == 200
    copied = {
        "bucketId": "final-images",
        "sourceKey": f"{me}/job/result.png",
        "destinationBucket": "reference-images",
        "destinationKey": f"{me}/up/again.png",
    }
    assert storage.call("stranger", "POST", "/object/copy", copied)[0] == 200
    status, told = storage.call(
        "stranger", "POST", "/object/list/reference-images", {"prefix": f"{me}/up"}
    )
    assert (status, {each["name"] for each in told}) == (
        200,
        {"again.png", "listed.png", "moved.png"},
    )
    status, told = storage.call(
        "stranger", "DELETE", base, {"prefixes": [moved, f"{me}/up/again.png"]}
    )
    assert (status, len(told)) == (200, 2)
    assert storage.look()[1].keys() == files.keys()
