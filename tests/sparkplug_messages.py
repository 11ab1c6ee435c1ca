"""Sparkplug B messages as an edge node makes them, for tests and benchmarks of the source."""

from collections.abc import Iterable
from typing import Any

from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload

T0 = 1_700_000_000_000
FIELDS = {
    **dict.fromkeys(("Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32"), "int_value"),
    **dict.fromkeys(("Int64", "UInt64", "DateTime"), "long_value"),
    **dict.fromkeys(("String", "Text", "UUID"), "string_value"),
    "Float": "float_value",
    "Double": "double_value",
    "Boolean": "boolean_value",
}
WIDTHS = {"Int8": 32, "Int16": 32, "Int32": 32, "Int64": 64}


def metric(
    name: str = "", value: Any = None, datatype: str = "Double", *, field: str = "", **others: Any
) -> Payload.Metric:
    """A metric; negative integers become two's complements, as on the wire."""
    made = Payload.Metric(**others)
    if name:
        made.name = name
    if "alias" not in others or name:
        made.datatype = DataType.Value(datatype)
    if value is None:
        made.is_null = True
        return made
    if isinstance(value, int) and value < 0:
        value += 1 << WIDTHS[datatype]
    setattr(made, field or FIELDS[datatype], value)
    return made


def data(metrics: Iterable[Payload.Metric] = (), seq: int | None = 1, timestamp: int = T0) -> bytes:
    """The payload of any message but a node's birth and death."""
    payload = Payload(metrics=metrics)
    if timestamp:
        payload.timestamp = timestamp
    if seq is not None:
        payload.seq = seq
    return payload.SerializeToString()


def node_birth(
    metrics: Iterable[Payload.Metric] = (), bd_seq: int = 0, seq: int = 0, timestamp: int = T0
) -> bytes:
    """The payload of NBIRTH."""
    own = [
        metric("bdSeq", bd_seq, "Int64"),
        metric("Node Control/Rebirth", value=False, datatype="Boolean"),
    ]
    return data([*own, *metrics], seq, timestamp)


def node_death(bd_seq: int = 0) -> bytes:
    """The payload of NDEATH, which is the node's will."""
    return data([metric("bdSeq", bd_seq, "Int64")], seq=None)
