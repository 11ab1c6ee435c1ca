"""One form of log line for every process: time, level, process, what happened.

WARNING: unexpected, nothing lost. ERROR: data lost, or a person is needed.
"""

import json
import logging
import time
from typing import Literal

LogFormat = Literal["text", "json"]
"""Text for people, or one JSON object a line for what collects logs."""


def configure(process: str, form: LogFormat = "text", level: int = logging.INFO) -> None:
    """Send this process's log to standard error, in UTC."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines(process) if form == "json" else _text_lines(process))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("asyncua", "amqtt", "transitions", "httpx"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


def _text_lines(process: str) -> logging.Formatter:
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {process}: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    return formatter


class _JsonLines(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{self.formatTime(record, self.datefmt)}.{record.msecs:03.0f}Z",
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
