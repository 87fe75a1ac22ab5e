"""OpenPacks: what is loaded once stays while there is room, and is really gone afterwards."""

import ctypes
import gc
import os
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.packs import Component, ModelPack
from engine.runtime import open_packs as module
from engine.runtime.device import free_cached_memory, total_memory
from engine.runtime.open_packs import OpenPacks

NETWORK = 4000  # bytes that one holds


@pytest.fixture
def packs(tmp_path):
    """packs(name): a pack of one network, 1000 weights in float32."""

    def of(name):
        component = Component(role="net", kind="mine", path=tmp_path / name)
        return ModelPack(
            name=name,
            title=name.title(),
            licence="CC0-1.0",
            working_size=64,
            folder=tmp_path,
            components={"net": component},
            methods={},
        )

    return of


class Circular(torch.nn.Linear):
    """Holds itself, as networks of libraries do: only the collector frees it."""

    def __init__(self):
        super().__init__(999, 1, bias=True)
        self.myself = [self]


def load(opened):
    return opened.components.load("net", torch.nn.Module, loaders={"mine": lambda *_: Circular()})


@pytest.fixture
def freed(monkeypatch):
    devices = []
    monkeypatch.setattr(module, "free_cached_memory", devices.append)
    return devices


def fill(shelf, packs, *names, device="cpu"):
    """Open and load packs one after another; weak references to their networks."""
    return [weakref.ref(load(shelf.use(name, packs(name), device))) for name in names]


def test_a_pack_is_opened_once_for_each_device(packs, freed):
    shelf = OpenPacks(room=lambda device: 10 * NETWORK)
    first = shelf.use("a", packs("a"), "cpu")
    shelf.use("b", packs("b"), "cpu")
    assert shelf.use("a", packs("a"), "cpu") is first
    assert shelf.keys == (("b", "cpu"), ("a", "cpu"))
    assert freed == []


def test_what_a_pack_holds_is_counted_as_it_loads(packs, freed):
    opened = OpenPacks().use("a", packs("a"), "cpu")
    assert opened.components.held_bytes == 0
    load(opened)
    assert opened.components.held_bytes == NETWORK


@pytest.mark.parametrize("room", range(4))
def test_the_least_recently_used_go_first_and_are_gone(packs, freed, room):
    shelf = OpenPacks(room=lambda device: room * NETWORK)
    networks = fill(shelf, packs, "a", "b", "c")
    fill(shelf, packs, "a")  # which is the latest now
    gc.disable()  # nobody but the shelf shall clear up
    try:
        networks += fill(shelf, packs, "d")
    finally:
        gc.enable()
    kept = [name for name, _ in shelf.keys]
    assert kept == ["b", "c", "a", "d"][3 - room :]
    assert bool(freed) == (room < 3)
    if room == 3:
        assert all(network() is not None for network in networks)
    elif room == 0:
        assert [network() is None for network in networks] == [True, True, True, False]


def test_the_one_in_use_stays_however_large(packs, freed):
    shelf = OpenPacks(room=lambda device: 0)
    (network,) = fill(shelf, packs, "a")
    for _ in range(3):
        shelf.use("a", packs("a"), "cpu")
        shelf.use(None, None, "cpu")  # a method that needs no pack runs in between
    assert network() is not None
    assert freed == []


def test_on_another_device_nothing_stays(packs, freed):
    shelf = OpenPacks(room=lambda device: 10 * NETWORK)
    # Modules of a test lie on the CPU whatever a pack is said to be opened on.
    networks = fill(shelf, packs, "a", "b", device="cuda")
    shelf.use(None, None, "cpu")
    assert freed == []
    networks += fill(shelf, packs, "a")
    assert shelf.keys == ((None, "cpu"), ("a", "cpu"))
    assert freed == ["cuda"]
    assert [network() is None for network in networks] == [True, True, False]


def test_a_pack_that_extends_another_does_without_it(packs, freed):
    shelf = OpenPacks(room=lambda device: 0)
    base = packs("base")
    whole = replace(packs("whole"), extends="base", components=base.components)
    (network,) = fill(shelf, packs, "base")
    shared = load(shelf.use("whole", whole, "cpu"))
    assert network() is None
    assert load(shelf.use("whole", whole, "cpu")) is shared


def test_editors_go_with_their_pack(packs, freed):
    shelf = OpenPacks(room=lambda device: 0)

    class Editor:
        def __init__(self, components):
            self.network = load(shelf.use("a", packs("a"), "cpu"))

    opened = shelf.use("a", packs("a"), "cpu")
    opened.editors["act"] = Editor(opened.components)
    editor = weakref.ref(opened.editors["act"])
    del opened
    shelf.use("b", packs("b"), "cpu")
    assert editor() is None


def test_all_but_one_can_be_closed(packs, freed):
    shelf = OpenPacks(room=lambda device: 10 * NETWORK)
    assert shelf.is_alone
    networks = fill(shelf, packs, "a", "b")
    assert not shelf.is_alone
    shelf.keep_one()
    assert shelf.is_alone
    assert shelf.keys == (("b", "cpu"),)
    assert [network() is None for network in networks] == [True, False]


def test_what_is_open_and_not_loaded_keeps_nobody_waiting(packs, freed):
    shelf = OpenPacks(room=lambda device: NETWORK)
    shelf.use("a", packs("a"), "cpu")
    shelf.use("b", packs("b"), "cpu")
    assert shelf.is_alone


def test_a_quarter_of_the_devices_memory_may_be_held(packs, freed, monkeypatch):
    monkeypatch.setattr(module, "total_memory", lambda device: 4 * NETWORK)
    shelf = OpenPacks()
    fill(shelf, packs, "a", "b", "c")
    assert [name for name, _ in shelf.keys] == ["b", "c"]


def test_the_machines_memory_is_known():
    assert 2**28 < total_memory("cpu") < 2**50
    assert total_memory("cpu") == total_memory("mps")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' C libraries cannot be asked")
def test_memory_between_what_lives_is_given_back():
    def held():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        pytest.skip("this is not glibc")
    tensors = [torch.ones(16_000) for _ in range(3200)]  # 205 MB in blocks too small to be the system's own
    before = held()
    del tensors[:-1]
    free_cached_memory("cpu")
    assert before - held() > 1.5e8


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no NVIDIA GPU")
def test_a_gpus_memory_is_given_back(packs):
    shelf = OpenPacks(room=lambda device: 0)

    def large(*_):
        return torch.nn.Linear(4096, 4096, device="cuda")

    opened = shelf.use("a", packs("a"), "cuda")
    opened.components.load("net", torch.nn.Module, loaders={"mine": large})
    del opened
    before = torch.cuda.memory_reserved()
    shelf.use("b", packs("b"), "cuda")
    assert torch.cuda.memory_reserved() <= before - 2**26
    assert total_memory("cuda") > 2**30
