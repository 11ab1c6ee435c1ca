"""Questions about the past, answered from the last published snapshot and remembered.

A published snapshot never changes, so an answer is asked for once per publication, however many
pages are open; while the lake is away, what was asked before can still be answered.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import duckdb

from dashboards.feed import UNREACHABLE, Feed, OpenLake, in_one_line
from takt.errors import TaktError

Answer = TypeVar("Answer")
_REMEMBERED = 256


class HistoryUnavailable(TaktError):
    """The lake does not answer; the page says so and keeps what it shows."""


class NothingPublished(TaktError):
    """No refresh has been published yet, so there is no history to show."""


class History:
    """Answers questions about the marts as last published."""

    def __init__(self, open_lake: OpenLake, feed: Feed) -> None:
        self._open_lake = open_lake
        self._feed = feed
        self._lock = threading.Lock()
        self._con: duckdb.DuckDBPyConnection | None = None
        self._snapshot_id: int | None = None
        self._answers: OrderedDict[Any, Any] = OrderedDict()

    def ask(self, question: Callable[..., Answer], **arguments: Any) -> Answer:
        """The answer of a function of `queries` at the last published snapshot.

        Raises:
            NothingPublished: There is no published snapshot yet.
            HistoryUnavailable: The lake does not answer.
        """
        snapshot_id = self._published()
        key = (snapshot_id, question, tuple(sorted(arguments.items())))
        with self._lock:
            if key not in self._answers:
                self._answers[key] = self._ask_lake(snapshot_id, question, arguments)
                if len(self._answers) > _REMEMBERED:
                    self._answers.popitem(last=False)
            answer: Answer = self._answers[key]
        return answer

    def close(self) -> None:
        """Let go of the lake."""
        with self._lock:
            self._disconnect()

    def _published(self) -> int:
        reading = self._feed.latest
        if reading.moment is None and reading.failure:
            raise HistoryUnavailable(reading.failure)
        if reading.moment is None or reading.moment.publication is None:
            raise NothingPublished("no refresh has been published yet")
        return reading.moment.publication.snapshot_id

    def _ask_lake(
        self, snapshot_id: int, question: Callable[..., Answer], arguments: dict[str, Any]
    ) -> Answer:
        try:
            if self._con is None or self._snapshot_id != snapshot_id:
                self._disconnect()
                self._con = self._open_lake(snapshot_id)
                self._snapshot_id = snapshot_id
            return question(self._con, **arguments)
        except UNREACHABLE as error:
            self._disconnect()
            raise HistoryUnavailable(in_one_line(error)) from error

    def _disconnect(self) -> None:
        if self._con is not None:
            self._con.close()
            self._con = None
