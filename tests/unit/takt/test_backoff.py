"""Waiting before another attempt: jittered, capped, started over by a success."""

import pytest

from takt.backoff import Backoff


def test_waiting_grows_to_its_cap_and_starts_over_after_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("takt.backoff.random.uniform", lambda _, high: high)
    backoff = Backoff()

    delays = [backoff.next_delay_s() for _ in range(10)]
    backoff.reset()

    assert delays[:3] == [0.5, 1.0, 2.0]
    assert delays[-1] == 30.0
    assert backoff.next_delay_s() == 0.5
