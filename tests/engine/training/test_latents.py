"""Photos as latents: what is encoded, that it is encoded once, and what is refused."""

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from engine.errors import InvalidRequest
from engine.training import latents
from engine.training.latents import Encoder, Views, open_autoencoder, open_latents, view
from engine.training.photo_source import PhotoSource
from engine.training.photos import family_chances
from tests.engine.training.photo_files import write_folder

CPU = torch.device("cpu")
TWICE = Views(side=40, number=2)


@pytest.fixture
def source(tmp_path):
    return PhotoSource(write_folder(tmp_path / "photos", number=3))


class Counting:
    """An encoder whose latents are the means of 8 × 8 pixels, and which counts what it encodes."""

    def __init__(self):
        self.pictures = 0

    def __call__(self, pictures):
        assert not torch.is_grad_enabled()
        assert pictures.min() >= -1
        assert pictures.max() <= 1
        self.pictures += len(pictures)
        return torch.nn.functional.avg_pool2d(pictures, 8)


def opened(source, cache, views=TWICE, name="a", *, held_out=False, encode=None):
    encoder = Encoder(encode=encode or Counting(), name=name)
    return open_latents(source, views, encoder, cache, held_out=held_out)


def test_every_photo_is_encoded_once_in_every_view(source, tmp_path):
    encode = Counting()
    first = opened(source, tmp_path / "cache", encode=encode)
    assert first.values.shape == (6, 2, 3, 5, 5)
    assert first.values.dtype == torch.float16
    assert encode.pictures == 12
    again = opened(source, tmp_path / "cache", encode=encode)
    assert encode.pictures == 12
    assert torch.equal(first.values, again.values)
    families = [picture.family for picture in source.pictures]
    assert first.chances.tolist() == pytest.approx(family_chances(families[:3] + families[-3:]).tolist())
    assert first.captions == ("",) * 6


def test_the_second_view_is_the_mirror_image_of_the_first(source, tmp_path):
    values = opened(source, tmp_path / "cache").values
    assert torch.allclose(values[:, 0].flip(-1).float(), values[:, 1].float(), atol=2e-3)
    assert not torch.equal(values[:, 0], values[:, 1])


def test_photos_stand_in_the_order_of_their_captions(source, tmp_path):
    for picture in source.pictures:
        (source.place / picture.file).with_suffix(".txt").write_text(picture.file)
    latents_ = opened(source, tmp_path / "cache")
    for caption, value in zip(latents_.captions, latents_.values, strict=True):
        pixels = view(PIL.Image.open(source.place / caption).convert("RGB"), caption, 0, 40)
        means = pixels.reshape(5, 8, 5, 8, 3).mean((1, 3)) / 127.5 - 1
        assert np.allclose(value[0].permute(1, 2, 0).numpy(), means, atol=2e-3)


def test_both_sides_of_the_split_are_apart(source, tmp_path):
    for picture in source.pictures:
        (source.place / picture.file).with_suffix(".txt").write_text(picture.file)
    train, held = (set(opened(source, tmp_path, held_out=side).captions) for side in (False, True))
    assert len(train) == len(held) == 6
    assert not train & held


def test_another_encoder_replaces_its_latents_and_leaves_others(source, tmp_path):
    cache = tmp_path / "cache"
    opened(source, cache)
    opened(source, cache, Views(side=48, number=1))
    opened(source, cache, held_out=True)
    encode = Counting()
    opened(source, cache, name="b", encode=encode)
    assert encode.pictures == 12
    assert sorted(folder.name.split("-", 2)[2] for folder in cache.iterdir()) == [
        "40x2-held_out-a",
        "40x2-train-b",
        "48x1-train-a",
    ]


def test_an_encoder_that_fails_leaves_nothing_behind(source, tmp_path):
    def broken(pictures):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        opened(source, tmp_path / "cache", encode=broken)
    assert list((tmp_path / "cache").iterdir()) == []


def test_too_many_views_are_refused_in_numbers(source, tmp_path, monkeypatch):
    monkeypatch.setattr(latents, "MOST_BYTES", 3 << 20)
    told = "2 views of 6 photos make 8 MiB of latents, and 3 MiB are the most"
    with pytest.raises(InvalidRequest, match=told):
        opened(source, tmp_path / "cache", encode=lambda pictures: torch.zeros(len(pictures), 4, 300, 300))
    assert list((tmp_path / "cache").iterdir()) == []


def test_drawn_views_lie_within_the_photo_and_are_always_the_same():
    y, x = np.indices((60, 100))
    photo = PIL.Image.fromarray(np.stack([x, y, 0 * x], -1).astype(np.uint8))
    whole = view(photo, "a", 0, 60)
    assert np.abs(whole[..., 0].astype(int) - (x[:, 20:80])).max() <= 1
    corners = set()
    for number in range(2, 30):
        drawn = view(photo, "a", number, 60)
        assert np.array_equal(drawn, view(photo, "a", number, 60))
        if number % 2:
            drawn = drawn[:, ::-1]
        x_at, y_at = drawn[30, :, 0].astype(int), drawn[:, 30, 1].astype(int)
        assert 35 <= x_at[-1] - x_at[0] <= 60
        assert abs((x_at[-1] - x_at[0]) - (y_at[-1] - y_at[0])) <= 3
        corners.add((x_at[0], y_at[0]))
    assert len(corners) > 20
    assert not np.array_equal(view(photo, "a", 2, 60), view(photo, "b", 2, 60))


@pytest.fixture(scope="module")
def tiny():
    return AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(1,) * 4,
        num_decoder_blocks=(1,) * 4,
    )


def test_an_autoencoder_opens_and_is_told_from_others(tiny, tmp_path):
    for name in ("a", "b", "c"):
        tiny.save_pretrained(tmp_path / name)
    other = AutoencoderKL(
        block_out_channels=(32,) * 2,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    other.save_pretrained(tmp_path / "c")
    (a, first), (_, second), (c, third) = (open_autoencoder(str(tmp_path / name), CPU) for name in "abc")
    assert isinstance(a, AutoencoderTiny)
    assert isinstance(c, AutoencoderKL)
    assert first == second != third
    assert not any(parameter.requires_grad for parameter in a.parameters())


def test_what_is_no_autoencoder_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="name its folder with --set vae=DIR"):
        open_autoencoder("", CPU)
    for content in (None, "{}", '{"_class_name": "VQModel"}', '{"_class_name": "AutoencoderTiny"}', "["):
        if content is not None:
            (tmp_path / "config.json").write_text(content)
        with pytest.raises(InvalidRequest, match="is no folder of an autoencoder"):
            open_autoencoder(str(tmp_path), CPU)
