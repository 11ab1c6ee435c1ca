"""What people enter is kept, or they are told that it is not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge import terminal
from edge.terminal import NotAcceptedError, Terminal
from takt.settings import BrokerSettings, Settings
from takt.stop_entry import StopEntry
from tests.conftest import free_port

ENTRY = StopEntry(
    "press",
    datetime(2026, 3, 2, 6, tzinfo=UTC),
    datetime(2026, 3, 2, 7, tzinfo=UTC),
    "jam",
    "Kim",
    datetime(2026, 3, 2, 8, tzinfo=UTC),
)


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    """An installation whose broker is not there."""
    return Settings(home=tmp_path, broker=BrokerSettings(port=free_port()))


@pytest.fixture
def pages(alone: Settings) -> Iterator[Terminal]:
    made = Terminal(alone, "pages")
    made.start()
    yield made
    made.stop()


def test_what_the_broker_cannot_take_is_kept_and_said_to_be(
    alone: Settings, pages: Terminal
) -> None:
    pages.enter([ENTRY, ENTRY])
    assert (pages.waiting, pages.ailment) == (2, "no connection to the broker")
    pages.stop()

    again = Terminal(alone, "pages")
    again.start()
    again.enter([ENTRY])
    waiting = again.waiting
    again.stop()

    assert waiting == 3


def test_whether_something_waits_on_this_host_is_known_without_a_broker(alone: Settings) -> None:
    assert not terminal.waits(alone)

    here = Terminal(alone, terminal.name())
    here.start()
    here.enter([ENTRY])
    here.stop()

    assert terminal.waits(alone)


def test_a_spool_that_another_process_has_open_takes_nothing(
    alone: Settings, pages: Terminal
) -> None:
    pages.enter([ENTRY])
    other = Terminal(alone, "pages")
    other.start()

    with pytest.raises(NotAcceptedError, match=r"nothing was entered; .*another"):
        other.enter([ENTRY])
    other.stop()


def test_a_terminal_that_was_not_started_takes_nothing(alone: Settings) -> None:
    with pytest.raises(NotAcceptedError, match="start the pages anew"):
        Terminal(alone, "pages").enter([ENTRY])


def test_a_command_whose_entry_was_not_accepted_says_so(
    alone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "_ACCEPT_S", 0)

    with pytest.raises(NotAcceptedError, match="nothing was entered"):
        terminal.enter(alone, [ENTRY])
