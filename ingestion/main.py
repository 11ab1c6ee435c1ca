"""The process between broker and lake: receive, commit, acknowledge, until told to stop.

Belongs here: when things happen. What becomes of a message is decided in `judgement`, how
it is committed in `lake.shard`.
"""

import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

import lake
from ingestion.committer import Committer
from ingestion.credit import Credit, CreditBudget
from ingestion.health_log import HealthLog, rows_of
from ingestion.inbox import Inbox, Message
from ingestion.intake import Intake, Selection
from ingestion.judgement import EpochKey
from ingestion.subscriber import Subscriber
from lake.errors import FenceLost, LakeUnavailable, LockTimeout, OutcomeUnknown
from lake.shard import Commit, ShardWriter
from takt import topics
from takt.backoff import Backoff
from takt.messages import MAX_MISSING_RANGES, Ack, Health
from takt.settings import Settings
from takt.topics import Collector

log = logging.getLogger(__name__)

EXIT_SUPERSEDED = 3
"""Another ingestion owns the shard now. Starting this one again would only take it back."""
_COMMIT_MESSAGES = 300
_COMMIT_BYTES = 16_000_000
"""One commit takes no more at once: what it decodes has to fit in memory."""
_HELD_FACTOR = 2
"""Bytes held, in budgets of credit: more means that somebody does not keep to the credit."""
_HEALTHS_HELD = 1_000
_LEAVE_WITHIN_S = 3.0
_END_WITHIN_S = 9.0


class Ingestion:
    """One ingestor: owns a shard of the lake from `start` until `stop` or a successor."""

    def __init__(self, settings: Settings) -> None:
        options = settings.ingestion
        self.ingestor_id = str(uuid.uuid4())
        self._settings = settings
        self._interval_s = options.commit_interval_s
        self._inbox = Inbox(_HELD_FACTOR * options.credit_bytes)
        self._intake = Intake()
        self._writer = ShardWriter(settings, self.ingestor_id)
        self._committer = Committer(settings, self._writer, self.ingestor_id)
        self._budget = CreditBudget(options.credit_batches, options.credit_bytes)
        self._full_at = max(1, min(_COMMIT_MESSAGES, options.credit_batches // 2))
        self._announced: Credit | None = None
        self._health_log = HealthLog()
        self._healths: list[tuple[Collector, Health]] = []
        self._speaking: dict[Collector, EpochKey] = {}
        self._to_answer: dict[EpochKey, None] = {}
        self._must_greet = threading.Event()
        self._stopping = threading.Event()
        self._backoff = Backoff(first_s=0.2, max_s=5.0)
        self._commit_due_at = 0.0
        self._subscriber = Subscriber(
            settings.broker, f"takt-ingest-{self.ingestor_id}", self._inbox, self._on_connected
        )
        self._was_ready = False
        self._is_lake_away = False

    def run(self) -> int:
        """Ingest until `stop`; the exit code of the process."""
        try:
            if self._until_it_works(self._take_over):
                self._subscriber.start()
                self._ingest()
        except FenceLost as lost:
            log.error("%s; nothing more is acknowledged by this one", lost)  # noqa: TRY400
            return EXIT_SUPERSEDED
        finally:
            self._subscriber.stop(_LEAVE_WITHIN_S)
            self._writer.close()
        return 0 if self._stopping.is_set() else 1

    def stop(self) -> None:
        """Commit what is held and leave."""
        self._stopping.set()
        self._inbox.wake()

    def _take_over(self) -> None:
        lake.schema.create(self._settings)
        self._writer.take_over()

    def _until_it_works(self, step: Callable[[], None]) -> bool:
        """Try until the lake is there; False: told to stop before it was."""
        while not self._stopping.is_set():
            try:
                step()
            except (LakeUnavailable, OutcomeUnknown, LockTimeout, OSError) as error:
                delay_s = self._backoff.next_delay_s()
                log.warning("%s; trying again in %.1f s", error, delay_s)
                self._stopping.wait(delay_s)
            else:
                self._backoff.reset()
                return True
        return False

    def _ingest(self) -> None:
        while not self._stopping.is_set():
            if not self._subscriber.is_running:
                log.error("the broker's thread has ended by a defect; this process ends as well")
                return
            self._receive(self._wait_s())
            if time.monotonic() >= self._commit_due_at or self._is_full():
                self._commit()
        self._receive(0)
        while self._intake.count and self._commit():
            continue

    def _wait_s(self) -> float:
        return min(self._interval_s, max(0.0, self._commit_due_at - time.monotonic()))

    def _is_full(self) -> bool:
        """Whether a commit is worth while before it is due; never while the lake is away."""
        return self._intake.count >= self._full_at and not self._is_lake_away

    def _receive(self, timeout_s: float) -> None:
        for message in self._inbox.take(timeout_s):
            self._sort(message)
        if self._must_greet.is_set():
            self._must_greet.clear()
            self._to_answer |= dict.fromkeys(self._speaking.values())
            self._commit_due_at = min(self._commit_due_at, time.monotonic())

    def _sort(self, message: Message) -> None:
        held_before = self._intake.bytes
        heard = self._intake.add(message)
        if self._intake.bytes == held_before:
            self._inbox.release(message.size)
        if heard is not None:
            self._hear(*heard)

    def _hear(self, collector: Collector, health: Health) -> None:
        kept = self._health_log.hear(collector, health, datetime.now(UTC))
        if kept is not None:
            self._healths = [*self._healths[-_HEALTHS_HELD:], (collector, kept)]
        if not health.online:
            self._budget.gone(collector)
            return
        self._budget.seen(collector, time.monotonic())
        key = EpochKey(collector, health.epoch)
        if collector not in self._speaking and topics.parse_batch(
            topics.batch_topic(collector, health.epoch, 1)
        ):
            self._to_answer[key] = None
            self._speaking[collector] = key

    def _commit(self) -> bool:
        """Commit once what is held; False when the lake cannot take it now."""
        selection = self._intake.take(_COMMIT_MESSAGES, _COMMIT_BYTES)
        started = time.monotonic()
        self._commit_due_at = started + self._interval_s
        if not (selection or self._healths or self._to_answer):
            return True
        try:
            answered = self._committer.commit(selection, Commit(health=rows_of(self._healths)))
            self._settle(selection)
            self._answer(answered.answered)
        except (LakeUnavailable, OutcomeUnknown, OSError) as error:
            if isinstance(error, OutcomeUnknown):
                self._intake.mark_attempted(selection)
            self._wait_for_lake(error)
            return False
        self._backoff.reset()
        self._is_lake_away = False
        return True

    def _settle(self, selection: Selection) -> None:
        self._intake.settle(selection)
        self._healths.clear()
        for message in selection.messages:
            message.acknowledge()
        self._inbox.release(sum(message.size for message in selection.messages))

    def _wait_for_lake(self, error: Exception) -> None:
        delay_s = self._backoff.next_delay_s()
        self._is_lake_away = True
        self._commit_due_at = time.monotonic() + delay_s
        log.warning(
            "%s; %d messages (%d bytes) are held, trying again in %.1f s",
            error, self._intake.count, self._inbox.held_bytes, delay_s,
        )  # fmt: skip

    def _answer(self, answered: dict[EpochKey, None]) -> None:
        """Acknowledge to whoever was heard, and to all when the credit has changed."""
        now = time.monotonic()
        for key in answered:
            self._budget.seen(key.source, now)
            self._speaking[key.source] = key
            # The epoch heard last is answered last: the broker retains that.
            self._to_answer.pop(key, None)
            self._to_answer[key] = None
        credit = self._budget.share(now)
        if credit != self._announced:
            active = [each for each in self._budget.active(now) if each in self._speaking]
            others = dict.fromkeys(self._speaking[each] for each in active)
            self._to_answer = others | self._to_answer
            self._announced = credit
        for key in list(self._to_answer):
            answer = self._ack(key, credit).model_dump_json().encode()
            self._subscriber.publish(topics.ack_topic(key.source), answer)
            del self._to_answer[key]

    def _ack(self, key: EpochKey, credit: Credit) -> Ack:
        ledger = self._committer.ledger(key)
        return Ack(
            epoch=key.epoch,
            settled_through=ledger.settled_through,
            missing=ledger.missing(MAX_MISSING_RANGES),
            ingestor_id=self.ingestor_id,
            credit_batches=credit.batches,
            credit_bytes=credit.bytes,
            new_epoch=ledger.has_conflict,
        )

    def _on_connected(self) -> None:
        if not self._was_ready:
            self._was_ready = True
            log.info("ready as %s", self.ingestor_id)
        # A broker that was started anew has forgotten what it retained.
        self._must_greet.set()
        self._inbox.wake()


def run(settings: Settings) -> int:
    """Ingest until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 stopped, `EXIT_SUPERSEDED` another ingestion has taken over.
    """
    ingestion = Ingestion(settings)

    def stop(_number: int, _frame: FrameType | None) -> None:
        ingestion.stop()
        # A catalog that hangs must not keep us: what is not acknowledged is sent again.
        last_resort = threading.Timer(_END_WITHIN_S, os._exit, [1])
        last_resort.daemon = True
        last_resort.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return ingestion.run()


__all__ = ["EXIT_SUPERSEDED", "Ingestion", "run"]
