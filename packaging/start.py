"""Set Pliant up in this folder and start it.

    python3 packaging/start.py [FILE...]          open the editor on FILE, or else on a sample photo
    python3 packaging/start.py test [OPTION...]   run every check; options go to pytest (--long: full counts)

The first call fetches what is missing into `.venv`; the next ones start at once. Without a display a sample
is edited and saved instead. This file keeps to the standard library and to what Python 3.6 can parse, so that
an older Python is refused in words.
"""

import ctypes
import hashlib
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, run

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "pliant-setup"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
SAMPLES = ROOT / "resources" / "samples"
DEMO = ROOT / "build" / "demo.png"

TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CHECKS = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["basedpyright"])
# Tests run tiny networks, which a second thread only makes wait.
TEST_ENVIRONMENT = {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
TEST_PROGRAMS = {"Xvfb": "xvfb", "xdotool": "xdotool"}
LIBRARIES = {  # what Qt loads: the Debian package that brings it
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}


def version_refusal(version: tuple) -> str:
    """Why this Python cannot run Pliant; empty if it can."""
    if tuple(version[:2]) >= (3, 11):
        return ""
    found = ".".join(map(str, version[:3]))
    advice = (
        "Install a newer one, from your system's packages or https://www.python.org/downloads/, and use that."
    )
    return f"Pliant needs Python 3.11 or newer; this is {found}. {advice}"


if __name__ == "__main__" and version_refusal(sys.version_info):
    sys.exit(version_refusal(sys.version_info))  # here, as an older Python stumbles over the hints below


def main(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    if arguments[:1] == ["test"]:
        set_up("test")
        return run_checks(arguments[1:])
    set_up("app")
    if has_display():
        return open_app(arguments)
    left = f"{' '.join(arguments)} stays closed and " if arguments else ""
    print(f"There is no display to open a window on, so {left}a sample is edited without one.")
    return edit_sample()


def set_up(mode: str) -> None:
    ready = is_ready(mode)
    needs_venv = not ready and not venv_works()
    if sys.platform.startswith("linux"):
        provide_system_packages(mode, needs_venv)
    if ready:
        return
    STAMP.unlink(missing_ok=True)
    if needs_venv:
        make_venv()
    install_packages(mode)
    STAMP.write_text(stamp_text(mode))


def stamp_text(mode: str) -> str:
    """What a finished set-up leaves behind; where it would differ now, another one is due."""
    wanted = (ROOT / "pyproject.toml").read_bytes() + CONSTRAINTS.read_bytes()
    wanted += f"{ROOT} {sys.version_info[:2]}".encode()  # an editable install knows its folder by name
    return f"{mode} {hashlib.sha256(wanted).hexdigest()}\n"


def is_ready(mode: str) -> bool:
    if not (STAMP.is_file() and VENV_PYTHON.exists()):
        return False
    return STAMP.read_text() in (
        stamp_text(mode),
        stamp_text("test"),
    )  # set up for tests, it runs the app too


def provide_system_packages(mode: str, needs_venv: bool) -> None:
    missing = missing_from_system(mode, needs_venv)
    if not missing:
        return
    packages = sorted(set(missing.values()))
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(
            f"Pliant needs some system packages. Run this, then start again:\n\n"
            f"    sudo {' '.join(apt_install(packages))}\n\n"
            f"Other distributions name them differently; what is missing: {', '.join(missing)}."
        )
    print(f"Installing system packages: {' '.join(packages)} …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_quietly(["apt-get", "update"], environment)  # if a source is broken, the install still decides
    trouble = run_quietly(apt_install(packages), environment)
    if trouble:
        sys.exit(f"{trouble}\n\napt-get could not install {' '.join(packages)}: mend that and start again.")
    missing = missing_from_system(mode, needs_venv)
    if missing:
        sys.exit(f"{sys.executable} still lacks {', '.join(missing)}: start with the system's own Python.")


def missing_from_system(mode: str, needs_venv: bool) -> dict[str, str]:
    """What this machine lacks: its name, and the Debian package that brings it."""
    missing = {}
    if mode == "test" or has_display():  # a window will open
        missing = {library: package for library, package in LIBRARIES.items() if not loads(library)}
    if mode == "test":
        missing.update({name: package for name, package in TEST_PROGRAMS.items() if not shutil.which(name)})
    if needs_venv and not can_make_venv():
        missing["Python's venv"] = f"python3.{sys.version_info[1]}-venv"
    return missing


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def can_make_venv() -> bool:
    importlib.invalidate_caches()
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


def apt_install(packages: list[str]) -> list[str]:
    return ["apt-get", "install", "-y", "--no-install-recommends", *packages]


def venv_works() -> bool:
    """Whether `.venv` holds a fit Python with pip; an interrupted set-up may have left half of one."""
    probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    return VENV_PYTHON.exists() and not run_quietly([str(VENV_PYTHON), "-c", probe])


def make_venv() -> None:
    trouble = run_quietly([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if trouble:
        sys.exit(f"{trouble}\n\nPython could not make {VENV}: mend that and start again.")


def install_packages(mode: str) -> None:
    print("Installing Python packages (a few minutes the first time) …")
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    pin = next(line for line in CONSTRAINTS.read_text().split() if line.startswith("torch=="))
    trouble = ""
    for source in torch_sources(pin, cpu_only=sys.platform.startswith("linux") and not has_nvidia_gpu()):
        trouble = run_quietly([*pip, "--no-deps", *source])
        if not trouble:
            break
    if trouble:
        advice = (
            f"check that {TORCH_CPU_INDEX} can be reached, or name a folder with its wheel in PIP_FIND_LINKS"
        )
        sys.exit(f"{trouble}\n\nNo CPU build of {pin} was found: {advice}, and start again.")
    trouble = run_quietly([*pip, "-c", str(CONSTRAINTS), "-e", ".[test]" if mode == "test" else "."])
    if trouble:
        sys.exit(f"{trouble}\n\npip could not install the packages: check the network and start again.")


def torch_sources(pin: str, *, cpu_only: bool) -> list[list[str]]:
    """Where pip shall look for torch before the ordinary install, in this order.

    PyPI's build for Linux brings gigabytes of CUDA. The local version "+cpu" keeps that out even where pip is
    configured with further indexes.
    """
    return [["--no-index", pin], ["--index-url", TORCH_CPU_INDEX, f"{pin}+cpu"]] if cpu_only else []


def has_nvidia_gpu() -> bool:
    program = shutil.which("nvidia-smi")
    return program is not None and not run_quietly([program])


def run_quietly(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a command without showing it; empty if it succeeded, otherwise its last lines."""
    done = run(command, cwd=ROOT, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, check=False)
    if done.returncode == 0:
        return ""
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-12:]) or f"{command[0]} ended with status {done.returncode}."


def has_display() -> bool:
    names = ("DISPLAY", "WAYLAND_DISPLAY")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in names)


def open_app(arguments: list[str]) -> int:
    files = [word if word.startswith("-") else str(Path(word).absolute()) for word in arguments]
    return call("desktop", *(files or [str(SAMPLES / ready_drag()["picture"])]))


def edit_sample() -> int:
    DEMO.parent.mkdir(exist_ok=True)
    status = call("desktop", *demo_words(ready_drag()), quiet=True)
    if status == 0:
        print(f"The edited sample is at {DEMO}")
    return status


def ready_drag() -> dict:
    """The first of the samples' ready drags."""
    found = sorted(SAMPLES.glob("*.json"))
    if not found:
        sys.exit(f"{SAMPLES} holds no sample: name a picture to open.")
    return json.loads(found[0].read_text(encoding="utf-8"))


def demo_words(ready: dict) -> list[str]:
    """A ready drag as the command line of `pliant edit`."""
    words = ["edit", "flow_warp", str(SAMPLES / ready["picture"]), "-o", str(DEMO)]
    for handle_x, handle_y, target_x, target_y in ready["drags"]:
        words += ["--drag", f"{handle_x},{handle_y}:{target_x},{target_y}"]
    for x, y in ready.get("pins", []):
        words += ["--pin", f"{x},{y}"]
    for role in ("mask", "subject"):
        if role in ready:
            words += [f"--{role}", str(SAMPLES / ready[role])]
    if "motion" in ready:
        words += ["--motion", ready["motion"]]
    for name, value in ready.get("settings", {}).items():
        words += ["--set", f"{name}={value}"]
    return words


def run_checks(options: list[str]) -> int:
    """Every check in turn, whatever the others say; pytest last, so that its summary closes the output."""
    failed = []
    for check in CHECKS:
        print(f"$ {' '.join(check)}")
        if call(*check):
            failed.append(" ".join(check))
    if failed:
        print(f"Failed: {', '.join(failed)}. The tests follow.")
    print(f"$ {' '.join(['pytest', *options])}")
    return call("pytest", *options, defaults=TEST_ENVIRONMENT) or int(bool(failed))


def call(module: str, *words: str, defaults: dict[str, str] | None = None, quiet: bool = False) -> int:
    """Run a module of `.venv` to its end; its exit status, as a shell would give it."""
    environment = {**(defaults or {}), **os.environ}
    command = [str(VENV_PYTHON), "-m", module, *words]
    process = Popen(command, cwd=ROOT, env=environment, stdout=DEVNULL if quiet else None)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()  # Ctrl+C reached it too: let it close in its own way
        raise
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # our lines keep their place among the children's
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
