"""Through when the plant has told its story: a later start goes on from there.

The marker is written before what it covers is said, so that nothing is ever said twice as
new; what a killed plant left unsaid is an honest gap of a second or two.
"""

from datetime import datetime
from pathlib import Path

_FILE = "told_through"


def keep(folder: Path, moment: datetime) -> None:
    """Everything before `moment` counts as told; written whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{_FILE}.new"
    aside.write_text(moment.isoformat())
    aside.replace(folder / _FILE)


def read(folder: Path) -> datetime | None:
    """First moment that has not been told; None when nothing has."""
    try:
        return datetime.fromisoformat((folder / _FILE).read_text())
    except FileNotFoundError:
        return None
