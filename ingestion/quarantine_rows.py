"""Rows of `raw.quarantine`: what was refused, with its bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import duckdb

import lake
from ingestion.intake import Refusal
from lake.errors import LakeUnavailable
from takt.batch import MAX_PAYLOAD_BYTES
from takt.settings import Settings

MAX_DETAIL_CHARACTERS = 1_000


@dataclass(frozen=True)
class QuarantineRow:
    """A refused message as it is kept.

    Attributes:
        quarantine_id: The same for the same bytes under the same topic.
        rows: How many samples it holds; None where that is not known.
        may_be_kept: The lake may have it: it was retained by the broker, or a commit with it
            failed after it perhaps took effect.
    """

    quarantine_id: str
    site: str | None
    collector: str | None
    epoch: str | None
    seq: int | None
    topic: str
    payload: bytes
    reason: str
    detail: str
    rows: int | None
    may_be_kept: bool

    @property
    def payload_bytes(self) -> int:
        """Size of what is kept, so that adding it up reads no payload."""
        return len(self.payload)

    @classmethod
    def of(cls, refusal: Refusal) -> "QuarantineRow":
        """The row for a refused message; bytes beyond every legal payload are cut."""
        message = refusal.message
        detail = refusal.detail[:MAX_DETAIL_CHARACTERS]
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            detail += f"; only the first {MAX_PAYLOAD_BYTES} bytes are kept"
        source = refusal.source
        return cls(
            quarantine_id(message.topic, message.payload),
            source and source.site,
            source and source.collector,
            refusal.epoch,
            refusal.seq,
            message.topic,
            message.payload[:MAX_PAYLOAD_BYTES],
            refusal.reason,
            detail,
            refusal.rows,
            message.is_retained or refusal.was_attempted,
        )


def quarantine_id(topic: str, payload: bytes) -> str:
    """What identifies a refused message."""
    digest = blake2b(topic.encode(errors="replace") + b"\0", digest_size=16)
    digest.update(payload)
    return digest.hexdigest()


def kept_already(settings: Settings, quarantine_ids: Sequence[str]) -> set[str]:
    """Which of these messages the lake has in quarantine.

    Raises:
        LakeUnavailable: It cannot be read now.
    """
    if not quarantine_ids:
        return set()
    try:
        with lake.open(settings, read_only=True) as con:
            found = con.execute(
                "select quarantine_id from raw.quarantine where quarantine_id in"
                " (select unnest(?))",
                [list(quarantine_ids)],
            ).fetchall()
    except duckdb.Error as error:
        raise LakeUnavailable(f"the quarantine cannot be read: {error}") from error
    return {row[0] for row in found}
