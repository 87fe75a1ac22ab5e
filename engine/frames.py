"""The intermediate pictures of an edit as files: numbered stills, and all of them as one animated WebP."""

from pathlib import Path

import numpy as np
import PIL.Image

from engine.colour import to_srgb
from engine.edit import Box, EditRequest, Image
from engine.errors import EngineError, InvalidRequest

LONGEST = 720  # pixels of a frame's longer side
ANIMATION = "drag.webp"
_EACH, _ENDS = 120, 1500  # milliseconds that a frame is shown, and the first and last ones
_QUALITY = 85


class Frames:
    """Pictures as they come, kept small until they are written.

    Args:
        folder: where to write them; made where it is not there.

    Raises:
        InvalidRequest: it is there and is not an empty folder, or it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pictures: list[PIL.Image.Image] = []
        self._profile: bytes | None = None
        self._crop = Box(0, 0, 0, 0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            filled = any(folder.iterdir())
        except OSError as error:
            raise InvalidRequest(
                f"The frames cannot be put into {folder} ({error.strerror}); choose another folder."
            ) from error
        if filled:
            raise InvalidRequest(f"{folder} holds something already; choose an empty folder for the frames.")

    def begin(self, request: EditRequest, crop: Box) -> None:
        """Keep what a method is shown: a part of the request's picture."""
        self._profile, self._crop = request.profile, crop
        self.end(request.image)

    def end(self, image: Image) -> None:
        """Keep the same part of the edited picture, which has the request's colours."""
        part = np.ascontiguousarray(image[self._crop.slices])
        self.add(part if self._profile is None else to_srgb(part, self._profile))

    def add(self, image: Image) -> None:
        """Keep that part on the way, (h, w, 4) uint8 sRGB."""
        picture = PIL.Image.fromarray(image)
        picture.thumbnail((LONGEST, LONGEST), PIL.Image.Resampling.LANCZOS)
        self._pictures.append(picture)

    def write(self) -> None:
        """Write what was kept, at least one picture.

        Raises:
            EngineError: the disk is full, or may not be written to.
        """
        durations = [_EACH] * len(self._pictures)
        durations[0] = durations[-1] = _ENDS
        try:
            for number, picture in enumerate(self._pictures):
                picture.save(self._folder / f"{number:04d}.png")
            self._pictures[0].save(
                self._folder / ANIMATION,
                save_all=True,
                append_images=self._pictures[1:],
                duration=durations,
                loop=0,
                quality=_QUALITY,
            )
        except OSError as error:
            raise EngineError(
                f"The {len(self._pictures)} frames could not be written to {self._folder} "
                f"({error.strerror or error}); free some space, or choose another folder."
            ) from error
