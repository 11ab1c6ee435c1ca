import json

import pytest

from edge.configuration import MqttSource
from edge.mqtt_message import reader_of
from edge.payload import PayloadError, Reading

NOW = 1_700_000_000_000_000
TIME = {"timestamp_ms": 1_699_999_999_123}
MACHINE = "umh/v1/acme/cologne/assembly/line1/press01"


def read(topic: str, payload: object, **options) -> Reading:
    source = {"kind": "mqtt", "host": "127.0.0.1", "format": "umh"}
    reader = reader_of(MqttSource.model_validate(source | options))
    return reader.read(topic, json.dumps(payload).encode(), NOW)


def said(found: Reading) -> list[tuple[str, float | None, str | None]]:
    return [(sample.signal, sample.value, sample.text) for sample in found.samples]


def test_one_tag_a_topic_is_read_out_of_the_box():
    [sample] = read(f"{MACHINE}/_raw/motor/electrical/power", TIME | {"value": 1.5}).samples

    assert sample[:3] == (
        "assembly/line1/press01", "motor.electrical.power", 1_699_999_999_123_000
    )  # fmt: skip
    assert (sample.value, sample.received_at) == (1.5, NOW)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0042", (None, "0042")), (True, (1.0, None)), (2**60, (2.0**60, str(2**60)))],
)
def test_values_keep_what_they_are(value, expected):
    [sample] = read(f"{MACHINE}/_historian/Serial", TIME | {"value": value}).samples

    assert (sample.value, sample.text) == expected


def test_several_tags_of_a_message_are_signals_in_their_groups():
    payload = TIME | {"pos": {"x": 1, "y": 2}, "notes": "ok", "value": 9}

    found = read(f"{MACHINE}/_historian/head", payload)

    assert said(found) == [
        ("head.pos.x", 1.0, None),
        ("head.pos.y", 2.0, None),
        ("head.notes", None, "ok"),
        ("head.value", 9.0, None),
    ]
    assert said(read(f"{MACHINE}/_historian", TIME | {"value": 9})) == [("value", 9.0, None)]


def test_a_bad_tag_takes_no_other_with_it():
    found = read(f"{MACHINE}/_historian", TIME | {"a": 1, "$b": 2, "c": "\ud800", "d": 4})

    assert said(found) == [("a", 1.0, None), ("d", 4.0, None)]
    assert len(found.unread) == 2


def test_how_many_levels_lie_above_equipment_can_be_said():
    [sample] = read("umh/v1/acme/press01/_raw/Speed", TIME | {"value": 1}, levels_above=1).samples

    assert sample.equipment == "press01"


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        ("umh/v1/acme/cologne/_raw/Speed", TIME | {"value": 1}, "no equipment below the first 2"),
        ("umh/v1/acme/cologne/press01/Speed", TIME | {"value": 1}, "is not umh/v1/"),
        ("umh/v2/acme/cologne/press01/_raw/Speed", TIME | {"value": 1}, "is not umh/v1/"),
        (f"{MACHINE}/_raw/$link", TIME | {"value": 1}, "reserved"),
        (f"{MACHINE}/_raw/Speed", {"value": 1}, "no timestamp_ms"),
        (f"{MACHINE}/_raw/Speed", {"value": 1, "timestamp_ms": "soon"}, "not in ms"),
        (f"{MACHINE}/_raw/Speed", [1], "no timestamp_ms"),
        (f"{MACHINE}/_raw/Speed", TIME | {"value": {}}, "type dict"),
    ],
)
def test_what_is_no_message_of_a_hub_says_why(topic, payload, why):
    with pytest.raises(PayloadError, match=why):
        read(topic, payload)
