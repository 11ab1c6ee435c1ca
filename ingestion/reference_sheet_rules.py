"""What the costing sheet demands of its lines beyond keys and references (pure).

Belongs here: one rule per function, named after what must hold within the file.
"""

from collections.abc import Mapping

from ingestion.reference_checks import told
from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable, Row
from ingestion.reference_values import Value

TOTAL = "total"
NOT_ON_SHEET = "not_on_sheet"
"""How the ids of the lines begin that Takt adds for what no stated line takes."""
_LINE = ("line_id", "parent_line_id", "sequence", "name", "cost_group_id")


def added_lines_are_not_stated(table: FileTable, findings: Findings) -> None:
    """The total, and what no line takes, have lines on every sheet."""
    for row in table.rows:
        line = row.values["line_id"]
        if isinstance(line, str) and (line == TOTAL or line.startswith(NOT_ON_SHEET)):
            cause = "Takt adds that line to every sheet; leave it out, or give it another id"
            findings.add(Problem(table.file, cause, row.number, "line_id", line))


def rows_of_a_line_say_the_same(table: FileTable, findings: Findings) -> None:
    """Two lines do not share an id; one that takes several cost groups is stated alike in each."""
    first: dict[Value | None, Row] = {}
    for row in table.rows if table.unfit_columns.isdisjoint(_LINE) else ():
        line = row.values["line_id"]
        before = first.setdefault(line, row)
        differing = next((c for c in _LINE if _differ(c, before, row)), None)
        if differing is not None:
            was = told(before.take((differing,)))
            cause = (
                f"row {before.number} is line {line}, too, with {was}; a line that takes several"
                " cost groups is the same in all its rows, another line has another line_id"
            )
            found = told(row.take((differing,)))
            findings.add(Problem(table.file, cause, row.number, differing, found))


def _differ(column: str, one: Row, other: Row) -> bool:
    """Whether two rows are not of one line; its cost groups differ, but it has some or none."""
    before, after = one.values[column], other.values[column]
    if column == "cost_group_id":
        return (before is None) != (after is None)
    return before != after


def a_cost_group_is_on_one_line(table: FileTable, findings: Findings) -> None:
    """What stands on two lines would count twice."""
    taken: dict[Value, Row] = {}
    for row in table.rows if table.unfit_columns.isdisjoint(_LINE) else ():
        group, line = row.take(("cost_group_id", "line_id"))
        if group is None:
            continue
        before = taken.setdefault(group, row)
        other = before.values["line_id"]
        if other != line:
            cause = f"line {other} of row {before.number} takes it, too; take it from one of them"
            findings.add(Problem(table.file, cause, row.number, "cost_group_id", str(group)))


def lines_take_cost_groups_or_have_lines(table: FileTable, findings: Findings) -> None:
    """A subtotal is the sum of its lines and nothing else; a line without any takes something."""
    parents = {row.values["parent_line_id"] for row in table.rows}
    for row in table.rows if table.unfit_columns.isdisjoint(_LINE) else ():
        line, group = row.take(("line_id", "cost_group_id"))
        if group is not None and line in parents:
            cause = (
                f"lines are below {line}, so it is their subtotal; give the cost group a line of"
                " its own there"
            )
            findings.add(Problem(table.file, cause, row.number, "cost_group_id", str(group)))
        if group is None and line not in parents:
            cause = (
                f"nothing would be on {line}: name its cost group, or make it the parent_line_id of"
                " another line"
            )
            findings.add(Problem(table.file, cause, row.number, "cost_group_id", ""))


def no_line_is_below_itself(table: FileTable, findings: Findings) -> None:
    """Subtotals lead up to the total."""
    parents = {row.values["line_id"]: row.values["parent_line_id"] for row in table.rows}
    numbers = {row.values["line_id"]: row.number for row in reversed(table.rows)}
    told_of: set[Value | None] = set()
    for line, parent in parents.items():
        circle = _circle(line, parents)
        if circle and told_of.isdisjoint(circle):
            told_of.update(circle)
            cause = (
                f"it is below itself: {' → '.join(map(str, circle))}; let one of them go into"
                " another line, or into the total (empty)"
            )
            findings.add(Problem(table.file, cause, numbers[line], "parent_line_id", str(parent)))


def _circle(line: Value | None, parents: Mapping[Value | None, Value | None]) -> list[Value | None]:
    """From a line up until it comes again; empty where it does not."""
    way = [line]
    while (parent := parents.get(way[-1])) is not None:
        way.append(parent)
        if parent == line:
            return way
        if parent in way[:-1]:
            break
    return []
