"""The window's language: the user's where it is translated, otherwise English, as all texts are written."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from engine import resource_dir

LANGUAGES = ("ja", "zh_CN")  # as the files in resources/translations are named
_WRITTEN = (QLocale.Language.English, QLocale.Language.C)


def install_translations(
    application: QCoreApplication, language: str | None = None
) -> tuple[QTranslator, ...]:
    """Translate Qt's texts and the window's, which must not be built yet.

    Args:
        application: owns the translators.
        language: as in “ja” or “zh_CN”; None for the system's.

    Raises:
        EngineError: the installation lacks its resources.
    """
    locale = QLocale.system() if language is None else QLocale(language)
    chosen = best_translation(locale.uiLanguages())
    if chosen is None:
        return ()
    installed: list[QTranslator] = []
    for name, folder in (
        (f"qtbase_{chosen}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)),
        (f"pliant_{chosen}", str(resource_dir() / "translations")),
    ):
        translator = QTranslator(application)
        if translator.load(name, folder):
            QCoreApplication.installTranslator(translator)
            installed.append(translator)
    return tuple(installed)


def best_translation(wanted: Sequence[str]) -> str | None:
    """The first of these languages, the most wanted first, that is translated; None for English.

    Qt's own choice would pass over English, as it has no file, and take what the user wants less.
    """
    decided: set[QLocale.Language] = set()
    for name in wanted:
        locale = QLocale(name)
        if locale.language() in _WRITTEN:
            return None
        if locale.language() in decided:
            continue  # “zh” behind “zh-Hant-TW” is only its short form, and not simplified Chinese
        decided.add(locale.language())
        for translated in LANGUAGES:
            known = QLocale(translated)
            if (known.language(), known.script()) == (locale.language(), locale.script()):
                return translated
    return None
