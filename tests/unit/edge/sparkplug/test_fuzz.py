"""Sound messages with bytes changed, lost and added: nothing in them stops the host."""

import random

import pytest

from edge.sparkplug.node import Outcome
from edge.sparkplug.reading import UndecodableError
from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload
from takt import batch
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


def changed(content: bytes, chance: random.Random) -> bytes:
    made = bytearray(content)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
        place = chance.randrange(len(made) or 1)
        match chance.randrange(3):
            case 0 if made:
                made[place] = chance.randrange(256)
            case 1:
                del made[place : place + chance.randrange(1, 6)]
            case _:
                made[place:place] = chance.randbytes(chance.randrange(1, 6))
    return bytes(made)


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_changed_messages_give_only_samples_that_the_wire_can_carry(count):
    chance, heard, sound = random.Random(7), Heard(), messages()
    decoded = samples = 0
    for number in range(count):
        kind, content, device = chance.choice(sound)
        node = chance.choice(["edge1", "edge2", "Edge 3"])
        try:
            heard.say(kind, changed(content, chance), device, node)
            decoded += 1
        except UndecodableError:
            pass
        if number % 50 == 0:
            heard.wait(chance.choice([0.01, 0.5, 3]))
            heard.host.report(heard.now)
            if heard.samples:
                samples += batch.decode(batch.encode(heard.samples, 1)).table.num_rows
            heard.outcome = Outcome()
            if number % 1_000 == 0:
                heard.host.reconnected(heard.outcome)

    assert count / 4 < decoded < count
    assert samples > count / 200
