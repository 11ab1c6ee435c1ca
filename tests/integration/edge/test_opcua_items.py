import logging
from datetime import timedelta

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.server.monitored_item_service import MonitoredItemService

from edge.spool import Delivery, SpoolFullError
from tests.integration.edge.opcua_plant import (
    BORN,
    EQUIPMENT,
    Plant,
    Sink,
    collecting,
    source,
    until,
)

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The server's own: it tells nobody when a node is removed.
    pytest.mark.filterwarnings("ignore:coroutine 'MonitoredItemService"),
]

LIMIT = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def plant():
    """A server with a line of two presses below its Objects folder."""
    plant = Plant()
    await plant.start()
    line = await plant.server.nodes.objects.add_folder(plant.index, "Line1")
    plant.presses = []
    for number in (1, 2):
        press = await line.add_object(plant.index, f"Press0{number}")
        plant.presses.append(press)
        for signal in ("Speed", "State"):
            variable = await press.add_variable(plant.index, signal, float(number))
            plant.variables[f"Press0{number}.{signal}"] = variable
    yield plant
    await plant.stop()


def fixed(path: str, signal: str = "Speed", **options) -> dict:
    return {"path": path, "equipment": EQUIPMENT, "signal": signal, **options}


async def test_nodes_are_found_by_the_pattern_of_their_path(plant, tmp_path):
    sink, known = Sink(), []

    async def learned(source: str, equipment: str) -> None:
        known.append((source, equipment))

    configured = source(plant, nodes=[{"path": "{equipment:2}/{signal}"}])
    async with collecting(configured, sink.put, tmp_path, learned=learned) as link:
        await sink.until(lambda: len({s[:2] for s in sink.samples if s.signal[0] != "$"}) == 4)
        await until(lambda: link.serves("Line1/Press02"), "the equipment")

    found = {(s.equipment, s.signal, s.value) for s in sink.samples if s.signal[0] != "$"}
    assert found == {
        (f"Line1/Press0{number}", signal, float(number))
        for number in (1, 2)
        for signal in ("Speed", "State")
    }
    assert sorted(known) == [("line1", "Line1/Press01"), ("line1", "Line1/Press02")]


async def test_a_disk_that_refuses_new_equipment_ends_no_connection(plant, tmp_path, monkeypatch):
    monkeypatch.setattr("edge.learning.RETRY_S", 0.05)
    sink, refused = Sink(), []
    hall = await plant.server.nodes.objects.add_object(plant.index, "Hall1")
    plant.variables["Count"] = await hall.add_variable(plant.index, "Count", 0.0)

    async def learned(_source: str, equipment: str) -> None:
        if len(refused) < 3:
            refused.append(equipment)
            await plant.write("Count", float(len(refused)))
            raise SpoolFullError("the disk is full")

    configured = source(plant, nodes=[{"path": "{equipment:1}/Count", "signal": "Count"}])
    async with collecting(configured, sink.put, tmp_path, learned=learned):
        await sink.until(lambda: sink.of("$link") and sink.values("Count")[-1:] == [3.0])

    assert refused == ["Hall1"] * 3
    assert sink.values("Count") == [0.0, 1.0, 2.0, 3.0]


async def test_many_values_at_once_are_handed_over_in_parts(plant, tmp_path):
    sink, parts = Sink(), []
    names = ("Left", "Middle", "Right")
    for name in names:
        await plant.add(name, [1.0] * 700)

    async def put(delivery: Delivery) -> None:
        parts.append(len(delivery.samples))
        await sink.put(delivery)

    async with collecting(source(plant, *names), put, tmp_path):
        await sink.until(lambda: sum(s.signal[0] != "$" for s in sink.samples) == 2_100)

    assert max(parts) <= 1_000


async def test_a_path_that_leads_nowhere_is_named_once_and_followed_again(plant, tmp_path, caplog):
    sink = Sink()
    nodes = [fixed("Line1/Press01/Torque", "Torque"), fixed("Line1/Press01/Speed")]
    configured = source(plant, nodes=nodes)
    async with collecting(configured, sink.put, tmp_path, retry_nodes_s=0.1) as link:
        await sink.until(lambda: sink.of("Speed"))
        await until(lambda: "1 nodes unreadable" in link.health.reason, "the remark")
        torque = await plant.presses[0].add_variable(plant.index, "Torque", 9.0)
        await sink.until(lambda: sink.values("Torque") == [9.0])
        await plant.server.delete_nodes([torque])

    said = [line for line in caplog.messages if "Torque" in line]
    assert len(said) == 1
    assert "node Line1/Press01/Torque cannot be read (nothing on the server fits Torque)" in said[0]


async def test_two_variables_of_one_signal_are_told_apart_or_one_is_left_out(
    plant, tmp_path, caplog
):
    sink = Sink()
    configured = source(plant, nodes=[fixed("Line1/+/Speed"), fixed("Line1/Press01/State", "Mode")])
    async with collecting(configured, sink.put, tmp_path):
        await sink.until(lambda: sink.of("Speed") and sink.of("Mode"))

    assert sink.values("Speed") == [1.0]
    assert [line for line in caplog.messages if "a second variable is Speed of" in line]


async def test_items_are_made_in_requests_as_large_as_the_server_takes(
    plant, tmp_path, monkeypatch
):
    sizes = []
    create = MonitoredItemService.create_monitored_items

    async def recorded(self, params):
        sizes.append(len(params.ItemsToCreate))
        return await create(self, params)

    monkeypatch.setattr(MonitoredItemService, "create_monitored_items", recorded)
    limit = plant.server.get_node(LIMIT)
    before = await limit.read_data_value()
    names = [f"Many{number}" for number in range(16)]
    for name in names:
        await plant.add(name, 1.0)
    await limit.write_value(7, ua.VariantType.UInt32)
    sink = Sink()
    async with collecting(source(plant, *names), sink.put, tmp_path):
        await sink.until(lambda: {s.signal for s in sink.samples} >= set(names))
    await limit.write_value(before.Value)

    assert sizes == [1, 7, 7, 2]


async def test_changes_within_the_deadband_are_not_reported(plant, tmp_path):
    await plant.add("Level", 10.0)
    sink = Sink()
    configured = source(
        plant, nodes=[{**source(plant, "Level").nodes[0].model_dump(), "deadband": 1.0}]
    )
    async with collecting(configured, sink.put, tmp_path):
        await sink.until(lambda: sink.of("Level"))
        for place, value in enumerate([10.5, 10.9, 12.0], 1):
            await plant.write("Level", value, born=BORN + timedelta(seconds=place))
        await sink.until(lambda: sink.values("Level")[-1] == 12.0)

    assert sink.values("Level") == [10.0, 12.0]


async def test_a_deadband_that_the_server_refuses_is_asked_for_once(
    plant, tmp_path, monkeypatch, caplog
):
    asked = []
    create = MonitoredItemService._create_data_change_monitored_item

    async def refusing(self, params):
        if not hasattr(params.RequestedParameters.Filter, "DeadbandValue"):
            return await create(self, params)
        asked.append(params)
        refused = ua.StatusCode(ua.StatusCodes.BadMonitoredItemFilterUnsupported)
        return ua.MonitoredItemCreateResult(StatusCode=refused)

    monkeypatch.setattr(MonitoredItemService, "_create_data_change_monitored_item", refusing)
    sink = Sink()
    await plant.add("Anew", 1.0)
    nodes = [fixed("Line1/Press02/Speed", deadband=0.5), fixed("Anew", "Anew")]
    configured = source(plant, nodes=nodes)
    async with collecting(configured, sink.put, tmp_path, compare_s=0.2):
        await sink.until(lambda: sink.values("Speed") == [2.0] and sink.of("Anew"))
        silently_set(plant, "Anew", 2.0)
        await sink.until(lambda: sink.values("$link") == [1.0, 0.0, 1.0])

    assert len(asked) == 1
    assert len([line for line in caplog.messages if "takes no deadband" in line]) == 1


async def test_the_fields_of_a_servers_own_structure_are_signals(plant, tmp_path):
    kind, _ = await new_struct(
        plant.server,
        plant.index,
        "MotorState",
        [
            new_struct_field("Speed", ua.VariantType.Double),
            new_struct_field("Phases", ua.VariantType.Int32, array=True),
        ],
    )
    await plant.server.load_data_type_definitions()
    value = ua.MotorState(Speed=7.5, Phases=[1, 2])
    node = ua.NodeId("Motor", plant.index)
    await plant.server.nodes.objects.add_variable(node, "Motor", value, datatype=kind.nodeid)
    sink = Sink()
    async with collecting(source(plant, "Motor"), sink.put, tmp_path):
        await sink.until(lambda: sink.of("Motor.Phases[1]"))

    found = {s.signal: s.value for s in sink.samples if s.signal.startswith("Motor")}
    assert found == {"Motor.Speed": 7.5, "Motor.Phases[0]": 1.0, "Motor.Phases[1]": 2.0}


async def test_an_item_that_went_silent_is_noticed_and_subscribed_anew(plant, tmp_path, caplog):
    await plant.add("Lost", 1.0)
    await plant.add("Live", 1.0)
    sink = Sink()
    with caplog.at_level(logging.WARNING, logger="edge"):
        configured = source(plant, "Live", "Lost")
        async with collecting(configured, sink.put, tmp_path, compare_s=0.2) as link:
            await sink.until(lambda: sink.of("Lost") and sink.of("Live"))
            silently_set(plant, "Lost", 2.0)
            await sink.until(lambda: sink.values("Lost")[-1] == 2.0)
            await until(lambda: link.health.link == "up", "the link")

    assert [line for line in caplog.messages if "s=Lost do not come through" in line]


async def test_a_node_that_the_server_removes_is_named_and_comes_back(plant, tmp_path, caplog):
    await plant.add("Removed", 1.0)
    sink = Sink()
    configured = source(plant, nodes=[fixed("Line1/Press01/Speed"), fixed("Removed", "Removed")])
    options = {"compare_s": 0.2, "retry_nodes_s": 0.2}
    async with collecting(configured, sink.put, tmp_path, **options) as link:
        await sink.until(lambda: sink.of("Removed") and sink.of("Speed"))
        await plant.server.delete_nodes([plant.variables.pop("Removed")])
        await until(lambda: link.health.reason == "connected; 1 nodes unreadable", "the remark")
        await plant.add("Removed", 2.0)
        await sink.until(lambda: sink.values("Removed")[-1] == 2.0)
        await until(lambda: link.health.reason == "connected", "the remark to go")


async def test_a_subscription_that_is_whole_is_left_alone(plant, tmp_path):
    await plant.add("Quiet", 1.0)
    await plant.add("Busy", 0.0)
    sink = Sink()
    async with collecting(source(plant, "Quiet", "Busy"), sink.put, tmp_path, compare_s=0.05):
        for number in range(1, 25):
            await plant.write("Busy", float(number), born=BORN + timedelta(seconds=number))
            await sink.until(lambda number=number: sink.values("Busy")[-1:] == [float(number)])

    assert sink.values("$link") == [1.0]


def silently_set(plant: Plant, name: str, value: float) -> None:
    """The server changes a value and tells no subscription, as some do after a reload."""
    address_space = plant.server.iserver.aspace
    attribute = address_space._nodes[plant.variables[name].nodeid].attributes[ua.AttributeIds.Value]
    born = BORN + timedelta(seconds=1)
    attribute.value = ua.DataValue(ua.Variant(value), ua.StatusCode(0), born)
