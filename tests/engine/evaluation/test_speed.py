"""`pliant bench speed` measures what it says and tells it in rows; how long it takes is not for a test."""

import time

import numpy as np
import pytest

from engine.evaluation import BENCHMARKS, instant_drag, speed
from engine.evaluation.speed import Row


@pytest.fixture(scope="module")
def rows():
    """The whole benchmark on a small photo, two runs each."""
    measure = speed._measure

    def briefly(name, act, runs, aim):
        return measure(name, act, 2, aim)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "_LARGE", (480, 320))
        patch.setattr(speed, "_REGION", 128)
        patch.setattr(speed, "_measure", briefly)
        patch.setattr(instant_drag, "_FLOWGEN_RUNS", 2)
        return BENCHMARKS["speed"]()


def test_every_measurement_of_the_aims_is_there(rows):
    aims = {row.name: row.aim for row in rows if row.aim is not None}
    assert sorted(aims.values()) == [12, 300, 500, 500, 3000]
    assert [row.name for row in rows] == list(dict.fromkeys(row.name for row in rows))


def test_rows_hold_milliseconds(rows):
    for row in rows:
        assert isinstance(row, Row)
        assert row.runs == 2
        assert row.unit == "ms"
        assert 0 < row.median <= row.p95
        line = str(row)
        assert row.name in line
        assert "median" in line
        assert "p95" in line
        assert ("aim" in line) == (row.aim is not None)
        assert "\n" not in line


def test_a_measurement_warms_up_and_takes_percentiles(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(speed.time, "perf_counter", lambda: now[0])
    lengths = iter([9.0, 9.0, 9.0, *(i / 1000 for i in range(1, 102))])  # three warm-ups, then 1 … 101 ms

    def act():
        now[0] += next(lengths)

    row = speed._measure("thing", act, 101, None)
    assert row == Row("thing", 51.0, 96.0, 101, None)
    assert time.perf_counter() == now[0]


def test_a_row_may_hold_something_else():
    row = Row.of("memory", [1.0, 2.0, 3.0], 5, "MB")
    assert row == Row("memory", 2.0, 2.9, 3, 5, "MB")
    assert "2.0 MB" in str(row)
    assert " ms" not in str(row)


def test_the_photo_has_structure_at_every_scale():
    photo = speed._photo((300, 200))
    assert photo.shape == (200, 300, 4)
    assert (photo[..., 3] == 255).all()
    for step in (1, 8, 64):
        thinned = photo[::step, ::step, :3].astype(int)
        assert np.abs(np.diff(thinned, axis=1)).mean() > 2
    assert np.array_equal(photo, speed._photo((300, 200)))
