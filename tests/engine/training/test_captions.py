"""Captions, and a tokenizer trained on them that opens and works as Stable Diffusion's does."""

import csv
import json

import pytest
import torch
from hypothesis import given, settings, strategies as st
from transformers import CLIPTokenizer

from engine.errors import InvalidRequest
from engine.runtime.loaders import LOADERS
from engine.training.captions import captions, open_tokenizer, tokens_of, train_tokenizer
from engine.training.photo_source import PhotoSource
from tests.engine.training.photo_files import write_folder, write_shards

TEXTS = ["a photo of tulips", "a photo of roses", "a photo of a red apple", "Roses, in a GARDEN"] * 3


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, vocabulary=600, length=16)


def test_captions_come_from_the_manifest(tmp_path):
    rows = [(f"{i}.webp", f"path{i}", "a") for i in range(3)]
    folder = write_shards(tmp_path / "photos", rows)
    assert set(captions(PhotoSource(folder)).values()) == {""}, "without the column nothing is said"
    table = list(csv.DictReader((folder / "manifest.csv").read_text().splitlines()))
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*table[0], "caption"])
        writer.writeheader()
        writer.writerows({**row, "caption": f"thing {row['file'][0]}"} for row in table)
    assert captions(PhotoSource(folder)) == {f"{i}.webp": f"thing {i}" for i in range(3)}


def test_captions_of_a_folder_lie_beside_its_pictures(tmp_path):
    folder = write_folder(tmp_path / "photos", families=("a",), number=1)
    pictures = sorted(folder.rglob("*.png"))
    pictures[0].with_suffix(".txt").write_text(" a disc, žlutý\n", encoding="utf-8")
    told = captions(PhotoSource(folder))
    assert told[pictures[0].relative_to(folder).as_posix()] == "a disc, žlutý"
    assert sorted(told.values())[:-1] == [""] * (len(pictures) - 1)
    pictures[0].with_suffix(".txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRequest, match="is no UTF-8 text"):
        captions(PhotoSource(folder))


def test_frequent_words_are_one_token_and_rare_ones_are_spelt(tokenizer):
    assert tokenizer.tokenize("photo of roses") == ["photo</w>", "of</w>", "roses</w>"]
    assert tokenizer.tokenize("xyz") == ["x", "y", "z</w>"]
    assert tokenizer.tokenize("ROSES") == tokenizer.tokenize("roses")


@given(text=st.text(max_size=12))
@settings(max_examples=60, deadline=None)
def test_there_is_nothing_it_cannot_spell(tokenizer, text):
    numbers = tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.eos_token_id not in numbers, "it also stands for what is unknown"
    assert all(0 <= number < len(tokenizer) for number in numbers)


def test_the_vocabulary_is_as_large_as_asked_or_as_the_texts_give():
    assert len(train_tokenizer(TEXTS, vocabulary=530)) == 530
    few, many = (len(train_tokenizer(TEXTS, vocabulary=size)) for size in (4096, 8000))
    assert few == many < 700
    assert len(train_tokenizer([])) == 512 + 2


def test_the_same_texts_give_the_same_tokenizer(tokenizer):
    assert train_tokenizer(TEXTS, vocabulary=600).get_vocab() == tokenizer.get_vocab()


def test_prompts_are_padded_and_cut_as_the_product_does_it(tokenizer):
    tokens = tokens_of(tokenizer, ["", "a photo", "roses " * 40])
    assert tokens.shape == (3, 16)
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    assert tokens[0].tolist() == [begin] + [end] * 15
    assert tokens[1, 3:].tolist() == [end] * 13
    assert tokens[2, -1] == end
    assert (tokens[2, 1:-1] == tokens[2, 1]).all()
    assert tokens_of(tokenizer, []).shape == (0, 16)


def test_it_opens_as_stable_diffusions_does(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    loaded = LOADERS["clip_tokenizer"](tmp_path / "tokenizer", torch.device("cpu"), torch.float32)
    for opened in (loaded, open_tokenizer(tmp_path / "tokenizer")):
        assert isinstance(opened, CLIPTokenizer)
        assert opened.model_max_length == 16
        texts = [*TEXTS[:4], "Žluťoučký kůň!", "東京"]
        assert torch.equal(tokens_of(opened, texts), tokens_of(tokenizer, texts))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="holds no tokenizer"):
        open_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": 3}))
    with pytest.raises(InvalidRequest, match="holds no tokenizer"):
        open_tokenizer(tmp_path)
