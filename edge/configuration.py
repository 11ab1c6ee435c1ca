"""What `edge.toml` may say: one frozen model per table, unknown keys are errors.

Topic patterns of MQTT sources and paths of OPC UA nodes are written level by level, as MQTT
topics are:

- `plant` matches the level `plant`;
- `+` matches any one level and forgets it;
- `{signal}` is the level that names the signal;
- `{equipment}` is the level that names the equipment, `{equipment:3}` are three levels in a
  row that do: `plant/{equipment:3}/{signal}` reads `plant/assembly/line1/press01/Speed` as
  signal `Speed` of `assembly/line1/press01`.

`{equipment}` or `{signal}` may be absent when the keys `equipment` or `signal` fix it.
Paths into JSON are names and list positions joined by dots (`data.0.value`); the empty
path is the whole payload.
"""

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from takt.equipment import is_name, is_path
from takt.errors import ConfigurationError
from takt.settings import LOOPBACK, BrokerSettings, Port

_NODE = re.compile(
    r"(nsu=[^;]+;|ns=0;)?"
    r"(s=.+|i=\d{1,10}|g=[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|b=[A-Za-z0-9+/]+={0,2})"
)
_SPARKPLUG_FIELD = re.compile(r"\{(group|node|device)\}")
_FIELD = re.compile(r"\{(equipment|signal)(?::([1-9]))?\}")


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


def _node(text: str) -> str:
    if not _NODE.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a node id such as nsu=urn:plant;s=press01.Speed"
            " (the namespace by its URI: indexes change when a server restarts)"
        )
    return text


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


Name = Annotated[str, AfterValidator(_name)]
SparkplugId = Annotated[str, AfterValidator(_sparkplug_id)]
SparkplugPattern = Annotated[str, AfterValidator(_sparkplug_pattern)]
EquipmentPath = Annotated[str, AfterValidator(_path)]
Signal = Annotated[str, AfterValidator(_signal)]
NodeId = Annotated[str, AfterValidator(_node)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OpcUaNode(_Table):
    """One variable of an OPC UA server and the signal that it is, or many found by their path.

    A path has one browse name a level, below the server's Objects folder, in the language of
    topic patterns: `Line1/Press01/Speed`, or `{equipment:2}/{signal}` for all that fit.
    """

    node: NodeId | None = None
    path: str | None = Field(default=None, description="Instead of `node`.")
    equipment: EquipmentPath | None = None
    signal: Signal | None = None
    sampling_interval_ms: PositiveFloat | None = Field(
        default=None, description="How often the server looks; default: the publishing interval."
    )
    deadband: PositiveFloat | None = Field(
        default=None, description="Smaller changes than this are not reported; numbers only."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.node is None) == (self.path is None):
            raise ValueError("name the variable by one of node and path")
        parts = () if self.path is None else parse_pattern(self.path)
        fields = Counter(part.field for part in parts if part.field)
        _check_given_once(fields, self.equipment, self.signal, "path")
        return self

    @property
    def place(self) -> str:
        """How the file names it, for messages."""
        return self.node or self.path or ""


class OpcUaSecurity(_Table):
    """How a server is talked to; each key left out: the strongest that it offers.

    Certificates and keys are DER or PEM files, read again at every connection.
    """

    policy: Literal["Aes256_Sha256_RsaPss", "Basic256Sha256", "Aes128_Sha256_RsaOaep"] | None = None
    mode: Literal["SignAndEncrypt", "Sign"] | None = None
    certificate: Path | None = Field(
        default=None, description="Default: the collector's own, made once in opcua/own."
    )
    private_key: Path | None = None
    trusted: Path | None = Field(
        default=None, description="Folder of servers' certificates; default: opcua/trusted."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_both(certificate=self.certificate, private_key=self.private_key)
        return self


class OpcUaServer(_Table):
    """Where a server is and how it is talked to."""

    endpoint: Annotated[str, Field(pattern=r"^opc\.tcp://[^/]+")]
    security: OpcUaSecurity | None = Field(
        default=None,
        description="Default: the strongest that the server offers; none only on this machine.",
    )
    username: str | None = None
    password_file: Path | None = None
    user_certificate: Path | None = Field(default=None, description="Instead of a user name.")
    user_private_key: Path | None = None
    plain_text: bool = Field(
        default=False, description="Go without security, on another machine too."
    )

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        if self.plain_text and self.security is not None:
            raise ValueError("plain_text goes without security; remove one of the two")
        _check_both(username=self.username, password_file=self.password_file)
        _check_both(user_certificate=self.user_certificate, user_private_key=self.user_private_key)
        if self.username is not None and self.user_certificate is not None:
            raise ValueError("a user has a name or a certificate; remove one of the two")
        return self


class OpcUaSource(OpcUaServer):
    """A server to subscribe to."""

    kind: Literal["opcua"]
    nodes: Annotated[tuple[OpcUaNode, ...], Field(min_length=1)]
    publishing_interval_ms: PositiveFloat = 250
    expected_interval_s: PositiveFloat | None = Field(
        default=None,
        description="Longest usual time between two values of the whole source; thrice as long"
        " without any is `stalled`. None: the server's clock, read through the same"
        " subscription, is sign of life enough.",
    )
    back_fill_hours: Annotated[float, Field(ge=0)] = Field(
        default=168,
        description="How much of a gap is read from the server's history at the most; 0: nothing.",
    )

    @model_validator(mode="after")
    def _check_nodes(self) -> Self:
        _check_unique(
            [(node.equipment, node.signal) for node in self.nodes if node.equipment and node.signal]
        )
        return self

    @property
    def equipment(self) -> tuple[str, ...]:
        """The equipment that the file names, each once, in its order."""
        return tuple(dict.fromkeys(node.equipment for node in self.nodes if node.equipment))


_LINK_KEYS = frozenset(
    ("serves", "expected_interval_s", "client_id", "username", "password_file", "ca_file")
) | {"plain_text"}


class MqttSource(_Table):
    """A broker on which machines publish JSON: one sample a message, or several.

    With `samples` a message holds a list; value, text, quality, timestamp and name are looked
    for in each of its items, timestamp and quality then in the whole message. With `signals`
    it holds an object whose every key is a signal: a plain value, an object that is read as
    an item of a list, or a group, whose name is joined to those within by a dot.
    """

    kind: Literal["mqtt"]
    host: str
    port: Port = 1883
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
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = Field(default=None, description="Switches TLS on.")
    plain_text: bool = Field(
        default=False, description="Permit another machine's broker without `ca_file`."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ca_file is None and self.host not in LOOPBACK and not self.plain_text:
            raise ValueError(f"{self.host} is another machine: add ca_file, or plain_text = true")
        if self.format == "umh":
            self._check_umh()
        else:
            self._check_json()
        return self

    def _check_umh(self) -> None:
        fitting = {"kind", "host", "port", "format", "topic", "levels_above", *_LINK_KEYS}
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


class SparkplugSource(_Table):
    """A broker on which edge nodes speak Sparkplug B, heard as a host application."""

    kind: Literal["sparkplug"]
    host: str
    port: Port = 1883
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
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = Field(default=None, description="Switches TLS on.")
    plain_text: bool = Field(
        default=False, description="Permit another machine's broker without `ca_file`."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ca_file is None and self.host not in LOOPBACK and not self.plain_text:
            raise ValueError(f"{self.host} is another machine: add ca_file, or plain_text = true")
        for name in self.equipment_of:
            if not (1 <= name.count("/") <= 2 and all(map(_is_sparkplug_id, name.split("/")))):
                raise ValueError(f"equipment_of: {name!r} is not group/node or group/node/device")
        return self


_KINDS = ("opcua", "mqtt", "sparkplug")
Source = Annotated[OpcUaSource | MqttSource | SparkplugSource, Field(discriminator="kind")]


class SpoolConfiguration(_Table):
    """Where accepted samples wait for the lake, and what happens when that is full."""

    path: Path | None = Field(
        default=None, description="Default: edge/<collector>/spool.db in the home."
    )
    capacity_mb: PositiveInt = Field(default=1_024, description="Of batches, in 10^6 bytes.")
    max_age_h: PositiveFloat | None = Field(
        default=None, description="How long a batch may wait; None: until there is no room."
    )
    when_full: Literal["stop_reading", "drop_oldest"] = "stop_reading"
    recent_keys_age_s: PositiveFloat = Field(
        default=86_400, description="How long a repeat from a source is recognised."
    )
    recent_keys_rows: PositiveInt = Field(
        default=500_000, description="How many samples are remembered for it at the most."
    )


class EdgeConfiguration(_Table):
    """A collector: who it is, where it delivers, what it listens to."""

    site: Name
    collector: Name
    broker: BrokerSettings | None = Field(
        default=None, description="Default: the installation's broker."
    )
    spool: SpoolConfiguration = SpoolConfiguration()
    sources: Annotated[dict[Name, Source], Field(min_length=1)]


class TopicPart(NamedTuple):
    """One piece of a topic pattern: `levels` levels that are `literal` or fill `field`."""

    literal: str | None
    field: str | None
    levels: int


def parse_pattern(pattern: str) -> tuple[TopicPart, ...]:
    """The pieces of a topic pattern; this module's docstring gives its language.

    Raises:
        ValueError: A level is neither a name, `+`, nor a field.
    """
    return tuple(_part(level) for level in pattern.split("/"))


def _part(level: str) -> TopicPart:
    if match := _FIELD.fullmatch(level):
        return TopicPart(None, match[1], int(match[2] or 1))
    if level == "+":
        return TopicPart(None, None, 1)
    if not level or set(level) & set("{}+#"):
        raise ValueError(
            f"topic level {level!r}: write a name, + (any level), {{signal}}, {{equipment}}"
            " or {equipment:3} (three levels)"
        )
    return TopicPart(level, None, 1)


def load(file: Path) -> EdgeConfiguration:
    """The configuration in `file`.

    Raises:
        ConfigurationError: The file is missing, no TOML, or a key is wrong; one line.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{file} does not exist; write it, or name another with --config"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} is not readable TOML: {error}") from error
    return parse(content, file)


def parse(content: dict[str, object], file: Path) -> EdgeConfiguration:
    """The configuration in the parsed `content` of `file`.

    Raises:
        ConfigurationError: A key is wrong; one line: file, key, what to do.
    """
    try:
        return EdgeConfiguration.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            f"{file}: {_key(first['loc'])}: {_advice(first['type'], first['msg'])}"
        ) from error


def _key(location: tuple[int | str, ...]) -> str:
    # After the name of a source pydantic inserts the kind it has chosen by the discriminator.
    shown = [
        level
        for place, level in enumerate(location)
        if not (place == 2 and location[0] == "sources" and level in _KINDS)
    ]
    return ".".join(map(str, shown)) or "the file"


def _advice(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown key; remove it or correct its spelling"
        case "missing":
            return "is missing; add it"
        case "union_tag_not_found":
            kinds = " or ".join(f'kind = "{kind}"' for kind in _KINDS)
            return f"is without kind; add {kinds}"
        case _:
            return message.removeprefix("Value error, ")


def _check_given_once(
    fields: Counter[str], equipment: str | None, signal: str | None, place: str
) -> None:
    for field, fixed in (("equipment", equipment), ("signal", signal)):
        if fields[field] + (fixed is not None) != 1:
            raise ValueError(
                f"{field} must be given once: as {{{field}}} in {place}, or by the key {field}"
            )


def _check_both(**keys: object) -> None:
    if len({value is None for value in keys.values()}) > 1:
        raise ValueError(f"{' and '.join(keys)} belong together; give both or none")


def _check_unique(signals: list[tuple[str, str]]) -> None:
    for (equipment, signal), times in Counter(signals).items():
        if times > 1:
            raise ValueError(f"{times} nodes are {signal} of {equipment}; give each its own signal")
