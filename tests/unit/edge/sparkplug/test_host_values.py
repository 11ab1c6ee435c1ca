import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload
from takt import batch
from tests.sparkplug_messages import FIELDS, T0, data, metric, node_birth
from tests.unit.edge.sparkplug.conftest import COUNT, DEVICE, NODE, START, Heard, born, count


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


def test_a_value_of_another_type_than_declared_is_left_out(heard):
    born(heard, COUNT)
    heard.say("DDATA", data([metric(value="8", datatype="String", alias=1)], 2), "press01")

    assert heard.samples == []
    assert heard.counts()["refused_metrics"] == 1


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
