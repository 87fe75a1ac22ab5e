"""The window's benchmark measures what it says and tells it in rows; how long it takes is not for a test."""

import json

import pytest
from PySide6.QtCore import QPointF

from desktop import __main__, bench, engine_bench
from desktop.hand import Hand
from desktop.window import MainWindow
from engine import Engine, cli, samples
from engine.cli import Row

MEASURED = {
    "process start": ("ms", 1000),
    "open a JPEG": ("ms", 700),
    "fitted": ("ms", 16),
    "at 100 %": ("ms", 16),
    "busy core": ("ms", 33),
    "engine computing": ("ms", 33),
    "dab of a mask brush": ("ms", 4),
    "pan frame": ("ms", 16),
    "zoom frame, 0 MP, slowest": ("ms", 16),
    "zoom frame, 0 MP, just opened": ("ms", None),
    "undo or redo": ("ms", 16),
    "what undo of a stroke": ("MB", 5),
    "engine process killed": ("ms", None),
    "memory after": ("MB", 1500),
}


@pytest.fixture(scope="module")
def rows(qapp):
    """The whole benchmark on small photos, few runs of each."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "_WINDOW": (900, 600), "_PHOTO": (480, 360), "_LARGE": (600, 400), "_WIDE": (384, 216),
            "_REGION": 192, "_MOVES": 3, "_DABS": 3, "_UNDOS": 2, "_FRAMES": 2, "_SWEEPS": 1, "_STARTS": 1,
            "_OPENINGS": 2, "_EDITS": 2,
        }.items():  # fmt: skip
            patch.setattr(bench, name, value)
        patch.setattr(engine_bench, "_WIDTH", 8)
        return bench.run()


def test_every_aim_of_the_window_is_measured(rows):
    if not bench._STATUS.exists():
        pytest.skip("memory is told on Linux alone")
    found = {part: [(row.unit, row.aim) for row in rows if part in row.name] for part in MEASURED}
    assert found == {part: [told] for part, told in MEASURED.items()}
    assert len(rows) == len(MEASURED)


def test_rows_have_the_form(rows):
    for row in rows:
        assert isinstance(row, Row)
        assert row.runs >= 1
        assert 0 < row.median <= row.p95
        assert row.name in str(row)


def test_nothing_of_it_stays_behind(rows, qapp):
    """No window, and no home that is gone."""
    import os
    from pathlib import Path

    assert not [widget for widget in qapp.topLevelWidgets() if isinstance(widget, MainWindow)]
    assert Path(os.environ["PLIANT_HOME"]).exists()


@pytest.mark.parametrize("as_json", [False, True])
def test_bench_prints_the_engines_rows_and_then_the_windows(monkeypatch, capsys, as_json):
    first, second = Row("warp", 1.0, 2.0, 3, 4), Row("memory", 5.0, 6.0, 7, None, "MB")
    monkeypatch.setitem(cli.BENCHMARKS, "speed", lambda: [first])
    monkeypatch.setattr(bench, "run", lambda: [second])
    assert __main__.main(["bench", "speed", *(["--json"] if as_json else [])]) == 0
    told = capsys.readouterr().out
    if as_json:
        assert json.loads(told)["rows"] == [first._asdict(), second._asdict()]
    else:
        assert told == f"{first}\n{second}\n"


@pytest.fixture
def hand(qtbot):
    window = MainWindow(Engine())
    window.resize(900, 600)
    with qtbot.waitExposed(window):
        window.show()
    working = Hand(window)
    working.open(samples()[0].picture)
    yield working
    working.close()


def test_the_hand_drags_and_sees_it_painted(hand):
    before = hand.canvas.grab().toImage()
    hand.press(QPointF(400, 300))
    assert hand.time(lambda: hand.move(QPointF(500, 300))) > 0
    assert hand.canvas.grab().toImage() != before
    hand.release(QPointF(500, 300))
    hand.rest()
    assert not hand.window.session.busy
    assert len(hand.document.instruction.points) == 1


def test_the_hand_turns_the_wheel_and_pans(hand):
    zoom = hand.canvas.viewport.zoom
    hand.turn_wheel(QPointF(200, 200), 1)
    assert hand.canvas.viewport.zoom == pytest.approx(zoom * 1.25)
    assert hand.time(lambda: hand.turn_wheel(QPointF(200, 200), -1)) > 0
