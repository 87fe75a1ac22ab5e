"""Two-scale guidance against the equation, value by value."""

import numpy as np
import torch

from engine.diffusion.guidance import two_scale_guidance


def test_the_equation():
    noise = np.random.default_rng(0).standard_normal((3, 4, 5, 6))
    out = two_scale_guidance(torch.from_numpy(noise), 1.75, 3.0)
    assert out.shape == (1, 4, 5, 6)
    for index in np.ndindex(4, 5, 6):
        both, image, neither = (noise[i][index] for i in range(3))
        expected = neither + 1.75 * (image - neither) + 3.0 * (both - image)
        assert abs(float(out[0][index]) - expected) < 1e-12


def test_scales_of_one_are_no_guidance():
    noise = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(two_scale_guidance(noise, 1, 1), noise[:1])


def test_a_batch_stays_together():
    noise = torch.randn(6, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    both = two_scale_guidance(noise, 1.5, 2)
    torch.testing.assert_close(both[1:], two_scale_guidance(noise[1::2], 1.5, 2))
