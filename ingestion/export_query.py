"""The SQL that judges the rows of a historian's export.

Belongs here: times, decimal commas, and what makes a row good or bad. Reading files does not.
"""

from ingestion.export_form import UNITS, ExportForm

LINE = "line of the file"
_NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"
_TOLD = "value as told"
_SIGNAL = "column of the value"


def judged(form: ExportForm, columns: list[str]) -> str:
    """Query of the table `raw`, whose columns are texts, for its rows with all they tell."""
    equipment = _quoted(form.equipment_column) if form.equipment_column else "$equipment"
    told, signal, source = _quoted(form.value_column or _TOLD), "$signal", "raw"
    if form.signal_column:
        signal = _quoted(form.signal_column)
    if wide := list(form.signals) or (form.is_wide and _others(form, columns)):
        names = ", ".join(map(_quoted, wide))
        source = f"(unpivot raw on {names} into name {_quoted(_SIGNAL)} value {_quoted(_TOLD)})"
        cases = " ".join(
            f"when {_text(column)} then {_text(name)}" for column, name in form.signals.items()
        )
        column = _quoted(_SIGNAL)
        signal = f"case {column} {cases} end" if cases else column
    number = f"replace({told}, ',', '.')" if form.decimal == "," else told
    is_empty = f"coalesce({', '.join(map(_quoted, columns))}) is null"
    return (
        f"select {_quoted(LINE)} as line, {_quoted(form.time_column)} as time_told,"
        f" {_moment(form)} as observed_at, {equipment} as equipment, {signal} as signal,"
        f" {told} as told, try_cast({number} as double) as value from {source}"
        + ("" if wide else f" where not ({is_empty})")
    )


def _others(form: ExportForm, columns: list[str]) -> list[str]:
    return [name for name in columns if name not in (form.time_column, form.equipment_column)]


def _moment(form: ExportForm) -> str:
    told = _quoted(form.time_column)
    if form.time_format == "iso":
        return f"try_cast({told} as timestamptz)"
    if factor := UNITS.get(form.time_format):
        exact = f"try_cast(try_cast({told} as decimal(30, 6)) * {factor} as bigint)"
        return f"make_timestamptz({exact})"
    return f"try_cast(try_strptime({told}, {_text(form.time_format)}) as timestamptz)"


_REASON = f"""
case
    when observed_at is null then 'time ' || coalesce(time_told, '(empty)') || ' cannot be read'
    when observed_at not between timestamptz '1900-01-01 00:00:00+00'
        and timestamptz '2299-12-31 23:59:59+00'
        then 'time ' || time_told || ' is not in 1900 to 2299'
    when not coalesce(regexp_full_match(equipment, '{_NAME}(/{_NAME})*'), false)
        then 'equipment ' || coalesce(equipment, '(empty)') || ' is no path'
    when coalesce(signal, '') = '' or signal like '$%' then 'signal ' || coalesce(signal, '(empty)')
        || ' is no name'
    when told is null then 'value is empty'
    when not isfinite(value) then 'value ' || told || ' is no number'
end
"""
BAD = f"""
select line, {_REASON} as reason, concat_ws(' | ', time_told, equipment, signal, told)
from judged where {_REASON} is not null order by line
"""
GOOD = f"""
select
    $site as site, equipment, signal, observed_at, value,
    case when value is null then told end as text, true as is_historical
from judged where {_REASON} is null order by line
"""
STARTS = f"""
select line, min(equipment), min(signal), min(epoch_us(observed_at))
from judged where {_REASON} is null group by line order by line limit 2
"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
