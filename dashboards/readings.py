"""What every page makes of a reading: its class, its publication, its first steps.

Belongs here: what does not depend on the page. What one page says of a reading is in its package.
"""

from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboards import components, wording
from dashboards.components import Child
from dashboards.feed import STALE_AFTER_S, Reading


def mood(reading: Reading) -> str:
    """The class of a page: waiting, empty, failing, stale or live."""
    if reading.moment is None or reading.moment.site is None:
        if reading.moment is None and reading.failure is None:
            return "is-waiting"
        return "is-empty"
    if reading.failure:
        return "is-failing"
    return "is-stale" if reading.is_stale else "is-live"


def publication(reading: Reading) -> list[object]:
    """What a page's history depends on: which marts are published, and whether the lake answers."""
    published = reading.moment.publication if reading.moment else None
    return [published.snapshot_id if published else None, reading.failure is None]


def zone(reading: Reading) -> ZoneInfo:
    """The time zone of the site; UTC before there is one."""
    site = reading.moment.site if reading.moment else None
    return ZoneInfo(site.time_zone if site else "UTC")


def silence(reading: Reading, what_still_works: str) -> Child:
    """The notice of a page whose lake does not answer; None: it does.

    Args:
        reading: What the page shows.
        what_still_works: Whole sentences, said once something has been read.
    """
    if not reading.failure:
        return None
    since = wording.clock(reading.failing_since, zone(reading), seconds=True)
    shown = what_still_works if reading.moment else "Nothing has been read yet."
    goes_on = "Asking again every second; the page continues by itself."
    return components.notice(
        f"The lake has not answered since {since}.",
        [f"{shown} {goes_on}", html.Small(reading.failure)],
        "error",
    )


def empty(reading: Reading) -> Component:
    """What a page shows before there is any machine: what to do first."""
    latest = reading.moment.latest_commit_at if reading.moment else None
    arriving = latest is not None and (reading.at - latest).total_seconds() < STALE_AFTER_S
    steps = [
        ("Describe the plant: equipment, shifts, signals, orders", "takt reference load FOLDER"),
        ("Connect its machines over OPC UA or MQTT", "takt edge --config edge.toml"),
        ("Turn what arrives into KPIs, now instead of in five minutes", "takt refresh"),
    ]
    return html.Section(
        [
            html.H2("No machine yet: connect one"),
            html.P(
                "Data is arriving; what it means has not been described and refreshed yet."
                if arriving
                else "The page fills by itself as soon as there is something to show."
            ),
            html.Ol([html.Li([html.Span(what), components.command(how)]) for what, how in steps]),
            html.Small(reading.moment.missing if reading.moment else None),
            html.P(
                ["Only looking? ", components.command("takt demo"), " starts a simulated plant."]
            ),
        ],
        className="empty",
    )
