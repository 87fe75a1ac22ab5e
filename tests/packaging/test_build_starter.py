"""The starter pack is what the runs exported, described so that the store accepts it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.errors import ModelMissing
from engine.packs import PackStore

sys.path.insert(0, str(Path(__file__).parents[2] / "packaging"))

from build_starter import build, history_of
from model_card import card


def _run(folder: Path, stage: str, export: str, steps: int = 7, value: float = 1.0) -> Path:
    weights = folder / "export" / export
    weights.mkdir(parents=True)
    (weights / "config.json").write_text("{}")
    save_file({"a": np.full(4, value, np.float16)}, weights / "model.safetensors")
    settings = {"batch_size": 4, "size": 32}
    start = {"event": "start", "step": 2, "seconds": 30.0, "stage": stage, "how": "anew", "device": "cpu"}
    start |= {"processes": 2, "parameters": 1000, "settings": settings}
    measured = {"event": "evaluate", "step": 4, "psnr": 21.5}
    end = {"event": "end", "step": 2 + steps, "seconds": 150.0}
    (folder / "log.jsonl").write_text("\n".join(json.dumps(line) for line in (start, measured, end)))
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    lines = ["file,source,path,licence,caption,family", "a.webp,s,one.jpg,CC0-1.0,x,f"]
    lines += ["b.webp,s,one.jpg,CC0-1.0,x,f", 'c.webp,t,two.jpg,"CC-BY-2.0 | x",x,f']
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder


def _built(tmp_path: Path, photos: Path, *runs: Path) -> Path:
    manifest = tmp_path / "resources" / "packs" / "starter.toml"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    build(photos, runs, tmp_path / "resources" / "starter", manifest)
    return manifest


def test_pack_opens_and_its_files_are_whole(tmp_path: Path, photos: Path) -> None:
    drag, fill = _run(tmp_path / "a", "drag", "drag_flow"), _run(tmp_path / "b", "fill", "fill")
    manifest = _built(tmp_path, photos, drag, fill)
    store = PackStore(manifest.parent, tmp_path / "user")
    pack = store.open("starter")
    assert {role: part.kind for role, part in pack.components.items()} == {
        "flowgen": "drag_flow",
        "fill": "fill",
    }
    store.verify(pack)
    (manifest.parents[1] / "starter" / "fill" / "config.json").write_text("[]")
    with pytest.raises(ModelMissing, match="checksum"):
        store.verify(pack)


def test_later_run_replaces_the_weights_and_keeps_the_rest(tmp_path: Path, photos: Path) -> None:
    _built(tmp_path, photos, _run(tmp_path / "a", "drag", "drag_flow"), _run(tmp_path / "b", "fill", "fill"))
    starter = tmp_path / "resources" / "starter"
    before = (starter / "fill" / "model.safetensors").read_bytes()
    stale = (starter / "flowgen" / "model.safetensors").read_bytes()
    _built(tmp_path, photos, _run(tmp_path / "c", "drag", "drag_flow", steps=9, value=2.0))
    assert (starter / "fill" / "model.safetensors").read_bytes() == before
    assert (starter / "flowgen" / "model.safetensors").read_bytes() != stale
    history = json.loads((starter / "training.json").read_text())
    assert [(run["stage"], run["last"]) for run in history] == [("drag", 9), ("fill", 9), ("drag", 11)]


def test_the_same_run_is_told_once(tmp_path: Path, photos: Path) -> None:
    run = _run(tmp_path / "a", "drag", "drag_flow")
    _built(tmp_path, photos, run)
    _built(tmp_path, photos, run)
    assert len(json.loads((tmp_path / "resources" / "starter" / "training.json").read_text())) == 1


def test_a_resumed_run_is_one_run_with_the_time_of_its_parts(tmp_path: Path) -> None:
    folder = _run(tmp_path / "a", "drag", "drag_flow")
    lines = (folder / "log.jsonl").read_text().splitlines()
    killed = json.loads(lines[0]) | {"step": 0, "seconds": 5.0, "settings": {"batch_size": 4, "size": 16}}
    last = {"event": "train", "step": 3, "seconds": 185.0}
    resumed = json.loads(lines[0]) | {"how": "resume"}
    parts = [json.dumps(line) for line in (killed, last, resumed)]
    (folder / "log.jsonl").write_text("\n".join([*parts, *lines[1:]]))
    run = history_of(folder)
    assert (run.how, run.first, run.last, run.minutes) == ("anew", 0, 9, 5)
    assert run.settings["size"] == 32


def test_unfinished_and_unknown_runs_are_refused(tmp_path: Path, photos: Path) -> None:
    strange = _run(tmp_path / "a", "flowgen", "flowgen")
    with pytest.raises(SystemExit, match="flowgen"):
        _built(tmp_path, photos, strange)
    unfinished = _run(tmp_path / "b", "drag", "drag_flow")
    log = unfinished / "log.jsonl"
    log.write_text(log.read_text().splitlines()[0])
    with pytest.raises(SystemExit, match="not finished"):
        _built(tmp_path, photos, unfinished)


def test_card_tells_what_was_trained_and_on_what(tmp_path: Path, photos: Path) -> None:
    run = history_of(_run(tmp_path / "a", "drag", "drag_flow"))
    assert (run.first, run.last, run.batch, run.minutes) == (2, 9, 8, 2)
    _built(tmp_path, photos, tmp_path / "a")
    sources = (tmp_path / "resources" / "starter" / "photos.csv").read_text().splitlines()
    assert sources == ["source,path,licence", "s,one.jpg,CC0-1.0", "t,two.jpg,CC-BY-2.0 | x"]
    rows = [dict(zip(("source", "path", "licence"), line.split(","), strict=True)) for line in sources[1:]]
    figure = {"name": "zero flow", "everywhere": 1, "moving": 2.375, "background": 0, "iou": 0, "version": 2}
    tracked = {"name": "tracking: points stay", "near": 11.41, "far": 29.96, "version": 2}
    text = card([run], rows, [figure, tracked])
    assert "| points stay | 11.4 | 30.0 |" in text
    assert "| 7 | 56 |" in text
    assert run.measured == {"psnr": 21.5}
    assert "no `vae`" in text
    vae = run._replace(stage="vae", settings={"size": 32})
    assert "21.5 dB of 32² pixels" in card([vae], rows, [figure])
    assert "| zero flow | 1.00 | 2.38 | 0.00 | 0.00 |" in text
    assert "| t | CC-BY-2.0 / x | 1 |" in text


def test_card_says_which_aims_were_missed() -> None:
    def flow(name: str, moving: float, iou: float) -> dict[str, object]:
        return {"name": f"Mine: {name}", "moving": moving, "iou": iou, "everywhere": 1, "background": 1}

    def filled(name: str, psnr: float, energy: float) -> dict[str, object]:
        return {"name": name, "psnr": psnr, "energy": energy, "seconds": 0.1, "pictures": 3}

    text = card(
        [],
        [],
        [
            *(
                flow("flowgen", 2.4004, 0.649),
                flow("flowgen + mask", 9.0, 0.0),
                flow("flowgen + subject", 9.0, 0.0),
                flow("flowgen + subject, outlined", 1.31, 0.9),
            ),
            *(filled("push-pull", 18.3, 0.0), filled("push-pull, holes up to 10%", 19.0, 0.0)),
            *(filled("patches", 17.9, 1.25), filled("patches, holes up to 10%", 19.5, 0.7)),
            {"name": "Mine: vae", "psnr": 26.71, "pictures": 12},
            {"name": "tracking: patches of colours", "near": 1.0, "far": 2.0},
            {"name": "tracking: Mine: unet", "near": 3.04, "far": 7.0},
        ],
    )
    told = [line.split(" | ")[-2:] for line in text.splitlines() if "≥ " in line or "≤ " in line]
    assert [(value, verdict.strip(" |*")) for value, verdict in told] == [
        *(("2.4", "reached"), ("0.649", "missed"), ("1.31", "missed"), ("0.9", "reached")),
        *(("-0.4", "missed"), ("1.25", "missed"), ("0.7", "reached")),
        *(("26.7", "reached"), ("3.04", "missed")),
    ]
    assert "| patches | 17.90 dB | 1.25 |" in text
