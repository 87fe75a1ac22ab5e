"""The jobs that wait for the engine: every final one in its turn, and of previews the latest."""

from collections import deque

from engine import EditJob, SubjectJob, jobs

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

    def add(self, number: int, job: jobs.Job) -> int | None:
        """Let a job wait; returns the number of the preview that it replaces.

        Raises:
            QueueFull: too many final jobs wait.
        """
        if is_preview(job):
            replaced, self._preview = self._preview, (number, job)
            return None if replaced is None else replaced[0]
        if len(self._finals) >= self.most:
            raise QueueFull
        self._finals.append((number, job))
        return None

    def put_back(self, number: int, job: jobs.Job) -> bool:
        """Let a job be the next of its kind again; whether it may, as a later preview goes before it."""
        if not is_preview(job):
            self._finals.appendleft((number, job))
            return True
        if self._preview is None:
            self._preview = number, job
            return True
        return False

    def next(self) -> Waiting | None:
        """The job whose turn it is; final ones come first."""
        if self._finals:
            return self._finals.popleft()
        job, self._preview = self._preview, None
        return job

    def drop(self, number: int) -> bool:
        """Let go of a job; whether it was waiting."""
        before = len(self)
        self._finals = deque(waiting for waiting in self._finals if waiting[0] != number)
        if self._preview is not None and self._preview[0] == number:
            self._preview = None
        return len(self) < before

    @property
    def final(self) -> int | None:
        """The number of the final job whose turn comes first."""
        return self._finals[0][0] if self._finals else None

    def __len__(self) -> int:
        return len(self._finals) + (self._preview is not None)


def is_preview(job: jobs.Job) -> bool:
    """Whether a later one takes its place: the window wants no more than the latest."""
    return isinstance(job, SubjectJob) or (isinstance(job, EditJob) and job.preview)
