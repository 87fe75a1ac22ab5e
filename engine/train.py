"""`pliant train`: its flags, its help and its words; the work is `engine.training.loop`'s."""

import argparse
import math
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidRequest, OutOfMemory
from engine.flags import Parser, read_settings
from engine.runtime.device import DEVICES, resolve_device
from engine.runtime.memory import is_out_of_memory
from engine.settings import Declaration
from engine.stages import STAGES
from engine.terminal import out, progress_line, say

if TYPE_CHECKING:
    from engine.training.stage import TrainingSettings

DONE, CANCELLED = 0, 130


def add_command(commands: "argparse._SubParsersAction[Any]") -> None:  # pyright: ignore[reportPrivateUsage]
    """Add `train`, and below it a command for each stage."""
    train = commands.add_parser("train", help="train networks on data of your own", allow_abbrev=False)
    stages = train.add_subparsers(
        dest="stage", metavar="STAGE", required=True, parser_class=_StageParser, title="stages"
    )
    for stage in STAGES.values():
        parser = stages.add_parser(stage.name, help=stage.title, allow_abbrev=False)
        assert isinstance(parser, _StageParser)
        parser.stage = stage.name
        parser.add_argument("--data", metavar="DIR", type=Path, required=True, help="what to train on")
        parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="the folder of the run")
        former = parser.add_mutually_exclusive_group()
        exactly = "go on with the run in DIR, exactly as if it had never stopped"
        former.add_argument("--resume", metavar="DIR", type=Path, help=exactly)
        warm = "begin with the averaged weights in DIR, but a fresh optimizer"
        former.add_argument("--continue-from", metavar="DIR", type=Path, help=warm)
        parser.add_argument("--minutes", metavar="N", help="stop, saved and exported, after so long")
        parser.add_argument("--device", metavar="|".join(DEVICES), default="auto")
        parser.add_argument("--set", dest="settings", metavar="NAME=VALUE", action="append", default=[])
        parser.set_defaults(run=_train)


class _StageParser(Parser):
    """Lists the stage's settings at the end of its help, which is when they are loaded."""

    stage = ""

    def format_help(self) -> str:
        declared = STAGES[self.stage].open().settings_type.declarations()
        lines = [f"  {d.name} = {d.default}  ({d.range})  {d.help}\n" for d in declared]
        return f"{super().format_help()}\nsettings, for --set:\n{''.join(lines)}"


def _train(options: argparse.Namespace, interrupted: threading.Event) -> int:
    minutes = None if options.minutes is None else _minutes(options.minutes)
    if not options.data.exists():
        raise InvalidRequest(f"There is no {options.data}; name the folder with what to train on as --data.")
    device = resolve_device(options.device, networks=True)
    kind = STAGES[options.stage].open()
    # These load torch.
    from engine.training.loop import train  # noqa: PLC0415
    from engine.training.run import Run  # noqa: PLC0415

    run = Run(
        stage=options.stage,
        data=options.data,
        out=options.out,
        device=device,
        resume=options.resume,
        continue_from=options.continue_from,
        minutes=minutes,
    )
    _refuse_to_overwrite(options)
    settings = _settings(kind.settings_type, options)
    try:
        with progress_line() as show:
            outcome = train(kind, settings, run, show, interrupted.is_set)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(
            f"The memory of {device} does not suffice for {settings.batch_size} samples at a time; lower "
            "batch_size with --set."
        ) from error
    if os.environ.get("RANK", "0") == "0":  # the first of the processes that `accelerate launch` started
        figures = "".join(f", {name} {value:.4g}" for name, value in outcome.figures.items())
        out(f"{run.out}: {outcome.step} of {settings.steps} steps{figures}\n")
        if outcome.reason != "steps":
            say(f"Stopped and saved; go on with --resume {run.out}.")
    return CANCELLED if outcome.reason == "interrupted" else DONE


def _settings(kind: "type[TrainingSettings]", options: argparse.Namespace) -> "TrainingSettings":
    """Those that the weights to begin with were trained with, or the defaults; and what --set changes."""
    from engine.training.checkpoint import read_facts  # noqa: PLC0415 - it loads torch

    def find(name: str) -> Declaration:
        if name not in known:
            raise InvalidRequest(f"{options.stage} has no setting “{name}”; it has {', '.join(known)}.")
        return known[name]

    known = {declaration.name: declaration for declaration in kind.declarations()}
    former = options.resume or options.continue_from
    before = {} if former is None else read_facts(former, options.stage).settings
    values: dict[str, Any] = {name: value for name, value in before.items() if name in known}
    values.update(read_settings(find, options.settings))
    return kind(**values)


def _refuse_to_overwrite(options: argparse.Namespace) -> None:
    from engine.training.checkpoint import find  # noqa: PLC0415 - it loads torch

    chosen = {path.resolve() for path in (options.resume, options.continue_from) if path is not None}
    if find(options.out) is not None and options.out.resolve() not in chosen:
        raise InvalidRequest(
            f"{options.out} holds a training already; go on with --resume {options.out}, "
            "or choose another --out."
        )


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 < minutes < math.inf:
        raise InvalidRequest(f"--minutes takes a number above 0, not “{text}”.")
    return minutes
