"""Numbers and times as people read them: always with a unit, times in the site's time zone."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias
from zoneinfo import ZoneInfo

NOTHING = "–"
_SHIFT = re.compile(r"\bshift\b", re.IGNORECASE)
_NARROW = "\N{NARROW NO-BREAK SPACE}"

Number: TypeAlias = Decimal | float | int


def duration(seconds: Number | None) -> str:
    """Seconds as `48 s`, `41 min`, `3 h 12 min` or `2 d 4 h`."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return _unit(int(seconds), "s")
    minutes = int(seconds // 60)
    if minutes < 60:
        return _unit(minutes, "min")
    if minutes < 24 * 60:
        return hours_minutes(seconds)
    days, hours = divmod(minutes // 60, 24)
    return _two(_unit(days, "d"), _unit(hours, "h") if hours else "")


def signed_duration(seconds: Number) -> str:
    """As `duration`, also of time that was gained: `−41 min`."""
    return f"\N{MINUS SIGN}{duration(-seconds)}" if seconds < 0 else duration(seconds)


def hours_minutes(seconds: Number | None) -> str:
    """Seconds as hours and minutes however many: `31 h 5 min`."""
    if seconds is None:
        return NOTHING
    hours, minutes = divmod(int(seconds // 60), 60)
    if not hours:
        return _unit(minutes, "min")
    return _two(_unit(hours, "h"), _unit(minutes, "min") if minutes else "")


def quantity(amount: Number | None, unit: str | None = None) -> str:
    """A quantity with thousands separators and its unit: `2,310 pcs`."""
    if amount is None:
        return NOTHING
    digits = 0 if amount == int(amount) else 1
    return _unit(f"{amount:,.{digits}f}", unit or "units")


def money(amount: Number | None, currency: str | None) -> str:
    """An amount with its currency: `1,234.50 EUR`; None: no rate is known."""
    return "no rate" if amount is None else _unit(f"{amount:,.2f}", currency or "")


def rounded_money(amount: Number, currency: str) -> str:
    """An amount for a picture or a headline, without cents where they say nothing: `1,234 EUR`."""
    digits = 2 if -100 < amount < 100 else 0
    return _unit(signed(amount, digits), currency)


def signed(amount: Number, digits: int = 2) -> str:
    """A number with thousands separators and a real minus sign: `−1,234.50`."""
    text = f"{abs(amount):,.{digits}f}"
    is_nothing = not any(digit in text for digit in "123456789")
    return f"\N{MINUS SIGN}{text}" if amount < 0 and not is_nothing else text


def variance(amount: Number, currency: str) -> str:
    """A variance with the letter of its direction: `1,234 EUR U`, `−56.20 EUR F`."""
    return f"{rounded_money(amount, currency)} {direction(amount)}".rstrip()


def direction(amount: Number) -> str:
    """`U` for unfavourable, above nought; `F` for favourable; nothing for nought."""
    if not amount:
        return ""
    return "U" if amount > 0 else "F"


def name_of(identifier: str | None) -> str:
    """An id of a cost group or of a kind, as words: `factory_overhead` as `Factory overhead`."""
    if not identifier:
        return NOTHING
    words = identifier.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}"


_LOSSES = {
    "minor_stop": "Minor stops",
    "uncovered": "No data",
    "reduced_speed": "Reduced speed",
    "rejects": "Rejected pieces",
    "not_delivered": "Good, not delivered",
    "setup": "Setup longer than planned",
}


def loss(detail: str, cause: str | None, reason: str | None) -> str:
    """What machine time was lost to: the reason, else the kind of loss."""
    if reason:
        return reason
    if detail == "stop":
        return "Waiting, no reason given" if cause == "external" else "Stopped, no reason given"
    return _LOSSES.get(detail, name_of(detail))


def percent(ratio: Number | None, digits: int = 1) -> str:
    """A ratio as `64.3 %`."""
    return NOTHING if ratio is None else _unit(f"{ratio * 100:.{digits}f}", "%")


def points(ratio: Number | None) -> str:
    """A difference of two ratios in percentage points, signed: `−3.2 points`."""
    if ratio is None:
        return NOTHING
    sign = "+" if ratio >= 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(float(ratio)) * 100:.1f} points"


def clock(moment: datetime | None, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """The time of day in `zone`: `14:32`; `moment` is UTC with or without its zone."""
    if moment is None:
        return NOTHING
    return local(moment, zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def clock_or_day(moment: datetime | None, zone: ZoneInfo, now: datetime) -> str:
    """The time of day, with the day where it is not today's: `Tue 17 Nov 14:32`."""
    if moment is None:
        return NOTHING
    there = local(moment, zone)
    if there.date() == local(now, zone).date():
        return there.strftime("%H:%M")
    return there.strftime("%a %-d %b %H:%M")


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """A UTC time (with or without its zone) on the wall clock of `zone`."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(zone)


def zone_name(zone: ZoneInfo, moment: datetime) -> str:
    """A zone as people name it at a moment: `Europe/Berlin (UTC+1)`."""
    offset = local(moment, zone).utcoffset() or timedelta()
    hours = offset.total_seconds() / 3600
    return f"{zone.key} (UTC{hours:+g})" if hours else f"{zone.key} (UTC)"


def shift_name(*shift_ids: str | None) -> str:
    """`early` or `early_shift` as `Early shift`; several as `Early and day shift`."""
    words = [_SHIFT.sub("", i.replace("_", " ").replace("-", " ")).strip() for i in shift_ids if i]
    if not words:
        return "No shift"
    listed = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{listed[:1].upper()}{listed[1:]} shift".strip()


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 stop`, `12 stops`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _two(larger: str, smaller: str) -> str:
    return f"{larger} {smaller}".rstrip()


def _unit(number: str | int, unit: str) -> str:
    return f"{number}{_NARROW}{unit}"
