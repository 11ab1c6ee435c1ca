"""A refused message in words for people: what it is, what is in it, what to do."""

from collections.abc import Sequence
from datetime import datetime

from ingestion.decoding import decode
from takt.errors import BatchError

_PREVIEW_BYTES = 256
_PREVIEW_ROWS = 5
_ADVICE = {
    "clock_ahead": "set the clock right; replay once the times have come, or with"
    " TAKT_INGESTION__LIVE_AHEAD_S raised",
    "clock_unset": "set the clock; to take the samples in as they are, replay with"
    " TAKT_INGESTION__LIVE_SINCE set to an earlier day",
    "time_range": "set the clock; these samples cannot come in",
    "epoch_conflict": "nothing to do: the collector sent its samples again under a new epoch",
    "row_numbers": "replay: the samples can be read, only their numbers did not fit",
    "schema_version": "install the version of Takt that the collector has, then replay",
    "unknown_topic": "find who publishes there: it is no topic of a collector",
}
_OTHER_ADVICE = "find out why it was sent so; replay tries it again, say with a newer version"


def described(
    quarantine_id: str,
    topic: str,
    refused: tuple[datetime, str, str],
    replays: Sequence[tuple[datetime, str]],
    payload: bytes,
) -> str:
    """Everything known of a refused message, and the start of what is in it.

    Args:
        quarantine_id: Names it.
        topic: Where it was published.
        refused: When, the reason and its detail.
        replays: When it was tried again, and the outcome.
        payload: What is kept of it.
    """
    refused_at, reason, detail = refused
    is_in = any(outcome == "committed" for _, outcome in replays)
    advice = "nothing: it is in the lake" if is_in else _ADVICE.get(reason, _OTHER_ADVICE)
    lines = [
        f"id        {quarantine_id}",
        f"topic     {printable(topic)}",
        f"refused   {refused_at:%Y-%m-%dT%H:%M:%SZ}, {reason}: {printable(detail)}",
        *(f"replayed  {at:%Y-%m-%dT%H:%M:%SZ}, {outcome}" for at, outcome in replays),
        f"to do     {advice}",
        *_content(payload),
    ]
    return "\n".join(lines)


def printable(text: str) -> str:
    """Without what would steer a terminal; strangers choose topics."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _content(payload: bytes) -> list[str]:
    """The first samples; of what holds none that can be read, the first bytes."""
    try:
        table = decode(payload).table
    except BatchError:
        return [f"bytes     {len(payload)}", *_hex_lines(payload[:_PREVIEW_BYTES])]
    lines = [f"samples   {table.num_rows}, {len(payload)} bytes"]
    lines += [f"  {_sample(row)}" for row in table.slice(0, _PREVIEW_ROWS).to_pylist()]
    return [*lines, "  …"] if table.num_rows > _PREVIEW_ROWS else lines


def _sample(row: dict[str, object]) -> str:
    value = row["text"] if row["value"] is None else row["value"]
    told = f"{row['equipment']} {row['signal']} = {value}, quality {row['quality']}"
    historical = ", historical" if row["is_historical"] else ""
    return f"{row['observed_at']}  {printable(told)}{historical}"


def _hex_lines(payload: bytes) -> list[str]:
    lines = []
    for start in range(0, len(payload), 16):
        part = payload[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"  {start:04x}  {part.hex(' '):<47}  {text}")
    return lines
