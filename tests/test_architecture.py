"""The rules of the architecture (which package may know which), held by `ast` over `engine/` and `desktop/`.

Each rule is a function from modules to complaints. Each is also fed a small offender: a rule that cannot fail
holds nothing.
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# A module may import from its own floor and from those listed before it. "__init__" is the engine's face.
FLOORS = (
    ("errors", "paths"),
    ("edit", "origin", "settings", "motion"),
    ("halving", "colour", "bilinear"),
    ("flow", "push_pull", "patch_features", "patch_match", "patch_seams", "patch_fill", "fill"),
    (
        "progress",
        "clearance",
        "lift",
        "warp",
        "region",
        "subject",
        "photo",
        "photo_writer",
        "recipe",
        "sample",
        "packs",
    ),
    ("pictures", "jobs", "channel"),  # what window and engine process share
    ("networks", "diffusion"),
    ("training",),
    ("runtime",),
    ("method",),
    ("methods",),
    ("engine", "cropped", "generation", "offers", "shelf", "stages"),
    ("__init__",),
    ("evaluation", "reporting", "host", "flags", "frames", "generate", "terminal", "train"),
    ("cli", "__main__"),
)
FLOOR = {module: number for number, floor in enumerate(FLOORS) for module in floor}

TORCH = ("torch", "diffusers", "transformers", "peft", "safetensors.torch")
QT = ("PySide6", "shiboken6", "PyQt5", "PyQt6")
START = ("engine", "engine.cli", "engine.__main__", "desktop", "desktop.__main__")  # loaded before a window
BROAD_EXCEPT = ("desktop/worker.py", "desktop/app.py", "engine/host.py", "engine/cli.py")
TRAINERS_MAY_BE_IMPORTED_BY = ("engine.stages", "engine.cli")
VAGUE_NAMES = ("utils", "util", "helpers", "helper", "common", "misc", "manager")
# What makes a drag optimiser's picture, and what would make it look as if something had been optimised.
OPTIMISERS = ("engine.methods.good_drag", "engine.methods.drag_diffusion", "engine.diffusion")
MOVERS = (
    "engine.colour",
    "engine.fill",
    "engine.flow",
    "engine.lift",
    "engine.networks",
    "engine.warp",
    "engine.methods.flow_warp",
    "engine.methods.instant_drag",
)
RANDOM_OBJECTS = ("default_rng", "Generator", "BitGenerator", "SeedSequence", "PCG64")
MOST_FILE_LINES, MOST_FUNCTION_LINES = 300, 40


class Import(NamedTuple):
    name: str  # the module imported, or the name in it
    lazy: bool  # inside a function
    typing: bool  # under TYPE_CHECKING


class Module:
    """A source file: its dotted name, its path from the root, its tree and what it imports."""

    def __init__(self, path: str, source: str) -> None:
        self.path = path
        self.source = source
        self.tree = ast.parse(source, path)
        parts = path.removesuffix(".py").split("/")
        self.is_package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.is_package else parts)
        self.imports = list(self._imports(self.tree, lazy=False, typing=False))

    def _imports(self, node: ast.AST, *, lazy: bool, typing: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, lazy, typing) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = self._absolute(child)
                yield from (Import(f"{base}.{alias.name}", lazy, typing) for alias in child.names)
            else:
                inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
                checked = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                yield from self._imports(child, lazy=lazy or inside, typing=typing or checked)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        package = package[: len(package) - node.level + 1]
        return ".".join([*package, *([node.module] if node.module else [])])

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


Modules = list[Module]


def read_modules() -> Modules:
    return [
        Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for package in ("engine", "desktop")
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


def is_in(name: str, packages: str | tuple[str, ...]) -> bool:
    """Whether a dotted name is one of the packages or lies in one."""
    packages = (packages,) if isinstance(packages, str) else packages
    return any(name == package or name.startswith(package + ".") for package in packages)


def targets(module: Module, known: set[str], *, eager: bool = False) -> set[str]:
    """The modules among `known` that `module` imports: of `engine.a.b`, the longest that is a module."""
    found = set()
    for name, lazy, typing in module.imports:
        if eager and (lazy or typing):
            continue
        parts = name.split(".")
        names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        found.add(next((name for name in names if name in known), ""))
    return found - {"", module.name}


def part_of(module: str) -> str:
    """Which entry of FLOORS a module of the engine belongs to."""
    return module.split(".")[1] if "." in module else "__init__"


def engine_knows_no_desktop(modules: Modules) -> Iterator[str]:
    for module in modules:
        if is_in(module.name, "engine"):
            names = [name for name, *_ in module.imports if is_in(name, ("desktop", "packaging", "tests"))]
            yield from (f"{module.path} imports {name}" for name in names)


def desktop_uses_the_face(modules: Modules) -> Iterator[str]:
    """The names that `engine/__init__.py` hands on, and the command line for the program's door."""
    face = next((module for module in modules if module.name == "engine"), None)
    offered = {
        "engine",
        *(f"engine.{name.rpartition('.')[2]}" for name, *_ in (face.imports if face else ())),
    }
    for module in modules:
        if is_in(module.name, "desktop"):
            for name, *_ in module.imports:
                if is_in(name, "engine") and name not in offered and not is_in(name, "engine.cli"):
                    yield f"{module.path} imports {name}; take it from the face, engine/__init__.py"


def nobody_imports_the_face_from_below(modules: Modules) -> Iterator[str]:
    known = {module.name for module in modules}
    for module in modules:
        if is_in(module.name, "engine") and "engine" in targets(module, known):
            yield f"{module.path} imports the engine's face"


def every_module_has_a_floor(modules: Modules) -> Iterator[str]:
    for module in modules:
        part = part_of(module.name)
        if is_in(module.name, "engine") and part not in FLOOR:
            yield f"{module.path} has no floor; put “{part}” into the table FLOORS of {Path(__file__).name}"


def imports_run_down(modules: Modules) -> Iterator[str]:
    known = {module.name for module in modules}
    for module in modules:
        if not is_in(module.name, "engine") or part_of(module.name) not in FLOOR:
            continue
        for name in targets(module, known):
            if is_in(name, "engine") and FLOOR.get(part_of(name), 0) > FLOOR[part_of(module.name)]:
                yield f"{module.path} imports {name}, which is above it"


def no_cycles(modules: Modules) -> Iterator[str]:
    """Counting imports inside functions and under TYPE_CHECKING too."""
    known = {module.name for module in modules}
    below = {module.name: targets(module, known) for module in modules}
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> Iterator[str]:
        if name in above:
            yield " → ".join((*above[above.index(name) :], name))
        elif name not in done:
            for other in sorted(below[name]):
                yield from walk(other, (*above, name))
            done.add(name)

    for name in sorted(below):
        yield from walk(name, ())


def methods_are_apart(modules: Modules) -> Iterator[str]:
    for module in modules:
        own = module.name.split(".")[:3]
        if own[:2] != ["engine", "methods"] or len(own) < 3:
            continue
        for name, *_ in module.imports:
            if is_in(name, "engine.methods") and not is_in(name, ".".join(own)):
                yield f"{module.path} imports {name}"


def optimisers_move_no_pixels(modules: Modules) -> Iterator[str]:
    """What they show was painted by their network: they know no warp, and of motions only what points are."""
    for module in modules:
        if is_in(module.name, OPTIMISERS):
            for name, *_ in module.imports:
                motion = is_in(name, "engine.motion") and name != "engine.motion.Points"
                if motion or is_in(name, MOVERS):
                    yield f"{module.path} imports {name}"


def trainers_are_entered_by_the_shell_alone(modules: Modules) -> Iterator[str]:
    trainers = {m.name for m in modules if m.name.rpartition(".")[2].startswith("train")} - {
        "engine.training"
    }
    for module in modules:
        if module.name not in TRAINERS_MAY_BE_IMPORTED_BY:
            for name in targets(module, trainers):
                yield f"{module.path} imports the trainer {name}"


def qt_stays_in_the_window(modules: Modules) -> Iterator[str]:
    for module in modules:
        for name, *_ in module.imports:
            widgets = "QtWidgets" in name and is_in(module.name, "desktop.document")
            anything = is_in(module.name, "engine") or module.path == "desktop/canvas/viewport.py"
            if is_in(name, QT) and (anything or widgets):
                yield f"{module.path} imports {name}"


def torch_waits(modules: Modules) -> Iterator[str]:
    """Below networks there is no torch at all, and what the start loads imports it in functions only."""
    known = {module.name: module for module in modules}
    loaded, waiting = set(), [name for name in START if name in known]
    while waiting:
        name = waiting.pop()
        if name not in loaded:
            loaded.add(name)
            packages = {name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)} & set(known)
            waiting += targets(known[name], set(known), eager=True) | packages
    for module in modules:
        low = is_in(module.name, "engine") and FLOOR.get(part_of(module.name), 99) < FLOOR["networks"]
        for name, lazy, typing in module.imports:
            eager = not (lazy or typing) and module.name in loaded
            if is_in(name, TORCH) and (low or eager):
                yield f"{module.path} imports {name}" + (
                    ", below the networks" if low else " when the program starts"
                )


def broad_excepts_stand_at_the_borders(modules: Modules) -> Iterator[str]:
    broad = ("Exception", "BaseException")
    for module in modules:
        for node in ast.walk(module.tree):
            caught: list[ast.expr] = []
            if isinstance(node, ast.ExceptHandler):
                if node.type is None:
                    caught = [ast.Name("BaseException")]
                else:
                    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
                caught = node.args
            if any(ast.unparse(name) in broad for name in caught) and module.path not in BROAD_EXCEPT:
                yield f"{module.at(node)} catches everything"


def nothing_prints(modules: Modules) -> Iterator[str]:
    for module, call in calls(modules):
        if ast.unparse(call.func) == "print":
            yield f"{module.at(call)} prints"


def no_pack_is_special(modules: Modules) -> Iterator[str]:
    """No branch asks for the starter pack by name."""
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.If, ast.IfExp, ast.While)):
                asked = ast.unparse(node.test)
            elif isinstance(node, (ast.Compare, ast.match_case)):
                asked = ast.unparse(node.pattern if isinstance(node, ast.match_case) else node)
            else:
                continue
            if "starter" in asked.lower():
                yield f"{module.at(node)} asks: {asked}"


def no_global_randomness(modules: Modules) -> Iterator[str]:
    for module in modules:
        for node in ast.walk(module.tree):
            name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if is_global_random(name):
                yield f"{module.at(node)} uses {name}"
        yield from (f"{module.path} imports {name}" for name, *_ in module.imports if is_global_random(name))


def is_global_random(name: str) -> bool:
    if "(" in name:  # a method of some object: a generator of its own
        return False
    of_numpy = name.startswith(("np.random.", "numpy.random.")) and name.split(".")[2] not in RANDOM_OBJECTS
    of_torch = is_in(name, "torch") and name.rpartition(".")[2] in ("manual_seed", "manual_seed_all", "seed")
    return of_numpy or of_torch or name == "random.seed"


def devices_have_no_literal(modules: Modules) -> Iterator[str]:
    """An editor runs on the device it is built for."""
    for module, call in calls(modules):
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        words = [*call.args, *(keyword.value for keyword in call.keywords)]
        named = any(isinstance(w, ast.Constant) and str(w.value).startswith("cuda") for w in words)
        if method == "cuda" or (method in ("to", "device") and named):
            yield f"{module.at(call)} says cuda"


def calls(modules: Modules) -> Iterator[tuple[Module, ast.Call]]:
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                yield module, node


def files_are_short(modules: Modules) -> Iterator[str]:
    for module in modules:
        if (lines := len(module.source.splitlines())) > MOST_FILE_LINES:
            yield f"{module.path} has {lines} lines, and {MOST_FILE_LINES} are allowed"


def functions_are_short(modules: Modules) -> Iterator[str]:
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MOST_FUNCTION_LINES:
                    yield f"{module.at(node)} {node.name} has {lines} lines, not {MOST_FUNCTION_LINES}"


def names_say_something(modules: Modules) -> Iterator[str]:
    for module in modules:
        if module.name.rpartition(".")[2] in VAGUE_NAMES:
            yield f"{module.path} is named for no purpose"


Rule = Callable[[Modules], Iterator[str]]

E1 = {"engine/__init__.py": "from engine.engine import Engine", "engine/engine.py": "", "engine/edit.py": ""}
LONG = "\n".join(["def f():", *["    x = 1"] * 40])

# Each rule with small sources that break it: path → text.
OFFENDERS: list[tuple[Rule, dict[str, str]]] = [
    (engine_knows_no_desktop, {"engine/edit.py": "from desktop.window import MainWindow"}),
    (engine_knows_no_desktop, {"engine/edit.py": "def f():\n    import desktop"}),
    (desktop_uses_the_face, {**E1, "desktop/app.py": "from engine.edit import Point"}),
    (desktop_uses_the_face, {**E1, "desktop/app.py": "from engine import edit"}),
    (desktop_uses_the_face, {**E1, "desktop/a/b.py": "def f():\n    import engine.engine as e"}),
    (nobody_imports_the_face_from_below, {**E1, "engine/cli.py": "from engine import Engine"}),
    (nobody_imports_the_face_from_below, {**E1, "engine/methods/a/editor.py": "import engine"}),
    (every_module_has_a_floor, {"engine/tools.py": ""}),
    (every_module_has_a_floor, {"engine/more/thing.py": ""}),
    (imports_run_down, {"engine/edit.py": "from engine.region import plan", "engine/region.py": ""}),
    (imports_run_down, {"engine/edit.py": "from engine import region", "engine/region.py": ""}),
    (imports_run_down, {"engine/packs/a.py": "def f():\n    import engine.cli", "engine/cli.py": ""}),
    (imports_run_down, {**E1, "engine/__init__.py": "from engine.host import f", "engine/host.py": ""}),
    (imports_run_down, {"engine/packs/__init__.py": "from ..method import M", "engine/method.py": ""}),
    (no_cycles, {"engine/a.py": "import engine.b", "engine/b.py": "def f():\n    import engine.a"}),
    (
        no_cycles,
        {
            "desktop/a.py": "from desktop import b",
            "desktop/b.py": "from desktop.c import x",
            "desktop/c.py": "if TYPE_CHECKING:\n    from desktop.a import A",
        },
    ),
    (methods_are_apart, {"engine/methods/a/editor.py": "from engine.methods.b.editor import f"}),
    (methods_are_apart, {"engine/methods/a/__init__.py": "from engine.methods import b"}),
    (optimisers_move_no_pixels, {"engine/methods/good_drag/editor.py": "from engine.warp import warp"}),
    (optimisers_move_no_pixels, {"engine/methods/drag_diffusion/a.py": "def f():\n    import engine.flow"}),
    (optimisers_move_no_pixels, {"engine/methods/good_drag/a.py": "from engine import lift"}),
    (optimisers_move_no_pixels, {"engine/diffusion/composite.py": "from engine.colour import from_srgb"}),
    (optimisers_move_no_pixels, {"engine/diffusion/frame.py": "from engine.motion import fit_similarity"}),
    (
        optimisers_move_no_pixels,
        {"engine/diffusion/a.py": "from engine.methods.instant_drag.grain import regrained"},
    ),
    (
        trainers_are_entered_by_the_shell_alone,
        {
            "engine/methods/a/train.py": "",
            "engine/methods/a/__init__.py": "from engine.methods.a.train import f",
        },
    ),
    (qt_stays_in_the_window, {"engine/host.py": "from PySide6.QtCore import QObject"}),
    (qt_stays_in_the_window, {"engine/host.py": "def f():\n    import PySide6"}),
    (qt_stays_in_the_window, {"desktop/document/layer.py": "from PySide6.QtWidgets import QWidget"}),
    (qt_stays_in_the_window, {"desktop/document/layer.py": "from PySide6 import QtWidgets"}),
    (qt_stays_in_the_window, {"desktop/canvas/viewport.py": "from PySide6.QtCore import QPointF"}),
    (torch_waits, {"engine/warp.py": "def f():\n    import torch"}),
    (torch_waits, {"engine/packs/store.py": "from safetensors.torch import load_file"}),
    (
        torch_waits,
        {
            "engine/__init__.py": "from engine.methods.a import METHOD",
            "engine/methods/__init__.py": "",
            "engine/methods/a/__init__.py": "from engine.methods.a.editor import E",
            "engine/methods/a/editor.py": "from diffusers.models import UNet2DConditionModel",
        },
    ),
    (
        torch_waits,  # a package loads with what lies in it
        {
            "engine/__init__.py": "from engine.methods.a import METHOD",
            "engine/methods/__init__.py": "import torch.nn as nn",
            "engine/methods/a.py": "",
        },
    ),
    (torch_waits, {"desktop/__main__.py": "import desktop.app", "desktop/app.py": "import transformers"}),
    (broad_excepts_stand_at_the_borders, {"engine/edit.py": "try:\n    f()\nexcept Exception:\n    pass"}),
    (broad_excepts_stand_at_the_borders, {"desktop/window.py": "try:\n    f()\nexcept:\n    pass"}),
    (
        broad_excepts_stand_at_the_borders,
        {"engine/a.py": "try:\n    f()\nexcept (OSError, BaseException) as error:\n    pass"},
    ),
    (broad_excepts_stand_at_the_borders, {"engine/a.py": "with contextlib.suppress(Exception):\n    f()"}),
    (nothing_prints, {"desktop/app.py": "def f():\n    print('here')"}),
    (no_pack_is_special, {"engine/engine.py": "if starter:\n    pass"}),
    (no_pack_is_special, {"engine/engine.py": "small = pack.name == 'starter'"}),
    (no_pack_is_special, {"desktop/app.py": "x = 1 if pack.is_starter else 2"}),
    (no_pack_is_special, {"desktop/app.py": "match name:\n    case 'starter':\n        pass"}),
    (no_global_randomness, {"engine/a.py": "np.random.seed(0)"}),
    (no_global_randomness, {"engine/a.py": "x = np.random.uniform(0, 1)"}),
    (no_global_randomness, {"engine/a.py": "random.seed(0)"}),
    (no_global_randomness, {"engine/a.py": "def f():\n    torch.manual_seed(0)"}),
    (no_global_randomness, {"engine/a.py": "torch.cuda.manual_seed_all(0)"}),
    (no_global_randomness, {"engine/a.py": "from torch import manual_seed"}),
    (devices_have_no_literal, {"engine/a.py": "x = x.cuda()"}),
    (devices_have_no_literal, {"engine/a.py": "net.to('cuda:0')"}),
    (devices_have_no_literal, {"engine/a.py": "d = torch.device('cuda')"}),
    (files_are_short, {"engine/edit.py": "x = 1\n" * 301}),
    (functions_are_short, {"engine/edit.py": LONG}),
    (
        functions_are_short,
        {"engine/edit.py": "class A:\n" + LONG.replace("def", "    def").replace("  x", "      x")},
    ),
    (names_say_something, {"engine/utils.py": ""}),
    (names_say_something, {"desktop/helpers/__init__.py": ""}),
    (names_say_something, {"desktop/panels/common.py": ""}),
]
RULES = list(dict.fromkeys(rule for rule, _ in OFFENDERS))

# Sources that come close to breaking a rule and do not.
INNOCENT: list[tuple[Rule, dict[str, str]]] = [
    (
        desktop_uses_the_face,
        {**E1, "desktop/app.py": "from engine import Engine\nfrom engine.cli import main"},
    ),
    (imports_run_down, {"engine/photo.py": "import engine.region", "engine/region.py": ""}),
    (no_cycles, {"engine/a.py": "import engine.b", "engine/b.py": "from engine import c", "engine/c.py": ""}),
    (methods_are_apart, {"engine/methods/a/__init__.py": "from engine.methods.a.editor import E"}),
    (optimisers_move_no_pixels, {"engine/diffusion/frame.py": "from engine.motion import Points"}),
    (optimisers_move_no_pixels, {"engine/methods/flow_warp/editor.py": "from engine.warp import warp"}),
    (qt_stays_in_the_window, {"desktop/document/layer.py": "from PySide6.QtGui import QImage"}),
    (torch_waits, {"engine/__init__.py": "def f():\n    import torch"}),
    (broad_excepts_stand_at_the_borders, {"engine/cli.py": "try:\n    f()\nexcept Exception:\n    pass"}),
    (no_pack_is_special, {"engine/a.py": "DEFAULT_PACK = 'starter'"}),
    (
        no_global_randomness,
        {"engine/a.py": "r = np.random.default_rng(0)\ng = torch.Generator().manual_seed(1)"},
    ),
    (devices_have_no_literal, {"engine/a.py": "net.to(device)\nx = {'cuda': torch.cuda.is_available()}"}),
]


def rule_name(value: object) -> str:
    return value.__name__ if callable(value) else ""


@pytest.fixture(scope="module")
def modules() -> Modules:
    return read_modules()


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_rule_holds(rule: Rule, modules: Modules) -> None:
    assert not list(rule(modules))


@pytest.mark.parametrize(("rule", "files"), OFFENDERS, ids=rule_name)
def test_rule_can_fail(rule: Rule, files: dict[str, str]) -> None:
    assert list(rule([Module(path, text) for path, text in files.items()]))


@pytest.mark.parametrize(("rule", "files"), INNOCENT, ids=rule_name)
def test_rule_lets_pass(rule: Rule, files: dict[str, str]) -> None:
    assert not list(rule([Module(path, text) for path, text in files.items()]))


def test_both_packages_are_read(modules: Modules) -> None:
    names = {module.name for module in modules}
    assert {"engine", "engine.engine", "engine.methods.flow_warp.editor", "desktop"} <= names


@pytest.mark.parametrize("name", START)
def test_start_loads_no_torch(name: str) -> None:
    if not any((ROOT / name.replace(".", "/")).with_suffix(suffix).exists() for suffix in ("", ".py")):
        pytest.skip(f"there is no {name} yet")
    forbidden = [*TORCH, *(QT if is_in(name, "engine") else ())]
    code = f"import sys, {name}; sys.exit(', '.join(n for n in {forbidden} if n in sys.modules) or None)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), f"import {name} loads {done.stderr}"
