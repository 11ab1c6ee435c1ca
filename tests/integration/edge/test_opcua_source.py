import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio
from asyncua import ua

from edge.clock import Clock
from edge.link import Link
from edge.spool import Delivery, Spool
from takt import batch
from tests.integration.edge.opcua_plant import (
    BORN,
    BORN_US,
    EQUIPMENT,
    Plant,
    Sink,
    collecting,
    source,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_server():
    plant = Plant()
    await plant.start()
    yield plant
    await plant.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def plant(shared_server):
    """A running server without variables."""
    yield shared_server
    await shared_server.clear()


async def test_values_arrive_with_source_time_and_status(plant, tmp_path):
    await plant.add("Speed", 1.0)
    sink = Sink()
    async with collecting(source(plant, "Speed"), sink.put, tmp_path):
        await sink.until(lambda: sink.of("Speed"))
        statuses = [
            (2.0, ua.StatusCodes.GoodClamped),
            (3.0, ua.StatusCodes.UncertainLastUsableValue),
            (4.0, ua.StatusCodes.BadSensorFailure),
        ]
        for place, (value, status) in enumerate(statuses, 1):
            born = BORN + timedelta(milliseconds=place)
            await plant.write("Speed", value, born=born, status=status)
        await sink.until(lambda: len(sink.of("Speed")) == 4)

    found = [(s.observed_at, s.value, s.quality) for s in sink.of("Speed")]
    assert found == [
        (BORN_US, 1.0, 0),
        (BORN_US + 1_000, 2.0, 0),
        (BORN_US + 2_000, 3.0, 1),
        (BORN_US + 3_000, None, 2),
    ]
    assert sink.samples[0].equipment == EQUIPMENT


async def test_datatypes_keep_what_they_are(plant, tmp_path):
    kinds = {
        "Flag": (True, ua.VariantType.Boolean),
        "Small": (-12, ua.VariantType.Int32),
        "Large": (2**63 + 1, ua.VariantType.UInt64),
        "Serial": ("0042", ua.VariantType.String),
        "Named": (ua.LocalizedText("Läuft"), ua.VariantType.LocalizedText),
        "List": ([1, 2], ua.VariantType.Int32),
    }
    for name, (value, kind) in kinds.items():
        await plant.add(name, value, kind)
    sink = Sink()
    async with collecting(source(plant, *kinds), sink.put, tmp_path):
        await sink.until(
            lambda: len({s.signal.partition("[")[0] for s in sink.samples} & set(kinds)) == 6
        )

    found = {
        s.signal: (s.value, s.text) for s in sink.samples if s.signal.partition("[")[0] in kinds
    }
    assert found == {
        "Flag": (1.0, None),
        "Small": (-12.0, None),
        "Large": (float(2**63), str(2**63 + 1)),
        "Serial": (None, "0042"),
        "Named": (None, "Läuft"),
        "List[0]": (1.0, None),
        "List[1]": (2.0, None),
    }


async def test_an_unreadable_node_blocks_no_other_and_is_tried_again(plant, tmp_path, caplog):
    await plant.add("Speed", 1.0)
    sink = Sink()
    configured = source(plant, "Missing", "Speed")
    async with collecting(configured, sink.put, tmp_path, retry_nodes_s=0.2) as link:
        await sink.until(lambda: sink.of("Speed"))
        await until(lambda: "1 nodes unreadable" in link.health.reason, "the remark")
        await plant.add("Missing", 5.0)
        await sink.until(lambda: sink.of("Missing"))
        await until(lambda: link.health.reason == "connected", "the remark to go")

    warnings = [record for record in caplog.records if "Missing" in record.getMessage()]
    assert len(warnings) == 1


async def test_a_restarted_server_is_found_again_under_other_namespace_indexes(tmp_path):
    plant = Plant()
    await plant.start(Speed=1.0)
    spool = Spool(tmp_path / "spool.db", Clock().now)
    sink = Sink()

    async def put(delivery: Delivery) -> None:
        spool.append([delivery])
        await sink.put(delivery)

    async with collecting(source(plant, "Speed"), put, tmp_path) as link:
        await sink.until(lambda: sink.of("Speed"))
        await plant.stop()
        await sink.until(lambda: [s.value for s in sink.of("$link")] == [1.0, 0.0])
        assert link.health.link == "down"
        await plant.start(namespaces_before=("urn:another",), Speed=1.0)
        await sink.until(lambda: [s.value for s in sink.of("$link")] == [1.0, 0.0, 1.0])
        await plant.write("Speed", 2.0, born=BORN + timedelta(seconds=1))
        await sink.until(lambda: sink.values("Speed")[-1] == 2.0)

    stored = [row for out in spool.read(None, 1, batches=99) for row in rows(out.payload)]
    speeds = [row["value"] for row in stored if row["signal"] == "Speed"]
    assert speeds == sink.values("Speed") == [1.0, 2.0]
    assert [s.value for s in sink.of("$link")] == [1.0, 0.0, 1.0]
    spool.close()
    await plant.stop()


async def test_a_connected_but_silent_source_is_stalled_until_it_speaks(
    plant, tmp_path, monkeypatch
):
    monkeypatch.setattr("edge.link._MIN_SILENCE_S", 0.3)
    await plant.add("Speed", 1.0)
    sink = Sink()
    configured = source(plant, "Speed", expected_interval_s=0.1)
    async with collecting(configured, sink.put, tmp_path) as link:
        watching = asyncio.create_task(watch(link))
        await sink.until(lambda: [s.value for s in sink.of("$link")] == [1.0, -1.0])
        await link.beat()
        beats = len(sink.of("$heartbeat"))
        await plant.write("Speed", 2.0, born=BORN + timedelta(seconds=1))
        await sink.until(lambda: [s.value for s in sink.of("$link")][:3] == [1.0, -1.0, 1.0])
        watching.cancel()

    assert beats == 1
    assert "no data for" in sink.of("$link")[1].text


async def test_an_overflow_that_the_server_admits_is_counted(plant, tmp_path):
    await plant.add("Speed", 0.0)
    sink = Sink()
    async with collecting(source(plant, "Speed"), sink.put, tmp_path):
        await sink.until(lambda: sink.of("Speed"))
        await plant.write("Speed", 1.0, born=BORN + timedelta(seconds=1), status=0x480)
        await sink.until(lambda: sink.of("$overflow"))

    [overflow] = sink.of("$overflow")
    assert (overflow.equipment, overflow.value) == ("$collector", 1.0)
    assert [s.quality for s in sink.of("Speed")] == [0, 0]


async def test_a_fast_change_between_two_publications_is_not_lost(plant, tmp_path):
    await plant.add("Speed", 0.0)
    sink = Sink()
    async with collecting(source(plant, "Speed", publishing_interval_ms=250), sink.put, tmp_path):
        await sink.until(lambda: sink.of("Speed"))
        for number in range(1, 51):
            await plant.write("Speed", float(number), born=BORN + timedelta(milliseconds=number))
        await sink.until(lambda: sink.of("Speed")[-1].value == 50.0)

    assert [s.value for s in sink.of("Speed")] == [float(number) for number in range(51)]


async def watch(link: Link) -> None:
    while True:
        await link.watch()
        await asyncio.sleep(0.05)


def rows(payload: bytes) -> list[dict[str, object]]:
    return batch.decode(payload).table.to_pylist()
