"""A memo spares a second working-out of the same picture, forgets the oldest, and never fails an edit."""

import os
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.packs import Component, ModelPack, PackFile
from engine.paths import data_dir
from engine.runtime.components import Components
from engine.runtime.memo import Memo, pack_identity
from engine.settings import Settings, setting

KILO = 1024


@dataclass(frozen=True, kw_only=True)
class Fit(Settings):
    steps: int = setting(70, 1, help="steps")
    rate: float = setting(5e-4, 0.0, help="rate")


class Maker:
    """Counts how often it is asked; makes a KB that tells which time it was."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return {"a": torch.full((256,), float(self.count))}


@pytest.fixture
def memo(tmp_path):
    return Memo("pack", tmp_path / "works")


def fresh(memo, **changes):
    """Another process's memo of the same folder."""
    return Memo("pack", memo._folder, **changes)


def files(memo):
    return sorted(path.name for path in memo._folder.iterdir())


def test_it_is_made_once_in_memory_and_on_disk(memo):
    make = Maker()
    first = memo.get("lora", (1, "x"), make)["a"]
    assert torch.equal(memo.get("lora", (1, "x"), make)["a"], first)
    assert torch.equal(fresh(memo).get("lora", (1, "x"), make)["a"], first)
    assert make.count == 1
    assert [name.rpartition(".")[2] for name in files(memo)] == ["safetensors"]


def test_every_dtype_and_shape_comes_back(memo):
    made = {
        "half": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).half(),
        "brain": torch.ones(2, dtype=torch.bfloat16),
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "bools": torch.tensor([True, False]),
        "turned": torch.arange(6).reshape(2, 3).T,
        "channels": torch.randn(1, 4, 3, 3).to(memory_format=torch.channels_last),
    }
    made["shared"] = made["half"][1:]
    for source in (memo, memo, fresh(memo)):
        again = source.get("x", 0, lambda: made)
        assert again.keys() == made.keys()
        for name, tensor in made.items():
            assert torch.equal(again[name], tensor)
            assert again[name].dtype == tensor.dtype


def test_what_comes_back_is_the_callers_own(memo):
    made = torch.ones(4)
    for _ in range(3):
        given_out = memo.get("x", 0, lambda: {"a": made})["a"]
        assert torch.equal(given_out, torch.ones(4))
        given_out.zero_()
    assert torch.equal(made, torch.ones(4))


def test_gradients_flow_through_what_inference_mode_has_made(memo):
    with torch.inference_mode():
        memo.get("x", 0, lambda: {"a": torch.ones(2)})
        kept = memo.get("x", 0, lambda: {})["a"]
    kept.requires_grad_()
    (kept * kept).sum().backward()
    assert torch.equal(kept.grad, torch.full((2,), 2.0))
    weight = torch.ones(2, requires_grad=True)
    assert not memo.get("y", 0, lambda: {"a": weight * 1})["a"].requires_grad


BASE = ("p", 1, 1.0, None, True, b"x", np.zeros((2, 2), np.uint8), torch.zeros(2, 2), Fit(), {"a": 1, "b": 2})
OTHERS = [
    ("q", *BASE[1:]),
    ("p", 2, *BASE[2:]),
    ("p", True, *BASE[2:]),
    ("p", 1.0, *BASE[2:]),
    (*BASE[:2], 1, *BASE[3:]),
    (*BASE[:3], "None", *BASE[4:]),
    (*BASE[:5], "x", *BASE[6:]),
    (*BASE[:6], np.zeros((4, 1), np.uint8), *BASE[7:]),
    (*BASE[:6], np.zeros((2, 2), np.int8), *BASE[7:]),
    (*BASE[:6], np.eye(2, dtype=np.uint8), *BASE[7:]),
    (*BASE[:7], torch.zeros(2, 2, dtype=torch.float64), *BASE[8:]),
    (*BASE[:7], torch.eye(2), *BASE[8:]),
    (*BASE[:8], Fit(steps=80), *BASE[9:]),
    (*BASE[:9], {"a": 2, "b": 1}),
    BASE[:9],
    (*BASE, 0),
    ((*BASE[:2], BASE[2:]),),
]


@pytest.mark.parametrize("other", OTHERS, ids=range(len(OTHERS)))
def test_another_key_is_another_work(memo, other):
    make = Maker()
    memo.get("x", BASE, make)
    memo.get("x", other, make)
    assert make.count == 2


def test_equal_keys_are_one_work(memo):
    make = Maker()
    memo.get("x", BASE, make)
    again = (*BASE[:6], np.zeros((2, 4), np.uint8)[:, ::2], torch.zeros(2, 2).T, Fit(), {"b": 2, "a": 1})
    memo.get("x", list(again), make)
    memo.get("x", (*again[:1], np.int64(1), np.float64(1), *again[3:]), make)
    assert make.count == 1


LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=3)
)
KEY = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


def typed(value):
    """Equal only for keys that mean the same: 1, 1.0 and True do not."""
    return (
        [typed(part) for part in value] if isinstance(value, tuple) else (type(value).__name__, repr(value))
    )


@settings(max_examples=200, deadline=None)
@given(first=KEY, second=KEY)
def test_keys_meet_only_if_they_are_equal(first, second):
    memo = Memo("pack")
    assert (memo._name("x", first) == memo._name("x", second)) == (typed(first) == typed(second))


def test_kind_and_pack_count_too(memo):
    make = Maker()
    memo.get("a", 0, make)
    memo.get("b", 0, make)
    Memo("another pack", memo._folder).get("a", 0, make)
    assert make.count == 3


@pytest.mark.parametrize("key", [object(), {1, 2}, (1, lambda: 0), Fit, np.array([None])])
def test_a_key_without_content_is_refused(memo, key):
    with pytest.raises(TypeError):
        memo.get("x", key, Maker())


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_what_fails_keeps_nothing(memo, error):
    def make():
        raise error

    with pytest.raises(type(error)):
        memo.get("x", 0, make)
    assert not memo._folder.exists() or files(memo) == []
    assert float(memo.get("x", 0, Maker())["a"][0]) == 1


def damage_end(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"nonsense and more nonsense"),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        damage_end,
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_damaged_file_is_made_anew(memo, damage):
    make = Maker()
    memo.get("x", 0, make)
    (path,) = memo._folder.iterdir()
    damage(path)
    assert float(fresh(memo).get("x", 0, make)["a"][0]) == 2
    if path.is_file():
        assert float(fresh(memo).get("x", 0, make)["a"][0]) == 2


def test_where_nothing_can_be_written_memory_serves(tmp_path):
    (tmp_path / "works").write_bytes(b"in the way")
    make = Maker()
    memo = Memo("pack", tmp_path / "works")
    memo.get("x", 0, make)
    memo.get("x", 0, make)
    assert make.count == 1


def age(memo, seconds):
    """Make all files older, as time does."""
    for path in memo._folder.iterdir():
        state = path.stat()
        os.utime(path, (state.st_atime - seconds, state.st_mtime - seconds))


def test_the_least_recently_used_goes_from_disk_first(memo):
    small = fresh(memo, memory=0, disk=4 * KILO)  # three works with their headers
    make = Maker()
    for number in range(3):
        small.get("x", number, make)
        age(memo, 10)
    small.get("x", 0, make)  # used again
    small.get("x", 3, make)
    assert (make.count, len(files(memo))) == (4, 3)
    small.get("x", 0, make)
    small.get("x", 2, make)
    small.get("x", 3, make)
    assert make.count == 4
    small.get("x", 1, make)
    assert make.count == 5


def test_the_least_recently_used_goes_from_memory_first(memo):
    small = fresh(memo, memory=2 * KILO, disk=0)
    make = Maker()
    for number in (0, 1, 0, 2, 0):
        small.get("x", number, make)
    assert make.count == 3
    small.get("x", 1, make)
    assert make.count == 4
    assert not memo._folder.exists()


def test_what_is_soon_made_goes_from_disk_first(memo):
    small = fresh(memo, memory=0, disk=4 * KILO)
    make = Maker()
    for kind in ("lora", "inversion", "reference", "reference 2"):
        small.get(kind.split()[0], kind, make)
        age(memo, 10)
    small.get("lora", "another", make)
    assert make.count == 5
    for kind, key in (("lora", "lora"), ("inversion", "inversion"), ("lora", "another")):
        small.get(kind, key, make)
    assert make.count == 5


def test_what_is_found_in_memory_is_used_on_disk_as_well(memo):
    small = fresh(memo, disk=4 * KILO)
    make = Maker()
    for number in range(3):
        small.get("x", number, make)
        age(memo, 10)
    small.get("x", 0, make)
    small.get("x", 3, make)
    fresh(memo).get("x", 0, make)
    assert make.count == 4


def test_a_work_is_kept_found_and_dropped(memo):
    assert memo.find("x", 0) is None
    kept = memo.keep("x", 0, {"a": torch.ones(2)})["a"]
    for where in (memo, fresh(memo)):
        assert torch.equal(where.find("x", 0)["a"], kept)
    memo.keep("x", 0, {"a": torch.zeros(2)})
    assert not fresh(memo).find("x", 0)["a"].any()
    memo.drop("x", 0)
    memo.drop("x", "what was never there")
    assert memo.find("x", 0) is None
    assert fresh(memo).find("x", 0) is None


def test_a_work_beyond_the_budget_displaces_no_other(memo):
    small = fresh(memo, memory=2 * KILO, disk=2 * KILO)
    make = Maker()
    small.get("x", 0, make)
    small.get("x", "large", lambda: {"a": torch.zeros(KILO)})
    small.get("x", 0, make)
    assert (make.count, len(files(memo))) == (1, 1)


def test_unfinished_files_go_once_they_are_abandoned(memo):
    memo._folder.mkdir()
    old, young = memo._folder / "1.2.part", memo._folder / "3.4.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 10_000,) * 2)
    memo.get("x", 0, Maker())
    assert (old.exists(), young.exists()) == (False, True)


@pytest.fixture
def pack(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "weights").write_bytes(b"12")
    unet = Component(role="unet", kind="unet2dcondition", path=tmp_path / "unet")
    return ModelPack(
        name="p",
        title="P",
        licence="CC0-1.0",
        working_size=64,
        folder=tmp_path,
        components={"unet": unet},
        methods={},
    )


def with_hash(pack, sha256):
    unet = pack.components["unet"]
    files = (PackFile(path=unet.path / "weights", sha256=sha256),)
    return replace(pack, components={"unet": replace(unet, files=files)})


def test_a_pack_is_what_it_holds(pack):
    identity = pack_identity(pack, "float32")
    assert pack_identity(replace(pack, title="Q"), "float32") == identity
    assert pack_identity(pack, "float16") != identity
    os.utime(pack.folder / "unet" / "weights", ns=(5, 5))
    assert pack_identity(pack, "float32") != identity
    hashed = pack_identity(with_hash(pack, "1" * 64), "float32")
    assert pack_identity(with_hash(pack, "2" * 64), "float32") != hashed
    os.utime(pack.folder / "unet" / "weights", ns=(6, 6))
    assert pack_identity(with_hash(pack, "1" * 64), "float32") == hashed
    (pack.folder / "unet" / "weights").unlink()
    assert pack_identity(pack, "float32") != identity


def test_components_give_one_for_their_precision(pack):
    make = Maker()
    components = Components(pack=pack, device="cpu")
    assert components.memo is components.memo
    components.memo.get("x", 0, make)
    Components(pack=pack, device="cpu", precision="float32").memo.get("x", 0, make)
    assert make.count == 1
    Components(pack=pack, device="cpu", precision="bfloat16").memo.get("x", 0, make)
    assert make.count == 2
    assert len(list((data_dir() / "cache" / "edits").glob("*.safetensors"))) == 2
