"""An OPC UA server that restarts, forgets, changes its certificate or its address space.

Every item counts up and says when it did. What the collector has accepted is compared with that
count; what it has not must lie in a gap that is on record.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from asyncua import ua

from edge.clock import Clock
from edge.spool import Delivery, Spool
from takt import batch
from tests.failure_report import FailureReport, Kind, Result, scaled
from tests.integration.edge.opcua_counters import Counters, CountersApart
from tests.integration.edge.opcua_plant import Sink, collecting, make_identity, source, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="function"),
    # The server's own: it tells nobody when a node is removed.
    pytest.mark.filterwarnings("ignore:coroutine 'MonitoredItemService"),
]

PATIENCE_S = 180.0
INTERVAL_MS = 100
EDGE = timedelta(seconds=3 + INTERVAL_MS / 1_000)
"""How long before the link is down a value may be said and yet be lost on its way."""
ENCRYPTED = ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt


class Accepted(Sink):
    """A sink before a real spool; knows the last number of each counter."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.spool = Spool(folder / "spool.db", Clock().now)
        self.last: dict[str, float | None] = {}
        self.links: list[tuple[float, datetime, str]] = []

    async def put(self, delivery: Delivery) -> None:
        self.spool.append([delivery])
        for sample in delivery.samples:
            if sample.signal == "$link":
                at = datetime.fromtimestamp(sample.observed_at / 1e6, UTC)
                self.links.append((sample.value or 0.0, at, sample.text or ""))
            elif sample.signal[0] != "$":
                self.last[sample.signal] = sample.value
        if delivery.accepted is not None:
            delivery.accepted()

    async def until_all_say(self, counters: Counters) -> None:
        def all_do() -> bool:
            return all(self.last.get(name) == counters.number for name in counters.names)

        await until(all_do, f"{counters.number} of every counter", timeout_s=PATIENCE_S)

    def has_come_back(self) -> bool:
        """Whether the link was down and is up again."""
        return [value for value, _, _ in self.links][-2:] == [0.0, 1.0]

    def rows(self) -> pa.Table:
        tables = [
            batch.decode(out.payload).table.select(["signal", "value"])
            for out in self.spool.read(None, 1, batches=1_000_000)
        ]
        table = pa.concat_tables(tables)
        return table.filter(pc.starts_with(table["signal"], "Count"))

    def is_on_record(self, moment: datetime) -> bool:
        """Whether a gap covers a moment: the link was down, or about to be."""
        downs = [at for value, at, _ in self.links if value == 0]
        ups = [at for value, at, _ in self.links if value == 1]
        return any(
            down - EDGE <= moment and not any(down < up < moment for up in ups) for down in downs
        )


@asynccontextmanager
async def counted(counters: Counters, folder: Path, **options):
    """A collector of all counters, which has the first number of each."""
    accepted = Accepted(folder)
    extra = {name: options.pop(name) for name in ("retry_nodes_s", "compare_s") if name in options}
    configured = source(counters, *counters.names, publishing_interval_ms=INTERVAL_MS, **options)
    try:
        async with collecting(configured, accepted.put, folder, **extra) as link:
            accepted.link = link
            await accepted.until_all_say(counters)
            await until(lambda: accepted.links, "the link")
            yield accepted
    finally:
        accepted.spool.close()


def compared(counters: Counters, accepted: Accepted, sure: set[int]) -> dict[str, int]:
    """What of the count is missing or doubled; what is missing rightly must be on record."""
    rows = accepted.rows()
    each = rows.group_by("value").aggregate([("signal", "count"), ("signal", "count_distinct")])
    found = {int(row["value"]): row for row in each.to_pylist()}
    items = len(counters.names)
    missing = {
        number: items - (found[number]["signal_count_distinct"] if number in found else 0)
        for number in range(counters.number + 1)
    }
    unrecorded = [
        number
        for number, count in missing.items()
        if count and number not in sure and not accepted.is_on_record(counters.born[number])
    ]
    assert not unrecorded, (unrecorded[:5], accepted.links)
    return {
        "lost": sum(missing[number] for number in sure),
        "doubled": rows.num_rows - sum(row["signal_count_distinct"] for row in found.values()),
        "lost_before": sum(count for number, count in missing.items() if number not in sure),
    }


async def restarts(
    counters: Counters, accepted: Accepted, times: int, progress: Callable[[int], None]
) -> tuple[set[int], list[float]]:
    """Numbers that must have arrived, and how long each restart kept the data away."""
    sure, waits = {0}, []
    for done in range(times):
        for _ in range(2):
            sure.add(await counters.step())
            await accepted.until_all_say(counters)
        # Nobody waits for these: one said in the last moment, two while the server is away.
        await counters.step()
        await counters.stop()
        await counters.step(is_away=True)
        await counters.step(is_away=True)
        await counters.start()
        started = time.monotonic()
        sure.add(counters.number)
        await accepted.until_all_say(counters)
        await until(accepted.has_come_back, "the link", timeout_s=PATIENCE_S)
        waits.append(time.monotonic() - started)
        progress(done + 1)
    return sure, waits


async def test_a_server_that_restarts_loses_nothing_that_was_accepted(tmp_path):
    counters = Counters(200)
    await counters.start()
    async with counted(counters, tmp_path) as accepted:
        sure, _ = await restarts(counters, accepted, 1, lambda done: None)
        told = compared(counters, accepted, sure)
    await counters.stop()

    assert (told["lost"], told["doubled"]) == (0, 0)
    # The first of the two numbers that nobody could see, of each counter.
    assert told["lost_before"] >= 200
    assert [value for value, _, _ in accepted.links] == [1.0, 0.0, 1.0]


@pytest.mark.long
@pytest.mark.timeout(3_600)
async def test_a_server_of_ten_thousand_items_restarts_a_hundred_times(
    tmp_path, failure_report: FailureReport
):
    times, fault = scaled(100), "OPC UA server of 10,000 items restarted"
    with closing(CountersApart(10_000)) as counters:
        await counters.start()
        async with counted(counters, tmp_path) as accepted:
            sure, waits = await restarts(
                counters, accepted, times, lambda done: failure_report.progress(fault, done, times)
            )
            told = compared(counters, accepted, sure)
    failure_report.add(
        Result(
            fault=fault,
            kind=Kind.SOURCE,
            faults=times,
            values=(counters.number + 1) * len(counters.names),
            gap="`$link` down to up",
            flowing_again_s=waits,
            seen="the link is down with the reason, then up",
            measured="until the last of all items had its new value",
            **told,
        )
    )

    assert (told["lost"], told["doubled"]) == (0, 0)


async def test_a_session_killed_by_the_server_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.opcua.connection._PROBE_S", 4.0)
    counters = Counters(20)
    await counters.start()
    async with counted(counters, tmp_path) as accepted:
        sure, _ = await killed_sessions(counters, accepted, 1)
        told = compared(counters, accepted, sure)
    await counters.stop()

    assert (told["lost"], told["doubled"]) == (0, 0)
    [_, since, noticed, again] = accepted.links
    assert [value for value, _, _ in (since, noticed, again)] == [0.0, 0.0, 1.0]
    assert noticed[1] - since[1] > timedelta(seconds=3)


async def killed_sessions(
    counters: Counters, accepted: Accepted, times: int
) -> tuple[set[int], list[float]]:
    sure, waits = {0}, []
    for _ in range(times):
        sure.add(await counters.step())
        await accepted.until_all_say(counters)
        await counters.kill_sessions()
        killed = time.monotonic()
        await counters.step()
        sure.add(await counters.step())
        await accepted.until_all_say(counters)
        await until(accepted.has_come_back, "the link", timeout_s=PATIENCE_S)
        waits.append(time.monotonic() - killed)
    return sure, waits


@pytest.mark.long
@pytest.mark.timeout(3_600)
async def test_sessions_of_ten_thousand_items_are_killed(tmp_path, failure_report: FailureReport):
    times = scaled(10)
    with closing(CountersApart(10_000)) as counters:
        await counters.start()
        async with counted(counters, tmp_path) as accepted:
            sure, waits = await killed_sessions(counters, accepted, times)
            told = compared(counters, accepted, sure)
    failure_report.add(
        Result(
            fault="OPC UA session of 10,000 items killed by the server",
            kind=Kind.SOURCE,
            faults=times,
            values=(counters.number + 1) * len(counters.names),
            gap="`$link` down to up",
            flowing_again_s=waits,
            seen="the link is down with the reason, then up",
            **told,
        )
    )

    assert (told["lost"], told["doubled"]) == (0, 0)


async def test_a_server_with_another_certificate_is_refused_until_it_is_trusted(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("edge.opcua.source._RESUME_S", 1.0)
    counters = Counters(20)
    identities = [make_identity(tmp_path / name) for name in ("first", "second")]
    (tmp_path / "trusted").mkdir()
    shutil.copy(identities[0][0], tmp_path / "trusted")
    await counters.start(policies=[ENCRYPTED], identity=identities[0])
    async with counted(counters, tmp_path) as accepted:
        await counters.stop()
        await counters.start(policies=[ENCRYPTED], identity=identities[1])
        await until(lambda: "is not trusted" in accepted.link.health.reason, "the refusal")
        assert accepted.link.health.link == "down"
        [rejected] = (tmp_path / "rejected").iterdir()
        await counters.step()
        rejected.rename(tmp_path / "trusted" / "second.der")
        await accepted.until_all_say(counters)
        await until(accepted.has_come_back, "the link")
        told = compared(counters, accepted, {0, counters.number})
    await counters.stop()

    assert (told["lost"], told["doubled"]) == (0, 0)
    assert len([line for line in caplog.messages if "is not trusted" in line]) == 1
    assert [value for value, _, _ in accepted.links] == [1.0, 0.0, 1.0]


async def test_a_node_that_is_gone_after_a_restart_is_named_once_and_found_when_it_is_back(
    tmp_path, caplog
):
    counters = Counters(20)
    await counters.start()
    async with counted(counters, tmp_path, retry_nodes_s=0.1) as accepted:
        gone = counters.names.pop()
        await counters.stop()
        await counters.step(is_away=True)
        await counters.start(namespaces_before=("urn:takt:new",))
        await accepted.until_all_say(counters)
        await until(lambda: "1 nodes unreadable" in accepted.link.health.reason, "the remark")
        counters.names.append(gone)
        await counters.add(gone)
        await accepted.until_all_say(counters)
        await until(lambda: accepted.link.health.reason == "connected", "the remark to go")
        told = compared(counters, accepted, {0, 1})
    await counters.stop()

    assert (told["lost"], told["doubled"]) == (0, 0)
    assert len([line for line in caplog.messages if gone in line]) == 1
