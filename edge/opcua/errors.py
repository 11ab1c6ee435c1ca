"""What goes wrong with a server, as `edge.opcua.source` tells it apart."""

import struct

from asyncua import ua
from asyncua.crypto.uacrypto import InvalidSignature

from takt.errors import TaktError


class SourceLostError(TaktError):
    """The server does not answer, is not trusted or its subscription is silent; connect anew."""


FAULTS = (
    TaktError,
    ua.UaError,
    OSError,
    TimeoutError,
    InvalidSignature,
    struct.error,
    ValueError,
    AttributeError,
    LookupError,
    TypeError,
)
"""All that a server, a file or the network can cause here; none of it may end other sources.

From `struct.error` on they are what asyncua raises for messages that no sound server sends.
"""
