import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import openpyxl
import pytest

from lake.answers import Answer, render
from takt.errors import ConfigurationError

MOMENT = datetime(2026, 3, 1, 6, tzinfo=UTC).replace(tzinfo=None)


def one(value: object, kind: str = "VARCHAR") -> Answer:
    return Answer([("it", kind)], [(value,)])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("2.500000"), "2.500000"),
        (Decimal("1E+3"), "1000"),
        (MOMENT, "2026-03-01T06:00:00Z"),
        (MOMENT.replace(tzinfo=timezone(timedelta(hours=1))), "2026-03-01T05:00:00Z"),
        (date(2026, 3, 1), "2026-03-01"),
        (7, 7),
        (True, True),
        (0.5, 0.5),
        (float("nan"), None),
        (None, None),
        (b"\x01\xff", "01ff"),
        ({"a": [Decimal("0.1")]}, {"a": ["0.1"]}),
    ],
)
def test_json_keeps_decimals_as_strings_and_times_in_utc(value: object, shown: object) -> None:
    assert json.loads(render(one(value), "json")) == [{"it": shown}]


def test_json_of_no_rows_is_an_empty_array() -> None:
    assert json.loads(render(Answer([("it", "INTEGER")], []), "json")) == []


def test_csv_quotes_and_leaves_nulls_empty() -> None:
    answer = Answer([("a", "VARCHAR"), ("b", "VARCHAR")], [('x,"y"', None), ("z", MOMENT)])

    assert render(answer, "csv") == 'a,b\n"x,""y""",\nz,2026-03-01T06:00:00Z\n'


def test_a_table_puts_numbers_to_the_right() -> None:
    answer = Answer([("name", "VARCHAR"), ("n", "BIGINT")], [("a", 5), ("b", 1000)])

    assert render(answer, "table") == (
        "name     n\n"
        "----  ----\n"
        "a        5\n"
        "b     1000\n"
        "(2 rows)\n"
    )  # fmt: skip


def test_a_spreadsheet_has_types_filters_and_no_formulas() -> None:
    columns = [("time", "TIMESTAMP"), ("amount", "DECIMAL(18,2)"), ("note", "VARCHAR")]
    written = render(Answer(columns, [(MOMENT, Decimal("1.50"), "=1+1\x01")]), "xlsx")

    assert isinstance(written, bytes)
    sheet = openpyxl.load_workbook(io.BytesIO(written)).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]] == [MOMENT, 1.5, "=1+1"]
    assert sheet["C2"].data_type == "s"
    assert sheet.auto_filter.ref == "A1:C2"


def test_another_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no format yaml"):
        render(one(1), "yaml")
