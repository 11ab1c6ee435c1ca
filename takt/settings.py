"""Every option of an installation; one frozen class, unknown keys are errors.

Precedence: environment (`TAKT_…`), then `takt.toml` in the home, then the defaults here.
Nested options are `TAKT_BROKER__PORT` in the environment and `[broker]` in the file.
"""

import json
import os
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from takt.broker_access import BrokerAccess, Port
from takt.errors import ConfigurationError
from takt.log import LogFormat

_PREFIX = "TAKT_"
_NESTING = "__"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BrokerSettings(BrokerAccess):
    """The MQTT broker between edge and ingestion."""

    host: str = "127.0.0.1"
    port: Port = 18830
    embedded: bool = Field(
        default=True, description="Start the demo broker; false when host names a real one."
    )


class IngestionSettings(_Section):
    """Broker → lake."""

    shards: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Parts of the collectors; each is ingested by one process at a time."
    )
    processes: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="How many `takt up` starts; more than shards: stand-by."
    )

    commit_interval_s: PositiveFloat = 0.5
    credit_batches: PositiveInt = Field(default=500, description="Shared by active collectors.")
    credit_bytes: PositiveInt = Field(default=64_000_000, description="Shared likewise.")
    live_ahead_s: PositiveFloat = Field(
        default=600.0, description="A live sample further in the future is quarantined."
    )
    live_since: Annotated[date, Field(ge=date(1900, 1, 1))] = Field(
        default=date(1990, 1, 1), description="A live sample before it is quarantined."
    )


class PipelinesSettings(_Section):
    """Dagster: web server and schedules."""

    port: Port = 3000
    refresh_interval_minutes: Annotated[int, Field(ge=1, le=60)] = 5


class DashboardSettings(_Section):
    """The Dash application. It binds to loopback: there is no login yet."""

    port: Port = 8050
    refresh_s: PositiveFloat = 1.0
    oee_target: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.85, description="Where pages draw the OEE target; 85 % is the customary mark."
    )
    withheld_below: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.9, description="A KPI of time of which less has data is not shown."
    )
    terminal: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = Field(
        default="pages", description="The collector as which what is said on the pages travels."
    )


class MesSettings(_Section):
    """Messages of an MES, beside business files."""

    listen: bool = Field(default=False, description="Whether `takt up` listens to them.")
    interval_s: PositiveFloat = Field(
        default=10.0, description="How often they are taken in, at the most."
    )
    retry_s: PositiveFloat = Field(
        default=60.0, description="After it a message is tried again that did not fit; three times."
    )


class PlantSettings(_Section):
    """The demo's simulated plant."""

    port: Port = Field(default=48400, description="Of its OPC UA server, on loopback.")


MinorStop = Annotated[int, Field(ge=0, le=3600)]


class KpiSettings(_Section):
    """What is computed into the marts; a change holds for all of them once all are rebuilt."""

    provisional_below: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.98, description="A figure with less covered time is provisional."
    )
    constraints: tuple[str, ...] = Field(
        default=(), description="Work units that are the constraint (bottleneck) of their line."
    )
    minor_stop_threshold_s: MinorStop = Field(default=120, description="A shorter stop is minor.")
    minor_stop_thresholds_s: dict[str, MinorStop] = Field(
        default_factory=dict, description="The same by work unit, of those of another threshold."
    )


class CostSettings(_Section):
    """What is computed into the costs; a change holds for all of them once all are rebuilt."""

    operation_scrap: Literal["of_good_pieces", "of_pieces_started"] = Field(
        default="of_good_pieces",
        description="Whether an operation's planned scrap adds to its good pieces (times"
        " 1 + ratio), or is a share of those started (over 1 - ratio).",
    )
    material_price_variance: Literal["at_receipt", "at_use"] = Field(
        default="at_receipt",
        description="Whether material is charged to orders at standard, its price having"
        " differed when it was received, or at the price of its movement.",
    )
    by_product_burden: Literal["of_total_cost", "of_material"] = Field(
        default="of_total_cost",
        description="What a by-product's burden in per cent is of: all that is added at the item,"
        " or its bought material.",
    )
    transferred_in: Literal["apart", "by_class"] = Field(
        default="apart",
        description="Whether what units of a process bring along from the operation before is a"
        " cost class of its own, or belongs to the classes it was of there.",
    )
    labour_cost_category: Annotated[str, Field(pattern="^[A-Za-z0-9_ -]+$")] = Field(
        default="labour", description="The cost category whose rates are a worker's."
    )


class MetricsSettings(_Section):
    """Where each process answers `/metrics` and `/health`, on loopback; none: nowhere."""

    edge_port: Port | None = 9101
    dashboard_port: Port | None = 9102
    pipelines_port: Port | None = 9103
    mes_port: Port | None = 9104
    ingest_port: Port | None = Field(
        default=9110, description="Of the first process; further ones of `takt up` follow."
    )


class LakeSettings(_Section):
    """How much of its past the lake keeps, and what asking it may take."""

    threads: PositiveInt | None = Field(
        default=None, description="Cores that each process's queries use; none: all there are."
    )
    keep_all_hours: PositiveInt = Field(default=48, description="Every snapshot.")
    keep_hourly_days: PositiveInt = Field(
        default=90, description="One snapshot an hour; after that one a day, for ever."
    )
    remove_after_hours: PositiveInt = Field(
        default=24, description="Files that nothing names stay as long as this."
    )


class Settings(BaseSettings):
    """An installation of Takt."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter=_NESTING, extra="forbid", frozen=True
    )

    home: Path = Field(default=Path(".takt"), description="Where all state lives.")
    site: str = Field(default="demo", description="ISA-95 site of this installation.")
    catalog: str | None = Field(
        default=None, description="PostgreSQL URL of the catalog; none: embedded in the home."
    )
    data: str | None = Field(default=None, description="Folder of the lake's files.")
    log_format: LogFormat = Field(
        default="text", description="`json`: one object a line, for what collects logs."
    )
    lake: LakeSettings = LakeSettings()
    broker: BrokerSettings = BrokerSettings()
    ingestion: IngestionSettings = IngestionSettings()
    pipelines: PipelinesSettings = PipelinesSettings()
    dashboard: DashboardSettings = DashboardSettings()
    kpi: KpiSettings = KpiSettings()
    cost: CostSettings = CostSettings()
    mes: MesSettings = MesSettings()
    plant: PlantSettings = PlantSettings()
    metrics: MetricsSettings = MetricsSettings()

    @cached_property
    def data_path(self) -> str:
        """Where the lake's Parquet files lie; absolute unless it is a URL."""
        if self.data and "://" in self.data:
            return self.data
        return str(Path(self.data or self.home / "lake").absolute())

    def environment(self) -> dict[str, str]:
        """The environment in which a child process loads these very settings."""
        ours = {f"{_PREFIX}{name.upper()}" for name in type(self).model_fields}
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name.upper().partition(_NESTING)[0] not in ours
        }
        return inherited | _variables(self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the base class's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, then the file in the home."""
        toml = TomlConfigSettingsSource(settings_cls, toml_file=settings_file())
        return init_settings, env_settings, toml


def _variables(values: Mapping[str, object], prefix: str = _PREFIX) -> dict[str, str]:
    """Variables of settings, and of the sections among them."""
    found: dict[str, str] = {}
    for name, value in values.items():
        variable = f"{prefix}{name.upper()}"
        if isinstance(value, Mapping) and prefix == _PREFIX:
            found |= _variables(value, f"{variable}{_NESTING}")
        else:
            is_plain = not isinstance(value, list | Mapping)
            found[variable] = str(value) if is_plain else json.dumps(value)
    return found


def home_path() -> Path:
    """`TAKT_HOME`, by default `.takt` in the current folder, absolute."""
    return Path(os.environ.get("TAKT_HOME") or ".takt").absolute()


def settings_file() -> Path:
    """The file that holds an installation's options."""
    return home_path() / "takt.toml"


def load() -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: A key is unknown or a value has the wrong form.
    """
    try:
        return Settings(home=home_path())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        variable = _PREFIX + _NESTING.join(map(str, first["loc"][:2])).upper()
        raise ConfigurationError(
            f"setting {key}: {first['msg'].removeprefix('Value error, ')}; mend it in"
            f" {settings_file()} or the environment ({variable})"
        ) from error
    except SettingsError as error:
        raise ConfigurationError(
            f"the environment: {error}; write lists and tables of settings as JSON, e.g."
            """ TAKT_KPI__CONSTRAINTS='["assembly/line1/press01"]'"""
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"{settings_file()} is not readable TOML: {error}") from error
