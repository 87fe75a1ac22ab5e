"""Telling that memory did not suffice, whoever ran out of it."""

_NO_ROOM = ("can't allocate memory", "not enough memory", "out of memory")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of the device's or the machine's memory; asked without loading torch.

    Torch raises `OutOfMemoryError` for a GPU, and a plain RuntimeError for the CPU.
    """
    return type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in _NO_ROOM)
