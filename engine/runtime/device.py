"""Which device an edit runs on, and its memory."""

import ctypes
import os
import sys

from engine.errors import InvalidRequest

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str, *, networks: bool) -> str:
    """The device, cpu, cuda or mps, that `name` means on this machine.

    Args:
        name: one of DEVICES.
        networks: whether the work runs networks at all; what does not is done on the CPU, and "auto" then
            loads no torch.

    Raises:
        InvalidRequest: an unknown device, or one this machine lacks.
    """
    if name not in DEVICES:
        raise InvalidRequest(f"There is no device “{name}”; choose {', '.join(DEVICES)}.")
    if name == "cpu" or (name == "auto" and not networks):
        return "cpu"
    import torch  # noqa: PLC0415 - torch loads only where a device is asked for

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, there in present.items() if there)
    if not present[name]:
        titles = {"cuda": "NVIDIA GPU that this installation can use", "mps": "Apple GPU"}
        raise InvalidRequest(f"This machine has no {titles[name]}; choose the device cpu or auto.")
    return name if networks else "cpu"


def reset_peak_memory(device: str) -> None:
    """Begin to watch what `peak_memory` tells."""
    if device == "cuda":
        import torch  # noqa: PLC0415

        torch.cuda.reset_peak_memory_stats()


def peak_memory(device: str) -> float:
    """The most of a GPU's memory that tensors held since it was reset, in MB; 0 where nobody counts."""
    if device != "cuda":
        return 0.0
    import torch  # noqa: PLC0415

    return torch.cuda.max_memory_allocated() / 1e6


def synchronize(device: str) -> None:
    """Wait until a GPU has done all that it was asked for."""
    if device != "cpu":
        import torch  # noqa: PLC0415

        (torch.cuda if device == "cuda" else torch.mps).synchronize()


def total_memory(device: str) -> int:
    """Bytes of the memory that tensors on a device lie in; 0 where nobody tells."""
    if device == "cuda":
        import torch  # noqa: PLC0415

        return torch.cuda.mem_get_info()[1]
    if sys.platform == "win32":
        status = (ctypes.c_uint64 * 8)(64)  # a MEMORYSTATUSEX, which begins with its own length
        return status[1] if ctypes.windll.kernel32.GlobalMemoryStatusEx(status) else 0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_cached_memory(device: str) -> None:
    """Give back what torch, or on a CPU the C library, keeps of memory after tensors have gone."""
    if device != "cpu":
        import torch  # noqa: PLC0415

        (torch.cuda if device == "cuda" else torch.mps).empty_cache()
    elif sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(ctypes.c_size_t(0))  # glibc's; else gigabytes wait in holes between what lives
