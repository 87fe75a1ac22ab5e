"""Which packs there are, and opening one: what is opened has been looked over, what is damaged is named."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open

from engine.errors import ModelMissing
from engine.packs.manifest import MANIFEST, Component, ModelPack, PackFile, manifest_label, read_manifest
from engine.packs.single_file import SUFFIX, Checkpoint, file_pack_name, find_tokenizer
from engine.paths import data_dir, resource_dir

_PICKLES = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})  # loading one can run any code
_CHUNK = 2**20  # bytes


class _Source(NamedTuple):
    """Where a pack is described, and what its paths are relative to.

    A bundled manifest may describe a pack that the user gets elsewhere: its files then lie in `otherwise`.
    """

    manifest: Path
    folder: Path
    otherwise: Path | None = None

    def read(self) -> ModelPack:
        """Raises: ModelMissing: the manifest cannot be used, or nothing of what it describes is there."""
        pack = read_manifest(self.manifest, self.folder)
        if self.otherwise is None or not _is_fetched(pack) or _is_there(pack):
            return pack
        pack = self.describe()
        if not _is_there(pack):
            raise ModelMissing(
                f"The pack “{pack.title}” is not installed; its files belong in "
                f"{self.otherwise / pack.name}. Put them there, or choose another pack."
            )
        return pack

    def describe(self) -> ModelPack:
        """The pack as it would be if the user got it.

        Raises:
            ModelMissing: the manifest cannot be used.
        """
        return read_manifest(self.manifest, self.folder if self.otherwise is None else self.otherwise)


class _SingleFile(NamedTuple):
    """A checkpoint in one file, which takes its vocabulary from beside it or from another pack."""

    path: Path
    others: tuple[_Source, ...]

    def read(self) -> ModelPack:
        """Raises: ModelMissing: the file cannot be used."""
        checkpoint = Checkpoint.read(self.path)
        return checkpoint.as_pack(find_tokenizer(self._tokenizers(), checkpoint.words))

    def describe(self) -> ModelPack:
        return self.read()

    def _tokenizers(self) -> Iterator[Path]:
        yield self.path.parent / "tokenizer"
        for other in self.others:
            with suppress(ModelMissing):
                found = other.read().components.get("tokenizer")
                if found is not None and found.kind == "clip_tokenizer":
                    yield found.path


_Sources = Mapping[str, _Source | _SingleFile]


class PackStore:
    """The packs shipped with Pliant and the user's own; of two with the same name, the user's counts.

    Args:
        bundled: a folder of manifests, `*.toml`, whose paths are relative to its parent, or to `user` where
            nothing of them is there; None for Pliant's.
        user: a folder with one folder per pack, each with its `pack.toml`, or with checkpoints of Stable
            Diffusion in single files; None for the user's. It may not exist.

    Raises:
        EngineError: the installation lacks its resources folder.
    """

    def __init__(self, bundled: Path | None = None, user: Path | None = None) -> None:
        self._bundled = resource_dir() / "packs" if bundled is None else bundled
        self._user = data_dir() / "packs" if user is None else user

    def names(self) -> tuple[str, ...]:
        """The packs that there are, sorted; one with a broken manifest goes by its file or folder."""
        return tuple(sorted(self._sources()))

    def open(self, name_or_folder: str | Path) -> ModelPack:
        """Read a pack together with the packs that it extends, and look its files over (no hashes).

        Args:
            name_or_folder: a name of this store, or else the folder of a pack anywhere, or a checkpoint in a
                single file; a `Path` is always one of the latter.

        Raises:
            ModelMissing: there is no such pack, or it is incomplete or damaged.
        """
        sources = self._sources()
        pack = _completed(_read(name_or_folder, sources), sources)
        for component in pack.components.values():
            try:
                _check(component, pack.title)
            except OSError as error:
                reason = error.strerror or error
                raise _unusable(
                    pack.title, f"{error.filename or component.path} cannot be read ({reason})"
                ) from error
        return pack

    def fetchable(self) -> tuple[ModelPack, ...]:
        """The packs of which nothing is there, and whose manifests say where to get them.

        Each comes with what it extends, whether that is there or not; its files belong in the folder of its
        name in its `folder`.
        """
        sources, found = self._sources(), list[ModelPack]()
        for source in self._manifests().values():
            with suppress(ModelMissing):  # a broken one
                pack = source.describe()
                shipped = read_manifest(source.manifest, source.folder)
                if _is_fetched(pack) and not _is_there(pack) and not _is_there(shipped):
                    found.append(_completed(pack, sources, lambda base: base.describe()))
        return tuple(found)

    @staticmethod
    def verify(pack: ModelPack, on_file: Callable[[str], None] = lambda file: None) -> None:
        """Compare every file whose hash the manifest states with that hash.

        Args:
            on_file: told each file before it is read; whatever it raises ends the check.

        Raises:
            ModelMissing: a file is damaged or cannot be read.
        """
        for component in pack.components.values():
            for file in component.files:
                if file.sha256 is None:
                    continue
                on_file(str(file.path))
                try:
                    intact = _sha256(file.path) == file.sha256
                except OSError as error:
                    raise _unusable(pack.title, f"{file.path} cannot be read ({error.strerror})") from error
                if not intact:
                    raise _unusable(pack.title, f"{file.path} is damaged; its checksum is wrong")

    def _sources(self) -> _Sources:
        manifests = self._manifests()
        files = sorted(self._user.glob(f"*{SUFFIX}"))
        return {file_pack_name(path): _SingleFile(path, (*manifests.values(),)) for path in files} | manifests

    def _manifests(self) -> dict[str, _Source]:
        manifests = sorted(self._bundled.glob("*.toml"))
        bundled = (_Source(path, self._bundled.parent, self._user) for path in manifests)
        user = (_Source(path, path.parent) for path in sorted(self._user.glob(f"*/{MANIFEST}")))
        return {**_by_name(bundled), **_by_name(user)}


def _by_name(sources: Iterator[_Source]) -> dict[str, _Source]:
    sound: dict[str, _Source] = {}
    broken: dict[str, _Source] = {}
    for source in sources:
        try:
            sound.setdefault(read_manifest(source.manifest, source.folder).name, source)
        except ModelMissing:  # said when it is opened; until then it must not get in the way of the others
            broken[manifest_label(source.manifest)] = source
    return {**broken, **sound}


def _is_fetched(pack: ModelPack) -> bool:
    """Whether its manifest says where to get it, so that it need not be there from the start."""
    return any(file.url is not None for component in pack.components.values() for file in component.files)


def _is_there(pack: ModelPack) -> bool:
    return any(component.path.exists() for component in pack.components.values())


def _read(name_or_folder: str | Path, sources: _Sources) -> ModelPack:
    if isinstance(name_or_folder, str) and name_or_folder in sources:
        return sources[name_or_folder].read()
    path = Path(name_or_folder)
    manifest = path / MANIFEST
    try:
        if path.suffix.lower() == SUFFIX and path.is_file():
            others = (source for source in sources.values() if isinstance(source, _Source))
            return _SingleFile(path.absolute(), tuple(others)).read()
        exists = manifest.is_file()
        if path.suffix.lower() in _PICKLES and path.is_file():
            raise ModelMissing(f"Pliant loads safetensors only, and {path} is none. Get it as .safetensors.")
    except OSError:  # a name too long for a file, a folder that may not be entered
        exists = False
    if not exists:
        known = (
            f"Choose one of these: {', '.join(sorted(sources))}."
            if sources
            else "Get one; there are none yet."
        )
        raise ModelMissing(
            f"There is no pack “{name_or_folder}”, nor a folder of that name with a {MANIFEST}. {known}"
        )
    return read_manifest(manifest)


def _completed(
    pack: ModelPack,
    sources: _Sources,
    read: Callable[[_Source | _SingleFile], ModelPack] = lambda source: source.read(),
) -> ModelPack:
    """The pack with what it takes over from the packs that it extends, which `read` opens; its own counts."""
    chain = [pack]
    while (base := chain[-1].extends) is not None:
        names = [link.name for link in chain]
        if base in names:
            circle = " → ".join((*names[names.index(base) :], base))
            raise _unusable(pack.title, f"its manifest extends packs in a circle ({circle})")
        if base not in sources:
            raise ModelMissing(
                f"The pack “{chain[-1].title}” extends the pack “{base}”, which is missing. Get it first."
            )
        chain.append(read(sources[base]))
    chain.reverse()
    return replace(
        pack,
        components={role: component for link in chain for role, component in link.components.items()},
        methods={method: settings for link in chain for method, settings in link.methods.items()},
    )


def _check(component: Component, title: str) -> None:
    if not component.path.exists():
        raise _unusable(title, f"{component.path} is missing")
    for file in component.files:
        _check_listed(file, title)
    # A listed file may lie behind a linked folder, which the walk does not enter.
    for path in sorted({*_contents(component.path), *(file.path for file in component.files)}):
        _check_content(path, title)


def _contents(path: Path) -> Iterator[Path]:
    return (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else iter((path,))


def _check_listed(file: PackFile, title: str) -> None:
    if not file.path.is_file():
        raise _unusable(title, f"{file.path} is missing")
    length = file.path.stat().st_size
    if file.bytes is not None and length != file.bytes:
        raise _unusable(title, f"{file.path} has {length} bytes and should have {file.bytes}")


def _check_content(path: Path, title: str) -> None:
    """Refuse what no loader should be given; of weights only the header is read."""
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        raise ModelMissing(
            f"Pliant loads safetensors only, and the pack “{title}” holds {path}. "
            "Get the pack as safetensors, or remove that file."
        )
    if suffix == ".safetensors":
        try:
            with safe_open(path, framework="numpy"):
                pass
        except SafetensorError as error:
            raise _unusable(title, f"{path} is not a complete safetensors file ({error})") from error
    if suffix == ".json":
        try:
            json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise _unusable(title, f"{path} is not valid JSON ({error})") from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _unusable(title: str, problem: str) -> ModelMissing:
    return ModelMissing(f"The pack “{title}” cannot be used: {problem}. Get the pack again.")
