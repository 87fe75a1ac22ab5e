"""What the window asks its engine process for and what it gets, and both as JSON; pictures stay in files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

import numpy as np

from engine.edit import (
    Box,
    DragEdit,
    EditRequest,
    EditResult,
    ExemplarEdit,
    Point,
    PointPair,
    Subject,
    TextEdit,
)
from engine.origin import Origin
from engine.pictures import Bytes, PictureRef
from engine.settings import Value

_REQUESTS: dict[str, type[EditRequest]] = {kind.__name__: kind for kind in (DragEdit, TextEdit, ExemplarEdit)}
_ARRAYS = ("image", "mask", "protected", "profile", "subject", "exemplar")  # fields of requests


@dataclass(frozen=True, kw_only=True, eq=False)
class EditJob:
    """One edit, answered by an `EditResult`.

    Args:
        method: its name.
        request: what to edit.
        settings: of the method, by name; the others are as the pack recommends or the paper says.
        pack: the pack's name or folder, or None for a method that needs none.
        device: auto, cpu, cuda or mps.
        preview: the latest preview replaces those before it, and has no partial result.
    """

    method: str
    request: EditRequest
    settings: Mapping[str, Value] = field(default_factory=dict[str, Value])
    pack: str | None = None
    device: str = "auto"
    preview: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class SubjectJob:
    """Look for what moves, as `Engine.find_subject` does; answered by a `Subject`.

    Like a preview it replaces those before it.

    Args:
        method, pack, device: as of an `EditJob`; None to guess from colours.
    """

    request: DragEdit
    method: str | None = None
    pack: str | None = None
    device: str = "auto"


@dataclass(frozen=True, kw_only=True, eq=False)
class PrepareJob:
    """Work out in the background what an edit will need, as `Engine.warm_up` does; answered by the device.

    Any other job goes before it, and interrupts it.

    Args:
        method, request, settings, pack, device: as of an `EditJob`.
    """

    method: str
    request: EditRequest
    settings: Mapping[str, Value] = field(default_factory=dict[str, Value])
    pack: str | None = None
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class GenerateJob:
    """Make a picture from words, as `Engine.generate` does; answered by an `EditResult`.

    Args:
        device: as of an `EditJob`.
    """

    origin: Origin
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class WarmJob:
    """Load what a device needs before it is asked for; answered by the device: cpu, cuda or mps."""

    device: str = "auto"


Job = EditJob | SubjectJob | PrepareJob | GenerateJob | WarmJob
Answer = EditResult | Subject | str


def encode_job(job: Job, ref: Callable[[Bytes | bytes], PictureRef]) -> dict[str, Any]:
    """A job for `Run`.

    Args:
        ref: puts an array, or bytes, into a file that lasts as long as the job.
    """
    if isinstance(job, WarmJob):
        return {"device": job.device}
    if isinstance(job, GenerateJob):
        return {"origin": job.origin.as_json(), "device": job.device}
    encoded: dict[str, Any] = {}
    for name in (part.name for part in fields(job.request)):
        value: Any = getattr(job.request, name)
        encoded[name] = ref(value) if isinstance(value, (np.ndarray, bytes)) else _plain(value)
    request = {"kind": type(job.request).__name__, "fields": encoded}
    if isinstance(job, SubjectJob):
        sought = {"method": job.method, "pack": job.pack, "device": job.device}
        return {"request": request, "sought": sought}
    settings = {name: _plain(value) for name, value in job.settings.items()}
    work = {"method": job.method, "settings": settings, "pack": job.pack, "device": job.device}
    if isinstance(job, PrepareJob):
        return {"request": request, "prepared": work}
    return {"request": request, **work, "preview": job.preview}


def decode_job(work: dict[str, Any], array: Callable[[PictureRef], Bytes]) -> Job:
    """What `encode_job` has encoded.

    Args:
        array: opens a file.

    Raises:
        InvalidRequest: the request contradicts itself.
        ValueError: a picture cannot be opened.
    """
    if "origin" in work:
        return GenerateJob(origin=Origin.from_json(work["origin"]), device=work["device"])
    if "request" not in work:
        return WarmJob(**work)
    kind, values = _REQUESTS[work["request"]["kind"]], dict(work["request"]["fields"])
    for name in _ARRAYS:
        if values.get(name) is not None:
            values[name] = array(decode_ref(values[name]))
    if values.get("profile") is not None:
        values["profile"] = values["profile"].tobytes()
    if "points" in values:
        values["points"] = tuple(PointPair(Point(*a), Point(*b)) for a, b in values["points"])
        values["pins"] = tuple(Point(*pin) for pin in values["pins"])
    if values.get("origin") is not None:
        values["origin"] = Origin.from_json(values["origin"])
    request = kind(**values)
    if "sought" in work:
        return SubjectJob(request=cast("DragEdit", request), **work["sought"])
    if "prepared" in work:
        return PrepareJob(request=request, **work["prepared"])
    parts: dict[str, Any] = {**work, "request": request}
    return EditJob(**parts)


def encode_answer(answer: Answer, ref: Callable[[Bytes], PictureRef]) -> Any:  # noqa: ANN401 - JSON
    """An answer for `Finished`."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, np.ndarray):
        return {"subject": ref(answer)}
    values = {part.name: getattr(answer, part.name) for part in fields(answer)}
    return values | {
        "image": ref(answer.image),
        "handles": _plain(answer.handles),
        "timings": dict(answer.timings),
        "evaluations": dict(answer.evaluations),
    }


def decode_answer(answer: Any, array: Callable[[PictureRef], Bytes]) -> Answer:  # noqa: ANN401 - JSON
    """What `encode_answer` has encoded.

    Raises:
        ValueError: a picture cannot be opened.
    """
    if isinstance(answer, str):
        return answer
    if "subject" in answer:
        return array(decode_ref(answer["subject"]))
    image, region = array(decode_ref(answer["image"])), Box(*answer["region"])
    handles = tuple(Point(*handle) for handle in answer["handles"])
    return EditResult(**(answer | {"image": image, "region": region, "handles": handles}))


def decode_ref(ref: list[Any]) -> PictureRef:
    """A `PictureRef` that has been JSON."""
    name, shape = ref
    return PictureRef(str(name), tuple(int(n) for n in shape))


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a request may hold
    """Numbers and nested tuples of them as JSON takes them: numpy's own it does not."""
    if isinstance(value, Origin):
        return value.as_json()
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in cast("tuple[Any, ...]", value)]
    return value.item() if isinstance(value, np.generic) else value
