from pathlib import Path

import pytest

from edge import configuration
from edge.configuration import MqttSource, OpcUaSource
from takt.errors import ConfigurationError

WHOLE = """
site = "demo"
collector = "collector1"
[sources.line1]
kind = "opcua"
endpoint = "opc.tcp://127.0.0.1:48400"
[[sources.line1.nodes]]
node = "nsu=urn:takt:plant;s=line1.press01.StateCurrent"
equipment = "assembly/line1/press01"
signal = "StateCurrent"
[sources.line2]
kind = "mqtt"
host = "127.0.0.1"
topic = "plant/{equipment:3}/{signal}"
timestamp = "timestamp_ms"
timestamp_unit = "ms"
"""


NODES = "[[sources.line1.nodes]]"


def load(tmp_path: Path, text: str) -> configuration.EdgeConfiguration:
    file = tmp_path / "edge.toml"
    file.write_text(text)
    return configuration.load(file)


def test_each_source_is_read_by_its_kind(tmp_path):
    loaded = load(tmp_path, WHOLE)

    opcua, mqtt = loaded.sources["line1"], loaded.sources["line2"]
    assert isinstance(opcua, OpcUaSource)
    assert isinstance(mqtt, MqttSource)
    assert opcua.equipment == ("assembly/line1/press01",)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('site = "demo"', "", "site: is missing; add it"),
        ('site = "demo"', 'site = "a/b"', "site: 'a/b' is not a name"),
        ('site = "demo"', 'site = "demo"\nsiet = 1', "siet: unknown key"),
        ('kind = "mqtt"', "", 'sources.line2: is without kind; add kind = "opcua"'),
        ('kind = "mqtt"', 'kind = "modbus"', "sources.line2: "),
        ('host = "127.0.0.1"', 'host = "plc7"', "sources.line2: plc7 is another machine"),
        (NODES, "plain_text = true\nsecurity = {}\n" + NODES, "sources.line1: plain_text goes"),
        (NODES, 'username = "x"\n' + NODES, "sources.line1: username and password_file belong"),
        (NODES, 'security.policy = "None"\n' + NODES, "sources.line1.security.policy: Input"),
        ("node = ", 'path = "a/b"\nnode = ', "sources.line1.nodes.0: name the variable by one"),
        ('node = "nsu=', 'path = "{signal}/', "sources.line1.nodes.0: signal must be given once"),
        ('"StateCurrent"', '"$link"', "sources.line1.nodes.0.signal: '$link' cannot name"),
        ("nsu=urn:takt:plant", "ns=2", "sources.line1.nodes.0.node: 'ns=2;s=line1"),
        ("s=line1", "i=line1", "sources.line1.nodes.0.node: 'nsu=urn:takt:plant;i=line1"),
        ("{equipment:3}", "{equipmnt}", "sources.line2: topic level '{equipmnt}'"),
        ("/{signal}", "", "sources.line2: signal must be given once"),
        ("{equipment:3}", "{equipment}/{equipment}", "sources.line2: equipment must be given once"),
        ('unit = "ms"', 'unit = "h"', "sources.line2.timestamp_unit: "),
    ],
)
def test_a_wrong_key_is_one_line_with_file_key_and_advice(tmp_path, old, new, line):
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, WHOLE.replace(old, new, 1))

    assert str(raised.value).startswith(f"{tmp_path / 'edge.toml'}: {line}")
    assert "\n" not in str(raised.value)


def test_two_nodes_of_one_signal_are_refused(tmp_path):
    node = WHOLE[WHOLE.index("[[") : WHOLE.index("[sources.line2]")]

    with pytest.raises(ConfigurationError, match="2 nodes are StateCurrent of assembly/line1"):
        load(tmp_path, WHOLE + node)


def test_a_missing_file_and_broken_toml_say_so(tmp_path):
    with pytest.raises(ConfigurationError, match="does not exist; write it"):
        configuration.load(tmp_path / "edge.toml")
    with pytest.raises(ConfigurationError, match="is not readable TOML: "):
        load(tmp_path, "site =")
