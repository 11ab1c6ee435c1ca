from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where this test's spool lies."""
    return tmp_path / "spool.db"
