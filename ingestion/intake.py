"""Messages sorted by what they are, until a commit settles them.

Belongs here: what a topic and a JSON body say, and how much one commit takes on. Whether the
lake has a batch already is decided in `judgement`; nothing here looks at a batch's rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from typing import TypeVar

from pydantic import ValidationError

from ingestion.decoding import decoded_size
from ingestion.inbox import Message
from ingestion.ledger import DIGEST_SIZE, Span
from takt.errors import BatchError
from takt.messages import Health, Loss
from takt.topics import (
    BatchAddress,
    Collector,
    LossAddress,
    parse_batch,
    parse_health,
    parse_lost,
)

MAX_NAME_CHARACTERS = 128
"""Site and collector name folders; file systems stop at 255."""
MAX_JSON_BYTES = 256 * 1024
MAX_DECODED_BYTES = 128 * 1024 * 1024
"""What the batches of one commit may become in memory; a collector's full ones stay far below."""
MAX_NUMBER = 2**60
"""Of rows and bytes: whoever adds two of them stays within 64 bits."""
EARLIEST = -2_208_988_800_000_000
"""1900-01-01 in µs since 1970: before it there was nothing to observe."""
LATEST = 10_413_792_000_000_000
"""2300-01-01: later times are a broken clock and would make absurd partitions."""
_BESIDE_NAMES = 20
"""Bytes a row: three offsets of site, collector and epoch, and its number."""
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Json = TypeVar("Json", Loss, Health)


@dataclass
class Arrival:
    """A batch that arrived.

    Attributes:
        address: What its topic says.
        digest: Of its bytes.
        message: How it came first.
        copies: How often it came again while it was held.
        was_attempted: A commit with it failed, perhaps after it took effect.
    """

    address: BatchAddress
    digest: bytes
    message: Message
    copies: int = 0
    was_attempted: bool = False

    @cached_property
    def decoded_bytes(self) -> int:
        """What it becomes in memory, about: a few kilobytes may become megabytes."""
        source, epoch, _ = self.address
        names = sum(map(len, (*source, epoch)))
        return decoded_size(self.message.payload, names + _BESIDE_NAMES)


@dataclass(frozen=True)
class DeclaredLoss:
    """Batches that a collector no longer has; times in µs, row numbers in the span."""

    address: LossAddress
    span: Span
    cause: str
    first_observed_at: int | None
    last_observed_at: int | None
    message: Message


@dataclass(frozen=True)
class Refusal:
    """A message to keep in quarantine, with why; `rows` as far as it is known."""

    message: Message
    reason: str
    detail: str
    source: Collector | None = None
    epoch: str | None = None
    seq: int | None = None
    rows: int | None = None
    was_attempted: bool = False


@dataclass
class Selection:
    """What one commit takes on."""

    batches: list[Arrival] = field(default_factory=list)
    losses: list[DeclaredLoss] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def messages(self) -> list[Message]:
        """Every message in it."""
        batches = [each.message for each in self.batches]
        losses = [each.message for each in self.losses]
        return [*batches, *losses, *(each.message for each in self.refusals)]

    def __bool__(self) -> bool:
        return bool(self.batches or self.losses or self.refusals)


class Intake:
    """What has arrived and is not settled, in order of arrival."""

    def __init__(self) -> None:
        self._batches: dict[tuple[BatchAddress, bytes], Arrival] = {}
        self._losses: dict[LossAddress, DeclaredLoss] = {}
        self._refusals: dict[tuple[str, bytes], Refusal] = {}
        self._bytes = 0

    @property
    def count(self) -> int:
        """How many messages are held."""
        return len(self._batches) + len(self._losses) + len(self._refusals)

    @property
    def bytes(self) -> int:
        """Bytes of the messages held."""
        return self._bytes

    def add(self, message: Message) -> tuple[Collector, Health] | None:
        """Sort a message; a health message is returned, everything else is held.

        A message that is held already is acknowledged and dropped; `Arrival.copies` counts
        them. The caller sees from `bytes` whether a message was held.
        """
        try:
            return self._sort(message)
        except BatchError as error:
            self._refuse(message, error)
        return None

    def take(
        self, max_messages: int, max_bytes: int, max_decoded_bytes: float = MAX_DECODED_BYTES
    ) -> Selection:
        """The oldest messages, within limits but at least one; they stay until `settle`."""
        selection = Selection()
        selection.refusals = _oldest(self._refusals.values(), max_messages, max_bytes)
        max_bytes -= sum(each.message.size for each in selection.refusals)
        selection.losses = list(islice(self._losses.values(), max_messages))
        if max_bytes > 0:
            found = _oldest(self._batches.values(), max_messages, max_bytes)
            selection.batches = within_memory(found, max_decoded_bytes)
        return selection

    def settle(self, selection: Selection) -> None:
        """Forget what a commit has settled."""
        for arrival in selection.batches:
            del self._batches[arrival.address, arrival.digest]
        for loss in selection.losses:
            del self._losses[loss.address]
        for refusal in selection.refusals:
            del self._refusals[refusal.message.topic, digest_of(refusal.message.payload)]
        self._bytes -= sum(message.size for message in selection.messages)

    def mark_attempted(self, selection: Selection) -> None:
        """A commit of this selection failed with its outcome unknown."""
        for arrival in selection.batches:
            arrival.was_attempted = True

    def _sort(self, message: Message) -> tuple[Collector, Health] | None:
        if (batch := parse_batch(message.topic)) is not None:
            _check_names(batch.source)
            self._hold_batch(batch, message)
        elif (loss := parse_lost(message.topic)) is not None:
            _check_names(loss.source)
            self._hold_loss(loss, message)
        elif (collector := parse_health(message.topic)) is not None:
            _check_names(collector)
            health = read_health(message.payload)
            message.acknowledge()
            return collector, health
        else:
            raise BatchError("unknown_topic", "no such topic in the wire contract")
        return None

    def _hold_batch(self, address: BatchAddress, message: Message) -> None:
        key = (address, digest_of(message.payload))
        if (held := self._batches.get(key)) is not None:
            held.copies += 1
            message.acknowledge()
            return
        self._batches[key] = Arrival(address, key[1], message)
        self._bytes += message.size

    def _hold_loss(self, address: LossAddress, message: Message) -> None:
        loss = _declared(address, _read(Loss, message.payload), message)
        if address in self._losses:
            message.acknowledge()
            return
        self._losses[address] = loss
        self._bytes += message.size

    def _refuse(self, message: Message, error: BatchError) -> None:
        key = (message.topic, digest_of(message.payload))
        if key in self._refusals:
            message.acknowledge()
            return
        self._refusals[key] = Refusal(message, error.reason, error.detail)
        self._bytes += message.size


Held = TypeVar("Held", Arrival, Refusal)


def digest_of(payload: bytes) -> bytes:
    """What the ledger keeps of a batch's bytes; `takt.batch.digest` in binary."""
    return blake2b(payload, digest_size=DIGEST_SIZE).digest()


def within_memory(arrivals: Sequence[Arrival], max_decoded_bytes: float) -> list[Arrival]:
    """The first batches, at least one, that fit into so much memory together when decoded."""
    chosen: list[Arrival] = []
    for arrival in arrivals:
        max_decoded_bytes -= arrival.decoded_bytes
        if chosen and max_decoded_bytes < 0:
            break
        chosen.append(arrival)
    return chosen


def read_health(payload: bytes) -> Health:
    """A health message.

    Raises:
        BatchError: It is no such message or holds numbers or times beyond all reason.
    """
    health = _read(Health, payload)
    numbers = (health.accepted_rows, health.spool_first_row, health.spool_rows, health.spool_bytes)
    if max(numbers) > MAX_NUMBER:
        raise BatchError("wrong_json", f"a number is greater than {MAX_NUMBER}")
    microseconds(health.reported_at)
    return health


def microseconds(moment: datetime) -> int:
    """µs since 1970.

    Raises:
        BatchError: The year is not between 1900 and 2300.
    """
    value = (moment - _EPOCH_START) // _MICROSECOND
    if not EARLIEST <= value < LATEST:
        raise BatchError("time_range", f"{moment} is not between the years 1900 and 2300")
    return value


def _read(model: type[Json], payload: bytes) -> Json:
    if not payload:
        raise BatchError("empty", "the payload has no bytes")
    if len(payload) > MAX_JSON_BYTES:
        raise BatchError("too_large", f"{len(payload)} bytes; at most {MAX_JSON_BYTES}")
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the message"
        raise BatchError("wrong_json", f"{place}: {first['msg']}"[:500]) from error


def _declared(address: LossAddress, loss: Loss, message: Message) -> DeclaredLoss:
    if loss.first_row > MAX_NUMBER or loss.rows > MAX_NUMBER:
        raise BatchError("wrong_json", f"a number is greater than {MAX_NUMBER}")
    first, last = loss.first_observed_at, loss.last_observed_at
    return DeclaredLoss(
        address,
        Span.of(address.first_seq, address.last_seq, loss.first_row, loss.rows),
        loss.cause,
        None if first is None else microseconds(first),
        None if last is None else microseconds(last),
        message,
    )


def _check_names(source: Collector) -> None:
    if max(map(len, source)) > MAX_NAME_CHARACTERS:
        raise BatchError("unknown_topic", f"a name is longer than {MAX_NAME_CHARACTERS} characters")


def _oldest(held: Iterable[Held], max_messages: int, max_bytes: int) -> list[Held]:
    chosen: list[Held] = []
    size = 0
    for each in islice(held, max_messages):
        size += each.message.size
        if chosen and size > max_bytes:
            break
        chosen.append(each)
    return chosen
