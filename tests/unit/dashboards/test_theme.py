import re
from itertools import combinations
from pathlib import Path

import pytest

import dashboards
from dashboards.theme import FAVOURABLE, LOOKS, UNFAVOURABLE, Look, Spent, contrast

CSS = (Path(dashboards.__file__).parent / "assets/theme.css").read_text()


def test_every_category_has_a_look() -> None:
    assert set(LOOKS) == set(Spent)


@pytest.mark.parametrize(("one", "other"), list(combinations(LOOKS.values(), 2)))
def test_two_categories_differ_by_label_and_pattern_not_by_colour_alone(
    one: Look, other: Look
) -> None:
    assert one.label != other.label
    assert one.pattern != other.pattern


@pytest.mark.parametrize("look", [*LOOKS.values(), FAVOURABLE, UNFAVOURABLE])
def test_text_on_a_category_colour_is_readable(look: Look) -> None:
    assert contrast(look.colour, look.ink) >= 4.5


@pytest.mark.parametrize("kind", Spent)
def test_the_style_sheet_uses_the_same_colours(kind: Spent) -> None:
    token = re.search(rf"--{kind.replace('_', '-')}: (#[0-9a-f]{{6}});", CSS)

    assert token is not None
    assert token[1].upper() == LOOKS[kind].colour.upper()


@pytest.mark.parametrize("kind", Spent)
def test_the_style_sheet_draws_an_icon_and_a_fill_for_every_category(kind: Spent) -> None:
    assert f".icon-{kind} {{" in CSS
    assert f".spent-{kind}" in CSS


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_every_surface_in_light_and_dark(scheme: int) -> None:
    tokens = {
        name: pair[scheme]
        for name, *pair in re.findall(r"--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
    }

    for surface in ("surface", "panel"):
        assert contrast(tokens["ink"], tokens[surface]) >= 4.5
        assert contrast(tokens["ink-quiet"], tokens[surface]) >= 4.5
        assert contrast(tokens["accent"], tokens[surface]) >= 4.5
    for notice in ("warn", "alarm"):
        assert contrast(tokens["ink"], tokens[notice]) >= 4.5


def test_nothing_is_fetched_from_elsewhere() -> None:
    folder = Path(dashboards.__file__).parent
    for file in [*folder.glob("assets/*"), folder / "index.html"]:
        addresses = re.findall(r"https?://[\w./-]+", file.read_text())
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, file
