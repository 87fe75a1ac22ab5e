"""The pack of random weights is one that InstantDrag runs on."""

from engine import DragEdit, Engine, Point, PointPair
from engine.evaluation.random_pack import write_random_pack
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.packs import PackStore
from engine.progress import Progress


def test_an_edit_gets_as_far_as_the_noise_predictor(tmp_path, picture):
    packs = tmp_path / "packs"
    write_random_pack(packs / "noise", 8)
    engine = Engine(device="cpu", store=PackStore(tmp_path / "none", packs))
    (offer,) = [offer for offer in engine.offers(DragEdit) if offer.pack]
    assert offer[:2] == ("instant_drag", "noise")
    request = DragEdit(image=picture, points=(PointPair(Point(150, 120), Point(180, 130)),))
    seen = []
    progress = Progress(
        on_step=seen.append, is_cancelled=lambda: bool(seen) and seen[-1][:2] == ("Denoise", 1)
    )
    result = engine.edit("instant_drag", request, InstantDragSettings(), "noise", progress)
    assert result.partial
    assert seen[-1].finishing
    assert [step.total for step in seen if step.phase == "Denoise"][-1] == 20
