"""The set-up script decides rightly what to fetch, from where, and what to start. Nothing is installed."""

import ast
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging" / "start.py"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, at home in an empty project; whatever would run a command fails."""
    spec = importlib.util.spec_from_file_location("start", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("VENV", "VENV_PYTHON", "STAMP", "CONSTRAINTS", "SAMPLES", "DEMO"):
        monkeypatch.setattr(module, name, tmp_path / getattr(module, name).relative_to(module.ROOT))
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "run", lambda command, **_: pytest.fail(f"ran {command}"))
    monkeypatch.setattr(module, "Popen", lambda command, **_: pytest.fail(f"ran {command}"))
    (tmp_path / "packaging").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    module.CONSTRAINTS.write_text("# Tested\nnumpy==2.4.6\ntorch==2.13.0\n")
    return module


class Commands:
    """Stands in for `run_quietly`: notes each command and lets those fail that hold one of `failing`."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.seen: list[str] = []

    def __call__(self, command: list[str], environment: object = None) -> str:
        self.seen.append(" ".join(command))
        return "ERROR: it broke" if any(word in command for word in self.failing) else ""


@pytest.fixture
def bare_linux(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A Linux without programs, libraries or a GPU; a display and apt-get are there and we are root."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(start.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(start, "loads", lambda library: False)
    monkeypatch.setattr(start, "can_make_venv", lambda: False)
    return start


# An older Python


def test_source_parses_on_python_3_6() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_older_python_is_refused_in_words(start: ModuleType) -> None:
    refusal = start.version_refusal((3, 9, 2, "final", 0))
    assert refusal.startswith("Pliant needs Python 3.11 or newer; this is 3.9.2. Install ")
    assert "\n" not in refusal


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 1), (4, 0, 0)])
def test_newer_python_is_welcome(start: ModuleType, version: tuple[int, ...]) -> None:
    assert start.version_refusal(version) == ""


def test_refusal_comes_before_any_newer_syntax_is_evaluated() -> None:
    """On 3.6 the hints `list[str]` fail where a function is defined, so only plain ones may stand before."""
    body = ast.parse(SCRIPT.read_text(encoding="utf-8")).body
    guard = next(i for i, node in enumerate(body) if isinstance(node, ast.If))
    assert [node.name for node in body[:guard] if isinstance(node, ast.FunctionDef)] == ["version_refusal"]
    hints = [node for node in ast.walk(ast.Module(body[:guard], [])) if isinstance(node, ast.arg)]
    assert all(isinstance(hint.annotation, ast.Name) for hint in hints)


# System packages


def test_missing_libraries_are_named_with_their_packages(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = {"libEGL.so.1", "libxcb-icccm.so.4"}
    monkeypatch.setattr(start, "has_display", lambda: True)
    monkeypatch.setattr(start, "loads", lambda library: library not in absent)
    missing = start.missing_from_system("app", False)
    assert missing == {"libEGL.so.1": "libegl1", "libxcb-icccm.so.4": "libxcb-icccm4"}


def test_loader_tells_absent_libraries(start: ModuleType) -> None:
    assert not start.loads("libno-such-thing.so.77")


def test_only_tests_need_the_test_programs(bare_linux: ModuleType) -> None:
    app, test = (bare_linux.missing_from_system(mode, False).values() for mode in ("app", "test"))
    assert set(test) - set(app) == {"xvfb", "xdotool"}


def test_only_a_window_needs_libraries(bare_linux: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with_display = bare_linux.missing_from_system("test", False)
    monkeypatch.setattr(bare_linux, "has_display", lambda: False)
    assert bare_linux.missing_from_system("app", False) == {}
    assert bare_linux.missing_from_system("test", False) == with_display
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    bare_linux.provide_system_packages("app", needs_venv=False)


def test_only_a_new_venv_needs_venv(bare_linux: ModuleType) -> None:
    package = f"python3.{sys.version_info[1]}-venv"
    assert package in bare_linux.missing_from_system("app", True).values()
    assert package not in bare_linux.missing_from_system("app", False).values()


def test_root_installs_with_one_update(bare_linux: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = iter([{"libGL.so.1": "libgl1", "Xvfb": "xvfb"}, {}])
    monkeypatch.setattr(bare_linux, "missing_from_system", lambda *_: next(missing))
    monkeypatch.setattr(bare_linux, "run_quietly", commands := Commands())
    bare_linux.provide_system_packages("test", needs_venv=True)
    assert commands.seen == ["apt-get update", "apt-get install -y --no-install-recommends libgl1 xvfb"]


def test_root_is_told_what_apt_said(bare_linux: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_linux, "run_quietly", Commands("install"))
    with pytest.raises(SystemExit, match="it broke\n\napt-get could not install"):
        bare_linux.provide_system_packages("app", needs_venv=True)


def test_python_that_finds_no_system_library_is_named(
    bare_linux: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bare_linux, "run_quietly", Commands())
    with pytest.raises(SystemExit, match=r"still lacks libglib-2\.0\.so\.0"):
        bare_linux.provide_system_packages("app", needs_venv=True)


@pytest.mark.parametrize("reason", ["not root", "no apt-get"])
def test_others_get_one_command_to_run(
    bare_linux: ModuleType, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    if reason == "not root":
        monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    else:
        monkeypatch.setattr(bare_linux.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        bare_linux.provide_system_packages("test", needs_venv=True)
    message = str(ended.value.code)
    assert message.count("apt-get") == message.count("sudo") == 1
    assert "sudo apt-get install -y --no-install-recommends libdbus-1-3 libegl1 " in message
    assert f"python3.{sys.version_info[1]}-venv" in message


# torch and the other packages


def test_cpu_torch_is_sought_on_disk_then_on_the_cpu_index(start: ModuleType) -> None:
    on_disk, on_index = start.torch_sources("torch==2.13.0", cpu_only=True)
    assert on_disk == ["--no-index", "torch==2.13.0"]
    assert on_index == ["--index-url", "https://download.pytorch.org/whl/cpu", "torch==2.13.0+cpu"]


def test_with_a_gpu_the_ordinary_install_brings_torch(start: ModuleType) -> None:
    assert start.torch_sources("torch==2.13.0", cpu_only=False) == []


@pytest.mark.parametrize(
    ("platform", "gpu", "failing", "torch"),
    [
        ("linux", False, (), ["--no-index torch==2.13.0"]),
        (
            "linux",
            False,
            ("--no-index",),
            [
                "--no-index torch==2.13.0",
                "--index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu",
            ],
        ),
        ("linux", True, (), []),
        ("darwin", False, (), []),
        ("win32", False, (), []),
    ],
)
def test_packages_are_installed_after_torch(
    start: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    gpu: bool,
    failing: tuple[str, ...],
    torch: list[str],
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(start, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(start, "run_quietly", commands := Commands(*failing))
    start.install_packages("test")
    pip = f"{start.VENV_PYTHON} -m pip install --disable-pip-version-check"
    assert commands.seen == [
        *(f"{pip} --no-deps {source}" for source in torch),
        f"{pip} -c {start.CONSTRAINTS} -e .[test]",
    ]


def test_app_does_without_the_test_tools(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "has_nvidia_gpu", lambda: True)
    monkeypatch.setattr(start, "run_quietly", commands := Commands())
    start.install_packages("app")
    assert commands.seen[-1].endswith(f"-c {start.CONSTRAINTS} -e .")


@pytest.mark.parametrize(
    ("failing", "advice"), [("--no-deps", "PIP_FIND_LINKS"), ("-e", "check the network and start again")]
)
def test_failing_pip_is_quoted_with_advice(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, failing: str, advice: str
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(start, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(start, "run_quietly", Commands(failing))
    with pytest.raises(SystemExit, match=f"(?s)it broke\n\n.*{advice}"):
        start.install_packages("app")


@pytest.mark.parametrize(("failing", "found"), [((), True), (("/usr/bin/nvidia-smi",), False)])
def test_gpu_counts_when_its_driver_answers(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, failing: tuple[str, ...], found: bool
) -> None:
    monkeypatch.setattr(start.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(start, "run_quietly", Commands(*failing))
    assert start.has_nvidia_gpu() is found


def test_no_driver_no_gpu(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start.shutil, "which", lambda name: None)
    assert not start.has_nvidia_gpu()


# The stamp


@pytest.fixture
def installable(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Every step of the set-up succeeds, and is counted in `steps`."""
    start.steps = []

    def make_venv() -> None:
        start.steps.append("venv")
        start.VENV_PYTHON.parent.mkdir(parents=True)
        start.VENV_PYTHON.touch()

    monkeypatch.setattr(start, "provide_system_packages", lambda mode, needs_venv: None)
    monkeypatch.setattr(start, "venv_works", lambda: start.VENV_PYTHON.exists())
    monkeypatch.setattr(start, "make_venv", make_venv)
    monkeypatch.setattr(start, "install_packages", lambda mode: start.steps.append(mode))
    return start


def test_second_set_up_does_nothing(installable: ModuleType) -> None:
    installable.set_up("app")
    installable.set_up("app")
    assert installable.steps == ["venv", "app"]


def test_set_up_for_tests_serves_the_app_but_not_the_reverse(installable: ModuleType) -> None:
    for mode in ("app", "test", "app", "test"):
        installable.set_up(mode)
    assert installable.steps == ["venv", "app", "test"]


@pytest.mark.parametrize("file", ["pyproject.toml", "packaging/constraints.txt"])
def test_changed_requirements_call_for_another_set_up(installable: ModuleType, file: str) -> None:
    installable.set_up("app")
    path = installable.ROOT / file
    path.write_text(path.read_text() + "# more\n")
    installable.set_up("app")
    assert installable.steps == ["venv", "app", "app"]


def test_another_python_or_folder_calls_for_another_set_up(
    installable: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = installable.stamp_text("app")
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    newer = installable.stamp_text("app")
    (installable.ROOT / "moved").mkdir()
    (installable.ROOT / "moved" / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(installable, "ROOT", installable.ROOT / "moved")
    assert len({before, newer, installable.stamp_text("app")}) == 3


def test_interrupted_set_up_leaves_no_stamp(installable: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(mode: str) -> None:
        raise KeyboardInterrupt

    installable.set_up("app")
    monkeypatch.setattr(installable, "install_packages", interrupt)
    with pytest.raises(KeyboardInterrupt):
        installable.set_up("test")
    assert not installable.STAMP.exists()
    assert not installable.is_ready("app")


def test_lost_python_makes_the_stamp_void(installable: ModuleType) -> None:
    installable.set_up("app")
    installable.VENV_PYTHON.unlink()
    assert not installable.is_ready("app")


def test_half_made_venv_is_made_anew(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    start.VENV_PYTHON.parent.mkdir(parents=True)
    start.VENV_PYTHON.touch()
    monkeypatch.setattr(start, "run_quietly", commands := Commands("-c"))
    assert not start.venv_works()
    start.make_venv()
    assert commands.seen[-1] == f"{sys.executable} -m venv --clear {start.VENV}"


# Starting


@pytest.fixture
def calls(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was called, in place of calling it; whatever is named "ruff" fails."""
    seen: list[list[str]] = []

    def call(*words: str, defaults: dict[str, str] | None = None, quiet: bool = False) -> int:
        assert quiet is (words[:2] == ("desktop", "edit")), "only the demo's answer is put in other words"
        seen.append([*words, *(defaults or {})])
        return int(words[0] == "ruff")

    monkeypatch.setattr(start, "call", call)
    monkeypatch.setattr(start, "set_up", lambda mode: None)
    start.SAMPLES.mkdir(parents=True)
    (start.SAMPLES / "b.json").write_text('{"picture": "b.jpg", "drags": [[9, 9, 9, 9]]}')
    (start.SAMPLES / "a.json").write_text('{"picture": "a.jpg", "drags": [[1, 2, 3.5, 4]]}')
    return seen


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": "", "WAYLAND_DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_display(
    start: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variables: dict[str, str],
    expected: bool,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert start.has_display() is expected


def test_app_opens_the_files_of_the_callers_folder(
    start: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "has_display", lambda: True)
    assert start.main(["cat.png"]) == 0
    assert calls == [["desktop", str(Path.cwd() / "cat.png")]]


def test_app_opens_the_first_sample_by_default(
    start: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "has_display", lambda: True)
    start.main([])
    assert calls == [["desktop", str(start.SAMPLES / "a.jpg")]]


def test_without_display_the_first_sample_is_edited(
    start: ModuleType,
    calls: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(start, "has_display", lambda: False)
    assert start.main([]) == 0
    picture, demo = str(start.SAMPLES / "a.jpg"), str(start.DEMO)
    assert calls == [["desktop", "edit", "flow_warp", picture, "-o", demo, "--drag", "1,2:3.5,4"]]
    assert start.DEMO.parent.is_dir()
    told = capsys.readouterr().out
    assert told.startswith("There is no display to open a window on, so a sample is edited")
    assert told.endswith(f"The edited sample is at {demo}\n")


def test_without_display_a_file_named_is_said_to_stay_closed(
    start: ModuleType,
    calls: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(start, "has_display", lambda: False)
    assert start.main(["cat.png", "dog.png"]) == 0
    assert "so cat.png dog.png stays closed and a sample is edited" in capsys.readouterr().out


def test_all_of_a_ready_drag_reaches_the_command_line(start: ModuleType) -> None:
    ready = {
        "title": "Turn the head",
        "kind": "animal",
        "picture": "x.jpg",
        "motion": "move",
        "drags": [[1, 2, 3, 4], [5.5, 6, 7, 8]],
        "pins": [[9, 10]],
        "mask": "x.mask.png",
        "subject": "x.subject.png",
        "settings": {"stiffness": 0.5, "fill": "smooth"},
    }
    words = start.demo_words(ready)
    assert " ".join(words).replace(f"{start.SAMPLES}{os.sep}", "") == (
        f"edit flow_warp x.jpg -o {start.DEMO} --drag 1,2:3,4 --drag 5.5,6:7,8 --pin 9,10 "
        "--mask x.mask.png --subject x.subject.png --motion move --set stiffness=0.5 --set fill=smooth"
    )


def test_without_samples_a_picture_is_asked_for(start: ModuleType) -> None:
    with pytest.raises(SystemExit, match="name a picture to open"):
        start.open_app([])


def test_checks_all_run_and_one_failure_is_enough(
    start: ModuleType, calls: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert start.main(["test", "--long", "-k", "warp"]) == 1
    assert calls == [
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["basedpyright"],
        ["pytest", "--long", "-k", "warp", "QT_QPA_PLATFORM", "OMP_NUM_THREADS"],
    ]
    assert "Failed: ruff format --check ., ruff check .." in capsys.readouterr().out


def test_help_sets_nothing_up(start: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main(["--help"]) == 0
    assert "python3 packaging/start.py test" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "expected"), [(0, 0), (7, 7), (-15, 143)])
def test_exit_status_is_passed_on(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, status: int, expected: int
) -> None:
    class Process:
        def __init__(self, command: list[str], *, env: dict[str, str], **_: object) -> None:
            assert command == [str(start.VENV_PYTHON), "-m", "pytest", "-x"]
            assert (env["QT_QPA_PLATFORM"], env["OMP_NUM_THREADS"]) == ("minimal", "1")

        def wait(self) -> int:
            return status

    monkeypatch.setattr(start, "Popen", Process)
    monkeypatch.setenv("QT_QPA_PLATFORM", "minimal")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert start.call("pytest", "-x", defaults=start.TEST_ENVIRONMENT) == expected


def test_a_quiet_call_prints_nothing_and_still_complains(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(start, "VENV_PYTHON", Path(sys.executable))
    assert start.call("this", quiet=True) == 0
    assert start.call("no_such_module", quiet=True) == 1
    told = capfd.readouterr()
    assert told.out == ""
    assert "no_such_module" in told.err


def test_failing_command_shows_its_last_lines(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Done:
        returncode = 2
        stdout = "".join(f"line {i}\n" for i in range(100)).encode()

    monkeypatch.setattr(start, "run", lambda command, **_: Done)
    lines = start.run_quietly(["pip"]).splitlines()
    assert (len(lines), lines[-1]) == (12, "line 99")
    monkeypatch.setattr(Done, "stdout", b"")
    assert start.run_quietly(["pip"]) == "pip ended with status 2."
