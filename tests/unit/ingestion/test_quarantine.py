"""What a replay brings in at once."""

from ingestion import quarantine
from ingestion.quarantine_rows import quarantine_id
from ingestion.sample_times import LiveLimits
from takt import batch
from takt.settings import IngestionSettings

START = 1_700_000_000_000_000
LIMITS = LiveLimits.of(IngestionSettings())
TOPIC = "takt/v1/demo/collector1/batch/0e2a5f4c-8f4e-4d1c-9a51-000000000001/{}"


def refused(seq: int, payload: bytes) -> quarantine._Refused:
    topic = TOPIC.format(seq)
    return quarantine._Refused(quarantine_id(topic, payload), topic, payload, "clock_ahead")


def blown_up() -> bytes:
    """A few hundred bytes that become 12 MB."""
    text = "0" * 60_000
    return batch.encode(
        [batch.Sample("line1", "Name", START, None, text, 0, START) for _ in range(200)], 1
    )


def test_a_replay_commits_no_more_at_once_than_fits_into_memory_when_decoded(monkeypatch) -> None:
    monkeypatch.setattr(quarantine, "MAX_DECODED_BYTES", 25_000_000)
    page = [refused(seq, blown_up()) for seq in range(1, 5)]
    page.insert(2, refused(9, b"never right"))

    portions = list(quarantine._portions(page, LIMITS))

    assert [len(arrivals) for arrivals, _ in portions] == [2, 2]
    assert all(sum(each.decoded_bytes for each in arrivals) < 25e6 for arrivals, _ in portions)
    told = {key: outcome for _, each in portions for key, outcome in each.items()}
    assert list(told.values()).count("committed") == 4
    assert told[page[2].quarantine_id] == "refused again, not_arrow"
