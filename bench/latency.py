"""From a state change at a machine to the live view: p50, p95 and max over both protocols.

The demo's business data and a day of history; broker, collector and ingestion as in the demo.
Instead of the plant's story this benchmark lets one of its machines after the other change
its state, over OPC UA and MQTT, and asks the live view until it shows the change.
"""

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

import lake
from bench._ports import free_port
from edge.simulator import mqtt_publisher, opcua_server
from edge.simulator.history import prepare
from edge.simulator.plant import WORK_UNITS, WorkUnit
from edge.simulator.playback import Telling
from edge.simulator.signals import SIGNALS, VENDORS
from ingestion.history import import_files
from ingestion.reference import load
from pipelines.refresh import refresh
from takt.command.stack import Service, Stack
from takt.packml import State
from takt.progress import silent
from takt.settings import BrokerSettings, PlantSettings, Settings

DEFAULT_SECONDS = 60.0
_GIVE_UP_S = 60.0


def run(seconds: float) -> dict[str, float]:
    """Change states for `seconds`; figures in seconds, and how many changes were measured."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        settings = _installation(Path(folder) / "home")
        _prepare(settings)
        with Stack(settings) as stack:
            for name in ("broker", "ingest", "edge"):
                stack.start(Service(name, (name,)))
            for name in ("broker", "ingest", "edge"):
                stack.wait_ready(name, 60)
            latencies = asyncio.run(_measure(settings, stack, seconds))
        lake.catalog.leave(settings)
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "changes": len(latencies),
        "p50_s": cuts[49],
        "p95_s": cuts[94],
        "max_s": max(latencies),
    }


def _installation(home: Path) -> Settings:
    """A home whose processes use ports that nobody else does."""
    broker, plant = BrokerSettings(port=free_port()), PlantSettings(port=free_port())
    home.mkdir()
    (home / "takt.toml").write_text(
        f"[broker]\nport = {broker.port}\n[plant]\nport = {plant.port}\n"
    )
    return Settings(home=home, catalog=None, data=None, broker=broker, plant=plant)


def _prepare(settings: Settings) -> None:
    lake.schema.create(settings)
    now = datetime.now(UTC)
    folder = settings.home / "plant"
    files = prepare(folder, settings, 1, now - timedelta(days=1), now)
    load(settings, folder / "business_data")
    import_files(settings, files, silent)
    refresh(settings)


async def _measure(settings: Settings, stack: Stack, seconds: float) -> list[float]:
    latencies: list[float] = []
    async with (
        opcua_server.running(settings.plant.port) as controllers,
        mqtt_publisher.running(settings.broker) as gateways,
    ):
        await gateways.wait_connected()
        with lake.open(settings, read_only=True) as connection:
            changes = _changes()
            await _first_ones_are_seen(connection, controllers, gateways, changes)
            started = time.monotonic()
            while time.monotonic() - started < seconds:
                telling = next(changes)
                await _tell(telling, controllers, gateways)
                latencies.append(await asyncio.to_thread(_seen_after, connection, telling))
        # A client that comes back while the server closes would keep it from ending.
        await asyncio.to_thread(stack.end, "edge")
    return latencies


def _changes() -> Iterator[Telling]:
    """Each machine in turn, running and held in turn; born at the moment it is asked for."""
    for state in itertools.cycle((State.EXECUTE, State.HELD)):
        for unit in WORK_UNITS:
            yield _telling(unit, state)


def _telling(unit: WorkUnit, state: State) -> Telling:
    signal = next(each for each in SIGNALS[unit.equipment_id] if each.role == "state")
    states = VENDORS[unit.vendor].states
    raw = states.get(state) or states.get("stopped" if state == State.HELD else "running")
    assert raw is not None, (unit, states)
    value = raw if isinstance(raw, str) else float(raw)
    return Telling(time.time_ns() // 1_000_000, unit.equipment_id, signal, value)


async def _tell(
    telling: Telling, controllers: opcua_server.Controllers, gateways: mqtt_publisher.Gateways
) -> None:
    unit = next(unit for unit in WORK_UNITS if unit.equipment_id == telling.equipment_id)
    if VENDORS[unit.vendor].protocol == "opcua":
        await controllers.tell(telling)
    else:
        gateways.tell(telling)


async def _first_ones_are_seen(
    connection: duckdb.DuckDBPyConnection,
    controllers: opcua_server.Controllers,
    gateways: mqtt_publisher.Gateways,
    changes: Iterator[Telling],
) -> None:
    """Every machine changes twice, unmeasured: connections, heartbeats and caches are there.

    Only the second change is waited for: history may have ended in the state of the first.
    """
    for telling in itertools.islice(changes, len(WORK_UNITS)):
        await _tell(telling, controllers, gateways)
    for telling in itertools.islice(changes, len(WORK_UNITS)):
        await _tell(telling, controllers, gateways)
        await asyncio.to_thread(_seen_after, connection, telling)


def _seen_after(connection: duckdb.DuckDBPyConnection, telling: Telling) -> float:
    """Seconds from the change's birth until the live view shows it."""
    while not _is_seen(connection, telling):
        if time.time() - telling.at / 1000 > _GIVE_UP_S:
            raise RuntimeError(f"{telling} was not seen within {_GIVE_UP_S} s")
    return time.time() - telling.at / 1000


def _is_seen(connection: duckdb.DuckDBPyConnection, telling: Telling) -> bool:
    born = datetime.fromtimestamp(telling.at / 1000, UTC).replace(tzinfo=None)
    rows = connection.execute(
        "select state_since_at from marts.live_work_unit where work_unit_id = ?",
        [telling.equipment_id],
    ).fetchall()
    return bool(rows) and rows[0][0] is not None and rows[0][0] >= born
