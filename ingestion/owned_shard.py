"""A shard that this process owns: what has arrived for it, its commits, its answers.

Belongs here: one shard from its take-over until it is left. Which shards are owned, and when
each has its turn, is the process's (`main`).
"""

import logging
import math
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import Counter, Histogram

from ingestion.committer import Committer
from ingestion.credit import Credit, CreditBudget
from ingestion.health_log import HealthLog, Uncommitted
from ingestion.inbox import Inbox, Message
from ingestion.intake import Intake, Selection
from ingestion.judgement import EpochKey
from ingestion.subscriber import Subscriber
from lake.errors import LakeUnavailable, OutcomeUnknown
from lake.shard import Commit, ShardWriter
from takt import topics
from takt.backoff import Backoff
from takt.messages import MAX_MISSING_RANGES, Ack, Health
from takt.settings import Settings
from takt.topics import Collector

log = logging.getLogger(__name__)

_COMMIT_MESSAGES = 300
_COMMIT_BYTES = 16_000_000
"""One commit takes no more at once; what it becomes when decoded is bounded by the intake."""
_SLOW_COMMIT_S = 5.0
"""A commit that takes longer is a lake that does not answer, although nothing has failed."""

_COMMIT_S = Histogram("takt_ingestion_commit_seconds", "One commit to the lake.")
_FAILED = Counter("takt_ingestion_commits_failed", "Commits that the lake could not take.")
_COMMITTED = Counter("takt_ingestion_rows_committed", "Rows of samples that the lake has.")
_QUARANTINED = Counter("takt_ingestion_quarantined", "Messages that were refused, kept as bytes.")


@dataclass(frozen=True)
class Surroundings:
    """What the shards of one process share.

    Attributes:
        inbox: Told when a message is no longer held.
        budget: The credit of all collectors of this process.
        subscriber: Answers leave through it.
    """

    inbox: Inbox
    budget: CreditBudget
    subscriber: Subscriber


class OwnedShard:
    """One shard in the hands of this process.

    Args:
        settings: Of the installation.
        shard: Which.
        around: What it shares with the other shards.

    Attributes:
        ingestor_id: Names this ownership: collectors send again when it changes.
        due_at: When the next commit is due, in monotonic time.
    """

    def __init__(self, settings: Settings, shard: int, around: Surroundings) -> None:
        options = settings.ingestion
        self.shard = shard
        self.ingestor_id = str(uuid.uuid4())
        self.due_at = 0.0
        self._interval_s = options.commit_interval_s
        self._around = around
        self._intake = Intake()
        self._writer = ShardWriter(settings, self.ingestor_id, shard)
        self._committer = Committer(settings, self._writer, self.ingestor_id)
        self._full_at = max(1, min(_COMMIT_MESSAGES, options.credit_batches // 2))
        self._announced: Credit | None = None
        self._health_log = HealthLog()
        self._healths = Uncommitted()
        self._speaking: dict[Collector, EpochKey] = {}
        self._to_answer: dict[EpochKey, None] = {}
        self._backoff = Backoff(first_s=0.2, max_s=5.0)
        self._is_lake_away = False
        self._committing_since: float | None = None

    def take_over(self) -> None:
        """Become the owner; the one before cannot commit any more.

        Raises:
            LakeUnavailable: Nothing has changed.
            OutcomeUnknown: Call it again.
            OSError: The fence cannot be written; nothing has changed.
        """
        try:
            self._writer.take_over()
        except BaseException:
            self._writer.close()
            raise

    @property
    def is_lake_away(self) -> bool:
        """Whether the last commit failed, or the one under way takes too long; for any thread."""
        since = self._committing_since
        is_slow = since is not None and time.monotonic() - since > _SLOW_COMMIT_S
        return self._is_lake_away or is_slow

    @property
    def is_full(self) -> bool:
        """Whether a commit is worth while before it is due; never while the lake is away."""
        return self._intake.count >= self._full_at and not self._is_lake_away

    def add(self, message: Message) -> tuple[Collector, Health] | None:
        """Take in a message of one of the shard's collectors; a health message is returned."""
        held_before = self._intake.bytes
        heard = self._intake.add(message)
        if self._intake.bytes == held_before:
            self._around.inbox.release(message.size)
        return heard

    def keep(self, collector: Collector, health: Health) -> None:
        """Commit soon what a collector says of itself, if it says anything new."""
        kept = self._health_log.hear(collector, health, datetime.now(UTC))
        if kept is not None:
            self._healths.add(collector, kept)

    def hear(self, collector: Collector, health: Health, *, greets: bool) -> None:
        """Keep what a collector says of itself.

        Args:
            collector: One of the shard's.
            health: Its message.
            greets: Whether it is answered when it is new here; else `greet` does that later.
        """
        self.keep(collector, health)
        if not health.online:
            self._around.budget.gone(collector)
            return
        self._around.budget.seen(collector, time.monotonic())
        is_new = collector not in self._speaking
        if self.meet(collector, health) and is_new and greets:
            self._to_answer[self._speaking[collector]] = None

    def meet(self, collector: Collector, health: Health) -> bool:
        """Know of a collector, unless its epoch cannot be one; whether it is known now."""
        key = EpochKey(collector, health.epoch)
        if topics.parse_batch(topics.batch_topic(collector, health.epoch, 1)):
            self._speaking.setdefault(collector, key)
        return collector in self._speaking

    def greet(self, collectors: Iterable[Collector] | None = None) -> None:
        """Answer collectors soon, by default all: they hear who ingests and send again."""
        chosen = self._speaking if collectors is None else collectors
        keys = [self._speaking[each] for each in chosen if each in self._speaking]
        self._to_answer |= dict.fromkeys(keys)
        if keys:
            self.due_at = min(self.due_at, time.monotonic())

    def commit(self) -> bool:
        """Commit once what is held; False when the lake cannot take it now.

        Raises:
            FenceLost: Another process owns the shard.
        """
        selection = self._intake.take(_COMMIT_MESSAGES, _COMMIT_BYTES)
        self.due_at = time.monotonic() + self._interval_s
        if not (selection or self._healths or self._to_answer):
            return True
        self._committing_since = time.monotonic()
        try:
            with _COMMIT_S.time():
                verdicts = self._committer.commit(selection, Commit(health=self._healths.rows()))
            self._settle(selection)
            self._answer(verdicts.answered)
        except (LakeUnavailable, OutcomeUnknown, OSError) as error:
            _FAILED.inc()
            if isinstance(error, OutcomeUnknown):
                self._intake.mark_attempted(selection)
            self._wait_for_lake(error)
            return False
        finally:
            self._committing_since = None
        _COMMITTED.inc(sum(table.num_rows for table in verdicts.telemetry))
        _QUARANTINED.inc(len(verdicts.quarantine))
        self._backoff.reset()
        self._is_lake_away = False
        return True

    def finish(self) -> None:
        """Commit all that is held, unless the lake is away: then collectors send it again.

        Raises:
            FenceLost: Another process owns the shard.
        """
        while self._intake.count and self.commit():
            continue

    def leave(self) -> None:
        """Forget what is held; nothing is lost, for collectors forget only what is acknowledged."""
        held = self._intake.take(self._intake.count, self._intake.bytes, math.inf)
        # Only the broker is told: else it would hold back what comes for other shards.
        self._forget(held.messages)
        for collector in self._speaking:
            self._around.budget.gone(collector)
        self._writer.close()

    def _settle(self, selection: Selection) -> None:
        self._intake.settle(selection)
        self._healths.clear()
        self._forget(selection.messages)

    def _forget(self, messages: list[Message]) -> None:
        for message in messages:
            message.acknowledge()
        self._around.inbox.release(sum(message.size for message in messages))

    def _wait_for_lake(self, error: Exception) -> None:
        delay_s = self._backoff.next_delay_s()
        self._is_lake_away = True
        self.due_at = time.monotonic() + delay_s
        log.warning(
            "%s; %d messages (%d bytes) are held, trying again in %.1f s",
            error, self._intake.count, self._around.inbox.held_bytes, delay_s,
        )  # fmt: skip

    def _answer(self, answered: dict[EpochKey, None]) -> None:
        """Acknowledge to whoever was heard, and to all when the credit has changed."""
        now = time.monotonic()
        budget = self._around.budget
        for key in answered:
            budget.seen(key.source, now)
            self._speaking[key.source] = key
            # The epoch heard last is answered last: the broker retains that.
            self._to_answer.pop(key, None)
            self._to_answer[key] = None
        credit = budget.share(now)
        if credit != self._announced:
            active = [each for each in budget.active(now) if each in self._speaking]
            others = dict.fromkeys(self._speaking[each] for each in active)
            self._to_answer = others | self._to_answer
            self._announced = credit
        for key in list(self._to_answer):
            answer = self._ack(key, credit).model_dump_json().encode()
            self._around.subscriber.publish(topics.ack_topic(key.source), answer)
            del self._to_answer[key]

    def _ack(self, key: EpochKey, credit: Credit) -> Ack:
        ledger = self._committer.ledger(key)
        return Ack(
            epoch=key.epoch,
            settled_through=ledger.settled_through,
            missing=ledger.missing(MAX_MISSING_RANGES),
            ingestor_id=self.ingestor_id,
            connection=self._around.subscriber.connections,
            credit_batches=credit.batches,
            credit_bytes=credit.bytes,
            new_epoch=ledger.has_conflict,
        )
