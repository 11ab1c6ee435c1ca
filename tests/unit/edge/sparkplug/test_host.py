import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sparkplug import topic
from edge.sparkplug.node import LostEquipment
from edge.sparkplug.reading import UndecodableError
from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload
from takt import batch
from tests.sparkplug_messages import FIELDS, T0, data, metric, node_birth, node_death
from tests.unit.edge.sparkplug.conftest import DEVICE, NODE, START, Heard


def born(heard: Heard, *metrics: Payload.Metric) -> None:
    heard.say("NBIRTH", node_birth())
    heard.say("DBIRTH", data(metrics, seq=1), "press01")
    heard.outcome.read.runs.clear()
    heard.outcome.link.clear()


COUNT = metric("Count", 7, "Int32", alias=1)


def count(number: int, seq: int, **others: object) -> bytes:
    sent = others.pop("timestamp", T0 + number)
    return data([metric(value=number, datatype="Int32", alias=1, timestamp=sent, **others)], seq)


def test_births_are_samples_and_name_their_equipment(heard):
    heard.say("NBIRTH", node_birth([metric("Temperature", 21.5, "Float")]))
    heard.say("DBIRTH", data([COUNT], seq=1), "press01")

    assert heard.values == [(NODE, "Temperature", 21.5), (DEVICE, "Count", 7.0)]
    assert heard.outcome.link == [NODE, DEVICE]
    assert all(s.observed_at == T0 * 1_000 for s in heard.samples)


def test_data_by_alias_has_the_name_of_its_birth_and_its_own_time(heard):
    born(heard, COUNT)
    heard.say("DDATA", count(8, seq=2), "press01")

    [sample] = heard.samples
    assert sample[:4] == (DEVICE, "Count", (T0 + 8) * 1_000, 8.0)
    assert (sample.received_at, sample.is_historical) == (START, False)


SIGNED = [("Int8", 8), ("Int16", 16), ("Int32", 32), ("Int64", 64)]


@given(st.sampled_from(SIGNED), st.data())
def test_signed_integers_come_back_as_they_were_said(kind, draw):
    datatype, bits = kind
    heard = Heard()
    born(heard, metric("X", 0, datatype, alias=3))
    number = draw.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    heard.say(
        "DDATA",
        data([metric(value=number, datatype=datatype, alias=3, timestamp=T0 + 1)], 2),
        "press01",
    )

    [sample] = heard.samples
    assert sample.value == float(number)
    assert sample.text == (str(number) if abs(number) > 2**53 else None)


@given(st.sampled_from([("UInt8", 8), ("UInt16", 16), ("UInt32", 32), ("UInt64", 64)]), st.data())
def test_unsigned_integers_come_back_as_they_were_said(kind, draw):
    datatype, bits = kind
    heard = Heard()
    born(heard, metric("X", 0, datatype, alias=3))
    number = draw.draw(st.integers(0, 2**bits - 1))
    field = draw.draw(st.sampled_from(["long_value"] + ["int_value"] * (number < 2**32)))
    heard.say(
        "DDATA", data([metric(value=number, field=field, alias=3, timestamp=T0 + 1)], 2), "press01"
    )

    [sample] = heard.samples
    assert sample.value == float(number)
    assert sample.text == (str(number) if number > 2**53 else None)


def test_an_int8_may_be_written_in_8_or_in_32_bits(heard):
    born(heard, metric("X", 0, "Int8", alias=3), metric("Y", 0, "Int8", alias=4))
    short = metric(value=256 - 12, datatype="Int8", alias=3, timestamp=T0 + 1)
    heard.say("DDATA", data([short, metric(value=-12, datatype="Int8", alias=4)], 2), "press01")

    assert heard.live() == [-12.0, -12.0]


def test_texts_truths_moments_and_nulls(heard):
    born(
        heard,
        metric("Serial", "1", "String", alias=1),
        metric("Running", True, "Boolean", alias=2),
        metric("Since", T0, "DateTime", alias=3),
        metric("Speed", 1.0, "Double", alias=4),
        metric("Torque", 1.0, "Float", alias=5),
    )
    said = [
        metric(value="0042", datatype="String", alias=1),
        metric(value=False, datatype="Boolean", alias=2),
        metric(value=T0 + 1, datatype="DateTime", alias=3),
        metric(value=None, alias=4),
        metric(value=float("nan"), datatype="Float", alias=5),
    ]
    heard.say("DDATA", data(said, 2, timestamp=T0 + 1), "press01")

    assert [(s.value, s.text, s.quality) for s in heard.samples] == [
        (None, "0042", 0),
        (0.0, None, 0),
        (None, "2023-11-14T22:13:20.001000+00:00", 0),
        (None, None, 2),
        (None, "nan", 2),
    ]


@pytest.mark.parametrize(("code", "quality"), [(192, 0), (500, 1), (0, 2), (64, 1)])
def test_the_quality_property_is_the_quality(heard, code, quality):
    born(heard, COUNT)
    said = metric(value=8, datatype="Int32", alias=1, timestamp=T0 + 1)
    said.properties.keys.append("Quality")
    said.properties.values.add(type=DataType.Int32, int_value=code)
    heard.say("DDATA", data([said], 2), "press01")

    assert [s.quality for s in heard.samples] == [quality]


def test_a_quality_that_is_null_makes_the_value_uncertain(heard):
    born(heard, COUNT)
    said = metric(value=8, datatype="Int32", alias=1, timestamp=T0 + 1)
    said.properties.keys.append("Quality")
    said.properties.values.add(type=DataType.Int32, is_null=True)
    heard.say("DDATA", data([said], 2), "press01")

    assert [(s.value, s.quality) for s in heard.samples] == [(8.0, 1)]


def test_aliases_from_before_the_connection_are_uncertain_until_a_birth_is_heard(heard):
    born(heard, COUNT)
    heard.host.reconnected(heard.outcome)
    heard.say("DDATA", count(8, seq=77), "press01")
    named = metric("Count", 9, "Int32", timestamp=T0 + 9)
    heard.say("DDATA", data([named], 78), "press01")
    assert [(s.value, s.quality) for s in heard.samples] == [(8.0, 1), (9.0, 0)]

    born(heard, COUNT)
    heard.say("DDATA", count(10, seq=2), "press01")
    assert [(s.value, s.quality) for s in heard.samples] == [(10.0, 0)]


def test_data_that_waits_for_a_birth_when_the_connection_ends_is_counted(heard):
    heard.say("NDATA", data([metric("T", 2.0)]))
    heard.host.reconnected(heard.outcome)

    assert heard.counts()["data_before_birth"] == 1


def test_historical_values_are_marked_and_counted_once(heard):
    born(heard, COUNT)
    heard.say("DDATA", count(8, seq=2), "press01")
    heard.say("DDATA", count(8, seq=3, is_historical=True), "press01")
    heard.say("DDATA", count(9, seq=4, is_historical=True), "press01")

    assert [(s.value, s.is_historical) for s in heard.samples] == [(8.0, False), (9.0, True)]
    assert heard.counts()["repeats"] == 1


def test_minus_one_and_minus_two_at_one_moment_are_two_values(heard):
    born(heard, COUNT)
    for seq, number in enumerate((-1, -2), start=2):
        heard.say("DDATA", count(number, seq=seq, timestamp=T0 + 1), "press01")

    assert heard.live() == [-1.0, -2.0]


def test_templates_are_flattened_and_their_definitions_left_out(heard):
    definition = metric("Motor", datatype="Template")
    definition.is_null = False
    definition.template_value.is_definition = True
    definition.template_value.metrics.add(name="Speed", datatype=DataType.Int16)
    instance = metric("Drive", datatype="Template", alias=9)
    instance.is_null = False
    instance.template_value.metrics.extend(
        [metric("Speed", 5, "Int16"), metric("On", True, "Boolean")]
    )
    heard.say("NBIRTH", node_birth([definition, instance]))
    assert heard.values == [(NODE, "Drive/Speed", 5.0), (NODE, "Drive/On", 1.0)]

    said = Payload.Metric(alias=9, timestamp=T0 + 1)
    said.template_value.metrics.add(name="Speed", int_value=2**32 - 3)
    heard.say("NDATA", data([said]))
    assert heard.live() == [-3.0]


def test_datasets_and_bytes_are_refused_and_counted_the_rest_goes_on(heard):
    table = metric("Table", datatype="DataSet")
    heard.say("NBIRTH", node_birth([table, metric("Raw", datatype="Bytes"), metric("T", 1.0)]))

    assert heard.values == [(NODE, "T", 1.0)]
    assert heard.counts()["refused_metrics"] == 2
    assert "has no place on the wire" in heard.outcome.read.refused


def test_unknown_aliases_are_counted_and_ask_for_a_rebirth_once_a_second(heard):
    born(heard, COUNT)
    for seq in range(2, 8):
        heard.say("DDATA", data([metric(value=1.0, alias=99)], seq), "press01")
        heard.wait(0.25)

    assert heard.samples == []
    assert heard.asked == ["metrics that its birth has not declared"] * 2
    assert heard.counts()["unknown_metrics"] == 6


def test_a_metric_without_name_and_alias_is_not_alias_zero(heard):
    born(heard, metric("Zero", 1.0, alias=0))
    heard.say(
        "DDATA", data([metric(value=2.0, alias=0), Payload.Metric(double_value=3.0)], 2), "press01"
    )

    assert heard.live() == [2.0]


def test_an_alias_that_names_two_metrics_names_none(heard):
    born(heard, metric("A", 1.0, alias=1), metric("B", 2.0, alias=1))
    heard.say("DDATA", data([metric(value=3.0, alias=1)], 2), "press01")

    assert heard.samples == []
    assert heard.counts()["alias_conflicts"] == 1


def test_an_alias_of_two_devices_is_counted_and_read_by_device(heard):
    born(heard, COUNT)
    heard.say("DBIRTH", data([metric("Other", 1, "Int32", alias=1)], 2), "press02")
    heard.say("DDATA", count(8, seq=3), "press02")
    heard.say("DDATA", count(9, seq=4), "press01")

    assert heard.values[1:] == [(f"{NODE}/press02", "Other", 8.0), (DEVICE, "Count", 9.0)]
    assert heard.counts()["alias_conflicts"] == 1


def test_an_alias_is_free_again_after_the_death_of_its_device(heard):
    born(heard, COUNT)
    heard.say("DDEATH", data(seq=2), "press01")
    heard.say("DBIRTH", data([COUNT], 3), "press02")

    assert "alias_conflicts" not in heard.counts()


def test_a_value_of_another_type_than_declared_is_left_out(heard):
    born(heard, COUNT)
    heard.say("DDATA", data([metric(value="8", datatype="String", alias=1)], 2), "press01")

    assert heard.samples == []
    assert heard.counts()["refused_metrics"] == 1


def test_data_before_a_birth_waits_for_it(heard):
    heard.say("DDATA", count(1, seq=2), "press01")
    heard.say("DBIRTH", data([COUNT], seq=1), "press01")
    assert heard.samples == []

    heard.say("NBIRTH", node_birth())
    assert heard.live() == [1.0]


def test_data_whose_birth_does_not_come_is_counted_and_asks_for_it(heard):
    heard.say("DDATA", count(1, seq=2), "press01")
    heard.wait(1.9)
    assert heard.asked == []
    heard.wait(0.2)

    assert heard.asked == ["data before its birth"]
    assert heard.counts()["data_before_birth"] == 1


def test_a_passive_host_asks_nobody():
    heard = Heard(asks=False)
    heard.say("DDATA", count(1, seq=2), "press01")
    for _ in range(50):
        heard.wait(0.1)

    assert heard.asked == []


def test_a_gap_is_waited_for_then_counted_and_the_rest_goes_on(heard):
    born(heard, COUNT)
    heard.say("DDATA", count(4, seq=4), "press01")
    heard.say("DDATA", count(3, seq=3), "press01")
    heard.wait(1.9)
    assert heard.live() == []
    heard.wait(0.2)

    assert heard.live() == [3.0, 4.0]
    assert heard.asked == ["a gap in its sequence"]
    counts = heard.counts()
    assert (counts["gaps"], counts["missing_messages"]) == (1, 1)


def test_a_node_that_repeats_its_sequence_numbers_loses_nothing(heard):
    born(heard, COUNT)
    for number in range(262):
        heard.say("DDATA", count(number, seq=2 + number // 2), "press01")
        heard.wait(0.1)

    assert heard.live() == [float(number) for number in range(262)]
    counts = heard.counts()
    assert counts["duplicate_seqs"] == 131
    assert "gaps" not in counts


def test_messages_later_than_the_wait_are_taken_and_counted_as_late(heard):
    born(heard, COUNT)
    heard.say("DDATA", count(9, seq=9), "press01")
    heard.wait(3)
    for number in range(2, 9):
        heard.say("DDATA", count(number, seq=number), "press01")
    heard.say("DDATA", count(10, seq=10), "press01")

    assert heard.live() == [9.0, *map(float, range(2, 9)), 10.0]
    counts = heard.counts()
    assert (counts["gaps"], counts["missing_messages"], counts["late_messages"]) == (1, 7, 7)


def test_a_gap_of_most_of_a_round_is_noticed_and_loses_nothing_of_what_came(heard):
    born(heard, COUNT)
    for number in range(202, 210):
        heard.say("DDATA", count(number, seq=number), "press01")
    heard.wait()

    assert heard.live() == [float(number) for number in range(202, 210)]
    assert heard.asked == ["a gap in its sequence"]
    counts = heard.counts()
    assert (counts["gaps"], counts["duplicate_seqs"]) == (1, 3)


@given(st.integers(0, 255), st.data())
def test_any_order_of_arrival_within_the_wait_gives_the_same_samples(first, draw):
    numbers = list(range(1, draw.draw(st.integers(2, 100))))
    heard = Heard()
    heard.say("NBIRTH", node_birth([metric("Count", 0, "Int32", alias=1)], seq=first))
    for number in draw.draw(st.permutations(numbers)):
        heard.say("NDATA", count(number, seq=(first + number) % 256))
        heard.wait(0.01)

    assert heard.live() == [float(number) for number in numbers]
    assert set(heard.counts()) == {"messages", "metrics", "clock_offset_s"}


@given(st.permutations(range(6)))
def test_a_birth_may_come_anywhere_among_its_first_messages(order):
    messages = [
        ("NBIRTH", node_birth(), ""),
        ("DBIRTH", data([COUNT], seq=1), "press01"),
        *[("DDATA", count(number, seq=number), "press01") for number in range(2, 6)],
    ]
    heard = Heard()
    for place in order:
        heard.say(*messages[place])

    assert heard.live() == [2.0, 3.0, 4.0, 5.0]


def test_a_death_of_the_session_takes_node_and_devices(heard):
    born(heard, COUNT)
    heard.say("NDEATH", node_death(bd_seq=0))

    assert heard.lost == [LostEquipment((NODE, DEVICE), "the edge node has died")]
    heard.say("DDATA", count(8, seq=2), "press01")
    heard.wait(3)
    assert heard.samples == []


def test_a_late_death_of_an_earlier_session_changes_nothing(heard):
    heard.say("NBIRTH", node_birth([COUNT], bd_seq=4))
    heard.say("NDEATH", node_death(bd_seq=3))
    heard.say("NDATA", count(8, seq=1))

    assert heard.lost == []
    assert heard.live() == [8.0]
    assert heard.counts()["deaths_of_other_sessions"] == 1


def test_the_death_of_a_device_has_its_own_time(heard):
    born(heard, COUNT)
    heard.say("DDEATH", data(seq=2, timestamp=T0 - 5_000), "press01")

    assert heard.lost == [LostEquipment((DEVICE,), "the device has died", (T0 - 5_000) * 1_000)]


def test_a_device_that_is_not_born_again_with_its_node_is_lost(heard):
    born(heard, COUNT)
    heard.say("NBIRTH", node_birth(bd_seq=1))
    heard.wait(9)
    assert heard.lost == []
    heard.wait(2)

    assert heard.lost == [LostEquipment((DEVICE,), "not born again")]


def test_after_a_reconnection_any_number_is_in_order_and_births_are_asked_for(heard):
    born(heard, COUNT)
    heard.host.reconnected(heard.outcome)
    heard.wait()
    heard.say("DDATA", count(8, seq=77), "press01")

    assert heard.live() == [8.0]
    assert heard.outcome.link == [NODE, DEVICE]
    assert heard.asked == ["we were away"]
    assert "gaps" not in heard.counts()


def test_kept_births_give_their_aliases_after_a_restart(heard):
    heard.say("NBIRTH", node_birth())
    heard.say("DBIRTH", data([COUNT], seq=1), "press01")
    again = Heard(births=heard.outcome.born)
    again.say("DDATA", count(-12, seq=77), "press01")

    assert again.values == [(DEVICE, "Count", -12.0)]


def test_names_that_are_no_path_are_refused_with_advice(heard):
    heard.say("NBIRTH", node_birth([metric("T", 1.0)]), node="Edge 1")
    heard.say("NDATA", data([metric("T", 2.0)]), node="Edge 1")

    assert heard.samples == []
    assert "name its equipment under equipment_of" in heard.outcome.read.refused
    assert heard.counts()["refused_equipment"] == 1


def test_names_that_differ_by_case_only_are_not_mixed_up(heard):
    heard.say("NBIRTH", node_birth([metric("T", 1.0)]))
    heard.say("NBIRTH", node_birth([metric("T", 2.0), metric("t", 3.0)]), node="EDGE1")

    assert heard.values == [(NODE, "T", 1.0)]


def test_conformance_counts_since_the_last_report_and_the_clock(heard):
    heard.now = (T0 + 3_000) * 1_000
    born(heard, COUNT)
    heard.say("DDATA", count(8, seq=2), "press01")

    [event] = heard.host.report(heard.now)
    assert event[:2] == (NODE, "$conformance")
    assert event.value == 0
    assert json.loads(event.text or "") == {
        "source": "line1",
        "group": "plant1",
        "node": "edge1",
        "messages": 3,
        "metrics": 4,
        "clock_offset_s": 3.0,
    }
    assert heard.host.report(heard.now) == []


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_host(content):
    heard = Heard()
    born(heard, COUNT)
    for kind in ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"):
        try:
            heard.say(kind, content, "press01" if kind[0] == "D" else "")
        except UndecodableError:
            continue
    heard.wait(3)
    heard.host.report(heard.now)


VALUES = st.one_of(
    st.tuples(st.just("int_value"), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("long_value"), st.integers(0, 2**64 - 1)),
    st.tuples(st.just("double_value"), st.floats()),
    st.tuples(st.just("float_value"), st.floats(width=32)),
    st.tuples(st.just("boolean_value"), st.booleans()),
    st.tuples(st.just("string_value"), st.text()),
    st.tuples(st.just("bytes_value"), st.binary()),
)
METRICS = st.builds(
    lambda value, **others: Payload.Metric(**{value[0]: value[1]}, **others),
    VALUES,
    name=st.sampled_from(["", "Count", "count", "$x", "Drive/a"]) | st.text(),
    alias=st.integers(0, 3) | st.integers(0, 2**64 - 1),
    timestamp=st.sampled_from([0, T0, 2**64 - 1]),
    datatype=st.integers(0, 40) | st.integers(0, 2**32 - 1),
    is_historical=st.booleans(),
    is_null=st.booleans(),
)


@given(st.lists(st.lists(METRICS, max_size=4), max_size=5), st.integers(0, 2**64 - 1))
def test_payloads_of_any_content_give_only_samples_that_the_wire_can_carry(messages, seq):
    heard = Heard()
    born(heard, COUNT)
    for place, metrics in enumerate(messages):
        template = Payload.Metric(name="Drive", datatype=DataType.Template)
        template.template_value.metrics.extend(metrics)
        content = data([*metrics, template], seq + place if seq < 2**63 else seq)
        for kind in ("NBIRTH", "NDATA", "DBIRTH", "DDATA", "NDEATH"):
            heard.say(kind, content, "press01" if kind[0] == "D" else "")
    heard.wait(3)

    if heard.samples:
        batch.decode(batch.encode(heard.samples, 1))


def test_every_datatype_with_a_field_can_be_read():
    for datatype in FIELDS:
        heard = Heard()
        value = {"string_value": "a", "boolean_value": True}.get(FIELDS[datatype], 1)
        heard.say("NBIRTH", node_birth([metric("X", value, datatype)]))
        assert len(heard.samples) == 1, datatype


@pytest.mark.parametrize(
    "name",
    [
        "spBv1.0/g/NDATA",
        "spBv1.0/g/NDATA/n/d",
        "spBv1.0/g/DDATA/n",
        "spBv1.0/g/NCMD/n",
        "x/g/NDATA/n",
    ],
)
def test_topics_that_are_no_messages_of_edge_nodes(name):
    assert topic.parse(name) is None
