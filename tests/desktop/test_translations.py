"""Japanese and Chinese are complete and up to date, and longer words fit into the window."""

import importlib.util
import math
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

import pytest
from PySide6.QtCore import QCoreApplication, QTranslator
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QToolButton, QWidget

from desktop import texts
from desktop.start_page import StartPage
from desktop.translations import LANGUAGES, best_translation, install_translations
from desktop.window import MainWindow
from engine import METHODS, Engine, GenerationSettings, samples

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "resources" / "translations"
HOLE = re.compile(r"\{\w*\}|%n")
ACCELERATOR = re.compile(r"&(\w)")


class Text(NamedTuple):
    context: str
    source: str
    translation: str
    finished: bool
    plural: bool


def read(path):
    found = []
    for context in ET.parse(path).getroot().iter("context"):
        for message in context.iter("message"):
            said = message.find("translation")
            forms = [form.text or "" for form in said.iter("numerusform")]
            assert len(forms) <= 1, "neither language has a plural of its own"
            found.append(
                Text(
                    context.findtext("name"),
                    message.findtext("source"),
                    forms[0] if forms else said.text or "",
                    said.get("type") is None,
                    message.get("numerus") == "yes",
                )
            )
    return found


def keys(found):
    return sorted((text.context, text.source) for text in found)


@pytest.fixture
def updating(monkeypatch):
    """The developers' script, where Qt's tools are there for it."""
    path = ROOT / "packaging" / "update_translations.py"
    spec = importlib.util.spec_from_file_location("update_translations", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    if not script.tool("lupdate") or not script.tool("lrelease"):
        pytest.skip("this PySide6 brings no lupdate and lrelease")
    return script


@pytest.fixture
def translate(qapp):
    """Installs translators, for this test only."""
    installed = []

    def install(language=None, *, translator=None):
        if translator is None:
            installed.extend(install_translations(qapp, language))
        else:
            assert QCoreApplication.installTranslator(translator)
            installed.append(translator)

    yield install
    for translator in installed:
        QCoreApplication.removeTranslator(translator)


@pytest.fixture
def build(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "home"))

    def make():
        window = MainWindow(Engine())
        qtbot.addWidget(window, before_close_func=settle)
        with qtbot.waitExposed(window):
            window.show()
        return window

    return make


def settle(window):
    """Let the window close without its question."""
    if window.document is not None:
        window.document.undo_stack.clear()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language):
    for text in read(FOLDER / f"pliant_{language}.ts"):
        assert text.finished and text.translation.strip(), text
        assert text.plural is ("%n" in text.source)


@pytest.mark.parametrize("language", LANGUAGES)
def test_holes_and_accelerators_are_kept(language):
    for text in read(FOLDER / f"pliant_{language}.ts"):
        assert sorted(HOLE.findall(text.translation)) == sorted(HOLE.findall(text.source)), text
        assert ACCELERATOR.findall(text.translation.upper()) == ACCELERATOR.findall(text.source.upper()), text
        assert text.translation.endswith("…") is text.source.endswith("…"), text
        assert text.translation.endswith(".png") is text.source.endswith(".png"), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_the_sources_is_missing(language, updating, tmp_path):
    there = FOLDER / f"pliant_{language}.ts"
    anew = Path(shutil.copy(there, tmp_path))
    updating.extract(anew)
    assert keys(read(anew)) == keys(read(there)), "run packaging/update_translations.py"
    assert all(text.finished for text in read(anew))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_up_to_date(language, updating, tmp_path):
    anew = tmp_path / "anew.qm"
    updating.compile_texts(FOLDER / f"pliant_{language}.ts", anew)
    there = FOLDER / f"pliant_{language}.qm"
    assert anew.read_bytes() == there.read_bytes(), "run packaging/update_translations.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_found_when_the_program_runs(language, translate):
    translate(language)
    for text in read(FOLDER / f"pliant_{language}.ts"):
        number = 3 if text.plural else -1
        found = QCoreApplication.translate(text.context, text.source, None, number)
        assert found == text.translation.replace("%n", "3")


def test_what_the_engine_says_in_the_window_is_listed():
    said = set()
    for settings in (GenerationSettings, *(method.settings for method in METHODS.values())):
        for each in settings.declarations():
            said |= {each.name.replace("_", " ").title(), each.help, *each.choices}
    assert set(texts.SETTINGS) == said
    assert set(texts.SAMPLES) == {sample.title for sample in samples()}


def test_every_phase_of_an_edit_has_words():
    told = re.compile(r"""(?:\.phase\(|\.track\(|phase(?:: str)? ?= ?)"([A-Z][a-z]+)\"""")
    beside = {"training", "evaluation", "cli.py"}
    sources = [path for path in (ROOT / "engine").rglob("*.py") if not beside & set(path.parts)]
    assert set(texts.PHASES) == {name for path in sources for name in told.findall(path.read_text("utf-8"))}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["ja-Jpan-JP", "ja-JP", "ja-Jpan", "ja"], "ja"),
        (["zh-Hans-CN", "zh-CN", "zh-Hans", "zh"], "zh_CN"),
        (["zh-Hans-SG", "zh-SG", "zh-Hans", "zh"], "zh_CN"),
        (["zh-Hant-TW", "zh-TW", "zh-Hant", "zh"], None),
        (["de-DE", "de", "ja-JP", "ja"], "ja"),
        (["en-US", "en", "ja-JP", "ja"], None),
        (["C"], None),
        ([], None),
        (["no language at all"], None),
    ],
)
def test_the_most_wanted_language_is_taken(wanted, expected):
    assert best_translation(wanted) == expected


def test_other_languages_are_left_in_english(translate):
    translate("de")
    assert QCoreApplication.translate("Actions", "&File") == "&File"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_action_is_translated(language, build, translate):
    english = spoken(build())
    translate(language)
    translated = spoken(build())
    assert len(translated) == len(english) > 40
    assert [text for text in translated if text in english] == []


def spoken(window):
    """The texts of a window's actions, its menus and its docks."""
    actions = [action for action in window.findChildren(QAction) if not action.isSeparator()]
    return [action.text() for action in actions if action.isVisible() and action.text()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_tips_name_no_accelerator(language, build, translate):
    translate(language)
    actions = build().actions_
    for name in actions.names:
        assert not re.search(r"\([A-Z]\)", actions[name].iconText()), name
        assert actions[name].toolTip().startswith(actions[name].iconText())


class Longer(QTranslator):
    """Makes each text 40 % longer, and remembers which were asked for."""

    def __init__(self):
        super().__init__()
        self.asked = set()

    def isEmpty(self):  # noqa: N802 - Qt's name
        return False

    def translate(self, context, source, disambiguation=None, n=-1):
        if context.startswith("Q"):
            return ""  # Qt's own
        self.asked.add((context, source))
        return source + ("Åg" * len(source))[: math.ceil(0.4 * len(source))]


@pytest.fixture
def longer(translate):
    translator = Longer()
    translate(translator=translator)
    return translator


def test_longer_texts_fit_into_the_window(build, longer, qtbot):
    window = build()
    assert (window.width(), window.height()) == (1280, 860)
    assert window.menuBar().actions()[0].text().startswith("&FileÅg")
    assert clipped(window) == []
    with qtbot.waitSignal(window.session.finished):
        window.filing.open_sample(samples()[0])
    assert clipped(window) == []


def test_longer_texts_fit_on_the_start_page(qtbot, longer):
    page = StartPage(samples())
    qtbot.addWidget(page)
    page.resize(640, 600)
    with qtbot.waitExposed(page):
        page.show()
    assert clipped(page) == []


def clipped(shown):
    """What has less room than its words take."""
    QApplication.processEvents()
    parts = [
        *shown.findChildren(QPushButton),
        *(button for button in shown.findChildren(QToolButton) if button.icon().isNull()),
        *shown.findChildren(QComboBox),
        *(label for label in shown.findChildren(QLabel) if label.pixmap().isNull()),
    ]
    assert len(parts) > 3
    return [words(part) for part in parts if part.isVisible() and words(part) and not has_room(part)]


def test_words_without_room_are_noticed(build):
    window = build()
    button = next(part for part in window.findChildren(QPushButton) if part.text() == "Keep as a layer")
    button.setFixedWidth(40)
    assert clipped(window) == ["Keep as a layer"]


def words(part):
    return part.currentText() if isinstance(part, QComboBox) else part.text()


def has_room(part: QWidget):
    if isinstance(part, QLabel) and part.wordWrap():
        return part.height() >= part.heightForWidth(part.width())
    return part.width() >= part.sizeHint().width() and part.height() >= part.sizeHint().height()


def test_the_window_asks_for_no_text_that_is_not_listed(build, longer, qtbot):
    """Contexts are classes' names: a renamed class, or a text put together, would show here."""
    window = build()
    with qtbot.waitSignal(window.session.finished):
        window.filing.open_sample(samples()[0])
    window.keep()
    asked = {(context, source) for context, source in longer.asked if context}
    assert len(asked) > 100
    for language in LANGUAGES:
        assert asked <= set(keys(read(FOLDER / f"pliant_{language}.ts")))
