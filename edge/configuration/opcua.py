"""A table `[sources.NAME]` of kind `opcua`."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveFloat, model_validator

from edge.configuration.pattern import parse_pattern
from edge.configuration.tables import EquipmentPath, Signal, Table
from takt.broker_access import check_both

_NODE = re.compile(
    r"(nsu=[^;]+;|ns=0;)?"
    r"(s=.+|i=\d{1,10}|g=[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|b=[A-Za-z0-9+/]+={0,2})"
)


def _node(text: str) -> str:
    if not _NODE.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a node id such as nsu=urn:plant;s=press01.Speed"
            " (the namespace by its URI: indexes change when a server restarts)"
        )
    return text


NodeId = Annotated[str, AfterValidator(_node)]


class OpcUaNode(Table):
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


class OpcUaSecurity(Table):
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
        check_both(certificate=self.certificate, private_key=self.private_key)
        return self


class OpcUaServer(Table):
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
        check_both(username=self.username, password_file=self.password_file)
        check_both(user_certificate=self.user_certificate, user_private_key=self.user_private_key)
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


def _check_given_once(
    fields: Counter[str], equipment: str | None, signal: str | None, place: str
) -> None:
    for field, fixed in (("equipment", equipment), ("signal", signal)):
        if fields[field] + (fixed is not None) != 1:
            raise ValueError(
                f"{field} must be given once: as {{{field}}} in {place}, or by the key {field}"
            )


def _check_unique(signals: list[tuple[str, str]]) -> None:
    for (equipment, signal), times in Counter(signals).items():
        if times > 1:
            raise ValueError(f"{times} nodes are {signal} of {equipment}; give each its own signal")
