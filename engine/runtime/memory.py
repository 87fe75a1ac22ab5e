"""Telling what kind of fault a library's error speaks of; asked without loading torch."""

from collections.abc import Generator
from contextlib import contextmanager

import cv2

from engine.errors import OutOfMemory

_NO_ROOM = ("can't allocate memory", "not enough memory", "out of memory")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of the device's or the machine's memory.

    Torch raises `OutOfMemoryError` for a GPU, and a plain RuntimeError for the CPU.
    """
    return type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in _NO_ROOM)


def is_broken_device(error: Exception) -> bool:
    """Whether a process gets no more out of its graphics device."""
    return "CUDA error" in str(error) or type(error).__name__ == "AcceleratorError"


@contextmanager
def memory_in_words(
    size: tuple[int, int], work: str = "an edit", advice: str = "mask a smaller part"
) -> Generator[None]:
    """For work on so much of a picture, (width, height).

    Raises:
        OutOfMemory: whatever numpy, OpenCV or torch raised within because memory did not suffice.
    """
    width, height = size
    sentence = (
        f"Memory did not suffice for {work} of {width} × {height} pixels; {advice}, or close other programs."
    )
    try:
        yield
    except MemoryError:
        raise OutOfMemory(sentence) from None
    except cv2.error as error:
        if error.code != cv2.Error.StsNoMem:
            raise
        raise OutOfMemory(sentence) from None
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(sentence) from None
