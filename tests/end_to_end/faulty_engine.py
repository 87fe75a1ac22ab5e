"""An engine process for tests of the window: it fails as a file in Pliant's folder says.

With --light something without torch stands in for InstantDrag: a process that is killed is soon replaced.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from engine.edit import Box, EditResult
from engine.host import main
from engine.methods import METHODS
from engine.paths import data_dir
from engine.pictures import SessionFolder

_NAME = "fault"
_LOADING, _STEP = 0.1, 0.02  # seconds
_MARGIN = 192 << 20  # bytes that a process whose memory is limited may take beyond what it has


def ask_for(fault: str, at: str, after: int = 0) -> None:
    """Let the engine process fail at the next place of this name, or after so many of them."""
    (data_dir() / _NAME).write_text(f"{at} {after} {fault}")


def ask_for_nothing() -> None:
    (data_dir() / _NAME).unlink(missing_ok=True)


def strike(at: str) -> None:
    """Fail if this is the place, once."""
    path = data_dir() / _NAME
    if not path.exists():
        return
    place, after, fault = path.read_text().split()
    if place == at and int(after):
        ask_for(fault, at, int(after) - 1)
    elif place == at:
        path.unlink()
        FAULTS[fault]()


def _memory() -> None:
    raise MemoryError


def _cpu_memory() -> None:
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")


def _gpu_memory() -> None:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def _bug() -> None:
    raise ZeroDivisionError("the bug of the test")


def _device() -> None:
    raise RuntimeError("CUDA error: device-side assert triggered")


def _eat(more: Callable[[], object]) -> None:
    """Take memory until the system gives no more; from now on this process lives with little."""
    import resource  # there is none on Windows

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _MARGIN, most))
    taken = []
    while True:
        taken.append(more())


def _eat_tensors() -> None:
    import torch

    _eat(lambda: torch.ones(1 << 18))


def _eat_arrays() -> None:
    _eat(lambda: np.ones(1 << 20, np.uint8))


def _eat_pictures() -> None:
    _eat(lambda: cv2.resize(np.zeros((64, 64), np.uint8), (16384, 16384)))


def _spin() -> None:
    while True:
        pass


def _deaf() -> None:
    ctypes.PyDLL(None).sleep(600)  # with Python's lock held: no thread runs


def _tear() -> None:
    """The process ends amid the next picture that it writes."""
    SessionFolder._check_open = lambda folder: os.kill(os.getpid(), signal.SIGKILL)


FAULTS: dict[str, Callable[[], None]] = {
    "memory": _memory,
    "cpu_memory": _cpu_memory,
    "gpu_memory": _gpu_memory,
    "bug": _bug,
    "device": _device,
    "eat_tensors": _eat_tensors,
    "eat_arrays": _eat_arrays,
    "eat_pictures": _eat_pictures,
    "sleep": lambda: time.sleep(600),
    "spin": _spin,
    "deaf": _deaf,
    "tear": _tear,
}


class LightEditor:
    """Turns the picture into its negative, in as many steps as InstantDrag would denoise."""

    def edit(self, request, settings, progress):
        with progress.phase("Load"):
            strike("Load")
            time.sleep(_LOADING)
        handles = tuple(pair.target for pair in request.points)
        image = request.image.copy()
        image[..., :3] = 255 - image[..., :3]
        result = EditResult(image=image, region=Box(0, 0, *request.size), handles=handles)
        for _ in progress.track("Denoise", range(settings.inference_steps)):
            strike("Denoise")
            progress.preview(lambda: image)
            progress.report(handles)
            time.sleep(_STEP)
        strike("End")
        return result


def build_faulty(components):
    """InstantDrag, which fails at a network, by its class."""
    from torch.nn.modules.module import register_module_forward_pre_hook

    register_module_forward_pre_hook(lambda module, _: strike(type(module).__name__))
    return REAL.build(components)


REAL = METHODS["instant_drag"]

if __name__ == "__main__":
    if "--light" in sys.argv:
        METHODS["instant_drag"] = replace(REAL, roles=frozenset(), build=lambda components: LightEditor())
    else:
        METHODS["instant_drag"] = replace(REAL, build=build_faulty)
    sys.exit(main())
