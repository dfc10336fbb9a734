"""All that is left to chance, decided by a seed: jobs, what users do to them, faults, kills.

The seed decides what happens to the job of a number and the submission of a job, never when: that
is up to the machine. Numbers are what users and provider share; ids are made by the database.
"""

import random
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "FLAVOURS",
    "PARTS",
    "Blow",
    "Delivery",
    "Flavour",
    "JobPlan",
    "Submission",
    "chance",
    "plan_blows",
    "plan_jobs",
    "plan_submission",
]

Manner = Literal[
    "plain",
    "slow",
    "twice",
    "refused",
    "forbidden",
    "throttled",
    "throttled without a time",
    "cut before",
    "cut after",
    "cut, then accepted",
    "cut in the answer",
    "no answer",
    "error before",
    "error after",
    "garbage",
]
"""How a provider takes a submission; with those that are cut it is not known what became of it."""

Fate = Literal["succeeds", "fails once", "fails for good", "is forgotten", "never ends"]
"""What becomes of a submission that was accepted."""

Delivery = Literal["on time", "early", "late", "twice", "out of order", "never"]
"""How the webhooks of a submission come."""

Deed = Literal["nothing", "cancel", "cancel once it runs", "delete"]

DEEDS: tuple[Deed, ...] = ("nothing", "cancel", "cancel once it runs", "delete")

Part = Literal["dispatcher", "postgrest", "gateway", "postgres"]

How = Literal["kill", "freeze", "freeze and kill", "stop"]

PARTS: tuple[Part, ...] = ("dispatcher", "postgrest", "gateway", "postgres")


@dataclass(frozen=True, slots=True)
class Flavour:
    """A sort of provider.

    Attributes:
        name: As which it stands in the catalogue.
        is_asynchronous: Whether it accepts and works on, instead of answering with the files.
        can_be_asked: Whether it finds a submission by the reference that it was told.
        is_repeatable: Whether a submission may be made again, as it costs nothing.
    """

    name: str
    is_asynchronous: bool
    can_be_asked: bool
    is_repeatable: bool = False


FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        Flavour("chaos-open", is_asynchronous=True, can_be_asked=True),
        Flavour("chaos-blind", is_asynchronous=True, can_be_asked=False),
        Flavour("chaos-quick", is_asynchronous=False, can_be_asked=False),
        Flavour("chaos-cheap", is_asynchronous=False, can_be_asked=False, is_repeatable=True),
    )
}


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job that a user will submit, and what else the user does about it.

    Attributes:
        number: Its name in the plan, in the prompt and in the idempotency key.
        user: Whose it is, counted from 0.
        flavour: The provider.
        kind: `text_to_image`, or `voiceover`, whose deadline is short.
        outputs: How many files.
        parents: Numbers of earlier jobs of the same user, which it waits for.
        deed: What the user does after `seconds`.
        seconds: How long after the submission; for what runs, after it was seen to.
    """

    number: int
    user: int
    flavour: str
    kind: Literal["text_to_image", "voiceover"]
    outputs: int
    parents: tuple[int, ...]
    deed: Deed
    seconds: float


@dataclass(frozen=True, slots=True)
class Submission:
    """What the provider does with one submission; times in seconds.

    Attributes:
        manner: How it takes it.
        answer_after: How long it lets the answer wait.
        fate: What becomes of it once accepted.
        works_for: How long until then.
        delivery: How its webhooks come.
        is_deaf: Whether it fails to answer the first attempt to cancel it.
    """

    manner: Manner
    answer_after: float
    fate: Fate
    works_for: float
    delivery: Delivery
    is_deaf: bool


@dataclass(frozen=True, slots=True)
class Blow:
    """One act of the saboteur.

    Attributes:
        part: What it hits.
        how: SIGKILL; SIGSTOP, then SIGCONT; SIGSTOP, then SIGKILL; SIGTERM, to dispatchers.
        seconds: How long it stays frozen.
        at: At what share of the play, from 0 to 1.
        pause: Seconds to wait then.
        which: Which of several processes, from 0 to 1. Half of the blows at PostgreSQL hit one
            backend, upon which the server throws all others out and recovers.
    """

    part: Part
    how: How
    seconds: float
    at: float
    pause: float
    which: float


def chance(seed: int, *about: object) -> random.Random:
    """Randomness about something in particular, the same whatever else is asked before."""
    return random.Random("/".join(map(str, (seed, *about))))


def plan_jobs(seed: int, count: int, users: int) -> list[JobPlan]:
    """Decide who submits what, and what else they do."""
    jobs: list[JobPlan] = []
    own: dict[int, list[int]] = {user: [] for user in range(users)}
    for number in range(count):
        draw = chance(seed, "job", number)
        user = draw.randrange(users)
        before = own[user][-6:]
        parents: tuple[int, ...] = ()
        if before and draw.random() < 0.3:
            parents = tuple(sorted(draw.sample(before, min(len(before), draw.choice((1, 1, 2))))))
        (flavour,) = draw.choices(list(FLAVOURS), (45, 25, 15, 15))
        (deed,) = draw.choices(DEEDS, (76, 8, 10, 6))
        jobs.append(
            JobPlan(
                number=number,
                user=user,
                flavour=flavour,
                kind="voiceover" if draw.random() < 0.15 else "text_to_image",
                outputs=draw.choice((1, 1, 1, 2)),
                parents=parents,
                deed=deed,
                seconds=draw.choice((0.0, draw.uniform(0, 1), draw.uniform(0, 6))),
            )
        )
        own[user].append(number)
    return jobs


MANNERS: dict[Manner, int] = {
    "plain": 680,
    "slow": 120,
    "twice": 40,
    "refused": 20,
    "forbidden": 3,
    "throttled": 25,
    "throttled without a time": 10,
    "cut before": 30,
    "cut after": 50,
    "cut, then accepted": 30,
    "cut in the answer": 30,
    "no answer": 30,
    "error before": 25,
    "error after": 40,
    "garbage": 20,
}

FATES: dict[Fate, int] = {
    "succeeds": 84,
    "fails once": 6,
    "fails for good": 4,
    "is forgotten": 3,
    "never ends": 3,
}

DELIVERIES: dict[Delivery, int] = {
    "on time": 30,
    "early": 20,
    "late": 10,
    "twice": 15,
    "out of order": 10,
    "never": 15,
}


def plan_submission(seed: int, number: int, nth: int, *, may_last: bool) -> Submission:
    """Decide what becomes of the nth submission of a job; one that never ends needs a deadline."""
    draw = chance(seed, "submission", number, nth)
    (manner,) = draw.choices(list(MANNERS), list(MANNERS.values()))
    (fate,) = draw.choices(list(FATES), list(FATES.values()))
    (delivery,) = draw.choices(list(DELIVERIES), list(DELIVERIES.values()))
    if fate == "never ends" and not may_last:
        fate = "succeeds"
    if fate == "fails once" and nth > 0:
        fate = "succeeds"
    return Submission(
        manner=manner,
        answer_after=draw.uniform(0.1, 1.2) if manner == "slow" else draw.uniform(0, 0.03),
        fate=fate,
        works_for=draw.choice((0.0, draw.uniform(0, 0.5), draw.uniform(0, 3), draw.uniform(1, 8))),
        delivery=delivery,
        is_deaf=draw.random() < 0.2,
    )


def plan_blows(seed: int, kills: int, lease_seconds: float) -> list[Blow]:
    """Decide on so many kills, a third as many times to freeze and thaw, and some good stops."""
    draw = chance(seed, "blows")
    hows: list[How] = ["freeze and kill" if draw.random() < 0.2 else "kill" for _ in range(kills)]
    # Each part gets its share of each, and dispatchers the most.
    share: tuple[Part, ...] = ("dispatcher", "postgrest", "dispatcher", "gateway", "postgres")
    parts = [share[index % len(share)] for index in range(kills)]
    freezes = max(len(PARTS), kills // 3) if kills else 0
    hows += ["freeze"] * freezes
    parts += [PARTS[index % len(PARTS)] for index in range(freezes)]
    stops = -(-kills // 15)
    hows += ["stop"] * stops
    parts += ["dispatcher"] * stops
    blows = [
        Blow(
            part=part,
            how=how,
            # Shorter than a lease, about as long, or longer.
            seconds=draw.choice(
                (draw.uniform(0.05, 0.6), lease_seconds, lease_seconds + draw.uniform(0.5, 2.5))
            ),
            at=draw.uniform(0.02, 0.95),
            pause=draw.uniform(0, 0.5),
            which=draw.random(),
        )
        for part, how in zip(parts, hows, strict=True)
    ]
    return sorted(blows, key=lambda blow: blow.at)
