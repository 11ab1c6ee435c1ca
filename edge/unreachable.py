"""Why a server or a broker cannot be reached: one line that says what to do.

Belongs here: what the network and TLS say, put into words for every kind of source alike.
"""

import errno
import socket
import ssl

_NOT_YET_VALID = 9
_EXPIRED = 10
_OTHER_NAME = (62, 64)
_REFUSED = f"[Errno {errno.ECONNREFUSED}]"


def explain(error: Exception) -> str:
    """What went wrong and what mends it."""
    match error:
        case ssl.SSLError():
            return _explain_tls(error)
        case socket.gaierror():
            return "its name is not known here; mend the name, or the network's name service"
        case TimeoutError():
            return "no answer in time; look at its address and at firewalls on the way"
        case OSError() if _REFUSED in str(error):
            return "nothing listens there; start it, or mend its address and port"
        case OSError() if error.filename is not None:
            return f"{error.filename}: {error.strerror}; put the file there, or mend its path"
        case _:
            return str(error) or type(error).__name__


def _explain_tls(error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (error.reason or str(error)).lower().replace("_", " ")
        return (
            f"no TLS with it ({reason}); look at ca_file, certificate_file and key_file, and"
            " whether TLS is spoken at this port"
        )
    match error.verify_code:
        case code if code == _EXPIRED:
            return "its certificate has expired, or its authority's; renew it there"
        case code if code == _NOT_YET_VALID:
            return "its certificate is not valid yet; look at the clocks"
        case code if code in _OTHER_NAME:
            return (
                f"its certificate is another's ({error.verify_message.rstrip('.')}); name it as its"
                " certificate does"
            )
    return (
        f"its certificate is not trusted ({error.verify_message}); ca_file must hold the authority"
        " that signed it"
    )
