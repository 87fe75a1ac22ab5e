"""A pack opened on a device: role → module, loaded when it is first asked for. Imports torch no earlier."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from safetensors import SafetensorError

from engine.errors import ModelMissing
from engine.packs import Component, ModelPack
from engine.runtime.memory import is_broken_device, is_out_of_memory

if TYPE_CHECKING:
    from engine.runtime.memo import Memo

Precision = Literal["auto", "float32", "float16", "bfloat16"]
T = TypeVar("T")

_FAILURES = (OSError, ValueError, TypeError, LookupError, RuntimeError, AttributeError, SafetensorError)


@dataclass(frozen=True, kw_only=True)
class Components:
    """What an editor is built from.

    Args:
        pack: the opened pack, or None for a method that needs none.
        device: cpu, cuda or mps.
        precision: of the networks; auto is float32 on a CPU and float16 on a GPU.
    """

    pack: ModelPack | None
    device: str
    precision: Precision = "auto"
    _loaded: dict[str, object] = field(
        default_factory=dict[str, object], init=False, repr=False, compare=False
    )

    @property
    def title(self) -> str:
        return self._pack.title

    @property
    def working_size(self) -> int:
        """The side of the square, in pixels, that the pack's networks work at."""
        return self._pack.working_size

    @property
    def held_bytes(self) -> int:
        """What the weights loaded so far take of the device's memory."""
        if not self._loaded:
            return 0
        from torch import Tensor, nn  # noqa: PLC0415 - whatever was loaded has loaded it

        held = 0
        for part in self._loaded.values():
            if isinstance(part, nn.Module):
                held += sum(tensor.nbytes for tensor in (*part.parameters(), *part.buffers()))
            elif isinstance(part, Tensor):
                held += part.nbytes
        return held

    @cached_property
    def memo(self) -> "Memo":
        """What has been worked out for single pictures with this pack in this precision."""
        from engine.runtime.loaders import PRECISIONS  # noqa: PLC0415 - loads torch
        from engine.runtime.memo import Memo, pack_identity  # noqa: PLC0415

        precision = str(PRECISIONS[self.device]) if self.precision == "auto" else f"torch.{self.precision}"
        return Memo(pack_identity(self.pack, precision))

    def has(self, *roles: str) -> bool:
        return all(role in self._pack.components for role in roles)

    def component(self, role: str) -> Component:
        """Raises: ModelMissing: the pack does not fill `role`."""
        pack = self._pack
        if role not in pack.components:
            raise ModelMissing(
                f"This needs {role}, which the pack “{pack.title}” does not hold. Choose another pack."
            )
        return pack.components[role]

    def load(
        self,
        role: str,
        expected: type[T],
        *,
        loaders: Mapping[str, Callable[..., object]] | None = None,
    ) -> T:
        """What fills `role`, on the device; loaded once.

        Args:
            expected: what it must be.
            loaders: of kinds that only the caller knows: (path, device, dtype) → module.

        Raises:
            ModelMissing: the pack does not fill the role, or what fills it cannot be loaded or used.
        """
        component = self.component(role)
        if role not in self._loaded:
            self._loaded[role] = self._open(component, loaders or {})
        module = self._loaded[role]
        if not isinstance(module, expected):
            raise self.unusable(role, f"is a {component.kind}, which does not fit there")
        return module

    def unusable(self, role: str, problem: str) -> ModelMissing:
        """The error that says of a part of the pack, by its role, what is wrong with it."""
        return ModelMissing(
            f"The pack “{self._pack.title}” cannot be used: its {role} {problem}. "
            "Get the pack again, or choose another."
        )

    def _open(self, component: Component, more: Mapping[str, Callable[..., object]]) -> object:
        # Torch, and with it five seconds of imports, waits until a network is needed.
        import torch  # noqa: PLC0415

        from engine.runtime.loaders import LOADERS, PRECISIONS  # noqa: PLC0415

        loader: Any = {**LOADERS, **more}.get(component.kind)
        if loader is None:
            raise self.unusable(component.role, f"is of the unknown kind “{component.kind}”")
        chosen = None if self.precision == "auto" else getattr(torch, self.precision)
        try:
            return loader(component.path, torch.device(self.device), chosen or PRECISIONS[self.device])
        except _FAILURES as error:
            if isinstance(error, RuntimeError) and (is_out_of_memory(error) or is_broken_device(error)):
                raise  # no fault of the pack
            first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise self.unusable(component.role, f"in {component.path} cannot be loaded ({first})") from error

    @property
    def _pack(self) -> ModelPack:
        assert self.pack is not None, "this method declared no roles, so it was given no pack"
        return self.pack
