from pathlib import Path

import pytest
from pydantic import ValidationError

from edge import configuration
from edge.configuration import MqttSource, OpcUaSource, SparkplugSource
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
[sources.line3]
kind = "sparkplug"
host = "127.0.0.1"
groups = ["Plant 1"]
[sources.line3.equipment_of]
"Plant 1/Edge 1" = "assembly/line3"
"""


NODES = "[[sources.line1.nodes]]"


def load(tmp_path: Path, text: str) -> configuration.EdgeConfiguration:
    file = tmp_path / "edge.toml"
    file.write_text(text)
    return configuration.load(file)


def test_each_source_is_read_by_its_kind(tmp_path):
    loaded = load(tmp_path, WHOLE)

    opcua, mqtt, sparkplug = loaded.sources.values()
    assert isinstance(opcua, OpcUaSource)
    assert isinstance(mqtt, MqttSource)
    assert isinstance(sparkplug, SparkplugSource)
    assert sparkplug.role == "passive"
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
        (
            'kind = "mqtt"',
            'kind = "mqtt"\npassword_file = "p"',
            "sources.line2: password_file is shown with a username only",
        ),
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
        ('unit = "ms"', 'unit = "ms"\nname = "n"', "sources.line2: name stands in each of"),
        ('unit = "ms"', 'unit = "ms"\nsignals = ""', "sources.line2: signal must be given once"),
        (
            'unit = "ms"',
            'unit = "ms"\nsignals = ""\nsamples = ""',
            "sources.line2: a message is read by samples or by signals",
        ),
        ('topic = "plant/{equipment:3}/{signal}"', "", "sources.line2: topic is missing; add it"),
        ('topic = "plant', 'key_file = "k"\ntopic = "plant', "sources.line2: certificate_file and"),
        (
            'topic = "plant',
            'key_file = "k"\ncertificate_file = "c"\ntopic = "plant',
            "sources.line2: certificate_file is shown over TLS only: add ca_file",
        ),
        ('kind = "mqtt"', 'kind = "mqtt"\nformat = "umh"', "sources.line2: timestamp has no"),
        ("Plant 1/Edge 1", "Edge 1", "sources.line3: equipment_of: 'Edge 1' is not group/node"),
        ('["Plant 1"]', '["a/b"]', "sources.line3.groups.0: 'a/b' is not a Sparkplug id"),
        ('["Plant 1"]', '[]\nequipment = "{node}"', "sources.line3.equipment: '{node}' is not a"),
        ('["Plant 1"]', '[]\nrole = "host"', "sources.line3.role: "),
    ],
)
def test_a_wrong_key_is_one_line_with_file_key_and_advice(tmp_path, old, new, line):
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, WHOLE.replace(old, new, 1))

    assert str(raised.value).startswith(f"{tmp_path / 'edge.toml'}: {line}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("topic", ["umh/v1/#", "umh/v1/acme/+/+/_raw/#", "umh/v1/a/b/_raw/+"])
def test_a_hub_needs_its_address_and_perhaps_a_filter(topic):
    source = {"kind": "mqtt", "host": "127.0.0.1", "format": "umh", "topic": topic}

    assert MqttSource.model_validate(source).topic == topic


@pytest.mark.parametrize("topic", ["#", "umh/v2/#", "umh/v1/#/x", "plant/{equipment}/{signal}"])
def test_a_filter_outside_a_hub_is_refused(topic):
    source = {"kind": "mqtt", "host": "127.0.0.1", "format": "umh", "topic": topic}

    with pytest.raises(ValidationError, match="is not a filter such as umh/v1"):
        MqttSource.model_validate(source)


def test_two_nodes_of_one_signal_are_refused(tmp_path):
    node = WHOLE[WHOLE.index("[[") : WHOLE.index("[sources.line2]")]

    with pytest.raises(ConfigurationError, match="2 nodes are StateCurrent of assembly/line1"):
        load(tmp_path, WHOLE + node)


def test_a_missing_file_and_broken_toml_say_so(tmp_path):
    with pytest.raises(ConfigurationError, match="does not exist; write it"):
        configuration.load(tmp_path / "edge.toml")
    with pytest.raises(ConfigurationError, match="is not readable TOML: "):
        load(tmp_path, "site =")


def load_sound(tmp_path: Path, *changes: tuple[str, str]) -> configuration.Sound:
    text = WHOLE
    for old, new in changes:
        text = text.replace(old, new, 1)
    file = tmp_path / "edge.toml"
    file.write_text(text)
    return configuration.load_sound(file)


def test_a_wrong_source_is_left_out_with_a_line_for_each_of_its_keys(tmp_path):
    sound = load_sound(tmp_path, ('unit = "ms"', 'unit = "h"\nspeling = 1'))

    assert list(sound.configuration.sources) == ["line1", "line3"]
    [(name, lines)] = sound.wrong.items()
    assert name == "line2"
    assert [line.split(": ")[1] for line in lines] == [
        "sources.line2.timestamp_unit",
        "sources.line2.speling",
    ]


def test_a_source_whose_name_is_none_is_left_out_too(tmp_path):
    sound = load_sound(tmp_path, ("[sources.line2]", '[sources."line 2"]'))

    assert list(sound.configuration.sources) == ["line1", "line3"]
    assert "'line 2' is not a name" in sound.wrong["line 2"][0]


@pytest.mark.parametrize(
    "changes",
    [
        (('site = "demo"', "siet = 1"),),
        (
            ('kind = "opcua"', 'kind = "opc"'),
            ('kind = "mqtt"', 'kind = "mqtt"\na = 1'),
            ('kind = "sparkplug"', ""),
        ),
    ],
)
def test_a_file_wrong_outside_of_its_sources_or_in_all_of_them_starts_nothing(tmp_path, changes):
    with pytest.raises(configuration.WrongFileError) as raised:
        load_sound(tmp_path, *changes)

    assert len(raised.value.lines) >= 2
    assert str(raised.value) == raised.value.lines[0]


def test_no_collector_is_called_as_the_topics_of_an_mes(tmp_path):
    with pytest.raises(ConfigurationError, match="mes is where an MES sends its messages"):
        load(tmp_path, WHOLE.replace('"collector1"', '"mes"'))
