"""A period's variances and journal as files for spreadsheets and ledgers.

Belongs here: which marts become which sheets. Figures are selected and summed here, never made;
how cells look is in `lake.answers`.
"""

from contextlib import closing
from pathlib import Path

import duckdb

from lake.answers import XLSX_ROWS, Answer, render, workbook
from lake.query import open_published
from takt.errors import ConfigurationError
from takt.settings import Settings

_PERIOD = "select is_closed from marts.dim_period where period_id = $period"
_PERIODS = "select period_id from marts.dim_period order by starts_at"
_VARIANCES = """
with variances as (
    select * exclude (is_final) from marts.order_variance
    where period_id = $period and is_final and not $closed
    union all by name
    select * exclude (closing_id) from accounting.order_variance
    where $closed and closing_id in (
        select closing_id from accounting.closing where period_id = $period
        except select closing_id from accounting.reopening
    )
)
"""
_BY_TYPE = """
select variance_type, detail_type, sum(amount)::decimal(18, 2) as amount, currency
from variances group by rollup (currency, variance_type, detail_type)
having currency is not null
order by currency, variance_type nulls last, detail_type nulls last
"""
_BY_ORDER = """
, costs as (
    select
        production_order_id,
        sum(amount) filter (where basis = 'absorbed')::decimal(18, 2) as absorbed_amount,
        sum(amount) filter (where basis = 'estimate')::decimal(18, 2) as estimate_amount,
        sum(amount) filter (where basis = 'actual')::decimal(18, 2) as actual_amount
    from marts.order_cost group by production_order_id
)
select
    variances.production_order_id,
    any_value(orders.item_id) as item_id,
    any_value(costs.estimate_amount) as estimate_amount_now,
    any_value(costs.absorbed_amount) as absorbed_amount_now,
    any_value(costs.actual_amount) as actual_amount_now,
    sum(amount) filter (where variance_type = 'lot_size')::decimal(18, 2) as lot_size,
    sum(amount) filter (where variance_type = 'quantity')::decimal(18, 2) as quantity,
    sum(amount) filter (where variance_type = 'price')::decimal(18, 2) as price,
    sum(amount) filter (where variance_type = 'substitution')::decimal(18, 2) as substitution,
    sum(amount) filter (where variance_type = 'rounding')::decimal(18, 2) as rounding,
    sum(amount)::decimal(18, 2) as variance_amount,
    variances.currency
from variances
left join marts.dim_production_order as orders using (production_order_id)
left join costs using (production_order_id)
group by variances.production_order_id, variances.currency
order by sum(amount) desc, variances.production_order_id
"""
_ROWS = "select * from variances order by all"
_LOSSES = """
select losses.* exclude (is_final) from marts.loss_cost as losses
where production_order_id in (select production_order_id from variances)
order by amount desc, production_order_id, operation_id
"""
_SHIFTS = """
select shifts.* exclude (is_final, exact_amount) from marts.order_variance_shift as shifts
where production_order_id in (select production_order_id from variances)
order by work_unit_id nulls last, production_date, shift_id, amount desc, shifts.*
"""
_JOURNAL = """
select
    period_id, origin_period_id, account, measure, cost_group_id,
    sum(debit_amount)::decimal(18, 2) as debit_amount,
    sum(credit_amount)::decimal(18, 2) as credit_amount, currency, is_adjustment, is_posted
from marts.journal where period_id = $period
group by all order by all
"""
_SHEETS = {
    "variance": {
        "Variances by type": _VARIANCES + _BY_TYPE,
        "Orders": _VARIANCES + _BY_ORDER,
        "Variances": _VARIANCES + _ROWS,
        "Losses as known now": _VARIANCES + _LOSSES,
        "Shifts as known now": _VARIANCES + _SHIFTS,
    },
    "journal": {"Journal": _JOURNAL},
}
_SHEET_OF_CSV = {"variance": "Variances", "journal": "Journal"}


def write(
    settings: Settings,
    subject: str,
    period_id: str,
    output: str,
    file: Path,
    *,
    sheet_rows: int = XLSX_ROWS,
) -> str:
    """Write what a period shows of a subject; of a closed period as it was reported.

    Args:
        settings: Of the installation, which must exist.
        subject: `variance` or `journal`.
        period_id: The period.
        output: `xlsx`, of whose sheets those that are too long are left out; or `csv`: the finest
            rows alone.
        file: Where to; a file that is there is replaced.
        sheet_rows: How many rows a sheet may have.

    Returns:
        What was written and what was left out, for people.

    Raises:
        ConfigurationError: No such period, no sheet is short enough, or the file cannot be written.
        LakeUnavailable: The catalog or the files cannot be reached.
    """
    with closing(open_published(settings)) as con:
        values: dict[str, object] = {"period": period_id}
        is_closed = _is_closed(con, period_id)
        if subject == "variance":
            values["closed"] = is_closed
        content, written = (
            _rows(con, subject, output, values)
            if output != "xlsx"
            else _book(con, subject, values, sheet_rows)
        )
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error
    told = "as reported" if is_closed else "as known now; the period is open"
    return f"{file}: {period_id}, {told}; {written}"


def _rows(
    con: duckdb.DuckDBPyConnection, subject: str, output: str, values: dict[str, object]
) -> tuple[bytes, str]:
    """The finest rows as text, and how many they are."""
    answer = _answer(con, _SHEETS[subject][_SHEET_OF_CSV[subject]], values)
    return str(render(answer, output)).encode(), f"{len(answer.rows)} rows"


def _book(
    con: duckdb.DuckDBPyConnection, subject: str, values: dict[str, object], sheet_rows: int
) -> tuple[bytes, str]:
    """The sheets that are short enough, and which they are not."""
    answers = {
        title: _answer(con, query, values, most=sheet_rows + 1)
        for title, query in _SHEETS[subject].items()
    }
    fitting = {title: each for title, each in answers.items() if len(each.rows) <= sheet_rows}
    if not fitting:
        raise ConfigurationError(
            f"each sheet would have more than {sheet_rows:,} rows; use --format csv"
        )
    written = f"sheets: {', '.join(fitting)}"
    left_out = [title for title in answers if title not in fitting]
    if left_out:
        written += (
            f"; left out, as a sheet holds {sheet_rows:,} rows: {', '.join(left_out)} (--format csv"
            f" writes {_SHEET_OF_CSV[subject]}, takt sql asks for all)"
        )
    return workbook(fitting), written


def _is_closed(con: duckdb.DuckDBPyConnection, period_id: str) -> bool:
    try:
        found = con.execute(_PERIOD, {"period": period_id}).fetchone()
    except duckdb.CatalogException as error:
        raise ConfigurationError("no period is known yet; run takt refresh first") from error
    if found is None:
        known = ", ".join(name for (name,) in con.execute(_PERIODS).fetchall()) or "none"
        raise ConfigurationError(f"there is no period {period_id}; known are {known}")
    return bool(found[0])


def _answer(
    con: duckdb.DuckDBPyConnection, query: str, values: dict[str, object], most: int | None = None
) -> Answer:
    result = con.execute(query, values)
    columns = [(column[0], str(column[1])) for column in result.description or []]
    return Answer(columns, result.fetchall() if most is None else result.fetchmany(most))
