"""A tiny random Stable Diffusion, opened once, and the editor on it."""

from types import SimpleNamespace

import pytest

from engine.methods.drag_diffusion import METHOD
from engine.packs import PackStore
from engine.progress import Progress
from engine.region import plan
from engine.runtime.components import Components
from engine.runtime.memo import Memo
from engine.runtime.stable_diffusion import open_latent_diffusion
from tests.engine.methods.drag_diffusion.quick_drags import QUICK
from tests.engine.sd_pack import write_sd_pack


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    user = tmp_path_factory.mktemp("user")
    write_sd_pack(user / "painter")
    write_sd_pack(user / "silent", roles=("unet", "vae", "scheduler"))
    return PackStore(user.parent / "nothing bundled", user)


@pytest.fixture(scope="module")
def networks(store):
    """What the pack's networks are once they are open; no test changes them."""
    components = Components(pack=store.open("painter"), device="cpu")
    return SimpleNamespace(loaded=components._loaded, unet=open_latent_diffusion(components).unet)


@pytest.fixture
def components(store, networks, tmp_path):
    """The pack opened anew, remembering nothing, with the networks of all tests."""
    fresh = Components(pack=store.open("painter"), device="cpu")
    fresh._loaded.update(networks.loaded)
    vars(fresh)["memo"] = Memo("", tmp_path)
    return fresh


@pytest.fixture
def edit(components):
    """edit(request, settings, progress): as the engine does it, but for the paste."""

    def edited(request, settings=QUICK, progress=None):
        cut = plan(request).cut(request)
        return METHOD.build(components).edit(cut, settings, progress or Progress())

    return edited


@pytest.fixture
def forgetful(components, edit):
    """As `edit`, and nothing is remembered from one to the next."""
    vars(components)["memo"] = Memo("", memory=0, disk=0)
    return edit
