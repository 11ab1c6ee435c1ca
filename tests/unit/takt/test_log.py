"""Log lines for people, and for what collects logs."""

import json
import logging
from collections.abc import Iterator

import pytest

from takt import log


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_for_people_names_time_level_process_and_what_happened(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("edge")

    logging.getLogger("x").warning("press %d is silent", 1)

    time, level, process, said = capsys.readouterr().err.strip().split(maxsplit=3)
    assert time.endswith("Z")
    assert (level, process, said) == ("WARNING", "edge:", "press 1 is silent")


def test_a_json_line_is_one_object_whatever_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("edge", "json")

    wrong = ValueError("two\nlines")
    logging.getLogger("x").error('"quoted"\nand broken', exc_info=wrong)

    [line] = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["level"], said["process"], said["message"]) == (
        "ERROR", "edge", '"quoted"\nand broken',
    )  # fmt: skip
    assert "ValueError: two" in said["exception"]
