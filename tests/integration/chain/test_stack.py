"""Services that run as one: whatever dies is started again, and one signal ends all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import signal
import sys
from pathlib import Path
from takt import log
from takt.command.stack import Service, Stack
from takt.settings import Settings

# A test run in the background hands down an ignored SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
log.configure("stack")
with Stack(Settings(home=Path(sys.argv[1]))) as stack:
    stack.start(Service("edge", ("edge",)))
    stack.watch()
"""


def test_a_service_that_cannot_start_is_tried_again_and_its_log_says_why(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path],
        env={**os.environ, "TAKT_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stderr is not None

    lines = [next(supervisor.stderr), next(supervisor.stderr)]
    supervisor.send_signal(signal.SIGINT)
    supervisor.wait(60)

    assert all("edge ended with 2; starting it again" in line for line in lines)
    assert "edge.toml does not exist" in (tmp_path / "logs/edge.log").read_text()
