"""One palette for what machine time is spent on (Okabe-Ito), each colour with a second cue.

Nothing on a page is told by colour alone: a category also has its own label, icon and pattern,
so it survives colour-blind eyes, a grey-scale print and bright sun on a phone.
"""

from dataclasses import dataclass
from enum import StrEnum


class Spent(StrEnum):
    """What a stretch of machine time was spent on, as shown everywhere."""

    PRODUCTION = "production"
    SETUP = "setup"
    MINOR_STOP = "minor_stop"
    DELAY_INTERNAL = "delay_internal"
    DELAY_EXTERNAL = "delay_external"
    NO_ORDER = "no_order"
    PLANNED = "planned"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Look:
    """How a category looks; `pattern` is Plotly's `marker.pattern.shape`, "" is solid."""

    label: str
    colour: str
    ink: str
    pattern: str


_DARK = "#101418"
LOOKS = {
    Spent.PRODUCTION: Look("Producing", "#009E73", _DARK, ""),
    Spent.SETUP: Look("Setup", "#0072B2", "#FFFFFF", "-"),
    Spent.MINOR_STOP: Look("Minor stop", "#F0E442", _DARK, "."),
    Spent.DELAY_INTERNAL: Look("Stopped, internal cause", "#D55E00", _DARK, "x"),
    Spent.DELAY_EXTERNAL: Look("Waiting, external cause", "#E69F00", _DARK, "|"),
    Spent.NO_ORDER: Look("No order", "#BDBDBD", _DARK, "+"),
    Spent.PLANNED: Look("Break or planned downtime", "#CCCCCC", _DARK, "\\"),
    Spent.UNKNOWN: Look("No data", "#FFFFFF", _DARK, "/"),
}

LOST = {
    "setup_and_adjustment": LOOKS[Spent.SETUP],
    "unplanned_stops": LOOKS[Spent.DELAY_INTERNAL],
    "unplanned_stops external": LOOKS[Spent.DELAY_EXTERNAL],
    "idling_and_minor_stops": LOOKS[Spent.MINOR_STOP],
    "down": LOOKS[Spent.NO_ORDER],
    "unknown": LOOKS[Spent.UNKNOWN],
    "reduced_speed": Look("Reduced speed", "#56B4E9", _DARK, "\\"),
    "startup_rejects": Look("Startup rejects", "#CC79A7", _DARK, "x"),
    "process_defects": Look("Process defects", "#CC79A7", _DARK, "."),
    "unmeasured": Look("Pieces without a planned run time", "#FFFFFF", _DARK, "+"),
}
"""The steps from planned busy time down to good time, in this order; times look as everywhere."""

PLANNED_BUSY = Look("Planned busy time", "#8A95A3", _DARK, "")
GOOD = Look("Good time", LOOKS[Spent.PRODUCTION].colour, _DARK, "")

FAVOURABLE = Look("Favourable", "#0072B2", "#FFFFFF", "-")
UNFAVOURABLE = Look("Unfavourable", "#D55E00", _DARK, "x")
MONEY = Look("Amount", "#8A95A3", _DARK, "")

TARGET = "#5B5BD6"
"""Interaction and targets: the one accent, distinct from every category."""


def contrast(first: str, second: str) -> float:
    """Contrast of two `#RRGGBB` colours as WCAG 2 defines it, 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
