"""The short form of the chaos, and proof that the verdict sees what is wrong.

`make chaos` plays the long form.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reelbase.local.pytest_plugin import running_stack

from .driver import Script, play
from .plan import PARTS
from .verdict import Books, Promise, judge

SCRIPT = Script(
    jobs=60, kills=10, seed=20, users=6, dispatchers=2, lease_seconds=2, under_way=40,
    lasts_seconds=5, pause_seconds=1,
)  # fmt: skip


def test_nothing_is_lost_doubled_or_left_behind_while_every_part_is_killed_and_frozen(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with running_stack(tmp_path / "stack", request.config.rootpath) as stack:
        report = play(SCRIPT, stack, tmp_path)
    told = "\n".join(report.lines())
    assert report.verdict.violations == [], told
    assert {name.split()[0] for name in report.blows} == set(PARTS), told
    # It was no easy day: things failed, and things went well all the same.
    for each in ("completed", "cancelled", "submissions", "results", "webhooks", "dependencies"):
        assert report.verdict.tally[each] > 0, told


JOB = "job-1"


def said(what: str, at: float, name: str = "a", **facts: Any) -> dict[str, Any]:
    return {"at": at, "what": what, "id": name, **facts}


def accepted(at: float, name: str = "a", flavour: str = "chaos-open") -> dict[str, Any]:
    return said(
        "accepted", at, name, flavour=flavour, reference=JOB, outputs=["f" * 64], number=1
    )  # fmt: skip


def good_books() -> Books:
    """One job that went well."""
    return Books(
        jobs=[
            {
                "id": JOB, "user_id": "user", "status": "completed", "credit_cost": 2,
                "is_refunded": False, "attempt_count": 1, "max_attempts": 3, "error_code": None,
                "provider_job_id": "a", "finished_at": 100.0, "is_hidden": False,
                "idempotency_key": "key",
            }
        ],
        events=[
            {"job_id": JOB, "from_status": None, "to_status": "queued"},
            {"job_id": JOB, "from_status": "queued", "to_status": "starting"},
            {"job_id": JOB, "from_status": "starting", "to_status": "completed"},
        ],
        attempts=[{"job_id": JOB, "attempt": 1, "outcome": "succeeded", "provider_job_id": "a"}],
        ledger=[{"job_id": JOB, "type": "deduction", "status": "completed", "amount": -2}],
        assets=[{"id": "x", "bucket": "final-images", "storage_path": "p", "sha256": "f" * 64}],
        results=[{"job_id": JOB, "position": 0, "asset_id": "x", "sha256": "f" * 64}],
        objects=[{"bucket_id": "final-images", "name": "p", "version": "v"}],
        files={"v"},
    )  # fmt: skip


def retried_books() -> Books:
    """One job that went well the second time."""
    books = good_books()
    first = {"job_id": JOB, "attempt": 1, "outcome": "failed", "provider_job_id": "a"}
    books.attempts[:] = [first, books.attempts[0] | {"attempt": 2}]
    return books


def cancelled_books() -> Books:
    """One job that its user cancelled while it ran."""
    books = good_books()
    books.jobs[0] |= {"status": "cancelled", "is_refunded": True}
    books.events[-1]["to_status"] = "cancelled"
    books.attempts[0]["outcome"] = "cancelled"
    books.ledger[0]["status"] = "refunded"
    books.ledger.append({"job_id": JOB, "type": "refund", "status": "completed", "amount": 2})
    books.assets, books.results, books.objects, books.files = [], [], [], set()
    return books


GOOD = [accepted(1), said("ended", 2, status="succeeded")]


def test_verdict_finds_nothing_where_all_is_well() -> None:
    assert judge(GOOD, good_books()).violations == []
    stopped = [accepted(99), said("cancelled", 101, was="running")]
    assert judge(stopped, cancelled_books()).violations == []


@pytest.mark.parametrize("flavour", ["chaos-open", "chaos-blind", "chaos-quick"])
def test_verdict_finds_a_second_submission_while_the_first_may_live(flavour: str) -> None:
    twice = [accepted(1, flavour=flavour), said("told", 2, status="running")]
    twice += [accepted(3, "b", flavour=flavour), said("told", 4, status="failed")]
    (found,) = judge(twice, retried_books()).violations
    assert "was submitted as b while a was not known to be lost" in found
    assert '"told"' in found


def test_verdict_accepts_a_second_submission_once_the_first_is_known_to_be_lost() -> None:
    again = [accepted(1), said("told", 2, status="failed"), accepted(3, "b")]
    assert judge(again, retried_books()).violations == []
    cheap = [accepted(1, flavour="chaos-cheap"), accepted(3, "b", flavour="chaos-cheap")]
    assert judge(cheap, retried_books()).violations == []


def test_verdict_finds_work_that_goes_on_at_the_provider_for_nobody() -> None:
    (found,) = judge([accepted(1)], cancelled_books()).violations
    assert "the provider was never told" in found


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda books: books.jobs[0].update(status="processing"), "for ever"),
        (lambda books: books.ledger.clear(), "its ledger says []"),
        (lambda books: books.jobs[0].update(is_refunded=True), "its ledger says"),
        (lambda books: books.reconciliation.append({"rule": "x"}), "reconcile_credits() found"),
        (lambda books: books.events.append(dict(books.events[-1])), "ended 2 times"),
        (lambda books: books.attempts[0].update(outcome="running"), "is running for ever"),
        (lambda books: books.attempts.clear(), "0 attempts are on record"),
        (lambda books: books.attempts.append(dict(books.attempts[0])), "2 attempts that succeeded"),
        (lambda books: books.results.append(dict(books.results[0])), "not those of one submission"),
        (lambda books: books.results[0].update(sha256="0" * 64), "not those of one submission"),
        (lambda books: books.objects.clear(), "has no file"),
        (lambda books: books.assets.clear(), "belongs to no asset"),
        (lambda books: books.files.clear(), "is not on disk"),
        (lambda books: books.files.add("w"), "which no file names"),
        (lambda books: books.tasks.append({"lease": "x"}), "worker.tasks still holds"),
        (lambda books: books.cancellations.append({"tries": 1}), "worker.cancellations still"),
        (lambda books: books.jobs.append(dict(books.jobs[0])), "made 2 jobs"),
        (lambda books: books.jobs.clear(), "is not there"),
    ],
)
def test_verdict_finds_each_harm(harm: Any, found: str) -> None:
    books = good_books()
    harm(books)
    violations = judge(GOOD, books, [Promise(1, JOB, "submitted")]).violations
    assert any(found in each for each in violations), violations


@pytest.mark.parametrize(
    ("told", "found"),
    [("cancelled", "was cancelled by its user, and is completed"), ("deleted", "and is there")],
)
def test_verdict_finds_a_broken_promise(told: str, found: str) -> None:
    (violation,) = judge(GOOD, good_books(), [Promise(1, JOB, told)]).violations
    assert found in violation


def test_verdict_finds_a_child_that_ran_without_its_parent() -> None:
    books = good_books()
    books.jobs.append(cancelled_books().jobs[0] | {"id": "parent", "idempotency_key": None})
    books.dependencies.append({"job_id": JOB, "depends_on_job_id": "parent"})
    violations = judge(GOOD, books).violations
    assert any("its parent parent cancelled" in each for each in violations)


def test_plan_is_the_same_for_the_same_seed_and_strikes_every_part() -> None:
    from .plan import plan_blows, plan_jobs

    assert plan_jobs(1, 50, 4) == plan_jobs(1, 50, 4) != plan_jobs(2, 50, 4)
    blows = plan_blows(1, 10, 2)
    assert blows == plan_blows(1, 10, 2)
    kills = Counter(blow.part for blow in blows if blow.how.endswith("kill"))
    freezes = Counter(blow.part for blow in blows if blow.how == "freeze")
    assert sum(kills.values()) == 10
    assert all(kills[part] >= 2 and freezes[part] >= 1 for part in PARTS)
