import asyncio
import subprocess
import sys

import pytest
import pytest_asyncio
from asyncua.server.history import HistoryDict
from typer.testing import CliRunner

from edge import configuration
from takt.command import app
from takt.settings import Settings
from tests.command import environment, run_takt
from tests.integration.edge.opcua_plant import URI, Plant, Sink, collecting

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def plant():
    """One press with two signals, one of which has a history, and a sensor of an odd name."""
    plant = Plant()
    plant.history = HistoryDict()
    await plant.start()
    line = await plant.server.nodes.objects.add_folder(plant.index, "Line1")
    press = await line.add_object(plant.index, "Press 01")
    await plant.add("Speed", 7.5, below=press)
    await plant.add("State", "idle", below=press)
    await plant.add("Übertemperatur °C", 80.0, below=press)
    await plant.server.historize_node_data_change(plant.variables["Speed"], None, 0)
    await press.add_property(plant.index, "Vendor", "nobody")
    yield plant
    await plant.stop()


@pytest.fixture
def home(tmp_path):
    return Settings(home=tmp_path)


async def test_variables_are_listed_with_path_node_type_and_history(plant, home):
    shown = await asyncio.to_thread(run_takt, home, "edge", "browse", plant.endpoint)

    assert [line.split("  ") for line in shown.splitlines() if "Press" in line] != []
    rows = [[cell for cell in line.split("  ") if cell] for line in shown.splitlines()]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["path", "node", "type", "history"],
        ["Line1/Press 01/Speed", f"nsu={URI};s=Speed", "Double", "yes"],
        ["Line1/Press 01/State", f"nsu={URI};s=State", "String", "no"],
        [
            "Line1/Press 01/Übertemperatur °C",
            f"nsu={URI};s=Übertemperatur °C",
            "Double",
            "no",
        ],
    ]


async def test_the_written_file_collects_at_once_and_is_never_overwritten(plant, home, tmp_path):
    file = tmp_path / "line1.toml"
    command = ("edge", "browse", plant.endpoint, "--write", file, "--source", "line1")
    said = await asyncio.to_thread(run_takt, home, *command)

    loaded = configuration.load(file)
    assert f"3 nodes; start with: takt edge --config {file}" in said
    assert loaded.collector == "collector1"
    sink = Sink()
    async with collecting(loaded.sources["line1"], sink.put, tmp_path):
        await sink.until(lambda: len({s.signal for s in sink.samples if s.signal[0] != "$"}) == 3)
    assert {s.equipment for s in sink.samples if s.signal == "Speed"} == {"Line1/Press_01"}

    before = file.read_text()
    file.write_text("# mine\n" + before)
    await asyncio.to_thread(lambda: run_takt(home, *command, exit_code=2))
    assert file.read_text() == "# mine\n" + before
    forced = [*map(str, command), "--force"]
    done = await asyncio.to_thread(CliRunner().invoke, app, forced, env=environment(home))
    assert done.exit_code == 0
    assert file.read_text() == before


async def test_a_server_that_is_not_there_is_one_line(home):
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "takt", "edge", "browse", "opc.tcp://127.0.0.1:1"],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("takt: opc.tcp://127.0.0.1:1 is not reached: nothing listens")
    assert len(done.stderr.splitlines()) == 1
