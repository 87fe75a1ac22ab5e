"""Bring resources/translations up to date with the window's texts; for developers.

    .venv/bin/python packaging/update_translations.py

Texts that are new stand in the .ts files as “unfinished”: translate them there, or in Qt Linguist, and call
this again. The compiled .qm files are kept in git, as users have no compiler for them.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRANSLATIONS = ROOT / "resources" / "translations"


def main() -> int:
    if not tool("lupdate") or not tool("lrelease"):
        print(f"{sys.executable} lacks PySide6's lupdate and lrelease; call this by .venv/bin/python.")
        return 1
    unfinished = 0
    for path in sorted(TRANSLATIONS.glob("*.ts")):
        extract(path)
        compile_texts(path, path.with_suffix(".qm"))
        missing = path.read_text(encoding="utf-8").count('type="unfinished"')
        print(f"{path.relative_to(ROOT)}: {missing or 'nothing'} to translate")
        unfinished += missing
    return int(unfinished > 0)


def tool(name: str) -> str | None:
    """The program that PySide6 has installed beside this Python."""
    return shutil.which(f"pyside6-{name}", path=str(Path(sys.executable).parent))


def extract(texts: Path) -> None:
    """Take the sources' texts over into a .ts file, and let go of those that are no longer there."""
    sources = [str(path) for path in sorted((ROOT / "desktop").rglob("*.py"))]
    options = ["-silent", "-no-obsolete", "-locations", "none"]  # places would change at every edit
    _call("lupdate", *options, *sources, "-ts", str(texts))


def compile_texts(texts: Path, compiled: Path) -> None:
    _call("lrelease", "-silent", str(texts), "-qm", str(compiled))


def _call(name: str, *words: str) -> None:
    program = tool(name)
    assert program is not None, "asked before"
    subprocess.run([program, *words], check=True)


if __name__ == "__main__":
    sys.exit(main())
