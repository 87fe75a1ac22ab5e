"""The restart is measured with a real process; how long it takes is not for a test."""

import pytest

from desktop import engine_bench
from desktop.worker import EngineWorker


def test_a_restart_is_measured_and_it_is_one(qapp, monkeypatch):
    monkeypatch.setattr(engine_bench, "_RUNS", 2)
    pids, real = [], EngineWorker.submit
    monkeypatch.setattr(EngineWorker, "submit", lambda self, job: (pids.append(self.pid), real(self, job))[1])
    row = engine_bench.time_restart()
    assert (row.runs, row.unit, row.aim) == (2, "ms", None)
    assert 0 < row.median <= row.p95
    with pytest.raises(ProcessLookupError):
        engine_bench.os.kill(pids[-1], 0)
