"""What can go wrong, in sentences fit to show a user: the cause, the number, the next step."""


class EngineError(Exception):
    """An edit could not be made; `str(error)` is the sentence shown to the user."""


class InvalidRequest(EngineError):  # noqa: N818 - reads as what it is wherever it is caught
    """What was asked for is malformed: a picture, a point, a mask, a setting, a file name."""


class ModelMissing(EngineError):  # noqa: N818
    """A pack is absent, incomplete or damaged, or lacks a component that the method needs."""


class DownloadFailed(EngineError):  # noqa: N818
    """A file of a pack could not be fetched."""


class OutOfMemory(EngineError):  # noqa: N818
    """The device's memory did not suffice."""
