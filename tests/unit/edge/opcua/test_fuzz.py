"""Values of every sort that a server may send: each gives samples for the wire, or a reason."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import hypothesis.strategies as st
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary, variant_to_binary
from hypothesis import given

from edge.opcua.errors import FAULTS
from edge.opcua.value import MOST_PARTS, as_samples, has_overflown, has_source_time
from edge.payload import PayloadError
from takt import batch
from tests.mutations import Mutations

NOW = 1_700_000_000_000_000
TEXTS = ["", "0042", "\x00", "\udcff", "\u202e\ufeff", "é" * 40_000, "$heartbeat", "a/b", "1e999"]
TIMES = [datetime.min, datetime.max, datetime(2023, 11, 14, tzinfo=UTC), datetime(1601, 1, 1)]  # noqa: DTZ901
KINDS: dict[str, list[object]] = {
    "Boolean": [True, False],
    "SByte": [-128, 127], "Byte": [0, 255], "Int16": [-(2**15)], "UInt16": [2**16 - 1],
    "Int32": [-12, -(2**31)], "UInt32": [2**32 - 1],
    "Int64": [-(2**63), 2**53 + 1], "UInt64": [2**64 - 1],
    "Float": [float("nan"), -0.0, 1e-45], "Double": [float("inf"), -1e308, 5e-324],
    "String": [None, *TEXTS],
    "DateTime": TIMES,
    "Guid": [UUID(int=0), UUID(int=2**128 - 1)],
    "ByteString": [None, b"", b"\xff" * 100],
    "XmlElement": [ua.XmlElement("<a>"), ua.XmlElement("")],
    "NodeId": [ua.NodeId(), ua.NodeId("x" * 5_000, 3), ua.NodeId(b"\xff", 1)],
    "ExpandedNodeId": [ua.ExpandedNodeId(7, 1)],
    "StatusCode": [ua.StatusCode(0x80000000)],
    "QualifiedName": [ua.QualifiedName(text, 1) for text in TEXTS],
    "LocalizedText": [ua.LocalizedText(text) for text in TEXTS] + [ua.LocalizedText(None)],
    "ExtensionObject": [ua.ExtensionObject(), ua.EUInformation("u", 7), ua.Argument("n")],
    "Variant": [ua.Variant(7), ua.Variant(None)],
    "DataValue": [ua.DataValue(ua.Variant(7))],
}  # fmt: skip
STATUSES = st.integers(0, 2**32 - 1)


def data_value(value: object, status: int = 0, born: datetime | None = None) -> ua.DataValue:
    variant = value if isinstance(value, ua.Variant) else ua.Variant(value)
    return ua.DataValue(variant, ua.StatusCode(status), born)


def read(data: ua.DataValue) -> list[batch.Sample]:
    """Its samples; none where it is left out for a reason."""
    has_overflown(data.StatusCode)
    has_source_time(data)
    try:
        samples = as_samples("line1/press01", "Speed", data, NOW)
    except PayloadError:
        return []
    assert 0 <= len(samples) <= MOST_PARTS
    assert all(sample.quality in (0, 1, 2) for sample in samples)
    if samples:
        batch.decode(batch.encode(samples, 1))
    return samples


def variants(chance: random.Random) -> ua.Variant:
    """A value of any sort, alone or in an array of one or several dimensions."""
    kind = chance.choice(list(KINDS))
    values = [chance.choice(KINDS[kind]) for _ in range(chance.choice([1, 1, 2, 4]))]
    vtype = getattr(ua.VariantType, kind)
    if len(values) == 1 and chance.random() < 0.7:
        return ua.Variant(values[0], vtype)
    if len(values) == 4:
        return ua.Variant(values, vtype, Dimensions=[2, 2], is_array=True)
    return ua.Variant(values, vtype, is_array=True)


@pytest.mark.parametrize("kind", KINDS)
@given(status=STATUSES, born=st.sampled_from([None, *TIMES]) | st.datetimes(), data=st.data())
def test_any_value_with_any_status_and_time_gives_samples_or_a_reason(kind, status, born, data):
    value = data.draw(st.sampled_from(KINDS[kind]))

    samples = read(data_value(ua.Variant(value, getattr(ua.VariantType, kind)), status, born))

    if status >> 31:
        assert [(s.value, s.text, s.quality) for s in samples] == [(None, None, 2)]
    assert all(0 < sample.observed_at < 2**52 for sample in samples)


@pytest.mark.parametrize("depth", [10, 500, 5_000])
def test_values_within_values_are_read_or_left_out_however_deep(depth):
    value: object = 7
    for _ in range(depth // 2):
        value = ua.Variant([value], ua.VariantType.Variant, is_array=True)

    samples = read(data_value(value))

    assert [sample.value for sample in samples] == ([7.0] if depth == 10 else [])


def test_a_large_array_is_left_out_whole():
    assert read(data_value([0.0] * 100_000)) == []


@pytest.mark.parametrize("count", [500, pytest.param(100_000, marks=pytest.mark.long)])
def test_fuzzed_values_as_they_come_over_the_line_stop_nothing(count):
    mutations, read_well = Mutations(9), 0
    chance = mutations.chance
    sound = [_on_the_line(variants(chance)) for _ in range(200)]
    for number in range(count):
        content = mutations.of_bytes(sound)
        if number % 50 == 0:
            assert read(data_value(float(number)))[0].value == number
        if claims_many_nothings(content):
            continue
        try:
            value = variant_from_binary(Buffer(content))
        except FAULTS:
            # The connection is begun anew: tests/integration/edge/test_opcua_fuzz.py.
            continue
        born = chance.choice([None, *TIMES])
        read(data_value(value, chance.randrange(2**32), born))
        read_well += 1
    assert count / 20 < read_well < count


def claims_many_nothings(content: bytes) -> bool:
    """Whether an array of nothing may be in it: asyncua makes as many as its length says."""
    return any(
        byte & 0xBF == 0x80 and int.from_bytes(content[place + 1 : place + 5], "little") > 100_000
        for place, byte in enumerate(content)
    )


def _on_the_line(variant: ua.Variant) -> bytes:
    return variant_to_binary(variant)


def test_times_that_no_wire_can_carry_count_as_none():
    for born in (datetime.min, datetime.max, datetime(1601, 1, 1) + timedelta(days=1)):  # noqa: DTZ901
        assert not has_source_time(data_value(1.0, born=born))
        assert read(data_value(1.0, born=born))[0].observed_at == NOW
