"""What a server has to offer, as a list for people and as a source file to start from.

Belongs here: walking the address space once. Collecting is `edge.opcua.source`.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from asyncua import Client, ua
from pydantic import ValidationError

from edge.configuration import OpcUaServer
from edge.opcua.certificates import CertificateFolder
from edge.opcua.connection import connected
from edge.opcua.errors import FAULTS
from edge.opcua.tree import Limits, Tree, read_attribute, read_limits
from takt.errors import ConfigurationError, TaktError

_MOST_VARIABLES = 100_000
_HISTORY_READ = 1 << ua.AccessLevel.HistoryRead.value
_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


class Variable(NamedTuple):
    """A variable of a server.

    Attributes:
        path: Browse names below the Objects folder.
        node: Its node id with the URI of its namespace.
        type: Name of its datatype.
        has_history: Whether the server keeps its values.
    """

    path: tuple[str, ...]
    node: str
    type: str
    has_history: bool


class _Place(NamedTuple):
    path: tuple[str, ...]
    node: ua.NodeId
    is_variable: bool


def browse(access: Mapping[str, object], who: Mapping[str, str], home: Path) -> "Offer":
    """Every variable of a server below its Objects folder, in the order of their paths.

    Args:
        access: The keys of a source that say where the server is and how it is talked to.
        who: Names of site, collector and source.
        home: Holds the collector's folder, in it whom it trusts.

    Raises:
        TaktError: The server cannot be reached or is not trusted; one line.
    """
    # What goes wrong is said once, below; asyncua adds only tracebacks.
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    try:
        server = OpcUaServer.model_validate(access)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "options"
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{place}: {message}") from error
    uri = f"urn:takt:{who['site']}:{who['collector']}"
    folder = CertificateFolder(home / "edge" / who["collector"] / "opcua", uri)
    try:
        return Offer(server, who, asyncio.run(_browse(server, folder)))
    except FAULTS as error:
        if isinstance(error, TaktError):
            raise
        raise TaktError(f"{server.endpoint}: {error or type(error).__name__}") from error


class Offer(NamedTuple):
    """What a server has.

    Attributes:
        server: Where it is.
        who: Names of site, collector and source.
        variables: In the order of their paths.
    """

    server: OpcUaServer
    who: Mapping[str, str]
    variables: list[Variable]

    def write(self, file: Path) -> None:
        """Write a source file with all of it."""
        aside = file.with_suffix(".new")
        aside.write_text(
            "\n".join(_lines(self.server, self.variables, self.who)) + "\n", encoding="utf-8"
        )
        aside.replace(file)


def require_absent(file: Path) -> None:
    """Refuse a file that somebody has written already.

    Raises:
        ConfigurationError: It exists.
    """
    if file.exists():
        raise ConfigurationError(f"{file} exists; name another file, or add --force to replace it")


async def _browse(server: OpcUaServer, folder: CertificateFolder) -> list[Variable]:
    async with connected("browse", server, folder) as (client, _):
        limits = await read_limits(client)
        places = [place async for place in _walk(Tree(client, limits))]
        return sorted(await _described(client, limits, places))


async def _walk(tree: Tree) -> AsyncIterator[_Place]:
    """Variables level by level; a node that is reached twice keeps its shorter path."""
    objects = ua.NodeId(ua.ObjectIds.ObjectsFolder)
    level, seen, found = [_Place((), objects, False)], {objects}, 0
    while level and found < _MOST_VARIABLES:
        below = []
        children = await tree.children([place.node for place in level])
        for place, (_, references) in zip(level, children, strict=True):
            for child in references:
                if child.NodeId in seen:
                    continue
                seen.add(child.NodeId)
                is_variable = child.NodeClass is ua.NodeClass.Variable
                path = (*place.path, _sound(child.BrowseName.Name or ""))
                below.append(_Place(path, child.NodeId, is_variable))
                if is_variable:
                    found += 1
                    yield below[-1]
        level = below


async def _described(client: Client, limits: Limits, places: list[_Place]) -> list[Variable]:
    namespaces = await client.get_namespace_array()
    nodes = [place.node for place in places]
    types = await read_attribute(client, limits, nodes, ua.AttributeIds.DataType)
    levels = await read_attribute(client, limits, nodes, ua.AttributeIds.AccessLevel)
    known = list(dict.fromkeys(kind for kind in types if isinstance(kind, ua.NodeId)))
    names = dict(
        zip(
            known,
            await read_attribute(client, limits, known, ua.AttributeIds.BrowseName),
            strict=True,
        )
    )
    return [
        Variable(
            place.path,
            _sound(_with_uri(place.node, namespaces)),
            getattr(names.get(kind), "Name", "?"),
            isinstance(level, int) and bool(level & _HISTORY_READ),
        )
        for place, kind, level in zip(places, types, levels, strict=True)
    ]


def _with_uri(node: ua.NodeId, namespaces: list[str]) -> str:
    bare: str = ua.NodeId(node.Identifier, 0, node.NodeIdType).to_string().rpartition("ns=0;")[2]
    if node.NamespaceIndex == 0:
        return bare
    return f"nsu={namespaces[node.NamespaceIndex]};{bare}"


def _lines(
    server: OpcUaServer, variables: Iterable[Variable], who: Mapping[str, str]
) -> Iterator[str]:
    yield f"site = {json.dumps(who['site'])}"
    yield f"collector = {json.dumps(who['collector'])}"
    yield ""
    yield f"[sources.{who['source']}]"
    yield 'kind = "opcua"'
    yield f"endpoint = {json.dumps(server.endpoint)}"
    for key in ("username", "password_file", "user_certificate", "user_private_key"):
        if (value := getattr(server, key)) is not None:
            yield f"{key} = {json.dumps(str(value))}"
    if server.plain_text:
        yield "plain_text = true"
    taken: set[tuple[str, str]] = set()
    for variable in variables:
        equipment, signal = _names(variable.path, taken)
        yield ""
        yield f"  [[sources.{who['source']}.nodes]]"
        yield f"  node = {_quoted(variable.node)}"
        yield f"  equipment = {json.dumps(equipment)}"
        yield f"  signal = {_quoted(signal)}"


def _sound(text: str) -> str:
    """A name that can be printed and written: servers may send bytes that are no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _quoted(text: str) -> str:
    """A text as TOML writes it, which unlike JSON wants DEL written out."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _names(path: tuple[str, ...], taken: set[tuple[str, str]]) -> tuple[str, str]:
    """The last level is the signal, those above it the equipment; each pair once."""
    levels = [_NO_NAME.sub("_", level).strip("_.-") or "0" for level in path[:-1]]
    equipment = "/".join(levels) or "server"
    signal = path[-1].lstrip("$") or "value"
    number, unique = 1, signal
    while (equipment, unique) in taken:
        number += 1
        unique = f"{signal}_{number}"
    taken.add((equipment, unique))
    return equipment, unique
