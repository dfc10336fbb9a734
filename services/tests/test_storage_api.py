"""The storage API as owner, stranger, anonymous and service see it, and as an attacker tries it."""

import base64
import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import anyio
import httpx
import jwt
import psycopg
import pytest
from psycopg import sql

from reelbase.local.gateway.storage_signing import UrlSigner
from reelbase.local.keys import StackKeys, load_or_create_keys
from reelbase.local.pytest_plugin import RunningStack

POLICIES = """
create policy {select} on storage.objects for select to authenticated
  using (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy {insert} on storage.objects for insert to authenticated
  with check (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy {update} on storage.objects for update to authenticated
  using (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy {delete} on storage.objects for delete to authenticated
  using (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
"""

NOT_FOUND = {"statusCode": "404", "error": "not_found", "message": "Object not found"}
NO_BUCKET = {"statusCode": "404", "error": "Bucket not found", "message": "Bucket not found"}
RLS = {
    "statusCode": "403",
    "error": "Unauthorized",
    "message": "new row violates row-level security policy",
}
DUPLICATE = {
    "statusCode": "409",
    "error": "Duplicate",
    "message": "The resource already exists",
}
TOO_LARGE = {
    "statusCode": "413",
    "error": "Payload too large",
    "message": "The object exceeded the maximum allowed size",
}
TEXT = "text/plain"


@dataclass(frozen=True)
class Someone:
    """Somebody who calls the storage API."""

    http: httpx.Client
    id: str

    def put(self, bucket: str, key: str, data: bytes = b"data", **headers: str) -> httpx.Response:
        """Upload by POST with a raw body."""
        sent = {"content-type": TEXT, **{name.replace("_", "-"): headers[name] for name in headers}}
        return self.http.post(f"/object/{bucket}/{key}", content=data, headers=sent)

    def get(self, bucket: str, key: str, **headers: str) -> httpx.Response:
        """Download."""
        sent = {name.replace("_", "-"): headers[name] for name in headers}
        return self.http.get(f"/object/{bucket}/{key}", headers=sent)


MakeSomeone = Callable[[str], Someone]
MakeBucket = Callable[..., str]


@pytest.fixture
def keys(stack: RunningStack) -> StackKeys:
    return load_or_create_keys(stack.state_dir / "keys.json")


@pytest.fixture
def make(stack: RunningStack, keys: StackKeys) -> Iterator[MakeSomeone]:
    """Make an `authenticated` user, `anon`, `service_role`, or `nobody` without any key."""
    clients = []

    def make_someone(role: str) -> Someone:
        user_id = str(uuid4())
        claims = {"role": role, "sub": user_id, "exp": int(time.time()) + 3600}
        token = {
            "anon": stack.publishable_key,
            "service_role": stack.secret_key,
        }.get(role) or jwt.encode(claims, keys.jwt_secret, algorithm="HS256")
        headers = {"apikey": stack.publishable_key, "authorization": f"Bearer {token}"}
        if role == "nobody":
            headers = {}
        if role == "service_role":
            headers["apikey"] = stack.secret_key
        client = httpx.Client(
            base_url=f"{stack.supabase_url}/storage/v1",
            headers=headers,
            timeout=60,
            # Nothing here is TLS, and loading certificates takes longer than most tests.
            verify=False,
        )
        clients.append(client)
        return Someone(client, user_id)

    yield make_someone
    for client in clients:
        client.close()


@pytest.fixture
def owner(make: MakeSomeone) -> Someone:
    return make("authenticated")


@pytest.fixture
def stranger(make: MakeSomeone) -> Someone:
    return make("authenticated")


@pytest.fixture
def service(make: MakeSomeone) -> Someone:
    return make("service_role")


@pytest.fixture
def make_bucket(stack: RunningStack) -> Iterator[MakeBucket]:
    """Make buckets as a migration does: by SQL, as `postgres`, with a folder for each user."""
    made: list[tuple[str, dict[str, sql.Composable]]] = []
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        def make_one(
            *, public: bool = False, limit: int | None = None, types: list[str] | None = None
        ) -> str:
            bucket = f"test-{uuid4().hex}"
            connection.execute(
                "insert into storage.buckets "
                "(id, name, public, file_size_limit, allowed_mime_types) "
                "values (%s, %s, %s, %s, %s) "
                "on conflict (id) do update set public = excluded.public",
                (bucket, bucket, public, limit, types),
            )
            names: dict[str, sql.Composable] = {
                command: sql.Identifier(f"{bucket}_{command}")
                for command in ("select", "insert", "update", "delete")
            }
            connection.execute(sql.SQL(POLICIES).format(bucket=sql.Literal(bucket), **names))
            made.append((bucket, names))
            return bucket

        yield make_one
        for _, names in made:
            for name in names.values():
                connection.execute(sql.SQL("drop policy {} on storage.objects").format(name))


@pytest.fixture
def bucket(make_bucket: MakeBucket) -> str:
    return make_bucket()


@pytest.fixture
def stored(owner: Someone, bucket: str) -> str:
    """The key of a file of the owner's."""
    key = f"{owner.id}/folder/file.txt"
    assert owner.put(bucket, key, b"0123456789").status_code == 200
    return key


def files_on_disk(stack: RunningStack) -> set[str]:
    root = stack.state_dir / "storage"
    return {path.name for path in root.rglob("*") if path.is_file()}


def versions(stack: RunningStack, bucket: str) -> list[str]:
    with psycopg.connect(stack.admin_database_url) as connection:
        query = "select version from storage.objects where bucket_id = %s"
        return [row[0] for row in connection.execute(query, (bucket,))]


def raw_request(
    stack: RunningStack,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes | list[bytes] | None = None,
) -> tuple[int, bytes]:
    """Send a request whose path no client library has touched."""
    address = urlsplit(stack.supabase_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    try:
        connection.request(method, target, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def error_of(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 400, response.text
    error: dict[str, str] = response.json()
    return error


# Who may do what ----------------------------------------------------------------------------------


def test_owner_reads_what_it_stored_and_its_row_names_it(
    stack: RunningStack, owner: Someone, bucket: str, stored: str
) -> None:
    response = owner.get(bucket, stored)
    assert (response.status_code, response.content) == (200, b"0123456789")
    assert response.headers["content-type"] == TEXT
    with psycopg.connect(stack.admin_database_url) as connection:
        row = connection.execute(
            "select owner::text, owner_id, path_tokens, metadata ->> 'size',"
            " metadata ->> 'mimetype' from storage.objects where bucket_id = %s",
            (bucket,),
        ).fetchone()
    assert row == (owner.id, owner.id, [owner.id, "folder", "file.txt"], "10", TEXT)
    assert set(versions(stack, bucket)) <= files_on_disk(stack)


def test_stranger_meets_the_same_answers_for_a_file_as_for_none(
    owner: Someone, stranger: Someone, bucket: str, stored: str
) -> None:
    missing = f"{owner.id}/folder/missing.txt"
    for key in (stored, missing):
        assert error_of(stranger.get(bucket, key)) == NOT_FOUND
        assert error_of(stranger.http.get(f"/object/authenticated/{bucket}/{key}")) == NOT_FOUND
        assert error_of(stranger.http.get(f"/object/info/{bucket}/{key}")) == NOT_FOUND
        assert stranger.http.head(f"/object/{bucket}/{key}").status_code == 400
        assert error_of(stranger.put(bucket, key)) == RLS
        assert error_of(stranger.put(bucket, key, x_upsert="true")) == RLS
        update = stranger.http.put(
            f"/object/{bucket}/{key}", content=b"x", headers={"content-type": TEXT}
        )
        assert error_of(update) == RLS
        assert error_of(stranger.http.delete(f"/object/{bucket}/{key}")) == NOT_FOUND
        sign = stranger.http.post(f"/object/sign/{bucket}/{key}", json={"expiresIn": 60})
        assert error_of(sign) == NOT_FOUND
        assert error_of(stranger.http.post(f"/object/upload/sign/{bucket}/{key}")) == RLS
        many = stranger.http.post(
            f"/object/sign/{bucket}", json={"expiresIn": 60, "paths": [key]}
        ).json()
        assert many[0]["signedURL"] is None
        removed = stranger.http.request("DELETE", f"/object/{bucket}", json={"prefixes": [key]})
        assert removed.json() == []
    assert owner.get(bucket, stored).content == b"0123456789"


def test_stranger_lists_nothing_of_another_users_folder(
    owner: Someone, stranger: Someone, bucket: str, stored: str
) -> None:
    for prefix in ("", owner.id, f"{owner.id}/folder", f"{stranger.id}/../{owner.id}", "%", "_"):
        listed = stranger.http.post(f"/object/list/{bucket}", json={"prefix": prefix})
        assert (listed.status_code, listed.json()) == (200, [])
        page = stranger.http.post(f"/object/list-v2/{bucket}", json={"prefix": prefix}).json()
        assert page == {"hasNext": False, "folders": [], "objects": []}
    assert [entry["name"] for entry in list_names(owner, bucket, f"{owner.id}/folder")] == [
        "file.txt"
    ]


def list_names(someone: Someone, bucket: str, prefix: str, **options: Any) -> list[dict[str, Any]]:
    response = someone.http.post(f"/object/list/{bucket}", json={"prefix": prefix, **options})
    assert response.status_code == 200, response.text
    entries: list[dict[str, Any]] = response.json()
    return entries


@pytest.mark.parametrize("action", ["move", "copy"])
def test_stranger_can_neither_fetch_from_nor_put_into_another_users_folder(
    owner: Someone, stranger: Someone, bucket: str, stored: str, action: str
) -> None:
    own = f"{stranger.id}/own.txt"
    assert stranger.put(bucket, own).status_code == 200

    def relocate(source: str, destination: str) -> dict[str, str]:
        body = {"bucketId": bucket, "sourceKey": source, "destinationKey": destination}
        return error_of(stranger.http.post(f"/object/{action}", json=body))

    assert relocate(stored, f"{stranger.id}/stolen.txt") == NOT_FOUND
    assert relocate(f"{owner.id}/folder/missing.txt", f"{stranger.id}/stolen.txt") == NOT_FOUND
    # A taken name and a free one are told alike.
    assert relocate(own, stored) == RLS
    assert relocate(own, f"{owner.id}/planted.txt") == RLS
    assert stranger.get(bucket, own).content == b"data"
    assert owner.get(bucket, stored).content == b"0123456789"


@pytest.mark.parametrize("role", ["anon", "nobody"])
def test_anonymous_reaches_nothing_in_a_private_bucket(
    make: MakeSomeone, bucket: str, stored: str, role: str
) -> None:
    anonymous = make(role)
    for path in (f"/object/{bucket}/{stored}", f"/object/info/{bucket}/{stored}"):
        expected = NOT_FOUND if role == "anon" else NO_BUCKET
        assert error_of(anonymous.http.get(path)) == expected
    for path in (f"/object/public/{bucket}/{stored}", f"/object/info/public/{bucket}/{stored}"):
        assert error_of(anonymous.http.get(path)) == NO_BUCKET
    statuses = {
        anonymous.put(bucket, "x.txt").json()["statusCode"],
        anonymous.http.post("/bucket", json={"name": "x"}).json()["statusCode"],
        anonymous.http.post(f"/object/upload/sign/{bucket}/x.txt").json()["statusCode"],
    }
    assert statuses == ({"403"} if role == "anon" else {"400"})


def test_broken_token_is_refused_and_not_taken_for_anonymous(
    stack: RunningStack, bucket: str
) -> None:
    headers = {"apikey": stack.publishable_key, "authorization": "Bearer x.y.z"}
    with httpx.Client(base_url=f"{stack.supabase_url}/storage/v1", headers=headers) as client:
        response = client.post(f"/object/list/{bucket}", json={"prefix": ""})
    assert error_of(response)["error"] == "Unauthorized"


def test_public_bucket_is_read_by_anybody_and_written_by_policy_only(
    make: MakeSomeone, owner: Someone, stranger: Someone, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(public=True)
    key = f"{owner.id}/seen.txt"
    assert owner.put(bucket, key).status_code == 200
    nobody = make("nobody")
    assert nobody.http.get(f"/object/public/{bucket}/{key}").content == b"data"
    assert nobody.http.head(f"/object/public/{bucket}/{key}").headers["content-length"] == "4"
    assert nobody.get(bucket, key).content == b"data"
    assert error_of(stranger.put(bucket, key, x_upsert="true")) == RLS
    assert list_names(stranger, bucket, owner.id) == []


def test_service_role_does_everything_without_a_policy(
    owner: Someone, service: Someone, bucket: str, stored: str
) -> None:
    assert service.get(bucket, stored).content == b"0123456789"
    assert service.put(bucket, "top.txt").status_code == 200
    removed = service.http.request("DELETE", f"/object/{bucket}", json={"prefixes": [stored]})
    assert [row["name"] for row in removed.json()] == [stored]
    assert error_of(owner.get(bucket, stored)) == NOT_FOUND


def test_buckets_are_for_the_service_role_alone(owner: Someone, bucket: str) -> None:
    assert owner.http.get("/bucket").json() == []
    assert error_of(owner.http.get(f"/bucket/{bucket}")) == NO_BUCKET
    assert error_of(owner.http.post("/bucket", json={"name": "mine"})) == RLS
    assert error_of(owner.http.put(f"/bucket/{bucket}", json={"public": True})) == NO_BUCKET
    assert error_of(owner.http.post(f"/bucket/{bucket}/empty")) == NO_BUCKET
    assert error_of(owner.http.delete(f"/bucket/{bucket}")) == NO_BUCKET


def test_upload_needs_only_insert_and_upsert_also_needs_to_see_and_update(
    stack: RunningStack, owner: Someone, bucket: str
) -> None:
    key = f"{owner.id}/once.txt"
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for command in ("select", "update"):
            policy = sql.Identifier(f"{bucket}_{command}")
            connection.execute(
                sql.SQL("alter policy {} on storage.objects using (false)").format(policy)
            )
    assert owner.put(bucket, key).status_code == 200
    assert error_of(owner.put(bucket, key, x_upsert="true")) == RLS
    assert error_of(owner.put(bucket, key)) == DUPLICATE


def test_policies_see_the_operation(stack: RunningStack, owner: Someone, bucket: str) -> None:
    key = f"{owner.id}/file.txt"
    assert owner.put(bucket, key).status_code == 200
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "alter policy {} on storage.objects"
                " using (storage.allow_any_operation(array['object.list']))"
            ).format(sql.Identifier(f"{bucket}_select"))
        )
    assert len(list_names(owner, bucket, owner.id)) == 1
    assert error_of(owner.get(bucket, key)) == NOT_FOUND


def test_deleting_rows_by_sql_is_refused_unless_allowed(
    stack: RunningStack, bucket: str, stored: str
) -> None:
    with psycopg.connect(stack.admin_database_url) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Use the Storage API"):
            connection.execute("delete from storage.objects where name = %s", (stored,))
        connection.rollback()
        connection.execute("set local storage.allow_delete_query = 'true'")
        deleted = connection.execute("delete from storage.objects where name = %s", (stored,))
        assert deleted.rowcount == 1
        connection.rollback()


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../{victim}/file.txt",
        "{own}/../{victim}/file.txt",
        "{own}/%2e%2e/{victim}/file.txt",
        "{own}%2f..%2f{victim}%2ffile.txt",
        "{own}/%2e%2e%2f{victim}/file.txt",
        "{own}/%252e%252e/{victim}/file.txt",
        "{own}/%252e%252e%252f{victim}/file.txt",
        "{own}/..%5c{victim}/file.txt",
        "{own}/..\\{victim}\\file.txt",
        "{own}/./file.txt",
        "{own}//file.txt",
        "{own}/",
        "/{own}/file.txt",
        "%2f{own}/file.txt",
        "{own}/a%00.txt",
        "{own}/a%0a.txt",
        "{own}/a%0d%0aset-cookie:x.txt",
        "{own}/%ff%fe.txt",
        "{own}/%c0%ae%c0%ae/file.txt",
        "{own}/%ef%bc%8e%ef%bc%8e/file.txt",
        "{own}/caf%c3%a9.txt",
        "{own}/a%7cb.txt",
        "{own}/" + "x" * 1024,
    ],
)
def test_path_that_cannot_name_a_file_stores_nothing(
    stack: RunningStack, owner: Someone, stranger: Someone, bucket: str, path: str
) -> None:
    target = path.format(own=owner.id, victim=stranger.id)
    headers = {**dict(owner.http.headers), "content-type": TEXT}
    status, body = raw_request(
        stack, "POST", f"/storage/v1/object/{bucket}/{target}", headers, b"evil"
    )
    # A line break is no part of any route; everything else is refused by name.
    assert (status, json.loads(body).get("error")) in {(400, "InvalidKey"), (404, None)}
    assert versions(stack, bucket) == []


def test_encoded_slash_is_decoded_once_and_is_a_folder_like_any_other(
    stack: RunningStack, owner: Someone, stranger: Someone, bucket: str
) -> None:
    headers = {**dict(owner.http.headers), "content-type": TEXT}
    base = f"/storage/v1/object/{bucket}"
    status, _ = raw_request(stack, "POST", f"{base}/{owner.id}%2Fa%2Fb.txt", headers, b"x")
    assert status == 200
    assert owner.get(bucket, f"{owner.id}/a/b.txt").content == b"x"
    _, body = raw_request(stack, "POST", f"{base}/{stranger.id}%2Fa.txt", headers, b"x")
    assert json.loads(body) == RLS


def test_every_character_of_the_platforms_set_can_be_stored_and_fetched(
    owner: Someone, bucket: str
) -> None:
    key = f"{owner.id}/az AZ_09!-.*'()&$@=;:+,?/..a/b..c"
    assert owner.put(bucket, quote(key)).json()["Key"] == f"{bucket}/{key}"
    assert owner.get(bucket, quote(key)).content == b"data"


@pytest.mark.parametrize("key", ["../x", "a/../b", "", "a\\b", "a\x00b", "\ud800", "x" * 1025])
@pytest.mark.parametrize("action", ["move", "copy"])
def test_relocation_refuses_what_cannot_name_a_file(
    owner: Someone, bucket: str, stored: str, action: str, key: str
) -> None:
    for source, destination in ((stored, key), (key, f"{owner.id}/x")):
        body = {"bucketId": bucket, "sourceKey": source, "destinationKey": destination}
        # Escaped by hand: httpx would refuse a lone surrogate itself.
        response = owner.http.post(
            f"/object/{action}",
            content=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        assert response.status_code == 400
        assert owner.get(bucket, stored).status_code == 200


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\nb", "ü", "x" * 101])
def test_bucket_refuses_names_that_do_not_fit_into_a_path(service: Someone, name: str) -> None:
    response = service.http.post("/bucket", json={"name": name})
    assert error_of(response)["message"] == "Bucket name invalid"


@pytest.mark.parametrize(
    "body",
    [
        {"prefix": "\x00"},
        {"prefix": "", "search": "\x00"},
        {"prefix": "", "limit": 0},
        {"prefix": "", "limit": -1},
        {"prefix": "", "offset": -1},
        {"prefix": "", "limit": "many"},
        {"prefix": "", "sortBy": {"column": "name; drop table storage.objects"}},
        {"prefix": "", "sortBy": {"column": "name", "order": "asc, pg_sleep(9)"}},
        {"prefix": 1},
        {},
        [],
    ],
)
def test_malformed_list_request_is_refused(owner: Someone, bucket: str, body: Any) -> None:
    response = owner.http.post(f"/object/list/{bucket}", json=body)
    assert error_of(response)["statusCode"] == "400"


@pytest.mark.parametrize("cursor", ["", "x", "e30=", base64.b64encode(b'["x", "y"]').decode()])
def test_forged_cursor_is_refused(owner: Someone, bucket: str, cursor: str) -> None:
    response = owner.http.post(f"/object/list-v2/{bucket}", json={"cursor": cursor})
    assert error_of(response)["error"] == "InvalidParameter"


# Lists --------------------------------------------------------------------------------------------


def test_list_shows_a_folders_entries_sorted_cut_and_searched(owner: Someone, bucket: str) -> None:
    for name in ("b.txt", "A.txt", "sub/one.txt", "sub/two.txt", "c_1.txt", "cx1.txt"):
        assert owner.put(bucket, f"{owner.id}/{name}").status_code == 200

    def names(**options: Any) -> list[str]:
        return [entry["name"] for entry in list_names(owner, bucket, owner.id, **options)]

    assert names() == ["A.txt", "b.txt", "c_1.txt", "cx1.txt", "sub"]
    assert names(sortBy={"column": "name", "order": "desc"})[0] == "sub"
    by_age = names(sortBy={"column": "created_at", "order": "desc"})
    assert by_age == ["sub", "cx1.txt", "c_1.txt", "A.txt", "b.txt"]
    assert names(limit=2, offset=1) == ["b.txt", "c_1.txt"]
    assert names(search="a") == ["A.txt"]
    assert names(search="c_1") == ["c_1.txt"]
    assert names(search="%") == []
    assert names(limit=10**30, offset=0) == names()
    assert names(limit=1, offset=10**30) == []
    folder = list_names(owner, bucket, owner.id)[-1]
    assert folder == {
        "name": "sub",
        "id": None,
        "updated_at": None,
        "created_at": None,
        "last_accessed_at": None,
        "metadata": None,
    }


def test_list_never_gives_more_than_its_cap(
    stack: RunningStack, service: Someone, bucket: str
) -> None:
    with psycopg.connect(stack.admin_database_url) as connection:
        connection.execute(
            "insert into storage.objects (bucket_id, name)"
            " select %s, 'f' || n from generate_series(1, 1600) as n",
            (bucket,),
        )
    assert len(list_names(service, bucket, "", limit=1_000_000)) == 1500
    page = service.http.post(f"/object/list-v2/{bucket}", json={"limit": 1_000_000}).json()
    assert (len(page["objects"]), page["hasNext"]) == (1000, True)


@pytest.mark.parametrize("column", ["name", "created_at", "updated_at"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_list_v2_join_to_the_whole_without_gap_or_repetition(
    owner: Someone, bucket: str, column: str, order: str
) -> None:
    paths = ["m.txt", "a/1.txt", "z.txt", "a/2.txt", "b/c/3.txt", "B.txt"]
    for path in paths:
        assert owner.put(bucket, f"{owner.id}/{path}").status_code == 200
    sort = {"column": column, "order": order}
    for delimited, expected in ((False, 6), (True, 5)):
        seen: list[str] = []
        body: dict[str, Any] = {
            "prefix": f"{owner.id}/",
            "limit": 2,
            "sortBy": sort,
            "with_delimiter": delimited,
        }
        for _ in range(expected):
            page = owner.http.post(f"/object/list-v2/{bucket}", json=body).json()
            seen += [entry["name"] for entry in page["folders"] + page["objects"]]
            if not page["hasNext"]:
                break
            body["cursor"] = page["nextCursor"]
        assert (len(seen), len(set(seen))) == (expected, expected)
    if column == "created_at" and order == "asc":
        body = {"prefix": f"{owner.id}/", "sortBy": sort}
        page = owner.http.post(f"/object/list-v2/{bucket}", json=body).json()
        assert [entry["name"].removeprefix(f"{owner.id}/") for entry in page["objects"]] == paths


# Signed URLs --------------------------------------------------------------------------------------


def sign(someone: Someone, bucket: str, key: str, seconds: int = 60) -> str:
    response = someone.http.post(f"/object/sign/{bucket}/{key}", json={"expiresIn": seconds})
    url: str = response.json()["signedURL"]
    return url


def test_signed_url_is_good_for_its_file_alone(
    make: MakeSomeone, owner: Someone, bucket: str, make_bucket: MakeBucket, stored: str
) -> None:
    nobody = make("nobody")
    other_bucket = make_bucket()
    other = f"{owner.id}/other.txt"
    for place in (bucket, other_bucket):
        assert owner.put(place, other).status_code == 200
    assert owner.put(other_bucket, stored).status_code == 200
    url = sign(owner, bucket, stored)
    token = url.partition("token=")[2]
    assert nobody.http.get(url).content == b"0123456789"
    assert nobody.http.head(url).headers["content-length"] == "10"
    for place, key in ((bucket, other), (other_bucket, stored), (bucket, f"{stored}/x")):
        response = nobody.http.get(f"/object/sign/{place}/{key}", params={"token": token})
        assert error_of(response)["error"] == "InvalidSignature"
    # It is no permission for anything else.
    assert error_of(nobody.http.get(f"/object/{bucket}/{stored}?token={token}")) == NO_BUCKET
    upload = nobody.http.put(
        f"/object/upload/sign/{bucket}/{stored}", params={"token": token}, content=b"x"
    )
    assert error_of(upload)["error"] == "InvalidJWT"
    with httpx.Client(
        base_url=nobody.http.base_url, headers={"authorization": f"Bearer {token}"}
    ) as as_bearer:
        assert error_of(as_bearer.get(f"/object/authenticated/{bucket}/{stored}"))["error"] == (
            "Unauthorized"
        )


def test_forged_and_expired_tokens_are_refused(
    make: MakeSomeone, keys: StackKeys, owner: Someone, bucket: str, stored: str
) -> None:
    nobody = make("nobody")
    path = f"{bucket}/{stored}"
    good = sign(owner, bucket, stored).partition("token=")[2]
    header, payload, signature = good.split(".")
    claims = {"url": path, "exp": int(time.time()) + 3600}
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    longer = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    forged = {
        "expired": UrlSigner(keys.jwt_secret).sign("read", path, int(time.time()) - 10),
        "for uploading": UrlSigner(keys.jwt_secret).sign("upload", path, claims["exp"]),
        "of another stack": UrlSigner("another secret").sign("read", path, claims["exp"]),
        "by the API's secret": jwt.encode(claims, keys.jwt_secret, algorithm="HS256"),
        "an API key": keys.service_role_jwt,
        "unsigned": f"{none}.{payload}.",
        "tampered": f"{header}.{longer}.{signature}",
        "cut": good[:-4],
        "empty": "",
        "text": "x",
    }
    for what, token in forged.items():
        response = nobody.http.get(f"/object/sign/{path}", params={"token": token})
        assert error_of(response)["error"] == "InvalidJWT", what
    assert error_of(nobody.http.get(f"/object/sign/{path}"))["error"] == "Error"
    assert nobody.http.get(f"/object/sign/{path}", params={"token": good}).status_code == 200


@pytest.mark.parametrize("lifetime", [0, -1, "x", None, 10**30])
def test_signing_refuses_a_lifetime_that_makes_no_sense(
    owner: Someone, bucket: str, stored: str, lifetime: Any
) -> None:
    response = owner.http.post(f"/object/sign/{bucket}/{stored}", json={"expiresIn": lifetime})
    assert error_of(response)["statusCode"] == "400"


def test_upload_url_stores_one_file_for_its_maker_and_not_twice(
    stack: RunningStack, make: MakeSomeone, owner: Someone, bucket: str
) -> None:
    nobody = make("nobody")
    key = f"{owner.id}/by-url.txt"
    made = owner.http.post(f"/object/upload/sign/{bucket}/{key}").json()
    headers = {"content-type": TEXT}
    elsewhere = nobody.http.put(
        f"/object/upload/sign/{bucket}/{owner.id}/other.txt",
        params={"token": made["token"]},
        content=b"x",
        headers=headers,
    )
    assert error_of(elsewhere)["error"] == "InvalidSignature"
    first = nobody.http.put(made["url"], content=b"first", headers=headers)
    assert first.json() == {"Key": f"{bucket}/{key}"}
    for extra in ({}, {"x-upsert": "true"}):
        again = nobody.http.put(made["url"], content=b"second", headers={**headers, **extra})
        assert error_of(again) == DUPLICATE
    assert owner.get(bucket, key).content == b"first"
    assert len(versions(stack, bucket)) == 1
    read = nobody.http.get(f"/object/sign/{bucket}/{key}", params={"token": made["token"]})
    assert error_of(read)["error"] == "InvalidJWT"


def test_upload_url_made_for_upsert_replaces(
    make: MakeSomeone, owner: Someone, bucket: str, stored: str
) -> None:
    made = owner.http.post(
        f"/object/upload/sign/{bucket}/{stored}", headers={"x-upsert": "true"}
    ).json()
    replaced = make("nobody").http.put(made["url"], content=b"new", headers={"content-type": TEXT})
    assert replaced.status_code == 200
    assert owner.get(bucket, stored).content == b"new"


# Limits and types ---------------------------------------------------------------------------------


def test_types_are_what_the_bucket_allows(owner: Someone, make_bucket: MakeBucket) -> None:
    bucket = make_bucket(types=["image/*", "text/plain"])
    outcomes = {}
    for number, content_type in enumerate(
        ["image/png", "image/svg+xml", "text/plain", "text/html", "video/mp4", "imagex/png", "*/*"]
    ):
        response = owner.put(bucket, f"{owner.id}/{number}", content_type=content_type)
        outcomes[content_type] = response.json().get("error")
    refused = "invalid_mime_type"
    assert outcomes == {
        "image/png": None,
        "image/svg+xml": None,
        "text/plain": None,
        "text/html": refused,
        "video/mp4": refused,
        "imagex/png": refused,
        "*/*": refused,
    }


def test_form_is_judged_by_its_files_type_and_not_by_its_own(
    owner: Someone, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(types=["image/png"])

    def send(key: str, content_type: str, **fields: str) -> httpx.Response:
        file = {"file": ("image.png", b"not really", content_type)}
        return owner.http.post(f"/object/{bucket}/{owner.id}/{key}", files=file, data=fields)

    assert send("a", "image/png").status_code == 200
    assert error_of(send("b", "text/html")) == {
        "statusCode": "415",
        "error": "invalid_mime_type",
        "message": "mime type text/html is not supported",
    }
    assert error_of(send("c", "image/png", contentType="text/html"))["statusCode"] == "415"
    # What it claims to be is all that it is ever served as.
    served = owner.get(bucket, f"{owner.id}/a")
    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"


def test_type_that_a_form_names_behind_its_file_is_judged_too(
    stack: RunningStack, owner: Someone, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(types=["image/png"])
    before = files_on_disk(stack)
    form = (
        b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n'
        b"content-type: image/png\r\n\r\n",
        # More than comes in one piece, so that the file is judged before the field is here.
        b"<svg/>" * 500_000,
        b'\r\n--b\r\ncontent-disposition: form-data; name="contentType"\r\n\r\n'
        b"image/svg+xml\r\n--b--\r\n",
    )
    response = owner.http.post(
        f"/object/{bucket}/{owner.id}/x",
        content=b"".join(form),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert error_of(response)["statusCode"] == "415"
    assert versions(stack, bucket) == []
    assert files_on_disk(stack) == before


def test_html_is_served_as_plain_text(owner: Someone, bucket: str) -> None:
    for number, content_type in enumerate(["text/html", "text/html; charset=utf-8", "Text/HTML"]):
        key = f"{owner.id}/{number}.html"
        page = b"<script>alert(1)</script>"
        assert owner.put(bucket, key, page, content_type=content_type).status_code == 200
        assert owner.get(bucket, key).headers["content-type"] == TEXT


def test_size_limit_holds_with_and_without_a_declared_length(
    stack: RunningStack, owner: Someone, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(limit=100_000)
    before = files_on_disk(stack)
    path = f"/object/{bucket}/{owner.id}/file"
    headers = {"content-type": "application/octet-stream"}

    def chunks(size: int) -> Iterator[bytes]:
        for start in range(0, size, 10_000):
            yield b"x" * min(10_000, size - start)

    assert error_of(owner.http.post(path, content=b"x" * 100_001, headers=headers)) == TOO_LARGE
    assert error_of(owner.http.post(path, content=chunks(100_001), headers=headers)) == TOO_LARGE
    assert error_of(owner.http.post(path, content=chunks(30_000_000), headers=headers)) == TOO_LARGE
    form = {"file": ("f", b"x" * 100_001, "application/octet-stream")}
    assert error_of(owner.http.post(path, files=form)) == TOO_LARGE
    assert versions(stack, bucket) == []
    assert files_on_disk(stack) == before
    assert owner.http.post(path, content=chunks(100_000), headers=headers).status_code == 200
    assert owner.http.get(path).content == b"x" * 100_000


def test_body_shorter_than_it_claims_stores_nothing(
    stack: RunningStack, owner: Someone, bucket: str, wait_until: Callable[..., None]
) -> None:
    before = files_on_disk(stack)
    address = urlsplit(stack.supabase_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    connection.putrequest("POST", f"/storage/v1/object/{bucket}/{owner.id}/cut")
    for name, value in {**dict(owner.http.headers), "content-length": "1000000"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(b"x" * 10_000)
    wait_until(lambda: files_on_disk(stack) != before)
    connection.close()
    wait_until(lambda: files_on_disk(stack) == before)
    assert versions(stack, bucket) == []


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    def wait(condition: Callable[[], bool]) -> None:
        for _ in range(2000):
            if condition():
                return
            time.sleep(0.01)
        pytest.fail("it did not come true")

    return wait


def test_limits_of_a_bucket_hold_for_what_comes_from_another(
    owner: Someone, make_bucket: MakeBucket
) -> None:
    free, small, images = make_bucket(), make_bucket(limit=3), make_bucket(types=["image/*"])
    key = f"{owner.id}/file.txt"
    assert owner.put(free, key).status_code == 200
    for action in ("move", "copy"):
        body = {"bucketId": free, "sourceKey": key, "destinationKey": key}
        to_small = owner.http.post(f"/object/{action}", json={**body, "destinationBucket": small})
        assert error_of(to_small) == TOO_LARGE
        to_images = owner.http.post(f"/object/{action}", json={**body, "destinationBucket": images})
        assert error_of(to_images)["error"] == "invalid_mime_type"
        nowhere = owner.http.post(f"/object/{action}", json={**body, "destinationBucket": "none"})
        assert error_of(nowhere) == NO_BUCKET


def test_copy_cannot_claim_a_type_that_its_bucket_does_not_take(
    owner: Someone, make_bucket: MakeBucket
) -> None:
    bucket = make_bucket(types=[TEXT])
    key = f"{owner.id}/file.txt"
    assert owner.put(bucket, key).status_code == 200
    body = {"bucketId": bucket, "sourceKey": key, "destinationKey": f"{key}2"}
    changes = {"copyMetadata": False, "metadata": {"mimetype": "image/svg+xml"}}
    refused = owner.http.post("/object/copy", json={**body, **changes})
    assert error_of(refused)["error"] == "invalid_mime_type"
    evil = {"copyMetadata": False, "metadata": {"cacheControl": "1\r\nset-cookie: x=1"}}
    refused = owner.http.post("/object/copy", json={**body, **evil})
    assert error_of(refused)["error"] == "invalid_header_char"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("1MB", 1_000_000), ("30KB", 30_000), (7, 7), (None, None), ("0.5kb", 500)],
)
def test_bucket_limit_is_read_with_its_unit(
    service: Someone, limit: Any, expected: int | None
) -> None:
    name = f"test-{uuid4().hex}"
    made = service.http.post("/bucket", json={"name": name, "file_size_limit": limit})
    assert made.status_code == 200
    assert service.http.get(f"/bucket/{name}").json()["file_size_limit"] == expected
    assert service.http.delete(f"/bucket/{name}").status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"file_size_limit": "1XB"},
        {"file_size_limit": -1},
        {"file_size_limit": "999999GB"},
        {"file_size_limit": "9" * 400 + "GB"},
        {"allowed_mime_types": ["nonsense"]},
        {"allowed_mime_types": ["text/plain\r\nx: y"]},
        {"type": "ANALYTICS"},
    ],
)
def test_bucket_refuses_settings_that_make_no_sense(
    service: Someone, settings: dict[str, Any]
) -> None:
    response = service.http.post("/bucket", json={"name": f"test-{uuid4().hex}", **settings})
    assert response.status_code == 400


def test_bucket_with_files_is_not_deleted_until_it_is_emptied(
    stack: RunningStack, owner: Someone, service: Someone, bucket: str, stored: str
) -> None:
    before = set(versions(stack, bucket))
    refused = service.http.delete(f"/bucket/{bucket}")
    assert error_of(refused)["message"] == "The bucket you tried to delete is not empty"
    assert service.http.post(f"/bucket/{bucket}/empty").status_code == 200
    assert error_of(owner.get(bucket, stored)) == NOT_FOUND
    assert not before & files_on_disk(stack)
    assert service.http.delete(f"/bucket/{bucket}").json() == {"message": "Successfully deleted"}


# Downloads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ("bytes=0-3", (206, b"0123", "bytes 0-3/10")),
        ("bytes=4-", (206, b"456789", "bytes 4-9/10")),
        ("bytes=-3", (206, b"789", "bytes 7-9/10")),
        ("bytes=-99", (206, b"0123456789", "bytes 0-9/10")),
        ("bytes=8-99", (206, b"89", "bytes 8-9/10")),
        ("bytes=9-9", (206, b"9", "bytes 9-9/10")),
        ("bytes=10-", (416, b"", "bytes */10")),
        ("bytes=99-100", (416, b"", "bytes */10")),
        ("bytes=-0", (416, b"", "bytes */10")),
        ("bytes=5-2", (200, b"0123456789", None)),
        ("bytes=0-1,3-4", (200, b"0123456789", None)),
        ("bytes=-", (200, b"0123456789", None)),
        ("bytes=a-b", (200, b"0123456789", None)),
        ("bytes=--1", (200, b"0123456789", None)),
        ("lines=0-1", (200, b"0123456789", None)),
        ("bytes=0-" + "9" * 100, (200, b"0123456789", None)),
    ],
)
def test_range(
    owner: Someone,
    bucket: str,
    stored: str,
    wanted: str,
    answer: tuple[int, bytes | None, str | None],
) -> None:
    status, body, content_range = answer
    response = owner.get(bucket, stored, range=wanted)
    assert response.status_code == status
    assert response.headers.get("content-range") == content_range
    if status == 416:
        assert response.json()["statusCode"] == "416"
    else:
        assert response.content == body
        assert response.headers["content-length"] == str(len(body))


def test_range_of_an_empty_file_cannot_be_satisfied(owner: Someone, bucket: str) -> None:
    key = f"{owner.id}/empty"
    assert owner.put(bucket, key, b"").status_code == 200
    assert owner.get(bucket, key).content == b""
    assert owner.get(bucket, key, range="bytes=0-").status_code == 416


def test_conditions_spare_what_the_client_has(owner: Someone, bucket: str, stored: str) -> None:
    first = owner.get(bucket, stored)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    for condition in (
        {"if_none_match": etag},
        {"if_none_match": f'"x", W/{etag}'},
        {"if_none_match": "*"},
        {"if_modified_since": modified},
    ):
        response = owner.get(bucket, stored, **condition)
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == etag
    for condition in (
        {"if_none_match": '"x"'},
        {"if_none_match": '"x"', "if_modified_since": modified},
        {"if_modified_since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"if_modified_since": "nonsense"},
    ):
        assert owner.get(bucket, stored, **condition).status_code == 200
    assert owner.get(bucket, stored, range="bytes=0-1", if_range=etag).status_code == 206
    assert owner.get(bucket, stored, range="bytes=0-1", if_range='"x"').status_code == 200
    assert owner.put(bucket, stored, b"changed", x_upsert="true").status_code == 200
    assert owner.get(bucket, stored, if_none_match=etag).content == b"changed"


def test_head_tells_of_a_file_without_sending_it(owner: Someone, bucket: str, stored: str) -> None:
    for path in (f"/object/{bucket}/{stored}", f"/object/authenticated/{bucket}/{stored}"):
        response = owner.http.head(path)
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["content-length"] == "10"
        assert response.headers["etag"] == owner.get(bucket, stored).headers["etag"]


def test_download_parameter_names_the_file_and_nothing_else(
    owner: Someone, bucket: str, stored: str
) -> None:
    path = f"/object/{bucket}/{stored}"
    plain = owner.http.get(path, params={"download": ""})
    assert plain.headers["content-disposition"] == "attachment;"
    evil = 'a"\r\nset-cookie: x=1\r\n\r\n<html>ü\x00.txt'
    response = owner.http.get(path, params={"download": evil})
    assert response.content == b"0123456789"
    assert "set-cookie" not in response.headers
    name = quote(evil, safe="!~*'()")
    expected = f"attachment; filename={name}; filename*=UTF-8''{name};"
    assert response.headers["content-disposition"] == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"cacheControl": "1\r\nset-cookie: x=1"},
        {"cacheControl": "1\x00"},
        {"cacheControl": "ü"},
        {"cacheControl": "1" * 600},
        {"contentType": "image/png\r\nset-cookie: x=1"},
        {"contentType": "x" * 600},
    ],
)
def test_field_that_would_break_a_header_is_refused(
    stack: RunningStack, owner: Someone, bucket: str, fields: dict[str, str]
) -> None:
    response = owner.http.post(
        f"/object/{bucket}/{owner.id}/x", files={"f": ("x", b"x", TEXT)}, data=fields
    )
    assert error_of(response)["error"] == "invalid_header_char"
    assert versions(stack, bucket) == []


def test_metadata_written_by_sql_cannot_break_a_header_either(
    stack: RunningStack, owner: Someone, bucket: str, stored: str
) -> None:
    with psycopg.connect(stack.admin_database_url) as connection:
        bad = json.dumps({"mimetype": "a\r\nb: c", "cacheControl": 7, "eTag": "\n"})
        connection.execute(
            "update storage.objects set metadata = %s where bucket_id = %s", (bad, bucket)
        )
    response = owner.get(bucket, stored)
    assert (response.status_code, response.content) == (200, b"0123456789")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["cache-control"] == "no-cache"


def test_row_without_a_file_of_this_server_is_not_found(
    stack: RunningStack, service: Someone, bucket: str
) -> None:
    evil = [None, "", "../../keys.json", "1", str(uuid4())]
    with psycopg.connect(stack.admin_database_url) as connection:
        for number, version in enumerate(evil):
            connection.execute(
                "insert into storage.objects (bucket_id, name, version) values (%s, %s, %s)",
                (bucket, f"row{number}", version),
            )
    for number in range(len(evil)):
        assert error_of(service.get(bucket, f"row{number}")) == NOT_FOUND
    names = [f"row{number}" for number in range(len(evil))]
    removed = service.http.request("DELETE", f"/object/{bucket}", json={"prefixes": names})
    assert len(removed.json()) == len(evil)
    assert (stack.state_dir / "keys.json").exists()


# Forms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n",
        b"--b--\r\n",
        b"nonsense",
        b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nonly a field\r\n--b--\r\n',
        b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\ncut off',
        b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\none\r\n'
        b'--b\r\ncontent-disposition: form-data; name="g"; filename="g"\r\n\r\ntwo\r\n--b--\r\n',
        b"--b\r\nx: " + b"y" * 100_000 + b"\r\n\r\n\r\n--b--\r\n",
        b"".join(
            b'--b\r\ncontent-disposition: form-data; name="%d"\r\n\r\nx\r\n' % number
            for number in range(20)
        )
        + b"--b--\r\n",
        b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n' + b"x" * 1_100_000,
    ],
)
def test_malformed_form_stores_nothing(
    stack: RunningStack, owner: Someone, bucket: str, body: bytes
) -> None:
    before = files_on_disk(stack)
    response = owner.http.post(
        f"/object/{bucket}/{owner.id}/x",
        content=body,
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert error_of(response)["statusCode"] in {"400", "413"}
    assert versions(stack, bucket) == []
    assert files_on_disk(stack) == before


def test_form_without_a_boundary_is_refused(owner: Someone, bucket: str) -> None:
    response = owner.http.post(
        f"/object/{bucket}/{owner.id}/x",
        content=b"x",
        headers={"content-type": "multipart/form-data"},
    )
    assert error_of(response)["message"] == "Multipart: Boundary not found"


@pytest.mark.parametrize("size", [0, 1, 65_535, 1_048_576, 3_000_000])
def test_form_keeps_every_byte_even_if_the_content_looks_like_a_boundary(
    owner: Someone, bucket: str, size: int
) -> None:
    content = (b"\r\n--b\r\n\r\n--\r\n-" * (size // 8 + 1))[:size]
    key = f"{owner.id}/x"
    sent = owner.http.post(
        f"/object/{bucket}/{key}",
        files={"": ("blob", content, "application/octet-stream")},
        data={"cacheControl": "60", "metadata": '{"a": [1]}'},
    )
    assert sent.status_code == 200
    assert owner.get(bucket, key).content == content
    info = owner.http.get(f"/object/info/{bucket}/{key}").json()
    assert (info["size"], info["metadata"], info["cache_control"]) == (
        size,
        {"a": [1]},
        "max-age=60",
    )


@pytest.mark.parametrize(
    "metadata",
    [
        "no json",
        "[1]",
        "null",
        '"text"',
        "{" * 50_000,
        '{"a":' + "[" * 250 + "]" * 250 + "}",
        '{"a":' + "[" * 970 + "]" * 970 + "}",
    ],
)
def test_user_metadata_that_is_no_object_counts_as_none(
    owner: Someone, bucket: str, metadata: str
) -> None:
    key = f"{owner.id}/x"
    sent = owner.http.post(
        f"/object/{bucket}/{key}", files={"f": ("x", b"x", TEXT)}, data={"metadata": metadata}
    )
    assert sent.status_code == 200
    assert owner.http.get(f"/object/info/{bucket}/{key}").json()["metadata"] is None


@pytest.mark.parametrize("metadata", ['{"a": "\\u0000"}', '{"a": "\\ud800"}', '{"a": NaN}'])
def test_user_metadata_that_the_database_cannot_hold_is_refused(
    stack: RunningStack, owner: Someone, bucket: str, metadata: str
) -> None:
    encoded = base64.b64encode(metadata.encode()).decode()
    response = owner.put(bucket, f"{owner.id}/x", x_metadata=encoded)
    assert error_of(response)["error"] == "InvalidParameter"
    assert versions(stack, bucket) == []


# Races and files ----------------------------------------------------------------------------------


async def upload_at_once(
    stack: RunningStack, owner: Someone, bucket: str, key: str, headers: dict[str, str]
) -> list[httpx.Response]:
    responses: list[httpx.Response] = []
    limits = httpx.Limits(max_connections=100)
    async with (
        httpx.AsyncClient(
            base_url=f"{stack.supabase_url}/storage/v1",
            headers=owner.http.headers,
            limits=limits,
            timeout=120,
        ) as client,
        anyio.create_task_group() as tasks,
    ):

        async def upload(number: int) -> None:
            responses.append(
                await client.post(
                    f"/object/{bucket}/{key}",
                    content=b"%03d" % number * 1000,
                    headers={"content-type": TEXT, **headers},
                )
            )

        for number in range(100):
            tasks.start_soon(upload, number)
    return responses


def test_permission_lost_while_the_body_arrives_stores_nothing(
    stack: RunningStack, owner: Someone, bucket: str
) -> None:
    before = files_on_disk(stack)

    def body() -> Iterator[bytes]:
        yield b"x" * 2_000_000
        with psycopg.connect(stack.database_url) as connection:
            policy = sql.Identifier(f"{bucket}_insert")
            connection.execute(
                sql.SQL("alter policy {} on storage.objects with check (false)").format(policy)
            )
        yield b"y"

    response = owner.http.post(
        f"/object/{bucket}/{owner.id}/x", content=body(), headers={"content-type": TEXT}
    )
    assert error_of(response) == RLS
    assert versions(stack, bucket) == []
    assert files_on_disk(stack) == before


@pytest.mark.anyio
async def test_readers_always_find_a_whole_file_while_it_is_replaced(
    stack: RunningStack, owner: Someone, bucket: str, stored: str
) -> None:
    path = f"/object/{bucket}/{stored}"
    seen: set[tuple[int, int, int]] = set()
    async with httpx.AsyncClient(
        base_url=f"{stack.supabase_url}/storage/v1", headers=owner.http.headers, verify=False
    ) as client:

        async def replace() -> None:
            for number in range(15):
                sent = await client.put(
                    path, content=b"%02d" % number * 5000, headers={"content-type": TEXT}
                )
                assert sent.status_code == 200

        async def read() -> None:
            for _ in range(15):
                got = await client.get(path)
                seen.add((got.status_code, len(got.content), len(set(got.content))))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(replace)
            for _ in range(4):
                tasks.start_soon(read)
    # The first content, or one of the others, which repeat one or two digits.
    assert seen <= {(200, 10, 10), (200, 10_000, 1), (200, 10_000, 2)}


@pytest.mark.anyio
async def test_of_a_hundred_uploads_to_one_path_exactly_one_wins(
    stack: RunningStack, owner: Someone, bucket: str
) -> None:
    before = files_on_disk(stack)
    key = f"{owner.id}/contested"
    responses = await upload_at_once(stack, owner, bucket, key, {})
    won = [response for response in responses if response.status_code == 200]
    assert len(won) == 1
    assert all(
        response.json() == DUPLICATE for response in responses if response.status_code != 200
    )
    content = owner.get(bucket, key).content
    assert content == content[:3] * 1000
    assert files_on_disk(stack) - before == set(versions(stack, bucket))


@pytest.mark.anyio
async def test_of_a_hundred_upserts_to_one_path_one_remains_whole_and_no_file_is_left(
    stack: RunningStack, owner: Someone, bucket: str
) -> None:
    before = files_on_disk(stack)
    key = f"{owner.id}/contested"
    responses = await upload_at_once(stack, owner, bucket, key, {"x-upsert": "true"})
    assert {response.status_code for response in responses} == {200}
    content = owner.get(bucket, key).content
    assert content == content[:3] * 1000
    assert len(content) == 3000
    assert len(versions(stack, bucket)) == 1
    assert files_on_disk(stack) - before == set(versions(stack, bucket))


def test_replacing_copying_moving_and_removing_leave_no_file_behind(
    stack: RunningStack, owner: Someone, bucket: str, make_bucket: MakeBucket
) -> None:
    other = make_bucket()
    before = files_on_disk(stack)
    a, b, c = (f"{owner.id}/{name}" for name in "abc")
    assert owner.put(bucket, a, b"one").status_code == 200
    assert owner.put(bucket, a, b"two", x_upsert="true").status_code == 200

    def relocate(action: str, source: str, destination: str, to: str) -> httpx.Response:
        body = {
            "bucketId": bucket,
            "sourceKey": source,
            "destinationKey": destination,
            "destinationBucket": to,
        }
        return owner.http.post(f"/object/{action}", json=body)

    assert relocate("copy", a, b, bucket).json()["Key"] == f"{bucket}/{b}"
    assert error_of(relocate("copy", a, b, bucket)) == DUPLICATE
    assert relocate("copy", a, a, other).status_code == 200
    assert error_of(relocate("move", b, a, bucket)) == DUPLICATE
    assert relocate("move", b, c, other).json()["message"] == "Successfully moved"
    assert error_of(owner.get(bucket, b)) == NOT_FOUND
    # A copy lives on when its source goes.
    assert owner.http.delete(f"/object/{bucket}/{a}").status_code == 200
    assert owner.get(other, a).content == owner.get(other, c).content == b"two"
    kept = set(versions(stack, bucket)) | set(versions(stack, other))
    assert files_on_disk(stack) - before == kept
    assert len(kept) == 2
    owner.http.request("DELETE", f"/object/{other}", json={"prefixes": [a, c]})
    assert files_on_disk(stack) == before


def test_names_on_disk_come_from_the_server_alone(
    stack: RunningStack, bucket: str, stored: str
) -> None:
    root = stack.state_dir / "storage"
    for path in root.rglob("*"):
        relative = str(path.relative_to(root))
        assert stored.partition("/")[0] not in relative
        assert bucket not in relative
    assert Path(root / "objects").stat().st_mode & 0o077 == 0
