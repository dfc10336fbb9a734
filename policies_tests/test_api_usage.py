"""What calls to providers took and cost: written down once each, however odd what is told is."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from .harness import Bench, Session, Shop, refused

ODD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a job that is none": ({"job_id": "x"}, {"job_id": None}),
    "a job that is gone": ({"job_id": str(uuid4())}, {"job_id": None}),
    "a job that is no text": ({"job_id": {"a": 1}}, {"job_id": None}),
    "texts without end": (
        {"model": "m" * 999, "request_id": "r" * 999, "operation": "o" * 999},
        {"model": "m" * 200, "request_id": "r" * 255, "operation": "o" * 100},
    ),
    "no numbers": (
        {"latency_ms": "1", "units": True, "cost_usd": [1], "status_code": {}},
        {"latency_ms": None, "units": None, "cost_usd": None, "status_code": None},
    ),
    "numbers below zero": (
        {"latency_ms": -1, "units": -0.5, "cost_usd": -1, "status_code": -200},
        {"latency_ms": None, "units": None, "cost_usd": None, "status_code": None},
    ),
    "numbers without end": (
        {"latency_ms": 10**30, "units": 10**300, "cost_usd": 10**300, "status_code": 10**30},
        {
            "latency_ms": 2147483647,
            "units": Decimal("9999999999.9999"),
            "cost_usd": Decimal("99999999.999999"),
            "status_code": None,
        },
    ),
    "numbers between": (
        {"latency_ms": 12.5, "units": 0.00005, "cost_usd": 1e-9, "status_code": 99},
        {"latency_ms": 13, "units": Decimal("0.0001"), "cost_usd": 0, "status_code": None},
    ),
}


def call(provider: str, **more: Any) -> dict[str, Any]:
    """Return a call as it is told, of a new id unless given."""
    return {"call_id": str(uuid4()), "provider": provider, "operation": "submit"} | more


def log(session: Session, *calls: Any) -> int:
    """Tell of calls, and return how many are new."""
    return int(session.value("select worker.log_api_usage(%s)", json.dumps(list(calls))))


def written(bench: Bench, told: dict[str, Any], columns: str) -> tuple[Any, ...]:
    """Return what is written down of a call."""
    [row] = bench.rows(
        f"select {columns} from worker.api_usage_logs where call_id = %s", told["call_id"]
    )
    return row


def test_call_is_written_down_once_with_all_that_is_known_of_it(bench: Bench, shop: Shop) -> None:
    job = shop.job(bench.person())
    told = call(
        shop.provider,
        model="m",
        job_id=job.id,
        request_id="r",
        latency_ms=1200,
        units=4.5,
        cost_usd=0.25,
        status_code=201,
    )
    other = call(shop.provider, operation="cancel")
    with bench.service() as session:
        assert log(session, told, other, told) == 2
        assert log(session, told | {"units": 9}, call(shop.provider)) == 1
        assert log(session) == 0
        with refused("42501"):
            session.run("insert into worker.api_usage_logs (provider, operation) values ('x', 'x')")
    assert written(
        bench,
        told,
        "provider, operation, model, job_id::text, request_id, latency_ms, units, cost_usd,"
        " status_code, created_at > now() - interval '1 minute'",
    ) == (
        *(shop.provider, "submit", "m", job.id, "r", 1200),
        *(Decimal("4.5"), Decimal("0.25"), 201, True),
    )


@pytest.mark.parametrize("case", ODD)
def test_odd_value_is_left_out_or_cut_and_the_call_is_written_all_the_same(
    bench: Bench, shop: Shop, case: str
) -> None:
    told, expected = ODD[case]
    odd, good = call(shop.provider, **told), call(shop.provider)
    with bench.service() as session:
        assert log(session, odd, good) == 2
    assert written(bench, odd, ", ".join(expected)) == (
        *(str(x) if name == "job_id" and x else x for name, x in expected.items()),
    )


@pytest.mark.parametrize(
    "odd",
    [
        *(None, 1, "x", [], {}),
        *({"call_id": call_id} for call_id in (None, 1, "x", f"{uuid4()}x")),
        *({"provider": provider} for provider in (None, "")),
        *({"operation": operation} for operation in (None, "")),
    ],
)
def test_what_is_no_call_spoils_no_other(bench: Bench, shop: Shop, odd: Any) -> None:
    if isinstance(odd, dict) and odd:
        odd = call(shop.provider) | odd
    with bench.service() as session:
        assert log(session, call(shop.provider), odd, call(shop.provider)) == 2


@pytest.mark.parametrize("told", ["null", "{}", "1"])
def test_calls_are_an_array(bench: Bench, told: str) -> None:
    with bench.service() as session, refused("PT400", "invalid_calls"):
        session.rows("select worker.log_api_usage(%s)", told)


@pytest.mark.parametrize(
    ("at", "is_kept"),
    [
        ("{0}T12:34:56Z", True),
        ("{0}T12:34:56.789012+00:00", True),
        ("{0}T12:34:56", False),
        ("2020-01-01T00:00:00Z", False),
        ("2999-01-01T00:00:00Z", False),
        ("2026-13-45T99:99:99Z", False),
        ("infinity", False),
        ("yesterday", False),
        (1700000000, False),
        (None, False),
    ],
)
def test_time_of_a_call_is_kept_where_it_can_be(
    bench: Bench, shop: Shop, at: Any, is_kept: bool
) -> None:
    yesterday = bench.value("select ((now() at time zone 'UTC')::date - 1)::text")
    told = call(shop.provider, at=at.format(yesterday) if isinstance(at, str) else at)
    with bench.service() as session:
        assert log(session, told) == 1
    [when, is_now] = written(
        bench,
        told,
        "to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),"
        " created_at > now() - interval '1 minute'",
    )
    assert is_now is not is_kept
    assert not is_kept or when == f"{yesterday} 12:34:56"


def test_cost_is_worked_out_where_the_provider_does_not_say(bench: Bench, shop: Shop) -> None:
    with bench.service() as session:
        session.run(
            "insert into worker.provider_rates (provider, provider_model, unit, usd_per_unit)"
            " values (%s, 'm', 'second', 0.0625)",
            shop.provider,
        )
        asked = {"model": "m", "units": 10}
        cases: list[tuple[dict[str, Any], Decimal | None]] = [
            (asked, Decimal("0.625")),
            (asked | {"operation": "look_up"}, Decimal("0.625")),
            (asked | {"operation": "recover"}, Decimal("0.625")),
            (asked | {"cost_usd": 0.5}, Decimal("0.5")),
            (asked | {"cost_usd": 0}, Decimal(0)),
            (asked | {"operation": "fetch"}, None),
            (asked | {"model": "n"}, None),
            ({"model": "m"}, None),
            (asked | {"units": 10**12}, Decimal("99999999.999999")),
        ]
        calls = [call(shop.provider, **told) for told, _ in cases]
        assert log(session, *calls) == len(cases)
    assert [written(bench, told, "cost_usd")[0] for told in calls] == [cost for _, cost in cases]


def test_job_that_is_just_being_deleted_is_not_waited_for(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    told = call(shop.provider, job_id=job.id)
    with bench.service() as session, bench.superuser() as other, other.connection.transaction():
        other.run("delete from auth.users where id = %s", user)
        assert log(session, told) == 1
    assert written(bench, told, "job_id") == (None,)


def test_cost_stays_when_its_job_goes(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    told = call(shop.provider, job_id=shop.job(user).id, cost_usd=1)
    with bench.service() as session:
        log(session, told)
    bench.run("delete from auth.users where id = %s", user)
    assert written(bench, told, "job_id, cost_usd") == (None, 1)
