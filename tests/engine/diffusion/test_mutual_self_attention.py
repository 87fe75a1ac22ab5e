"""Mutual self-attention: what the edited row sees, whom it leaves alone, and that it leaves no trace."""

import pytest
import torch

from engine.diffusion.attention import attentions, mutual_self_attention, start_layer
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.training.backbone_networks import noise_predictor

TIME = torch.tensor(681)


@pytest.fixture(scope="module")
def unet():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return noise_predictor((32, 32, 64), layers=1, text=16, channels=4).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def drawn():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 7, 16, generator=generator)


def predict(unet, rows, text):
    with torch.no_grad():
        return unet(rows, TIME, text.expand(len(rows), -1, -1)).sample


def test_the_source_stays_and_the_edit_sees_it(unet, drawn):
    latents, text = drawn
    plain = predict(unet, latents, text[:1])
    with mutual_self_attention(unet, start_layer(unet)):
        mutual = predict(unet, latents, text[:1])
    torch.testing.assert_close(mutual[0], plain[0])
    assert (mutual[1] - plain[1]).abs().max() > 1e-3


def test_an_edit_that_is_the_source_stays_the_source(unet, drawn):
    latents, text = drawn
    twice = latents[:1].expand(2, -1, -1, -1)
    plain = predict(unet, twice, text[:1])
    with mutual_self_attention(unet, 0):
        torch.testing.assert_close(predict(unet, twice, text[:1]), plain)


def test_with_guidance_each_pair_is_by_itself(unet, drawn):
    latents, text = drawn
    with mutual_self_attention(unet, 0):
        alone = [predict(unet, latents, prompt[None]) for prompt in text]
        together = predict(unet, latents.repeat(2, 1, 1, 1), text.repeat_interleave(2, 0))
    torch.testing.assert_close(together, torch.cat(alone))


def test_pairs_are_kept_together_where_rows_are_run_one_by_one(unet, drawn, monkeypatch):
    latents, text = drawn
    sd = LatentDiffusion(unet, None)
    with torch.no_grad(), mutual_self_attention(unet, 0):
        whole = sd.predict_noise(latents, TIME, text[:1])
        monkeypatch.setattr("engine.diffusion.latent_diffusion._BATCHED", 0)
        torch.testing.assert_close(sd.predict_noise(latents, TIME, text[:1], together=2), whole)
        with pytest.raises(AssertionError, match="pairs"):
            sd.predict_noise(latents, TIME, text[:1])


def test_the_later_layers_alone_are_concerned(unet):
    layers = len(attentions(unet)) // 2
    for start in range(layers + 1):
        plain = [attention.processor for attention in attentions(unet)]
        with mutual_self_attention(unet, start):
            changed = [
                index
                for index, attention in enumerate(attentions(unet))
                if attention.processor is not plain[index]
            ]
        assert changed == list(range(2 * start, 2 * layers, 2))


@pytest.mark.parametrize("share", [0, 10 / 16, 1])
def test_a_share_of_the_layers_of_a_small_network(unet, share):
    assert start_layer(unet, share) == round(share * len(attentions(unet)) / 2)


def test_it_leaves_no_trace(unet, drawn, everything_of):
    before = everything_of(unet)
    with mutual_self_attention(unet, 0):
        predict(unet, *drawn)
        assert everything_of(unet) != before
    assert everything_of(unet) == before


@pytest.mark.parametrize("layer", range(7))
def test_it_leaves_no_trace_after_an_exception_anywhere(unet, drawn, everything_of, layer):
    before = everything_of(unet)
    attention = attentions(unet)[2 * layer]

    def fail(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), mutual_self_attention(unet, 0):
        hook = attention.register_forward_hook(fail)
        try:
            predict(unet, *drawn)
        finally:
            hook.remove()
    assert everything_of(unet) == before


def test_a_processor_with_weights_of_its_own_comes_back(unet):
    class Trained(torch.nn.Module):
        def forward(self, attention, hidden_states, *rest, **named):
            return hidden_states

    attention = attentions(unet)[-2]
    usual, trained = attention.processor, Trained()
    attention.set_processor(trained)
    try:
        with mutual_self_attention(unet, 0):
            assert attention.processor is not trained
        assert attention.processor is trained
        assert "processor" in attention._modules
    finally:
        attention.set_processor(usual)
