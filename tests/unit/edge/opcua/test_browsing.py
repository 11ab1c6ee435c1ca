"""Names as servers have them, in the source file that is written for them."""

import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import example, given

from edge import configuration
from edge.configuration import OpcUaServer
from edge.opcua.browsing import Offer, Variable, _sound

WHO = {"site": "demo", "collector": "collector1", "source": "line1"}
SERVER = OpcUaServer.model_validate({"endpoint": "opc.tcp://127.0.0.1:4840"})
TEXTS = st.text(st.characters(), max_size=12) | st.text(st.characters(categories=["Cs", "Cc"]))


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=4))
@example([['\x7f"\\\n'], ["\udcff"], ["$"], [""], ["a\u2028b"]])
def test_whatever_names_a_server_has_the_written_file_can_be_read(paths):
    variables = [
        Variable(tuple(_sound(name) for name in path), f"nsu=urn:x;s=\x7f{number}", "Int", False)
        for number, path in enumerate(paths)
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "edge.toml"
        Offer(SERVER, WHO, variables).write(file)
        nodes = configuration.load(file).sources["line1"].nodes

    assert [node.node for node in nodes] == [variable.node for variable in variables]
    assert len({(node.equipment, node.signal) for node in nodes}) == len(paths)
