"""Live samples whose time cannot be right are quarantined, row by row; nothing else is."""

from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ingestion.inbox import Message
from ingestion.intake import EARLIEST, LATEST, Arrival, digest_of
from ingestion.judgement import EpochKey, Judge, Verdicts
from ingestion.ledger import EpochLedger
from ingestion.sample_times import LiveLimits
from takt import batch, topics
from takt.batch import Sample
from takt.settings import IngestionSettings

SOURCE = topics.Collector("demo", "collector1")
KEY = EpochKey(SOURCE, "0e2a5f4c-8f4e-4d1c-9a51-000000000001")
RECEIVED = 1_700_000_000_000_000
SECOND = 1_000_000
LIMITS = LiveLimits.of(IngestionSettings())
YEAR_1990 = round(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * SECOND
EDGES = [
    EARLIEST - 1, EARLIEST, YEAR_1990 - 1, YEAR_1990, 0, RECEIVED,
    RECEIVED + 600 * SECOND, RECEIVED + 600 * SECOND + 1, LATEST - 1, LATEST,
]  # fmt: skip


def sample(observed_at: int, *, is_historical: bool = False, received_at: int = RECEIVED) -> Sample:
    return Sample("line1/press01", "Count", observed_at, 1.0, None, 0, received_at, is_historical)


def judged(*batches: list[Sample]) -> Verdicts:
    """What becomes of batches that follow one another, received at `RECEIVED`."""
    verdicts, first_row, arrivals = Verdicts(), 1, []
    for seq, rows in enumerate(batches, start=1):
        payload = batch.encode(rows, first_row)
        address = topics.BatchAddress(SOURCE, KEY.epoch, seq)
        message = Message(topics.batch_topic(*address), payload, received_at=RECEIVED)
        arrivals.append(Arrival(address, digest_of(payload), message))
        first_row += len(rows)
    Judge(KEY, EpochLedger(), verdicts, LIMITS).batches(arrivals)
    return verdicts


def committed_times(verdicts: Verdicts) -> dict[int, int]:
    """`observed_at` of each committed row by its number."""
    found = {}
    for table in verdicts.telemetry:
        times = table["observed_at"].cast("int64").to_pylist()
        numbers = table["row_number"].to_pylist()
        assert not found.keys() & set(numbers)
        found |= dict(zip(numbers, times, strict=True))
    return found


def reason_for(row: Sample) -> str | None:
    """The rule in plain Python."""
    if not EARLIEST <= row.observed_at < LATEST or not EARLIEST <= row.received_at < LATEST:
        return "time_range"
    if row.is_historical:
        return None
    if row.observed_at < YEAR_1990:
        return "clock_unset"
    return "clock_ahead" if row.observed_at > RECEIVED + 600 * SECOND else None


rows = st.builds(
    sample,
    st.sampled_from(EDGES) | st.integers(EARLIEST - 10, LATEST + 10),
    is_historical=st.booleans(),
    received_at=st.sampled_from([RECEIVED, RECEIVED, EARLIEST - 1, LATEST]),
)


@given(st.lists(st.lists(rows, min_size=1, max_size=12), min_size=1, max_size=4))
def test_each_row_is_committed_or_quarantined_once_and_the_ledger_counts_both(
    batches: list[list[Sample]],
) -> None:
    verdicts = judged(*batches)

    everything = [row for each in batches for row in each]
    wanted = {n: row.observed_at for n, row in enumerate(everything, 1) if not reason_for(row)}
    assert committed_times(verdicts) == wanted
    refused = [t for row in verdicts.quarantine for t in quarantined_times(row.payload)]
    assert sorted(refused) == sorted(row.observed_at for row in everything if reason_for(row))
    assert sum(row.rows or 0 for row in verdicts.quarantine) == len(refused)
    assert sum(row.span.rows for row in verdicts.ledger) == len(everything)
    whole = sum(row.span.rows for row in verdicts.ledger if row.status == "quarantined")
    assert whole + sum(row.quarantined_rows for row in verdicts.ledger) == len(refused)


@given(st.lists(rows, min_size=2, max_size=12))
def test_rows_are_quarantined_under_their_reason(batch_rows: list[Sample]) -> None:
    verdicts = judged([*batch_rows, sample(RECEIVED)])

    found = {row.reason: row.rows for row in verdicts.quarantine}
    reasons = [reason for row in batch_rows if (reason := reason_for(row))]
    assert found == {reason: reasons.count(reason) for reason in reasons}


def quarantined_times(payload: bytes) -> list[int]:
    return batch.decode(payload).table["observed_at"].cast("int64").to_pylist()


def test_the_rest_of_a_batch_keeps_its_numbers_and_settles_it() -> None:
    ahead = sample(RECEIVED + 3_600 * SECOND)
    verdicts = judged([sample(RECEIVED), ahead, sample(RECEIVED + 1)], [sample(RECEIVED + 2)])

    assert committed_times(verdicts) == {1: RECEIVED, 3: RECEIVED + 1, 4: RECEIVED + 2}
    ledger = [
        (r.span.first_seq, r.span.rows, r.status, r.quarantined_rows) for r in verdicts.ledger
    ]
    assert ledger == [(1, 3, "committed", 1), (2, 1, "committed", 0)]
    assert verdicts.ledger[0].last_observed_at == RECEIVED + 1
    (kept,) = verdicts.quarantine
    assert kept.detail == (
        "1 of 3 rows: live, but more than 600 s after their receipt at 2023-11-14T22:13:20Z;"
        " 2023-11-14T23:13:20Z to 2023-11-14T23:13:20Z"
    )


def test_a_batch_without_a_right_row_is_quarantined_as_it_came() -> None:
    verdicts = judged([sample(0), sample(1)], [sample(RECEIVED)])

    assert [(row.status, row.cause) for row in verdicts.ledger] == [
        ("quarantined", "clock_unset"),
        ("committed", None),
    ]
    assert verdicts.quarantine[0].payload == batch.encode([sample(0), sample(1)], 1)


@pytest.mark.parametrize("observed_at", [0, RECEIVED + 10**15])
def test_historical_samples_have_no_age_limit(observed_at: int) -> None:
    verdicts = judged([sample(observed_at, is_historical=True)])

    assert committed_times(verdicts) == {1: observed_at}
    assert verdicts.quarantine == []


def test_the_ledger_tells_the_times_of_what_was_committed() -> None:
    late = sample(RECEIVED - 5, is_historical=True, received_at=RECEIVED + 90)
    refused = sample(0, received_at=1)
    verdicts = judged(
        [sample(RECEIVED - 30), sample(RECEIVED - 10, received_at=RECEIVED - 10)],
        [late, sample(RECEIVED - 40, received_at=RECEIVED - 20)],
        [refused, sample(RECEIVED, received_at=RECEIVED + 7)],
        [sample(YEAR_1990, is_historical=True)],
    )

    found = [
        (r.first_observed_at, r.last_observed_at, r.first_received_at, r.source_delay_us)
        for r in verdicts.ledger
    ]
    assert found == [
        (RECEIVED - 40, RECEIVED - 5, RECEIVED - 20, 30),
        (RECEIVED, RECEIVED, RECEIVED + 7, 7),
        (YEAR_1990, YEAR_1990, RECEIVED, None),
    ]


def test_the_limits_are_settings() -> None:
    tight = LiveLimits.of(IngestionSettings(live_ahead_s=1.5, live_since="2020-01-01"))

    assert (tight.ahead, tight.since) == (1_500_000, 1_577_836_800 * SECOND)
