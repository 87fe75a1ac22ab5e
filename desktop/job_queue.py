"""The jobs that wait for the engine: final ones in their turn, of previews the latest, and what can wait."""

from collections import deque

from engine import EditJob, PrepareJob, SubjectJob, WarmJob, jobs

Waiting = tuple[int, jobs.Job]


class QueueFull(Exception):  # noqa: N818 - not an error of ours: the user is told
    """As many jobs wait as may."""


class JobQueue:
    """Jobs by number.

    Args:
        most: how many final jobs may wait.
    """

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self._finals: deque[Waiting] = deque()
        self._preview: Waiting | None = None
        self._preparing: Waiting | None = None

    def add(self, number: int, job: jobs.Job) -> int | None:
        """Let a job wait; returns the number of the one that it replaces.

        Raises:
            QueueFull: too many final jobs wait.
        """
        replaced: Waiting | None = None
        if isinstance(job, PrepareJob):
            replaced, self._preparing = self._preparing, (number, job)
        elif is_preview(job):
            replaced, self._preview = self._preview, (number, job)
        if is_passing(job):
            return None if replaced is None else replaced[0]
        if len(self._finals) >= self.most:
            raise QueueFull
        self._finals.append((number, job))
        return None

    def put_back(self, number: int, job: jobs.Job) -> bool:
        """Let a job be the next of its kind again; whether it may, as a later preview goes before it."""
        if isinstance(job, PrepareJob):
            free = self._preparing is None
            self._preparing = self._preparing or (number, job)
        elif is_preview(job):
            free = self._preview is None
            self._preview = self._preview or (number, job)
        else:
            free = True
            self._finals.appendleft((number, job))
        return free

    def next(self) -> Waiting | None:
        """The job whose turn it is; final ones come first, and preparations last."""
        if self._finals:
            return self._finals.popleft()
        if self._preview is not None:
            job, self._preview = self._preview, None
        else:
            job, self._preparing = self._preparing, None
        return job

    def drop(self, number: int) -> bool:
        """Let go of a job; whether it was waiting."""
        before = len(self), self._preparing
        self._finals = deque(waiting for waiting in self._finals if waiting[0] != number)
        if self._preview is not None and self._preview[0] == number:
            self._preview = None
        if self._preparing is not None and self._preparing[0] == number:
            self._preparing = None
        return (len(self), self._preparing) != before

    @property
    def final(self) -> int | None:
        """The number of the final job whose turn comes first."""
        return self._finals[0][0] if self._finals else None

    def __len__(self) -> int:
        """How many jobs wait that somebody waits for."""
        return len(self._finals) + (self._preview is not None)


def is_preview(job: jobs.Job) -> bool:
    """Whether a later one takes its place: the window wants no more than the latest."""
    return isinstance(job, SubjectJob) or (isinstance(job, EditJob) and job.preview)


def is_passing(job: jobs.Job) -> bool:
    """Whether nobody wants what there is of it when it is stopped."""
    return is_preview(job) or isinstance(job, PrepareJob)


def gives_way(running: jobs.Job, to: jobs.Job) -> bool:
    """Whether a job is stopped as soon as another one is handed in."""
    if isinstance(running, PrepareJob):
        return True
    return is_preview(running) and not isinstance(to, WarmJob | PrepareJob)
