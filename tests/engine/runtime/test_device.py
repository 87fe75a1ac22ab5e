"""Which device an edit runs on: what is asked for, where it is there; torch loads only to look for it."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.errors import InvalidRequest
from engine.runtime.device import DEVICES, resolve_device

ROOT = Path(__file__).parents[3]


@pytest.fixture
def machine(monkeypatch):
    """machine(cuda=…, mps=…): what torch finds here."""

    def has(*, cuda=False, mps=False):
        torch = SimpleNamespace(
            cuda=SimpleNamespace(is_available=lambda: cuda),
            backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        )
        monkeypatch.setitem(sys.modules, "torch", torch)

    return has


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:1"])
@pytest.mark.parametrize("networks", [True, False])
def test_an_unknown_device_is_refused_with_the_known_ones(name, networks):
    with pytest.raises(InvalidRequest, match=f"“{name}”; choose {', '.join(DEVICES)}"):
        resolve_device(name, networks=networks)


@pytest.mark.parametrize(
    ("cuda", "mps", "best"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_best_for_networks(machine, cuda, mps, best):
    machine(cuda=cuda, mps=mps)
    assert resolve_device("auto", networks=True) == best
    assert resolve_device("auto", networks=False) == "cpu"
    assert resolve_device("cpu", networks=True) == "cpu"


@pytest.mark.parametrize(("name", "title"), [("cuda", "NVIDIA GPU"), ("mps", "Apple GPU")])
def test_a_device_that_is_named_must_be_there(machine, name, title):
    machine(**{name: True})
    assert resolve_device(name, networks=True) == name
    machine()
    for networks in (True, False):
        with pytest.raises(InvalidRequest, match=f"no {title}.*device cpu or auto"):
            resolve_device(name, networks=networks)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_what_runs_no_network_runs_on_the_cpu_whatever_is_there(machine, name):
    machine(**{name: True})
    assert resolve_device(name, networks=False) == "cpu"


def test_the_real_torch_is_asked_without_a_fault():
    assert resolve_device("auto", networks=True) in ("cpu", "cuda", "mps")


def test_without_networks_torch_is_not_loaded():
    code = (
        "import sys; from engine.runtime.device import resolve_device as r;"
        "r('auto', networks=False); r('cpu', networks=True); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False).returncode == 0
