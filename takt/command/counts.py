"""Verbs about counts: what people say that a shift made, who said it, and taking it back."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from takt import settings
from takt.command import entering
from takt.command.late import late
from takt.count_entry import CountEntry, Result
from takt.errors import ConfigurationError

counts_app = typer.Typer(
    name="counts", help="Corrections of counts: say, list, take back.", no_args_is_help=True
)

_DELIVER = "takt counts deliver"

Pieces = Annotated[
    str | None,
    typer.Option(metavar="N|+N|-N", help="So many they were; with a sign, more or less."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.add_typer(counts_app)


@counts_app.command()
def correct(
    work_unit: Annotated[str, typer.Argument(help="Its path below the site.")],
    day: Annotated[str, typer.Argument(help="Production date of the shift, e.g. 2026-03-01.")],
    shift: Annotated[str, typer.Argument(help="shift_id, as in shift_pattern.")],
    why: Annotated[str, typer.Option("--because", help="Why, in your words.")],
    *,
    good: Pieces = None,
    scrap: Pieces = None,
    rework: Pieces = None,
    order: Annotated[
        str | None, typer.Option(help="Of this order, where several ran; -: of none.")
    ] = None,
    operation: Annotated[str | None, typer.Option(help="Of this operation; -: of none.")] = None,
    item: Annotated[str | None, typer.Option(help="Of this item; -: of none.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="reason_id of the scrap or rework, as in reason_code.")
    ] = None,
    by: entering.By = None,
) -> None:
    """Say that a shift made other pieces of an order than were counted."""
    options = settings.load()
    given: dict[Result, str | None] = {"good": good, "scrap": scrap, "rework": rework}
    said = {result: _said(result, text) for result, text in given.items() if text is not None}
    _check(said, why, reason)
    entries = late("dashboards.stops.correcting:correction")(
        options,
        late("dashboards.stops.counts:Where")(
            entering.text("WORK_UNIT", work_unit),
            _day(day),
            entering.text("SHIFT", shift),
            order and entering.text("--order", order),
            operation and entering.text("--operation", operation),
            item and entering.text("--item", item),
        ),
        said,
        entering.speaker(by),
        why=entering.text("--because", why.strip()),
        reason_id=reason and entering.text("--reason", reason),
    )
    for entry in entries:
        typer.echo(_entered(entry))
    entering.deliver(options, entries, _DELIVER)


@counts_app.command()
def withdraw(
    correction: Annotated[str, typer.Argument(help="The correction's id or its beginning.")],
    by: entering.By = None,
) -> None:
    """Take a correction back; what was counted stands again."""
    options = settings.load()
    entries = late("dashboards.stops.correcting:withdrawal")(
        options, entering.text("CORRECTION", correction), entering.speaker(by)
    )
    for entry in entries:
        typer.echo(f"{entry.work_unit_id} {entry.result}: as counted, says {entry.said_by}")
    entering.deliver(options, entries, _DELIVER)


@counts_app.command()
def deliver() -> None:
    """Deliver entries that could not leave when they were made, those about stops too."""
    entering.deliver(settings.load(), [], _DELIVER)


@counts_app.command("list")
def list_corrections(
    work_unit: Annotated[str | None, typer.Option(help="Only of this work unit.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many, newest first.")] = 20,
) -> None:
    """List what was corrected: before and after, who, when, why; newest first."""
    wanted = work_unit and entering.text("--work-unit", work_unit)
    found = late("dashboards.stops.counts:corrections")(settings.load(), wanted)
    if not found:
        typer.echo("no count was corrected")
        return
    for each in found[:limit]:
        typer.echo(_line(each))
    if limit < len(found):
        typer.echo(f"{len(found)} corrections, the newest {limit} shown")


def _said(result: Result, text: str) -> Any:
    try:
        pieces = Decimal(text)
    except InvalidOperation as error:
        raise ConfigurationError(f"--{result} {text} is no number; write e.g. 480 or -3") from error
    exponent = pieces.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -6:
        raise ConfigurationError(f"--{result} {text} must be a number of at most six decimals")
    return late("dashboards.stops.correcting:Said")(pieces, is_difference=text.strip()[:1] in "+-")


def _check(said: dict[Result, Any], why: str, reason: str | None) -> None:
    if not said:
        raise ConfigurationError("say what it was: --good, --scrap or --rework")
    if not why.strip():
        raise ConfigurationError("say why with --because: it stays with the correction")
    if reason is not None and not said.keys() & {"scrap", "rework"}:
        raise ConfigurationError("--reason is of scrap or rework; say so with --scrap or --rework")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"DAY {text} is no date; write e.g. 2026-03-01") from error


def _entered(entry: CountEntry) -> str:
    assert entry.before is not None, "it was counted from reports"
    after = entry.before + entry.quantity
    return (
        f"{entry.work_unit_id} {entry.result}: {_pieces(entry.before)} -> {_pieces(after)}"
        f" ({entry.quantity.normalize():+f}), says {entry.said_by}"
    )


def _line(each: Any) -> str:
    before = "?" if each.before_quantity is None else _pieces(each.before_quantity)
    after = "?" if each.after_quantity is None else _pieces(each.after_quantity)
    reason = "" if each.reason_id is None else f" ({each.reason_id})"
    withdrawn = (
        f"; taken back by {each.withdrawn_by} {each.withdrawn_at:%Y-%m-%dT%H:%M:%S}Z"
        if each.is_withdrawn
        else ""
    )
    shown = late("dashboards.stops.counts:ID_SHOWN")
    return (
        f"{each.correction_id[:shown]}  {each.work_unit_id}  {each.production_date}"
        f" {each.shift_id or '-'}  {each.production_order_id or '-'}  {each.result}{reason}"
        f" {before} -> {after} ({each.quantity.normalize():+f})"
        f"  {each.corrected_by or '-'} {each.corrected_at:%Y-%m-%dT%H:%M:%S}Z:"
        f" {each.comment_text or '-'}{withdrawn}"
    )


def _pieces(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
