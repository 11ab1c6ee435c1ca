"""What generated machines say, and when it reaches the lake.

Belongs here: samples with their hardships: late, repeated, of bad quality, from several epochs,
counters that begin again or roll over, lost links, what people say of counts and stops. Times are
naive UTC.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from random import Random
from typing import NamedTuple

import pyarrow as pa

import lake
from lake.schema import TELEMETRY
from takt.settings import Settings
from tests.integration.dbt.generated_works import (
    LONG_AGO,
    REASONS,
    STATE_CODES,
    WINDOWS,
    Counter,
    OrderTold,
    Told,
    Unit,
)

_HEARTBEAT_S = 14
_NEVER = datetime(9999, 1, 1)
_MINUTES = {
    "execute": 18,
    "held": 4,
    "suspended": 3,
    "setup": 9,
    "aborted": 8,
    "idle": 6,
    "stopped": 5,
}
_INSERT_HEARTBEATS = f"""
insert into raw.telemetry by name
select
    site, collector, epoch, epoch_us(beat_at) as row_number, equipment, '$heartbeat' as signal,
    beat_at as observed_at, 1 as value, 'source' as text, 0 as quality, beat_at as received_at,
    false as is_historical, beat_at::date as observed_date
from (
    select
        *,
        unnest(generate_series(started_at, ended_at, interval {_HEARTBEAT_S} second)) as beat_at
    from spans
)
where beat_at + delay > $after and beat_at + delay <= $until
"""


class Sample(NamedTuple):
    """One value; `arrived_at` is when it can be committed."""

    collector: str
    epoch: str
    signal: str
    observed_at: datetime
    value: float | None
    text: str | None
    quality: int
    received_at: datetime
    arrived_at: datetime
    is_historical: bool


class Beats(NamedTuple):
    """A time of heartbeats, which reach the lake so much later than they were born."""

    collector: str
    epoch: str
    started_at: datetime
    ended_at: datetime
    delay: timedelta


@dataclass(frozen=True)
class Late:
    """A span in which the one sample arrives that corrects the silence of weeks."""

    after: datetime
    until: datetime


class Speech:
    """Everything that one work unit says."""

    def __init__(self, unit: Unit, rng: Random, lates: list[Late]) -> None:
        self.unit = unit
        self.samples: list[Sample] = []
        self.beats: list[Beats] = []
        self._rng = rng
        self._office = Random(unit.number)
        self._outage = (_NEVER, _NEVER)
        self._cut = _NEVER
        late = lates[unit.number // 9 % len(lates)]
        if unit.is_mute:
            return
        if unit.is_silent:
            self._say_long_ago(late)
        for start, end in WINDOWS:
            if end > lates[0].after:
                self._speak(start, end)
        if unit.is_new:
            self._forget_before(late.after)

    def _forget_before(self, moment: datetime) -> None:
        self.samples = [each for each in self.samples if each.observed_at > moment]
        self.beats = [
            each._replace(started_at=max(each.started_at, moment))
            for each in self.beats
            if each.ended_at > moment
        ]

    def _speak(self, start: datetime, end: datetime) -> None:
        length = end - start
        if self._rng.random() < 0.3:
            since = start + self._rng.random() * length
            self._outage = (since, since + timedelta(hours=self._rng.uniform(0.3, 12)))
        self._cut = start + self._rng.random() * length
        if self.unit.has_heartbeats:
            self._link(start, end)
        if not self.unit.is_silent:
            self._tell_states(start, end)
        self._tell_orders(start, end)
        for counter in self.unit.counters:
            self._count(counter, start, end)
        self._correct_counts(start, end)
        self._explain_stops(start, end)

    def _explain_stops(self, start: datetime, end: datetime) -> None:
        """People say why it stood, also over the end of a day, and sometimes for no time at all."""
        at = start - timedelta(hours=3)
        while (at := at + timedelta(hours=self._office.expovariate(1 / 5))) < end:
            day_began = at.replace(
                hour=self._office.choice((4, 5)), minute=0, second=0, microsecond=0
            )
            until_then = (day_began - at) % timedelta(days=1)
            length_s = self._office.choice(
                (600.0, 7200.0, 50000.0, until_then.total_seconds(), -inf, None)
            )
            told_at = at + timedelta(hours=self._office.choice((0.2, 2, 9, 30)))
            told = {"by": "Kim", "at": f"{told_at.isoformat()}Z", "merges": False}
            told |= {"reason_id": self._office.choice((*REASONS, None))}
            self._enter("$stop_reason", at, length_s, told, told_at)

    def _correct_counts(self, start: datetime, end: datetime) -> None:
        """People say that counts were others, soon or late, and take some of it back."""
        at = start
        while (at := at + timedelta(hours=self._office.expovariate(1 / 3))) < end:
            name = f"{self.unit.work_unit_id} {at}"
            result = self._office.choice(("good", "scrap", "rework"))
            told_at = at + timedelta(hours=self._office.choice((0.01, 0.5, 9, 30)))
            self._correct(name, result, at, float(self._office.randrange(-4, 5)), told_at)
            if self._office.random() < 0.3:
                self._correct(name, result, at, 0.0, told_at + timedelta(hours=1))

    def _correct(
        self, name: str, result: str, at: datetime, pieces: float, told_at: datetime
    ) -> None:
        told: dict[str, object] = {
            "id": name,
            "result": result,
            "by": "Kim",
            "at": f"{told_at.isoformat()}Z",
        }
        if result == "scrap":
            told["reason_id"] = REASONS[0]
        self._enter("$count_correction", at, pieces, told, told_at)

    def _enter(
        self,
        signal: str,
        at: datetime,
        number: float | None,
        told: dict[str, object],
        told_at: datetime,
    ) -> None:
        self.samples.append(
            Sample(
                self._office.choice(("terminal-1", "pages")),
                "entries",
                signal,
                at,
                number,
                json.dumps(told),
                0,
                told_at,
                told_at,
                is_historical=True,
            )
        )

    def _say(
        self,
        signal: str,
        observed_at: datetime,
        value: float | None = None,
        text: str | None = None,
        *,
        arrived_at: datetime | None = None,
        collector: str | None = None,
    ) -> None:
        """One sample; now and then late, of bad quality, or twice at the same moment."""
        quality = self._rng.choices((0, 1, 2), (95, 2, 3))[0]
        collector, epoch = (collector, "shift book") if collector else self._epoch(observed_at)
        since, until = self._outage
        is_historical = since <= observed_at < until
        received_at = observed_at + timedelta(seconds=self._rng.uniform(0.05, 2))
        if arrived_at is None and is_historical:
            received_at = until
        elif arrived_at is None and self._rng.random() < 0.03:
            arrived_at = received_at + timedelta(hours=self._rng.uniform(0.02, 20))
        sample = Sample(
            collector,
            epoch,
            signal,
            observed_at,
            None if quality == 2 else value,
            None if quality == 2 else text,
            quality,
            received_at,
            arrived_at or received_at,
            is_historical,
        )
        self.samples.append(sample)

    def _epoch(self, observed_at: datetime) -> tuple[str, str]:
        """A collector with heartbeats opens a new epoch now and then, imports overlap."""
        number = 0 if observed_at < self._cut else 1
        if self.unit.has_heartbeats:
            return self.unit.line, f"{observed_at:%m}-{number}"
        if self.unit.is_silent:
            return "import", "one file"
        return "import", f"file {number if self._rng.random() < 0.8 else 2}"

    def _say_long_ago(self, late: Late) -> None:
        """What was said weeks ago, and what arrives of it only now."""
        self._say_state("held", LONG_AGO)
        self._say_state("execute", LONG_AGO + timedelta(hours=1))
        for counter in self.unit.counters:
            self._say(counter.signal, LONG_AGO + timedelta(hours=2), 1.0)
        arrived_at = late.after + self._rng.uniform(0.05, 0.95) * (late.until - late.after)
        before = len(self.samples)
        self._say_state(
            self._rng.choice(("held", "aborted", "setup", "suspended")),
            LONG_AGO + timedelta(hours=self._rng.uniform(3, 20)),
            arrived_at,
        )
        self.samples[before:] = [
            each._replace(is_historical=True, received_at=arrived_at)
            for each in self.samples[before:]
        ]

    def _say_state(
        self, state: str, observed_at: datetime, arrived_at: datetime | None = None
    ) -> None:
        if self.unit.told is Told.CODE:
            # One number is in no map.
            code = "9" if self._rng.random() < 0.02 else STATE_CODES[state]
            self._say("State", observed_at, float(code), arrived_at=arrived_at)
        elif self.unit.told is Told.NAME:
            self._say("State", observed_at, text=state.title(), arrived_at=arrived_at)
        elif state in ("execute", "setup"):
            mode = "AUTO" if state == "execute" else "MANUAL"
            self._say(
                "Mode", observed_at + timedelta(seconds=self._rng.choice((0, 0, 7))), text=mode
            )
            self._say("State", observed_at, text="ON")
        else:
            self._say("State", observed_at, text="OFF")

    def _tell_states(self, start: datetime, end: datetime) -> None:
        at = start + timedelta(minutes=self._rng.uniform(0, 30))
        state = "execute"
        while at < end:
            if self.unit.told is not Told.PULSES:
                self._say_state(state, at)
                if self._rng.random() < 0.1:
                    self._say_state(state, at + timedelta(seconds=20))
                if self._rng.random() < 0.02:
                    self._say_state(self._rng.choice(list(_MINUTES)), at)
            length = self._rng.expovariate(1 / _MINUTES[state]) * self._rng.choice(
                (1, 1, 1, 0.2, 9)
            )
            if state not in ("execute", "setup") and self._rng.random() < 0.5:
                self._tell_reason(at, length)
            at += timedelta(minutes=length + 0.01)
            others = [each for each in _MINUTES if each != "execute"]
            state = self._rng.choice(others) if state == "execute" else "execute"

    def _tell_reason(self, stopped_at: datetime, minutes: float) -> None:
        self._say(
            "Reason",
            stopped_at + timedelta(minutes=minutes * self._rng.random()),
            1.0,
            self._rng.choice(REASONS),
            collector=self._rng.choice((None, "terminal-1")),
        )

    def _tell_orders(self, start: datetime, end: datetime) -> None:
        if self.unit.order_told is not OrderTold.SIGNAL:
            return
        for run in self.unit.runs:
            if start - timedelta(hours=10) <= run.started_at < end:
                self._say("Order", run.started_at, text=run.production_order_id)
                if run.ended_at < end and self._rng.random() < 0.2:
                    self._say("Order", run.ended_at, text="")

    def _count(self, counter: Counter, start: datetime, end: datetime) -> None:
        """A running total begins again at nought now and then, or rolls over at its width."""
        reading, at = self._rng.randrange(200), start
        seldom = 6 if counter.role in ("reject_count", "rework_count") else 1
        while True:
            minutes = self._rng.expovariate(1 / 4) * seldom * self._rng.choice((1, 1, 1, 12))
            at += timedelta(minutes=minutes)
            if at >= end:
                return
            pieces = self._rng.randrange(1, 6)
            if counter.mode == "increment":
                reason = self._rng.choice((None, *REASONS)) if seldom > 1 else None
                self._say(counter.signal, at, float(pieces), reason)
                continue
            reading += pieces
            if counter.bits:
                reading %= 2**counter.bits
            elif self._rng.random() < 0.02:
                reading = self._rng.randrange(3)
            self._say(counter.signal, at, float(reading))

    def _link(self, start: datetime, end: datetime) -> None:
        """Heartbeats with some lost links between them, some of which are told late.

        The collector is set up somewhere in the window: what was heard before is not covered.
        """
        at = start + self._rng.uniform(0.1, 0.6) * (end - start)
        while at < end:
            until = min(at + timedelta(hours=self._rng.expovariate(1 / 9)), end)
            for since, to in ((at, min(until, self._cut)), (max(at, self._cut), until)):
                if since < to:
                    delay = timedelta(hours=self._rng.choice((0, 0, 0, 0, 3)))
                    self.beats.append(Beats(*self._epoch(since), since, to, delay))
            at = until + timedelta(
                minutes=self._rng.choice((0.3, 2, 40)) * self._rng.random() + 0.3
            )
            if until < end and self._rng.random() < 0.7:
                self._tell_loss(until)

    def _tell_loss(self, ended_at: datetime) -> None:
        """It may tell that the heartbeats of the last minutes were wrong."""
        lost_at = ended_at - timedelta(minutes=self._rng.choice((0, 0, 25)) * self._rng.random())
        self.samples.append(
            Sample(
                *self._epoch(lost_at),
                "$link",
                lost_at,
                0.0,
                "source: silent",
                0,
                ended_at,
                ended_at + timedelta(seconds=1),
                is_historical=False,
            )
        )


class Arrivals:
    """All samples of the works on their way into the lake, commit by commit."""

    def __init__(self, speeches: list[Speech]) -> None:
        numbered = [(each.unit, sample) for each in speeches for sample in each.samples]
        self._samples = sorted(enumerate(numbered), key=lambda each: each[1][1].arrived_at)
        self._spans = pa.Table.from_pylist(
            [
                {
                    "site": each.unit.site.site_id,
                    "equipment": each.unit.work_unit_id,
                    **span._asdict(),
                }
                for each in speeches
                for span in each.beats
            ]
        )
        self.reached = LONG_AGO - timedelta(days=1)
        self._taken = 0

    def commit(self, settings: Settings, until: datetime) -> None:
        """Put all that arrives until then, and has not yet, into the lake: one snapshot."""
        rows = list(self._rows(until))
        arrived = pa.Table.from_pylist(rows, schema=TELEMETRY.arrow_schema)
        with closing(lake.open(settings)) as con, lake.transaction(con):
            con.register("arrived", arrived)
            con.register("spans", self._spans)
            con.execute("insert into raw.telemetry by name select * from arrived")
            con.execute(_INSERT_HEARTBEATS, {"after": self.reached, "until": until})
            con.commit()
        self.reached = until

    def _rows(self, until: datetime) -> Iterator[dict[str, object]]:
        while self._taken < len(self._samples):
            number, (unit, sample) = self._samples[self._taken]
            if sample.arrived_at > until:
                return
            self._taken += 1
            row = sample._asdict()
            del row["arrived_at"]
            yield row | {
                "site": unit.site.site_id,
                "equipment": unit.work_unit_id,
                "row_number": number,
                "observed_date": sample.observed_at.date(),
            }
