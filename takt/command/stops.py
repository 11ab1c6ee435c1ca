"""Verbs about stops: which wait for a reason, and what people say of them afterwards."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from takt import settings
from takt.command import entering
from takt.command.late import late
from takt.errors import ConfigurationError
from takt.stop_entry import StopEntry

stops_app = typer.Typer(
    name="stops", help="Stops that wait for a reason; say why, split, join.", no_args_is_help=True
)

_DELIVER = "takt stops deliver"


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.add_typer(stops_app)


@stops_app.command("list")
def list_waiting(
    work_unit: Annotated[str | None, typer.Option(help="Only of this work unit.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many, newest first.")] = 20,
) -> None:
    """List the stops that nobody has explained: minutes, pieces, money; newest first."""
    wanted = work_unit and entering.text("--work-unit", work_unit)
    found = late("dashboards.stops.classifying:waiting")(settings.load(), wanted)
    if not found:
        typer.echo("no stop waits for a reason")
        return
    for stop in found[:limit]:
        typer.echo(_line(stop))
    typer.echo(_sum(found, shown=min(limit, len(found))))


@stops_app.command()
def classify(
    stop_id: Annotated[str, typer.Argument(help="The stop's id or its beginning.")],
    reason: Annotated[str, typer.Argument(help="reason_id, as in reason_code.")],
    begin: Annotated[
        str | None, typer.Option("--from", help="Only from then on (ISO 8601, UTC): splits it.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Only until then (ISO 8601, UTC): splits it.")
    ] = None,
    merge: Annotated[
        list[str] | None, typer.Option(help="Join it with this neighbour; may be repeated.")
    ] = None,
    *,
    by: entering.By = None,
) -> None:
    """Say why a work unit stood, for all of a stop, a part of it, or several as one."""
    if merge and (begin or end):
        raise ConfigurationError("--merge joins whole stops; leave out --from and --to")
    options = settings.load()
    said_by = entering.speaker(by)
    entry = late("dashboards.stops.classifying:classification")(
        options,
        [entering.text("STOP", each) for each in (stop_id, *(merge or []))],
        entering.text("REASON", reason),
        said_by,
        began=_moment("--from", begin),
        ended=_moment("--to", end),
    )
    _enter(options, entry)


@stops_app.command()
def withdraw(
    stop_ids: Annotated[
        list[str], typer.Argument(help="The stop's id or its beginning; of joined ones: all.")
    ],
    by: entering.By = None,
) -> None:
    """Take back what was said of a stop afterwards; what the machine told stands again."""
    options = settings.load()
    named = [entering.text("STOP", each) for each in stop_ids]
    entry = late("dashboards.stops.classifying:classification")(
        options, named, None, entering.speaker(by)
    )
    _enter(options, entry)


@stops_app.command()
def deliver() -> None:
    """Deliver entries that could not leave when they were made, those about counts too."""
    entering.deliver(settings.load(), [], _DELIVER)


def _enter(options: settings.Settings, entry: StopEntry) -> None:
    said = entry.reason_id or "nothing any more"
    joined = ", as one stop" if entry.merges else ""
    typer.echo(
        f"{entry.work_unit_id} {_told(entry.began)} to {_told(entry.ended)}: {said}{joined},"
        f" says {entry.said_by}"
    )
    entering.deliver(options, [entry], _DELIVER)


def _line(stop: Any) -> str:
    ended = "still" if stop.ended_at is None else _told(stop.ended_at)
    pieces = "" if stop.lost_quantity is None else f"  {stop.lost_quantity:,.0f} pieces"
    money = "no rate" if stop.lost_amount is None else f"{stop.lost_amount:,} {stop.currency}"
    shown = late("dashboards.stops.classifying:ID_SHOWN")
    return (
        f"{stop.stop_id[:shown]}  {stop.work_unit_id}  {_told(stop.started_at)} to {ended}"
        f"  {_minutes(stop.planned_busy_time_s)}{pieces}  {money}  {stop.cause}"
    )


def _sum(found: list[Any], shown: int) -> str:
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    for stop in found:
        if stop.lost_amount is not None:
            amounts[stop.currency] += stop.lost_amount
    money = "".join(f", {amount:,} {currency}" for currency, amount in sorted(amounts.items()))
    without = sum(stop.lost_amount is None for stop in found)
    unknown = f", {without} of them without a rate" if without else ""
    total = _minutes(sum((stop.planned_busy_time_s for stop in found), Decimal()))
    newest = f", the newest {shown} shown" if shown < len(found) else ""
    return f"{len(found)} stops wait for a reason{newest}: {total}{money}{unknown}"


def _minutes(seconds: Decimal) -> str:
    return f"{seconds / 60:,.1f} min"


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # a zone may lead out of all years
        raise ConfigurationError(
            f"{option} {text} is no time; write ISO 8601, e.g. 2026-03-01T06:00:00Z"
        ) from error


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
