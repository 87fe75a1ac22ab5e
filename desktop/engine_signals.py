"""What the engine process tells the window, as Qt signals."""

from PySide6.QtCore import QObject, Signal


class EngineSignals(QObject):
    """Every job ends by exactly one of `finished`, `cancelled` and `failed`."""

    ready = Signal(object)  # channel.Hello: a process takes jobs; its id and versions
    alive = Signal(float)  # twice a second: seconds since the running edit gave a sign
    step = Signal(int, object, object)  # job, Step, seconds left or None
    preview = Signal(int, object, object)  # job, Image, the Box over which it lies; then `preview_painted`
    handles = Signal(int, object)  # job, tuple of Points
    finished = Signal(int, object)  # job; EditResult, Subject or device
    cancelled = Signal(int)  # job: there is nothing to show
    failed = Signal(int, str)  # job, a sentence
    stuck = Signal(int, str)  # job, a sentence: it may be waited for, or cancelled
    lost = Signal(str)  # a sentence: the process has gone, and why
