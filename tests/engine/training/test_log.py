import json

import numpy as np
import pytest

from engine.training.log import Log, draw_curves

BLUE, RED = (0x24, 0x67, 0xC9), (0xC0, 0x39, 0x2B)


def trained(values, event="train"):
    return [{"event": event, "step": step, "seconds": 1.0, "loss": value} for step, value in values]


def places(sheet, colour):
    """Rows and columns of a colour."""
    return np.argwhere((np.asarray(sheet) == colour).all(-1))


def test_records_are_lines(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    log.write(event="start", step=0, words="ä\n")
    log.write(event="end", step=1)
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1]
    log.plot(tmp_path / "plot.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "plot.png"]


def test_falling_curve_falls():
    curve = places(draw_curves(trained([(0, 4.0), (100, 3.0)])), BLUE)
    left, right = curve[curve[:, 1].argmin()], curve[curve[:, 1].argmax()]
    assert left[0] < right[0] - 150
    assert right[1] - left[1] > 380


def test_wide_span_is_drawn_by_its_logarithm():
    values = [(step, 10.0 ** (-step / 25)) for step in range(101)]
    curve = places(draw_curves(trained(values)), BLUE)
    middle = curve[abs(curve[:, 1] - curve[:, 1].mean()) < 2][:, 0].mean()
    assert middle == pytest.approx(curve[:, 0].mean(), abs=4)  # a straight line


def test_measurements_have_their_own_panels():
    sheet = draw_curves([*trained([(0, 1.0), (9, 2.0)]), *trained([(5, 1.0)], "evaluate")])
    red, blue = places(sheet, RED), places(sheet, BLUE)
    assert len(red)
    assert len(blue)
    assert red[:, 1].max() < 480 <= blue[:, 1].min()


@pytest.mark.parametrize(
    "values", [[], [(0, 1.0)], [(3, 0.0)], [(0, 2.0), (1, 2.0)], [(0, -1e30), (1, 1e30)]]
)
def test_any_curve_can_be_drawn(values):
    assert draw_curves(trained(values)).size == (960, 240)


def test_what_is_no_number_is_left_out():
    whole = draw_curves(trained([(0, 1.0), (9, 2.0)]))
    gap = draw_curves(trained([(0, 1.0), (4, float("nan")), (9, 2.0)]))
    assert whole.tobytes() == gap.tobytes()
