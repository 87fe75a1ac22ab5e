"""Telling what kind of fault a library's error speaks of; asked without loading torch."""

_NO_ROOM = ("can't allocate memory", "not enough memory", "out of memory")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of the device's or the machine's memory.

    Torch raises `OutOfMemoryError` for a GPU, and a plain RuntimeError for the CPU.
    """
    return type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in _NO_ROOM)


def is_broken_device(error: Exception) -> bool:
    """Whether a process gets no more out of its graphics device."""
    return "CUDA error" in str(error) or type(error).__name__ == "AcceleratorError"
