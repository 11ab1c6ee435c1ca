"""A table `[sources.NAME]` of kind `sparkplug`."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveFloat, model_validator

from edge.configuration.tables import EquipmentPath, MachinesBroker, Name
from takt.equipment import is_path

_SPARKPLUG_FIELD = re.compile(r"\{(group|node|device)\}")


def _is_sparkplug_id(text: str) -> bool:
    return bool(text) and not set(text) & set("+/#")


def _sparkplug_id(text: str) -> str:
    if not _is_sparkplug_id(text):
        raise ValueError(f"{text!r} is not a Sparkplug id: not empty, without + / #")
    return text


def _sparkplug_pattern(text: str) -> str:
    filled = [_SPARKPLUG_FIELD.sub("x", level) for level in text.split("/")]
    node = [level for level in text.split("/") if "{device}" not in level]
    if not is_path("/".join(filled)) or not node or len(node) == len(filled):
        raise ValueError(
            f"{text!r} is not a pattern such as {{group}}/{{node}}/{{device}}: names and the"
            " fields {group}, {node}, {device}; one level at least with {device}, one without"
        )
    return text


SparkplugId = Annotated[str, AfterValidator(_sparkplug_id)]
SparkplugPattern = Annotated[str, AfterValidator(_sparkplug_pattern)]


class SparkplugSource(MachinesBroker):
    """A broker on which edge nodes speak Sparkplug B, heard as a host application."""

    kind: Literal["sparkplug"]
    groups: tuple[SparkplugId, ...] = Field(default=(), description="Default: every group.")
    equipment: SparkplugPattern = "{group}/{node}/{device}"
    equipment_of: dict[str, EquipmentPath] = Field(
        default={},
        description="Equipment by group/node or group/node/device, before the pattern.",
    )
    serves: tuple[EquipmentPath, ...] = Field(
        default=(), description="Equipment known beforehand; other is learned from births."
    )
    role: Literal["passive", "active", "primary"] = Field(
        default="passive",
        description="passive sends nothing at all, active asks for rebirths, primary also"
        " says in STATE that it is there.",
    )
    host_id: Name | None = Field(
        default=None, description="In the topic of STATE; default takt-<site>-<collector>."
    )
    reorder_timeout_s: PositiveFloat = Field(
        default=2, description="How long a message waits for an earlier one."
    )
    expected_interval_s: PositiveFloat = Field(
        default=60, description="As for MQTT: the whole source."
    )
    client_id: Name | None = Field(
        default=None, description="Default takt-<site>-<collector>-<source>."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.equipment_of:
            if not (1 <= name.count("/") <= 2 and all(map(_is_sparkplug_id, name.split("/")))):
                raise ValueError(f"equipment_of: {name!r} is not group/node or group/node/device")
        return self
