"""Captions of photos, and a tokenizer trained on them that is opened as Stable Diffusion's is."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from torch import Tensor
from transformers import CLIPTokenizer

from engine.errors import InvalidRequest
from engine.training.photo_source import PhotoSource
from engine.training.photos import side_of

VOCABULARY = 4096  # tokens at most
TOKENS = 77  # of a prompt, as Stable Diffusion's

_ENDS = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"
_LEAST = 2  # how often a pair of tokens must be seen to become one


def captions(source: PhotoSource) -> dict[str, str]:
    """What each file of a set of photos shows, in words, from the column `caption` of its manifest.

    Where there is no manifest, from a text file beside the picture with the same name; else nothing is said.

    Raises:
        InvalidRequest: such a file is no text.
    """
    if source.rows:
        return {row["file"]: row.get("caption") or "" for row in source.rows}
    return {picture.file: _beside(source.place / picture.file) for picture in source.pictures}


def _beside(picture: Path) -> str:
    file = picture.with_suffix(".txt")
    try:
        return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"“{file}” is no UTF-8 text; write the caption anew or remove it.") from error


def tokenizer_for(source: PhotoSource, place: str) -> CLIPTokenizer:
    """The tokenizer in a folder, or where none is named one trained on the captions of what is trained on.

    Raises:
        InvalidRequest: it cannot be read, or the photos do not suffice.
    """
    if place:
        return open_tokenizer(Path(place))
    told = captions(source)
    return train_tokenizer(told[picture.file] for picture in side_of(source, held_out=False))


def train_tokenizer(
    texts: Iterable[str], vocabulary: int = VOCABULARY, length: int = TOKENS
) -> CLIPTokenizer:
    """A byte-level BPE tokenizer (Sennrich et al. 2016; Radford et al. 2019) laid out as CLIP's.

    Every byte is a token, inside and at the end of a word, so that there is nothing it cannot spell.

    Args:
        vocabulary: tokens at most; texts of few words give fewer.
        length: tokens of a prompt, the two around it included.
    """
    whole: Any = CLIPTokenizer().backend_tokenizer
    learner: Any = Tokenizer(BPE(end_of_word_suffix=_WORD_END))
    learner.normalizer, learner.pre_tokenizer = whole.normalizer, whole.pre_tokenizer
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    spelt = [*letters, *(letter + _WORD_END for letter in letters)]
    trainer = BpeTrainer(
        vocab_size=max(len(spelt), vocabulary - 2),
        min_frequency=_LEAST,
        initial_alphabet=letters,
        end_of_word_suffix=_WORD_END,
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    learnt = json.loads(learner.to_str())["model"]["merges"]
    merges = [(first, second) for first, second in learnt][: max(0, vocabulary - 2 - len(spelt))]
    words = dict.fromkeys([*spelt, *(first + second for first, second in merges), *_ENDS])
    vocab = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=length)  # pyright: ignore[reportArgumentType]


def tokens_of(tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Tensor:
    """Token numbers (n, length) int64, padded and cut as prompts are when a pack is used."""
    if not texts:
        return torch.zeros(0, tokenizer.model_max_length, dtype=torch.long)
    told: Any = tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    )
    return told.input_ids


def open_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer in a folder, as an export or a Stable Diffusion has it.

    Raises:
        InvalidRequest: there is none, or it cannot be read.
    """
    try:
        opened: CLIPTokenizer | None = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError):
        opened = None
    # Of an empty folder the library makes one without words.
    if opened is None or len(opened) <= len(_ENDS):
        raise InvalidRequest(f"“{folder}” holds no tokenizer of a CLIP; name the folder of one.")
    return opened
