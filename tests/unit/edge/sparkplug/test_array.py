"""Arrays as the specification packs them: one signal an element."""

import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sparkplug.array import MOST_ELEMENTS, unpacking_of
from edge.sparkplug.datatype import MetricError
from edge.sparkplug.sparkplug_b_pb2 import DataType
from tests.sparkplug_messages import T0, data, metric, node_birth
from tests.unit.edge.sparkplug.conftest import NODE

ARRAYS = [name for name, _ in DataType.items() if name.endswith("Array")]
INTEGERS = [
    (f"{sign}{bits}Array", "<" + (code if sign == "Int" else code.upper()), bits, sign == "Int")
    for bits, code in ((8, "b"), (16, "h"), (32, "i"), (64, "q"))
    for sign in ("Int", "UInt")
]


def unpacked(datatype: str, content: bytes) -> list[float | str | None]:
    unpack = unpacking_of(DataType.Value(datatype))
    assert unpack is not None
    return [value if text is None else text for value, text, _ in unpack(content)]


# Examples of the specification. Its -23 of Int8Array is written EF, which is -17; those of
# FloatArray and DoubleArray are written the other way round than it demands.
@pytest.mark.parametrize(
    ("datatype", "content", "values"),
    [
        ("Int8Array", "EF 7B", [-17, 123]),
        ("Int32Array", "15 CD 5B 07 B1 68 DE 3A", [123456789, 987654321]),
        (
            "UInt64Array",
            "34 00 00 00 00 00 00 00 D9 9E 02 D1 B2 76 37 E4",
            [52, "16444743074749521625"],
        ),
        ("BooleanArray", "0C 00 00 00 34 D0", [0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1]),
        ("StringArray", "41 42 43 00 68 65 6C 6C 6F 00", ["ABC", "hello"]),
    ],
)
def test_examples_of_the_specification(datatype, content, values):
    assert unpacked(datatype, bytes.fromhex(content)) == values


@pytest.mark.parametrize(("datatype", "code", "bits", "is_signed"), INTEGERS)
@given(drawn=st.data())
def test_integers_come_out_as_they_went_in(datatype, code, bits, is_signed, drawn):
    least = -(1 << bits - 1) if is_signed else 0
    numbers = drawn.draw(st.lists(st.integers(least, least + (1 << bits) - 1), max_size=20))
    content = b"".join(struct.pack(code, number) for number in numbers)

    assert list(map(int, unpacked(datatype, content))) == numbers


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_reals_come_out_as_they_went_in(numbers):
    for datatype, code in (("FloatArray", "f"), ("DoubleArray", "d")):
        assert unpacked(datatype, struct.pack(f"<{len(numbers)}{code}", *numbers)) == numbers


@given(st.lists(st.booleans(), max_size=40))
def test_booleans_come_out_as_they_went_in(truths):
    bits = "".join("01"[truth] for truth in truths).ljust((len(truths) + 7) // 8 * 8, "1")
    packed = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))

    assert unpacked("BooleanArray", struct.pack("<I", len(truths)) + packed) == truths


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_texts_come_out_as_they_went_in(texts):
    assert unpacked("StringArray", b"".join(text.encode() + b"\0" for text in texts)) == texts


def test_moments_are_texts_in_utc():
    moment = datetime(2026, 3, 2, 6, tzinfo=UTC)
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    assert unpacked("DateTimeArray", struct.pack("<q", milliseconds)) == [moment.isoformat()]


@pytest.mark.parametrize("datatype", ARRAYS)
@given(content=st.binary(max_size=64))
def test_any_bytes_are_an_array_or_are_refused(datatype, content):
    with suppress(MetricError):
        assert len(unpacked(datatype, content)) <= 8 * len(content)


@pytest.mark.parametrize("datatype", ARRAYS)
def test_an_image_is_no_row_of_signals(datatype):
    count = MOST_ELEMENTS + 1
    content = bytes(8 * count)
    if datatype == "BooleanArray":
        content = struct.pack("<I", count) + bytes((count + 7) // 8)

    with pytest.raises(MetricError, match="more than 1000"):
        unpacked(datatype, content)


def test_an_array_is_one_signal_an_element_also_by_its_alias(heard):
    torque = struct.pack("<2h", -12, 7)
    declared = metric("Torque", torque, "Int16Array", field="bytes_value", alias=1)
    heard.say("NBIRTH", node_birth([declared]))
    changed = metric(value=struct.pack("<h", 9), field="bytes_value", alias=1, timestamp=T0 + 1)
    heard.say("NDATA", data([changed]))

    assert heard.values == [
        (NODE, "Torque[0]", -12.0),
        (NODE, "Torque[1]", 7.0),
        (NODE, "Torque[0]", 9.0),
    ]


def test_an_array_that_is_null_is_bad_and_one_that_is_none_is_refused_alone(heard):
    null, broken = metric("A", datatype="Int16Array"), metric("B", datatype="Int16Array")
    broken.is_null, broken.bytes_value = False, b"odd"
    heard.say("NBIRTH", node_birth([null, broken, metric("C", 1.0)]))

    assert [(s.signal, s.value, s.quality) for s in heard.samples] == [
        ("A", None, 2),
        ("C", 1.0, 0),
    ]
    assert heard.counts()["refused_metrics"] == 1
    assert "B: no array: 3 bytes of 2 each" in heard.outcome.read.refused
