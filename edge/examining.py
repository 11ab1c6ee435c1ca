"""What `takt doctor` finds out about brokers and sources before anything starts.

Belongs here: connecting once as the collector does, under another name at brokers, so that one
that is running keeps its session. What goes wrong is said in the collector's own words, because
it is the same code that says it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from paho.mqtt.client import Client, MQTTMessage

from edge.broker import BrokerLostError, Session, connect
from edge.configuration import (
    EdgeConfiguration,
    OpcUaSource,
    Source,
    WrongFileError,
    load_sound,
)
from edge.opcua.certificates import (
    CertificateError,
    CertificateFolder,
    ending,
    ends_soon_at,
    load_identity,
)
from edge.opcua.errors import FAULTS
from edge.opcua.session import opened
from edge.opcua.subscribing import Refusals
from takt.broker_access import BrokerAccess
from takt.errors import ConfigurationError
from takt.finding import Finding

_PATIENCE_S = 20.0
_MOST_NODES = 20
_GOES_ON = "; the others go on"
_DOWN = f"is down{_GOES_ON}"
_BROKER_DOWN = "is not reached; what is accepted waits in the spool"
_RENEW = "renew it; no restart is needed"
_RETRY_S = 60.0


def examine(file: Path, home: Path) -> list[Finding]:
    """Every source of a collector's file, all at the same time; a bad one stops no other."""
    try:
        configuration, wrong = load_sound(file)
    except WrongFileError as error:
        return [Finding("edge.toml", "no collector can start", line) for line in error.lines]
    except ConfigurationError as error:
        return [Finding("edge.toml", "no collector can start", str(error))]
    findings = [Finding("edge.toml", f"{len(configuration.sources) + len(wrong)} sources")]
    for name, lines in wrong.items():
        findings += [Finding(f"source {name}", f"is left out{_GOES_ON}", line) for line in lines]
    with _unheard():
        return findings + asyncio.run(_examine_all(configuration, home))


def names_broker(file: Path) -> bool:
    """Whether a collector's file says which broker it sends to."""
    if not file.exists():
        return False
    try:
        configuration, _ = load_sound(file)
    except ConfigurationError:
        return False
    return configuration.broker is not None


def examine_broker(access: BrokerAccess) -> list[Finding]:
    """Takt's own broker, as a process of this home is let in by it."""
    with _unheard():
        return asyncio.run(
            _within("broker", _broker("broker", access, "takt-doctor", _BROKER_DOWN))
        )


async def _examine_all(configuration: EdgeConfiguration, home: Path) -> list[Finding]:
    folder = configuration.spool_path(home).parent / "opcua"
    certificates = CertificateFolder(folder, configuration.application_uri)
    work = [
        _within(f"source {name}", _source(name, source, configuration, certificates))
        for name, source in configuration.sources.items()
    ]
    if configuration.broker is not None:
        what = "broker of edge.toml"
        client_id = f"{configuration.client_id}-doctor"
        work.append(_within(what, _broker(what, configuration.broker, client_id, _BROKER_DOWN)))
    return [finding for found in await asyncio.gather(*work) for finding in found]


async def _within(what: str, work: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await work
    except TimeoutError:
        remedy = f"no answer within {_PATIENCE_S:.0f} s; look at it and at the network"
        return [Finding(what, _DOWN, remedy)]


async def _source(
    name: str,
    source: Source,
    configuration: EdgeConfiguration,
    certificates: CertificateFolder,
) -> list[Finding]:
    if isinstance(source, OpcUaSource):
        return await _opcua(name, source, certificates)
    client_id = f"{source.client_id or f'{configuration.client_id}-{name}'}-doctor"
    return await _broker(f"source {name}", source, client_id)


async def _broker(
    what: str, access: BrokerAccess, client_id: str, down: str = _DOWN
) -> list[Finding]:
    where = f"{access.host}:{access.port}"
    found = await asyncio.to_thread(lambda: list(_own_certificate(what, access)))
    try:
        async with connect(access, Session(client_id, [], _ignore)) as connection:
            ends_at = connection.certificate_ends_at()
    except BrokerLostError as lost:
        return [*found, Finding(what, down, str(lost))]
    if ends_at is not None and ends_soon_at(ends_at, datetime.now(UTC)):
        found.append(Finding(what, f"the certificate of {where} {ending(ends_at)}", _RENEW))
    return found or [Finding(what, f"{where} lets us in")]


def _own_certificate(what: str, access: BrokerAccess) -> Iterator[Finding]:
    """A broker only drops who shows an expired one, without a word."""
    if (file := access.certificate_file) is None:
        return
    try:
        ends_at = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return  # connecting says so
    if ends_soon_at(ends_at, datetime.now(UTC)):
        yield Finding(what, f"{file} {ending(ends_at)}", _RENEW)


def _ignore(_client: Client, _message: MQTTMessage) -> None:
    """Nothing is subscribed to."""


async def _opcua(name: str, source: OpcUaSource, certificates: CertificateFolder) -> list[Finding]:
    what = f"source {name}"
    refusals = Refusals(name, _RETRY_S)
    reasons = await asyncio.to_thread(lambda: list(_own_files(source, certificates)))
    found: list[Finding] = []
    try:
        async with opened(name, source, certificates, refusals) as session:
            targets = await session.items.add(source.nodes)
            ending_soon = session.secured.ending(datetime.now(UTC))
        reasons.clear()  # what is wrong with our files was not needed
        found += [Finding(what, remark, _RENEW) for remark in ending_soon]
        found += _refused(what, refusals)
    except FAULTS as fault:
        reasons.append(str(fault) or type(fault).__name__)
    found += [Finding(what, _DOWN, reason) for reason in dict.fromkeys(reasons)]
    return found or [Finding(what, f"answers; {len(targets)} variables can be read")]


def _refused(what: str, refusals: Refusals) -> list[Finding]:
    remedy = f"mend it in edge.toml or on the server; it is tried again every {_RETRY_S:.0f} s"
    reasons = refusals.reasons
    found = [
        Finding(what, f"node {place} cannot be read ({why}){_GOES_ON}", remedy)
        for place, why in reasons[:_MOST_NODES]
    ]
    if more := len(reasons) - len(found):
        found.append(Finding(what, f"{more} more nodes cannot be read{_GOES_ON}", remedy))
    return found


def _own_files(source: OpcUaSource, certificates: CertificateFolder) -> Iterator[str]:
    """What is wrong with certificates of ours, also while the server cannot be reached."""
    pairs: list[Callable[[], object]] = []
    user, user_key = source.user_certificate, source.user_private_key
    if user is not None and user_key is not None:
        pairs.append(lambda: load_identity(user, user_key))
    security = source.security
    if security is not None and security.certificate and security.private_key:
        own, own_key = security.certificate, security.private_key
        pairs.append(lambda: load_identity(own, own_key))
    elif certificates.has_own and not source.plain_text:
        pairs.append(certificates.own)
    for load in pairs:
        try:
            load()
        except CertificateError as error:
            yield str(error)


@contextmanager
def _unheard() -> Iterator[None]:
    """Findings say it instead of the log."""
    levels = {name: logging.getLogger(name).level for name in ("asyncua", "edge")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
