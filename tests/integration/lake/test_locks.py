import subprocess
import sys

import pytest

from lake import locks
from lake.errors import LockTimeout
from takt.settings import Settings

_HOLD = """
import sys, time
from pathlib import Path
from lake import locks
from takt.settings import Settings
with locks.refresh_lock(Settings(home=Path(sys.argv[1]), catalog=sys.argv[2])):
    print("held", flush=True)
    time.sleep(100)
"""


def test_only_one_process_refreshes_and_a_killed_one_frees_the_lock(lake_settings: Settings):
    command = [sys.executable, "-c", _HOLD, str(lake_settings.home), lake_settings.catalog]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"

    with pytest.raises(LockTimeout), locks.refresh_lock(lake_settings, wait_s=0.1):
        pass
    holder.kill()
    holder.wait()

    with locks.refresh_lock(lake_settings, wait_s=10):
        pass


def test_a_lock_is_free_at_once_when_it_is_given_back(lake_settings: Settings):
    for _ in range(5):
        with locks.refresh_lock(lake_settings, wait_s=0):
            pass


def test_different_locks_do_not_wait_for_each_other(lake_settings: Settings):
    with (
        locks.refresh_lock(lake_settings, wait_s=0),
        locks.maintenance_lock(lake_settings, wait_s=0),
        locks.schema_lock(lake_settings, wait_s=0),
    ):
        pass
