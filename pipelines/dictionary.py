"""The data dictionary: `docs/marts.md`, made of what the dbt models say of themselves.

Belongs here: turning their YAML into a page. `python -m pipelines.dictionary` writes it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dbt.clients.yaml_helper import load_yaml_text

from pipelines.dbt import PROJECT

PAGE = PROJECT.parent / "docs/marts.md"
_HEAD = """# Marts

What `takt sql` finds in schema `marts`: every table and view, its grain and its columns. Made by
`make docs` from the models in `dbt_project/models`; do not edit it. Times are UTC, `_s` seconds,
`_amount` money in the row's `currency`, `_ratio` 0 to 1. How KPIs come about is in
[kpi.md](kpi.md), how costs do in [costs.md](costs.md).
"""
_FOLDERS = ("marts", "live")


def page() -> str:
    """The whole page, marts in the order of their names."""
    models = sorted(_models(), key=lambda model: str(model["name"]))
    contents = "".join(f"- [{model['name']}](#{model['name']})\n" for model in models)
    return "\n".join([_HEAD, contents, *map(_section, models)])


def _models() -> Iterator[Mapping[str, Any]]:
    for folder in _FOLDERS:
        for file in sorted((PROJECT / "models" / folder).rglob("*.yml")):
            yield from load_yaml_text(file.read_text()).get("models", [])


def _section(model: Mapping[str, Any]) -> str:
    rows = "".join(
        f"| `{column['name']}` | {column.get('data_type', '')} | {_line(column)} |\n"
        for column in model.get("columns", [])
    )
    table = f"\n| column | type | |\n|---|---|---|\n{rows}" if rows else ""
    return f"## {model['name']}\n\n{_line(model)}\n{table}"


def _line(described: Mapping[str, Any]) -> str:
    return " ".join(str(described.get("description", "")).split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
