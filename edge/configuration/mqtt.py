"""A table `[sources.NAME]` of kind `mqtt`.

Paths into JSON are names and list positions joined by dots (`data.0.value`); the empty path is
the whole payload.
"""

import re
from collections import Counter
from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, model_validator

from edge.configuration.pattern import parse_pattern
from edge.configuration.tables import EquipmentPath, MachinesBroker, Name, Signal
from takt.broker_access import BrokerAccess

_LINK_KEYS = {"serves", "expected_interval_s", "client_id", *BrokerAccess.model_fields}


class MqttSource(MachinesBroker):
    """A broker on which machines publish JSON: one sample a message, or several.

    With `samples` a message holds a list; value, text, quality, timestamp and name are looked
    for in each of its items, timestamp and quality then in the whole message. With `signals`
    it holds an object whose every key is a signal: a plain value, an object that is read as
    an item of a list, or a group, whose name is joined to those within by a dot.
    """

    kind: Literal["mqtt"]
    format: Literal["json", "umh"] = Field(
        default="json",
        description="umh: a United Manufacturing Hub; topics, values and times are as it has them.",
    )
    topic: str = Field(
        default="umh/v1/#", description="A pattern; for umh a filter, by default all of the hub."
    )
    levels_above: NonNegativeInt = Field(
        default=2, description="umh: levels of the location above equipment: enterprise, site."
    )
    equipment: EquipmentPath | None = None
    signal: Signal | None = None
    serves: tuple[EquipmentPath, ...] = Field(
        default=(), description="Equipment known beforehand; other is learned from its messages."
    )
    samples: str | None = Field(default=None, description="Path to a list of samples.")
    signals: str | None = Field(
        default=None, description="Path to an object whose every key is a signal."
    )
    name: str | None = Field(
        default=None, description="Path, in each of the `samples`, to the name of its signal."
    )
    value: str = Field(default="value", description="Path to the value.")
    text: str | None = Field(default=None, description="Path to a text beside the value.")
    timestamp: str | None = Field(
        default=None, description="Path to the time; None: time of receipt, at least once."
    )
    timestamp_unit: Literal["iso", "s", "ms", "us", "ns"] = "iso"
    quality: str | None = Field(
        default=None, description="Path to 0, 1, 2 or good, uncertain, bad; None: all is good."
    )
    expected_interval_s: PositiveFloat = Field(
        default=60, description="As for OPC UA; the broker cannot say whether machines live."
    )
    client_id: Name | None = Field(
        default=None, description="Default takt-<site>-<collector>-<source>; must never change."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.format == "umh":
            self._check_umh()
        else:
            self._check_json()
        return self

    def _check_umh(self) -> None:
        fitting = {"kind", "format", "topic", "levels_above", *_LINK_KEYS}
        if stray := sorted(self.model_fields_set - fitting):
            raise ValueError(f'{stray[0]} has no meaning with format = "umh"; remove it')
        if not re.fullmatch(r"umh/v1(/[^/#]+)*(/#)?", self.topic):
            raise ValueError(f"topic {self.topic!r} is not a filter such as umh/v1/acme/cologne/#")

    def _check_json(self) -> None:
        if "topic" not in self.model_fields_set:
            raise ValueError("topic is missing; add it")
        if self.samples is not None and self.signals is not None:
            raise ValueError("a message is read by samples or by signals; remove one of them")
        if self.name is not None and self.samples is None:
            raise ValueError("name stands in each of the samples: add the path to these")
        fields = Counter(part.field for part in parse_pattern(self.topic) if part.field)
        ways = {
            "equipment": (self.equipment is not None,),
            "signal": (self.signal is not None, self.name is not None, self.signals is not None),
        }
        for field, others in ways.items():
            if fields[field] + sum(others) != 1:
                beside = ", name or signals" if field == "signal" else ""
                raise ValueError(
                    f"{field} must be given once: as {{{field}}} in topic, or by the key"
                    f" {field}{beside}"
                )

    @property
    def is_single(self) -> bool:
        """Whether a message holds one sample."""
        return self.samples is None and self.signals is None
