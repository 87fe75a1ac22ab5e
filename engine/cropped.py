"""One edit: of a whole picture the method sees the crop that it needs, and its answer is put back."""

from dataclasses import replace
from typing import NamedTuple

from engine.edit import DragEdit, EditRequest, EditResult
from engine.method import Editor, Preparer
from engine.origin import Origin
from engine.progress import Cancelled, Progress
from engine.region import Region, plan
from engine.settings import Settings
from engine.subject import with_subject


def edit_cropped(
    editor: Editor[EditRequest, Settings],
    request: EditRequest,
    settings: Settings,
    progress: Progress,
    origin: Origin | None,
    *,
    srgb: bool,
) -> EditResult:
    """The answer to a request; where the user cancels after a checkpoint, it is partial.

    Args:
        origin: the request's, where the editor's pack can repeat it.
        srgb: whether the editor shall see sRGB instead of the picture's own colours.

    Raises:
        InvalidRequest: nothing may change.
        Cancelled: the user cancelled before there was anything to show, or does not want even that.
    """
    request, region, cut = _cropped(request, progress, origin, srgb=srgb)
    partial = False
    try:
        answer = editor.edit(cut, settings, progress)
    except Cancelled:
        so_far = progress.partial()
        if so_far is None:
            raise
        answer, partial = so_far, True
    timings, evaluations = progress.timings, progress.evaluations
    return EditResult(
        image=region.paste(request, cut, answer.image),
        region=region.box,
        handles=tuple(region.outside(handle) for handle in answer.handles),
        partial=partial,
        timings=timings,
        evaluations=evaluations,
    )


def prepare_cropped(
    editor: Preparer[EditRequest, Settings],
    request: EditRequest,
    settings: Settings,
    progress: Progress,
    origin: Origin | None,
    *,
    srgb: bool,
) -> None:
    """Let an editor work out what `edit_cropped` would need.

    Args: as of `edit_cropped`.

    Raises:
        InvalidRequest: nothing may change.
        Cancelled: something else shall be done first.
    """
    editor.prepare(_cropped(request, progress, origin, srgb=srgb).cut, settings, progress)


class _Cropped(NamedTuple):
    """A request with its subject, what of it is needed, and the request that a method sees."""

    request: EditRequest
    region: Region
    cut: EditRequest


def _cropped(request: EditRequest, progress: Progress, origin: Origin | None, *, srgb: bool) -> _Cropped:
    with progress.phase("Plan"):
        request = with_subject(request) if isinstance(request, DragEdit) else request
        region = plan(request)
        return _Cropped(request, region, replace(region.cut(request, srgb=srgb), origin=origin))
