import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.configuration import MqttSource
from edge.payload import PayloadError, PayloadReader, as_value

TOPIC = "plant/assembly/line2/pack01/Speed"
NOW = 1_700_000_000_000_000


def reader(**options) -> PayloadReader:
    source = {"kind": "mqtt", "host": "127.0.0.1", "topic": "plant/{equipment:3}/{signal}"}
    return PayloadReader(MqttSource.model_validate(source | options))


def read(payload: object, **options):
    return reader(**options).read(TOPIC, json.dumps(payload).encode(), NOW)


def test_topic_levels_name_equipment_and_signal():
    assert reader().topic_filter == "plant/+/+/+/+"
    assert read({"value": 1})[:2] == ("assembly/line2/pack01", "Speed")


def test_fixed_names_stand_in_for_levels():
    fixed = reader(topic="+/Speed", equipment="assembly/line1/press01", signal="Speed")

    assert fixed.topic_filter == "+/Speed"
    assert fixed.read("x/Speed", b'{"value": 1}', NOW)[:2] == ("assembly/line1/press01", "Speed")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, (1.5, None, 0)),
        (True, (1.0, None, 0)),
        ("0042", (None, "0042", 0)),
        (None, (None, None, 2)),
        (2**53, (float(2**53), None, 0)),
        (2**53 + 1, (float(2**53), str(2**53 + 1), 0)),
        (10**400, (None, str(10**400), 0)),
        (float("inf"), (None, "inf", 2)),
    ],
)
def test_values_keep_what_they_are(value, expected):
    assert as_value(value) == expected


@pytest.mark.parametrize(
    ("unit", "time", "microseconds"),
    [
        ("iso", "2023-11-14T22:13:20.123456Z", NOW + 123_456),
        ("iso", "2023-11-14T23:13:20.1234569+01:00", NOW + 123_456),
        ("iso", "2023-11-14T22:13:20", NOW),
        ("s", 1_700_000_000, NOW),
        ("s", 1_700_000_000.123456, NOW + 123_456),
        ("ms", 1_700_000_000_123, NOW + 123_000),
        ("ms", "1700000000123", NOW + 123_000),
        ("us", NOW + 1, NOW + 1),
        ("ns", 1_700_000_000_000_001_999, NOW + 1),
    ],
)
def test_times_are_read_in_their_unit(unit, time, microseconds):
    sample = read({"value": 1, "t": time}, timestamp="t", timestamp_unit=unit)

    assert sample.observed_at == microseconds
    assert sample.received_at == NOW


def test_without_a_time_the_time_of_receipt_counts():
    assert read({"value": 1}).observed_at == NOW
    assert not reader().has_time


def test_nested_paths_the_whole_payload_and_text_are_found():
    assert read({"d": [{"v": 3}]}, value="d.0.v").value == 3
    assert read(7, value="").value == 7
    entry = read({"value": 2, "why": "R1"}, text="why")
    assert (entry.value, entry.text) == (2.0, "R1")


def test_the_worse_quality_counts():
    assert read({"value": 1, "q": "Uncertain"}, quality="q").quality == 1
    assert read({"value": None, "q": 0}, quality="q").quality == 2


@pytest.mark.parametrize(
    ("payload", "options", "why"),
    [
        (b"{", {}, "no JSON"),
        (b"[" * 100_000, {}, "no JSON"),
        (b"\xff", {}, "no JSON"),
        (b"3", {}, "no value"),
        (b'{"value": [1]}', {}, "type list"),
        (b'{"value": "\\ud800"}', {}, "surrogate"),
        (b'{"value": 1}', {"timestamp": "t"}, "no t"),
        (b'{"value": 1, "t": true}', {"timestamp": "t", "timestamp_unit": "s"}, "not in s"),
        (b'{"value": 1, "t": "soon"}', {"timestamp": "t"}, "not in iso"),
        (b'{"value": 1, "t": 1e300}', {"timestamp": "t", "timestamp_unit": "s"}, "outside"),
        (b'{"value": 1, "t": 1700000000000}', {"timestamp": "t", "timestamp_unit": "s"}, "outside"),
        (b'{"value": 1, "q": 192}', {"quality": "q"}, "quality 192"),
        (b'{"value": 1, "q": []}', {"quality": "q"}, "quality"),
    ],
)
def test_what_cannot_be_read_says_why(payload, options, why):
    with pytest.raises(PayloadError, match=why):
        reader(**options).read(TOPIC, payload, NOW)


@pytest.mark.parametrize(
    "topic", ["plant/line2/Speed", "plant/a/b/$c/Speed", "plant/a/b/c/$link", "x/a/b/c/d"]
)
def test_topics_outside_the_pattern_are_refused(topic):
    with pytest.raises(PayloadError):
        reader().read(topic, b'{"value": 1}', NOW)


@given(payload=st.binary(max_size=100), topic=st.text(max_size=50))
def test_garbage_never_raises_anything_else(payload, topic):
    for where in (topic, TOPIC):
        try:
            sample = reader(timestamp="t", value="").read(where, payload, NOW)
        except PayloadError:
            continue
        assert sample.signal == "Speed"
