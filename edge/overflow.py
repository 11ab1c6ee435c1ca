"""Samples that a spool cannot take or keep, said as `$overflow` events of the collector."""

import logging

from takt import batch
from takt.batch import Quality, Sample
from takt.equipment import COLLECTOR_EQUIPMENT

log = logging.getLogger(__name__)


def overflow(lost: int, cause: str, now: int) -> Sample:
    """The event that so many samples are lost; `now` in µs."""
    return Sample(COLLECTOR_EQUIPMENT, "$overflow", now, float(lost), cause, int(Quality.GOOD), now)


def without_large(samples: list[Sample], now: int) -> list[Sample]:
    """The samples but those of values too large for the wire, and an event that counts these."""
    kept = [sample for sample in samples if not _is_large(sample.text)]
    refused = len(samples) - len(kept)
    if refused:
        log.error("%d values over %d bytes refused", refused, batch.MAX_VALUE_BYTES)
        kept.append(overflow(refused, "values over 64 KiB are refused", now))
    return kept


def _is_large(text: str | None) -> bool:
    # Bytes are at most four a character: most texts need no encoding to be measured.
    return (
        text is not None
        and len(text) > batch.MAX_VALUE_BYTES // 4
        and len(text.encode()) > batch.MAX_VALUE_BYTES
    )
