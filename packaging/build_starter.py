"""Makes resources/starter and resources/packs/starter.toml from finished training runs.

    python packaging/build_starter.py --photos DIR RUN [RUN ...]

Each RUN is the folder of one `pliant train`. Of several runs of one stage the last gives the weights, and all
of them the history that the model card tells; stages without a run stay as they are. What the card says of
the data comes from the photos' manifest, its figures from `pliant bench starter` on the finished pack.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "packaging")]

from model_card import Run, card  # noqa: E402

from engine.evaluation import fill, starter  # noqa: E402
from engine.training.log import read_log  # noqa: E402

STARTER = REPOSITORY / "resources" / "starter"
MANIFEST = REPOSITORY / "resources" / "packs" / "starter.toml"
MOST_BYTES = 64 * 10**6  # of the pack; it travels with every installation
HEAD = """\
# Made by packaging/build_starter.py; the model card is resources/starter/README.md.
name = "starter"
title = "Starter pack"
licence = "CC-BY-SA-4.0"
licence_url = "https://creativecommons.org/licenses/by-sa/4.0/legalcode"
working_size = 256
"""


class Part(NamedTuple):
    """What a stage's export fills: the folder in it, the role, and the kind."""

    folder: str
    role: str
    kind: str


PARTS: dict[str, tuple[Part, ...]] = {
    "drag": (Part("drag_flow", "flowgen", "drag_flow"),),
    "fill": (Part("fill", "fill", "fill"),),
    "vae": (Part("vae", "vae", "autoencoder_tiny"),),
    "backbone": (
        Part("unet", "unet", "unet2dcondition"),
        Part("text_encoder", "text_encoder", "clip_text_model"),
        Part("tokenizer", "tokenizer", "clip_tokenizer"),
        Part("scheduler", "scheduler", "scheduler"),
    ),
}
# What suits networks of this size: fewer and larger steps, and windows for a grid of 128² instead of 256².
METHODS = """\
[methods.good_drag]
inference_steps = 20
inversion_strength = 0.5
drag_steps = 6
updates = 4
learning_rate = 0.04
patch_radius = 8
tracking_radius = 10
stride = 3.0
early_stop = 40
lora_steps = 20

[methods.drag_diffusion]
inference_steps = 20
inversion_strength = 0.5
drag_steps = 160
learning_rate = 0.04
information_preserving = true
patch_radius = 8
tracking_radius = 10
lora_steps = 20

[methods.generate]
side = 128
steps = 30
guidance = 2.0
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="what the runs were trained on")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    options = parser.parse_args(arguments)
    build(options.photos, options.runs)
    os.environ[starter.PHOTOS] = str(options.photos)
    write(STARTER / "figures.json", [row._asdict() for row in (*starter.run(), *fill.run())])
    write_card()
    print(f"{STARTER}: {size(STARTER) / 1e6:.1f} MB")


def build(photos: Path, runs: Iterable[Path], starter: Path = STARTER, manifest: Path = MANIFEST) -> None:
    """Take over weights, history and sources, and write the pack's manifest.

    Raises:
        SystemExit: a run is not finished or of a stage that the pack does not know, or the pack is too large.
    """
    starter.mkdir(parents=True, exist_ok=True)
    history = [Run(**run) for run in read(starter / "training.json", [])]
    for folder in runs:
        run = history_of(folder)
        if run.stage not in PARTS:
            raise SystemExit(f"{folder} is a run of “{run.stage}”; the pack takes {', '.join(PARTS)}.")
        history = [known for known in history if known != run] + [run]
        for part in PARTS[run.stage]:
            take(folder / "export" / part.folder, starter / part.role)
    write(starter / "training.json", [run._asdict() for run in history])
    write_sources(photos, starter / "photos.csv")
    manifest.write_text(manifest_text(starter))
    if (total := size(starter)) > MOST_BYTES:
        raise SystemExit(
            f"The pack has {total} bytes, and {MOST_BYTES} are the most; train a smaller network."
        )


def history_of(folder: Path) -> Run:
    """What a run's log tells of it, exact resumes included: the settings are the last ones."""
    lines = read_log(folder / "log.jsonl")
    starts = [number for number, line in enumerate(lines) if line["event"] == "start"]
    if lines[-1]["event"] != "end":
        raise SystemExit(f"The run in {folder} is not finished; let it end, or resume it.")
    ends = [*(number - 1 for number in starts[1:]), len(lines) - 1]  # a run that was killed wrote no end
    seconds = sum(lines[b]["seconds"] - lines[a]["seconds"] for a, b in zip(starts, ends, strict=True))
    start, settings = lines[starts[0]], lines[starts[-1]]["settings"]
    return Run(
        stage=start["stage"],
        how=start["how"],
        first=start["step"],
        last=lines[-1]["step"],
        batch=settings["batch_size"] * start["processes"],
        minutes=round(seconds / 60),
        device=start["device"],
        parameters=start["parameters"],
        settings=settings,
        measured=_measured(lines),
    )


def _measured(lines: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The figures of the last time that the log tells any."""
    told = [line for line in lines if line["event"] == "evaluate"]
    return (
        {name: value for name, value in told[-1].items() if isinstance(value, float) and name != "seconds"}
        if told
        else {}
    )


def take(source: Path, target: Path) -> None:
    """Replace a folder as a whole."""
    if not source.is_dir():
        raise SystemExit(f"{source} is missing; a run exports when it ends.")
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target)


def write_sources(photos: Path, target: Path) -> None:
    """Which photos the pack was trained on, for attribution."""
    with (photos / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = sorted({(row["source"], row["path"], row["licence"]) for row in csv.DictReader(file)})
    with target.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("source", "path", "licence"), *rows])


def manifest_text(starter: Path) -> str:
    """The manifest of what lies in the pack's folder."""
    lines = [HEAD]
    for part in (part for parts in PARTS.values() for part in parts):
        folder = starter / part.role
        if not folder.is_dir():
            continue
        lines.append(f'[components.{part.role}]\nkind = "{part.kind}"\npath = "starter/{part.role}"')
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            data = path.read_bytes()
            lines.append(
                f'[[components.{part.role}.files]]\npath = "{path.relative_to(folder).as_posix()}"\n'
                f'bytes = {len(data)}\nsha256 = "{hashlib.sha256(data).hexdigest()}"'
            )
        lines.append("")
    return "\n".join(lines) + METHODS


def write_card() -> None:
    """The model card from what lies beside it."""
    history = [Run(**run) for run in read(STARTER / "training.json", [])]
    with (STARTER / "photos.csv").open(newline="", encoding="utf-8") as file:
        photos = list(csv.DictReader(file))
    (STARTER / "README.md").write_text(card(history, photos, read(STARTER / "figures.json", [])))


def size(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read(path: Path, default: Any) -> Any:  # noqa: ANN401 - JSON
    return json.loads(path.read_text()) if path.is_file() else default


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    main()
