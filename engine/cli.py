"""The command line: the same Engine without a window.

Exit status: 0 done, 2 bad input, 3 the engine failed, 130 cancelled. Errors are one sentence on stderr.
"""

import argparse
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.channel import HOST_ARGUMENT
from engine.edit import EditRequest, EditResult
from engine.engine import Engine
from engine.errors import EngineError, InvalidRequest, ModelMissing
from engine.evaluation import BENCHMARKS, Measured, Row
from engine.flags import Parser, read_integer, read_request, read_settings
from engine.frames import Frames
from engine.generate import add_command as add_generate
from engine.method import AnyMethod
from engine.methods import METHODS
from engine.photo import open_photo
from engine.photo_writer import check_output, save_photo
from engine.progress import Cancelled, Progress
from engine.runtime.device import DEVICES
from engine.settings import Settings
from engine.terminal import fill_closed_streams, interruptible, out, progress_line, say
from engine.train import add_command as add_train

COMMANDS = ("edit", "generate", "methods", "bench", "train")
DONE, BAD_INPUT, FAILED, CANCELLED = 0, 2, 3, 130

_log = logging.getLogger(__name__)
logging.getLogger("engine").addHandler(logging.NullHandler())  # silent unless PLIANT_LOG wants more


def main(arguments: Sequence[str], more: Mapping[str, Callable[[], list[Row]]] | None = None) -> int:
    """Run one command; returns the exit status and never raises.

    Args:
        more: what `bench` measures besides the engine, by the benchmark's name.
    """
    if list(arguments) == [HOST_ARGUMENT]:
        from engine.host import main as serve  # noqa: PLC0415 - it is the program's other half

        return serve()
    fill_closed_streams()
    _set_up_log()
    try:
        options = _parser().parse_args(arguments, argparse.Namespace(more=more or {}))
        with interruptible() as interrupted:
            status: int = options.run(options, interrupted)
    except SystemExit:
        return DONE  # --help has been shown
    except (InvalidRequest, ModelMissing) as error:
        return _fail(str(error), BAD_INPUT)
    except (Cancelled, KeyboardInterrupt):
        return _fail("Cancelled.", CANCELLED)
    except EngineError as error:
        return _fail(str(error), FAILED)
    except BrokenPipeError:  # whoever read our output has gone
        return FAILED
    except Exception:  # noqa: BLE001 - the command line is a process border: a sentence, never a traceback
        _log.exception("The command failed")
        return _fail("Something unexpected failed; run it again with PLIANT_LOG=debug to see what.", FAILED)
    return status


def _set_up_log() -> None:
    """PLIANT_LOG names a level (debug, info, …) from which on stderr tells what goes on."""
    level = os.environ.get("PLIANT_LOG", "").upper()
    if level in logging.getLevelNamesMapping():
        logging.basicConfig(level=level)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="pliant", description="Edit a photo by dragging it.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)

    edit = commands.add_parser("edit", help="edit a picture with one of the methods", allow_abbrev=False)
    edit.add_argument("method", metavar="METHOD", help="a name that “pliant methods” lists")
    edit.add_argument("input", metavar="INPUT", type=Path)
    edit.add_argument("-o", dest="output", metavar="OUTPUT", type=Path, required=True)
    drag = "pull what is at X,Y to X,Y (pixels of INPUT, from its top left)"
    edit.add_argument("--drag", dest="drags", metavar="X,Y:X,Y", action="append", default=[], help=drag)
    edit.add_argument("--pin", dest="pins", metavar="X,Y", action="append", default=[], help="hold X,Y still")
    edit.add_argument("--mask", metavar="PNG", type=Path, help="white may change, black must stay")
    edit.add_argument("--subject", metavar="PNG", type=Path, help="white is what moves")
    motions = "bend the picture, or move the subject as a whole"
    edit.add_argument("--motion", metavar="deform|move", help=motions)
    edit.add_argument("--prompt", metavar="TEXT", help="what to show, for a method that reads text")
    edit.add_argument("--exemplar", metavar="FILE", type=Path)
    edit.add_argument("--pack", metavar="NAME|DIR|FILE")
    edit.add_argument("--device", metavar="|".join(DEVICES), default="auto")
    edit.add_argument("--seed", metavar="N", default="0")
    edit.add_argument("--set", dest="settings", metavar="NAME=VALUE", action="append", default=[])
    frames = "write the intermediate pictures there, and all as an animated WebP"
    edit.add_argument("--frames", metavar="DIR", type=Path, help=frames)
    edit.add_argument("--json", action="store_true", help="print what was done as one JSON object")
    edit.set_defaults(run=_edit)

    add_generate(commands)

    methods = commands.add_parser("methods", help="list the methods and their settings", allow_abbrev=False)
    methods.add_argument("--json", action="store_true")
    methods.set_defaults(run=_methods)

    bench = commands.add_parser("bench", help="measure", allow_abbrev=False)
    bench.add_argument("name", metavar="|".join(BENCHMARKS))
    bench.add_argument("--json", action="store_true")
    bench.set_defaults(run=_bench)

    add_train(commands)
    return parser


def _edit(options: argparse.Namespace, interrupted: threading.Event) -> int:
    clock = _Clock()
    engine = Engine(device=options.device)
    method = engine.method(options.method)
    device = engine.device(method.name)
    if options.pack is not None:
        engine.pack(options.pack)
    settings = engine.settings(method.name, options.pack, read_settings(method.setting, options.settings))
    with clock.phase("Open"):
        photo = open_photo(options.input)
        check_output(options.output, photo, source=options.input)
        request = read_request(method, options, photo)
    if photo.notice:
        say(photo.notice)
    frames = None if options.frames is None else Frames(options.frames)
    result = _edited(engine, method, request, settings, options, frames, interrupted)
    output = _partial_path(options.output) if result.partial else options.output
    edited = photo.with_pixels(result.image)
    del photo, request  # a picture may be large, and saving needs room too
    with clock.phase("Save"):
        save_photo(edited, output, source=options.input)
        if frames is not None:
            frames.write()
    if result.partial:
        say(f"Cancelled; what there was by then is in {output}.")
    if options.json:
        _print_json(_report(result, output, method, options, device, clock))
    elif not result.partial:
        out(f"{output}\n")
    return CANCELLED if result.partial else DONE


def _edited(
    engine: Engine,
    method: AnyMethod,
    request: EditRequest,
    settings: Settings,
    options: argparse.Namespace,
    frames: Frames | None,
    interrupted: threading.Event,
) -> EditResult:
    with nullcontext(lambda step: None) if options.json else progress_line() as show:
        progress = Progress(
            on_step=show,
            on_preview=None if frames is None else frames.add,
            is_cancelled=interrupted.is_set,
            preview_interval=0.0,
        )
        request = engine.prepare(method.name, request, options.pack, progress)
        if frames is not None:
            frames.begin(request, engine.plan(engine.complete(request)).crop)
        result = engine.edit(method.name, request, settings, options.pack, progress)
    if frames is not None:
        frames.end(result.image)
    return result


def _report(
    result: EditResult,
    output: Path,
    method: AnyMethod,
    options: argparse.Namespace,
    device: str,
    clock: "_Clock",
) -> dict[str, Any]:
    return {
        "output": str(output),
        "method": method.name,
        "pack": options.pack,
        "device": device,
        "seed": read_integer(options.seed),
        "region": list(result.region),
        "handles": [[round(x, 3), round(y, 3)] for x, y in result.handles],
        "partial": result.partial,
        "evaluations": dict(result.evaluations),
        "seconds": {name: round(s, 4) for name, s in (clock.seconds | dict(result.timings)).items()},
    }


def _methods(options: argparse.Namespace, interrupted: threading.Event) -> int:
    listed: list[dict[str, Any]] = [
        {
            "name": method.name,
            "title": method.title,
            "request": {"DragEdit": "drag", "TextEdit": "text", "ExemplarEdit": "exemplar"}[
                method.request.__name__
            ],
            "settings": [
                {"name": d.name, "default": d.default, "range": d.range, "low": d.low, "high": d.high}
                | {"step": d.step, "choices": list(d.choices), "help": d.help}
                for d in method.settings.declarations()
            ],
        }
        for method in METHODS.values()
    ]
    if options.json:
        _print_json({"methods": listed})
        return DONE
    for method in listed:
        out(f"{method['name']}  {method['title']} ({method['request']})\n")
        for s in method["settings"]:
            out(f"  {s['name']} = {s['default']}  ({s['range']})  {s['help']}\n")
    return DONE


def _bench(options: argparse.Namespace, interrupted: threading.Event) -> int:
    if options.name not in BENCHMARKS:
        raise InvalidRequest(f"There is no benchmark “{options.name}”; there is {', '.join(BENCHMARKS)}.")
    rows: list[Measured] = []
    for table in (BENCHMARKS, options.more):
        measured: Sequence[Measured] = table[options.name]() if options.name in table else []
        rows += measured
        if not options.json:
            out("".join(f"{row}\n" for row in measured))
    if options.json:
        _print_json({"benchmark": options.name, "rows": [row._asdict() for row in rows]})
    return DONE


def _partial_path(output: Path) -> Path:
    """Beside the output, under a name that is free: a partial result replaces nothing."""
    names = (f"{output.stem}.partial{number}{output.suffix}" for number in ("", *range(2, 10_000)))
    return next(path for path in map(output.with_name, names) if not os.path.lexists(path))


@dataclass
class _Clock:
    """Seconds of the phases outside the engine."""

    def __post_init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begun


def _print_json(value: dict[str, Any]) -> None:
    out(json.dumps(value) + "\n")


def _fail(sentence: str, status: int) -> int:
    say(sentence)
    return status
