"""Who reads, writes, moves and removes which stored files, as the policies alone decide it.

The storage server asks them with the user's role and claims; here SQL does. Statements without a
condition are tried too: then no other policy but that for the command decides what is touched.
"""

import json
from dataclasses import dataclass

import pytest

from .harness import Bench, Session, refused

UPLOADS = ["raw-videos", "reference-images"]
RESULTS = ["final-videos", "final-images", "thumbnails", "voiceovers"]


@dataclass(frozen=True, slots=True)
class Folders:
    """Two users, each with a file in every bucket, and a finished and an unfinished result.

    Attributes:
        me: Who acts.
        them: Somebody else.
    """

    bench: Bench
    me: str
    them: str

    def files(self, *users: str) -> set[tuple[str, str]]:
        """Return bucket and name of all that there is in some users' folders."""
        return {
            (str(bucket), str(name))
            for user in users
            for bucket, name in self.bench.rows(
                "select bucket_id, name from storage.objects where starts_with(name, %s)", user
            )
        }


def put(bench: Bench, bucket: str, name: str, size: int = 1) -> None:
    """Store a file's row, as the services do."""
    bench.run(
        "insert into storage.objects (bucket_id, name, metadata) values (%s, %s, %s)",
        bucket,
        name,
        json.dumps({"mimetype": "image/png", "size": size}),
    )


@pytest.fixture
def folders(bench: Bench) -> Folders:
    folders = Folders(bench, bench.person(), bench.person())
    for user in (folders.me, folders.them):
        for bucket in UPLOADS:
            put(bench, bucket, f"{user}/up/file")
        for bucket in RESULTS:
            put(bench, bucket, f"{user}/job/unfinished")
            put(bench, bucket, f"{user}/job/result")
            bench.run(
                "insert into public.assets"
                " (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
                " values (%s, 'image', %s, %s, 'image/png', 1)",
                user,
                bucket,
                f"{user}/job/result",
            )
    return folders


def seen(session: Session) -> set[tuple[str, str]]:
    """Return bucket and name of all files that a session sees."""
    return {(b, n) for b, n in session.rows("select bucket_id, name from storage.objects")}


# Reading ------------------------------------------------------------------------------------------


def test_users_see_their_uploads_and_finished_results(folders: Folders) -> None:
    with folders.bench.owner(folders.me) as session:
        assert seen(session) == {
            *((bucket, f"{folders.me}/up/file") for bucket in UPLOADS),
            *((bucket, f"{folders.me}/job/result") for bucket in RESULTS),
        }


def test_visitors_see_no_file(folders: Folders) -> None:
    with folders.bench.anonymous() as session:
        assert seen(session) == set()


def test_folder_further_down_a_path_is_nobodys(folders: Folders) -> None:
    # Names that nobody can write any more.
    folders.bench.run("set session_replication_role = replica")
    put(folders.bench, "reference-images", f"{folders.them}/{folders.me}/file")
    put(folders.bench, "reference-images", f"x{folders.me}/file")
    put(folders.bench, "reference-images", folders.me)
    folders.bench.run("set session_replication_role = origin")
    with folders.bench.owner(folders.me) as session:
        assert {name.rpartition("/")[2] for _, name in seen(session)} == {"file", "result"}
        assert len(seen(session)) == 6


def test_bucket_that_is_added_later_is_closed(folders: Folders) -> None:
    bucket = f"later-{folders.me}"
    bench = folders.bench
    with bench.undone():
        bench.run("insert into storage.buckets (id, name) values (%s, %s)", bucket, bucket)
        put(bench, bucket, f"{folders.me}/up/file")
        bench.rows(
            "select set_config('request.jwt.claims', %s, true)", json.dumps({"sub": folders.me})
        )
        bench.run("set local role authenticated")
        assert {each for each, _ in seen(bench)} == {*UPLOADS, *RESULTS}
        with refused("42501"):
            write(bench, bucket, f"{folders.me}/up/new")


def test_buckets_themselves_are_not_listed(bench: Bench) -> None:
    with bench.owner(bench.person()) as session:
        assert session.rows("select id from storage.buckets") == []
        with refused("42501"):
            session.run("insert into storage.buckets (id, name, public) values ('x', 'x', true)")
        assert session.run("update storage.buckets set public = true") == 0


# Writing ------------------------------------------------------------------------------------------


def write(session: Session, bucket: str, name: str) -> int:
    """Upload a file, as the storage server asks the policies beforehand."""
    return session.run(
        "insert into storage.objects (bucket_id, name, owner_id) values (%s, %s, auth.uid()::text)",
        bucket,
        name,
    )


@pytest.mark.parametrize("bucket", [*UPLOADS, *RESULTS])
def test_users_upload_into_their_folder_of_two_buckets(folders: Folders, bucket: str) -> None:
    with folders.bench.owner(folders.me) as session:
        if bucket in UPLOADS:
            assert write(session, bucket, f"{folders.me}/up/new") == 1
        else:
            with refused("42501"):
                write(session, bucket, f"{folders.me}/up/new")
        for name in (f"{folders.them}/up/new", "new", f"{folders.them}/{folders.me}/new"):
            with refused("42501"):
                write(session, bucket, name)
    with folders.bench.anonymous() as session, refused("42501"):
        write(session, bucket, f"{folders.me}/up/new")


@pytest.mark.parametrize(
    "there",
    ["$them/up/moved", "moved", "$them/$me/moved"],
    ids=["another's folder", "no folder", "one's own in another's"],
)
def test_users_move_nothing_out_of_their_folder(folders: Folders, there: str) -> None:
    name = there.replace("$them", folders.them).replace("$me", folders.me)
    move = "update storage.objects set name = %s where bucket_id = 'raw-videos' and name = %s"
    with folders.bench.owner(folders.me) as session:
        with refused("42501"):
            session.run(move, name, f"{folders.me}/up/file")
        assert session.run(move, f"{folders.me}/up/moved", f"{folders.me}/up/file") == 1
        assert session.run(move, f"{folders.me}/up/theirs", f"{folders.them}/up/file") == 0


@pytest.mark.parametrize("bucket", RESULTS)
def test_users_move_nothing_between_uploads_and_results(folders: Folders, bucket: str) -> None:
    move = "update storage.objects set bucket_id = %s where bucket_id = %s and name = %s"
    with folders.bench.owner(folders.me) as session:
        with refused("42501"):
            session.run(move, bucket, "raw-videos", f"{folders.me}/up/file")
        assert session.run(move, "raw-videos", bucket, f"{folders.me}/job/result") == 0


def test_users_write_over_their_uploads_and_nothing_else(folders: Folders) -> None:
    with folders.bench.owner(folders.me) as session, session.undone():
        assert session.run("update storage.objects set version = 'x'") == len(UPLOADS)
    with folders.bench.anonymous() as session, session.undone():
        assert session.run("update storage.objects set version = 'x'") == 0


def test_users_remove_their_uploads_and_nothing_else(folders: Folders) -> None:
    theirs = folders.files(folders.them)
    with folders.bench.owner(folders.me) as session:
        # The storage server says so before it removes a row with its file.
        session.run("set storage.allow_delete_query = 'true'")
        assert session.run("delete from storage.objects") == len(UPLOADS)
    assert folders.files(folders.them) == theirs
    assert {bucket for bucket, _ in folders.files(folders.me)} == set(RESULTS)
    with folders.bench.anonymous() as session:
        session.run("set storage.allow_delete_query = 'true'")
        assert session.run("delete from storage.objects") == 0


# Room ---------------------------------------------------------------------------------------------


def test_users_write_over_nothing_once_there_is_no_room(bench: Bench) -> None:
    user = bench.person()
    [room] = bench.column(
        "select max_storage_bytes from public.subscription_plans where tier = 'free'"
    )
    put(bench, "raw-videos", f"{user}/up/file", size=room - 1)
    over = "update storage.objects set version = 'x' where bucket_id = 'raw-videos'"
    with bench.owner(user) as session:
        assert session.run(over) == 1
        put(bench, "raw-videos", f"{user}/up/more", size=1)
        with refused("42501"):
            session.run(over)


def test_results_of_jobs_take_no_room(bench: Bench) -> None:
    user = bench.person()
    put(bench, "final-videos", f"{user}/job/result", size=10**15)
    with bench.owner(user) as session:
        assert write(session, "raw-videos", f"{user}/up/new") == 1


def test_closed_account_uploads_nothing(bench: Bench) -> None:
    user = bench.person()
    put(bench, "raw-videos", f"{user}/up/file")
    bench.run("update public.profiles set deleted_at = now() where user_id = %s", user)
    with bench.owner(user) as session:
        with refused("42501"):
            write(session, "raw-videos", f"{user}/up/new")
        with refused("42501"):
            session.run("update storage.objects set version = 'x'")
