"""What `pip install` puts beside the packages is what the program looks for."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_resource_is_shipped_where_it_is_looked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = {
        (folder, path)
        for folder, patterns in project["tool"]["setuptools"]["data-files"].items()
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if path.is_file()
    }
    resources = ROOT / "resources"
    assert shipped == {
        (f"share/pliant/resources/{path.parent.relative_to(resources).as_posix()}".removesuffix("/."), path)
        for path in resources.rglob("*")
        if path.is_file()
    }
