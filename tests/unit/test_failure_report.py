"""The page of `make faults` tells what failed, and keeps what was found before."""

from pathlib import Path

from tests.failure_report import FailureReport, Kind, Result


def result(**changed: object) -> Result:
    known = {"fault": "cut", "faults": 3, "values": 1_000, "lost": 0, "doubled": 0}
    return Result(**(known | changed))  # type: ignore[arg-type]


def test_rows_stand_in_the_order_of_their_kinds() -> None:
    report = FailureReport()
    for fault, kind in (("jump", Kind.CLOCK), ("kill", Kind.KILL), ("cut", Kind.NETWORK)):
        report.keep([result(fault=fault, kind=kind)])

    page = report.text()

    assert page.index("| kill |") < page.index("| cut |") < page.index("| jump |")


def test_a_row_says_what_was_lost_before_acceptance_and_when_data_flowed_again() -> None:
    row = result(
        lost_before=7, gap="marts.gap", flowing_again_s=[float(n) for n in range(1, 101)]
    ).row()

    assert "| 7: marts.gap | 50.5 / 95.0 / 100.0 s |" in row


def test_a_failed_test_keeps_its_rows_and_is_told(tmp_path: Path) -> None:
    report = FailureReport(tmp_path / "page.md", say=lambda _line: None, planned=3)
    report.keep([result(lost=2)])
    report.finished("test_cut", "failed", "2 values are missing")
    report.finished("test_disk", "skipped", "only root may mount")

    page = (tmp_path / "page.md").read_text()

    assert "| cut | 3 | - | 1,000 | 2 | 0 |" in page
    assert "0 of 3 tests passed" in page
    assert "**1 failed**, 1 could not run here, 1 had not ended" in page
    assert "- `test_cut`: 2 values are missing" in page
    assert "- `test_disk`: only root may mount" in page


def test_progress_is_shown_to_the_end_without_a_flood(tmp_path: Path) -> None:
    lines: list[str] = []
    report = FailureReport(tmp_path / "page.md", say=lines.append)

    for done in (*range(1, 501), 500):
        report.progress("kills", done, 500)

    assert [line.split("] ")[1] for line in lines] == ["kills: 1 of 500", "kills: 500 of 500"]
