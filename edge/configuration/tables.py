"""What the tables of `edge.toml` share: how they are read, and what names may be."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from takt.broker_access import BrokerAccess, Port
from takt.equipment import is_name, is_path


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"{text!r} is not a name (letters, digits, _ . -)")
    return text


def _path(text: str) -> str:
    if not is_path(text):
        raise ValueError(f"{text!r} is not an equipment path such as assembly/line1/press01")
    return text


def _signal(text: str) -> str:
    if not text or text.startswith("$"):
        raise ValueError(f"{text!r} cannot name a signal; $ starts the collector's own events")
    return text


Name = Annotated[str, AfterValidator(_name)]
EquipmentPath = Annotated[str, AfterValidator(_path)]
Signal = Annotated[str, AfterValidator(_signal)]


class Table(BaseModel):
    """A table of the file: unknown keys are errors, nothing changes after it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MachinesBroker(BrokerAccess):
    """The broker on which machines publish, and how it is talked to."""

    port: Port = 1883
