"""Where the network is sure its word holds; between, a thing ends where its colours do."""

import numpy as np
import pytest

from engine.methods.instant_drag.by_colour import by_colour, drawn


@pytest.fixture
def scene():
    """A blue disc on green, both noisy, and where it lies."""
    y, x = np.mgrid[:96, :128] + 0.5
    disc = np.hypot(x - 60, y - 50) < 25
    picture = np.where(disc[..., None], (40, 60, 190), (60, 150, 50))
    noise = np.random.default_rng(1).integers(-15, 16, (*disc.shape, 1))
    return np.clip(picture + noise, 0, 255).astype(np.uint8), disc


def region(values, shape=(96, 128)):
    """A region of (row slice, column slice, value) upon nothing."""
    out = np.zeros(shape, np.float32)
    for rows, columns, value in values:
        out[rows, columns] = value
    return out


def test_a_coarse_region_becomes_the_thing(scene):
    picture, disc = scene
    coarse = region([(slice(20, 84), slice(25, 95), 0.6), (slice(40, 60), slice(50, 70), 1.0)])
    found = by_colour(coarse, picture) > 0
    assert (found & disc).sum() / (found | disc).sum() > 0.95


def test_what_the_network_is_sure_of_stays(scene):
    picture, _ = scene
    sure = region([(slice(10, 90), slice(20, 100), 1.0)])
    changed = (by_colour(sure, picture) > 0) != (sure > 0)
    assert changed.sum() <= 4, "green as it is, but for its very corners"
    half = region([(slice(20, 84), slice(25, 60), 0.6), (slice(40, 60), slice(45, 55), 1.0)])
    assert not by_colour(half, picture)[:, 62:].any(), "blue as it is"


@pytest.mark.parametrize("value", [0.0, 0.3, 0.6, 1.0])
def test_of_one_colour_and_one_word_nothing_changes(value):
    flat = np.full((40, 30, 3), 90, np.uint8)
    everywhere = np.full((40, 30), value, np.float32)
    assert (by_colour(everywhere, flat) == (255 if value > 0.5 else 0)).all()


def test_the_region_is_brought_to_agree():
    told = np.array([[0.0, 0.3, 0.6, 1.0]], np.float32)
    inside = np.array([[255, 255, 0, 0]], np.uint8)
    assert drawn(told, inside) == pytest.approx(np.array([[0.75, 0.75, 0.25, 0.25]]))
    assert drawn(told, 255 - inside) == pytest.approx(np.array([[0.0, 0.25, 0.75, 1.0]]))
    assert drawn(told, inside).dtype == np.float32


def test_colours_that_contradict_the_network_altogether_are_not_believed(scene, monkeypatch):
    picture = scene[0].copy()
    picture[:] = (60, 150, 50)
    picture[40:46, 50:56] = (220, 30, 30)
    told = region([(slice(20, 80), slice(20, 90), 0.6), (slice(40, 46), slice(50, 56), 1.0)])
    assert np.array_equal(by_colour(told, picture) > 0, told > 0.5)
    monkeypatch.setattr("engine.methods.instant_drag.by_colour._AGREE", 0.0)
    assert np.count_nonzero(by_colour(told, picture)) < 100
