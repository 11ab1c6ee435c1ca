"""What a person sees when a verb cannot do its work: one line and an exit code."""

from pathlib import Path

import pytest

from takt import command


def test_a_home_that_may_not_be_written_is_one_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", str(Path("/srv/takt/edge")))

    monkeypatch.setattr(command, "app", refuse)

    with pytest.raises(SystemExit) as ended:
        command.main()

    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "/srv/takt/edge: permission denied" in said[0]
    assert "TAKT_HOME" in said[0]
