"""LatentDiffusion: scaling, precision, batches and gradients; a linear preview of latents."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel

from engine.diffusion.latent_diffusion import LatentDiffusion, embed
from engine.diffusion.preview import LatentPreview


def made(kind, **config):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return kind(**config).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def unet():
    return made(
        UNet2DConditionModel,
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def kl():
    return made(
        AutoencoderKL,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 8, 8, 8),
        norm_num_groups=4,
    )


def tiny():
    return made(
        AutoencoderTiny,
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    )


@pytest.fixture(scope="module", params=[kl, tiny], ids=["kl", "tiny"])
def sd(request, unet):
    return LatentDiffusion(unet, request.param())


@pytest.fixture
def image():
    return torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_sizes(sd):
    assert (sd.factor, sd.multiple) == (8, 16)


def test_encode_is_scaled_or_not(sd, image):
    scaled, plain = sd.encode(image), sd.encode(image, scaled=False)
    assert scaled.shape == (1, 4, 8, 12)
    torch.testing.assert_close(scaled, plain * sd.scaling)
    assert torch.equal(sd.encode(image), scaled)  # the mode, without noise
    assert sd.scaling == pytest.approx(0.18215)
    if isinstance(sd.vae, AutoencoderKL):
        assert torch.equal(plain, sd.vae.encode(image).latent_dist.mean)
    else:  # what stands in for an autoencoder gives its scaled latents
        assert torch.equal(scaled, sd.vae.encode(image).latents)


def test_decode_takes_what_encode_gives(sd, image):
    decoded = sd.decode(sd.encode(image))
    assert decoded.shape == image.shape
    latents = sd.encode(image, scaled=not isinstance(sd.vae, AutoencoderKL))
    torch.testing.assert_close(decoded, sd.vae.decode(latents).sample)


def test_noise_is_predicted_one_by_one_or_together_alike(sd, monkeypatch):
    generator = torch.Generator().manual_seed(2)
    latents = torch.randn(3, 4, 16, 16, generator=generator)
    text = torch.randn(1, 7, 12, generator=generator)
    together = sd.predict_noise(latents, torch.tensor(500), text)
    monkeypatch.setattr("engine.diffusion.latent_diffusion._BATCHED", 0)
    torch.testing.assert_close(
        sd.predict_noise(latents, torch.tensor(500), text), together, atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        sd.predict_noise(latents, torch.tensor(500), text.expand(3, -1, -1)), together, atol=1e-5, rtol=0
    )


def test_gradients_reach_latents_and_text(sd, image):
    image = image.clone().requires_grad_()
    text = torch.zeros(1, 7, 12, requires_grad=True)
    latents = sd.encode(image)
    noise = sd.predict_noise(latents, torch.tensor(10), text)
    sd.decode(latents + noise).square().mean().backward()
    assert image.grad is not None and text.grad is not None
    assert float(image.grad.abs().sum()) > 0
    assert float(text.grad.abs().sum()) > 0


def test_lower_precision_stays_inside(unet, image):
    import copy

    low = LatentDiffusion(copy.deepcopy(unet).to(dtype=torch.bfloat16), kl().to(dtype=torch.bfloat16))
    latents = low.encode(image)
    noise = low.predict_noise(latents[..., :8], torch.tensor(10), torch.zeros(1, 7, 12))
    assert {t.dtype for t in (latents, noise, low.decode(latents))} == {torch.float32}


def test_networks_are_those_there_are(sd):
    assert sd.networks == (sd.unet, sd.vae)
    text = torch.nn.Linear(2, 2)
    assert LatentDiffusion(sd.unet, sd.vae, text).networks == (sd.unet, sd.vae, text)


def test_prompts_are_padded_and_cut_to_full_length(sd):
    asked = []

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(9, 5)

        def forward(self, tokens):
            return SimpleNamespace(last_hidden_state=self.table(tokens))

    class Tokenizer:
        model_max_length = 6

        def __call__(self, prompts, **how):
            asked.append((prompts, how))
            return SimpleNamespace(input_ids=torch.ones(len(prompts), how["max_length"], dtype=torch.long))

    encoder = made(Encoder)
    whole = LatentDiffusion(sd.unet, sd.vae, encoder, Tokenizer())
    out = whole.embed(("", "a cat"))
    assert out.shape == (2, 6, 5)
    assert asked[0][0] == ["", "a cat"]
    assert (asked[0][1]["padding"], asked[0][1]["truncation"]) == ("max_length", True)
    assert torch.equal(out, embed(encoder, Tokenizer(), ["", "a cat"]))


# --- preview


def test_a_linear_autoencoder_is_previewed_exactly():
    generator = torch.Generator().manual_seed(4)
    image = (
        (torch.rand(1, 3, 8, 8, generator=generator) * 1.6 - 0.8)
        .repeat_interleave(8, 2)
        .repeat_interleave(8, 3)
    )
    mix = torch.randn(4, 3, generator=generator)
    latents = torch.einsum("lc,bchw->blhw", mix, image[..., ::8, ::8]) + 0.3
    shown = LatentPreview(latents, image)(latents)
    expected = (image[0, :, ::8, ::8].permute(1, 2, 0) * 127.5 + 127.5).numpy()
    assert shown.shape == (8, 8, 3)
    assert shown.dtype == np.uint8
    assert np.abs(shown - expected).max() < 3


def test_a_flat_picture_can_be_previewed():
    latents = torch.zeros(1, 4, 4, 4)
    shown = LatentPreview(latents, torch.full((1, 3, 32, 32), 0.5))(latents)
    assert np.abs(shown.astype(int) - 191).max() <= 1
