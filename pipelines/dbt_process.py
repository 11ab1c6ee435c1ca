"""dbt on a project that is parsed already: `python -m pipelines.dbt_process PARSED ARGUMENTS…`.

dbt's own command parses the whole project again whenever a var differs, and each refresh pins
another snapshot; it writes the manifest again; and it makes thousands of events into lines for
logs that drop them. Together that is a quarter of a refresh with nothing new.
"""

import gc
import json
import logging
import os
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import BaseEvent, EventLevel, EventMsg
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager
from dbt_common.events.functions import msg_to_json

_OURS = ["--log-level", "none", "--log-level-file", "none", "--no-write-json"]
_LOG_BYTES = 10_000_000
_UNTOLD = (EventLevel.DEBUG, EventLevel.TEST)
_log = logging.getLogger(__name__)


def main(parsed: Path, arguments: Sequence[str]) -> int:
    """Run a dbt command on the parsed project in file `parsed`; the exit code.

    Events go to standard output and to `dbt.log` in the folder of dbt's logs, a line of JSON each;
    how each node went to `run_results.json` in dbt's target folder, as dbt itself writes it.
    """
    _log_to(Path(os.environ["DBT_LOG_PATH"]))
    ctx_set_event_manager(_Terse())
    manifest = Manifest.from_msgpack(parsed.read_bytes())
    manifest.build_flat_graph()
    # It all stays to the end: the garbage collector need not look through it again and again.
    gc.freeze()
    outcome = dbtRunner(manifest=manifest, callbacks=[_tell]).invoke([*_OURS, *arguments])
    if outcome.exception:
        # What dbt refuses before it has any log.
        _log.error(json.dumps({"info": {"level": "error", "msg": str(outcome.exception)}}))
    if hasattr(outcome.result, "write"):
        outcome.result.write(str(Path(os.environ["DBT_TARGET_PATH"]) / "run_results.json"))
    return 0 if outcome.success else 1


def _log_to(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(
        folder / "dbt.log", maxBytes=_LOG_BYTES, backupCount=5, encoding="utf-8"
    )
    _log.handlers = [logging.StreamHandler(sys.stdout), file]
    _log.setLevel(logging.INFO)
    _log.propagate = False


class _Terse(EventManager):
    """Makes no message of an event that nobody is told."""

    def fire_event(
        self, e: BaseEvent, level: EventLevel | None = None, *more: Any, **named: Any
    ) -> None:
        if (level or e.level_tag()) not in _UNTOLD:
            super().fire_event(e, level, *more, **named)


def _tell(event: EventMsg) -> None:
    _log.info(msg_to_json(event))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
