"""`takt quarantine` and `takt balance` as a person uses them."""

import os
import re
import time
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from ingestion.committer import Committer
from ingestion.inbox import Message
from ingestion.intake import Intake
from lake.shard import ShardWriter
from takt import batch, topics
from takt.command import app
from takt.errors import TaktError
from takt.settings import Settings
from tests.integration.ingestion.conftest import environment_of, samples

SOURCE = topics.Collector("demo", "press-line")
EPOCH = "0e2a5f4c-8f4e-4d1c-9a51-000000000001"


@pytest.fixture
def takt(lake_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs `takt …` over a lake that has refused two messages; gives what it printed."""
    _refuse_two(lake_settings)
    for name, value in environment_of(lake_settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, **variables: str) -> str:
        result = CliRunner().invoke(app, arguments, env={**os.environ, **variables})
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return run


def _refuse_two(settings: Settings) -> None:
    now = time.time_ns() // 1_000
    ahead = batch.Sample("press01", "Count", now + 7_200_000_000, 41.0, None, 0, now)
    intake = Intake()
    for seq, payload in enumerate([batch.encode([*samples(2), ahead], 1), b"never right"], 1):
        intake.add(Message(topics.batch_topic(SOURCE, EPOCH, seq), payload))
    intake.add(Message("takt/v1/demo/press-line/health/\x1b[31m", b"?"))
    writer = ShardWriter(settings, "ingestor-1")
    writer.take_over()
    Committer(settings, writer, "ingestor-1").commit(intake.take(10, 10**9))
    writer.close()


def test_what_was_refused_is_found_understood_and_brought_in(takt: Callable[..., str]) -> None:
    listed = takt("quarantine", "list", "--collector", "press-line", "--reason", "clock_ahead")
    (found,) = re.findall(r"^([0-9a-f]{12})  ", listed, flags=re.MULTILINE)
    assert "demo/press-line  1 sample " in listed

    shown = takt("quarantine", "show", found)
    assert "press01 Count = 41.0" in shown
    assert "to do     set the clock right" in shown

    assert takt("quarantine", "replay", found) == "1 refused again, clock_ahead\n"
    raised = {"TAKT_INGESTION__LIVE_AHEAD_S": "9999"}
    assert takt("quarantine", "replay", found, **raised) == "1 committed\n"
    assert "to do     nothing: it is in the lake" in takt("quarantine", "show", found)
    assert found not in takt("quarantine", "list")
    with pytest.raises(TaktError, match="is in the lake; it was replayed"):
        takt("quarantine", "replay", found)


def test_what_holds_no_samples_is_shown_byte_by_byte(takt: Callable[..., str]) -> None:
    listed = takt("quarantine", "list", "--reason", "not_arrow")

    assert "never right" in takt("quarantine", "show", listed[:12])


def test_a_topic_cannot_steer_the_terminal(takt: Callable[..., str]) -> None:
    assert "\x1b" not in takt("quarantine", "list")


def test_nothing_found_is_said_in_one_line(takt: Callable[..., str]) -> None:
    assert takt("quarantine", "list", "--reason", "empty") == "nothing waits in quarantine\n"
    with pytest.raises(TaktError, match="no message zz in quarantine"):
        takt("quarantine", "show", "zz")
    with pytest.raises(TaktError, match="several messages in quarantine begin with"):
        takt("quarantine", "show", "")


def test_the_balance_before_the_first_refresh_names_it(takt: Callable[..., str]) -> None:
    with pytest.raises(TaktError, match="first `takt refresh`"):
        takt("balance")
