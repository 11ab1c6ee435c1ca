"""What the demo leaves behind when it is broken off, and what the next start makes of it."""

from pathlib import Path

import pytest

from takt.command import demo
from takt.errors import TaktError
from takt.settings import Settings


@pytest.fixture
def history(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "plant/history"
    folder.mkdir(parents=True)
    files = [folder / "20260101T000000.parquet", folder / "20260102T000000.parquet"]
    for file in files:
        file.touch()
    return files


def test_history_that_was_not_imported_is_imported_by_the_next_start(
    tmp_path: Path, history: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    verbs: list[tuple[str, ...]] = []
    is_broken_off = True

    def run(_options: Settings, *arguments: str) -> None:
        if arguments[0] == "import" and is_broken_off:
            raise TaktError("broken off")
        verbs.append(arguments)

    monkeypatch.setattr(demo, "_takt", run)
    with pytest.raises(TaktError):
        demo._load(Settings(home=tmp_path))
    is_broken_off = False

    demo._load(Settings(home=tmp_path))
    demo._load(Settings(home=tmp_path))

    imports = [arguments[1:] for arguments in verbs if arguments[0] == "import"]
    assert imports == [tuple(map(str, history))]
