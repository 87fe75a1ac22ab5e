"""Engine: (method, pack, device, request, settings, progress) → result. All that window and shell touch."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, TypeVar

from engine.edit import DragEdit, EditRequest, EditResult, Subject
from engine.errors import InvalidRequest, ModelMissing, OutOfMemory
from engine.method import AnyMethod, Editor, SubjectFinder
from engine.methods import METHODS
from engine.packs import ModelPack, PackStore
from engine.progress import Cancelled, Progress
from engine.region import Region, plan
from engine.runtime.device import resolve_device
from engine.runtime.memory import memory_in_words
from engine.runtime.open_packs import OpenPacks
from engine.settings import Settings, Value
from engine.subject import guess_subject, with_subject

T = TypeVar("T")


class Offer(NamedTuple):
    """A method, and a pack on which it runs; None where it needs none.

    Args:
        simplified: the pack lacks a part of the method, for which something simpler stands in.
        finds_subject: the method looks for what moves by itself.
    """

    method: str
    pack: str | None
    pack_title: str
    simplified: bool = False
    finds_subject: bool = False


class Engine:
    """Edits pictures; keeps packs and editors open between edits.

    Args:
        device: where edits run that name none: auto, cpu, cuda or mps.
        store: where packs are found by name.
        open_packs: what stays loaded.
    """

    def __init__(
        self, device: str = "auto", store: PackStore | None = None, open_packs: OpenPacks | None = None
    ) -> None:
        self._device = device
        self._store = store
        self._packs: dict[str, ModelPack] = {}
        self._open = open_packs or OpenPacks()

    def method(self, name: str) -> AnyMethod:
        """Raises: InvalidRequest: there is no such method."""
        if name not in METHODS:
            raise InvalidRequest(f"There is no method “{name}”; there is {', '.join(METHODS)}.")
        return METHODS[name]

    def device(self, method: str, device: str | None = None) -> str:
        """What `device`, or else the engine's, means for `method`: cpu, cuda or mps.

        Raises:
            InvalidRequest: no such method, or the device is unknown or absent.
        """
        return resolve_device(device or self._device, networks=bool(self.method(method).roles))

    def settings(
        self, method: str, pack: str | None = None, chosen: Mapping[str, Value] | None = None
    ) -> Settings:
        """The paper's values, under the pack's recommendations, under what the user chose.

        Raises:
            InvalidRequest: an unknown method or setting, or a value outside its range.
            ModelMissing: the pack is absent or damaged.
        """
        kind = self.method(method)
        recommended = self.pack(pack).methods.get(method, {}) if pack is not None else {}
        values = {**recommended, **(chosen or {})}
        for name in values:
            kind.setting(name)
        return kind.settings(**values)

    def pack(self, name: str) -> ModelPack:
        """Open a pack by its name or folder, once.

        Raises:
            ModelMissing: it is absent or damaged.
        """
        if name not in self._packs:
            self._store = self._store or PackStore()
            self._packs[name] = self._store.open(name)
        return self._packs[name]

    def offers(self, request: type[EditRequest]) -> tuple[Offer, ...]:
        """The methods that answer this kind of request, each with every pack that holds what it needs."""
        self._store = self._store or PackStore()
        packs: list[ModelPack] = []
        for name in self._store.names():
            with suppress(ModelMissing):  # broken, or to be fetched first
                packs.append(self.pack(name))
        offers: list[Offer] = []
        for method in METHODS.values():
            if not issubclass(request, method.request):
                continue
            if not method.roles:
                offers.append(Offer(method.name, None, ""))
            fitting = (pack for pack in packs if method.roles and method.roles <= pack.components.keys())
            offers += [
                Offer(
                    method.name,
                    pack.name,
                    pack.title,
                    simplified=not method.full_roles <= pack.components.keys(),
                    finds_subject=method.finds_subject(pack),
                )
                for pack in fitting
            ]
        return tuple(offers)

    def plan(self, request: EditRequest) -> Region:
        """What an edit of this request may change, and the crop that is needed for it."""
        return plan(request)

    def complete(self, request: EditRequest) -> EditRequest:
        """The request with what was left to Pliant: a move's subject, found around the handles."""
        return with_subject(request) if isinstance(request, DragEdit) else request

    def find_subject(
        self,
        request: DragEdit,
        method: str | None = None,
        pack: str | None = None,
        progress: Progress | None = None,
        device: str | None = None,
    ) -> Subject:
        """What probably moves, (h, w) uint8 of the whole picture.

        Of a method that looks for it by itself (`Offer.finds_subject`), what it finds; otherwise, and where
        it finds nothing, a guess from colours.

        Raises: as for `edit`.
        """
        found = self._found(request, self.method(method), pack, progress, device) if method else None
        return guess_subject(request) if found is None else found

    def prepare(
        self,
        method: str,
        request: EditRequest,
        pack: str | None = None,
        progress: Progress | None = None,
        device: str | None = None,
    ) -> EditRequest:
        """The request with the subject that the method finds by itself, unless one is painted.

        Raises: as for `edit`.
        """
        if not isinstance(request, DragEdit) or request.subject is not None:
            return request
        found = self._found(request, self.method(method), pack, progress, device)
        return request if found is None else replace(request, subject=found)

    def _found(
        self,
        request: DragEdit,
        method: AnyMethod,
        pack: str | None,
        progress: Progress | None,
        device: str | None,
    ) -> Subject | None:
        if pack is None or not method.finds_subject(self.pack(pack)):
            return None
        progress = progress or Progress()

        def find() -> Subject | None:
            with memory_in_words(request.size):
                editor = self._editor(method, pack, device)
                assert isinstance(editor, SubjectFinder), f"{method.name} says that it finds subjects"
                return editor.find_subject(request, progress)

        return self._with_room(find, progress)

    def edit(
        self,
        method: str,
        request: EditRequest,
        settings: Settings | None = None,
        pack: str | None = None,
        progress: Progress | None = None,
        device: str | None = None,
    ) -> EditResult:
        """Edit a picture; where the user cancels after a checkpoint, the result is partial.

        Where memory does not suffice, packs that are not in use are closed, and the edit begins once more.

        Args:
            device: auto, cpu, cuda or mps; None for the engine's.

        Raises:
            InvalidRequest: the method, its device or its settings do not fit the request.
            ModelMissing: the pack lacks what the method needs.
            OutOfMemory: memory did not suffice.
            Cancelled: the user cancelled before there was anything to show.
        """
        kind = self.method(method)
        if not isinstance(request, kind.request):
            raise InvalidRequest(f"{kind.title} cannot answer a {type(request).__name__}.")
        settings = settings or self.settings(method, pack)
        if not isinstance(settings, kind.settings):
            raise InvalidRequest(
                f"{kind.title} takes {kind.settings.__name__}, not {type(settings).__name__}."
            )
        progress = progress or Progress()

        def attempt() -> EditResult:
            with memory_in_words(request.size):
                editor = self._editor(kind, pack, device)
                return self._edit(editor, request, settings, progress, srgb=kind.sees_colours)

        return self._with_room(attempt, progress)

    def _with_room(self, attempt: Callable[[], T], progress: Progress) -> T:
        """What `attempt` returns; where memory does not suffice, other packs go, and it begins anew."""
        try:
            return attempt()
        except OutOfMemory:
            if self._open.is_alone:
                raise
        progress.begin_anew()
        self._open.keep_one()  # by now the error and the checkpoint, which held tensors, have gone
        return attempt()

    def _edit(
        self,
        editor: Editor[EditRequest, Settings],
        request: EditRequest,
        settings: Settings,
        progress: Progress,
        *,
        srgb: bool,
    ) -> EditResult:
        with progress.phase("Plan"):
            request = self.complete(request)
            region = self.plan(request)
            cut = region.cut(request, srgb=srgb)
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

    def _editor(
        self, method: AnyMethod, pack: str | None, device: str | None
    ) -> Editor[EditRequest, Settings]:
        found = None if pack is None else self.pack(pack)
        if found is not None:
            found.require(method.roles, method.title)
        elif method.roles:
            raise ModelMissing(f"{method.title} runs on a pack; choose one.")
        opened = self._open.use(pack, found, self.device(method.name, device))
        if method.name not in opened.editors:
            opened.editors[method.name] = method.build(opened.components)
        return opened.editors[method.name]
