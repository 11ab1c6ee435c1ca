"""How the exports of a historian are to be read: a TOML file beside their folder.

Belongs here: what the form may say. Reading is `ingestion.exports`.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    ValidationError,
    model_validator,
)

from takt.equipment import is_name
from takt.errors import ConfigurationError

QUALITIES = {"good": 0, "192": 0, "uncertain": 1, "64": 1, "bad": 2, "0": 2}
"""As words, and as the numbers of classic OPC; what becomes of them is as on the wire."""
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name!r} is no time zone such as Europe/Berlin") from error
    return name


def _time_format(text: str) -> str:
    if text != "iso" and text not in UNITS and "%" not in text:
        raise ValueError(
            f"{text!r} is none of iso, s, ms, us, and no format such as %d.%m.%Y %H:%M"
        )
    return text


def _encoding(name: str) -> str:
    try:
        ends = "a\n".encode(name).endswith(b"a\n")
    except LookupError as error:
        raise ValueError(f"{name!r} is no encoding such as utf-8, latin-1 or cp1252") from error
    if not ends:
        raise ValueError(f"lines of {name!r} cannot be told apart; write utf-8, latin-1 or cp1252")
    return name


class ExportForm(BaseModel):
    """Where time, value, signal and equipment stand in a folder of exports.

    `{folder}` in equipment and signal is the file's folder below the given one, `{file}` its
    name without ending.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str | None = Field(default=None, description="Default: the installation's.")
    files: str = Field(default="**/*.csv", description="Which files of the folder are taken.")
    settle_s: NonNegativeFloat = Field(
        default=10, description="A file is taken once it has not changed for so long."
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    time_column: str
    time_format: Annotated[str, AfterValidator(_time_format)] = Field(
        default="iso", description="Or s, ms, us since 1970, or as of strptime."
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="Of times that do not say theirs."
    )
    equipment: str | None = None
    equipment_column: str | None = None
    signal: str | None = None
    signal_column: str | None = None
    value_column: str | None = None
    signals: dict[str, str] = Field(
        default={}, description="Wide files: by column its signal. Empty: see `is_wide`."
    )
    is_wide: bool = Field(
        default=False, description="Every other column is a signal of its own name."
    )

    is_text: bool = Field(default=False, description="What is no number is a text.")
    texts: list[str] = Field(default=[], description="The same for these signals only.")

    quality_column: str | None = None
    qualities: dict[str, Annotated[int, Field(ge=0, le=2)]] = Field(
        default=QUALITIES, description="0 good, 1 uncertain, 2 bad: the value does not count."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.site is not None and not is_name(self.site):
            raise ValueError(f"site {self.site!r} is not a name (letters, digits, _ . -)")
        if (self.equipment is None) == (self.equipment_column is None):
            raise ValueError("equipment must be given once: by equipment or equipment_column")
        long = (self.signal, self.signal_column)
        if self.signals or self.is_wide:
            if any((*long, self.value_column)) or (self.signals and self.is_wide):
                raise ValueError("wide files have signals or is_wide = true, and nothing else")
        elif (self.signal is None) == (self.signal_column is None) or self.value_column is None:
            raise ValueError(
                "give value_column and one of signal and signal_column, or signals or is_wide"
            )
        return self


def load_form(file: Path) -> ExportForm:
    """The form in `file`.

    Raises:
        ConfigurationError: It is missing, no TOML, or a key is wrong; one line.
    """
    try:
        return ExportForm.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(
            f"{file}: {key}: {first['msg'].removeprefix('Value error, ')}"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} is not readable TOML: {error}") from error
