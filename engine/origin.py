"""Origin: how a picture was generated from words, which is enough to generate it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidRequest
from engine.settings import Settings, setting

_LEAST, _MOST = 8, 2048  # pixels along a side


@dataclass(frozen=True, kw_only=True)
class GenerationSettings(Settings):
    """How noise becomes a picture, with the values that Stable Diffusion is usually run with."""

    steps: int = setting(50, 1, 200, help="Denoising steps from noise to the picture")
    guidance: float = setting(7.5, 1, 30, 0.5, help="How much more than by itself it follows the prompt")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The same origin gives the same picture, on the same kind of device.

    Args:
        prompt: what the picture shall show.
        pack: the name or folder of the pack that paints it.
        size: (width, height) in pixels.
        seed: 0 ≤ seed < 2⁶³.
        steps, guidance: as `GenerationSettings` declares them.

    Raises:
        InvalidRequest: there is no prompt, or a number lies outside its range.
    """

    prompt: str
    pack: str
    size: tuple[int, int]
    seed: int = 0
    steps: int = GenerationSettings.steps
    guidance: float = GenerationSettings.guidance

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise InvalidRequest("Write what the picture should show.")
        if not all(_LEAST <= side <= _MOST for side in self.size):
            width, height = self.size
            raise InvalidRequest(
                f"Pictures are generated with sides of {_LEAST} to {_MOST} pixels, not {width} × {height}."
            )
        if not 0 <= self.seed < 2**63:
            raise InvalidRequest(f"The seed must be between 0 and 2⁶³ − 1, not {self.seed}.")
        GenerationSettings(steps=self.steps, guidance=self.guidance)  # which checks them

    def as_json(self) -> dict[str, Any]:
        """Plain values, which `from_json` takes."""
        width, height = self.size
        return {
            "prompt": self.prompt,
            "pack": self.pack,
            "size": [int(width), int(height)],
            "seed": int(self.seed),
            "steps": int(self.steps),
            "guidance": float(self.guidance),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Origin":
        """What `as_json` has made plain.

        Raises:
            InvalidRequest: as for an `Origin`.
            KeyError, TypeError, ValueError: these are not the values of one.
        """
        width, height = values["size"]
        return cls(
            prompt=str(values["prompt"]),
            pack=str(values["pack"]),
            size=(int(width), int(height)),
            seed=int(values["seed"]),
            steps=int(values["steps"]),
            guidance=float(values["guidance"]),
        )
