"""What registering a method means, and the one interface that every editor implements."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from engine.edit import DragEdit, EditRequest, EditResult, Subject
from engine.errors import InvalidRequest
from engine.packs import ModelPack
from engine.progress import Progress
from engine.runtime.components import Components
from engine.settings import Declaration, Settings

R = TypeVar("R", bound=EditRequest)
S = TypeVar("S", bound=Settings)
R_contra = TypeVar("R_contra", bound=EditRequest, contravariant=True)
S_contra = TypeVar("S_contra", bound=Settings, contravariant=True)


class Editor(Protocol[R_contra, S_contra]):
    """A method built on a pack."""

    def edit(self, request: R_contra, settings: S_contra, progress: Progress, /) -> EditResult:
        """Answer a request that `Region.cut` has cut: it has a mask and no colour profile to mind."""
        ...


@runtime_checkable
class SubjectFinder(Protocol):
    """An editor that looks for what moves better than colours alone tell."""

    def find_subject(self, request: DragEdit, progress: Progress, /) -> Subject | None:
        """What probably moves in a whole picture, (h, w) uint8, or None for no idea."""
        ...


@runtime_checkable
class Preparer(Protocol[R_contra, S_contra]):
    """An editor that can work out beforehand what its edits of a picture need, wherever it is dragged."""

    def prepare(self, request: R_contra, settings: S_contra, progress: Progress, /) -> None:
        """Work it out and remember it for `edit`; the request has been cut as for that.

        Raises:
            Cancelled: something else shall be done first; nothing half done is remembered.
        """
        ...


def _never(pack: ModelPack) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Method(Generic[R, S]):
    """A registered method.

    Args:
        name: its folder, word on the command line and key in manifests.
        title: its name as the field writes it.
        request: the type that decides which markers and fields the window offers.
        settings: the type that decides the panel, the flags and the defaults.
        roles: what a pack must hold; empty for a method that needs no pack.
        full_roles: what a pack must hold beside for the method as its paper describes it. Where it does not,
            something simpler stands in, and offers say so.
        sees_colours: whether the crop must be sRGB. A method that only moves pixels keeps the picture's own
            colours, which sRGB may not hold.
        live: whether it answers quickly enough to run whenever the pointer rests.
        reads_prompt: whether it reads the text of a `DragEdit`; that of a `TextEdit` is always read.
        finds_subject: whether it is a `SubjectFinder` that will find something with the pack.
        build: makes the editor; torch may load here and not before.
    """

    name: str
    title: str
    request: type[R]
    settings: type[S]
    roles: frozenset[str]
    full_roles: frozenset[str] = frozenset()
    sees_colours: bool = True
    live: bool = False
    reads_prompt: bool = False
    finds_subject: Callable[[ModelPack], bool] = _never
    build: Callable[[Components], Editor[R, S]]

    def check(self, request: EditRequest, settings: Settings) -> None:
        """Raises: InvalidRequest: the method takes no such request, or other settings."""
        if not isinstance(request, self.request):
            raise InvalidRequest(f"{self.title} cannot answer a {type(request).__name__}.")
        if not isinstance(settings, self.settings):
            raise InvalidRequest(
                f"{self.title} takes {self.settings.__name__}, not {type(settings).__name__}."
            )

    def setting(self, name: str) -> Declaration:
        """Raises: InvalidRequest: the method has no such setting."""
        known = {declaration.name: declaration for declaration in self.settings.declarations()}
        if name not in known:
            raise InvalidRequest(f"{self.name} has no setting “{name}”; it has {', '.join(known) or 'none'}.")
        return known[name]


AnyMethod = Method[Any, Any]
