"""The dbt project, parsed once for all tests instead of once for each home."""

import fcntl
from pathlib import Path

from pipelines import dbt
from takt.settings import Settings

_SHARED = Settings(home=Path(__file__).parent.parent / ".pytest_cache" / "parsed-project")


def share_parsed_project(home: Path) -> None:
    """Let a home find the project as it is now parsed already."""
    _SHARED.home.mkdir(parents=True, exist_ok=True)
    with (_SHARED.home / "lock").open("w") as lock:
        # Who comes while another one parses takes what that one made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        parsed = dbt.manifest(_SHARED).parent
    folder = home / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / parsed.name).symlink_to(parsed)
