"""How well an edge node keeps to the specification, as events of the collector.

Belongs here: the form of `$conformance`. Each event holds what was counted since the one
before it, so that events add up over any time; only `clock_offset_s` does not.
"""

import json
from collections import Counter
from typing import Any, NamedTuple

from edge.sparkplug.topic import NodeId
from takt.batch import Quality, Sample
from takt.equipment import COLLECTOR_EQUIPMENT

SIGNAL = "$conformance"
FAULTS = (
    "gaps",
    "missing_messages",
    "late_messages",
    "duplicate_seqs",
    "without_seq",
    "unknown_metrics",
    "alias_conflicts",
    "data_before_birth",
    "deaths_of_other_sessions",
    "refused_metrics",
    "refused_equipment",
    "undecodable",
    "retained",
)
_MEASURES = ("messages", "metrics", "repeats", "rebirths_requested", *FAULTS)


class Counted(NamedTuple):
    """What was counted of one edge node.

    Attributes:
        node: Its name.
        equipment: Its path; None: it has none.
        counts: By measure.
        clock_offset: How far its clock is behind ours, in µs; None: it has said no time.
    """

    node: NodeId
    equipment: str | None
    counts: Counter[str]
    clock_offset: int | None


def event(source: str, counted: Counted, now: int) -> Sample:
    """One event: value is the number of faults, text a JSON object of all that was counted."""
    node, equipment, counts, clock_offset = counted
    said: dict[str, Any] = {"source": source, "group": node.group, "node": node.node}
    said |= {measure: counts[measure] for measure in _MEASURES if counts[measure]}
    if clock_offset is not None:
        said["clock_offset_s"] = round(clock_offset / 1e6, 3)
    faults = float(sum(counts[fault] for fault in FAULTS))
    text = json.dumps(said, ensure_ascii=True)
    good = int(Quality.GOOD)
    return Sample(equipment or COLLECTOR_EQUIPMENT, SIGNAL, now, faults, text, good, now)
