"""What the tables of `edge.toml` share: how they are read, and what names may be."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from takt.equipment import is_name, is_path
from takt.settings import LOOPBACK, Port


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


class MachinesBroker(Table):
    """The broker on which machines publish, and how it is talked to."""

    host: str
    port: Port = 1883
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = Field(default=None, description="Switches TLS on.")
    plain_text: bool = Field(
        default=False, description="Permit another machine's broker without `ca_file`."
    )

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        if self.ca_file is None and self.host not in LOOPBACK and not self.plain_text:
            raise ValueError(f"{self.host} is another machine: add ca_file, or plain_text = true")
        return self


def check_both(**keys: object) -> None:
    """Of keys that belong together all are given or none.

    Raises:
        ValueError: Some are missing.
    """
    if len({value is None for value in keys.values()}) > 1:
        raise ValueError(f"{' and '.join(keys)} belong together; give both or none")
