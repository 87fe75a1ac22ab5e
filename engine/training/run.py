"""What a run of the loop is told, where it begins, and what it comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from engine.errors import InvalidRequest
from engine.training.checkpoint import read_facts
from engine.training.stage import TrainingSettings

CHECKPOINT_SECONDS = 60.0

Reason = Literal["steps", "minutes", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a training is told beside the settings of its stage.

    Args:
        stage: its name in the table of stages.
        out: the folder of the run; made if need be.
        device: cpu, cuda or mps.
        resume: the folder of a run to go on exactly from, or None.
        continue_from: a folder with averaged weights to begin with, or None.
        minutes: after which the run stops by itself, counted from its start, or None.
        checkpoint_seconds: between checkpoints, at least; large ones come more rarely.
    """

    stage: str
    data: Path
    out: Path
    device: str = "cpu"
    resume: Path | None = None
    continue_from: Path | None = None
    minutes: float | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS


class Outcome(NamedTuple):
    step: int  # done in all
    reason: Reason
    figures: Mapping[str, float]  # held-out, of the averaged networks


class Start(NamedTuple):
    """Where a run begins.

    Args:
        step: done before.
        began: the step at which the weights were last without their optimizer's state; 0 for random weights.
        seed: of the run.
        warm: whether those weights were trained before.
    """

    step: int
    began: int
    seed: int
    warm: bool = False


def find_start(settings: TrainingSettings, run: Run) -> Start:
    """Exactly where the resumed run was; or with the step of the given weights, but another seed, so that
    they do not see the same samples again; or at nothing.

    Raises:
        InvalidRequest: there is nothing to go on from, or nothing left to do.
    """
    former = run.resume or run.continue_from
    if former is None:
        return Start(0, 0, settings.seed)
    facts = read_facts(former, run.stage)
    if facts.step >= settings.steps:
        raise InvalidRequest(
            f"{former} has {facts.step} steps behind it already; ask for more than that with --set steps=N."
        )
    if run.resume is not None:
        return Start(facts.step, facts.began, facts.seed, facts.warm or facts.began > 0)
    return Start(facts.step, facts.step, facts.seed + 1, warm=True)
