"""The collector's configuration for this plant: `edge.toml` as `edge.configuration` reads it."""

from collections.abc import Iterator
from pathlib import Path

from edge.simulator.plant import WORK_UNITS, WorkUnit
from edge.simulator.signals import SIGNALS, VENDORS, Signal
from takt.settings import Settings

NAMESPACE = "urn:takt:plant"
TOPIC = "plant/{equipment:3}/{signal}"
_MARK = "# `takt demo` writes this file at each start; without this line it leaves the file alone."


def endpoint(port: int) -> str:
    """Where the plant's OPC UA server is reached."""
    return f"opc.tcp://127.0.0.1:{port}"


def node_text(unit: WorkUnit, signal: Signal) -> str:
    """The string identifier of a signal's node, e.g. `line1.press01.StateCurrent`."""
    return ".".join([*unit.equipment_id.split("/")[1:], signal.name])


def topic(equipment_id: str, signal: Signal) -> str:
    """Where a machine publishes a signal."""
    return f"plant/{equipment_id}/{signal.name}"


def write_edge_config(file: Path, settings: Settings) -> None:
    """Write the collector's configuration with the ports as they are set now.

    A file that somebody else wrote is left as it is.
    """
    if file.exists() and not file.read_text(encoding="utf-8").startswith(_MARK):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(_lines(settings)) + "\n", encoding="utf-8")


def _lines(settings: Settings) -> Iterator[str]:
    yield _MARK
    yield f'site = "{settings.site}"'
    yield 'collector = "collector1"'
    yield ""
    yield "[sources.controllers]"
    yield 'kind = "opcua"'
    yield f'endpoint = "{endpoint(settings.plant.port)}"'
    for unit in speaking("opcua"):
        for signal in SIGNALS[unit.equipment_id]:
            yield ""
            yield "  [[sources.controllers.nodes]]"
            yield f'  node = "nsu={NAMESPACE};s={node_text(unit, signal)}"'
            yield f'  equipment = "{unit.equipment_id}"'
            yield f'  signal = "{signal.name}"'
    yield ""
    yield "[sources.gateways]"
    yield 'kind = "mqtt"'
    yield f'host = "{settings.broker.host}"'
    yield f"port = {settings.broker.port}"
    yield f'topic = "{TOPIC}"'
    served = ", ".join(f'"{unit.equipment_id}"' for unit in speaking("mqtt"))
    yield f"serves = [{served}]"
    yield 'timestamp = "timestamp_ms"'
    yield 'timestamp_unit = "ms"'
    yield "expected_interval_s = 30"


def speaking(protocol: str) -> list[WorkUnit]:
    """The machines that are reached by `protocol`."""
    return [unit for unit in WORK_UNITS if VENDORS[unit.vendor].protocol == protocol]
