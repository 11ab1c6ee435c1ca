"""From payloads to samples: the hot path.

Belongs here: reading metrics by their birth's definitions. Whatever is not declared, or not
as declared, is counted and never guessed. One wrong metric takes no other with it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from google.protobuf.message import DecodeError

from edge.clock import EARLIEST, LATEST
from edge.sparkplug.birth import Definitions, Metric
from edge.sparkplug.datatype import Converted, MetricError, quality_of
from edge.sparkplug.recent import Recent
from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload
from takt.batch import Quality, Sample
from takt.errors import TaktError

_BAD = int(Quality.BAD)
_NULL: Converted = (None, None, _BAD)


class UndecodableError(TaktError):
    """A payload is no Sparkplug B."""


class Read:
    """What was read of one or more messages.

    Attributes:
        runs: Samples in order; with each run whether machines are known to tell such samples
            again: those of births and of history. Samples without a time are never repeats.
        refused: The last reason why a metric was left out.
    """

    def __init__(self) -> None:
        self.runs: list[tuple[bool, list[Sample]]] = []
        self.refused = ""

    def add(self, samples: list[Sample], *, is_told_again: bool) -> None:
        """Append a run, or to the last one of its sort."""
        if not samples:
            return
        if self.runs and self.runs[-1][0] is is_told_again:
            self.runs[-1][1].extend(samples)
        else:
            self.runs.append((is_told_again, samples))


def decode(content: bytes) -> Payload:
    """The payload in a message.

    Raises:
        UndecodableError: It is no protobuf of Sparkplug B.
    """
    try:
        return Payload.FromString(content)
    except DecodeError as error:
        raise UndecodableError(f"no Sparkplug B payload: {error}") from error


class Context(NamedTuple):
    """What a message says of all its metrics.

    Attributes:
        sent_at: In ms; 0: unknown.
        received_at: In µs.
        is_birth: Whether it declares them.
        is_historical: Whether they were kept back at the edge node.
        best_quality: That those can have which are named by alias only.
    """

    sent_at: int
    received_at: int
    is_birth: bool = False
    is_historical: bool = False
    best_quality: int = int(Quality.GOOD)


class Reader:
    """Reads messages of one edge node into samples.

    Args:
        counts: Where what is left out is counted.
        recent: What has been said lately.
    """

    def __init__(self, counts: Counter[str], recent: Recent) -> None:
        self._counts = counts
        self._recent = recent
        self._live: list[Sample] = []
        self._told_again: list[Sample] = []

    def read(self, payload: Payload, definitions: Definitions, context: Context, into: Read) -> int:
        """Append the samples of a message.

        Returns:
            How many metrics are not declared.
        """
        self._counts["metrics"] += len(payload.metrics)
        self._live, self._told_again = [], []
        by_name, by_alias = definitions.by_name, definitions.by_alias
        take, unknown = self._take, 0
        by_its_name = context._replace(best_quality=int(Quality.GOOD))
        for metric in payload.metrics:
            within = by_its_name if metric.name else context
            if name := metric.name:
                known = by_name.get(name)
            else:
                known = by_alias.get(metric.alias)
                if known is not None and not metric.alias and not metric.HasField("alias"):
                    known = None
            if known is None:
                # What a birth does not let us declare it has refused already.
                unknown += not context.is_birth
            elif known.reading is not None:
                take(metric, known, within, into)
            elif known.unpack is not None:
                self._take_array(metric, known, within, into)
            elif known.datatype == DataType.Template:
                unknown += self._flatten(metric, known, within, into)
        into.add(self._told_again, is_told_again=True)
        into.add(self._live, is_told_again=False)
        if unknown:
            self._counts["unknown_metrics"] += unknown
        return unknown

    def _flatten(self, metric: Payload.Metric, known: Metric, context: Context, into: Read) -> int:
        unknown = 0
        within = context._replace(
            sent_at=metric.timestamp or context.sent_at,
            is_historical=metric.is_historical or context.is_historical,
        )
        for member in metric.template_value.metrics:
            declared = known.members.get(member.name)
            if declared is None:
                unknown += not context.is_birth
            elif declared.reading is not None:
                self._take(member, declared, within, into)
            elif declared.unpack is not None:
                self._take_array(member, declared, within, into)
            else:
                unknown += self._flatten(member, declared, within, into)
        return unknown

    def _take(self, metric: Payload.Metric, known: Metric, context: Context, into: Read) -> None:
        try:
            self._keep(metric, known, context, (("", _converted(metric, known)),))
        except MetricError as error:
            self._refuse(known, error, into)

    def _take_array(
        self, metric: Payload.Metric, known: Metric, context: Context, into: Read
    ) -> None:
        """One signal an element; an array that is null is bad as a whole."""
        try:
            parts = [("", _NULL)]
            if not metric.is_null and metric.WhichOneof("value") is not None:
                elements = _elements(metric, known)
                parts = [(f"[{place}]", element) for place, element in enumerate(elements)]
            self._keep(metric, known, context, parts)
        except MetricError as error:
            self._refuse(known, error, into)

    def _refuse(self, known: Metric, error: MetricError, into: Read) -> None:
        self._counts["refused_metrics"] += 1
        into.refused = f"{known.equipment} {known.signal}: {error}"

    def _keep(
        self,
        metric: Payload.Metric,
        known: Metric,
        context: Context,
        parts: Iterable[tuple[str, Converted]],
    ) -> None:
        milliseconds = metric.timestamp or context.sent_at
        received_at = context.received_at
        observed_at = milliseconds * 1_000 if milliseconds else received_at
        worst = context.best_quality
        if metric.HasField("properties"):
            worst = max(worst, _quality(metric.properties))
        _check_time(observed_at)
        is_historical = context.is_historical or metric.is_historical
        for suffix, (value, text, quality) in parts:
            sample = Sample(
                known.equipment,
                known.signal + suffix,
                observed_at,
                value,
                text,
                max(quality, worst),
                received_at,
                is_historical,
            )
            if not milliseconds:
                self._live.append(sample)
            # Python's hashes of -1 and -2 are equal.
            elif self._recent.has_seen((sample[:6], value == -1)):
                self._counts["repeats"] += 1
            elif is_historical or context.is_birth:
                self._told_again.append(sample)
            else:
                self._live.append(sample)


def _converted(metric: Payload.Metric, known: Metric) -> Converted:
    assert known.reading is not None
    field = metric.WhichOneof("value")
    if field is None or metric.is_null:
        return _NULL
    declared = metric.datatype
    if declared and declared != known.datatype:
        raise MetricError(f"datatype {declared}, but {known.datatype} at birth")
    reading = known.reading
    if field != reading.field and field not in reading.allowed:
        raise MetricError(f"{field} where its datatype has {reading.field}")
    return reading.convert(getattr(metric, field))


def _elements(metric: Payload.Metric, known: Metric) -> list[Converted]:
    assert known.unpack is not None
    if metric.datatype and metric.datatype != known.datatype:
        raise MetricError(f"datatype {metric.datatype}, but {known.datatype} at birth")
    if not metric.HasField("bytes_value"):
        raise MetricError(f"{metric.WhichOneof('value')} where its datatype has bytes_value")
    return known.unpack(metric.bytes_value)


def _check_time(microseconds: int) -> None:
    if not EARLIEST < microseconds < LATEST:
        raise MetricError(f"time {microseconds} µs lies outside 1970 to 2100")


def _quality(properties: Payload.PropertySet) -> int:
    for key, entry in zip(properties.keys, properties.values, strict=False):
        if key in ("Quality", "quality"):
            which = entry.WhichOneof("value")
            if which is None or entry.is_null:
                return int(Quality.UNCERTAIN)
            if which in ("int_value", "long_value"):
                return quality_of(getattr(entry, which))
            raise MetricError("its quality is no number")
    return 0
