"""OpenPacks: what stays loaded between edits: going back to a pack costs nothing, and memory suffices."""

import gc
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from engine.packs import ModelPack
from engine.runtime.components import Components
from engine.runtime.device import free_cached_memory, total_memory

_IDLE = 4  # what is not in use may hold one part in so many of its device's memory

Key = tuple[str | None, str]  # pack, device


@dataclass(frozen=True, kw_only=True)
class OpenPack:
    """A pack opened on a device.

    Args:
        components: for a method that needs no pack, those of none.
        editors: built on them, by method.
    """

    components: Components
    editors: dict[str, Any] = field(default_factory=dict[str, Any])


class OpenPacks:
    """Packs by name and device.

    The one in use stays. When a pack is taken into use, those on other devices go, and those on its own as
    far as together they hold more than they may; the least recently used go first.

    Args:
        room: bytes of a device that packs may hold which are not in use.
    """

    def __init__(self, room: Callable[[str], int] | None = None) -> None:
        self._room = room or (lambda device: total_memory(device) // _IDLE)
        self._open: dict[Key, OpenPack] = {}  # the one in use last

    @property
    def keys(self) -> tuple[Key, ...]:
        """What is open, the least recently used first."""
        return tuple(self._open)

    @property
    def is_alone(self) -> bool:
        """Whether the one in use holds all that is held."""
        return not any(self._open[key].components.held_bytes for key in self.keys[:-1])

    def use(self, name: str | None, pack: ModelPack | None, device: str) -> OpenPack:
        """Open a pack on a device, unless it is; it is the one in use from now on.

        Args:
            name: which it goes by, or None for none, which takes no room.
        """
        key = name, device
        new = OpenPack(components=Components(pack=pack, device=device))
        self._open[key] = self._open.pop(key, new)
        if name is not None:
            self._close(self._outstaying(device))
        return self._open[key]

    def keep_one(self) -> None:
        """Close all packs but the one in use."""
        self._close([key for key in self.keys[:-1] if key[0] is not None])

    def _outstaying(self, device: str) -> list[Key]:
        out: list[Key] = []
        others = [key for key in self.keys[:-1] if key[0] is not None]
        left = self._room(device) if others else 0
        for key in reversed(others):
            left -= self._open[key].components.held_bytes
            if key[1] != device or left < 0:
                out.append(key)
        return out

    def _close(self, keys: Collection[Key]) -> None:
        for key in keys:
            del self._open[key]
        if keys:
            gc.collect()  # networks of libraries may hold themselves in circles
        for device in {device for _, device in keys}:
            free_cached_memory(device)
