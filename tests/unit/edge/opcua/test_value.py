from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from asyncua import ua

from edge.opcua.value import MOST_PARTS, as_samples, has_overflown, has_source_time, quality_of
from edge.payload import PayloadError
from takt.batch import Quality

NOW = 1_700_000_000_000_000
BORN = datetime(2023, 11, 14, 22, 13, 20, 7, tzinfo=UTC)


def sample_of(value: object, status: int = 0, born: datetime | None = BORN):
    data = ua.DataValue(ua.Variant(value), ua.StatusCode(status), born)
    [sample] = as_samples("assembly/line1/press01", "Speed", data, NOW)
    return sample


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (ua.StatusCodes.Good, Quality.GOOD),
        (ua.StatusCodes.GoodClamped, Quality.GOOD),
        (ua.StatusCodes.GoodLocalOverride, Quality.GOOD),
        (0x480, Quality.GOOD),
        (ua.StatusCodes.UncertainLastUsableValue, Quality.UNCERTAIN),
        (ua.StatusCodes.BadSensorFailure, Quality.BAD),
        (ua.StatusCodes.BadWaitingForInitialData, Quality.BAD),
    ],
)
def test_the_severity_of_a_status_code_is_the_quality(status, quality):
    assert quality_of(ua.StatusCode(status)) is quality


def test_the_overflow_bit_counts_only_with_its_info_type():
    assert has_overflown(ua.StatusCode(0x480))
    assert has_overflown(ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue | 0x480))
    assert not has_overflown(ua.StatusCode(0x80))
    assert not has_overflown(ua.StatusCode(0))


def test_a_bad_value_keeps_its_row_and_is_null():
    sample = sample_of(5.0, ua.StatusCodes.BadSensorFailure)

    assert (sample.value, sample.text, sample.quality) == (None, None, 2)
    assert sample.observed_at == NOW + 7


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (UUID(int=1), (None, "00000000-0000-0000-0000-000000000001")),
        (ua.QualifiedName("name", 2), (None, "name")),
        (datetime(2023, 11, 14, tzinfo=UTC), (None, "2023-11-14T00:00:00+00:00")),
        (float("nan"), (None, "nan")),
    ],
)
def test_other_types_become_text(value, expected):
    sample = sample_of(value)

    assert (sample.value, sample.text) == expected


def test_what_has_no_place_on_the_wire_is_refused():
    with pytest.raises(PayloadError, match="a value of type"):
        sample_of(b"\x00")


@dataclass
class Motor:
    speed: float
    phases: list[int]
    Encoding: int = 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, 2], {"Speed[0]": 1.0, "Speed[1]": 2.0}),
        ([[1], [2]], {"Speed[0][0]": 1.0, "Speed[1][0]": 2.0}),
        ([], {}),
        (Motor(7.5, [1, 2]), {"Speed.speed": 7.5, "Speed.phases[0]": 1.0, "Speed.phases[1]": 2.0}),
        ([Motor(1.0, [])], {"Speed[0].speed": 1.0}),
    ],
)
def test_arrays_and_structures_become_one_signal_a_part(value, expected):
    data = ua.DataValue(ua.Variant(value, ua.VariantType.Int32), ua.StatusCode(0), BORN)

    assert {s.signal: s.value for s in as_samples("line1", "Speed", data, NOW)} == expected


def test_one_field_without_a_place_on_the_wire_takes_no_other_with_it():
    data = ua.DataValue(ua.Variant(Motor(7.5, [b"?", 2]), ua.VariantType.Int32), None, BORN)
    left_out: list[str] = []

    samples = as_samples("line1", "Motor", data, NOW, left_out.append)

    assert {s.signal: s.value for s in samples} == {"Motor.speed": 7.5, "Motor.phases[1]": 2.0}
    assert left_out == ["Motor.phases[0]: a value of type bytes is no number, truth or text"]


def test_an_image_is_refused_rather_than_made_a_row_of_signals():
    data = ua.DataValue(ua.Variant([0] * (MOST_PARTS + 1)), ua.StatusCode(0), BORN)

    with pytest.raises(PayloadError, match="more than 1000 parts"):
        as_samples("line1", "Speed", data, NOW)


@pytest.mark.parametrize("born", [None, datetime(1601, 1, 1, tzinfo=UTC)])
def test_without_a_source_time_the_time_of_receipt_counts(born):
    assert sample_of(1.0, born=born).observed_at == NOW
    assert not has_source_time(ua.DataValue(ua.Variant(1.0), SourceTimestamp=born))
