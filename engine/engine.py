"""Engine: (method, pack, device, request, settings, progress) → result. All that window and shell touch."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from engine.cropped import edit_cropped, prepare_cropped
from engine.edit import Box, DragEdit, EditRequest, EditResult, Image, Subject
from engine.errors import InvalidRequest, ModelMissing, OutOfMemory
from engine.generation import GENERATE, ROLES, generate
from engine.method import AnyMethod, Editor, Preparer, SubjectFinder
from engine.methods import METHODS
from engine.offers import Offer, better_pack, edit_offers, generate_offers
from engine.origin import GenerationSettings, Origin
from engine.packs import ModelPack, PackStore
from engine.progress import Progress
from engine.region import Region, plan
from engine.runtime.device import resolve_device
from engine.runtime.memory import memory_in_words
from engine.runtime.open_packs import OpenPacks
from engine.settings import Settings, Value
from engine.shelf import Shelf
from engine.subject import guess_subject, with_subject

T = TypeVar("T")


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
        self._shelf = Shelf(store)
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
        return kind.settings.of({**recommended, **(chosen or {})}, kind.name)

    def pack(self, name: str) -> ModelPack:
        """Open a pack by its name or folder, once.

        Raises:
            ModelMissing: it is absent or damaged.
        """
        return self._shelf.open(name)

    def offers(self, request: type[EditRequest]) -> tuple[Offer, ...]:
        """The methods that answer this kind of request, each with every pack that holds what it needs."""
        return tuple(edit_offers(request, self._shelf.usable()))

    def generators(self) -> tuple[Offer, ...]:
        """The packs that make pictures from words."""
        return tuple(generate_offers(self._shelf.usable()))

    def better_pack(self, method: str) -> ModelPack | None:
        """A pack that is not installed but could be got, better than all that are; None where there is none.

        Args:
            method: what shall run on it; `GENERATE` for making pictures from words.
        """
        return better_pack(method, self._shelf.usable(), self._shelf.fetchable())

    def origin(
        self,
        prompt: str,
        pack: str,
        size: tuple[int, int] | None = None,
        seed: int = 0,
        chosen: Mapping[str, Value] | None = None,
    ) -> Origin:
        """What `generate` is asked for, with the pack's recommendations where nothing is chosen.

        Args:
            size: (width, height); None for the square that the pack recommends as `side`, or works at.
            chosen: of `GenerationSettings`, by name.

        Raises:
            InvalidRequest: as for an `Origin`; also an unknown setting.
            ModelMissing: the pack is absent or damaged.
        """
        found = self.pack(pack)
        recommended = dict(found.methods.get(GENERATE, {}))
        side = recommended.pop("side", found.working_size)
        if type(side) is not int:
            raise InvalidRequest(f"“side” of {GENERATE} must be a whole number, not “{side}”.")
        settings = GenerationSettings.of({**recommended, **(chosen or {})}, GENERATE)
        return Origin(
            prompt=prompt,
            pack=self._shelf.lasting_name(pack),
            size=size or (side, side),
            seed=seed,
            steps=settings.steps,
            guidance=settings.guidance,
        )

    def generate(
        self, origin: Origin, progress: Progress | None = None, device: str | None = None
    ) -> EditResult:
        """Make a picture from words; the same origin gives the same.

        Args:
            device: as of `edit`.

        Raises:
            InvalidRequest: the pack cannot paint pictures of that size, or there is no such device.
            ModelMissing: the pack lacks what is needed.
            OutOfMemory: memory did not suffice.
            Cancelled: the user asked to stop.
        """
        progress = progress or Progress()
        pack = self.pack(origin.pack)
        pack.require(ROLES, "Generating")
        there = resolve_device(device or self._device, networks=True)

        def attempt() -> Image:
            with memory_in_words(origin.size, "a picture", "generate a smaller one"):
                return generate(self._open.use(origin.pack, pack, there).components, origin, progress)

        return EditResult(
            image=self._with_room(attempt, progress),
            region=Box(0, 0, *origin.size),
            timings=progress.timings,
            evaluations=progress.evaluations,
        )

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
            Cancelled: the user cancelled before there was anything to show, or does not want even that.
        """
        kind = self.method(method)
        settings = settings or self.settings(method, pack)
        kind.check(request, settings)
        progress = progress or Progress()

        def attempt() -> EditResult:
            with memory_in_words(request.size):
                editor = self._editor(kind, pack, device)
                origin = self._shelf.repeatable(request.origin, pack)
                return edit_cropped(editor, request, settings, progress, origin, srgb=kind.sees_colours)

        return self._with_room(attempt, progress)

    def warm_up(
        self,
        method: str,
        request: EditRequest,
        settings: Settings | None = None,
        pack: str | None = None,
        progress: Progress | None = None,
        device: str | None = None,
    ) -> None:
        """Work out beforehand what `edit` will need of a picture, where the method can; else open its pack.

        Raises: as for `edit`; too little memory is no reason to close other packs.
        """
        kind = self.method(method)
        settings = settings or self.settings(method, pack)
        kind.check(request, settings)
        with memory_in_words(request.size):
            editor = self._editor(kind, pack, device)
            if isinstance(editor, Preparer):
                origin, progress = self._shelf.repeatable(request.origin, pack), progress or Progress()
                prepare_cropped(editor, request, settings, progress, origin, srgb=kind.sees_colours)

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
