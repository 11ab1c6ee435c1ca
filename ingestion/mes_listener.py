"""The process between the MES and business data: receive, keep, acknowledge, take in.

Belongs here: when things happen. What becomes of a message is decided in `mes`.

The broker remembers this client while it is away, and a message is acknowledged once the lake
has it: killed at any moment, nothing is lost, and what comes again is known.
"""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

import duckdb
from prometheus_client import Gauge

import lake
from ingestion import mes
from ingestion.inbox import Inbox, Message
from ingestion.mes_line import Outcome, Tried
from ingestion.quarantine_text import printable
from ingestion.subscriber import Subscriber
from lake.errors import LakeUnavailable, LockTimeout, OutcomeUnknown
from takt import metrics
from takt.backoff import Backoff
from takt.settings import Settings
from takt.topics import MES_FILTER

log = logging.getLogger(__name__)

_HELD_BYTES = 32_000_000
_GATHER_S = 0.2
"""What comes within it is kept by one commit."""
_LOCK_WAIT_S = 1.0
"""How long a refresh is waited for before the next messages are received."""
_IDLE_S = 1.0
_STAND_BY_S = 5.0
_LEAVE_WITHIN_S = 3.0
_END_WITHIN_S = 9.0

_DEAD = Gauge("takt_mes_dead_letters", "Messages of the MES that a person must retry or drop.")
_WAITING = Gauge("takt_mes_waiting_messages", "Messages that are not taken in, dead ones included.")


class Listener:
    """Listens to the MES for as long as no other process does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._retry_after = timedelta(seconds=settings.mes.retry_s)
        self._inbox = Inbox(_HELD_BYTES)
        self._stopping = threading.Event()
        self._backoff = Backoff(first_s=0.2, max_s=5.0)
        self._has_new = True
        self._took_in_at = -math.inf
        self._is_lake_away = False
        self._subscriber: Subscriber | None = None
        self._said = ""

    @property
    def ailment(self) -> str:
        """What keeps messages from the lake now; empty: nothing. Asked from any thread."""
        subscriber = self._subscriber
        if self._is_lake_away:
            return "the lake does not answer"
        if subscriber is not None and not subscriber.is_connected:
            return "no connection to the broker"
        return ""

    def run(self) -> int:
        """Listen until `stop`; the exit code of the process."""
        while not self._stopping.is_set():
            try:
                lake.schema.create(self._settings)
                self._is_lake_away = False
                # Two of one name would take the connection from each other without end.
                with lake.locks.mes_listener_lock(self._settings, wait_s=_STAND_BY_S) as check:
                    self._said = ""
                    self._listen(check)
            except LockTimeout:
                self._say_once("another process listens to the MES; standing by")
            except (LakeUnavailable, OutcomeUnknown, duckdb.Error, OSError) as error:
                self._is_lake_away = True
                delay_s = self._backoff.next_delay_s()
                log.warning("%s; listening to the MES again in %.1f s", error, delay_s)
                self._stopping.wait(delay_s)
        return 0

    def _say_once(self, what: str) -> None:
        if what != self._said:
            log.info("%s", what)
        self._said = what

    def stop(self) -> None:
        """Keep what is here and leave."""
        self._stopping.set()
        self._inbox.wake()

    def _listen(self, check_lock: Callable[[], None]) -> None:
        """Until told to stop; whatever goes wrong with the lake ends it.

        What is not acknowledged then, the broker sends again to the next connection.
        """
        self._inbox = Inbox(_HELD_BYTES)
        client_id = f"takt-mes-{self._settings.site}"
        subscriber = Subscriber(
            self._settings.broker,
            client_id,
            self._inbox,
            lambda _: log.info("ready, listening to %s", MES_FILTER),
            wanted=frozenset((MES_FILTER,)),
            is_remembered=True,
        )
        self._subscriber = subscriber
        subscriber.start()
        try:
            while not self._stopping.is_set():
                if not subscriber.is_running:
                    raise OSError("the thread of the broker has ended by a defect")
                check_lock()
                self._turn()
        finally:
            self._subscriber = None
            subscriber.stop(_LEAVE_WITHIN_S)

    def _turn(self) -> None:
        messages = self._inbox.take(min(_IDLE_S, max(0.0, self._due_s())))
        if messages:
            self._stopping.wait(_GATHER_S)
            messages += self._inbox.take(0)
            self._keep(messages)
        if self._due_s() <= 0:
            self._take_in()
        self._backoff.reset()

    def _due_s(self) -> float:
        """How long until messages are taken in; what is new sooner than what waits."""
        options = self._settings.mes
        pause_s = options.interval_s if self._has_new else options.retry_s
        return self._took_in_at + pause_s - time.monotonic()

    def _keep(self, messages: list[Message]) -> None:
        # An empty message is how a retained one is taken from the broker; it tells nothing.
        letters = [mes.Letter(each.payload, each.topic) for each in messages if each.payload]
        new = mes.receive(self._settings, letters) if letters else 0
        for message in messages:
            message.acknowledge()
            self._inbox.release(message.size)
        self._has_new |= new > 0
        log.debug("%d messages of the MES, %d of them new", len(messages), new)

    def _take_in(self) -> None:
        try:
            taken_in = mes.take_in(
                self._settings, retry_after=self._retry_after, lock_wait_s=_LOCK_WAIT_S
            )
        except LockTimeout:
            log.debug("a refresh or load is under way; messages are taken in after it")
            return
        _WAITING.set(taken_in.waiting)
        _DEAD.set(taken_in.dead)
        for tried in taken_in.outcomes.values():
            _tell(tried)
        self._has_new = False
        self._took_in_at = time.monotonic()


def _tell(tried: Tried) -> None:
    known = tried.message.envelope
    what = f"{known.type or 'message'} {known.message_id or known.digest} of order"
    what = printable(f"{what} {known.production_order_id or '?'}")
    match tried.outcome:
        case Outcome.APPLIED:
            log.debug("%s taken in", what)
        case Outcome.WAITS:
            log.warning("%s is tried again: %s", what, printable(tried.detail))
        case _:
            log.error("%s is a dead letter: %s; see `takt mes list`", what, printable(tried.detail))


def run(settings: Settings) -> int:
    """Listen to the MES until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 stopped.
    """
    listener = Listener(settings)
    metrics.serve(settings.metrics.mes_port, lambda: listener.ailment)

    def stop(_number: int, _frame: FrameType | None) -> None:
        listener.stop()
        # A catalog that hangs must not keep us: what is not acknowledged is sent again.
        last_resort = threading.Timer(_END_WITHIN_S, os._exit, [1])
        last_resort.daemon = True
        last_resort.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return listener.run()
