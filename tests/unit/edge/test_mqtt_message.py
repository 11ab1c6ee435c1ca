import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.configuration import MqttSource
from edge.mqtt_message import MessageReader
from edge.payload import MAX_SAMPLES, PayloadError, Reading, as_value, parse
from takt import batch
from takt.batch import Sample

TOPIC = "plant/assembly/line2/pack01/Speed"
NOW = 1_700_000_000_000_000


def reader(**options) -> MessageReader:
    source = {"kind": "mqtt", "host": "127.0.0.1", "topic": "plant/{equipment:3}/{signal}"}
    return MessageReader(MqttSource.model_validate(source | options))


def reading(payload: object, **options) -> Reading:
    """What is read of a message on the topic of one machine."""
    topic = "plant/{equipment:3}/+" if {"name", "signals"} & options.keys() else None
    options |= {"topic": topic} if topic else {}
    return reader(**options).read(TOPIC, json.dumps(payload).encode(), NOW)


def read(payload: object, **options) -> Sample:
    [sample] = reading(payload, **options).samples
    return sample


def said(found: Reading) -> list[tuple[str, float | None, str | None, int]]:
    return [(s.signal, s.value, s.text, s.observed_at - NOW) for s in found.samples]


def test_topic_levels_name_equipment_and_signal():
    assert reader().topic_filter == "plant/+/+/+/+"
    assert read({"value": 1})[:2] == ("assembly/line2/pack01", "Speed")


def test_fixed_names_stand_in_for_levels():
    fixed = reader(topic="+/Speed", equipment="assembly/line1/press01", signal="Speed")

    assert fixed.topic_filter == "+/Speed"
    [sample] = fixed.read("x/Speed", b'{"value": 1}', NOW).samples
    assert sample[:2] == ("assembly/line1/press01", "Speed")


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


@pytest.mark.parametrize("quality", [192, [], {}, "fine", None])
def test_an_unknown_quality_is_uncertain_and_takes_no_value_with_it(quality):
    found = reading({"value": 1, "q": quality}, quality="q")

    assert [(s.value, s.quality) for s in found.samples] == [(1.0, 1)]
    assert len(found.unread) == 1
    assert found.unread[0].startswith("Speed: quality ")


def test_a_wrong_text_takes_no_value_with_it():
    found = reading({"value": 2, "why": [1]}, text="why")

    assert said(found) == [("Speed", 2.0, None, 0)]
    assert found.unread == ["Speed: a text of type list"]


def test_a_list_of_samples_is_read_with_time_and_quality_of_each_or_of_the_message():
    message = {
        "t": 1_700_000_000_000,
        "q": "good",
        "data": [
            {"n": "Speed", "v": 1.5, "t": 1_700_000_000_001},
            {"n": "Serial", "v": "0042"},
            {"n": 17, "v": True, "q": "bad"},
        ],
    }

    found = reading(
        message,
        samples="data", name="n", value="v", timestamp="t", timestamp_unit="ms", quality="q",
    )  # fmt: skip

    assert said(found) == [
        ("Speed", 1.5, None, 1_000), ("Serial", None, "0042", 0), ("17", 1.0, None, 0)
    ]  # fmt: skip
    assert [s.quality for s in found.samples] == [0, 0, 2]
    assert not found.unread


def test_the_samples_of_a_list_may_share_the_signal_of_the_topic():
    message = [{"value": 1, "t": NOW}, {"value": 2, "t": NOW + 1}]

    found = reading(message, samples="", timestamp="t", timestamp_unit="us")

    assert said(found) == [("Speed", 1.0, None, 0), ("Speed", 2.0, None, 1)]


def test_every_key_of_an_object_is_a_signal():
    message = {
        "t": NOW + 5,
        "Speed": 1,
        "Serial": "0042",
        "axis": {"x": 1.5, "y": {"value": 2, "t": NOW + 9}},
        "list": [3, 4],
    }

    found = reading(message, signals="", timestamp="t", timestamp_unit="us")

    assert said(found) == [
        ("Speed", 1.0, None, 5),
        ("Serial", None, "0042", 5),
        ("axis.x", 1.5, None, 5),
        ("axis.y", 2.0, None, 9),
        ("list.0", 3.0, None, 5),
        ("list.1", 4.0, None, 5),
    ]


def test_an_object_of_signals_may_lie_anywhere():
    found = reading({"d": [{"Speed": 7}], "t": 1}, signals="d.0")

    assert said(found) == [("Speed", 7.0, None, 0)]


def test_one_bad_sample_takes_no_other_with_it():
    items = [{"n": "a", "v": 1}, {"n": "b"}, 7, {"n": "", "v": 1}, {"n": "$link", "v": 1}]

    found = reading([*items, {"n": "c", "v": 3}], samples="", name="n", value="v")
    keyed = reading({"a": 1, "$b": 2, "": 3, "c": "\ud800", "d": 4}, signals="")

    assert [s.signal for s in found.samples] == ["a", "c"]
    assert len(found.unread) == 4
    assert [s.signal for s in keyed.samples] == ["a", "d"]
    assert len(keyed.unread) == 3


@pytest.mark.parametrize(
    ("payload", "options", "why"),
    [
        ({}, {"samples": "data", "name": "n"}, "no data"),
        ({"data": {}}, {"samples": "data", "name": "n"}, "data is no list"),
        ([0] * (MAX_SAMPLES + 1), {"samples": "", "value": ""}, "no list of at most"),
        ([1], {"signals": ""}, "no object"),
        ({str(n): 0 for n in range(MAX_SAMPLES + 1)}, {"signals": ""}, "over 10000 members"),
        ({"a": json.loads("[" * 30 + "]" * 30)}, {"signals": ""}, "16 groups"),
        ({"a": {"b": "\ud800"}}, {"signals": ""}, "a.b: a text with half"),
    ],
)
def test_a_message_without_any_sample_says_why(payload, options, why):
    with pytest.raises(PayloadError, match=why):
        reading(payload, **options)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)


@given(numbers=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 9)), other=JSON)
def test_whatever_stands_beside_them_good_signals_are_read(numbers, other):
    found = reading({**numbers, "good": 1, "zz": other}, signals="")

    named = {s.signal: s.value for s in found.samples if not s.signal.startswith("zz")}
    assert named == {"good": 1.0, **{name: float(number) for name, number in numbers.items()}}


@given(JSON.map(json.dumps) | st.text(alphabet='{}[]",:0123456789.eE+-NaInfity\\ud8', max_size=9))
def test_the_fast_reader_reads_what_python_s_own_does(text):
    try:
        expected = json.loads(text)
    except (ValueError, RecursionError):
        with pytest.raises(PayloadError, match="no JSON"):
            parse(text.encode())
    else:
        assert repr(parse(text.encode())) == repr(expected)


WAYS = [
    {"timestamp": "t", "value": ""},
    {"samples": "", "timestamp": "t", "quality": "q", "text": "x"},
    {"samples": "a", "name": "n", "topic": "plant/{equipment:3}/+"},
    {"signals": "", "timestamp": "t", "topic": "plant/{equipment:3}/+"},
]


def test_a_hundred_thousand_mutilated_payloads_are_read_or_refused():
    chance = random.Random(5)
    good = json.dumps(
        {"t": "2023-11-14T22:13:20Z", "q": 0, "value": 1.5, "a": [{"n": "x", "value": "0042"}]}
    ).encode()
    readers = [reader(**way) for way in WAYS]
    for _ in range(100_000):
        payload = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            first = chance.randrange(len(payload))
            payload[first : first + chance.randint(0, 6)] = chance.randbytes(chance.randint(0, 6))
        try:
            found = chance.choice(readers).read(TOPIC, bytes(payload), NOW)
        except PayloadError:
            continue
        if found.samples:
            batch.encode(found.samples, 1)


@given(
    payload=st.binary(max_size=100) | JSON.map(lambda content: json.dumps(content).encode()),
    topic=st.just(TOPIC) | st.text(max_size=50),
    way=st.sampled_from(WAYS),
)
def test_garbage_never_raises_anything_else(payload, topic, way):
    try:
        found = reader(**way).read(topic, payload, NOW)
    except PayloadError:
        return
    batch.encode([*found.samples, read({"value": 1})], 1)
    assert all(s.signal and not s.signal.startswith("$") for s in found.samples)
