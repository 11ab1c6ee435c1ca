"""Messages of an MES that wait: list them, look at one, retry it, drop it.

Belongs here: what people see and decide of them, dead letters above all.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import duckdb

import lake
from ingestion import mes, mes_store
from ingestion.mes_line import TRIES, Outcome, Turn, Waiting, hindrance
from ingestion.mes_store import Decision
from ingestion.quarantine_text import printable
from lake.errors import LakeUnavailable
from takt.errors import TaktError
from takt.settings import Settings

_PREVIEW_BYTES = 4_000
_RETRY = "mend the cause and `takt mes retry` it, or `takt mes drop` it"


class Entry(NamedTuple):
    """A message that waits.

    Attributes:
        message: What was received.
        state: `dead letter`, `tried 1 of 3`, `held by …`, `waits`.
        detail: Why.
        remedy: What to do; empty: nothing.
    """

    message: Waiting
    state: str
    detail: str
    remedy: str = ""


def entries(settings: Settings) -> list[Entry]:
    """Every message that waits, dead letters first, then order by order.

    Raises:
        LakeUnavailable: The lake does not answer.
    """
    with _reading(settings) as con:
        waiting = mes_store.waiting(con)
        lines = mes.by_order(waiting)
        settled = mes_store.settled_sequences(con, lines.keys())
    placeless = [each for each in waiting if each.envelope.production_order_id is None]
    found = [entry for each in placeless for entry in _explained([each], set())]
    for order, line in lines.items():
        found += _explained(line, settled.get(order, set()))
    return sorted(found, key=lambda entry: entry.message.outcome is not Outcome.DEAD)


def _explained(line: list[Waiting], settled: set[int]) -> list[Entry]:
    """What each message of an order waits for."""
    # Never due: it is told what waits, not tried.
    turn = Turn(datetime.max, timedelta.max)  # noqa: DTZ901 - naive is UTC here
    found: list[Entry] = []
    holder: Waiting | None = None
    done = set(settled)
    for message in line:
        why = hindrance(message, done, turn)
        found.append(_entry(message, why, holder))
        holder = holder or (None if why is None else message)
        done.add(message.envelope.sequence or 0)
    return found


def _entry(message: Waiting, why: str | None, holder: Waiting | None) -> Entry:
    match message.outcome:
        case Outcome.DEAD:
            return Entry(message, "dead letter", message.detail, _RETRY)
        case Outcome.WAITS:
            state = f"tried {message.tries} of {TRIES}"
            return Entry(message, state, message.detail, "mend the cause; it is tried again")
    if holder is not None:
        shown = holder.envelope.digest[: mes.ID_SHOWN]
        return Entry(message, f"held by {shown}", "its order comes first to that one")
    return Entry(message, "waits", why or "it is taken in next")


def show(settings: Settings, name: str) -> str:
    """Everything known of a message, settled or not.

    Args:
        settings: Of the installation.
        name: Its message_id, or the beginning of the id that lists print.

    Raises:
        TaktError: There is no such message, or several.
    """
    with _reading(settings) as con:
        digest = _digest(con, name)
        message, decided = mes_store.history(con, digest)
    assert message is not None, "it was just found"
    waiting = {each.message.envelope.digest: each for each in entries(settings)}
    entry = waiting.get(digest)
    known = message.envelope
    text = message.payload[:_PREVIEW_BYTES].decode(errors="replace")
    lines = [
        f"id        {digest}",
        f"message   {known.message_id or '?'}, {known.type or '?'}",
        f"order     {known.production_order_id or '?'}",
        f"received  {_told(message.received_at)} from {message.received_from}",
        *(f"{_told(at)}  {what}{_by(by)}  {detail}" for at, what, detail, by in decided),
    ]
    if entry is not None:
        lines += [f"state     {entry.state}: {entry.detail}"]
        lines += [f"to do     {entry.remedy}"] if entry.remedy else []
    return "\n".join(map(printable, [*lines, *text.splitlines()]))


def retry(settings: Settings, name: str | None = None) -> mes.TakenIn:
    """Try a message again now, whatever it waits for; without a name every dead letter.

    What is before it in its order still holds it.

    Raises:
        TaktError: There is no such message, or it does not wait.
    """
    if name is None:
        found = entries(settings)
        chosen = [e.message.envelope.digest for e in found if e.message.outcome is Outcome.DEAD]
    else:
        chosen = [_waiting(settings, name)]
    return mes.take_in(settings, chosen=chosen)


def drop(settings: Settings, name: str, *, by: str, reason: str) -> mes.TakenIn:
    """Give a message up: it stays in the lake, has no effect, and holds nothing any more.

    Args:
        settings: Of the installation.
        name: As for `show`.
        by: Who decides it.
        reason: Why.

    Raises:
        TaktError: There is no such message, or it does not wait.
    """
    with lake.locks.mes_lock(settings), closing(lake.open(settings)) as con:
        digest = _waiting(settings, name)
        now = datetime.now(UTC).replace(tzinfo=None)
        decision = Decision(digest, Outcome.DROPPED, reason, 0, now, by)
        mes_store.decide(con, settings, [decision])
    return mes.take_in(settings)


def _waiting(settings: Settings, name: str) -> str:
    """The digest of a message that waits."""
    with _reading(settings) as con:
        digest = _digest(con, name)
        waits = any(each.envelope.digest == digest for each in mes_store.waiting(con))
    if not waits:
        raise TaktError(f"message {name} does not wait; see `takt mes show {name}`")
    return digest


@contextmanager
def _reading(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with closing(lake.open(settings, read_only=True)) as con:
            yield con
    except duckdb.CatalogException as error:
        raise TaktError(
            f"no message has come to {settings.home}: bring some by `takt mes load` or `listen`"
        ) from error
    except duckdb.Error as error:
        raise LakeUnavailable(f"messages of the MES cannot be read: {error}") from error


def _digest(con: duckdb.DuckDBPyConnection, name: str) -> str:
    found = mes_store.named(con, name)
    if not found:
        raise TaktError(f"no message {name}; see `takt mes list`")
    if len(found) > 1:
        raise TaktError(f"several messages are called {name}; write the id of `takt mes list`")
    return found[0]


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _by(name: str | None) -> str:
    return "" if name is None else f" by {name}"
