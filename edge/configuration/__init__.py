"""What `edge.toml` may say: one frozen model per table, unknown keys are errors.

Belongs here: the form of the file. What a source does is its own module's business.
"""

from edge.configuration.file import (
    EdgeConfiguration,
    Sound,
    Source,
    SpoolConfiguration,
    WrongFileError,
    load,
    load_sound,
    parse,
)
from edge.configuration.mqtt import MqttSource
from edge.configuration.opcua import OpcUaNode, OpcUaSecurity, OpcUaServer, OpcUaSource
from edge.configuration.pattern import TopicPart, parse_pattern
from edge.configuration.sparkplug import SparkplugSource

__all__ = [
    "EdgeConfiguration",
    "MqttSource",
    "OpcUaNode",
    "OpcUaSecurity",
    "OpcUaServer",
    "OpcUaSource",
    "Sound",
    "Source",
    "SparkplugSource",
    "SpoolConfiguration",
    "TopicPart",
    "WrongFileError",
    "load",
    "load_sound",
    "parse",
    "parse_pattern",
]
