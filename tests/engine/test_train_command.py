"""`pliant train`: its flags and its words, with a stage of a few weights in the table."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import cli
from engine.stages import STAGES, TrainingStage

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parent / "training"


def tiny():
    from tests.engine.training.tiny_stage import TinyStage

    return TinyStage


@pytest.fixture(autouse=True)
def tiny_stage(monkeypatch):
    monkeypatch.setitem(STAGES, "tiny", TrainingStage(name="tiny", title="a line", open=tiny))


@pytest.fixture
def run(capsys):
    """run(*words) → (status, stdout, stderr)."""

    def call(*words):
        status = cli.main(["train", *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_trains_and_says_what_came_of_it(run, data, tmp_path):
    status, out, err = run(
        "tiny", "--data", data, "--out", tmp_path / "out", "--device", "cpu", "--set", "steps=20"
    )
    assert (status, err) == (0, "")
    assert out.startswith(f"{tmp_path / 'out'}: 20 of 20 steps, error 0.")
    assert (tmp_path / "out" / "export" / "line.safetensors").is_file()


def test_resuming_keeps_the_settings(run, data, tmp_path):
    common = ("tiny", "--data", data, "--out", tmp_path / "out", "--device", "cpu")
    assert run(*common, "--set", "steps=10", "--set", "width=3", "--set", "seed=8")[0] == 0
    assert run(*common, "--resume", tmp_path / "out", "--set", "steps=30")[0] == 0
    lines = (tmp_path / "out" / "log.jsonl").read_text().splitlines()
    first, second = (record for record in map(json.loads, lines) if record["event"] == "start")
    assert second["how"] == "resume"
    assert first["settings"] | {"steps": 30} == second["settings"]
    assert second["settings"]["width"] == 3


def test_continuing(run, data, tmp_path):
    common = ("tiny", "--data", data, "--device", "cpu")
    run(*common, "--out", tmp_path / "a", "--set", "steps=10", "--set", "width=3")
    status, out, _ = run(
        *common, "--out", tmp_path / "b", "--continue-from", tmp_path / "a", "--set", "steps=30"
    )
    assert status == 0
    assert "30 of 30 steps" in out
    start = json.loads((tmp_path / "b" / "log.jsonl").read_text().splitlines()[0])
    assert (start["how"], start["seed"], start["step"], start["settings"]["width"]) == ("continue", 1, 10, 3)


def test_minutes(run, data, tmp_path):
    words = ("tiny", "--data", data, "--out", tmp_path / "out", "--device", "cpu", "--minutes", "0.005")
    status, out, err = run(*words, "--set", "steps=10000")
    assert status == 0
    assert " of 10000 steps" in out
    assert err == f"Stopped and saved; go on with --resume {tmp_path / 'out'}.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "invalid choice: 'nothing'"),
        ([], "STAGE"),
        (["tiny"], "--data, --out"),
        (["tiny", "--data", "DATA"], "--out"),
        (["tiny", "--data", "NONE", "--out", "OUT"], "There is no"),
        (
            ["tiny", "--data", "DATA", "--out", "OUT", "--minutes", "0"],
            "--minutes takes a number above 0, not “0”",
        ),
        (["tiny", "--data", "DATA", "--out", "OUT", "--minutes", "nan"], "--minutes takes a number above 0"),
        (["tiny", "--data", "DATA", "--out", "OUT", "--minutes", "x"], "--minutes takes a number above 0"),
        (["tiny", "--data", "DATA", "--out", "OUT", "--device", "tpu"], "There is no device “tpu”"),
        (
            ["tiny", "--data", "DATA", "--out", "OUT", "--set", "depth=3"],
            "tiny has no setting “depth”; it has steps,",
        ),
        (["tiny", "--data", "DATA", "--out", "OUT", "--set", "steps"], "--set takes NAME=VALUE"),
        (["tiny", "--data", "DATA", "--out", "OUT", "--set", "steps=0"], "steps takes 1 to 10000, not 0"),
        (
            ["tiny", "--data", "DATA", "--out", "OUT", "--resume", "NONE"],
            "holds no weights that a training wrote",
        ),
        (["tiny", "--data", "DATA", "--out", "OUT", "--continue-from", "DATA"], "holds no weights"),
        (
            ["tiny", "--data", "DATA", "--out", "OUT", "--resume", "A", "--continue-from", "B"],
            "not allowed with",
        ),
        (["flowgen", "--data", "DATA", "--out", "OUT"], "holds no videos"),
        (["flowdiffusion", "--data", "DATA", "--out", "OUT"], "holds no videos"),
    ],
)
def test_bad_input_is_a_sentence(run, data, tmp_path, words, said):
    places = {"DATA": data, "NONE": tmp_path / "none", "OUT": tmp_path / "out"}
    status, out, err = run(*(places.get(word, word) for word in words))
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_a_training_is_not_overwritten(run, data, tmp_path):
    common = ("tiny", "--data", data, "--out", tmp_path / "out", "--device", "cpu", "--set", "steps=10")
    run(*common)
    weights = (tmp_path / "out" / "export" / "line.safetensors").read_bytes()
    status, _, err = run(*common, "--set", "seed=3")
    assert status == 2
    assert f"holds a training already; go on with --resume {tmp_path / 'out'}" in err
    assert (tmp_path / "out" / "export" / "line.safetensors").read_bytes() == weights


def test_other_stage_is_refused(run, data, tmp_path):
    run("tiny", "--data", data, "--out", tmp_path / "out", "--device", "cpu", "--set", "steps=10")
    common = ("flowgen", "--data", data, "--out", tmp_path / "out")
    status, _, err = run(*common, "--resume", tmp_path / "out")
    assert status == 2
    assert "holds weights of the stage tiny, not of flowgen" in err


@pytest.mark.parametrize(("said", "status"), [("CUDA out of memory", 3), ("shapes differ", 3)])
def test_failures_are_a_sentence(run, data, tmp_path, monkeypatch, said, status):
    def fail(*_):
        raise RuntimeError(said)

    monkeypatch.setattr(tiny(), "update", fail)
    found, out, err = run("tiny", "--data", data, "--out", tmp_path / "out", "--device", "cpu")
    assert (found, out) == (status, "")
    assert err.count("\n") == 1
    assert ("lower batch_size" in err) == ("memory" in said)


def test_help_lists_stages(run):
    status, out, _ = run("--help")
    assert status == 0
    assert all(name in out for name in ("flowgen", "flowdiffusion", "drag", "fill", "tiny"))


@pytest.mark.parametrize("name", [*STAGES, "tiny"])
def test_help_lists_every_setting(run, name):
    status, out, _ = run(name, "--help")
    assert status == 0
    for declaration in STAGES[name].open().settings_type.declarations():
        assert f"  {declaration.name} = {declaration.default}  ({declaration.range})" in out


def test_ctrl_c_saves(run, data, tmp_path):
    log = tmp_path / "out" / "log.jsonl"
    begun = threading.Event()

    def interrupt():
        while not begun.wait(0.05):
            if log.exists() and '"train"' in log.read_text():
                os.kill(os.getpid(), signal.SIGINT)
                return

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    words = ("tiny", "--data", data, "--out", tmp_path / "out", "--device", "cpu", "--set", "steps=10000")
    try:
        status, out, err = run(*words)
    finally:
        begun.set()
        watcher.join()
    assert status == 130
    assert " of 10000 steps" in out
    assert "go on with --resume" in err
    assert (tmp_path / "out" / "checkpoint" / "weights" / "facts.json").is_file()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize("processes", [1, 2])
def test_under_accelerate_launch(data, tmp_path, processes):
    """The same command, in processes that Accelerate started and told their places."""
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(TINY)!r}]\n"
        "from tiny_stage import TinyStage\n"
        "from engine import cli\n"
        "from engine.stages import STAGES, TrainingStage\n"
        "STAGES['tiny'] = TrainingStage(name='tiny', title='', open=lambda: TinyStage)\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    script = tmp_path / "launched.py"
    script.write_text(code)
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    if processes > 1:  # as Accelerate launches those of several GPUs; those of CPUs it would start with MPI
        launch = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes}"]
        launch += ["--master_addr", "127.0.0.1", "--master_port", str(free_port())]
    words = ["train", "tiny", "--data", str(data), "--out", str(tmp_path / "out"), "--set", "steps=20"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [*launch, str(script), *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("20 of 20 steps") == 1
    start = json.loads((tmp_path / "out" / "log.jsonl").read_text().splitlines()[0])
    assert (start["device"].partition(":")[0], start["processes"]) == ("cpu", processes)
