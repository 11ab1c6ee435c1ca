import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.history import HistoryDict

from edge.clock import Clock
from edge.opcua.errors import SourceLostError
from edge.spool import Delivery, Spool
from takt import batch
from takt.batch import Sample
from tests.failure_report import Kind, Result
from tests.integration.edge.opcua_plant import Plant, Sink, collecting, source, until
from tests.integration.edge.proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Spooling(Sink):
    """A sink before a real spool, which drops repeats."""

    def __init__(self, file, **options) -> None:
        super().__init__()
        self.spool = Spool(file, Clock().now, **options)

    async def put(self, delivery: Delivery) -> None:
        self.spool.append([delivery])
        await super().put(delivery)

    def rows(self, signal: str) -> list[dict]:
        stored = [
            row
            for out in self.spool.read(None, 1, batches=10_000)
            for row in batch.decode(out.payload).table.to_pylist()
        ]
        return sorted(
            (row for row in stored if row["signal"] == signal), key=lambda row: row["observed_at"]
        )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def plant():
    plant = Plant()
    plant.history = HistoryDict()
    await plant.start()
    await plant.has_run_since(datetime.now(UTC) - timedelta(hours=1))
    yield plant
    await plant.stop()


@pytest.fixture
def spooling(tmp_path):
    sink = Spooling(tmp_path / "spool.db")
    yield sink
    sink.spool.close()


async def add_variable(plant: Plant, name: str, *, history: bool) -> None:
    await plant.add(name, 0.0, born=datetime.now(UTC))
    if history:
        await plant.server.historize_node_data_change(plant.variables[name], None, 0)


async def write(plant: Plant, name: str, numbers: range) -> None:
    for number in numbers:
        await plant.write(name, float(number), born=datetime.now(UTC))


async def test_a_short_interruption_is_resumed_and_loses_nothing(plant, spooling, tmp_path):
    await add_variable(plant, "Resumed", history=False)
    proxy = Proxy(plant.port)
    await proxy.open()
    configured = source(plant, "Resumed", endpoint=f"opc.tcp://127.0.0.1:{proxy.port}")
    async with collecting(configured, spooling.put, tmp_path) as link:
        await spooling.until(lambda: spooling.of("Resumed"))
        await proxy.cut()
        await spooling.until(lambda: spooling.values("$link")[-1] == 0.0)
        await write(plant, "Resumed", range(1, 51))
        await proxy.open()
        await spooling.until(lambda: spooling.values("Resumed")[-1:] == [50.0])
        resumed = "connected again, session resumed"
        await until(lambda: link.health.reason == resumed, "the link")
    await proxy.cut()

    assert [row["value"] for row in spooling.rows("Resumed")] == [float(n) for n in range(51)]


async def test_what_happened_while_nobody_listened_is_read_from_history_once(
    plant, spooling, tmp_path
):
    await add_variable(plant, "Remembered", history=True)
    await add_variable(plant, "Forgotten", history=False)
    configured = source(plant, "Remembered", "Forgotten")
    async with collecting(configured, spooling.put, tmp_path):
        await spooling.until(lambda: spooling.of("Forgotten") and spooling.of("Remembered"))
        await write(plant, "Remembered", range(1, 11))
        await spooling.until(lambda: spooling.values("Remembered")[-1] == 10.0)
        await clock_has_ticked(spooling, tmp_path)
    await write(plant, "Remembered", range(11, 2_600))
    await write(plant, "Forgotten", range(1, 3))
    async with collecting(configured, spooling.put, tmp_path):
        await spooling.until(lambda: len({s.value for s in spooling.of("Remembered")}) == 2_600)
        await write(plant, "Remembered", range(2_600, 2_610))
        await spooling.until(lambda: spooling.values("Remembered")[-1] == 2_609.0)

    found = spooling.rows("Remembered")
    assert [row["value"] for row in found] == [float(number) for number in range(2_610)]
    historical = [row["value"] for row in found if row["is_historical"]]
    # The present value comes from both; whichever is first counts.
    assert [value for value in historical if value != 2_599.0] == [
        float(number) for number in range(11, 2_599)
    ]
    assert [row["value"] for row in spooling.rows("Forgotten")] == [0.0, 2.0]


async def test_time_that_is_read_from_history_counts_as_covered_where_nothing_is_missing(
    plant, spooling, tmp_path
):
    await add_variable(plant, "Kept", history=True)
    await add_variable(plant, "Lost", history=False)
    kept, lost = (source(plant, name).nodes[0] for name in ("Kept", "Lost"))
    nodes = [kept, lost.model_copy(update={"equipment": "assembly/line1/press02"})]
    configured = source(plant, "Kept").model_copy(update={"nodes": tuple(nodes)})
    began = missed_ten_minutes(tmp_path)
    async with collecting(configured, spooling.put, tmp_path):
        await spooling.until(lambda: len(past_beats(spooling)) > 118)

    beats = [row for row in spooling.rows("$heartbeat") if row["is_historical"]]
    times = [row["observed_at"] for row in beats]
    assert {row["equipment"] for row in beats} == {"assembly/line1/press01"}
    assert {row["text"] for row in beats} == {"line1"}
    assert {later - at for at, later in pairwise(times)} == {timedelta(seconds=5)}
    assert abs(times[0] - began) < timedelta(seconds=15)
    assert abs(times[-1] - datetime.now(UTC)) < timedelta(seconds=60)


async def test_time_before_the_server_started_is_not_covered(spooling, tmp_path):
    plant = Plant()
    plant.history = HistoryDict()
    await plant.start()
    started = datetime.now(UTC) - timedelta(minutes=5)
    await plant.has_run_since(started)
    await add_variable(plant, "Fresh", history=True)
    missed_ten_minutes(tmp_path)
    async with collecting(source(plant, "Fresh"), spooling.put, tmp_path):
        await spooling.until(lambda: len(past_beats(spooling)) > 58)
    await plant.stop()

    first = datetime.fromtimestamp(past_beats(spooling)[0].observed_at / 1e6, UTC)
    assert timedelta(0) <= first - started <= timedelta(seconds=5)


async def test_equipment_with_a_refused_node_is_not_covered_by_the_history_of_its_others(
    plant, spooling, tmp_path
):
    await add_variable(plant, "Known", history=True)
    await add_variable(plant, "Whole", history=True)
    known, absent, whole = source(plant, "Known", "Absent", "Whole").nodes
    nodes = (known, absent, whole.model_copy(update={"equipment": "assembly/line1/press02"}))
    configured = source(plant, "Known").model_copy(update={"nodes": nodes})
    missed_ten_minutes(tmp_path)
    async with collecting(configured, spooling.put, tmp_path):
        await spooling.until(lambda: len(past_beats(spooling)) > 118)

    assert {sample.equipment for sample in past_beats(spooling)} == {"assembly/line1/press02"}


async def test_heartbeats_of_the_past_take_no_room_of_samples_that_may_be_repeated(plant, tmp_path):
    await add_variable(plant, "Beaten", history=True)
    now = Clock().now()
    sample = Sample("assembly/line1/weld01", "Count", now, 1.0, None, 0, now)
    sink = Spooling(tmp_path / "spool.db", recent_keys_rows=50)
    await sink.put(Delivery([sample], "line2"))
    missed_ten_minutes(tmp_path)
    async with collecting(source(plant, "Beaten"), sink.put, tmp_path):
        await sink.until(lambda: len(past_beats(sink)) > 118)

    await sink.put(Delivery([sample], "line2"))

    assert len(sink.rows("Count")) == 1
    sink.spool.close()


async def test_heartbeats_of_the_past_are_written_once_although_the_connection_is_lost_meanwhile(
    plant, spooling, tmp_path
):
    await add_variable(plant, "First", history=True)
    await add_variable(plant, "Second", history=True)
    first, second = source(plant, "First", "Second").nodes
    other = "assembly/line1/press02"
    nodes = (first, second.model_copy(update={"equipment": other}))
    configured = source(plant, "First").model_copy(update={"nodes": nodes})
    losses = ["the line is cut"]

    async def put(delivery: Delivery) -> None:
        if losses and any(is_past_beat(s) and s.equipment == other for s in delivery.samples):
            raise SourceLostError(losses.pop())
        await spooling.put(delivery)

    missed_ten_minutes(tmp_path)
    async with collecting(configured, put, tmp_path):
        await spooling.until(lambda: sum(s.equipment == other for s in past_beats(spooling)) > 118)

    beats = [(sample.equipment, sample.observed_at) for sample in past_beats(spooling)]
    assert not losses
    assert len(set(beats)) == len(beats)


async def test_a_gap_begins_where_the_last_value_was_accepted_not_where_it_was_received(
    plant, spooling, tmp_path, monkeypatch
):
    monkeypatch.setattr("edge.opcua.gaps._OVERLAP", timedelta(0))
    await add_variable(plant, "Killed", history=True)
    configured = source(plant, "Killed")
    is_full = False
    dropped = []

    async def put(delivery: Delivery) -> None:
        if is_full:
            dropped.append(delivery)
        else:
            await spooling.put(delivery)

    async with collecting(configured, put, tmp_path):
        await spooling.until(lambda: spooling.of("Killed"))
        await clock_has_ticked(spooling, tmp_path)
        is_full = True
        await write(plant, "Killed", range(1, 21))
        await until(lambda: len([one for one in dropped if not one.samples]) > 1, "the clock")
    is_full = False
    async with collecting(configured, put, tmp_path):
        await spooling.until(lambda: len({s.value for s in spooling.of("Killed")}) == 21)

    assert [row["value"] for row in spooling.rows("Killed")] == [float(n) for n in range(21)]


async def test_history_that_the_server_refuses_stops_nothing(plant, spooling, tmp_path, caplog):
    await add_variable(plant, "Pretender", history=False)
    level = ua.Variant(0b101, ua.VariantType.Byte)
    await plant.variables["Pretender"].write_attribute(
        ua.AttributeIds.AccessLevel, ua.DataValue(level)
    )
    (tmp_path / "line1.covered.json").write_text(
        f'{{"through": "{datetime.now(UTC) - timedelta(minutes=1)}"}}'
    )
    with caplog.at_level("INFO", logger="edge.opcua"):
        async with collecting(source(plant, "Pretender"), spooling.put, tmp_path):
            await until(lambda: "from the history of" in caplog.text, "the end of back-filling")
            await write(plant, "Pretender", range(1, 3))
            await spooling.until(lambda: spooling.values("Pretender")[-1:] == [2.0])


def missed_ten_minutes(folder) -> datetime:
    """As if the collector had been off since then."""
    since = datetime.now(UTC) - timedelta(minutes=10)
    (folder / "line1.covered.json").write_text(json.dumps({"through": since.isoformat()}))
    return since


def past_beats(sink: Sink) -> list[Sample]:
    return [sample for sample in sink.samples if is_past_beat(sample)]


def is_past_beat(sample: Sample) -> bool:
    return sample.signal == "$heartbeat" and sample.is_historical


async def clock_has_ticked(spooling: Spooling, folder) -> None:
    """Until the moment through which all is accepted is past what was just written."""
    now = datetime.now(UTC)
    file = folder / "line1.covered.json"
    await until(lambda: file.exists() and _through(file) > now - timedelta(seconds=6), "the clock")


def _through(file) -> datetime:
    return datetime.fromisoformat(json.loads(file.read_text())["through"])


class KeptHistory(HistoryDict):
    """A history that is still there after its server was restarted."""

    async def new_historized_node(self, node_id, period, count=0):
        self._datachanges.setdefault(node_id, [])
        self._datachanges_period[node_id] = period, count


async def test_a_restarted_server_that_kept_its_history_loses_nothing(spooling, tmp_path):
    plant = Plant()
    plant.history = KeptHistory()
    await plant.start()
    await add_variable(plant, "Speed", history=True)
    proxy = Proxy(plant.port)
    await proxy.open()
    configured = source(plant, "Speed", endpoint=f"opc.tcp://127.0.0.1:{proxy.port}")
    async with collecting(configured, spooling.put, tmp_path) as link:
        await spooling.until(lambda: spooling.of("Speed"))
        await clock_has_ticked(spooling, tmp_path)
        await proxy.cut()
        await spooling.until(lambda: spooling.values("$link")[-1] == 0.0)
        await write(plant, "Speed", range(1, 51))
        await plant.stop()
        await plant.start()
        await add_variable(plant, "Speed", history=True)
        await write(plant, "Speed", range(51, 101))
        await proxy.open()
        await spooling.until(lambda: len({s.value for s in spooling.of("Speed")}) == 101)
        assert link.health.reason == "connected"
    await proxy.cut()
    await plant.stop()

    numbers = [row["value"] for row in spooling.rows("Speed")]
    assert numbers == [float(n) for n in (*range(51), 0, *range(51, 101))]


@pytest.mark.long
async def test_a_line_that_swallows_everything_is_noticed_and_resumed(
    plant, spooling, tmp_path, failure_report
):
    await add_variable(plant, "Stalled", history=True)
    proxy = Proxy(plant.port)
    await proxy.open()
    configured = source(plant, "Stalled", endpoint=f"opc.tcp://127.0.0.1:{proxy.port}")
    async with collecting(configured, spooling.put, tmp_path):
        await spooling.until(lambda: spooling.of("Stalled"))
        await clock_has_ticked(spooling, tmp_path)
        proxy.stall()
        await spooling.until(lambda: spooling.values("$link")[-1] == 0.0)
        await write(plant, "Stalled", range(1, 51))
        await proxy.cut()
        await proxy.open()
        await spooling.until(lambda: len({s.value for s in spooling.of("Stalled")}) == 51)
    await proxy.cut()

    found = [row["value"] for row in spooling.rows("Stalled")]
    failure_report.add(
        Result(
            fault="OPC UA line stalled until that is noticed, then cut; the server keeps history",
            kind=Kind.NETWORK,
            faults=1,
            values=51,
            lost=51 - len(set(found)),
            doubled=len(found) - len(set(found)),
            seen="`$link` down in raw.telemetry; what was missed is read from history",
        )
    )
    assert found == [float(n) for n in range(51)]
