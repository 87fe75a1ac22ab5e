"""What the panel says of packs: which methods run on them, and whether better weights could be got."""

import os

import pytest
from PySide6.QtGui import QTextDocumentFragment

import engine.shelf
from desktop.weights import told_missing
from desktop.window import MainWindow
from engine import METHODS, Engine
from engine.generation import ROLES
from engine.packs import PackStore
from tests.desktop.hands import settle
from tests.desktop.test_tiers import FakeWorker

NEEDED = METHODS["good_drag"].roles


def write_manifest(folder, name, size, roles, *, url="", home=""):
    """A manifest of a pack whose parts are folders with one file each."""
    head = f'name = "{name}"\ntitle = "The {name} & all"\nlicence = "CC0-1.0"\nworking_size = {size}\n'
    lines = [head + (f'home_url = "{home}"\n' if home else "")]
    for role in sorted(roles):
        lines.append(f'[components.{role}]\nkind = "any"\npath = "{name}/{role}"\n')
        if url:
            lines.append(f'[[components.{role}.files]]\npath = "config.json"\nurl = "{url}/{role}"\n')
    (folder / "packs").mkdir(exist_ok=True)
    (folder / "packs" / f"{name}.toml").write_text("\n".join(lines))


def install(folder, name, roles):
    for role in roles:
        (folder / name / role).mkdir(parents=True)
        (folder / name / role / "config.json").write_text("{}")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Where shipped packs are; the user's lie in `user`."""
    monkeypatch.setattr(engine.shelf, "PackStore", lambda: PackStore(tmp_path / "packs", tmp_path / "user"))
    write_manifest(tmp_path, "small", 256, NEEDED)
    install(tmp_path, "small", NEEDED)
    return tmp_path


@pytest.fixture
def build(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "home"))

    def build():
        shown = MainWindow(Engine(), FakeWorker())
        qtbot.addWidget(shown, before_close_func=settle)
        return shown

    return build


def note(window):
    label = window._edit.run._note
    if not label.isVisibleTo(window._edit.run):
        return ""
    return QTextDocumentFragment.fromHtml(label.text()).toPlainText()


def test_with_a_small_pack_it_says_that_better_weights_exist_and_where(shelf, build):
    write_manifest(shelf, "big", 512, NEEDED, url="https://files.org", home="https://example.org/big")
    window = build()
    assert window._edit.run.slow.choice.method == "good_drag"
    assert note(window) == (
        "Better weights exist: get The big & all (CC0-1.0), for 512 × 512 pixels, from example.org into "
        f"…{os.sep}user{os.sep}big and restart the engine."
    )
    assert 'href="https://example.org/big"' in window._edit.run._note.text()
    install(shelf / "user", "big", NEEDED)
    window._engine_menu.restarted.emit()
    assert note(window) == ""
    run = window._edit.run
    offered = [run.slow.methods.itemText(i) for i in range(run.slow.methods.count())]
    assert any("The big & all" in text for text in offered)


def test_without_anything_better_nothing_is_said(shelf, build):
    write_manifest(shelf, "same", 256, NEEDED, url="https://files.org")
    write_manifest(shelf, "other", 512, {"flowgen"}, url="https://files.org")
    assert note(build()) == ""


def test_where_a_manifest_names_no_page_its_files_do(shelf, build):
    write_manifest(shelf, "big", 512, NEEDED, url="https://files.org/of/it")
    assert "from files.org into" in note(build())


def test_what_generating_needs_is_named(shelf):
    assert told_missing(Engine()).endswith("get a whole Stable Diffusion.")
    write_manifest(shelf, "painter", 512, ROLES, url="https://files.org", home="https://example.org/painter")
    told = told_missing(Engine())
    assert (
        'get The painter &amp; all (CC0-1.0) from <a href="https://example.org/painter">example.org</a>'
        in told
    )
    assert f'into <a href="{shelf.as_uri()}">…{os.sep}user{os.sep}painter</a>' in told
