"""What a birth certificate declares: names, aliases and datatypes of one node or device.

Belongs here: which metrics become signals. Left out by rule: the session's own metrics (bdSeq,
Node Control, Device Control), definitions and parameters of templates, and datatypes that have
no place on the wire (datasets, bytes, files, property sets). Instances of templates are
flattened: member `speed` of `motor` is the signal `motor/speed`; arrays: `torque[0]`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edge.sparkplug.array import Unpack, unpacking_of
from edge.sparkplug.datatype import MetricError, Reading, reading_of
from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload

BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"
_OWN = (BD_SEQ, "Node Control/", "Device Control/")
_MAX_DEPTH = 8


@dataclass(slots=True)
class Metric:
    """One declared metric.

    Attributes:
        equipment: Whose it is.
        signal: Its name.
        datatype: As declared.
        reading: How its values are read; None: none of them becomes a sample.
        unpack: Of an array, how its values are read.
        members: Of a template, by name.
    """

    equipment: str
    signal: str
    datatype: int
    reading: Reading | None = None
    unpack: Unpack | None = None
    members: "dict[str, Metric]" = field(default_factory=dict)


@dataclass
class Definitions:
    """The metrics of an edge node or a device, from its birth to its next.

    Attributes:
        equipment: Whose they are; None: it has no path, so that nothing of it is kept.
        by_name: All that can be told apart.
        by_alias: Those that have an alias of their own.
        conflicts: Aliases that name two metrics, hence none.
        refused: Why metrics were left out, one line each.
    """

    equipment: str | None
    by_name: dict[str, Metric] = field(default_factory=dict)
    by_alias: dict[int, Metric] = field(default_factory=dict)
    conflicts: int = 0
    refused: list[str] = field(default_factory=list)


def definitions_of(payload: Payload, equipment: str) -> Definitions:
    """What a birth declares for its equipment."""
    found = Definitions(equipment)
    ambiguous: set[int] = set()
    for metric, known in _declared(payload.metrics, found, ""):
        found.by_name[metric.name] = known
        if metric.HasField("alias"):
            if metric.alias in found.by_alias:
                ambiguous.add(metric.alias)
            found.by_alias[metric.alias] = known
    for alias in ambiguous:
        del found.by_alias[alias]
    found.conflicts = len(ambiguous)
    return found


def bd_seq_of(payload: Payload) -> int | None:
    """The number that joins a node's birth and death."""
    for metric in payload.metrics:
        if metric.name == BD_SEQ:
            which = metric.WhichOneof("value")
            return getattr(metric, which) if which in ("long_value", "int_value") else None
    return None


def is_own(name: str) -> bool:
    """Whether a metric belongs to the session, not to the machine."""
    return name.startswith(_OWN)


def _declared(
    metrics: Iterable[Payload.Metric], found: Definitions, prefix: str, depth: int = 0
) -> Iterator[tuple[Payload.Metric, Metric]]:
    assert found.equipment is not None
    lower: set[str] = set()
    for metric in metrics:
        if metric.template_value.is_definition:
            continue
        name = metric.name
        if isinstance(name, bytes) or not name or (not prefix and name.startswith("$")):
            found.refused.append(f"metric {name!r} cannot name a signal")
        elif name.lower() in lower:
            found.refused.append(f"metric {name!r} is there before, or differs by case only")
        else:
            lower.add(name.lower())
            known = Metric(found.equipment, prefix + name, metric.datatype)
            _complete(known, metric, found, depth)
            yield metric, known


def _complete(known: Metric, metric: Payload.Metric, found: Definitions, depth: int) -> None:
    if not depth and is_own(known.signal):
        return
    known.unpack = unpacking_of(known.datatype)
    if known.unpack is not None:
        return
    if known.datatype != DataType.Template:
        try:
            known.reading = reading_of(known.datatype)
        except MetricError as error:
            found.refused.append(f"{known.signal}: {error}")
    elif depth < _MAX_DEPTH:
        members = metric.template_value.metrics
        for member, declared in _declared(members, found, f"{known.signal}/", depth + 1):
            known.members[member.name] = declared
    else:
        found.refused.append(f"{known.signal}: templates nested over {_MAX_DEPTH} deep")
