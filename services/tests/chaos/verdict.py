"""What must be true when all is over, judged from the provider's journal and the database.

Nothing here looks at logs or asks a dispatcher: what was submitted is what the provider says, what
was charged and stored is what the database says. Every finding is a sentence with its evidence.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from .plan import FLAVOURS

__all__ = ["Books", "Promise", "Verdict", "judge", "read_books", "read_journal"]

Row = dict[str, Any]

NOTICE_SECONDS = 1.0
"""A submission that ended so shortly after its job did may not have been worth a word."""

KNOWN_LOST = frozenset({"failed", "forgotten", "unknown", "cancelled"})
"""What a provider says of a submission that will never deliver."""

RESULTS = ("final-videos", "final-images", "voiceovers", "thumbnails")


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that a user was told: `submitted`, `cancelled`, `kept` (too late) or `deleted`."""

    number: int
    job: str
    what: str


@dataclass(slots=True)
class Books:
    """The database at the end, read in one go; each is a list of rows.

    Attributes:
        files: What lies on disk, by version, as the gateway names it.
    """

    jobs: list[Row] = field(default_factory=list)
    dependencies: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    assets: list[Row] = field(default_factory=list)
    results: list[Row] = field(default_factory=list)
    objects: list[Row] = field(default_factory=list)
    reconciliation: list[Row] = field(default_factory=list)
    tasks: list[Row] = field(default_factory=list)
    cancellations: list[Row] = field(default_factory=list)
    upload_checks: list[Row] = field(default_factory=list)
    file_removals: list[Row] = field(default_factory=list)
    files: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Verdict:
    """What was found, and what was looked at."""

    violations: list[str] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)


QUERIES = {
    "jobs": "select id::text, user_id::text, kind::text, provider, status::text, credit_cost,"
    " is_refunded, output_count, attempt_count, max_attempts, provider_job_id, error_code,"
    " extract(epoch from finished_at)::float as finished_at, hidden_at is not null as is_hidden,"
    " idempotency_key, prompt from public.generation_jobs",
    "dependencies": "select job_id::text, depends_on_job_id::text from public.job_dependencies",
    "events": "select job_id::text, from_status::text, to_status::text from public.job_events"
    " order by job_id, created_at, id",
    "attempts": "select job_id::text, attempt, outcome, provider_job_id from worker.attempts"
    " order by job_id, attempt",
    "ledger": "select job_id::text, type::text, status::text, amount"
    " from public.credit_transactions where job_id is not null",
    "assets": "select id::text, bucket, storage_path, sha256, hidden_at is not null as is_hidden"
    " from public.assets",
    "results": "select job_assets.job_id::text, job_assets.role::text, job_assets.position,"
    " job_assets.asset_id::text, assets.sha256 from public.job_assets"
    " inner join public.assets on assets.id = job_assets.asset_id"
    " where job_assets.role not in ('reference_image', 'source_video', 'source_audio')",
    "objects": "select bucket_id, name, version from storage.objects",
    "reconciliation": "select * from private.reconcile_credits()",
    "tasks": "select * from worker.tasks",
    "cancellations": "select * from worker.cancellations",
    "upload_checks": "select * from worker.upload_checks",
    "file_removals": "select * from worker.file_removals",
}


def read_books(url: str, files: Path) -> Books:
    """Read everything that is judged, as it was at one moment.

    Args:
        url: The database, as superuser.
        files: The folder of stored files.
    """
    books = Books()
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for name, query in QUERIES.items():
            setattr(books, name, connection.execute(query.encode()).fetchall())
    books.files = {path.name for path in files.glob("*/*")}
    return books


def read_journal(path: Path) -> list[Row]:
    """Read what the provider wrote."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def judge(journal: Sequence[Row], books: Books, promises: Sequence[Promise] = ()) -> Verdict:
    """Look at everything."""
    verdict = Verdict()
    rules: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: submitted_once(journal, verdict.tally),
        lambda: written_down_before(journal, books),
        lambda: told_of_the_end(journal, books, verdict.tally),
        lambda: ended(books, verdict.tally),
        lambda: charged_rightly(books),
        lambda: lived_rightly(books),
        lambda: followed_parents(books, verdict.tally),
        lambda: delivered_once(journal, books, verdict.tally),
        lambda: stored_exactly(books, verdict.tally),
        lambda: left_nothing(books),
        lambda: kept_promises(books, promises, verdict.tally),
    )
    for rule in rules:
        verdict.violations.extend(rule())
    verdict.tally["webhooks"] = sum(each["what"] == "webhook" for each in journal)
    verdict.tally["refused submissions"] = sum(each["what"] == "refused" for each in journal)
    return verdict


def submissions_by_reference(journal: Sequence[Row]) -> dict[str, list[Row]]:
    """What was accepted, in order, by job."""
    found: dict[str, list[Row]] = defaultdict(list)
    for each in journal:
        if each["what"] == "accepted":
            found[each["reference"]].append(each)
    return found


def excerpt(journal: Sequence[Row], reference: str) -> str:
    """All that the journal says of one job, for whoever has to find out."""
    ids = {
        each["id"]
        for each in journal
        if each["what"] == "accepted" and each["reference"] == reference
    }
    lines = [
        json.dumps(each)
        for each in journal
        if each.get("reference") == reference or each.get("id") in ids
    ]
    return "\n    ".join(["", *lines])


def submitted_once(journal: Sequence[Row], tally: Counter[str]) -> Iterator[str]:
    """No second submission, unless each earlier one was known to be lost before it."""
    told: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for each in journal:
        if each["what"] == "told":
            told[each["id"]].append((each["at"], each["status"]))
    for reference, submissions in submissions_by_reference(journal).items():
        tally["submissions"] += len(submissions)
        if FLAVOURS[submissions[0]["flavour"]].is_repeatable:
            continue
        tally["submitted again, rightly"] += len(submissions) - 1
        for index, later in enumerate(submissions):
            for earlier in submissions[:index]:
                if not any(
                    at < later["at"] and status in KNOWN_LOST for at, status in told[earlier["id"]]
                ):
                    tally["submitted again, rightly"] -= 1
                    yield (
                        f"Job {reference} was submitted as {later['id']} while {earlier['id']} was "
                        f"not known to be lost.{excerpt(journal, reference)}"
                    )


def written_down_before(journal: Sequence[Row], books: Books) -> Iterator[str]:
    """Each submission is one of the attempts on record."""
    attempts = Counter(row["job_id"] for row in books.attempts)
    for reference, submissions in submissions_by_reference(journal).items():
        if len(submissions) > attempts[reference]:
            yield (
                f"Job {reference} was submitted {len(submissions)} times, and "
                f"{attempts[reference]} attempts are on record.{excerpt(journal, reference)}"
            )


def told_of_the_end(journal: Sequence[Row], books: Books, tally: Counter[str]) -> Iterator[str]:
    """What was stopped at us while it ran there was stopped there, if we knew or could ask."""
    ended_there = {each["id"]: each["at"] for each in journal if each["what"] == "ended"}
    cancelled_there = {each["id"] for each in journal if each["what"] == "cancelled"}
    answered = {each["id"] for each in journal if each["what"] == "answered"}
    told_last = {
        each["id"]: each["at"]
        for each in journal
        if each["what"] == "told" and each["status"] != "running"
    }
    known = {row["provider_job_id"] for row in [*books.attempts, *books.jobs]}
    jobs = {job["id"]: job for job in books.jobs}
    for reference, submissions in submissions_by_reference(journal).items():
        job = jobs.get(reference)
        if job is None or job["status"] == "completed" or job["finished_at"] is None:
            continue
        for each in submissions:
            flavour = FLAVOURS[each["flavour"]]
            if not flavour.is_asynchronous:
                continue
            if each["id"] not in known and not flavour.can_be_asked:
                how = "was answered" if each["id"] in answered else "was never answered"
                tally[f"ran on unknown, {how}"] += 1
                continue
            if ended_there.get(each["id"], float("inf")) <= job["finished_at"] + NOTICE_SECONDS:
                continue
            if each["id"] not in known and told_last.get(each["id"], 0) > job["finished_at"]:
                # Found when we asked what there is of the job, and it had ended by then.
                tally["ran on, and was asked after too late"] += 1
                continue
            tally["had to be told to stop"] += 1
            if each["id"] not in cancelled_there:
                yield (
                    f"Job {reference} {job['status']} ({job['error_code']}) at "
                    f"{job['finished_at']:.3f} while {each['id']} ran on, and the provider was "
                    f"never told.{excerpt(journal, reference)}"
                )


def ended(books: Books, tally: Counter[str]) -> Iterator[str]:
    """Every job is at an end."""
    for job in books.jobs:
        tally[job["status"]] += 1
        if job["status"] not in ("completed", "failed", "cancelled", "expired"):
            yield f"Job {job['id']} is {job['status']} for ever."


def charged_rightly(books: Books) -> Iterator[str]:
    """A completed job is settled, any other refunded; and the books agree with themselves."""
    for row in books.reconciliation:
        yield f"private.reconcile_credits() found {row}."
    ledger: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in books.ledger:
        ledger[row["job_id"]].append((row["type"], row["status"]))
    right = {
        "completed": [("deduction", "completed")],
        "other": [("deduction", "refunded"), ("refund", "completed")],
    }
    for job in books.jobs:
        was_good = job["status"] == "completed"
        moves = sorted(ledger[job["id"]])
        if moves != right["completed" if was_good else "other"] or job["is_refunded"] == was_good:
            yield f"Job {job['id']} is {job['status']}, and its ledger says {moves}."


def lived_rightly(books: Books) -> Iterator[str]:
    """Each job's events lead from one state to the next and to one end; attempts are closed."""
    events: dict[str, list[Row]] = defaultdict(list)
    for event in books.events:
        events[event["job_id"]].append(event)
    for job in books.jobs:
        states = [event["to_status"] for event in events[job["id"]]]
        befores = [event["from_status"] for event in events[job["id"]]]
        if befores[1:] != states[:-1] or states[-1:] != [job["status"]]:
            yield f"Job {job['id']} is {job['status']}, and its events go {befores} to {states}."
        ends = [
            state for state in states if state in ("completed", "failed", "cancelled", "expired")
        ]
        if len(ends) != 1:
            yield f"Job {job['id']} ended {len(ends)} times: {states}."
    for attempt in books.attempts:
        if attempt["outcome"] == "running":
            yield f"Attempt {attempt['attempt']} of job {attempt['job_id']} is running for ever."
    succeeded = Counter(row["job_id"] for row in books.attempts if row["outcome"] == "succeeded")
    for job in books.jobs:
        if succeeded[job["id"]] != (job["status"] == "completed"):
            yield (
                f"Job {job['id']} is {job['status']} with {succeeded[job['id']]} attempts that "
                "succeeded."
            )


def followed_parents(books: Books, tally: Counter[str]) -> Iterator[str]:
    """What completed had parents that completed; what a failed parent left behind was cancelled."""
    jobs = {job["id"]: job for job in books.jobs}
    for row in books.dependencies:
        tally["dependencies"] += 1
        child, parent = jobs[row["job_id"]], jobs[row["depends_on_job_id"]]
        if child["status"] == "completed" and parent["status"] != "completed":
            yield f"Job {child['id']} completed, and its parent {parent['id']} {parent['status']}."
    parents: dict[str, list[str]] = defaultdict(list)
    for row in books.dependencies:
        parents[row["job_id"]].append(row["depends_on_job_id"])
    for job in books.jobs:
        fruitless = [
            parent for parent in parents[job["id"]] if jobs[parent]["status"] != "completed"
        ]
        if job["error_code"] == "parent_failed" and not fruitless:
            yield f"Job {job['id']} was cancelled for its parents' sake, and all of them completed."


def delivered_once(journal: Sequence[Row], books: Books, tally: Counter[str]) -> Iterator[str]:
    """A completed job has its outputs once, of one submission of its own; no other job has any."""
    made = submissions_by_reference(journal)
    results: dict[str, list[Row]] = defaultdict(list)
    for row in books.results:
        results[row["job_id"]].append(row)
    for job in books.jobs:
        own = sorted(results[job["id"]], key=lambda row: row["position"])
        if job["status"] != "completed":
            if own:
                yield f"Job {job['id']} {job['status']} and has results: {own}."
            continue
        tally["results"] += len(own)
        hashes = [row["sha256"] for row in own]
        if not any(hashes == each["outputs"] for each in made[job["id"]]):
            yield (
                f"Job {job['id']} has the results {hashes}, which are not those of one submission "
                f"of its own.{excerpt(journal, job['id'])}"
            )


def stored_exactly(books: Books, tally: Counter[str]) -> Iterator[str]:
    """Each asset has its file, each file its asset and its bytes, and no other bytes are left."""
    objects = {(row["bucket_id"], row["name"]): row["version"] for row in books.objects}
    assets = {(row["bucket"], row["storage_path"]) for row in books.assets}
    tally["files"] = len(objects)
    for place in assets - objects.keys():
        yield f"Asset {place} has no file."
    for place in objects.keys() - assets:
        if place[0] in RESULTS:
            yield f"File {place} belongs to no asset."
    for place, version in objects.items():
        if version not in books.files:
            yield f"File {place} is not on disk."
    for version in books.files - set(objects.values()):
        yield f"On disk lies {version}, which no file names."


def left_nothing(books: Books) -> Iterator[str]:
    """No task, no lease, no word that a provider is still to be told, no file to be removed."""
    for name in ("tasks", "cancellations", "upload_checks", "file_removals"):
        for row in getattr(books, name):
            told = {key: str(value) for key, value in row.items() if value is not None}
            yield f"worker.{name} still holds {told}."


def kept_promises(books: Books, promises: Sequence[Promise], tally: Counter[str]) -> Iterator[str]:
    """What a user was told holds."""
    jobs = {job["id"]: job for job in books.jobs}
    keys = Counter(job["idempotency_key"] for job in books.jobs)
    for key, count in keys.items():
        if key is not None and count > 1:
            yield f"Idempotency key {key} made {count} jobs."
    for promise in promises:
        tally[f"users told: {promise.what}"] += 1
        job = jobs.get(promise.job)
        if job is None:
            yield f"Job {promise.job} ({promise.number}) was {promise.what}, and is not there."
        elif promise.what == "cancelled" and job["status"] != "cancelled":
            yield f"Job {job['id']} was cancelled by its user, and is {job['status']}."
        elif promise.what == "kept" and job["status"] not in ("completed", "failed", "expired"):
            yield f"Job {job['id']} had ended, and is {job['status']}."
        elif promise.what == "deleted" and not job["is_hidden"]:
            yield f"Job {job['id']} was deleted by its user, and is there."
