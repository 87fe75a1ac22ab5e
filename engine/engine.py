"""Engine: (method, pack, request, settings, progress) → result. All that the window and the shell touch."""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import cv2

from engine.edit import DragEdit, EditRequest, EditResult, Subject
from engine.errors import InvalidRequest, ModelMissing, OutOfMemory
from engine.method import AnyMethod, Editor
from engine.methods import METHODS
from engine.packs import ModelPack, PackStore
from engine.progress import Cancelled, Progress
from engine.region import Region, plan
from engine.runtime.components import Components
from engine.runtime.device import resolve_device
from engine.runtime.memory import is_out_of_memory
from engine.settings import Settings, Value
from engine.subject import guess_subject, with_subject


class Offer(NamedTuple):
    """A method, and a pack on which it runs; None where it needs none.

    Args:
        simplified: the pack lacks a part of the method, for which something simpler stands in.
    """

    method: str
    pack: str | None
    pack_title: str
    simplified: bool = False


class Engine:
    """Edits pictures; keeps packs and editors open between edits.

    Args:
        device: auto, cpu, cuda or mps.
        store: where packs are found by name.

    Raises:
        InvalidRequest: an unknown device.
    """

    def __init__(self, device: str = "auto", store: PackStore | None = None) -> None:
        self._device = device
        self._store = store
        self._packs: dict[str, ModelPack] = {}
        self._components: dict[tuple[str | None, str], Components] = {}
        self._editors: dict[tuple[str, str | None], Editor[EditRequest, Settings]] = {}

    def method(self, name: str) -> AnyMethod:
        """Raises: InvalidRequest: there is no such method."""
        if name not in METHODS:
            raise InvalidRequest(f"There is no method “{name}”; there is {', '.join(METHODS)}.")
        return METHODS[name]

    def device(self, method: str) -> str:
        """The device that `method` runs on: cpu, cuda or mps.

        Raises:
            InvalidRequest: no such method, or the engine's device is unknown or absent.
        """
        return resolve_device(self._device, networks=bool(self.method(method).roles))

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
                Offer(method.name, pack.name, pack.title, not method.full_roles <= pack.components.keys())
                for pack in fitting
            ]
        return tuple(offers)

    def plan(self, request: EditRequest) -> Region:
        """What an edit of this request may change, and the crop that is needed for it."""
        return plan(request)

    def complete(self, request: EditRequest) -> EditRequest:
        """The request with what was left to Pliant: a move's subject, found around the handles."""
        return with_subject(request) if isinstance(request, DragEdit) else request

    def find_subject(self, request: DragEdit) -> Subject:
        """What probably moves, (h, w) uint8 of the whole picture: a guess from colours around the handles."""
        return guess_subject(request)

    def edit(
        self,
        method: str,
        request: EditRequest,
        settings: Settings | None = None,
        pack: str | None = None,
        progress: Progress | None = None,
    ) -> EditResult:
        """Edit a picture; where the user cancels after a checkpoint, the result is partial.

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
        try:
            editor = self._editor(kind, pack)
            return self._edit(editor, request, settings, progress, srgb=kind.sees_colours)
        except MemoryError:
            raise OutOfMemory(_memory_sentence(request)) from None
        except cv2.error as error:
            if error.code != cv2.Error.StsNoMem:
                raise
            raise OutOfMemory(_memory_sentence(request)) from None
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(_memory_sentence(request)) from None

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
        timings = progress.timings
        return EditResult(
            image=region.paste(request, cut, answer.image),
            region=region.box,
            handles=tuple(region.outside(handle) for handle in answer.handles),
            partial=partial,
            timings=timings,
        )

    def _editor(self, method: AnyMethod, pack: str | None) -> Editor[EditRequest, Settings]:
        key = (method.name, pack)
        if key not in self._editors:
            opened = None if pack is None else self.pack(pack)
            if opened is not None:
                opened.require(method.roles, method.title)
            elif method.roles:
                raise ModelMissing(f"{method.title} runs on a pack; choose one.")
            device = self.device(method.name)
            new = Components(pack=opened, device=device)
            self._editors[key] = method.build(self._components.setdefault((pack, device), new))
        return self._editors[key]


def _memory_sentence(request: EditRequest) -> str:
    width, height = request.size
    return (
        f"Memory did not suffice for this picture of {width} × {height} pixels; "
        "mask a smaller part, or close other programs."
    )
