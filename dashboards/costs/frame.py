"""What changes by itself on the pages of costs: whether the lake answers, and what to do first.

Rendered once per reading for everybody who looks, as `dashboards.overview.board` is; the figures
are asked for when the selection changes or new marts are published.
"""

from dashboards import readings
from dashboards.feed import Reading
from dashboards.live import Parts

PAGES = ("costs", "item", "wip")
"""How the ids of each page of costs begin."""

_STILL_WORKS = (
    "The figures are those of the last refresh that was read; what was not asked for yet cannot be "
    "shown."
)


def render(reading: Reading) -> Parts:
    """Class, notice and first steps of every page of costs."""
    parts: dict[str, dict[str, object]] = {}
    is_empty = reading.moment is None or reading.moment.site is None
    for page in PAGES:
        parts[f"{page}-page"] = {"className": f"page costing {_mood(reading)}"}
        parts[f"{page}-notice"] = {"children": readings.silence(reading, _STILL_WORKS)}
        parts[f"{page}-publication"] = {"data": readings.publication(reading)}
        if is_empty:
            parts[f"{page}-empty"] = {"children": readings.empty(reading)}
    return parts  # type: ignore[return-value]


def _mood(reading: Reading) -> str:
    """As the overview's, but what happened does not get stale."""
    mood = readings.mood(reading)
    return "is-live" if mood == "is-stale" else mood
