"""The report as people meet it: on a desk, on a phone, on paper, in the dark, by keyboard, by ear, and beside another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.browser import axe_script, chromium
from tests.page import write_page
from tests.synthetic import write_measured, write_study, write_tables

pytestmark = pytest.mark.slow

DESK, PHONE, SMALL = (1280, 860), (390, 844), (320, 568)
A4 = 703  # CSS pixels between the margins
SPREADS = """width => [...document.querySelectorAll("body *")].filter(element => {
  const box = element.getBoundingClientRect();
  if (!box.width || box.right <= width + 1) return false;
  for (let above = element; above; above = above.parentElement)
    if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(above).overflowX)) return false;
  return true;
}).map(element => `${element.tagName}#${element.id}.${element.className}`)"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with two real figures, three seeds and measured times."""
    folder = tmp_path_factory.mktemp("study")
    _, records = write_study(folder)
    write_measured(write_tables(folder, records))
    write_page(folder, records, draw=("tradeoff", "calibration"))
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser: Any, folder: Path) -> Iterator[Any]:
    """Opens the report at a size; whatever goes wrong in the page, or leaves it, fails the test."""
    contexts, troubles = [], []

    def at(size: tuple[int, int] = DESK, **context: Any) -> Any:
        contexts.append(browser.new_context(viewport={"width": size[0], "height": size[1]}, **context))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:")) else troubles.append(request.url),
        )
        page.goto((folder / "report.html").as_uri())
        return page

    yield at
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE, SMALL], ids=str)
def test_axe_finds_no_barrier(visit: Any, size: tuple[int, int], scheme: str) -> None:
    page = visit(size, color_scheme=scheme)
    page.evaluate(axe_script())
    found = page.evaluate("axe.run()")["violations"]
    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []


@pytest.mark.parametrize("size", [DESK, PHONE, SMALL], ids=str)
def test_nothing_is_wider_than_the_window(visit: Any, size: tuple[int, int]) -> None:
    assert visit(size).evaluate(SPREADS, size[0]) == []


def test_nothing_is_cut_off_on_paper(visit: Any) -> None:
    page = visit((A4, 1000))
    page.emulate_media(media="print")
    assert page.evaluate(SPREADS, A4) == []
    cut = "[...document.querySelectorAll('.scroll, pre')].filter(box => getComputedStyle(box).overflowX !== 'visible')"
    assert page.evaluate(f"{cut}.length") == 0
    assert page.evaluate("document.querySelector('#headline-table thead th').innerText.trim()") == "quantity"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_the_four_boxes_fill_the_first_screen(visit: Any) -> None:
    bottoms = visit().evaluate("[...document.querySelectorAll('.box')].map(box => box.getBoundingClientRect().bottom)")
    assert len(bottoms) == 4
    assert max(bottoms) <= DESK[1]


def readout(page: Any) -> list[list[str]]:
    return list(
        page.evaluate(
            "[...document.querySelectorAll('#readout tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
        )
    )


def test_arrow_keys_move_the_threshold_and_the_numbers_are_those_of_the_table(visit: Any, folder: Path) -> None:
    page = visit()
    page.focus("#slider")
    page.keyboard.press("Home")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    sweep = pd.read_csv(folder / "tables" / "threshold_sweep.csv").query("state == 'recovered' and recipe == 'joint'")
    rates = pd.read_csv(folder / "tables" / "exit_rates.csv").query("state == 'recovered' and recipe == 'joint'")
    row = sweep.sort_values("threshold").iloc[30]
    there = next(cells for cells in readout(page) if cells[0] == "joint")
    assert float(page.text_content("#at")) == pytest.approx(row["threshold"], abs=5e-4)
    assert there[1] == f"{100 * row['accuracy']:.1f} %"
    assert float(there[2]) == pytest.approx(row["average_macs"] / 1e6, rel=0.006)
    shares = rates[(rates["threshold"] - row["threshold"]).abs() < 1e-9].sort_values("exit")["exit_rate"]
    assert there[-7:] == [f"{100 * share:.1f} %" for share in shares]


def test_milliseconds_stand_where_they_were_measured(visit: Any) -> None:
    page = visit()
    page.focus("#slider")
    page.keyboard.press("End")
    cells = {row[0]: row for row in readout(page)}
    assert float(cells["joint"][4]) > 0
    assert cells["sequential"][4] == "–"


def drag(page: Any, kind: str, step: int) -> list[str]:
    """Cells of the choice once the limit is dragged to a step of its slider, by keys and by hand."""
    page.select_option("#limit-kind", kind)
    page.focus("#limit")
    page.keyboard.press("Home")
    page.evaluate("step => { const slider = document.getElementById('limit'); slider.value = step - 1; }", step)
    page.keyboard.press("ArrowRight")
    return list(page.evaluate("[...document.querySelector('#choice tbody tr').cells].map(cell => cell.textContent)"))


@pytest.mark.parametrize("step", [1, 20, 60, 99])
def test_the_limit_in_macs_finds_the_most_accurate_network_within_it(visit: Any, folder: Path, step: int) -> None:
    table = pd.read_csv(folder / "tables" / "choices.csv").query("state != 'unpruned' or recipe == 'joint'")
    low, high = table["validation_macs"].min(), table["validation_macs"].max()
    cells = drag(visit(), "macs", step)
    within = table[table["validation_macs"] <= low * (high / low) ** (step / 100) + 1]
    best = within.sort_values(["validation_accuracy", "validation_macs"], ascending=[False, True]).iloc[0]
    assert cells[0].split(",")[0] == (best["recipe"] if best["state"] != "unpruned" else "unpruned")
    assert cells[1:3] == [str(best["seed"]), str(best["exits"]).replace(" ", ",")]
    assert float(cells[3]) == pytest.approx(best["threshold"], rel=1e-6)
    assert cells[4:6] == [f"{100 * best[what]:.1f} %" for what in ("validation_accuracy", "test_accuracy")]
    assert cells[6].startswith(f"{100 * best['mean_accuracy']:.1f} %")


def test_the_limit_in_points_lost_finds_the_cheapest(visit: Any, folder: Path) -> None:
    table = pd.read_csv(folder / "tables" / "choices.csv")
    page = visit()
    cells = drag(page, "lost", 30)
    best = table[table["accuracy_lost"] <= 0.03 + 1e-9].sort_values("validation_macs").iloc[0]
    assert page.text_content("#limit-at") == "3.0 points"
    assert float(cells[7]) == pytest.approx(best["test_macs"] / 1e6, rel=0.006)
    command = page.text_content("#choice-command")
    assert command.startswith(f"exitprune export runs/synthetic/seed{best['seed']}/")
    assert f"--exits {str(best['exits']).replace(' ', ',')} --threshold" in command


def test_a_limit_in_time_chooses_among_what_was_timed(visit: Any) -> None:
    page = visit()
    cells = drag(page, "ms onnxruntime 64", 90)
    assert cells[:2] == ["joint, after recovery", "0"]
    assert float(cells[8].removesuffix(", onnxruntime")) > 0
    assert page.locator("#choices circle.chosen").count() == 1
    last = page.evaluate(
        "[...[...document.querySelectorAll('#choice tbody tr')].at(-1).cells].map(cell => cell.textContent)"
    )
    assert last[0] == "plain ResNet-20"
    assert float(last[8].removesuffix(", onnxruntime")) <= float(page.text_content("#limit-at").removesuffix(" ms"))


def test_a_recipe_can_be_left_out_and_brought_back(visit: Any) -> None:
    page = visit()
    box = page.get_by_role("checkbox", name="sequential")
    box.uncheck()
    assert [row[0] for row in readout(page)] == ["unpruned", "joint"]
    page.get_by_role("checkbox", name="sequential").check()
    assert [row[0] for row in readout(page)] == ["unpruned", "joint", "sequential"]


def test_the_curves_tell_their_values_under_the_pointer(visit: Any) -> None:
    page = visit()
    page.hover("#chart svg")
    assert "million MACs\nunpruned: " in page.text_content("#chart .tip")


def test_a_figure_tells_the_value_under_the_pointer(visit: Any) -> None:
    page = visit()
    picture = page.locator("#figure-tradeoff .picture")
    picture.scroll_into_view_if_needed()
    left, top, shown_x, shown_y = page.evaluate(
        "JSON.parse(document.getElementById('points-tradeoff').textContent)[1].at[40]"
    )
    box = picture.bounding_box()
    page.mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"])
    assert f"{shown_x}: {shown_y}" in picture.locator(".tip").text_content()


def test_columns_sort_by_number_both_ways_and_say_so(visit: Any) -> None:
    page = visit()
    values = "[...document.querySelectorAll('#paper-4 tbody tr')].map(row => parseFloat(row.cells[2].textContent))"
    page.evaluate("document.querySelector('#paper-4 tbody').rows[1].cells[2].textContent = '99e-06'")  # as p-values
    heading = page.locator("#paper-4 thead th").nth(2)
    heading.locator("button").press("Enter")
    up = page.evaluate(values)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert up == sorted(up)
    assert page.evaluate(values) == up[::-1]


def test_a_long_table_shows_the_rows_asked_for_and_counts_them(visit: Any) -> None:
    page = visit()
    page.locator("input[aria-controls=paper-4]").fill("exit")
    assert page.locator("#paper-4 tbody tr:visible").count() == 6
    assert page.get_by_text("6 of 64 rows").is_visible()


def test_what_scrolls_takes_the_focus_and_says_that_it_goes_on(visit: Any) -> None:
    page = visit(PHONE)
    boxes = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(b => b.scrollWidth > b.clientWidth + 1)"
        ".map(b => [b.tabIndex, b.classList.contains('more-right'), b.previousElementSibling.className])"
    )
    assert boxes
    assert {tuple(box) for box in boxes} == {(0, True, "hint")}


def test_another_report_stands_beside_this_one(visit: Any, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    page = (folder / "report.html").read_text(encoding="utf-8")
    other.write_text(
        page.replace('"study":"synthetic"', '"study":"sparser"').replace('"sparsity":0.8,', '"sparsity":0.9,')
    )
    page = visit()
    page.set_input_files("#other", other)
    page.get_by_text("other.html is beside this report now.").wait_for()
    assert [row[0] for row in readout(page)][3:] == ["unpruned (sparser)", "joint (sparser)", "sequential (sparser)"]
    assert "sparsity 0.8 0.9" in " ".join(page.text_content("#beside table").replace("0.80.9", " 0.8 0.9").split())
    page.evaluate(axe_script())
    assert page.evaluate("axe.run()")["violations"] == []


def test_a_file_that_is_no_report_is_refused_in_a_sentence(visit: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.html").write_text("<p>{</p>")
    page = visit()
    page.set_input_files("#other", tmp_path / "notes.html")
    page.get_by_text("notes.html is not a report of this kind").wait_for()


def test_everything_but_the_moving_parts_is_there_without_scripts(visit: Any) -> None:
    page = visit(java_script_enabled=False)
    assert page.get_by_text("This part needs JavaScript; everything").is_visible()
    assert not page.locator("#explorer").is_visible()
    assert not page.locator("#chooser").is_visible()
    assert page.locator("#headline-table").is_visible()
