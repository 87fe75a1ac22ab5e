"""How long the window waits for its engine process."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Patience, in seconds.

    Args:
        start: until a process has called.
        silence: between two of its signs of life.
        opening: the same, and until it has stopped, while a job may be loading libraries or a pack: the first
            keeps the process from giving signs, either from stopping. A preview may take as long to stop while
            no other job waits.
        cancel: until any other cancelled job has stopped.
        stuck: without any progress, until the user is told.
    """

    start: float = 30
    silence: float = 3
    opening: float = 60
    cancel: float = 3
    stuck: float = 60
