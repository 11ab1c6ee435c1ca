"""STATE: whether a host application is there, in the form of 3.0 and in that of 2.x.

Belongs here: the payloads. We speak the form of 3.0 and understand both.
"""

import json


def said(began: int, *, is_online: bool) -> bytes:
    """What a host says of itself, since `began` in ms."""
    return json.dumps({"online": is_online, "timestamp": began}).encode()


def online_since(payload: bytes) -> int | None:
    """Since when a host says that it is there, in ms; 0: it does not say; None: it is not."""
    if payload == b"ONLINE":
        return 0
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("online") is not True:
        return None
    since = content.get("timestamp")
    return since if isinstance(since, int) else 0
