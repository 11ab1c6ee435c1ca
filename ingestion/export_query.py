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
    value = f"try_cast({number} as double)"
    texts = ", ".join(map(_text, form.texts))
    is_text = "true" if form.is_text else f"{signal} in ({texts})" if texts else "false"
    is_empty = f"coalesce({', '.join(map(_quoted, columns))}) is null"
    told_rows = (
        f"select {_quoted(LINE)} as line, {_quoted(form.time_column)} as time_told,"
        f" {_moment(form)} as observed_at, {_wall_time(form)} as wall_time,"
        f" {equipment} as equipment, {signal} as signal, {told} as told, {value} as value,"
        f" {is_text} as is_text, {_quality(form)} from {source}"
        + ("" if wide else f" where not ({is_empty})")
    )
    return f"select *, {_REASON} as reason from ({told_rows})"


def _others(form: ExportForm, columns: list[str]) -> list[str]:
    named = (form.time_column, form.equipment_column, form.quality_column)
    return [name for name in columns if name not in named]


def _quality(form: ExportForm) -> str:
    if form.quality_column is None:
        return "'' as quality_told, 0::tinyint as quality"
    told = _quoted(form.quality_column)
    cases = " ".join(f"when {_text(name.lower())} then {n}" for name, n in form.qualities.items())
    return f"{told} as quality_told, (case lower({told}) {cases} end)::tinyint as quality"


def _moment(form: ExportForm) -> str:
    told = _quoted(form.time_column)
    if form.time_format == "iso":
        return f"try_cast({told} as timestamptz)"
    if factor := UNITS.get(form.time_format):
        exact = f"try_cast(try_cast({told} as decimal(30, 6)) * {factor} as bigint)"
        return f"make_timestamptz({exact})"
    return f"try_cast(try_strptime({told}, {_text(form.time_format)}) as timestamptz)"


def _wall_time(form: ExportForm) -> str:
    """The time as a clock on the wall showed it; null where its zone was told."""
    told = _quoted(form.time_column)
    if form.time_format == "iso":
        says_zone = f"regexp_matches({told}, ':.*[a-zA-Z+-]')"
        return f"case when not {says_zone} then try_cast({told} as timestamp) end"
    if form.time_format in UNITS or "%z" in form.time_format.lower():
        return "null::timestamp"
    return f"try_strptime({told}, {_text(form.time_format)})"


# Clocks are put back by an hour, on Lord Howe Island by half of one.
_IS_TOLD_TWICE = " or ".join(
    f"cast(observed_at {sign} interval {minutes} minute as timestamp) = wall_time"
    for minutes in (30, 60)
    for sign in "+-"
)
_REASON = f"""
case
    when observed_at is null then 'time ' || coalesce(time_told, '(empty)') || ' cannot be read'
    when cast(observed_at as timestamp) != wall_time
        then 'time ' || time_told || ' did not exist: clocks were put forward'
    when {_IS_TOLD_TWICE} then 'time ' || time_told
        || ' was there twice: clocks were put back; export times in UTC or with their offset'
    when observed_at not between timestamptz '1900-01-01 00:00:00+00'
        and timestamptz '2299-12-31 23:59:59+00'
        then 'time ' || time_told || ' is not in 1900 to 2299'
    when not coalesce(regexp_full_match(equipment, '{_NAME}(/{_NAME})*'), false)
        then 'equipment ' || coalesce(equipment, '(empty)') || ' is no path'
    when coalesce(signal, '') = '' or signal like '$%' then 'signal ' || coalesce(signal, '(empty)')
        || ' is no name'
    when quality is null
        then 'quality ' || coalesce(quality_told, '(empty)') || ' is not in qualities'
    when quality = 2 then null
    when told is null then 'value is empty'
    when not isfinite(value) or (value is null and not is_text)
        then 'value ' || told || ' is no number'
end
"""
BAD = """
select line, reason, coalesce(time_told, ''), coalesce(equipment, ''), coalesce(signal, ''),
    coalesce(told, ''), coalesce(quality_told, '')
from judged where reason is not null order by line
"""
GOOD = """
select
    $site as site, equipment, signal, observed_at,
    case when quality < 2 then value end as value,
    case when quality < 2 and value is null then told end as text,
    quality, true as is_historical
from judged where reason is null order by line
"""
STARTS = """
select line, min(equipment), min(signal), min(epoch_us(observed_at))
from judged where reason is null group by line order by line limit 2
"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
