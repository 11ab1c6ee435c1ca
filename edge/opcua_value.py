"""From what an OPC UA server says of a variable to a sample.

Belongs here: status codes, times and datatypes. Connections are `edge.opcua_source`.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from asyncua import ua

from edge.clock import EARLIEST, LATEST
from edge.payload import as_value
from takt.batch import Quality, Sample

_OVERFLOW = 0x0480
"""Info type "data value" with its overflow bit (OPC UA part 4, 7.39)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEVERITIES = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)


def quality_of(status: ua.StatusCode | None) -> Quality:
    """The severity of a status code; codes with more to say are as good as plain ones."""
    return Quality.GOOD if status is None else _SEVERITIES[status.value >> 30]


def has_overflown(status: ua.StatusCode | None) -> bool:
    """Whether the server dropped values of this item before this one."""
    return status is not None and status.value & _OVERFLOW == _OVERFLOW


def as_sample(equipment: str, signal: str, data: ua.DataValue, received_at: int) -> Sample:
    """The sample that a data value is; without a source time it was born when it came.

    Raises:
        PayloadError: Its datatype has no place on the wire.
    """
    quality = quality_of(data.StatusCode)
    value, text, own_quality = None, None, int(Quality.BAD)
    if quality is not Quality.BAD:
        value, text, own_quality = as_value(_plain(data.Value and data.Value.Value))
    observed_at = _microseconds(data.SourceTimestamp)
    return Sample(
        equipment,
        signal,
        received_at if observed_at is None else observed_at,
        value,
        text,
        int(max(quality, own_quality)),
        received_at,
    )


def has_source_time(data: ua.DataValue) -> bool:
    """Whether the server says when the value was born, so that repeats can be told."""
    return _microseconds(data.SourceTimestamp) is not None


def _plain(value: object) -> object:
    match value:
        case ua.LocalizedText():
            return value.Text
        case ua.QualifiedName():
            return value.Name
        case datetime():
            return _aware(value).isoformat()
        case UUID():
            return str(value)
    return value


def _microseconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    microseconds = (_aware(moment) - _EPOCH) // timedelta(microseconds=1)
    return microseconds if EARLIEST < microseconds < LATEST else None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
