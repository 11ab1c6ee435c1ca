"""A session with an OPC UA server, as secure as the server offers.

Belongs here: which endpoint is taken, who we say we are, and the session's beginning and end.
A session without security is made only on this machine or when the source says so.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from asyncua import Client, ua
from asyncua.crypto import security_policies, uacrypto
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from edge import unreachable
from edge.configuration import OpcUaSecurity, OpcUaServer
from edge.opcua.certificates import (
    CertificateError,
    CertificateFolder,
    Identity,
    ending,
    ends_soon,
    load_identity,
)
from edge.opcua.errors import SourceLostError
from takt.broker_access import LOOPBACK

_REQUEST_TIMEOUT_S = 10.0
_PROBE_S = 10.0
"""Longer than what counts as silence: only a server that says nothing else is judged by it."""
_WAIT_FOR_RECONNECT_S = 10.0
_MAX_RECONNECT_DELAY_S = 2.0
_FAREWELL_S = 2.0
_SESSION_TIMEOUT_MS = 60_000

_POLICIES = {
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
}
"""Strongest first; those that are left out were withdrawn by the OPC Foundation."""
_MODES = {
    "SignAndEncrypt": ua.MessageSecurityMode.SignAndEncrypt,
    "Sign": ua.MessageSecurityMode.Sign,
}
_NONE = security_policies.SecurityPolicyNone.URI
_TOKENS = {
    ua.UserTokenType.Anonymous: "anonymous users",
    ua.UserTokenType.UserName: "user names",
    ua.UserTokenType.Certificate: "user certificates",
}
_ADVICE = {
    "BadUserAccessDenied": "the server refuses the user; check user name, password or certificate",
    "BadIdentityTokenRejected": "the server refuses the user; check user name or certificate",
    "BadIdentityTokenInvalid": "the server refuses the user; check user name or certificate",
    "BadSecurityChecksFailed": "the server does not trust this collector",
    "BadCertificateUntrusted": "the server does not trust this collector",
}


@dataclass(frozen=True)
class Secured:
    """What a session shows of certificates; each is None where there is none."""

    server: x509.Certificate | None
    own: Identity | None
    user: Identity | None

    @property
    def certificates(self) -> dict[str, x509.Certificate]:
        """Those there are, by whose they are."""
        shown = {
            "server": self.server,
            "collector": None if self.own is None else self.own.certificate,
            "user": None if self.user is None else self.user.certificate,
        }
        return {whose: certificate for whose, certificate in shown.items() if certificate}

    def ending(self, now: datetime) -> list[str]:
        """A remark for each certificate that ends within 30 days."""
        return [
            f"the {whose}'s certificate {ending(certificate.not_valid_after_utc)}"
            for whose, certificate in self.certificates.items()
            if ends_soon(certificate, now)
        ]

    def days_left(self, now: datetime) -> dict[str, float]:
        """In how many days each certificate ends, by whose it is."""
        return {
            whose: (certificate.not_valid_after_utc - now) / timedelta(days=1)
            for whose, certificate in self.certificates.items()
        }


@asynccontextmanager
async def connected(
    name: str, server: OpcUaServer, folder: CertificateFolder
) -> AsyncIterator[tuple[Client, Secured]]:
    """A session for the length of the context; asyncua resumes it after short interruptions.

    Raises:
        SourceLostError: The server offers too little, or one side is not trusted; one line.
    """
    endpoint = strongest(await _offered(server), server)
    client = Client(
        server.endpoint,
        timeout=_REQUEST_TIMEOUT_S,
        watchdog_intervall=_PROBE_S,
        auto_reconnect=True,
        reconnect_max_delay=_MAX_RECONNECT_DELAY_S,
        reconnect_request_timeout=_WAIT_FOR_RECONNECT_S,
    )
    client.session_timeout = _SESSION_TIMEOUT_MS
    client.name = f"takt {name}"
    secured = await asyncio.to_thread(_read_files, server, endpoint, folder)
    await _secure(client, endpoint, secured)
    await _introduce(client, server, endpoint, secured)
    try:
        await client.connect()
    except ua.UaError as error:
        raise SourceLostError(_explain(error, secured)) from error
    except OSError as error:
        raise _unreachable(server, error) from error
    try:
        yield client, secured
    finally:
        await _disconnect(client)


def strongest(
    offered: Iterable[ua.EndpointDescription], server: OpcUaServer
) -> ua.EndpointDescription:
    """The endpoint to take: what the source asks for, else the strongest there is.

    Raises:
        SourceLostError: None of those offered may be taken; says which there are.
    """
    known = {
        (endpoint.SecurityPolicyUri, endpoint.SecurityMode): endpoint
        for endpoint in offered
        if endpoint.EndpointUrl.startswith("opc.tcp://")
    }
    for wanted in _wanted(server):
        if wanted in known:
            return known[wanted]
    names = ", ".join(sorted(f"{uri.partition('#')[2]} {mode.name}" for uri, mode in known))
    remedy = (
        "set plain_text = true to go without security"
        if server.security is None and (_NONE, ua.MessageSecurityMode.None_) in known
        else "change what the server offers, or policy and mode in [security]"
    )
    raise SourceLostError(
        f"{server.endpoint} offers nothing that may be used ({names or 'no endpoint'}); {remedy}"
    )


def _wanted(server: OpcUaServer) -> list[tuple[str, ua.MessageSecurityMode]]:
    none = (_NONE, ua.MessageSecurityMode.None_)
    if server.plain_text:
        return [none]
    asked = server.security or OpcUaSecurity()
    secure = [
        (policy.URI, mode)
        for mode_name, mode in _MODES.items()
        for policy_name, policy in _POLICIES.items()
        if asked.policy in (None, policy_name) and asked.mode in (None, mode_name)
    ]
    is_local = server.security is None and urlsplit(server.endpoint).hostname in LOOPBACK
    return [*secure, none] if is_local else secure


async def _offered(server: OpcUaServer) -> list[ua.EndpointDescription]:
    client = Client(server.endpoint, timeout=_REQUEST_TIMEOUT_S)
    try:
        offered: list[ua.EndpointDescription] = await client.connect_and_get_server_endpoints()
    except OSError as error:
        raise _unreachable(server, error) from error
    return offered


def _unreachable(server: OpcUaServer, error: OSError) -> SourceLostError:
    return SourceLostError(f"{server.endpoint} is not reached: {unreachable.explain(error)}")


def _read_files(
    server: OpcUaServer, endpoint: ua.EndpointDescription, folder: CertificateFolder
) -> Secured:
    user = None
    if server.user_certificate is not None and server.user_private_key is not None:
        user = load_identity(server.user_certificate, server.user_private_key)
    if endpoint.SecurityPolicyUri == _NONE:
        return Secured(None, None, user)
    asked = server.security or OpcUaSecurity()
    shown = uacrypto.x509_from_der(endpoint.ServerCertificate)
    if shown is None:
        raise CertificateError(f"{server.endpoint} shows no certificate; give it one")
    folder.require_trusted(shown, server.endpoint, asked.trusted)
    if asked.certificate is not None and asked.private_key is not None:
        return Secured(shown, load_identity(asked.certificate, asked.private_key), user)
    return Secured(shown, folder.own(), user)


async def _secure(client: Client, endpoint: ua.EndpointDescription, secured: Secured) -> None:
    if secured.server is None or secured.own is None:
        return
    client.application_uri = secured.own.application_uri
    [policy] = [one for one in _POLICIES.values() if endpoint.SecurityPolicyUri == one.URI]
    await client.set_security(
        policy,
        uacrypto.CertProperties(_der(secured.own.certificate), "der"),
        uacrypto.CertProperties(secured.own.private_key, "pem"),
        server_certificate=uacrypto.CertProperties(_der(secured.server), "der"),
        mode=endpoint.SecurityMode,
    )


async def _introduce(
    client: Client, server: OpcUaServer, endpoint: ua.EndpointDescription, secured: Secured
) -> None:
    """Say who the user is, as the server takes users."""
    kind = ua.UserTokenType.Anonymous
    if secured.user is not None:
        kind = ua.UserTokenType.Certificate
        await client.load_client_certificate(_der(secured.user.certificate), "der")
        await client.load_private_key(secured.user.private_key, extension="pem")
    elif server.username is not None and server.password_file is not None:
        kind = ua.UserTokenType.UserName
        client.set_user(server.username)
        client.set_password(await asyncio.to_thread(_password, server))
    taken = {policy.TokenType for policy in endpoint.UserIdentityTokens or []}
    if taken and kind not in taken:
        others = ", ".join(sorted(name for token, name in _TOKENS.items() if token in taken))
        raise SourceLostError(
            f"{server.endpoint} takes no {_TOKENS[kind]} but {others or 'others'};"
            " set username and password_file, or user_certificate and user_private_key"
        )


def _password(server: OpcUaServer) -> str:
    assert server.password_file is not None
    try:
        return server.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceLostError(f"{server.password_file} cannot be read: {error}") from error


def _explain(error: ua.UaError, secured: Secured) -> str:
    name = getattr(error, "name", type(error).__name__)
    advice = _ADVICE.get(type(error).__name__)
    if advice is None:
        return f"{error}" or name
    if "collector" in advice and secured.own is not None:
        advice += f": let it trust {secured.own.file}"
    return f"{advice} ({type(error).__name__})"


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


async def _disconnect(client: Client) -> None:
    """Say farewell, but not for long; asyncua swallows a cancellation that meets it here."""
    farewell = asyncio.create_task(client.disconnect(), name="farewell")
    try:
        await asyncio.wait([farewell], timeout=_FAREWELL_S)
    finally:
        if not farewell.done():
            farewell.cancel()
            client.disconnect_socket()
