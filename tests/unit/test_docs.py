"""The documentation tells the truth: each setting, link and command it names exists."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from ingestion.mes_messages import read
from pipelines import dictionary
from takt.contracts.mes import ENVELOPE, MESSAGES
from takt.settings import Settings

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "bench/README.md"]


def setting_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += setting_names(kind, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names


def test_every_setting_is_documented_and_nothing_else() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    documented = re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE)

    assert sorted(documented) == sorted(setting_names(Settings))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target for page in PAGES for target in re.findall(r"\bmake ([a-z]+)\b`", page.read_text())
    }

    assert named <= targets


def test_every_verb_that_the_readme_names_exists() -> None:
    verbs = set(
        re.findall(r"\btakt ([a-z]+)\b[^.]*?$", (ROOT / "README.md").read_text(), re.MULTILINE)
    )
    named = verbs & set(
        re.findall(r"^takt ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    )
    help_text = subprocess.run(
        [sys.executable, "-m", "takt", "--help"], capture_output=True, text=True, check=True
    ).stdout

    assert named
    assert {verb for verb in named if verb not in help_text} == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize(
    "package", ["takt", "lake", "edge", "ingestion", "pipelines", "dashboards"]
)
def test_no_dependency_ships_a_package_with_our_name(package: str) -> None:
    from importlib.metadata import packages_distributions

    assert set(packages_distributions().get(package, [])) <= {"takt"}


def test_every_direct_dependency_is_documented_with_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[^a-z-]", line)[0] for lines in wanted for line in lines} - {"takt"}
    documented = set(re.findall(r"`([a-z-]+)`", (ROOT / "docs/dependencies.md").read_text()))

    assert names <= documented


def test_every_test_that_a_page_names_exists() -> None:
    named = {
        pair
        for page in PAGES
        for pair in re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page.read_text())
    }

    assert len(named) > 10
    for file, test in named:
        assert re.search(rf"^ *(async )?def {test}\b", (ROOT / file).read_text(), re.MULTILINE), (
            test
        )


def test_the_data_dictionary_is_what_the_models_say() -> None:
    assert dictionary.PAGE.read_text() == dictionary.page(), "run `make docs`"


def test_the_messages_of_an_mes_are_documented_key_by_key_with_examples_that_are_read() -> None:
    text = (ROOT / "docs/configuration.md").read_text().partition("## Messages of an MES")[2]
    examples = [read(each.encode()) for each in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]

    assert sorted(each.type for each in examples) == sorted(MESSAGES)
    for column in ENVELOPE:
        assert f"\n| {column.name} |" in text
    for name, contract in MESSAGES.items():
        keys = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        keys = keys.split("|")[2]
        required, _, optional = keys.partition("[")
        told = {True: re.findall(r"[a-z]+_?[a-z_]*", required), False: optional}
        for column in (*contract.columns, *contract.line_columns):
            assert column.name in told[column.is_required], f"{column.name} of {name}"
