"""Messages of an MES into business data: an order's one after another, each once.

Receiving keeps a message and nothing else, so that its sender need not wait for a refresh; from
then on it cannot be lost. Taking in gives it its effect, in one transaction with what became of
it. See docs/adr/0011.

Belongs here: the order of things. The rules are in the `mes_*` modules beside this one.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import duckdb

import lake
from ingestion import mes_store
from ingestion.mes_effects import Orders, keys_of
from ingestion.mes_line import Outcome, Tried, Turn, Waiting, in_order, walk
from ingestion.mes_messages import RefusedError, Told, envelope, read
from ingestion.mes_store import Decision
from ingestion.reference import LakeTables
from lake.errors import LakeUnavailable, OutcomeUnknown
from takt.settings import Settings
from takt.topics import parse_mes

_log = logging.getLogger(__name__)

_LOCK_WAIT_S = 600.0
_ATTEMPTS = 3
ID_SHOWN = 12
"""As much of a digest as people need to write."""
_MICROSECOND = timedelta(microseconds=1)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Letter:
    """A message as it arrives.

    Attributes:
        payload: Its bytes.
        received_from: The topic or file it came from.
    """

    payload: bytes
    received_from: str


@dataclass
class TakenIn:
    """What one pass over the waiting messages did.

    Attributes:
        outcomes: What became of messages, by digest.
        waiting: How many are left: held, waiting or dead letters.
        dead: How many of these are dead letters.
    """

    outcomes: dict[str, Tried] = field(default_factory=dict)
    waiting: int = 0
    dead: int = 0

    def __str__(self) -> str:
        counts = Counter(tried.outcome for tried in self.outcomes.values())
        told = f"{counts[Outcome.APPLIED]} messages taken in"
        if self.waiting:
            told += f", {self.waiting} wait, {self.dead} of them dead letters: see `takt mes list`"
        return told


def receive(settings: Settings, letters: Sequence[Letter]) -> int:
    """Keep messages that have not come before; how many these are.

    They are durable when it returns; their sender may forget them.

    Raises:
        LakeUnavailable: Perhaps nothing was kept; do it again.
        LockTimeout: Somebody else has been receiving for minutes.
    """
    now = _now()
    # Their times tell what came first.
    arrived = [_arrived(each, now + place * _MICROSECOND) for place, each in enumerate(letters)]
    unlike = {each.envelope.digest: each for each in arrived}
    with _answering(), lake.locks.mes_lock(settings), closing(lake.open(settings)) as con:
        return _again_if_unknown(lambda: _keep(con, settings, unlike))


def _arrived(letter: Letter, at: datetime) -> Waiting:
    found = envelope(letter.payload, parse_mes(letter.received_from))
    return Waiting(found, at, letter.received_from, letter.payload)


def _keep(
    con: duckdb.DuckDBPyConnection, settings: Settings, arrived: Mapping[str, Waiting]
) -> int:
    known = mes_store.known(con, arrived.keys())
    new = [each for digest, each in arrived.items() if digest not in known]
    if new:
        mes_store.add_messages(con, settings, new)
    return len(new)


def take_in(
    settings: Settings,
    *,
    retry_after: timedelta | None = None,
    chosen: Collection[str] = (),
    lock_wait_s: float = _LOCK_WAIT_S,
) -> TakenIn:
    """Give messages whose turn it is their effect on business data.

    Args:
        settings: Of the installation.
        retry_after: How long messages that did not fit are left alone; None: not at all.
        chosen: Digests of messages that are tried whatever they wait for.
        lock_wait_s: How long to wait for a refresh or load to end.

    Raises:
        LockTimeout: It has not ended.
        LakeUnavailable: Nothing was taken in, or all of what fits; do it again.
    """
    with (
        _answering(),
        lake.locks.refresh_lock(settings, wait_s=lock_wait_s),
        lake.locks.mes_lock(settings),
        closing(lake.open(settings)) as con,
    ):
        turn = Turn(_now(), retry_after, frozenset(chosen))
        return _again_if_unknown(lambda: _Pass(con, settings, turn).run())


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        told = str(error).splitlines()[0]
        raise LakeUnavailable(f"messages of the MES cannot be taken in: {told}") from error


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _again_if_unknown(step: Callable[[], _Result]) -> _Result:
    """What a lost answer leaves open is looked up and done by another run."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return step()
        except (duckdb.TransactionException, OutcomeUnknown) as conflict:
            _log.warning("messages of the MES met another change; trying again: %s", conflict)
    return step()


def by_order(messages: Iterable[Waiting]) -> dict[str, list[Waiting]]:
    """The messages of each order in order; those that name none are in no line."""
    lines: defaultdict[str, list[Waiting]] = defaultdict(list)
    for message in messages:
        if message.envelope.production_order_id is not None:
            lines[message.envelope.production_order_id].append(message)
    return {order: in_order(line) for order, line in lines.items()}


class _Pass:
    """One pass over all that waits."""

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings, turn: Turn) -> None:
        self._con = con
        self._settings = settings
        self._turn = turn
        self._told: dict[str, Told] = {}
        self._done: dict[str, Tried] = {}

    def run(self) -> TakenIn:
        """Take in what fits, commit it, and say what is left."""
        waiting = [self._read(each) for each in mes_store.waiting(self._con)]
        lines = by_order(waiting)
        orders, first = self._orders(lines.keys()), self._first_of_id()

        def apply(message: Waiting) -> None:
            told = self._told[message.envelope.digest]
            _check_id(message, first)
            orders.apply(told)

        settled = mes_store.settled_sequences(self._con, lines.keys())
        for order, line in lines.items():
            for tried in walk(line, settled.get(order, ()), self._turn, apply):
                self._done[tried.message.envelope.digest] = tried
        if self._done:
            mes_store.decide(self._con, self._settings, self._decisions(), orders.changed())
        return self._report(waiting)

    def _read(self, message: Waiting) -> Waiting:
        """Read what it says; what can never be taken in is a dead letter whoever is before it."""
        digest = message.envelope.digest
        try:
            self._told[digest] = read(message.payload, parse_mes(message.received_from))
        except RefusedError as error:
            if message.outcome is None or digest in self._turn.chosen:
                self._done[digest] = Tried(message, Outcome.DEAD, str(error), message.tries + 1)
            return replace(message, outcome=Outcome.DEAD, detail=str(error), is_readable=False)
        return message

    def _orders(self, orders: Collection[str]) -> Orders:
        keys = [key for told in self._told.values() for key in keys_of(told)]
        rows = mes_store.business_rows(self._con, orders, keys)
        return Orders(rows, LakeTables(self._con))

    def _first_of_id(self) -> Mapping[str, str]:
        return mes_store.first_of_id(self._con, {told.id for told in self._told.values()})

    def _decisions(self) -> list[Decision]:
        return [
            Decision(digest, tried.outcome, tried.detail, tried.tries, self._turn.now)
            for digest, tried in self._done.items()
        ]

    def _report(self, waiting: Sequence[Waiting]) -> TakenIn:
        outcomes = {each.envelope.digest: each.outcome for each in waiting}
        outcomes |= {digest: tried.outcome for digest, tried in self._done.items()}
        counts = Counter(outcomes.values())
        left = len(waiting) - counts[Outcome.APPLIED]
        return TakenIn(self._done, left, counts[Outcome.DEAD])


def _check_id(message: Waiting, first: Mapping[str, str]) -> None:
    digest, message_id = message.envelope.digest, str(message.envelope.message_id)
    if (before := first.get(message_id, digest)) != digest:
        raise RefusedError(
            f"message_id {message_id} came before with other content ({before[:ID_SHOWN]});"
            " drop this one, and give the next an id of its own"
        )
