"""One form of log line for every process: time, level, process, what happened.

WARNING: unexpected, nothing lost. ERROR: data lost, or a person is needed.
"""

import logging
import time


def configure(process: str, level: int = logging.INFO) -> None:
    """Send this process's log to standard error, in UTC."""
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {process}: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("asyncua", "amqtt", "transitions", "httpx"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
