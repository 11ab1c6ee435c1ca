"""Sound messages with bytes changed, lost and added: nothing in them stops the host."""

from contextlib import suppress

import pytest

from edge.sparkplug.node import Outcome
from edge.sparkplug.reading import UndecodableError
from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload
from takt import batch
from tests.mutations import Mutations, bombs
from tests.sparkplug_messages import T0, data, metric, node_birth, node_death
from tests.unit.edge.sparkplug.conftest import Heard


def messages() -> list[tuple[str, bytes, str]]:
    drive = metric("Drive", datatype="Template", alias=9)
    drive.is_null = False
    drive.template_value.metrics.extend([metric("Speed", 5, "Int16"), metric("On", value=True)])
    rated = metric("Rated", 8, "Int32", alias=7)
    rated.properties.keys.append("Quality")
    rated.properties.values.add(type=DataType.Int32, int_value=192)
    said = Payload.Metric(alias=9)
    said.template_value.metrics.add(name="Speed", int_value=7)
    bits = metric("Bits", b"\x0c\0\0\0\x34\xd0", "BooleanArray", field="bytes_value", alias=5)
    level, since = metric("Level", 7, "Int32", alias=1), metric("Since", T0, "DateTime", alias=3)
    changed = metric(value=-5, datatype="Int32", alias=1)
    return [
        ("NBIRTH", node_birth([drive, metric("Name", "é", "String", alias=4), bits]), ""),
        ("DBIRTH", data([level, since, rated], 1), "press01"),
        ("DDATA", data([changed, metric(value=T0, datatype="DateTime", alias=3)], 2), "press01"),
        ("NDATA", data([metric(value="x", datatype="String", alias=4), said], 3), ""),
        ("NDEATH", node_death(0), ""),
        ("DDEATH", data(seq=4), "press01"),
    ]


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_changed_messages_give_only_samples_that_the_wire_can_carry(count):
    mutations, heard = Mutations(7), Heard()
    chance, sound = mutations.chance, messages()
    contents = [content for _, content, _ in sound]
    heard.say("NBIRTH", node_birth([metric("Counted", 0, "Int32", alias=1)]), node="counting")
    decoded = samples = 0
    counted: list[float] = []
    for number in range(count):
        kind, content, device = chance.choice(sound)
        node = chance.choice(["edge1", "edge2", "Edge 3"])
        try:
            is_changed = chance.random() < 0.8
            heard.say(kind, mutations.of_bytes(contents) if is_changed else content, device, node)
            decoded += 1
        except UndecodableError:
            pass
        if number % 50 == 0:
            say_counted(heard, number // 50 + 1)
            heard.wait(chance.choice([0.01, 0.5, 3]))
            heard.host.report(heard.now)
            if heard.samples:
                samples += batch.decode(batch.encode(heard.samples, 1)).table.num_rows
            counted += [value for _, signal, value in heard.values if signal == "Counted"]
            heard.outcome = Outcome()

    assert count / 4 < decoded < count
    assert samples > count / 200
    assert counted == [float(number) for number in range(count // 50 + 1)]


def say_counted(heard: Heard, number: int) -> None:
    """The next value of a node that keeps to the specification."""
    said = data([metric(value=number, datatype="Int32", alias=1)], number % 256, T0 + number)
    heard.say("NDATA", said, node="counting")


def test_a_payload_that_inflates_stays_what_it_is():
    heard = Heard()
    for content in bombs():
        with pytest.raises(UndecodableError):
            heard.say("NDATA", content)


def test_templates_in_each_other_without_end_are_refused_or_undecodable():
    inner = metric("x", 1, "Int32")
    for _ in range(40):
        outer = metric("x", datatype="Template")
        outer.is_null = False
        outer.template_value.metrics.append(inner)
        inner = outer
    heard = Heard()

    with suppress(UndecodableError):
        heard.say("NBIRTH", node_birth([inner]))

    assert len(heard.samples) <= 1
