"""The starter pack's model card, from its history, its photos and its figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

STAGES = {
    "drag": "what a drag moves and how (`flowgen`)",
    "fill": "what to show where nothing is known (`fill`)",
    "vae": "pictures to latents and back (`vae`)",
    "backbone": "diffusion of latents, with text (`unet`, `text_encoder`, `tokenizer`)",
}
TEMPLATE = Path(__file__).with_suffix(".md")


class Run(NamedTuple):
    """One training run.

    Args:
        stage: its name.
        how: anew, resumed or continued.
        first, last: steps before and after.
        batch: samples a step, on all devices.
        minutes: it took.
        device: cpu, cuda or mps.
        parameters: of the networks that are kept.
        settings: by name.
        measured: on held-out photos when it ended, by name.
    """

    stage: str
    how: str
    first: int
    last: int
    batch: int
    minutes: int
    device: str
    parameters: int
    settings: Mapping[str, Any]
    measured: Mapping[str, float]


def card(
    history: Sequence[Run], photos: Sequence[Mapping[str, str]], figures: Sequence[Mapping[str, Any]]
) -> str:
    """The card as Markdown."""
    return TEMPLATE.read_text(encoding="utf-8").format(
        training=_training(history),
        version=max((row["version"] for row in figures if "version" in row), default="?"),
        figures=_figures(figures),
        tracking=_tracking(figures),
        vae=_vae(history),
        photos=len(photos),
        data=_data(photos),
    )


def _training(history: Sequence[Run]) -> str:
    rows: list[tuple[object, ...]] = []
    for run in history:
        steps, millions = run.last - run.first, run.parameters / 1e6
        part, size = (
            f"`{run.stage}`: {STAGES.get(run.stage, '')}",
            run.settings.get("crop", run.settings.get("size", "")),
        )
        took = f"{run.minutes} min, {run.device}"
        rows.append((part, f"{millions:.2f} M", size, run.how, f"{steps:,}", f"{steps * run.batch:,}", took))
    return _table(("stage", "parameters", "pixels", "begun", "steps", "samples", "time"), rows)


def _figures(figures: Sequence[Mapping[str, Any]]) -> str:
    columns = "everywhere", "moving", "background", "iou"
    rows = [
        (row["name"], *(f"{row[column]:.2f}" for column in columns)) for row in figures if "moving" in row
    ]
    return _table(("", "EPE all", "EPE moving", "EPE background", "IoU"), rows)


def _tracking(figures: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (row["name"].removeprefix("tracking: "), f"{row['near']:.1f}", f"{row['far']:.1f}")
        for row in figures
        if "near" in row
    ]
    return _table(("", "near", "far"), rows)


def _vae(history: Sequence[Run]) -> str:
    runs = [run for run in history if run.stage == "vae"]
    if not runs:
        return "There is no `vae` in it yet."
    found = f"{runs[-1].measured['psnr']:.1f} dB of {runs[-1].settings['size']}² pixels"
    return f"What the `vae` makes of a held-out photo, encoded and decoded: {found}."


def _data(photos: Sequence[Mapping[str, str]]) -> str:
    counted = Counter((row["source"], row["licence"]) for row in photos)
    rows = [(source, licence, count) for (source, licence), count in sorted(counted.items())]
    return _table(("source", "licence", "pictures"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in lines)
