"""Which pack could be got that is better than those installed: by its manifest, and by nothing else."""

from pathlib import Path

import pytest

from engine.engine import Engine
from engine.generation import GENERATE, ROLES
from engine.methods import METHODS
from engine.offers import better_pack
from engine.packs import Component, ModelPack, PackStore


def pack(name, size, *roles):
    parts = {role: Component(role=role, kind="any", path=Path(role)) for role in roles}
    folder = Path("/packs")
    return ModelPack(
        name=name,
        title=name,
        licence="CC0-1.0",
        working_size=size,
        folder=folder,
        components=parts,
        methods={},
    )


NEEDED = sorted(METHODS["good_drag"].roles)


def better(method, installed, fetchable):
    found = better_pack(method, installed, fetchable)
    return found and found.name


def test_it_works_on_larger_pictures_and_holds_what_the_method_needs():
    small, large = pack("small", 256, *NEEDED), pack("large", 512, *NEEDED)
    assert better("good_drag", [small], [large]) == "large"
    assert better("good_drag", [], [small, large]) == "large"
    assert better("good_drag", [large], [pack("other", 512, *NEEDED)]) is None, "it is no larger"
    assert better("good_drag", [small, large], [pack("other", 512, *NEEDED)]) is None
    assert better("good_drag", [small], [pack("part", 512, *NEEDED[1:])]) is None


def test_what_cannot_run_the_method_does_not_count_as_installed():
    assert better("good_drag", [pack("other", 1024, "flowgen")], [pack("large", 512, *NEEDED)]) == "large"


def test_of_equal_ones_the_smallest_is_named():
    more = pack("more", 512, *NEEDED, "flowgen", "flow_unet")
    assert better("good_drag", [], [more, pack("plain", 512, *NEEDED)]) == "plain"
    assert better(GENERATE, [], [pack("half", 512, *NEEDED), pack("whole", 512, *ROLES)]) == "whole"


@pytest.mark.parametrize(
    ("method", "named"), [("good_drag", "sd15"), ("instant_drag", "instant_drag"), (GENERATE, "sd15")]
)
def test_the_shipped_manifests_name_what_could_be_got(tmp_path, method, named):
    engine = Engine(store=PackStore(user=tmp_path))
    found = engine.better_pack(method)
    assert found is not None and found.name == named
    assert found.folder / found.name == tmp_path / named, "where its files belong"
    assert found.home_url
