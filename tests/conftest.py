"""What every test gets: no window, no network, no home of the user, and small pictures from fixed seeds."""

import faulthandler
import gc
import ipaddress
import os
import socket
import struct
from collections.abc import Callable, Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_YOUNG_COLLECTIONS = 30  # until all that the tests made is looked at


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the full counts of the heavy tests")


def pytest_configure(config: pytest.Config) -> None:
    cv2.setNumThreads(2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="a long test; give --long to run it"))


def pytest_collection_finish() -> None:
    """What modules have made stays; collections need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """From the first window on, cycles are collected on this thread alone: see `desktop/collector.py`."""
    if "qapp" in getattr(item, "fixturenames", ()):
        gc.disable()
    if item.get_closest_marker("timeout"):
        faulthandler.cancel_dump_traceback_later()  # pytest's, for those that take no longer than most


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    if not gc.isenabled():
        gc.collect(2 if gc.get_count()[2] > _YOUNG_COLLECTIONS else 1)


class NetworkBlocked(RuntimeError):  # noqa: N818 - no OSError, which code under test may well handle
    """A test wanted to leave this machine."""


def is_loopback(host: object) -> bool:
    if host in ("", "localhost", None):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Connections and look-ups of names stay on this machine."""

    def guarded(real: Callable[..., object]) -> Callable[..., object]:
        def call(self: socket.socket, address: object) -> object:
            if isinstance(address, tuple) and not is_loopback(address[0]):
                raise NetworkBlocked(f"Tests may not connect to {address}; serve it from 127.0.0.1.")
            return real(self, address)

        return call

    look_up = socket.getaddrinfo

    def guarded_look_up(host: object, *rest: object, **named: object) -> object:
        if not is_loopback(host.decode() if isinstance(host, bytes) else host):
            raise NetworkBlocked(f"Tests may not look up {host}; use 127.0.0.1.")
        return look_up(host, *rest, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture(autouse=True)
def pliant_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Packs, caches and logs of this test alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLIANT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def paint() -> Callable[..., Picture]:
    """paint(width, height, seed=0, alpha=False) → (h, w, 4) uint8: structure at several scales."""

    def painted(width: int, height: int, seed: int = 0, *, alpha: bool = False) -> Picture:
        random = np.random.default_rng(seed)
        channels = 4 if alpha else 3
        out = np.zeros((height, width, channels))
        for cells in (2, 5, 17):
            coarse = random.uniform(0, 255, (cells, cells, channels))
            out += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).reshape(out.shape) / 3
        out = out.clip(0, 255).astype(np.uint8)
        return out if alpha else np.dstack([out, np.full((height, width), 255, np.uint8)])

    return painted


@pytest.fixture
def picture(paint: Callable[..., Picture]) -> Picture:
    """320 × 240, opaque."""
    return paint(320, 240)


@pytest.fixture
def clear_picture(paint: Callable[..., Picture]) -> Picture:
    """320 × 240, alpha everywhere between 0 and 255."""
    return paint(320, 240, seed=1, alpha=True)


@pytest.fixture(scope="session")
def display_p3() -> bytes:
    """An ICC profile with the primaries of Display P3 and a gamma of 2.2."""
    return matrix_profile(
        ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)), gamma=2.2
    )


def matrix_profile(primaries: tuple[tuple[float, float, float], ...], gamma: float) -> bytes:
    """A minimal ICC version 2 display profile (ICC.1:2001-04): primaries as XYZ under D50, one curve."""
    white = (0.9642, 1.0, 0.8249)
    fixed = [xyz_tag(white), *(xyz_tag(primary) for primary in primaries)]
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)) + b"\0\0"
    words = b"desc" + struct.pack(">II", 0, 5) + b"Test\0" + bytes(4 + 4 + 2 + 1 + 67)
    rights = b"text" + struct.pack(">I", 0) + b"CC0\0"
    bodies = [words, rights, *fixed, curve]
    bodies = [body + bytes(-len(body) % 4) for body in bodies]
    places, end = [], 128 + 4 + 12 * 9
    for body in bodies:
        places.append((end, len(body)))
        end += len(body)
    names = (b"desc", b"cprt", b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")
    table = struct.pack(">I", 9)
    for name, (start, length) in zip(names, [*places, places[-1], places[-1]], strict=True):
        table += struct.pack(">4sII", name, start, length)
    head = struct.pack(">I4sI4s4s4s", end, b"test", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(4 + 4 + 4 + 4 + 8 + 4)
    head += struct.pack(">3i", *(round(value * 65536) for value in white))
    return head + bytes(128 - len(head)) + table + b"".join(bodies)


def xyz_tag(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *(round(value * 65536) for value in values))
