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
        fill=_fill(figures),
        aims=_aims(figures),
        vae=_vae(history, figures),
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


def _fill(figures: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (row["name"], f"{row['psnr']:.2f} dB", f"{row['energy']:.2f}") for row in figures if "energy" in row
    ]
    return _table(("", "PSNR in holes", "energy"), rows)


class Aim(NamedTuple):
    """What a figure should be.

    Args:
        what: is measured.
        row: the name of the row of figures ends with it.
        figure: of that row.
        least, most: that it should be; None for any.
    """

    what: str
    row: str
    figure: str
    least: float | None = None
    most: float | None = None


AIMS = (
    Aim("drags alone: EPE moving", ": flowgen", "moving", most=2.4),
    Aim("drags alone: IoU", ": flowgen", "iou", least=0.65),
    Aim("with a coarse subject: EPE moving", ": flowgen + subject, outlined", "moving", most=1.3),
    Aim("with a coarse subject: IoU", ": flowgen + subject, outlined", "iou", least=0.85),
    Aim("fill: PSNR in holes, against push-pull, dB", "patches", "against", least=-0.3),
    Aim("fill: gradient energy", "patches", "energy", least=0.7, most=1.2),
    Aim("fill in small holes: gradient energy", "patches, holes up to 10%", "energy", least=0.7, most=1.2),
    Aim("autoencoder: PSNR of the samples, dB", ": vae", "psnr", least=24.0),
    Aim("tracking near: error, pixels", ": unet", "near", most=3.0),
)


def _aims(figures: Sequence[Mapping[str, Any]]) -> str:
    """What was aimed at, and whether it was reached; of what was measured."""
    smooth = {
        row["name"].removeprefix("push-pull"): row["psnr"]
        for row in figures
        if row["name"].startswith("push-pull")
    }
    rows: list[tuple[object, ...]] = []
    for aim in AIMS:
        for row in figures:
            told = {**row}
            if (ending := row["name"].removeprefix("patches")) in smooth:
                told["against"] = row["psnr"] - smooth[ending]
            if row["name"].endswith(aim.row) and aim.figure in told:
                rows.append((aim.what, _range(aim), *_judged(aim, told[aim.figure])))
                break
    return _table(("", "aim", "measured", ""), rows)


def _range(aim: Aim) -> str:
    ends = (("≥", aim.least), ("≤", aim.most))
    return ", ".join(f"{sign} {value:g}" for sign, value in ends if value is not None)


def _judged(aim: Aim, value: float) -> tuple[str, str]:
    told = f"{value:.3g}"
    value = float(told)  # what is judged is what is told
    reached = (aim.least is None or value >= aim.least) and (aim.most is None or value <= aim.most)
    return told, "reached" if reached else "**missed**"


def _vae(history: Sequence[Run], figures: Sequence[Mapping[str, Any]]) -> str:
    runs = [run for run in history if run.stage == "vae"]
    if not runs:
        return "There is no `vae` in it yet."
    found = f"{runs[-1].measured['psnr']:.1f} dB of {runs[-1].settings['size']}² pixels"
    samples = [row["psnr"] for row in figures if row["name"].endswith(": vae")]
    also = f"; of the samples {samples[0]:.1f} dB" if samples else ""
    return f"What the `vae` makes of a held-out photo, encoded and decoded: {found}{also}."


def _data(photos: Sequence[Mapping[str, str]]) -> str:
    counted = Counter((row["source"], row["licence"]) for row in photos)
    rows = [(source, licence, count) for (source, licence), count in sorted(counted.items())]
    return _table(("source", "licence", "pictures"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in lines)
