"""Whose turn it is among the messages of one order, and what becomes of each (pure).

Belongs here: order, waiting, tries. What a message does to business rows is in `mes_effects`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ingestion.mes_effects import UnfitError
from ingestion.mes_messages import Envelope, RefusedError

TRIES = 3
"""So often is a message tried that what is loaded later may heal."""


class Outcome(StrEnum):
    """What became of a message when it was last its turn."""

    APPLIED = "applied"
    WAITS = "waits"
    """It does not fit what is loaded, and is tried again."""
    DEAD = "dead"
    """A dead letter: a person retries or drops it."""
    DROPPED = "dropped"


@dataclass(frozen=True)
class Waiting:
    """A received message that is neither applied nor dropped.

    Attributes:
        envelope: By what it is known and ordered.
        received_at: When it came, UTC; differs for each message.
        received_from: The topic or file it came from.
        payload: Its bytes.
        outcome: Of its last try; None: it was not its turn yet.
        detail: Why, with what to do.
        tries: How often it was tried.
        decided_at: When that was.
        is_readable: Whether it can be tried at all.
    """

    envelope: Envelope
    received_at: datetime
    received_from: str
    payload: bytes
    outcome: Outcome | None = None
    detail: str = ""
    tries: int = 0
    decided_at: datetime | None = None
    is_readable: bool = True


@dataclass(frozen=True)
class Tried:
    """What became of a message just now."""

    message: Waiting
    outcome: Outcome
    detail: str
    tries: int


@dataclass(frozen=True)
class Turn:
    """The rules of one walk along a line.

    Attributes:
        now: The present, naive UTC.
        retry_after: How long a message that waits is left alone; None: not at all.
        chosen: Digests of messages that a person wants tried, whatever they wait for.
    """

    now: datetime
    retry_after: timedelta | None
    chosen: Collection[str] = ()


def in_order(messages: Sequence[Waiting]) -> list[Waiting]:
    """The messages of an order as their turns come.

    By the time at which they were made; those with a sequence share their places by it.
    """
    line = sorted(messages, key=lambda each: (_made_at(each), each.received_at))
    numbered = sorted((each for each in line if _sequence(each)), key=_sequence)
    by_number = iter(numbered)
    return [next(by_number) if _sequence(each) else each for each in line]


def walk(
    line: Sequence[Waiting],
    settled: Collection[int],
    turn: Turn,
    take_in: Callable[[Waiting], None],
) -> Iterator[Tried]:
    """Take in an order's messages one by one, until one must wait.

    Args:
        line: Its waiting messages, in order.
        settled: Sequences of its messages that were applied or dropped.
        turn: When and how.
        take_in: Raises `RefusedError` or `UnfitError`.
    """
    done = set(settled)
    for message in line:
        if hindrance(message, done, turn) is not None:
            return
        tried = _try(message, turn, take_in)
        yield tried
        if tried.outcome is not Outcome.APPLIED:
            return
        done.add(_sequence(message))


def hindrance(message: Waiting, settled: Collection[int], turn: Turn) -> str | None:
    """Why the first message of a line is not tried now; None: it is."""
    if message.envelope.digest in turn.chosen and message.is_readable:
        return None
    if message.outcome is Outcome.DEAD:
        return message.detail
    if message.outcome is Outcome.WAITS and not _is_due(message, turn):
        return message.detail
    before = _sequence(message) - 1
    if before > 0 and before not in settled:
        return f"message {before} of its order has not come; send it, or retry this one without it"
    return None


def _is_due(message: Waiting, turn: Turn) -> bool:
    if turn.retry_after is None or message.decided_at is None:
        return True
    return turn.now - message.decided_at >= turn.retry_after


def _try(message: Waiting, turn: Turn, take_in: Callable[[Waiting], None]) -> Tried:
    tries = message.tries + 1
    try:
        take_in(message)
    except RefusedError as error:
        return Tried(message, Outcome.DEAD, str(error), tries)
    except UnfitError as error:
        is_last = tries >= TRIES or message.envelope.digest in turn.chosen
        return Tried(message, Outcome.DEAD if is_last else Outcome.WAITS, str(error), tries)
    return Tried(message, Outcome.APPLIED, "", tries)


def _made_at(message: Waiting) -> datetime:
    return message.envelope.created_at or message.received_at


def _sequence(message: Waiting) -> int:
    return message.envelope.sequence or 0
