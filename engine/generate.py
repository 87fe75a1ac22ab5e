"""`pliant generate`: its flags and its words; the work is `engine.generation`'s."""

import argparse
import json
import re
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.errors import InvalidRequest
from engine.flags import read_integer
from engine.origin import GenerationSettings, Origin
from engine.photo import Photo
from engine.photo_writer import check_output, save_photo
from engine.progress import Progress
from engine.runtime.device import DEVICES, resolve_device
from engine.settings import Value
from engine.terminal import out, progress_line, say

DONE = 0


def add_command(commands: "argparse._SubParsersAction[Any]") -> None:  # pyright: ignore[reportPrivateUsage]
    """Add `generate`, with a flag for each of its settings."""
    parser = commands.add_parser("generate", help="make a picture from words", allow_abbrev=False)
    parser.add_argument("prompt", metavar="PROMPT", help="what the picture shall show")
    parser.add_argument("-o", dest="output", metavar="OUTPUT", type=Path, required=True)
    parser.add_argument("--pack", metavar="NAME|DIR|FILE", help="what paints it; else the only pack that can")
    parser.add_argument("--size", metavar="WxH", help="in pixels; else the square that the pack works at")
    parser.add_argument("--seed", metavar="N", default="0")
    for declared in GenerationSettings.declarations():
        parser.add_argument(f"--{declared.name}", metavar="N", help=f"{declared.help} ({declared.range})")
    parser.add_argument("--device", metavar="|".join(DEVICES), default="auto")
    parser.add_argument("--json", action="store_true", help="print what was done as one JSON object")
    parser.set_defaults(run=_generate)


def _generate(options: argparse.Namespace, interrupted: threading.Event) -> int:
    engine = Engine(device=options.device)
    device = resolve_device(options.device, networks=True)
    origin = engine.origin(
        options.prompt,
        _pack(engine) if options.pack is None else options.pack,
        None if options.size is None else _size(options.size),
        read_integer(options.seed),
        _chosen(options),
    )
    width, height = origin.size
    check_output(options.output, Photo(pixels=np.zeros((height, width, 4), np.uint8)))
    with nullcontext(lambda step: None) if options.json else progress_line() as show:
        result = engine.generate(origin, Progress(on_step=show, is_cancelled=interrupted.is_set))
    begun = time.perf_counter()
    save_photo(Photo(pixels=result.image, origin=origin), options.output)
    seconds = dict(result.timings) | {"Save": time.perf_counter() - begun}
    if options.output.suffix.lower() != ".png":
        say("Only a PNG keeps how it was generated; drags of this file will take it for a photo.")
    if options.json:
        out(json.dumps(_report(origin, options.output, device, result.evaluations, seconds)) + "\n")
    else:
        out(f"{options.output}\n")
    return DONE


def _report(
    origin: Origin, output: Path, device: str, evaluations: Mapping[str, int], seconds: dict[str, float]
) -> dict[str, Any]:
    facts = {"output": str(output), **origin.as_json(), "device": device, "evaluations": dict(evaluations)}
    return facts | {"seconds": {name: round(spent, 4) for name, spent in seconds.items()}}


def _pack(engine: Engine) -> str:
    """The only pack that can; where there are several, the user chooses."""
    offers = engine.generators()
    if len(offers) == 1 and offers[0].pack is not None:
        return offers[0].pack
    if not offers:
        raise InvalidRequest(
            "No installed pack makes pictures from words; install a Stable Diffusion and name it as --pack."
        )
    names = ", ".join(str(offer.pack) for offer in offers)
    raise InvalidRequest(f"{len(offers)} packs make pictures from words; choose one with --pack: {names}.")


def _chosen(options: argparse.Namespace) -> dict[str, Value]:
    return {
        declared.name: declared.parse(text)
        for declared in GenerationSettings.declarations()
        if (text := getattr(options, declared.name)) is not None
    }


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", text.strip().lower())
    if found is None:
        raise InvalidRequest(f"--size takes a width and a height, as 512x512, not “{text}”.")
    return int(found[1]), int(found[2])
