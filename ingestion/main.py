"""The process between broker and lake: receive, commit, acknowledge, until told to stop.

Belongs here: when things happen, and for which shard. What becomes of a message is decided in
`judgement`, how it is committed in `lake.shard`.
"""

import logging
import os
import signal
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

from prometheus_client import Gauge

import lake
from ingestion.credit import CreditBudget
from ingestion.health_log import Overheard
from ingestion.inbox import Inbox, Message
from ingestion.intake import read_health
from ingestion.owned_shard import OwnedShard, Surroundings
from ingestion.ownership import Ownership
from ingestion.sharding import filters, shard_of, shard_of_collector
from ingestion.subscriber import Subscriber
from lake.errors import FenceLost, LakeUnavailable, LockTimeout, OutcomeUnknown
from takt import metrics
from takt.backoff import Backoff
from takt.errors import BatchError
from takt.messages import Health
from takt.settings import Settings
from takt.topics import BATCH_FILTER, HEALTH_FILTER, Collector, batch_filter, parse_health

log = logging.getLogger(__name__)

_HELD_FACTOR = 2
"""Bytes held, in budgets of credit: more means that somebody does not keep to the credit."""
_COLLECTORS_KNOWN = 10_000
_LEAVE_WITHIN_S = 3.0
_END_WITHIN_S = 9.0

_HELD = Gauge("takt_ingestion_held_bytes", "Messages that wait in memory for their commit.")
_SHARDS = Gauge("takt_ingestion_shards_owned", "Shards that this process ingests.")


class Ingestion:
    """One process: ingests the shards that it owns, and stands by for the others."""

    def __init__(self, settings: Settings) -> None:
        options = settings.ingestion
        self._settings = settings
        self._shards = options.shards
        self._interval_s = options.commit_interval_s
        self._inbox = Inbox(_HELD_FACTOR * options.credit_bytes)
        self._budget = CreditBudget(options.credit_batches, options.credit_bytes)
        self._subscriber = Subscriber(
            settings.broker, f"takt-ingest-{uuid.uuid4()}", self._inbox, self._on_listening
        )
        self._around = Surroundings(self._inbox, self._budget, self._subscriber)
        self._ownership = Ownership(settings, self._inbox.wake)
        self._owned: dict[int, OwnedShard] = {}
        self._known: OrderedDict[Collector, Health] = OrderedDict()
        self._overheard = Overheard()
        self._has_met = False
        self._wanted_filters = frozenset((HEALTH_FILTER,))
        self._heard_filters: set[str] = set()
        self._confirmed: deque[frozenset[str]] = deque()
        self._not_ready: list[OwnedShard] = []
        self._take_over_at = 0.0
        self._stopping = threading.Event()
        self._backoff = Backoff(first_s=0.2, max_s=5.0)
        _HELD.set_function(lambda: self._inbox.held_bytes)
        _SHARDS.set_function(lambda: len(self._owned))

    @property
    def ailment(self) -> str:
        """What keeps samples from the lake now; empty: nothing. Asked from any thread."""
        if not self._subscriber.is_connected:
            return "no connection to the broker"
        if any(owned.is_lake_away for owned in list(self._owned.values())):
            return "the lake does not answer"
        return ""

    def run(self) -> int:
        """Ingest until `stop`; the exit code of the process."""
        try:
            if self._until_it_works(self._prepare):
                self._ownership.start()
                self._subscriber.start()
                self._ingest()
        finally:
            # First the locks: another process need not wait until the broker has all answers.
            self._ownership.stop(_LEAVE_WITHIN_S)
            self._subscriber.stop(_LEAVE_WITHIN_S)
        return 0 if self._stopping.is_set() else 1

    def stop(self) -> None:
        """Commit what is held and leave."""
        self._stopping.set()
        self._inbox.wake()

    def _prepare(self) -> None:
        """Make the tables, and pay now what the first connection costs, not at a take-over."""
        lake.schema.create(self._settings)
        lake.open(self._settings, read_only=True).close()

    def _until_it_works(self, step: Callable[[], None]) -> bool:
        """Try until the lake is there; False: told to stop before it was."""
        while not self._stopping.is_set():
            try:
                step()
            except (LakeUnavailable, LockTimeout, OSError) as error:
                delay_s = self._backoff.next_delay_s()
                log.warning("%s; trying again in %.1f s", error, delay_s)
                self._stopping.wait(delay_s)
            else:
                self._backoff.reset()
                return True
        return False

    def _ingest(self) -> None:
        while not self._stopping.is_set():
            if not (self._subscriber.is_running and self._ownership.is_running):
                log.error("a thread has ended by a defect; this process ends as well")
                return
            self._follow_ownership()
            self._receive(self._wait_s())
            for owned in list(self._owned.values()):
                if time.monotonic() >= owned.due_at or owned.is_full:
                    self._unless_lost(owned, owned.commit)
        self._receive(0)
        for owned in list(self._owned.values()):
            self._leave(owned)

    def _wait_s(self) -> float:
        due_at = min((owned.due_at for owned in self._owned.values()), default=float("inf"))
        return min(self._interval_s, max(0.0, due_at - time.monotonic()))

    def _follow_ownership(self) -> None:
        """Own what is wanted: leave what is not, take over what is new."""
        wanted = self._ownership.wanted
        for shard in self._owned.keys() - wanted:
            log.info("shard %d is left to another process", shard)
            self._leave(self._owned[shard])
        # Wanted before, but never taken over.
        for shard in self._ownership.unwanted - self._owned.keys():
            self._ownership.left(shard)
        if time.monotonic() >= self._take_over_at:
            for shard in sorted(wanted - self._owned.keys()):
                self._take_over(shard)

    def _take_over(self, shard: int) -> None:
        owned = OwnedShard(self._settings, shard, self._around)
        try:
            owned.take_over()
        except (LakeUnavailable, OutcomeUnknown, OSError) as error:
            delay_s = self._backoff.next_delay_s()
            self._take_over_at = time.monotonic() + delay_s
            log.warning("%s; taking over shard %d again in %.1f s", error, shard, delay_s)
            return
        self._backoff.reset()
        self._owned[shard] = owned
        self._not_ready.append(owned)
        for collector, health in self._overheard.since_lately(datetime.now(UTC)):
            if shard_of_collector(collector, self._shards) == shard:
                owned.keep(collector, health)
        for collector, health in self._known.items():
            if health.online and shard_of_collector(collector, self._shards) == shard:
                owned.meet(collector, health)
        if not self._listen():
            self._confirmed.append(frozenset())

    def _unless_lost(self, owned: OwnedShard, step: Callable[[], object]) -> None:
        try:
            step()
        except FenceLost as lost:
            log.warning("%s; nothing more is acknowledged by this one", lost)
            self._drop(owned)

    def _leave(self, owned: OwnedShard) -> None:
        self._unless_lost(owned, owned.finish)
        if owned.shard in self._owned:
            self._drop(owned)

    def _drop(self, owned: OwnedShard) -> None:
        del self._owned[owned.shard]
        self._not_ready = [each for each in self._not_ready if each is not owned]
        owned.leave()
        self._ownership.left(owned.shard)
        self._listen()

    def _listen(self) -> bool:
        """Listen to the collectors of the shards owned; False when that changes nothing.

        Who is new among them is greeted when the broker has confirmed it.
        """
        wanted = filters(self._owned.keys(), self._shards, self._known)
        if wanted == self._wanted_filters:
            return False
        self._wanted_filters = wanted
        self._heard_filters &= wanted
        self._subscriber.listen(wanted)
        return True

    def _receive(self, timeout_s: float) -> None:
        for message in self._inbox.take(timeout_s):
            self._sort(message)
        if self._has_met:
            # Once for all of them: after a connection every collector is new.
            self._has_met = False
            self._listen()
        while self._confirmed:
            self._greet(self._confirmed.popleft())

    def _sort(self, message: Message) -> None:
        shard = shard_of(message.topic, self._shards)
        owned = self._owned.get(shard)
        heard = self._overhear(message) if owned is None else owned.add(message)
        if heard is None:
            return
        collector, health = heard
        self._has_met |= collector not in self._known
        self._known[collector] = health
        self._known.move_to_end(collector)
        if len(self._known) > _COLLECTORS_KNOWN:
            self._known.popitem(last=False)
        if owned is None:
            self._overheard.hear(collector, health, datetime.now(UTC))
        else:
            owned.hear(collector, health, greets=self._is_heard(collector))

    def _overhear(self, message: Message) -> tuple[Collector, Health] | None:
        """A health message of a collector that is not ours; what else there is, is not ours."""
        message.acknowledge()
        self._inbox.release(message.size)
        try:
            collector = parse_health(message.topic)
            return None if collector is None else (collector, read_health(message.payload))
        except BatchError:
            return None

    def _is_heard(self, collector: Collector) -> bool:
        return bool(self._heard_filters & {BATCH_FILTER, batch_filter(collector)})

    def _greet(self, confirmed: frozenset[str]) -> None:
        """Answer those whose batches are heard from now on: they send again what is in flight."""
        self._heard_filters |= confirmed & self._wanted_filters
        heard = [each for each in self._known if batch_filter(each) in confirmed]
        for owned in self._owned.values():
            owned.greet(None if BATCH_FILTER in confirmed else heard)
        if self._heard_filters >= self._wanted_filters:
            for owned in self._not_ready:
                log.info(
                    "ready as %s, shard %d of %d", owned.ingestor_id, owned.shard, self._shards
                )
            self._not_ready.clear()

    def _on_listening(self, confirmed: frozenset[str]) -> None:
        self._confirmed.append(confirmed)
        self._inbox.wake()


def run(settings: Settings) -> int:
    """Ingest until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 stopped.
    """
    ingestion = Ingestion(settings)
    metrics.serve(settings.metrics.ingest_port, lambda: ingestion.ailment)

    def stop(_number: int, _frame: FrameType | None) -> None:
        ingestion.stop()
        # A catalog that hangs must not keep us: what is not acknowledged is sent again.
        last_resort = threading.Timer(_END_WITHIN_S, os._exit, [1])
        last_resort.daemon = True
        last_resort.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return ingestion.run()
