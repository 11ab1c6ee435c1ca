"""`takt edge` as a process with an OPC UA source: killed, started again, nothing missing."""

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta

from asyncua.server.history import HistoryDict

from tests.integration.edge.conftest import CollectorProcess
from tests.integration.edge.opcua_plant import URI, Plant, until

_GLANCE_S = 0.25
"""The server lives in this process: looking at all batches more often would starve it."""

CONFIGURATION = """
site = "demo"
collector = "collector1"
[sources.line1]
kind = "opcua"
endpoint = "{endpoint}"
publishing_interval_ms = 50
[[sources.line1.nodes]]
node = "nsu={uri};s=Count"
equipment = "line1"
signal = "Count"
[sources.line2]
kind = "opcua"
endpoint = "opc.tcp://127.0.0.1:1"
[[sources.line2.nodes]]
path = "{{equipment}}/{{signal}}"
"""


async def test_a_killed_collector_reads_what_it_missed_from_history(tmp_path, mosquitto, peer):
    plant = Plant()
    plant.history = HistoryDict()
    await plant.start()
    await plant.add("Count", 0, born=datetime.now(UTC))
    await plant.server.historize_node_data_change(plant.variables["Count"], None, 0)
    configuration = CONFIGURATION.format(endpoint=plant.endpoint, uri=URI)
    collector = CollectorProcess(tmp_path, mosquitto.port, configuration)
    file = tmp_path / "edge/collector1/opcua/line1.covered.json"
    try:
        await asyncio.to_thread(collector.start)
        await until(lambda: peer.values() == [0.0], "the first value", _GLANCE_S)
        await until(lambda: file.exists() and through(file), "the moment that is covered")
        await asyncio.to_thread(collector.end, signal.SIGKILL)
        for number in range(1, 201):
            await plant.write("Count", number, born=datetime.now(UTC))
        await asyncio.to_thread(collector.start)
        await until(lambda: len(set(peer.values())) == 201, "what was missed", _GLANCE_S)
        await asyncio.to_thread(collector.end)
    finally:
        collector.stop()
        await plant.stop()

    assert sorted(peer.values()) == [float(number) for number in range(201)]
    # The present value comes from both; whichever is first counts.
    assert sum(row["is_historical"] for row in peer.data()) in (199, 200)
    assert peer.healths[-1].sources["line2"].link == "down"


def through(file) -> bool:
    return datetime.fromisoformat(json.loads(file.read_text())["through"]) > datetime.now(
        UTC
    ) - timedelta(seconds=5)
