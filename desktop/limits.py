"""How long the window waits for its engine process."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Patience, in seconds.

    Args:
        start: until a process has called.
        silence: between two of its signs of life.
        opening: the same, while its first job with a pack and device runs: loading libraries keeps it from
            giving any.
        cancel: until a cancelled job has stopped; a preview may end its opening, which the next needs too.
        stuck: without any progress, until the user is told.
    """

    start: float = 30
    silence: float = 3
    opening: float = 60
    cancel: float = 3
    stuck: float = 60
