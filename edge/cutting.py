"""Where a group of samples is cut into batches; pure."""

from collections.abc import Iterator, Sequence

from takt.batch import MAX_BYTES, MAX_ROWS, Sample

_FIXED_BYTES = 32
"""Bytes of a row's columns that are not text."""


def cuts(samples: Sequence[Sample]) -> Iterator[tuple[int, int]]:
    """Where to cut samples into batches of at most 1,000 rows and about 256 KiB."""
    first = size = 0
    for place, sample in enumerate(samples):
        width = _FIXED_BYTES + len(sample.equipment) + len(sample.signal)
        if sample.text is not None:
            width += 4 * len(sample.text)
        if place > first and (place - first == MAX_ROWS or size + width > MAX_BYTES):
            yield first, place
            first, size = place, 0
        size += width
    if samples:
        yield first, len(samples)
