"""What the session tells the window, as Qt signals."""

from PySide6.QtCore import QObject, Signal


class SessionSignals(QObject):
    """What is made of the marks, and how far it is."""

    shown = Signal(object, object, int)  # Image, its Box and how often the picture was halved for both
    described = Signal(object)  # Shown
    cleared = Signal()
    planned = Signal(object, object)  # DragEdit and its Region, or two None
    tracked = Signal(object)  # where the handles of a running edit are: a tuple of Points, empty when it ends
    stepped = Signal(object, object)  # Step, seconds left or None
    running = Signal(str)  # the title of what is run on demand, empty when that has ended
    finished = Signal(object)  # EditResult
    offered = Signal(object, bool)  # Candidates: what was made on demand; whether one of them is shown
    hint = Signal(str)
