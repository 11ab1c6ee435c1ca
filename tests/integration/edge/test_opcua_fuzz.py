"""`takt edge` beside a real server that sends values of every sort, over a line that errs."""

import asyncio
import random

import psutil
import pytest
from asyncua import ua

from tests.conftest import Mosquitto, wait_until
from tests.failure_report import FailureReport, Kind, Result, scaled
from tests.integration.edge.conftest import AckingPeer, CollectorProcess
from tests.integration.edge.opcua_plant import BORN, URI, Plant
from tests.integration.edge.proxy import Proxy
from tests.unit.edge.opcua.test_fuzz import KINDS, TIMES, variants

SEED = 31
SIGNALS = 8
AT_ONCE = 500
GROWTH_MB = 200
CONFIGURATION = """
site = "demo"
collector = "collector1"
[sources.line1]
kind = "opcua"
endpoint = "opc.tcp://127.0.0.1:{port}"
publishing_interval_ms = 50
plain_text = true
"""
NODE = """
[[sources.line1.nodes]]
node = "nsu={uri};s={name}"
equipment = "assembly/line1/press01"
signal = "{name}"
"""


class Fuzzed:
    """A server with variables of any type, and one that counts."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.chance = random.Random(SEED)
        self.counted = 0

    async def start(self) -> None:
        await self.plant.start(Counted=0.0)
        for number in range(SIGNALS):
            await self.plant.add(f"Any{number}", 0.0)

    async def say_any(self, number: int) -> None:
        """A value of any sort, status and time to one of the variables."""
        name = f"Any{number % SIGNALS}"
        data = ua.DataValue(
            variants(self.chance),
            ua.StatusCode(self.chance.choice([0, 0, self.chance.randrange(2**32)])),
            self.chance.choice([None, BORN, *TIMES]),
        )
        node = self.plant.variables[name].nodeid
        # Else this server checks that the type is the variable's; others send what they like.
        self.plant.server.iserver.aspace._nodes[node].attributes[ua.AttributeIds.Value].value = None
        await self.plant.server.write_attribute_value(node, data)

    async def count(self) -> None:
        self.counted += 1
        await self.plant.write("Counted", float(self.counted))


def collector_of(folder, mosquitto: Mosquitto, port: int) -> CollectorProcess:
    names = ["Counted", *(f"Any{number}" for number in range(SIGNALS))]
    nodes = "".join(NODE.format(uri=URI, name=name) for name in names)
    return CollectorProcess(folder, mosquitto.port, CONFIGURATION.format(port=port) + nodes)


def counted(peer: AckingPeer) -> list[object]:
    return [row["value"] for row in peer.data() if row["signal"] == "Counted"]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("count", [200, pytest.param(scaled(100_000), marks=pytest.mark.long)])
async def test_values_of_every_sort_stop_nothing_and_take_no_counted_value_with_them(
    count: int, mosquitto, tmp_path, peer, failure_report: FailureReport
) -> None:
    at_once = min(AT_ONCE, count // 2)
    fuzzed = Fuzzed(Plant())
    await fuzzed.start()
    collector = collector_of(tmp_path, mosquitto, fuzzed.plant.port)
    try:
        await asyncio.to_thread(collector.start)
        await asyncio.to_thread(wait_until, lambda: counted(peer) == [0.0], "the first value")
        process = psutil.Process(collector.pid)
        before = process.memory_info().rss
        for number in range(count):
            await fuzzed.say_any(number)
            if number % at_once == at_once - 1:
                failure_report.progress("fuzzed OPC UA values", number, count)
                await fuzzed.count()
                last = float(fuzzed.counted)
                await asyncio.to_thread(
                    wait_until, lambda last=last: last in counted(peer), "the counted value"
                )
        grown_mb = (process.memory_info().rss - before) / 1e6
        found = counted(peer)
        failure_report.add(
            Result(
                fault="fuzzed OPC UA values, status codes and times",
                kind=Kind.PAYLOAD,
                faults=count,
                seed=SEED,
                values=fuzzed.counted + 1,
                lost=fuzzed.counted + 1 - len(set(found)),
                doubled=len(found) - len(set(found)),
                seen="each node whose values are left out is named once, with the reason",
                measured=f"the collector grew by {grown_mb:.0f} MB",
            )
        )
        log = collector.log.read_text()
        assert found == [float(number) for number in range(fuzzed.counted + 1)]
        assert " are left out: " in log
        assert "Traceback" not in log
        assert log.count(": up: ") == 1
        assert grown_mb < GROWTH_MB
    finally:
        collector.stop()
        await fuzzed.plant.stop()


class ErringLine(Proxy):
    """Changes a bit of what the server says, now and then."""

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port)
        self.chance = random.Random(SEED)
        self.errs = False
        self.changed = 0

    def answered(self, data: bytes) -> bytes:
        if not self.errs or self.chance.random() > 0.05:
            return data
        self.changed += 1
        changed = bytearray(data)
        changed[self.chance.randrange(len(changed))] ^= 1 << self.chance.randrange(8)
        return bytes(changed)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("changes", [2, pytest.param(scaled(30), marks=pytest.mark.long)])
async def test_a_line_that_changes_bits_stops_nothing(changes, mosquitto, tmp_path, peer) -> None:
    fuzzed = Fuzzed(Plant())
    await fuzzed.start()
    line = ErringLine(fuzzed.plant.port)
    await line.open()
    collector = collector_of(tmp_path, mosquitto, line.port)
    try:
        await asyncio.to_thread(collector.start)
        await asyncio.to_thread(wait_until, lambda: counted(peer) == [0.0], "the first value")
        line.errs = True
        while line.changed < changes:
            await fuzzed.count()
            await asyncio.sleep(0.02)
        line.errs = False
        await fuzzed.count()

        await asyncio.to_thread(
            wait_until, lambda: float(fuzzed.counted) in counted(peer), "the last value", 60
        )
        assert "Traceback" not in collector.log.read_text()
    finally:
        collector.stop()
        await line.cut()
        await fuzzed.plant.stop()


def test_every_builtin_type_is_among_what_is_sent() -> None:
    sent = {getattr(ua.VariantType, kind) for kind in KINDS}

    assert set(ua.VariantType) - sent <= {ua.VariantType.Null, ua.VariantType.DiagnosticInfo}
