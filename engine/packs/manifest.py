"""What a pack is, and its manifest: one TOML file, read strictly, so that a slip is named, not guessed at."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from engine.errors import ModelMissing
from engine.settings import Value

MANIFEST = "pack.toml"  # in the folder of a user's pack

_NAME = re.compile(r"[a-z0-9_]+")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f]*")  # no control characters
_URL = re.compile(r"https?://\S+")
_WORDS = {str: "text", int: "a whole number", dict: "a table", list: "a list of tables"}

T = TypeVar("T", str, int, dict[str, object], list[object])


@dataclass(frozen=True, kw_only=True)
class PackFile:
    """A file that a component consists of.

    Args:
        path: absolute; it may not exist yet.
        bytes: the file's length, or None where the manifest does not state it.
        sha256: 64 lower-case hexadecimal digits, or None.
        url: where to fetch the file, or None.
    """

    path: Path
    bytes: int | None = None
    sha256: str | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Component:
    """What fills a role of a pack.

    Args:
        role: the slot, as methods name it: "unet".
        kind: how it is loaded: "unet".
        path: absolute folder or file.
        files: what the manifest lists of it, possibly nothing.
    """

    role: str
    kind: str
    path: Path
    files: tuple[PackFile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelPack:
    """A set of components that belong together.

    Args:
        name: a-z, 0-9 and _; unique in a store.
        title: for the user's eyes.
        licence: its short name, "CC-BY-SA-4.0".
        licence_url: the licence's text, or None.
        home_url: the page of whoever publishes it, or None.
        working_size: the side of the square that its networks work at, in pixels.
        extends: the pack whose components this one adds to, or None.
        folder: what the manifest's paths are relative to; absolute.
        components: by role.
        methods: by method, the settings recommended with this pack. The values are as the manifest gives
            them; the method's own settings class validates them.
    """

    name: str
    title: str
    licence: str
    licence_url: str | None = None
    home_url: str | None = None
    working_size: int
    extends: str | None = None
    folder: Path
    components: Mapping[str, Component]
    methods: Mapping[str, Mapping[str, Value]]

    def require(self, roles: Collection[str], method_title: str) -> None:
        """Make sure that the pack fills every role that a method needs.

        Raises:
            ModelMissing: it does not.
        """
        missing = sorted(set(roles) - set(self.components))
        if missing:
            *others, last = missing
            listed = f"{', '.join(others)} and {last}" if others else last
            raise ModelMissing(
                f"{method_title} needs {listed}, which the pack “{self.title}” does not hold. "
                "Choose another pack."
            )


def read_manifest(path: Path, folder: Path | None = None) -> ModelPack:
    """Read a pack's manifest; whether the components are there is not looked at.

    Args:
        path: the TOML file.
        folder: what the manifest's paths are relative to; None for the folder that holds the manifest.

    Raises:
        ModelMissing: the file cannot be read or is not a manifest.
    """
    folder = (path.parent if folder is None else folder).absolute()
    try:
        return _pack(_Table(_load(path)), folder)
    except _ManifestError as error:
        raise ModelMissing(
            f"The pack “{manifest_label(path)}” cannot be used: its manifest {path} {error}. "
            "Get the pack again."
        ) from error


def manifest_label(path: Path) -> str:
    """What to call a pack whose manifest may be unreadable: the name of its file or folder."""
    return path.absolute().parent.name if path.name == MANIFEST else path.stem


class _ManifestError(Exception):
    """What is wrong, as the rest of a sentence that begins with the manifest."""


class _Table:
    """A table whose keys are taken one by one, so that what is left at the end is unknown.

    Keys named in faults are dotted from the manifest's top: "components.unet.kind".
    """

    def __init__(self, values: Mapping[str, object], name: str = "") -> None:
        self._values, self._name = dict(values), name

    def full_name(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key

    def find(self, key: str, kind: type[T]) -> T | None:
        """The value of `key`, which must be of the type `kind`, or None where the key is absent."""
        value = self._values.pop(key, None)
        if value is None:
            return None
        # True is an int to Python, but not to a reader.
        if not isinstance(value, kind) or isinstance(value, bool):
            raise _ManifestError(f"needs {_WORDS[kind]} as “{self.full_name(key)}”")
        if isinstance(value, str) and not (value.strip() and _LINE.fullmatch(value)):
            raise _ManifestError(f"needs one line of text as “{self.full_name(key)}”")
        return value

    def take(self, key: str, kind: type[T]) -> T:
        return self._present(key, self.find(key, kind))

    def find_form(self, key: str, form: re.Pattern[str], description: str) -> str | None:
        """A text of the given form, or None where the key is absent."""
        text = self.find(key, str)
        if text is not None and not form.fullmatch(text):
            raise _ManifestError(f"needs {description} as “{self.full_name(key)}”, not “{text}”")
        return text

    def find_name(self, key: str) -> str | None:
        return self.find_form(key, _NAME, "a name of a–z, 0–9 and _")

    def take_name(self, key: str) -> str:
        return self._present(key, self.find_name(key))

    def find_url(self, key: str) -> str | None:
        return self.find_form(key, _URL, "a web address")

    def take_path(self, key: str) -> PurePosixPath:
        """A relative path that lies in any folder it is joined to, on every platform; "." is that folder."""
        text = self.take(key, str)
        path = PurePosixPath(text)
        # Windows reads "a\b" and "c:a" as paths too, and drops dots and blanks at the end of a name.
        strays = any(part.rstrip(". ") != part for part in path.parts)
        if path.is_absolute() or strays or "\\" in text or ":" in text:
            raise _ManifestError(
                f"needs a path inside the pack's folder as “{self.full_name(key)}”, not “{text}”"
            )
        return path

    def tables(self, key: str) -> "dict[str, _Table]":
        """The tables below `key`, by name; none where the key is absent."""
        below = _Table(self.find(key, dict) or {}, self.full_name(key))
        for name in below._values:
            if not _NAME.fullmatch(name):
                raise _ManifestError(f"needs a name of a–z, 0–9 and _ in place of “{below.full_name(name)}”")
        return {name: _Table(below.take(name, dict), below.full_name(name)) for name in tuple(below._values)}

    def list_of_tables(self, key: str) -> "tuple[_Table, ...]":
        tables: list[_Table] = []
        for number, values in enumerate(self.find(key, list) or (), 1):
            if not isinstance(values, dict):
                raise _ManifestError(f"needs a list of tables as “{self.full_name(key)}”")
            tables.append(_Table(values, f"{self.full_name(key)}[{number}]"))
        return tuple(tables)

    def values(self) -> dict[str, Value]:
        """All that is left, which must be plain values."""
        plain: dict[str, Value] = {}
        for key, value in self._values.items():
            if not isinstance(value, (bool, int, float, str)):
                raise _ManifestError(f"needs a number, a text, true or false as “{self.full_name(key)}”")
            plain[key] = value
        return plain

    def finish(self) -> None:
        for key in self._values:
            raise _ManifestError(f"has the unknown key “{self.full_name(key)}”")

    def _present(self, key: str, value: T | None) -> T:
        if value is None:
            raise _ManifestError(f"lacks “{self.full_name(key)}”")
        return value


def _load(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise _ManifestError(f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _ManifestError("is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:  # beside TOMLDecodeError: endless numbers and nesting
        raise _ManifestError(f"is not valid TOML ({error})") from error


def _pack(table: _Table, folder: Path) -> ModelPack:
    pack = ModelPack(
        name=table.take_name("name"),
        title=table.take("title", str),
        licence=table.take("licence", str),
        licence_url=table.find_url("licence_url"),
        home_url=table.find_url("home_url"),
        working_size=table.take("working_size", int),
        extends=table.find_name("extends"),
        folder=folder,
        components={
            role: _component(role, below, folder) for role, below in table.tables("components").items()
        },
        methods={method: below.values() for method, below in table.tables("methods").items()},
    )
    table.finish()
    if pack.working_size < 1:
        raise _ManifestError(f"needs a size of at least 1 pixel as “working_size”, not {pack.working_size}")
    if not pack.components and pack.extends is None:
        raise _ManifestError("names no component")
    return pack


def _component(role: str, table: _Table, folder: Path) -> Component:
    path = folder / table.take_path("path")
    component = Component(
        role=role,
        kind=table.take_name("kind"),
        path=path,
        files=tuple(_file(below, path) for below in table.list_of_tables("files")),
    )
    table.finish()
    return component


def _file(table: _Table, component: Path) -> PackFile:
    sha256 = table.find_form("sha256", _SHA256, "64 hexadecimal digits")
    file = PackFile(
        path=component / table.take_path("path"),
        bytes=table.find("bytes", int),
        sha256=sha256 and sha256.lower(),
        url=table.find_url("url"),
    )
    table.finish()
    if file.bytes is not None and file.bytes < 0:
        raise _ManifestError(
            f"needs a length of at least 0 as “{table.full_name('bytes')}”, not {file.bytes}"
        )
    return file
