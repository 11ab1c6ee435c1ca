"""The running plant: its machines speak OPC UA and MQTT as time goes by.

Every ten seconds each machine says its state again, so that silence means silence; every
hour the ERP drops the orders as they stand.
"""

import asyncio
import logging
import signal
import time
from datetime import datetime
from pathlib import Path

from edge.simulator import business_data, marker, mqtt_publisher, opcua_server
from edge.simulator.playback import Clock, Playback, Telling
from edge.simulator.production import Plant
from edge.simulator.shifts import to_datetime, to_ms
from edge.simulator.signals import VENDORS, Signals, vendor_of
from takt.settings import Settings

log = logging.getLogger(__name__)

_KEEP_ALIVE_S = 10.0
_ERP_EXPORT_S = 3_600.0
_GO_ON_WITHIN_MS = 600_000
"""After a longer pause the machines say nothing of what happened meanwhile."""


def run(settings: Settings, seed: int, start: datetime, speed: float = 1.0) -> None:
    """Run the plant until SIGTERM or SIGINT.

    A speed above 1 begins where the story stopped, or at `start`, and falls to 1 at the
    present. A speed of 1 begins now; what was missed in a short pause is told at once.

    Args:
        settings: Of the installation; the plant's folder is `plant` in its home.
        seed: Decides what happens.
        start: First moment of the plant's story.
        speed: How much faster than real time.

    Raises:
        ConfigurationError: The port of the OPC UA server is taken.
    """
    asyncio.run(_run(settings, Plant(seed, to_ms(start)), speed))


async def _run(settings: Settings, plant: Plant, speed: float) -> None:
    folder = settings.home / "plant"
    begin = _begin(folder, plant, speed)
    clock = Clock(begin, speed)
    playback = Playback(Signals(plant), clock, folder, begin)
    stopped = _stop_event()
    async with (
        opcua_server.running(settings.plant.port) as controllers,
        mqtt_publisher.running(settings.broker) as gateways,
    ):
        machines = _Machines(controllers, gateways)
        tasks = [
            asyncio.create_task(_play(playback, machines), name="play"),
            asyncio.create_task(_keep_alive(playback, machines), name="keep-alive"),
            asyncio.create_task(_export(settings, plant, clock), name="erp"),
            asyncio.create_task(_announce(settings, gateways), name="announce"),
        ]
        await _until(stopped, tasks)
        playback.close()


def _begin(folder: Path, plant: Plant, speed: float) -> int:
    present = time.time_ns() // 1_000_000
    told = marker.read(folder)
    told_ms = plant.start if told is None else to_ms(told)
    goes_on = speed > 1 or present - told_ms < _GO_ON_WITHIN_MS
    return min(max(told_ms, plant.start), present) if goes_on else present


def _stop_event() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _until(stopped: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the stop; a task that fails before ends the plant with its error."""
    stop = asyncio.create_task(stopped.wait(), name="stop")
    waiting: set[asyncio.Task[None] | asyncio.Task[bool]] = {stop, *tasks}
    try:
        while not stop.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


class _Machines:
    """Says a value the way its machine does."""

    def __init__(
        self, controllers: opcua_server.Controllers, gateways: mqtt_publisher.Gateways
    ) -> None:
        self._controllers = controllers
        self._gateways = gateways

    async def tell(self, telling: Telling) -> None:
        if VENDORS[vendor_of(telling.equipment_id)].protocol == "opcua":
            await self._controllers.tell(telling)
        else:
            self._gateways.tell(telling)


async def _play(playback: Playback, machines: _Machines) -> None:
    for each in playback.opening():
        await machines.tell(each)
    await playback.run(machines.tell)


async def _keep_alive(playback: Playback, machines: _Machines) -> None:
    while True:
        await asyncio.sleep(_KEEP_ALIVE_S)
        for each in playback.current():
            if each.signal.role == "state":
                await machines.tell(each)


async def _export(settings: Settings, plant: Plant, clock: Clock) -> None:
    while True:
        await asyncio.sleep(_ERP_EXPORT_S)
        now = clock.now()
        folder = settings.home / "drop" / f"erp-{to_datetime(now):%Y%m%dT%H%M%SZ}"
        await asyncio.to_thread(business_data.drop_orders, folder, settings.site, plant, now)


async def _announce(settings: Settings, gateways: mqtt_publisher.Gateways) -> None:
    await gateways.wait_connected()
    log.info("ready: OPC UA on port %d, MQTT through the broker", settings.plant.port)
