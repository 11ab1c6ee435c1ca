"""What was refused: list it, look at it, try it again after the cause is mended.

A replayed batch is committed under the collector `replay` and an epoch of its own, because
its place in the ledger of its first epoch is settled for good.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import duckdb
import pyarrow as pa

import lake
from ingestion.committer import Committer
from ingestion.decoding import decode
from ingestion.inbox import Message
from ingestion.intake import MAX_DECODED_BYTES, Arrival, Selection, microseconds
from ingestion.quarantine_text import described, printable
from ingestion.sample_times import LiveLimits, refused_rows
from ingestion.side_shard import side_writer
from lake.errors import LakeUnavailable
from lake.schema import QUARANTINE_REPLAY
from lake.shard import Commit
from takt import batch
from takt.errors import BatchError, ConfigurationError, TaktError
from takt.settings import Settings
from takt.topics import BatchAddress, Collector, parse_batch

COLLECTOR = "replay"
ID_SHOWN = 12
"""As much of an id as people need to write."""
LIST_AT_MOST = 1_000
_OPEN = (
    "quarantine_id not in (select quarantine_id from raw.quarantine_replay"
    " where outcome = 'committed')"
)
_REPLAYABLE = "contains(topic, '/batch/') and reason not in ('unknown_topic', 'epoch_conflict')"
_PAGE_MESSAGES = 200
_PAGE_BYTES = 16_000_000
_RESENT = "the collector sent it again under a new epoch"


class Entry(NamedTuple):
    """One refused message, in the order of the columns that `takt quarantine list` prints."""

    quarantine_id: str
    quarantined_at: datetime
    collector: str
    reason: str
    detail: str
    rows: int | None
    bytes: int


@dataclass
class ReplayReport:
    """What became of each message that was tried again.

    Attributes:
        outcomes: Outcome per quarantine id.
    """

    outcomes: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.outcomes:
            return "nothing to replay"
        counts = Counter(self.outcomes.values())
        return "\n".join(f"{count} {outcome}" for outcome, count in counts.most_common())


class _Refused(NamedTuple):
    quarantine_id: str
    topic: str
    payload: bytes
    reason: str


def list_entries(
    settings: Settings, *, reason: str | None = None, collector: str | None = None
) -> list[Entry]:
    """The newest refused messages that no replay has brought in, newest first.

    Args:
        settings: Of the installation.
        reason: Only those refused for it.
        collector: Only those of collectors of this name.

    Raises:
        LakeUnavailable: The lake does not answer.
    """
    rows = _query(
        settings,
        "select quarantine_id, max(quarantined_at), any_value(coalesce(site || '/' || collector,"
        " topic)), any_value(reason), any_value(detail), max(rows), max(octet_length(payload))"
        f" from raw.quarantine where {_OPEN}"
        " and coalesce(reason = $1, $1 is null) and coalesce(collector = $2, $2 is null)"
        f" group by quarantine_id order by 2 desc, 1 limit {LIST_AT_MOST}",
        reason,
        collector,
    )
    return [
        Entry(found, at, printable(who), why, printable(detail), *counts)
        for found, at, who, why, detail, *counts in rows
    ]


def show(settings: Settings, quarantine_id: str) -> str:
    """Everything known of one refused message, and the start of what is in it.

    Args:
        settings: Of the installation.
        quarantine_id: Its id or the beginning of it.

    Raises:
        TaktError: There is no such message, or several.
        LakeUnavailable: The lake does not answer.
    """
    whole_id = _whole_id(settings, quarantine_id)
    topic, *refused, payload = _query(
        settings,
        "select topic, quarantined_at, reason, detail, payload from raw.quarantine"
        " where quarantine_id = ? limit 1",
        whole_id,
    )[0]
    replays = _query(
        settings,
        "select replayed_at, outcome from raw.quarantine_replay where quarantine_id = ? order by 1",
        whole_id,
    )
    return described(whole_id, topic, tuple(refused), [(at, what) for at, what in replays], payload)


def _whole_id(settings: Settings, beginning: str) -> str:
    found = _query(
        settings,
        "select distinct quarantine_id from raw.quarantine"
        " where starts_with(quarantine_id, ?) limit 2",
        beginning.lower(),
    )
    if not found:
        raise TaktError(f"no message {beginning} in quarantine; see `takt quarantine list`")
    if len(found) > 1:
        raise TaktError(f"several messages in quarantine begin with {beginning}; write more of it")
    return str(found[0][0])


def replay(settings: Settings, quarantine_id: str | None = None) -> ReplayReport:
    """Decode refused batches again and commit those that are right now.

    Args:
        settings: Of the installation.
        quarantine_id: One message, by the beginning of its id; None: all batches that no
            replay has brought in.

    Raises:
        TaktError: There is no such message.
        LakeUnavailable: The lake does not answer; what was replayed so far stays.
    """
    if quarantine_id is not None:
        quarantine_id = _whole_id(settings, quarantine_id)
    chosen = _REPLAYABLE if quarantine_id is None else "quarantine_id = ?"
    waiting = _query(
        settings,
        "select quarantine_id, max(octet_length(payload)) from raw.quarantine"
        f" where {_OPEN} and {chosen} group by 1 order by 1",
        *([] if quarantine_id is None else [quarantine_id]),
    )
    if quarantine_id is not None and not waiting:
        raise TaktError(f"message {quarantine_id[:ID_SHOWN]} is in the lake; it was replayed")
    report = ReplayReport()
    if waiting:
        with side_writer(settings) as (writer, owner_id):
            committer = Committer(settings, writer, owner_id)
            limits = LiveLimits.of(settings.ingestion)
            for page in _pages(waiting):
                report.outcomes |= _replay_page(committer, _refused(settings, page), limits)
    return report


def _pages(waiting: list[tuple[str, int]]) -> list[list[str]]:
    """Ids in groups whose payloads fit into memory together."""
    pages: list[list[str]] = []
    free = 0
    for quarantine_id, size in waiting:
        if not pages or size > free or len(pages[-1]) >= _PAGE_MESSAGES:
            pages.append([])
            free = _PAGE_BYTES
        pages[-1].append(quarantine_id)
        free -= size
    return pages


def _replay_page(committer: Committer, page: list[_Refused], limits: LiveLimits) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    for arrivals, told in _portions(page, limits):
        now = microseconds(datetime.now(UTC))
        rows = [
            {"quarantine_id": each, "outcome": outcome, "replayed_at": now}
            for each, outcome in told.items()
        ]
        replays = pa.Table.from_pylist(rows, schema=QUARANTINE_REPLAY.arrow_schema)
        committer.commit(Selection(batches=arrivals), Commit(quarantine_replays=replays))
        outcomes |= told
    return outcomes


def _portions(
    page: list[_Refused], limits: LiveLimits
) -> Iterator[tuple[list[Arrival], dict[str, str]]]:
    """Batches that fit into memory together when decoded, and what becomes of each message."""
    arrivals: list[Arrival] = []
    told: dict[str, str] = {}
    decoded_bytes = 0
    for refused in page:
        try:
            arrival = _arrival(refused, limits)
        except BatchError as error:
            told[refused.quarantine_id] = f"refused again, {error.reason}"
            continue
        decoded_bytes += arrival.decoded_bytes
        if arrivals and decoded_bytes > MAX_DECODED_BYTES:
            yield arrivals, told
            arrivals, told, decoded_bytes = [], {}, arrival.decoded_bytes
        arrivals.append(arrival)
        told[refused.quarantine_id] = "committed"
    yield arrivals, told


def _arrival(refused: _Refused, limits: LiveLimits) -> Arrival:
    address = parse_batch(refused.topic)
    if address is None:
        raise BatchError("no_batch", "only batches can be replayed")
    if refused.reason == "epoch_conflict":
        raise BatchError("epoch_conflict", _RESENT)
    received_at = microseconds(datetime.now(UTC))
    table = decode(refused.payload).table
    # All of it or nothing: a part would be in the lake twice when the rest is replayed.
    for wrong in refused_rows(table, limits, received_at):
        raise BatchError(wrong.reason, wrong.detail)
    payload = batch.encode_table(table, first_row=1)
    if len(payload) > batch.MAX_PAYLOAD_BYTES:
        raise BatchError("too_large", f"{len(payload)} bytes when it is encoded anew")
    source = Collector(address.source.site, COLLECTOR)
    epoch = str(UUID(refused.quarantine_id))
    message = Message(refused.topic, payload, received_at=received_at)
    # The id is a digest of topic and bytes: what was committed before is a repeat now, however
    # it is encoded today.
    digest = bytes.fromhex(refused.quarantine_id)
    arrival = Arrival(BatchAddress(source, epoch, 1), digest, message)
    arrival.was_attempted = True
    return arrival


def _refused(settings: Settings, quarantine_ids: list[str]) -> list[_Refused]:
    rows = _query(
        settings,
        "select quarantine_id, any_value(topic), any_value(payload), any_value(reason)"
        " from raw.quarantine where quarantine_id in (select unnest(?)) group by 1 order by 1",
        quarantine_ids,
    )
    return [_Refused(*row) for row in rows]


def _query(settings: Settings, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
    try:
        with lake.open(settings, read_only=True) as con:
            return con.execute(sql, list(arguments)).fetchall()
    except duckdb.BinderException as error:
        raise ConfigurationError(
            f"{settings.home} was made by an older Takt; run `takt refresh` once and try again"
        ) from error
    except duckdb.Error as error:
        raise LakeUnavailable(f"the quarantine cannot be read: {error}") from error
