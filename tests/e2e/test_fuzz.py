"""Fuzzed messages of every protocol over real brokers into real processes, beside counted ones."""

import json
import time
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.e2e.chain import Chain, running_chain
from tests.e2e.fuzzing import (
    SEED,
    SOURCES,
    JsonMessages,
    Protocol,
    Publisher,
    Reported,
    SparkplugMessages,
    WireMessages,
)
from tests.failure_report import FailureReport, Kind, Result, scaled

GROWTH_MB = 300
PROTOCOLS = {
    "MQTT JSON": JsonMessages,
    "Sparkplug B": SparkplugMessages,
    "Takt's own": WireMessages,
}
COUNTS = [300, pytest.param(scaled(100_000), marks=pytest.mark.long)]


def hear_all(chain: Chain) -> None:
    """Have the edge hear JSON of many signals and Sparkplug B as well."""
    with (chain.settings.home / "edge.toml").open("a") as file:
        file.write(SOURCES.format(port=chain.machines.port))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("count", COUNTS)
def test_fuzzed_messages_stop_nothing_and_take_no_counted_message_with_them(
    count: int, mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    with running_chain(tmp_path / "home", mosquitto, prepare=hear_all) as chain:
        for source in ("many: up", "sparks: up"):
            wait_until(lambda source=source: chain.says(source), "the edge to subscribe")
        processes = [chain.child(name).process for name in ("edge", "ingest")]
        before = [chain.memory_mb(name) for name in ("edge", "ingest")]
        publisher, reported = Publisher(mosquitto.port), Reported(chain.settings.broker.port)
        all_fuzzed = {name: protocol(chain, publisher) for name, protocol in PROTOCOLS.items()}
        try:
            for name, fuzzed in all_fuzzed.items():
                fuzzed.run(count, partial(failure_report.progress, name, total=count))
            for name, fuzzed in all_fuzzed.items():
                is_kept = partial(fuzzed.refusals_are_kept, reported)
                wait_until(is_kept, f"the refusals of {name} to be counted or quarantined", 60)
        finally:
            for name, fuzzed in all_fuzzed.items():
                failure_report.add(result(name, fuzzed, count))
                fuzzed.close()
            publisher.close()
            reported.close()

        assert all(fuzzed.rejected > count / 20 for fuzzed in all_fuzzed.values())
        assert_live_times_are_judged(chain)
        assert [process.poll() for process in processes] == [None, None]
        after = [chain.memory_mb(name) for name in ("edge", "ingest")]
        assert all(now - then < GROWTH_MB for now, then in zip(after, before, strict=True)), after
        assert not chain.says("Traceback")


def assert_live_times_are_judged(chain: Chain) -> None:
    """A live sample far ahead or from before 1990 is set apart with the reason; others count."""
    now_ms = time.time_ns() // 1_000_000
    times_ms = {"sound": now_ms + 300_000, "ahead": now_ms + 900_000, "unset": 473_385_600_000}
    for name, at in times_ms.items():
        said = json.dumps({"t": at, f"clock_{name}": 1})
        chain.machines.publish("fuzz/assembly/line1/clock/x", said)

    def reasons() -> dict[str, str]:
        return dict(
            chain.query(
                "select reason, any_value(detail) from raw.quarantine"
                " where collector = 'collector1' group by reason"
            )
        )

    wait_until(lambda: {"clock_ahead", "clock_unset"} <= reasons().keys(), "both to be set apart")
    arrived = "select distinct signal from raw.telemetry where signal like 'clock\\_%' escape '\\'"
    wait_until(lambda: chain.query(arrived) == [("clock_sound",)], "the sound one alone")
    assert "more than 600 s after their receipt" in reasons()["clock_ahead"]
    offsets = chain.query("select value, text from raw.telemetry where signal = '$clock'")
    assert [value for value, _ in offsets] == [0.0]
    assert offsets[0][1].startswith("offset ")


def result(name: str, fuzzed: Protocol, count: int) -> Result:
    rows, distinct = fuzzed.rows()
    memory = ", ".join(
        f"{each} {fuzzed.chain.memory_mb(each):.0f} MB" for each in ("edge", "ingest")
    )
    return Result(
        fault=f"fuzzed messages: {name}",
        kind=Kind.PAYLOAD,
        faults=count,
        seed=SEED,
        values=fuzzed.counted,
        lost=fuzzed.counted - min(distinct, fuzzed.counted),
        doubled=rows - distinct,
        flowing_again_s=fuzzed.waits_s,
        seen=f"{fuzzed.rejected:,} refused, counted or quarantined with a reason",
        measured=memory,
    )
