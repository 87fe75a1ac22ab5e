"""LoRA: exact before it has learnt, restored whatever happens, repeatable, and worth its name."""

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn

from engine.diffusion.attention import mutual_self_attention
from engine.diffusion.ddim import Ddim, invert, sample
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.lora import Lora, LoraSettings, fit_lora
from engine.diffusion.optimize import Fit, Noising, checkpointed, mixed_precision, noise_prediction_loss
from engine.progress import Cancelled, Progress
from engine.runtime.cancelling import cancellable
from engine.training.backbone_networks import SCHEDULE, noise_predictor

TIME = torch.tensor(500)
QUICK = LoraSettings(steps=2, rank=2, batch=2)


def stable_diffusion(**changes):
    """The layout of Stable Diffusion 1, or with `changes` that of 2, with few channels."""
    return UNet2DConditionModel(
        **{
            "block_out_channels": (8, 8, 16, 16),
            "layers_per_block": 2,
            "norm_num_groups": 4,
            "cross_attention_dim": 16,
            "attention_head_dim": 2,
            **changes,
        }
    )


LAYOUTS = {
    "sd1": stable_diffusion,
    "sd2": lambda: stable_diffusion(use_linear_projection=True, attention_head_dim=(1, 1, 2, 2)),
    "own": lambda: noise_predictor((32, 32, 64), layers=1, text=16, channels=4),
}


@pytest.fixture(scope="module", params=LAYOUTS)
def unet(request):
    return made(LAYOUTS[request.param])


@pytest.fixture(scope="module")
def small():
    return made(LAYOUTS["own"])


def made(build):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return build().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def drawn():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, 4, 8, 8, generator=generator), torch.randn(1, 7, 16, generator=generator)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def predict(unet, latents, text):
    with torch.no_grad():
        return unet(latents, TIME, text).sample


def fit(unet, drawn, settings=QUICK, seed=0, progress=None, config=SCHEDULE):
    latents, text = drawn
    return fit_lora(
        LatentDiffusion(unet, None), latents, text, config, settings, seeded(seed), progress or Progress()
    )


def test_before_it_has_learnt_nothing_changes_by_a_bit(unet, drawn):
    before = predict(unet, *drawn)
    with Lora.of(unet, 16, seeded()).attached(unet):
        assert torch.equal(predict(unet, *drawn), before)


def test_every_projection_of_every_attention_learns(unet):
    expected = {
        f"unet.{name}.{end}.lora.{side}.weight"
        for name, _ in unet.named_modules()
        if name.endswith((".attn1", ".attn2"))
        for end in ("to_q", "to_k", "to_v", "to_out.0")
        for side in ("down", "up")
    }
    lora = Lora.of(unet, 4, seeded())
    assert set(lora.tensors) == expected
    assert all(tensor.dtype == torch.float32 for tensor in lora.tensors.values())


def test_it_is_drawn_as_published():
    unet = made(lambda: noise_predictor((64, 128), layers=1, text=64, channels=4))
    tensors = Lora.of(unet, 16, seeded()).tensors
    down = torch.cat([tensor.flatten() for name, tensor in tensors.items() if ".down." in name])
    assert abs(float(down.std()) * 16 - 1) < 0.05
    assert abs(float(down.mean())) < 0.01
    assert all(not tensor.any() for name, tensor in tensors.items() if ".up." in name)


def test_it_adds_up_times_down(small, drawn):
    lora = Lora.of(small, 3, seeded())
    filled = {name: torch.randn(t.shape, generator=seeded(5)) for name, t in lora.tensors.items()}
    merged = copy.deepcopy(small)
    with torch.no_grad():
        for name, module in merged.named_modules():
            if f"unet.{name}.lora.up.weight" in filled:
                up, down = (filled[f"unet.{name}.lora.{side}.weight"] for side in ("up", "down"))
                module.weight += up @ down
    with Lora(tensors=filled).attached(small):
        torch.testing.assert_close(predict(small, *drawn), predict(merged, *drawn), atol=2e-4, rtol=1e-3)


def test_fitting_changes_the_network_while_attached_and_leaves_no_trace(unet, drawn, everything_of):
    before, plain = everything_of(unet), predict(unet, *drawn)
    lora = fit(unet, drawn)
    assert everything_of(unet) == before
    with lora.attached(unet):
        assert (predict(unet, *drawn) - plain).abs().max() > 1e-5
        assert everything_of(unet) != before
    assert everything_of(unet) == before
    assert torch.equal(predict(unet, *drawn), plain)
    assert all(
        tensor.device.type == "cpu" and not tensor.requires_grad and not tensor.is_inference()
        for tensor in lora.tensors.values()
    )


def test_gradients_that_were_wanted_before_are_wanted_after(small, drawn, everything_of):
    wanted = next(small.parameters())
    wanted.requires_grad_(True)
    before = everything_of(small)
    try:
        fit(small, drawn)
        assert everything_of(small) == before
    finally:
        wanted.requires_grad_(False)


@pytest.mark.parametrize("step", range(QUICK.steps))
def test_cancelling_at_any_step_leaves_no_trace(small, drawn, everything_of, step):
    before = everything_of(small)
    done = []
    progress = Progress(on_step=done.append, is_cancelled=lambda: len(done) >= step)
    with pytest.raises(Cancelled):
        fit(small, drawn, progress=progress)
    assert [at.done for at in done] == list(range(step))
    assert everything_of(small) == before


@pytest.mark.parametrize("question", [0, 3, 40, 95])
def test_cancelling_inside_a_step_leaves_no_trace(small, drawn, everything_of, question):
    before = everything_of(small)
    asked = []

    def cancelled():
        asked.append(None)
        return len(asked) > question

    progress = Progress(is_cancelled=cancelled)
    with pytest.raises(Cancelled), cancellable(progress, small):
        fit(small, drawn, progress=progress)
    assert everything_of(small) == before


@pytest.mark.parametrize(
    ("direction", "layer"),
    [("forward", 0), ("forward", 7), ("forward", -1), ("backward", 9), ("backward", -1)],
)
def test_an_exception_anywhere_leaves_no_trace(small, drawn, everything_of, layer, direction):
    module = [m for m in small.modules() if isinstance(m, nn.GroupNorm)][layer]

    def fail(*_):
        raise KeyboardInterrupt

    register = {"forward": module.register_forward_hook, "backward": module.register_full_backward_hook}
    hook = register[direction](fail)
    before = everything_of(small)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(small, drawn)
        assert everything_of(small) == before
    finally:
        hook.remove()


def test_a_failure_while_it_is_attached_leaves_no_trace(small, everything_of, monkeypatch):
    before = everything_of(small)
    lora = Lora.of(small, 2, seeded())
    broken = Lora(tensors={**dict(list(lora.tensors.items())[:7]), "other": torch.zeros(1)})
    with pytest.raises(KeyError), broken.attached(small):
        pass
    assert everything_of(small) == before
    monkeypatch.setattr("peft.tuners.lora.layer.Linear.update_layer", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError), lora.attached(small):
        pass
    assert everything_of(small) == before


def test_only_a_fit_asks_for_gradients(small, drawn):
    lora = Lora.of(small, 2, seeded())
    latents, text = drawn
    with lora.attached(small):
        assert not any(weight.requires_grad for weight in small.parameters())
        moved = latents.clone().requires_grad_()
        small(moved, TIME, text).sample.sum().backward()
        assert moved.grad is not None
    with lora.attached(small, trained=True) as weights:
        assert {id(w) for w in small.parameters() if w.requires_grad} == {id(w) for w in weights}
    with torch.inference_mode(), lora.attached(small):
        small(latents, TIME, text)


def test_the_same_seed_gives_the_same_and_the_global_generator_stays(small, drawn):
    state = torch.random.get_rng_state()
    first, again, other = fit(small, drawn), fit(small, drawn), fit(small, drawn, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first.tensors[name], again.tensors[name]) for name in first.tensors)
    assert any(not torch.equal(first.tensors[name], other.tensors[name]) for name in first.tensors)


def test_it_comes_back_from_a_file(small, drawn, tmp_path):
    lora = fit(small, drawn)
    save_file(dict(lora.tensors), tmp_path / "lora.safetensors")
    read = Lora(tensors=load_file(tmp_path / "lora.safetensors"))
    with lora.attached(small):
        expected = predict(small, *drawn)
    with read.attached(small):
        assert torch.equal(predict(small, *drawn), expected)


def errors(unet, drawn, config):
    """Of a network before it learns the drawn picture, with what it has learnt, and without it again."""
    latents, text = drawn
    sd, noising = LatentDiffusion(unet, None), Noising(config)
    held_out = noising.draw((16, *latents.shape[1:]), seeded(9))

    def error():
        with torch.no_grad(), mixed_precision(sd):
            return float(noise_prediction_loss(sd, latents, text, noising, held_out))

    before = error()
    lora = fit(unet, drawn, LoraSettings(steps=15, learning_rate=0.05, rank=8), config=config)
    with lora.attached(unet):
        after = error()
    return before, after, error()


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_it_learns_the_picture(small, drawn, prediction):
    config = {**SCHEDULE, "prediction_type": prediction}
    before, after, restored = errors(small, drawn, config)
    assert after < 0.99 * before  # a random network has little to learn with
    assert restored == before


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_it_learns_as_much_in_half_precision(small, drawn, dtype):
    """Each step has to see what the step before has learnt."""
    before, after, _ = errors(small, drawn, SCHEDULE)
    low_before, low_after, _ = errors(nn.Module.to(copy.deepcopy(small), dtype=dtype), drawn, SCHEDULE)
    assert low_before - low_after > 0.7 * (before - after)


def test_a_picture_comes_back_from_its_noise():
    """The way back is the way there, through the LoRA, on a network that has seen a few pictures."""
    unet = made(lambda: noise_predictor((32, 64), layers=1, text=16, channels=4))
    sd, noising, generator = LatentDiffusion(unet, None), Noising(SCHEDULE), seeded(5)
    text = torch.zeros(1, 7, 16)

    def pictures(number):
        coarse = torch.randn(number, 4, 3, 3, generator=generator)
        return F.interpolate(coarse, (8, 8), mode="bicubic")

    def loss():
        latents = pictures(8)
        yield noise_prediction_loss(sd, latents, text, noising, noising.draw(latents.shape, generator))

    Fit(list(unet.requires_grad_(True).parameters()), 2e-3, generator).run(loss, 20, Progress(), "Train")
    unet.requires_grad_(False)
    latents, schedule = pictures(1), Ddim(SCHEDULE, 20)
    lora = fit(unet, (latents, text), LoraSettings(steps=10))
    with lora.attached(unet), torch.no_grad():
        noisy = invert(sd, latents, text, schedule, 14, Progress())[-1]
        back = sample(sd, noisy, text, schedule, 14, Progress())
    assert (noisy - latents).abs().mean() > 0.3
    error = (back - latents).square().mean().sqrt() / (latents.max() - latents.min())
    assert -20 * torch.log10(error) > 24  # dB


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("checks", [1, 2, 40, 160])
def test_what_was_stopped_is_taken_up_again(small, drawn, checks, dtype):
    """Before a step or inside of one: nothing of the result tells it, and no step is done twice."""
    net, settings = nn.Module.to(copy.deepcopy(small), dtype=dtype), LoraSettings(steps=4, rank=2, batch=2)
    latents, text = drawn
    given = LatentDiffusion(net, None), latents, text, SCHEDULE, settings
    asked, kept, done = iter(range(10_000)), [], []
    stopping = Progress(is_cancelled=lambda: next(asked) == checks)
    with pytest.raises(Cancelled), cancellable(stopping, net):
        fit_lora(*given, seeded(), stopping, keep=lambda state: kept.append(copy.deepcopy(state)))
    counted = Progress(on_step=lambda step: done.append(step.total))
    again = fit_lora(*given, seeded(99), counted, begun=kept[0])
    for name, tensor in fit(net, drawn, settings).tensors.items():
        assert torch.equal(again.tensors[name], tensor)
    assert done[0] == 4 - int(kept[0]["done"])


def test_what_a_process_leaves_that_is_killed_is_taken_up_again(small, drawn, monkeypatch):
    """It has no time to say so: what has been kept on the way by then is what there is."""
    settings, kept = LoraSettings(steps=4, rank=2, batch=2), []
    given = LatentDiffusion(small, None), *drawn, SCHEDULE, settings

    def die(step):
        if step.done == 3:
            raise MemoryError

    def keep(state):
        kept.append(copy.deepcopy(state))

    with pytest.raises(MemoryError):
        fit_lora(*given, seeded(), Progress(on_step=die), keep=keep)
    assert not kept, "so soon it is not worth it"
    monkeypatch.setattr("engine.diffusion.optimize._KEPT_EVERY", 0.0)
    with pytest.raises(MemoryError):
        fit_lora(*given, seeded(), Progress(on_step=die), keep=keep)
    assert [int(state["done"]) for state in kept] == [1, 2, 3]
    again = fit_lora(*given, seeded(99), Progress(), begun=kept[1])
    for name, tensor in fit(small, drawn, settings).tensors.items():
        assert torch.equal(again.tensors[name], tensor)


def test_in_parts_and_recomputed_it_is_the_same_fit(small, drawn, monkeypatch, everything_of):
    before = everything_of(small)
    whole = fit(small, drawn)
    monkeypatch.setattr("engine.diffusion.optimize._ROOM", 1)  # nothing has room
    spared = fit(small, drawn)
    assert everything_of(small) == before
    for name, tensor in whole.tensors.items():
        torch.testing.assert_close(spared.tensors[name], tensor, atol=2e-5, rtol=1e-3)


def test_recomputing_keeps_less_and_gives_the_same_gradient(small, drawn, everything_of):
    def gradient():
        kept = []
        moved = drawn[0].clone().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes) or t, lambda t: t):
            small(moved, TIME, drawn[1]).sample.square().sum().backward()
        return moved.grad, sum(kept)

    before = everything_of(small)
    plain, much = gradient()
    with checkpointed(small):
        again, little = gradient()
    assert torch.equal(again, plain)
    assert little < much
    assert everything_of(small) == before


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_a_network_in_half_precision_is_fitted(small, drawn, everything_of, dtype):
    low = nn.Module.to(copy.deepcopy(small), dtype=dtype)
    before = everything_of(low)
    lora = fit(low, drawn, LoraSettings(steps=3, rank=2, batch=2))
    assert everything_of(low) == before
    assert all(tensor.dtype == torch.float32 and tensor.isfinite().all() for tensor in lora.tensors.values())
    assert any(tensor.any() for name, tensor in lora.tensors.items() if ".up." in name)


def test_mutual_self_attention_goes_through_it(small, drawn):
    latents, text = drawn
    rows = torch.cat([latents, latents + 1])
    with torch.no_grad(), fit(small, drawn, LoraSettings(steps=3, rank=2, batch=1)).attached(small):
        alone = small(rows, TIME, text.expand(2, -1, -1)).sample
        with mutual_self_attention(small, 0):
            mutual = small(rows, TIME, text.expand(2, -1, -1)).sample
    torch.testing.assert_close(mutual[0], alone[0])
    assert (mutual[1] - alone[1]).abs().max() > 1e-4


def test_the_schedule_says_what_is_learnt():
    latents, noise = torch.randn(2, 4, 3, 3, generator=seeded()), torch.randn(2, 4, 3, 3, generator=seeded(1))
    times = torch.tensor([10, 900])
    share = torch.tensor(_alphas())[times][:, None, None, None]
    noising = Noising(SCHEDULE)
    torch.testing.assert_close(
        noising.noised(latents, noise, times), share.sqrt() * latents + (1 - share).sqrt() * noise
    )
    assert torch.equal(noising.wanted(latents, noise, times), noise)
    velocity = Noising({**SCHEDULE, "prediction_type": "v_prediction"}).wanted(latents, noise, times)
    torch.testing.assert_close(velocity, share.sqrt() * noise - (1 - share).sqrt() * latents)


def _alphas():
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0).float().tolist()
