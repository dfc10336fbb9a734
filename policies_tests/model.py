"""What accounts should hold: a plain model of credits, in Python, to be compared with the database.

It is told facts (somebody signed up, a payment was settled, a month went by) and keeps lots and a
list of movements; whatever else an account says is a sum over these. It is written from what
credits promise and not from the SQL, and as simply as can be: one user at a time, no locks, no
indexes, nothing that is stored twice. Where the two differ, one of them is wrong.

Each fact is a method. What must be refused raises `RefusedError`, before anything has changed.
"""

import calendar
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, NoReturn, TypeVar

__all__ = [
    "PLANS",
    "Account",
    "Dispute",
    "Entry",
    "Job",
    "Lot",
    "Model",
    "Package",
    "Payment",
    "Plan",
    "RefusedError",
    "Subscription",
    "months_later",
]

CENT = Decimal("0.01")
NOTHING = Decimal(0)
BONUS = Decimal(100)
GRACE = timedelta(days=7)
SUBSCRIPTION_GRACE = timedelta(days=3)
DEADLINE = timedelta(hours=48)
LARGEST = Decimal("99999999.99")
LIMIT = Decimal(90_000_000)


class RefusedError(Exception):
    """The books must refuse this, with a code and a hint."""

    def __init__(self, code: str, hint: str = "") -> None:
        super().__init__(f"{code} {hint}".strip())


def refuse(code: str, hint: str = "") -> NoReturn:
    """Refuse."""
    raise RefusedError(code, hint)


def cents(amount: Decimal) -> Decimal:
    """Round to two decimals, as money is: half a cent is one."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def months_later(start: datetime, months: int) -> datetime:
    """Return the same day of a later month, or that month's last day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a tier grants each month, for how many months more it may be spent, and its price."""

    rank: int
    allowance: Decimal
    rollover: int
    price: int


@dataclass(frozen=True, slots=True)
class Package:
    """Credits for sale."""

    credits: Decimal
    price: int
    currency: str


@dataclass(slots=True, eq=False)
class Lot:
    """Credits that came in together."""

    id: str
    kind: str
    amount: Decimal
    priority: int = 0
    ends: datetime | None = None
    payment: "Payment | None" = None
    replaces: "Lot | None" = None
    left: Decimal = NOTHING

    def comes_of(self, payment: "Payment") -> bool:
        """Tell whether a payment brought it, or the lot in whose place it is."""
        return payment in (self.payment, self.replaces and self.replaces.payment)

    def has_ended(self, now: datetime) -> bool:
        """Tell whether it cannot be spent any more."""
        return self.ends is not None and self.ends <= now


@dataclass(slots=True, eq=False)
class Entry:
    """A movement.

    Attributes:
        moves: What it did to which lot, in order.
        is_change: Whether it takes an allowance back because the tier was changed.
        returned: What of it was given back since, for which lot.
    """

    kind: str
    moves: dict[Lot, Decimal]
    reverses: "Entry | None" = None
    payment: "Payment | None" = None
    is_change: bool = False
    returned: dict[Lot, Decimal] = field(default_factory=dict)

    @property
    def amount(self) -> Decimal:
        """All that it moved."""
        return sum(self.moves.values(), NOTHING)

    @property
    def unreturned(self) -> Decimal:
        """What it took and was not given back."""
        return -self.amount - sum(self.returned.values(), NOTHING)


@dataclass(slots=True, eq=False)
class Job:
    """A wish, and how far it has come."""

    id: str
    cost: Decimal
    status: str
    charge: Entry | None = None
    lease: str | None = None
    lease_ends: datetime | None = None
    attempts: int = 0
    deadline: datetime | None = None
    outcomes: dict[str, str] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Tell whether it is charged for and has not ended."""
        return self.status in ("queued", "starting", "processing", "finalizing")

    @property
    def is_draft(self) -> bool:
        """Tell whether nothing was charged for it yet."""
        return self.status == "pending"

    def is_held(self, lease: str | None, now: datetime) -> bool:
        """Tell whether somebody's lease on it holds."""
        return (
            self.is_active
            and lease is not None
            and self.lease == lease
            and self.lease_ends is not None
            and self.lease_ends > now
        )


@dataclass(slots=True)
class Dispute:
    """What a bank was asked to take back; None: all of the payment."""

    amount: int | None = None
    outcome: str = "open"


@dataclass(slots=True, eq=False)
class Payment:
    """What is known of a payment, and what it led to."""

    id: str
    amount: int
    currency: str
    opened: datetime
    credits: Decimal | None = None
    tier: str | None = None
    subscription: str | None = None
    is_paid: bool = False
    paid: datetime | None = None
    is_given: bool = False
    is_processing: bool = False
    is_failed: bool = False
    is_expired: bool = False
    refunded: int = 0
    disputes: dict[str, Dispute] = field(default_factory=dict)
    reference: str | None = None
    owed: Decimal = NOTHING

    @property
    def lost(self) -> int:
        """What lost disputes took, in minor units."""
        lost = [each for each in self.disputes.values() if each.outcome == "lost"]
        named = (self.amount if each.amount is None else each.amount for each in lost)
        return min(sum(named), self.amount)

    @property
    def returned(self) -> int:
        """All that went back, in minor units."""
        return min(self.refunded + self.lost, self.amount)

    @property
    def status(self) -> str:
        """What the table says."""
        if not self.is_paid:
            for said, status in (
                (self.is_expired, "expired"),
                (self.is_failed, "failed"),
                (self.is_processing, "processing"),
            ):
                if said:
                    return status
            return "pending"
        if any(each.outcome == "open" for each in self.disputes.values()):
            return "disputed"
        return "refunded" if self.returned == self.amount > 0 else "succeeded"


@dataclass(slots=True)
class Period:
    """A time that is paid for, once its payment is, or given."""

    starts: datetime
    ends: datetime
    is_trial: bool
    payment: Payment | None

    @property
    def counts(self) -> bool:
        """Tell whether it needs no payment or has one that was paid."""
        return counts(self.payment)

    @property
    def paid(self) -> datetime:
        """When it was paid for."""
        return (self.payment and self.payment.paid) or self.starts


@dataclass(slots=True, eq=False)
class Subscription:
    """What is known of a subscription, and how it stood when it was last looked at."""

    id: str
    reference: str | None
    tier: str
    first: tuple[datetime, datetime]
    made: datetime
    periods: list[Period] = field(default_factory=list)
    tiers: list[tuple[datetime, str, Payment | None]] = field(default_factory=list)
    notes: set[tuple[str, datetime]] = field(default_factory=set)
    status: str = "ended"
    ended: datetime | None = None
    is_cancelled: bool = False
    is_final: bool = False
    current: tuple[datetime, datetime] | None = None

    @property
    def is_alive(self) -> bool:
        """Tell whether it has not ended."""
        return self.status != "ended"

    @property
    def beginning(self) -> tuple[datetime, str, str]:
        """Return what decides which of two subscriptions is the later one."""
        return min(each.starts for each in self.periods), self.reference or "", self.id

    @property
    def has_begun(self) -> bool:
        """Tell whether what it begins with is paid for."""
        start = self.beginning[0]
        return any(each.counts for each in self.periods if each.starts == start)

    def period_at(self, now: datetime) -> Period | None:
        """Return the period that it is, or the one that ended last.

        Of several the one that began last, and of these the longest; what is paid for comes before
        a trial.
        """
        begun = [each for each in self.periods if each.counts and each.starts <= now]
        begun.sort(key=lambda each: (each.payment is None, each.paid))
        current = [each for each in begun if each.ends > now]
        if current:
            return max(current, key=lambda each: (each.starts, each.ends, not each.is_trial))
        return max(begun, key=lambda each: (each.ends, not each.is_trial), default=None)

    def known_tiers(self) -> list[tuple[datetime, str, Payment | None]]:
        """Return the tiers that count, since when and by which payment, the earliest first."""
        known: dict[datetime, tuple[str, Payment | None]] = {}
        for since, tier, payment in sorted(
            self.tiers, key=lambda each: each[2].id if each[2] else "~"
        ):
            if counts(payment) and (
                since not in known or PLANS[tier].rank > PLANS[known[since][0]].rank
            ):
                known[since] = tier, payment
        return [(since, *known[since]) for since in sorted(known)]

    def tier_at(self, now: datetime) -> str | None:
        """Return the tier that was last changed to, or else the first that will be."""
        known = self.known_tiers()
        begun = [tier for since, tier, _ in known if since <= now]
        return begun[-1] if begun else known[0][1] if known else None

    def latest(self, now: datetime, *kinds: str) -> tuple[str, datetime] | None:
        """Return the latest of some notes; of two at once, the kind that is named first."""
        found = [note for note in self.notes if note[0] in kinds and note[1] <= now]
        return max(found, key=lambda note: (note[1], -kinds.index(note[0])), default=None)


def by_start_and_payment(period: Period) -> tuple[datetime, str]:
    """Return what periods are sorted by: of two for the same time, one that was paid for first."""
    return period.starts, period.payment.id if period.payment else "~"


def counts(payment: Payment | None) -> bool:
    """Tell whether what takes this payment counts."""
    return payment is None or payment.is_paid


@dataclass(slots=True)
class Part:
    """What the first tier of a month brought, or what a change of tier added to it."""

    granted: Decimal = NOTHING
    reckoned: Any = None
    lots: list[Lot] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Account:
    """Somebody's credits."""

    id: str
    mailbox: str | None
    made: datetime
    tier: str = "free"
    lots: list[Lot] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    parts: dict[tuple[str, datetime, datetime], Part] = field(default_factory=dict)
    keys: dict[str, tuple[Any, Entry]] = field(default_factory=dict)
    purchases: dict[str, tuple[Any, str]] = field(default_factory=dict)
    allowance: Decimal = NOTHING
    month: tuple[datetime, datetime] | None = None

    @property
    def balance(self) -> Decimal:
        """All that is in the lots, ended or not."""
        return sum((each.amount for each in self.entries), NOTHING)

    @property
    def debt(self) -> Decimal:
        """What returned payments took and was not there."""
        return sum((each.owed for each in self.payments.values()), NOTHING)

    @property
    def held(self) -> Decimal:
        """What jobs that have not ended cost."""
        return sum((job.cost for job in self.jobs.values() if job.is_active), NOTHING)

    @property
    def in_flight(self) -> Decimal:
        """What they hold, less what of it was given back already."""
        charges = (job.charge for job in self.jobs.values() if job.is_active)
        return sum((each.unreturned for each in charges if each), NOTHING)

    @property
    def earned(self) -> Decimal:
        """All that ever came in, what only reverses something aside."""
        return sum(
            (each.amount for each in self.entries if each.reverses is None and each.amount > 0),
            NOTHING,
        )

    @property
    def spent(self) -> Decimal:
        """What jobs cost, less their refunds."""
        return -sum(
            (each.amount for each in self.entries if each.kind in ("deduction", "refund")), NOTHING
        )

    def live_lots(self, now: datetime) -> list[Lot]:
        """Return what can be spent, in the order in which it is."""
        found = [each for each in self.lots if each.left > 0 and not each.has_ended(now)]
        return sorted(found, key=spending_order)

    def spendable(self, now: datetime) -> Decimal:
        """What a job may cost at most."""
        return NOTHING if self.debt else sum((lot.left for lot in self.live_lots(now)), NOTHING)

    def post(
        self,
        kind: str,
        moves: dict[Lot, Decimal],
        *,
        reverses: Entry | None = None,
        payment: Payment | None = None,
        is_change: bool = False,
    ) -> Entry:
        """Write a movement down."""
        for lot, amount in moves.items():
            lot.left += amount
            assert 0 <= lot.left <= lot.amount
        entry = Entry(kind, moves, reverses, payment, is_change)
        assert entry.amount != 0
        self.entries.append(entry)
        return entry


def spending_order(lot: Lot) -> tuple[int, float, str]:
    """Return what lots are sorted by: what matters most first, then what ends soonest."""
    return -lot.priority, lot.ends.timestamp() if lot.ends else float("inf"), lot.id


def check_amount(amount: Decimal | None) -> Decimal:
    """Refuse what is no amount of credits."""
    if amount is None or not amount.is_finite() or not 0 < amount <= LARGEST:
        refuse("PT400", "invalid_amount")
    if amount != amount.quantize(CENT):
        refuse("PT400", "invalid_amount")
    return amount


PLANS: dict[str, Plan] = {
    "free": Plan(0, Decimal(6), 0, 0),
    "starter": Plan(1, Decimal(100), 0, 999),
    "creator": Plan(2, Decimal(400), 2, 2999),
    "pro": Plan(3, Decimal(1200), 1, 7999),
}
"""The plans as a database must hold them that is to be compared."""

PACKAGES: dict[str, Package] = {
    "usd-starter": Package(Decimal(100), 999, "USD"),
    "thb-popular": Package(Decimal(10), 29900, "THB"),
    "thb-trial": Package(Decimal(1), 0, "THB"),
}
"""Some of what is for sale."""

Naming = Callable[[str, str, Decimal, int, datetime | None], str]
"""Says by which id the database knows a lot of this user, kind, amount, priority and end."""


class Model:
    """Everybody's credits.

    Args:
        now: The time.
        name: What new lots are called. Which of two lots that are alike is spent first hangs on
            their ids, which are the database's choice.
    """

    def __init__(self, now: datetime, name: Naming) -> None:
        self.now = now
        self.accounts: dict[str, Account] = {}
        self.claims: set[tuple[str, str]] = set()
        self._name = name

    def find_job(self, job: str) -> tuple[Account, Job]:
        """Return a job and whose it is."""
        for account in self.accounts.values():
            if job in account.jobs:
                return account, account.jobs[job]
        refuse("PT404", "job_not_found")

    def find_payment(self, payment: str) -> tuple[Account, Payment]:
        """Return a payment and whose it is."""
        for account in self.accounts.values():
            if payment in account.payments:
                return account, account.payments[payment]
        refuse("PT404", "payment_not_found")

    def find_subscription(self, subscription: str) -> tuple[Account, Subscription]:
        """Return a subscription and whose it is."""
        for account in self.accounts.values():
            if subscription in account.subscriptions:
                return account, account.subscriptions[subscription]
        refuse("PT404", "subscription_not_found")

    def find_user(self, user: str) -> Account:
        """Return somebody's account."""
        if user not in self.accounts:
            refuse("PT404", "user_not_found")
        return self.accounts[user]

    def subscriptions(self) -> list[Subscription]:
        """Return everybody's subscriptions, past and present."""
        return [each for user in self.accounts.values() for each in user.subscriptions.values()]

    # Users ----------------------------------------------------------------------------------------

    def sign_up(self, user: str, mailbox: str | None) -> None:
        """Somebody is new, with an e-mail or without."""
        self.accounts[user] = Account(user, mailbox, self.now)
        if mailbox:
            self._welcome(self.accounts[user])

    def identify(self, user: str, mailbox: str) -> None:
        """Somebody who had none gives an e-mail."""
        account = self.accounts[user]
        if account.mailbox is None:
            account.mailbox = mailbox
            self._welcome(account)

    def delete(self, user: str) -> None:
        """Somebody goes, with all that is theirs; what their mailbox was given is remembered."""
        self.accounts.pop(user, None)

    def _welcome(self, account: Account) -> None:
        if self._claim(account, "bonus"):
            self._give(account, BONUS, "bonus", "bonus")
        self._follow_allowance(account, with_free=True)

    def _claim(self, account: Account, what: str) -> bool:
        """Take what is given once a mailbox, and tell whether it was still there."""
        if account.mailbox is None or (account.mailbox, what) in self.claims:
            return False
        self.claims.add((account.mailbox, what))
        return True

    # Movements ------------------------------------------------------------------------------------

    def _give(
        self,
        account: Account,
        amount: Decimal,
        kind: str,
        entry: str,
        ends: datetime | None = None,
        *,
        priority: int = 0,
        payment: Payment | None = None,
    ) -> Lot:
        check_amount(amount)
        if account.balance + account.held + amount > LIMIT:
            refuse("PT409", "credit_limit_reached")
        lot = self._new_lot(account, amount, kind, ends, priority)
        lot.payment = payment
        account.post(entry, {lot: amount}, payment=payment)
        self._collect_debt(account)
        return lot

    def _new_lot(
        self, account: Account, amount: Decimal, kind: str, ends: datetime | None, priority: int
    ) -> Lot:
        name = self._name(account.id, kind, amount, priority, ends)
        lot = Lot(name, kind, amount, priority, ends)
        account.lots.append(lot)
        return lot

    def _take(
        self,
        account: Account,
        amount: Decimal,
        entry: str,
        lots: Iterable[Lot],
        *,
        payment: Payment | None = None,
        is_change: bool = False,
    ) -> Decimal:
        """Take what is there out of some lots, in order, and return how much it was."""
        moves = dict(spread(amount, ((lot, lot.left) for lot in lots)))
        if not moves:
            return NOTHING
        return -account.post(
            entry,
            {lot: -part for lot, part in moves.items()},
            payment=payment,
            is_change=is_change,
        ).amount

    def _give_back(
        self,
        account: Account,
        taken: Entry,
        amount: Decimal,
        entry: str,
        payment: Payment | None = None,
    ) -> None:
        """Reverse a movement, in whole or in part, into the lots that it took from."""
        lots = list(reversed(taken.moves))
        # Last taken first, but living ones before the others. What came from a lot that has ended
        # comes back in one with some days of grace, but grace is given once.
        lots.sort(key=lambda lot: lot.has_ended(self.now))
        outstanding = ((lot, -taken.moves[lot] - taken.returned.get(lot, NOTHING)) for lot in lots)
        moves: dict[Lot, Decimal] = {}
        for lot, part in list(spread(amount, outstanding)):
            taken.returned[lot] = taken.returned.get(lot, NOTHING) + part
            target = lot
            if lot.has_ended(self.now) and lot.kind != "refund":
                target = self._new_lot(account, part, "refund", self.now + GRACE, lot.priority)
                target.replaces = lot
            moves[target] = part
        account.post(entry, moves, reverses=taken, payment=payment)

    def _collect_debt(self, account: Account) -> None:
        """Pay debt out of what can be spent, the oldest payment's first."""
        debtors = sorted(account.payments.values(), key=lambda each: (each.opened, each.id))
        for payment in debtors:
            if payment.owed:
                payment.owed -= self._take(
                    account,
                    payment.owed,
                    "chargeback",
                    account.live_lots(self.now),
                    payment=payment,
                )

    # Operators ------------------------------------------------------------------------------------

    def grant(
        self, user: str, amount: Decimal | None, key: str | None, ends: datetime | None
    ) -> Entry:
        """An operator gives credits."""
        amount = check_amount(amount)
        account = self.find_user(user)
        if known := self._known(account, key, ("grant", amount, ends)):
            return known
        if ends is not None and ends <= self.now:
            refuse("PT400", "invalid_expiry")
        before = len(account.entries)
        self._give(account, amount, "bonus", "bonus", ends)
        return self._remember(account, key, ("grant", amount, ends), account.entries[before])

    def adjust(self, user: str, amount: Decimal | None, key: str | None) -> Entry:
        """An operator puts an account right, up or down."""
        check_amount(amount if amount is None else abs(amount))
        assert amount is not None
        account = self.find_user(user)
        if known := self._known(account, key, ("adjust", amount)):
            return known
        before = len(account.entries)
        if amount > 0:
            self._give(account, amount, "adjustment", "adjustment")
        else:
            lots = account.live_lots(self.now)
            if sum(lot.left for lot in lots) < -amount:
                refuse("PT409", "adjustment_exceeds_balance")
            self._take(account, -amount, "adjustment", lots)
        return self._remember(account, key, ("adjust", amount), account.entries[before])

    def refund_job(self, job_id: str, amount: Decimal | None, key: str | None) -> Entry:
        """An operator returns what a finished job cost; no amount: all that is left."""
        if amount is not None:
            amount = check_amount(amount)
        account, job = self.find_job(job_id)
        if known := self._known(account, key, ("refund", job_id, amount)):
            return known
        if job.is_active or job.is_draft:
            refuse("PT409", "job_not_ended")
        before = len(account.entries)
        if not self._refund(account, job, amount):
            refuse("PT409", "refund_exceeds_charge")
        return self._remember(account, key, ("refund", job_id, amount), account.entries[before])

    def _known(self, account: Account, key: str | None, content: Any) -> Entry | None:
        """Return what a key did before; the key of something else is refused."""
        if key is None or key not in account.keys:
            return None
        known, entry = account.keys[key]
        if known != content:
            refuse("PT409", "idempotency_key_reused")
        return entry

    def _remember(self, account: Account, key: str | None, content: Any, entry: Entry) -> Entry:
        if key is not None:
            account.keys[key] = content, entry
        return entry

    # Jobs -----------------------------------------------------------------------------------------

    def submit(self, user: str, job_id: str, cost: Decimal, *, as_draft: bool = False) -> None:
        """Somebody wants something made; what it costs is held, unless it is a draft."""
        account = self.accounts[user]
        job = Job(job_id, cost, "pending" if as_draft else "queued")
        if not as_draft:
            self._charge(account, job)
        account.jobs[job_id] = job

    def queue(self, job_id: str) -> None:
        """Somebody submits a draft; anything else is left as it is."""
        account, job = self.find_job(job_id)
        if job.is_draft:
            self._charge(account, job)
            job.status = "queued"

    def _charge(self, account: Account, job: Job) -> None:
        job.deadline = self.now + DEADLINE
        if job.cost == 0:
            return
        if account.debt:
            refuse("PT402", "account_in_debt")
        if account.spendable(self.now) < job.cost:
            refuse("PT402", "insufficient_credits")
        self._take(account, job.cost, "deduction", account.live_lots(self.now))
        job.charge = account.entries[-1]

    def _refund(
        self, account: Account, job: Job, amount: Decimal | None = None, *, collects: bool = True
    ) -> bool:
        """Return what a job cost, and tell whether there was anything to return."""
        left = job.charge.unreturned if job.charge else NOTHING
        if job.charge is None or (amount is None and left == 0):
            return False
        if amount is not None and amount > left:
            refuse("PT409", "refund_exceeds_charge")
        self._give_back(account, job.charge, left if amount is None else amount, "refund")
        if collects:
            self._collect_debt(account)
        return True

    def claim(self, job_id: str, lease: str, seconds: int) -> None:
        """A worker was given a job."""
        _, job = self.find_job(job_id)
        assert job.status == "queued" or (
            job.is_active and job.lease_ends is not None and job.lease_ends <= self.now
        ), f"a job that is {job.status} was given away"
        assert job.attempts < ATTEMPTS
        job.status, job.lease = "starting", lease
        job.lease_ends = self.now + timedelta(seconds=seconds)
        job.attempts += 1

    def claimable(self) -> int:
        """Return how many jobs a worker could be given."""
        return sum(
            job.attempts < ATTEMPTS
            and (
                job.status == "queued"
                or (job.is_active and job.lease_ends is not None and job.lease_ends <= self.now)
            )
            for account in self.accounts.values()
            for job in account.jobs.values()
        )

    def complete(self, job_id: str, lease: str | None) -> None:
        """A worker ends a job well; said again it changes nothing."""
        _, job = self.find_job(job_id)
        if lease is not None and job.outcomes.get(lease) == "completed":
            return
        if not job.is_held(lease, self.now):
            refuse("lease_lost")
        assert lease is not None
        job.status, job.outcomes[lease] = "completed", "completed"

    def fail(self, job_id: str, lease: str | None, *, retry: bool) -> str:
        """A worker ends an attempt badly, and perhaps the job with it."""
        account, job = self.find_job(job_id)
        if lease is not None and job.outcomes.get(lease) == "failed":
            return job.status
        if not job.is_held(lease, self.now):
            refuse("lease_lost")
        assert lease is not None
        job.outcomes[lease] = "failed"
        if retry and job.attempts < ATTEMPTS:
            job.status, job.lease, job.lease_ends = "queued", None, None
        else:
            self._end(account, job, "failed")
        return job.status

    def cancel(self, job_id: str) -> None:
        """Its owner does not want a job any more."""
        account, job = self.find_job(job_id)
        if job.status != "cancelled":
            self._end(account, job, "cancelled")

    def end_overdue(self) -> None:
        """Jobs whose last attempt was lost fail, and those that are too old expire."""
        for account in self.accounts.values():
            for status in ("failed", "expired"):
                ended = [job for job in account.jobs.values() if self._end_of(job) == status]
                for job in ended:
                    self._end(account, job, status, collects=False)
                # What comes back comes together.
                if any(job.charge for job in ended):
                    self._collect_debt(account)

    def _end_of(self, job: Job) -> str | None:
        """Return how a job ends by itself, if it does."""
        if not job.is_active:
            return None
        if job.deadline is not None and job.deadline <= self.now:
            return "expired"
        is_lost = job.lease_ends is not None and job.lease_ends <= self.now
        return "failed" if is_lost and job.attempts >= ATTEMPTS else None

    def _end(self, account: Account, job: Job, status: str, *, collects: bool = True) -> None:
        if not (job.is_active or job.is_draft):
            refuse("PT409", "transition_not_allowed")
        job.status = status
        self._refund(account, job, collects=collects)

    # Payments -------------------------------------------------------------------------------------

    def open_package(self, user: str, payment_id: str, key: str, package: str) -> str:
        """Somebody is about to buy credits; what costs nothing is theirs at once."""
        account = self.find_user(user)
        if known := self._known_purchase(account, key, ("package", package)):
            return known
        bought = PACKAGES[package]
        if bought.price == 0:
            if account.mailbox is None:
                refuse("PT403", "identity_required")
            if not self._claim(account, package):
                refuse("PT409", "package_already_claimed")
        payment = Payment(payment_id, bought.price, bought.currency, self.now, bought.credits)
        account.payments[payment_id] = payment
        account.purchases[key] = ("package", package), payment_id
        if bought.price == 0:
            self.settle(payment_id, 0, bought.currency)
        return payment_id

    def open_plan(
        self, user: str, payment_id: str, key: str, tier: str | None, subscription: str | None
    ) -> str:
        """Somebody is about to pay for a plan that they do not have, or have."""
        account = self.find_user(user)
        content = ("plan", tier, subscription)
        if known := self._known_purchase(account, key, content):
            return known
        if subscription is not None:
            if subscription not in account.subscriptions:
                refuse("PT404", "subscription_not_found")
            tier = tier or account.subscriptions[subscription].tier
        assert tier is not None
        account.payments[payment_id] = Payment(
            payment_id, PLANS[tier].price, "USD", self.now, tier=tier, subscription=subscription
        )
        account.purchases[key] = content, payment_id
        return payment_id

    def _known_purchase(self, account: Account, key: str, content: Any) -> str | None:
        if key not in account.purchases:
            return None
        known, payment = account.purchases[key]
        if known != content:
            refuse("PT409", "idempotency_key_reused")
        return payment

    def advance(
        self, payment_id: str, reference: str | None = None, *, is_processing: bool
    ) -> None:
        """The payer has done their part, or the provider has a name for it."""
        _, payment = self.find_payment(payment_id)
        self._note_reference(payment, reference)
        is_new = payment.status == "pending"
        payment.is_processing = payment.is_processing or (is_processing and is_new)

    def _note_reference(self, payment: Payment, reference: str | None) -> None:
        if reference is None:
            return
        if payment.reference not in (None, reference):
            refuse("PT409", "reference_differs")
        for account in self.accounts.values():
            for other in account.payments.values():
                if other is not payment and other.reference == reference:
                    refuse("PT409", "reference_taken")
        payment.reference = reference

    def settle(
        self, payment_id: str, amount: int | None, currency: str, reference: str | None = None
    ) -> None:
        """It was paid."""
        account, payment = self.find_payment(payment_id)
        if amount != payment.amount:
            refuse("PT409", "amount_differs")
        if currency != payment.currency:
            refuse("PT409", "currency_differs")
        self._note_reference(payment, reference)
        if not payment.is_paid:
            payment.is_paid, payment.paid = True, self.now
        self._follow_purchase(account, payment)

    def fail_payment(self, payment_id: str, *, has_expired: bool) -> None:
        """It was not paid, or not in time."""
        _, payment = self.find_payment(payment_id)
        if has_expired:
            payment.is_expired = True
        elif not payment.is_expired:
            payment.is_failed = True

    def refund(self, payment_id: str, total: int | None) -> None:
        """So much of it was returned up to now."""
        account, payment = self.find_payment(payment_id)
        if total is None or total < 0:
            refuse("PT400", "invalid_refund")
        if total > payment.amount:
            refuse("PT409", "refund_exceeds_amount")
        payment.refunded = max(payment.refunded, total)
        self._follow_purchase(account, payment)

    def dispute(
        self, payment_id: str, reference: str, outcome: str, amount: int | None = None
    ) -> None:
        """A bank was asked to take it back, or has decided."""
        account, payment = self.find_payment(payment_id)
        if outcome not in OUTCOMES or (amount is not None and amount <= 0):
            refuse("PT400", "invalid_dispute")
        known = payment.disputes.setdefault(reference, Dispute())
        known.amount = max(filter(None, (known.amount, amount)), default=None)
        known.outcome = max(known.outcome, outcome, key=OUTCOMES.index)
        self._follow_purchase(account, payment)

    def _follow_purchase(self, account: Account, payment: Payment) -> None:
        """See to a payment, and to the subscriptions that it is named for."""
        self._follow_payment(account, payment)
        if any(
            payment in [each.payment for each in plan.periods] + [each[2] for each in plan.tiers]
            for plan in account.subscriptions.values()
        ):
            self._follow_plan(account)

    def _follow_payment(self, account: Account, payment: Payment) -> None:
        """See that the payer has of it what they should have."""
        if not payment.is_paid:
            return
        if payment.credits is not None and not payment.is_given:
            payment.is_given = True
            self._give(account, payment.credits, "purchase", "purchase", payment=payment)

        lots = [lot for lot in account.lots if lot.comes_of(payment)]
        given = sum((lot.amount for lot in lots if lot.payment is payment), NOTHING)
        # What has ended, or what somebody took away, need not be given back.
        lost = sum((lot.left for lot in lots if lot.has_ended(self.now)), NOTHING)
        for entry in account.entries:
            if entry.kind in ("expiration", "adjustment"):
                away = -sum((min(entry.moves.get(lot, NOTHING), NOTHING) for lot in lots), NOTHING)
                if entry.is_change:
                    given -= away
                else:
                    lost += away
        taken = -sum(
            (
                entry.amount
                for entry in account.entries
                if entry.payment is payment and entry.kind in ("chargeback", "adjustment")
            ),
            NOTHING,
        )
        due = NOTHING
        if payment.returned:
            due = min(cents(given * payment.returned / payment.amount), given - lost)
        due -= taken + payment.owed

        if due > 0:
            live = account.live_lots(self.now)
            live.sort(key=lambda lot: lot not in lots)
            payment.owed += due - self._take(account, due, "chargeback", live, payment=payment)
        elif due < 0:
            self._return(account, payment, -due)
            self._collect_debt(account)

    def _return(self, account: Account, payment: Payment, amount: Decimal | None = None) -> None:
        """Give back what was taken of a payment, or so much of it; debt goes first."""
        chargebacks = [
            entry
            for entry in reversed(account.entries)
            if entry.kind == "chargeback" and entry.payment is payment
        ]
        if amount is None:
            amount = sum((each.unreturned for each in chargebacks), payment.owed)
        forgiven = min(payment.owed, amount)
        payment.owed -= forgiven
        back = spread(amount - forgiven, ((each, each.unreturned) for each in chargebacks))
        for chargeback, part in list(back):
            self._give_back(account, chargeback, part, "adjustment", payment)

    # Subscriptions --------------------------------------------------------------------------------

    def start(
        self,
        user: str,
        subscription_id: str,
        tier: str,
        starts: datetime,
        ends: datetime,
        *,
        reference: str | None,
        payment: str | None,
        is_trial: bool,
    ) -> str:
        """A subscription begins; the same provider's id again is the same subscription."""
        if starts >= ends:
            refuse("PT400", "invalid_period")
        account = self.find_user(user)
        for other in self.accounts.values():
            for each in other.subscriptions.values():
                if reference is not None and each.reference == reference:
                    if other is not account:
                        refuse("PT409", "reference_taken")
                    subscription_id = each.id
        bill = account.payments.get(payment or "")
        # A package has no tier: it is no payment for a plan at all.
        if bill and bill.subscription is None and bill.tier not in (None, tier):
            refuse("PT409", "payment_differs")
        paid_by = self._plan_payment(account, payment, subscription_id)
        self._refuse_second_use(account, subscription_id, paid_by)
        subscription = account.subscriptions.setdefault(
            subscription_id,
            Subscription(subscription_id, reference, tier, (starts, ends), self.now),
        )
        subscription.tiers.append((starts, tier, paid_by))
        self._add_period(subscription, starts, ends, paid_by, is_trial=is_trial)
        self._follow_plan(account)
        return subscription_id

    def renew(
        self, subscription_id: str, starts: datetime, ends: datetime, payment: str | None
    ) -> None:
        """Another period is paid for, or is once its payment is."""
        account, subscription = self.find_subscription(subscription_id)
        if starts >= ends:
            refuse("PT400", "invalid_period")
        paid_by = self._plan_payment(account, payment, subscription_id)
        self._refuse_second_use(account, subscription_id, paid_by)
        self._add_period(subscription, starts, ends, paid_by, is_trial=False)
        self._follow_plan(account)

    def change(self, subscription_id: str, tier: str, since: datetime, payment: str | None) -> None:
        """It is for another tier from then on, once its payment is paid."""
        account, subscription = self.find_subscription(subscription_id)
        paid_by = self._plan_payment(account, payment, subscription_id)
        subscription.tiers.append((since, tier, paid_by))
        self._follow_plan(account)

    def note(self, subscription_id: str, kind: str, when: datetime) -> None:
        """It is not to be renewed, or after all; a renewal failed, or not; it is over."""
        account, subscription = self.find_subscription(subscription_id)
        subscription.notes.add((kind, when))
        self._follow_plan(account)

    def follow(self, first: Container[str] = ()) -> None:
        """Time has passed: whatever it changes is changed, for some people before the others.

        Of two who share a mailbox, the one who is looked at first gets what is given once.
        """
        for account in sorted(self.accounts.values(), key=lambda each: each.id not in first):
            self._follow_plan(account, with_free=True)

    def expire_credits(self) -> None:
        """What is left in lots that have ended is written off."""
        for account, lot in list(self.ended_lots()):
            self.write_off(account, lot)

    def ended_lots(self) -> Iterator[tuple[Account, Lot]]:
        """Return the lots that have ended with something left in them."""
        for account in self.accounts.values():
            for lot in account.lots:
                if lot.has_ended(self.now) and lot.left:
                    yield account, lot

    def write_off(self, account: Account, lot: Lot, amount: Decimal | None = None) -> None:
        """A lot that has ended is written off, which may happen at any time."""
        assert lot.has_ended(self.now)
        account.post("expiration", {lot: -(lot.left if amount is None else amount)})

    def _plan_payment(
        self, account: Account, payment: str | None, subscription: str
    ) -> Payment | None:
        if payment is None:
            return None
        found = account.payments.get(payment)
        if found is None or found.credits is not None:
            refuse("PT404", "payment_not_found")
        if found.subscription not in (None, subscription):
            refuse("PT404", "payment_not_found")
        return found

    def _refuse_second_use(
        self, account: Account, subscription: str, payment: Payment | None
    ) -> None:
        """A payment is for one period of one subscription."""
        for each in account.subscriptions.values():
            is_used = any(known.payment is payment for known in each.periods)
            if payment is not None and is_used and each.id != subscription:
                refuse("PT409", "payment_used")

    def _add_period(
        self,
        subscription: Subscription,
        starts: datetime,
        ends: datetime,
        payment: Payment | None,
        *,
        is_trial: bool,
    ) -> None:
        # Told again by another clock it is the same period.
        if payment is not None:
            same = [known for known in subscription.periods if known.payment is payment]
            if same:
                starts, ends = same[0].starts, max(ends, same[0].ends)
        for known in subscription.periods:
            if (known.starts, known.is_trial, known.payment) == (starts, is_trial, payment):
                known.ends = max(known.ends, ends)
                return
        subscription.periods.append(Period(starts, ends, is_trial, payment))

    def _follow_plan(self, account: Account, *, with_free: bool = False) -> None:
        """Look at all of somebody's subscriptions."""
        subscriptions = account.subscriptions.values()
        for each in subscriptions:
            self._follow_subscription(each, subscriptions)
        if subscriptions:
            alive = [each for each in subscriptions if each.is_alive]
            assert len(alive) < 2
            account.tier = alive[0].tier if alive else "free"
        self._follow_allowance(account, with_free=with_free)

    def _ends(self, subscription: Subscription, all_of_them: Iterable[Subscription]) -> datetime:
        """Return when a subscription is over for good; never, if nobody said so."""
        ends = [when for kind, when in subscription.notes if kind == "end"]
        # Whichever begins later, once it is paid for, takes the place of those before.
        ends += [
            other.beginning[0]
            for other in all_of_them
            if other.beginning > subscription.beginning and other.has_begun
        ]
        return min(ends, default=NEVER)

    def _follow_subscription(
        self, subscription: Subscription, all_of_them: Iterable[Subscription]
    ) -> None:
        period = subscription.period_at(self.now)
        cancelled = subscription.latest(self.now, "cancel", "resume")
        lapsed = subscription.latest(self.now, "lapse", "recover")
        subscription.is_cancelled = cancelled is not None and cancelled[0] == "cancel"
        subscription.tier = subscription.tier_at(self.now) or subscription.tier
        subscription.is_final = self._ends(subscription, all_of_them) <= self.now
        kept_until = None
        if period:
            subscription.current = period.starts, period.ends
            kept_until = period.ends
            if not subscription.is_cancelled:
                kept_until += SUBSCRIPTION_GRACE
        if subscription.is_final or kept_until is None or kept_until <= self.now:
            subscription.status = "ended"
        elif subscription.is_cancelled:
            subscription.status = "cancelled"
        else:
            assert period is not None
            has_lapsed = lapsed is not None and lapsed[0] == "lapse" and lapsed[1] > period.paid
            if period.ends <= self.now or has_lapsed:
                subscription.status = "past_due"
            else:
                subscription.status = "trialing" if period.is_trial else "active"

    def _follow_allowance(self, account: Account, *, with_free: bool = False) -> None:
        """Grant the months that it is, each once.

        A month is due whose period counts and which began before its subscription was over.
        """
        account.allowance = PLANS[account.tier].allowance
        account.month = None
        subscriptions = account.subscriptions.values()
        for each in sorted(subscriptions, key=lambda each: each.id):
            months: dict[datetime, tuple[datetime, Payment | None]] = {}
            for period in sorted(each.periods, key=by_start_and_payment):
                if not (period.counts and period.starts <= self.now < period.ends):
                    continue
                starts, ends = month_at(self.now, period.starts, period.ends)
                if starts not in months or months[starts][0] < ends:
                    months[starts] = ends, period.payment
            for starts, (ends, payment) in months.items():
                over = self._ends(each, subscriptions)
                if over <= starts:
                    continue
                if each.is_alive:
                    account.month = starts, ends
                known = each.known_tiers()
                before = [tier for since, tier, _ in known if since <= starts]
                after = [tier for _, tier, _ in known]
                tiers = [(starts, (before[-1:] or after[:1] or [each.tier])[0], payment)]
                tiers += [
                    (since, tier, paid_by or payment)
                    for since, tier, paid_by in known
                    if starts < since <= self.now and since < over
                ]
                self._reckon(account, each.id, (starts, ends), tiers)
        is_free = not any(each.is_alive for each in subscriptions)
        # What costs nothing comes with sign-up and with time, and never with an event.
        if with_free and is_free and account.allowance:
            account.month = month_at(self.now, account.made, None)
            starts = account.month[0]
            key = account.tier, starts, starts
            # It is given once a mailbox, too.
            if key in account.parts or self._claim(account, f"{starts:%Y-%m}"):
                self._reckon(account, account.tier, account.month, [(starts, account.tier, None)])

    def _reckon(
        self,
        account: Account,
        what: str,
        month: tuple[datetime, datetime],
        tiers: list[tuple[datetime, str, Payment | None]],
    ) -> None:
        """Grant each tier's allowance by its share of the month, or take back what is too much."""
        starts, ends = month
        due: list[Decimal] = []
        for number in range(1, len(tiers) + 1):
            worth = worth_of(tiers[:number], ends, ends - starts)
            due.append(max(worth - sum(due), NOTHING))
            # A change to less comes off what was changed to last.
            excess = sum(due) - worth
            for earlier in reversed(range(number)):
                less = min(due[earlier], excess)
                due[earlier] -= less
                excess -= less
        parts = [account.parts.setdefault((what, starts, since), Part()) for since, _, _ in tiers]
        payments = [
            account.payments[each] for each in sorted({each.id for _, _, each in tiers if each})
        ]
        reckoned = ends, [(since, tier) for since, tier, _ in tiers]
        is_new = any(part.reckoned != reckoned for part in parts)

        def excess_of_all() -> Decimal:
            return sum((part.granted for part in parts), NOTHING) - sum(due, NOTHING)

        if is_new and excess_of_all() > 0:
            # What was taken of too much comes back first; their share of the rest is taken below.
            for payment in payments:
                self._return(account, payment)
        # Each part gives back what it has too much of; then all of them, for which of them was
        # spent is chance. What is not there any more counts against what is still to be granted.
        for is_first in (True, False):
            for part, wanted in reversed(list(zip(parts, due, strict=True))):
                part.reckoned = reckoned
                surplus = part.granted - wanted if is_first else excess_of_all()
                live = [lot for lot in account.live_lots(self.now) if lot in part.lots]
                if surplus > 0:
                    part.granted -= self._take(account, surplus, "adjustment", live, is_change=True)
        room = -excess_of_all()
        for part, wanted, (_, tier, paid_by) in zip(parts, due, tiers, strict=True):
            until = months_later(ends, PLANS[tier].rollover)
            for lot in part.lots:
                if not lot.has_ended(self.now) and lot.ends is not None:
                    lot.ends = max(lot.ends, until)
            missing = min(wanted - part.granted, room)
            room -= max(missing, NOTHING)
            # Who has that many needs no more, and is not kept from all else.
            if missing > 0 and account.balance + missing <= ALMOST_FULL:
                lot = self._give(
                    account, missing, "allowance", "grant", until, priority=10, payment=paid_by
                )
                part.lots.append(lot)
                part.granted += missing
        for payment in payments:
            self._follow_payment(account, payment)
        self._collect_debt(account)


def worth_of(
    tiers: list[tuple[datetime, str, Payment | None]], ends: datetime, length: timedelta
) -> Decimal:
    """Return what a month of so many tiers is worth, the last of which goes on to its end."""
    until = [since for since, _, _ in tiers[1:]] + [ends]
    worth = sum(
        Fraction(PLANS[tier].allowance)
        * Fraction((end - since) // MICROSECOND, length // MICROSECOND)
        for (since, tier, _), end in zip(tiers, until, strict=True)
    )
    return cents(Decimal(worth.numerator) / Decimal(worth.denominator))


MICROSECOND = timedelta(microseconds=1)
NEVER = datetime.max.replace(tzinfo=UTC)
ALMOST_FULL = Decimal(80_000_000)
ATTEMPTS = 3
OUTCOMES = ("open", "lost", "won")

Holder = TypeVar("Holder")


def spread(
    amount: Decimal, there: Iterable[tuple[Holder, Decimal]]
) -> Iterator[tuple[Holder, Decimal]]:
    """Share an amount out over what holds so much each, the first ones first."""
    for holder, held in there:
        part = min(amount, held)
        if part > 0:
            yield holder, part
            amount -= part


def month_at(now: datetime, starts: datetime, ends: datetime | None) -> tuple[datetime, datetime]:
    """Return the month since a start in which now lies; a period's last one ends with it."""
    number = 0
    while months_later(starts, number + 1) <= now:
        number += 1
    if ends is not None:
        whole = 0
        while months_later(starts, whole + 1) <= ends:
            whole += 1
        number = min(number, max(whole - 1, 0))
        if number >= whole - 1:
            return months_later(starts, number), ends
    return months_later(starts, number), months_later(starts, number + 1)
