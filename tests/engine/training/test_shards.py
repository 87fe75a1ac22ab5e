import pytest
import torch

from engine.training.shards import read_tensors, write_tensors

MOST = 4000


def drawn(*shape, dtype=torch.float32):
    return (100 * torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))).to(dtype)


CASES = {
    "nothing": {},
    "scalars": {"a": torch.tensor(3), "b.c": torch.tensor(2.5)},
    "kinds": {
        name: drawn(5, 7, dtype=getattr(torch, name)) for name in ("float16", "bfloat16", "int64", "uint8")
    },
    "many": {f"layer.{i}.weight": drawn(10, 10) for i in range(40)},
    "large": {"large": drawn(33, 40), "small": drawn(2), "other": drawn(900, 3)},
    "one row too large is never cut": {"row": drawn(1, 5000)},
    "no elements": {"empty": drawn(0, 3)},
    "not contiguous": {"turned": drawn(30, 50).T},
}


@pytest.mark.parametrize("tensors", CASES.values(), ids=CASES.keys())
def test_all_comes_back(tmp_path, tensors):
    write_tensors(tmp_path, "net", tensors, MOST)
    found = read_tensors(tmp_path, "net")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize("name", ["many", "large", "kinds"])
def test_files_are_small(tmp_path, name):
    write_tensors(tmp_path, "net", CASES[name], MOST)
    sizes = [file.stat().st_size for file in tmp_path.glob("*.safetensors")]
    assert max(sizes) <= MOST
    assert sum(sizes) < 1.6 * sum(tensor.nbytes + 100 for tensor in CASES[name].values())


def test_published_limit(tmp_path):
    """FlowGen's widest layer alone is larger than a file may be."""
    write_tensors(tmp_path, "net", {"wide": torch.zeros(1024, 512, 4, 4), "bias": torch.zeros(512)})
    assert max(file.stat().st_size for file in tmp_path.glob("*.safetensors")) <= 15 * 2**20
    assert read_tensors(tmp_path, "net")["wide"].shape == (1024, 512, 4, 4)


def test_shared_storage(tmp_path):
    tied = torch.arange(6.0)
    write_tensors(tmp_path, "net", {"a": tied, "b": tied})
    assert torch.equal(read_tensors(tmp_path, "net")["b"], tied)


def test_missing_file_is_an_error(tmp_path):
    write_tensors(tmp_path, "net", CASES["many"], MOST)
    (tmp_path / "net-00001.safetensors").unlink()
    with pytest.raises(OSError, match="net-00001"):
        read_tensors(tmp_path, "net")
