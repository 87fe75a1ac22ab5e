"""The packs that an engine works with: found by name or folder, and each opened once."""

from contextlib import suppress

from engine.errors import ModelMissing
from engine.origin import Origin
from engine.packs import ModelPack, PackStore


class Shelf:
    """Args: store: where packs are found by name; None for Pliant's and the user's."""

    def __init__(self, store: PackStore | None = None) -> None:
        self._given = store
        self._opened: dict[str, ModelPack] = {}

    def open(self, name: str) -> ModelPack:
        """Open a pack by its name or folder, once.

        Raises:
            ModelMissing: it is absent or damaged.
        """
        if name not in self._opened:
            self._opened[name] = self._store.open(name)
        return self._opened[name]

    def usable(self) -> list[ModelPack]:
        """All that there are by a name, but for broken ones and those to be fetched first."""
        packs: list[ModelPack] = []
        for name in self._store.names():
            with suppress(ModelMissing):
                packs.append(self.open(name))
        return packs

    def fetchable(self) -> tuple[ModelPack, ...]:
        """What could be got besides, as `PackStore.fetchable` tells it."""
        return self._store.fetchable()

    def lasting_name(self, given: str) -> str:
        """What to call an opened pack where it shall be found again: names serve there, folders may not.

        Args:
            given: the name or folder by which it was opened.
        """
        found = self.open(given)
        with suppress(ModelMissing):
            self.open(found.name)  # what the store has by this name is meant by it
        return found.name if self._opened.setdefault(found.name, found) == found else given

    def repeatable(self, origin: Origin | None, pack: str | None) -> Origin | None:
        """An origin, if `pack` is what it was painted with.

        Raises:
            ModelMissing: `pack` is absent or damaged.
        """
        if origin is None or pack is None:
            return None
        given = self.open(pack)
        same = origin.pack == given.name  # by which it lasts, where it was opened as a folder
        with suppress(ModelMissing):
            same = self.open(origin.pack) == given
        return origin if same else None

    @property
    def _store(self) -> PackStore:
        """Raises: EngineError: the installation lacks its resources folder."""
        self._given = self._given or PackStore()
        return self._given
