"""`docs/kpi.md` says what the dbt project does: each SQL runs, each example gives its result."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import jinja2
import pytest
import yaml

from takt.settings import KpiSettings

ROOT = Path(__file__).parent.parent.parent
DBT = ROOT / "dbt_project"
PAGE = (ROOT / "docs/kpi.md").read_text()
MACROS = "".join((DBT / "macros" / name).read_text() for name in ("exact.sql", "kpi.sql"))


@dataclass(frozen=True)
class Section:
    """A heading with a query, the rows of its example, and the result in bold at the end."""

    name: str
    text: str

    @property
    def sql(self) -> str:
        return re.findall(r"```sql\n(.*?)```", self.text, re.DOTALL)[-1]

    @property
    def mart(self) -> str:
        return re.findall(r"from marts\.(\w+)", self.sql)[0]

    @property
    def rows(self) -> list[dict[str, str]]:
        lines = [line for line in self.text.splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
        # The last table of the section is the example.
        header = max(n for n, line in enumerate(lines) if set(line) <= set("|-: ")) - 1
        return [dict(zip(cells[header], row, strict=True)) for row in cells[header + 2 :]]

    @property
    def result(self) -> str:
        return re.findall(r"\*\*([\d.]+)\*\*\s*$", self.text, re.MULTILINE)[-1]


def sections() -> dict[str, Section]:
    parts = re.split(r"^#{2,3} (.+)$", PAGE, flags=re.MULTILINE)[1:]
    return {
        name.strip("`"): Section(name.strip("`"), text)
        for name, text in zip(parts[::2], parts[1::2], strict=True)
        if "```sql" in text
    }


def models() -> Iterator[dict]:
    for file in sorted((DBT / "models").rglob("*.yml")):
        yield from yaml.safe_load(file.read_text()).get("models", [])


COLUMNS = {model["name"]: {c["name"]: c for c in model["columns"]} for model in models()}
# Those of the row before are the same KPIs.
KPIS = {
    name.removeprefix("previous_")
    for columns in COLUMNS.values()
    for name, column in columns.items()
    if column["data_type"] == "double"
}
SECTIONS = sections()


def example_of(section: Section) -> duckdb.DuckDBPyConnection:
    """A database whose only mart holds the example's rows, in the columns of its contract."""
    con = duckdb.connect()
    con.execute("create schema marts")
    columns = COLUMNS[section.mart]
    typed = ", ".join(f"{name} {column['data_type']}" for name, column in columns.items())
    con.execute(f"create table marts.{section.mart} ({typed})")
    for row in section.rows:
        told = {name: value or None for name, value in row.items()}
        told |= {"definition_id": "iso22400"} if "definition_id" in columns else {}
        names, holders = ", ".join(told), ", ".join("?" for _ in told)
        con.execute(
            f"insert into marts.{section.mart} ({names}) values ({holders})", list(told.values())
        )
    return con


def test_every_kpi_of_the_marts_is_documented_and_nothing_else() -> None:
    documented = set(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE))

    assert documented == KPIS


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_the_query_gives_the_result_of_the_example(name: str) -> None:
    section = SECTIONS[name]

    found = example_of(section).execute(section.sql).fetchall()

    shown = found[-1] if name == "Pareto by cause" else found[0]
    assert f"{float(shown[-1]):.6f}" == section.result


@pytest.mark.parametrize("name", sorted(KPIS - {"rolled_throughput_yield"}))
def test_the_macro_gives_the_result_of_the_example(name: str) -> None:
    section = SECTIONS[name]
    macro = jinja2.Template(MACROS + f"{{{{ {name}() }}}}")
    expression = macro.render({"return": lambda value: value}).strip()

    found = example_of(section).execute(f"select {expression} from marts.{section.mart}").fetchone()

    assert found is not None
    assert f"{found[0]:.6f}" == section.result


@pytest.mark.parametrize("name", sorted(KPIS))
def test_a_kpi_is_described_as_in_its_mart(name: str) -> None:
    marts = re.findall(r"In `marts\.(\w+)`", SECTIONS[name].text)

    assert COLUMNS[marts[0]][name]["description"] in SECTIONS[name].text


def test_the_map_of_opc_ua_machinery_is_the_one_that_is_tested() -> None:
    block = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)[0]
    unit_tests = yaml.safe_load((DBT / "models/marts/state_unit_tests.yml").read_text())
    given = next(
        given["rows"]
        for test in unit_tests["unit_tests"]
        if test["name"].startswith("opc_ua_machinery")
        for given in test["given"]
        if given["input"] == "ref('stg_value_map')"
    )

    assert list(csv.DictReader(io.StringIO(block))) == given


def test_the_defaults_of_pulses_are_those_of_the_project() -> None:
    variables = yaml.safe_load((DBT / "dbt_project.yml").read_text())["vars"]

    assert f"**{variables['pulse_gap_cycles']} ideal cycles**" in PAGE
    assert f"holds for {variables['longest_pulse_gap_s'] // 3600} hours at most" in PAGE
    assert f"holds for {variables['minor_stop_threshold_s']} s" in PAGE


def test_the_thresholds_of_the_project_are_those_of_the_settings() -> None:
    variables = yaml.safe_load((DBT / "dbt_project.yml").read_text())["vars"]

    assert variables["coverage_threshold"] == KpiSettings().provisional_below
    assert variables["minor_stop_threshold_s"] == KpiSettings().minor_stop_threshold_s


def test_every_problem_of_the_data_quality_mart_is_documented() -> None:
    told = COLUMNS["data_quality"]["problem"]["description"]
    table = PAGE.split("## What is hidden")[1].split("```")[0]

    documented = set(re.findall(r"^\| (\w+_\w+) \|", table, re.MULTILINE))

    assert documented == set(re.findall(r"\w+_\w+", told))
