"""How long the window waits for its engine process."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Patience, in seconds.

    Args:
        start: until a process has called.
        silence: between two of its signs of life.
        opening: the same, and until it has stopped, while a job may be loading libraries or a pack: the first
            keeps the process from giving signs, either from stopping. A preview may take as long to stop
            while no other job waits.
        replaced: until a preview has stopped for which only another preview waits: on a graphics device the
            first use of a kernel may take seconds, and a process that is ended for it begins from nothing.
        cancel: until any other cancelled job has stopped; after that long an edit that waits for one that is
            still loading says so.
        finish: until a cancelled job has stopped that renders what there is by then, as long as its process
            gives signs of life: on a processor two pictures take a large autoencoder half a minute and more.
            Who does not want to wait drops them.
        stuck: without any progress, until the user is told.
    """

    start: float = 30
    silence: float = 3
    opening: float = 60
    replaced: float = 10
    cancel: float = 3
    finish: float = 300
    stuck: float = 60
