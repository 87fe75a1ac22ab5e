"""GoodDrag as it was published, step by step in float64, from the paper and the facts about its code alone.

Nothing here is the engine's: the network's forward pass, the schedule, patches, Adam and the attention are
written out once more.
"""

import math

import torch
from torch.nn.functional import interpolate


def alphas():
    """ᾱ of Stable Diffusion, which the published schedulers keep in float32."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, 0).double().numpy()


class Network:
    """A noise predictor that also tells the features of its decoder, (1, c, rows, columns) on the grid."""

    def __init__(self, unet, text, grid):
        self.unet, self.text, self.grid = unet, text, grid

    def __call__(self, latents, t, index=3):
        unet, text = self.unet, self.text.expand(len(latents), -1, -1)
        time = unet.time_embedding(unet.time_proj(torch.full((len(latents),), t)).double())
        x = unet.conv_in(latents)
        skips = [x]
        for block in unet.down_blocks:
            more = {"encoder_hidden_states": text} if hasattr(block, "attentions") else {}
            x, others = block(hidden_states=x, temb=time, **more)
            skips += others
        x = unet.mid_block(x, time, encoder_hidden_states=text)
        made = [x]
        for block in unet.up_blocks:
            more = {"encoder_hidden_states": text} if hasattr(block, "attentions") else {}
            count = len(block.resnets)
            skips, others = skips[:-count], tuple(skips[-count:])
            x = block(hidden_states=x, temb=time, res_hidden_states_tuple=others, **more)
            made.append(x)
        noise = unet.conv_out(unet.conv_act(unet.conv_norm_out(x)))
        return noise, interpolate(made[index], self.grid, mode="bilinear")


class Masa:
    """An attention processor: from a layer on, self-attention takes keys and values from row 0 alone."""

    def __init__(self, count, start):
        self.count, self.start, self.at = count, start, 0

    def __call__(self, attention, hidden_states, encoder_hidden_states=None, attention_mask=None):
        layer, own = self.at // 2, encoder_hidden_states is None
        self.at = (self.at + 1) % self.count
        other = hidden_states if own else encoder_hidden_states
        q, k, v = attention.to_q(hidden_states), attention.to_k(other), attention.to_v(other)
        if own and layer >= self.start:
            k, v = k[:1].expand_as(k), v[:1].expand_as(v)
        b, n, width = q.shape
        size = width // attention.heads
        q, k, v = (x.reshape(b, -1, attention.heads, size).transpose(1, 2) for x in (q, k, v))
        weights = (q @ k.transpose(2, 3) / math.sqrt(size)).softmax(-1)
        out = (weights @ v).transpose(1, 2).reshape(b, n, width)
        return attention.to_out[0](out)


class Adam:
    def __init__(self, rate):
        self.rate, self.first, self.second, self.count = rate, 0, 0, 0

    def step(self, z, gradient):
        self.count += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        first, second = self.first / (1 - 0.9**self.count), self.second / (1 - 0.999**self.count)
        return z - self.rate * first / (second**0.5 + 1e-8)


def patch(features, y, x, r):
    """The bilinear patch: four patches at whole places, weighed."""

    def whole(row, column):
        return features[:, :, row - r : row + r + 1, column - r : column + r + 1]

    y0, x0 = math.floor(y), math.floor(x)
    y1, x1 = y0 + 1, x0 + 1
    return (
        (y1 - y) * (x1 - x) * whole(y0, x0)
        + (y - y0) * (x1 - x) * whole(y1, x0)
        + (y1 - y) * (x - x0) * whole(y0, x1)
        + (y - y0) * (x - x0) * whole(y1, x1)
    )


def track(f0, f1, handles, first, r):
    found = []
    for handle, start in zip(handles, first, strict=True):
        row, column = int(handle[0]), int(handle[1])
        window = f1[0, :, row - r : row + r + 1, column - r : column + r + 1]
        distance = (window - f0[0, :, int(start[0]), int(start[1]), None, None]).abs().sum(0)
        at = int(distance.flatten().argmin())
        found.append((handle[0] - r + at // (2 * r + 1), handle[1] - r + at % (2 * r + 1)))
    return found


class GoodDrag:
    def __init__(self, network, steps, how):
        """`how`: r1, r2, beta, lam, lr, J, B, t2 by the paper's letters; limit, layer and strength."""
        self.network, self.how, self.steps = network, how, steps
        self.every = 1000 // steps
        self.times = [1 + self.every * i for i in range(steps)][::-1]
        self.a = alphas()
        self.trace, self.losses = [], []

    def before(self, t):
        return self.a[t - self.every] if t - self.every >= 0 else self.a[0]

    def denoise(self, noise, t, x):
        a, b = self.a[t], self.before(t)
        return b**0.5 * (x - (1 - a) ** 0.5 * noise) / a**0.5 + (1 - b) ** 0.5 * noise

    def invert(self, x):
        self.depth = round(self.steps * self.how["strength"])
        for t in self.times[::-1][: self.depth]:
            noise, _ = self.network(x, t)
            b, a = self.before(t), self.a[t]
            x = a**0.5 * (x - (1 - b) ** 0.5 * noise) / b**0.5 + (1 - a) ** 0.5 * noise
        return x

    def edit(self, clean, handles, targets, mask):
        """Latents unedited and edited, from clean ones; handles and targets (row, column)."""
        how = self.how
        with torch.no_grad():
            noisy = self.invert(clean)
            times = self.times[-self.depth :]
            f0, x0, z = {}, {}, noisy
            for t in times[: how["t2"] + 1]:
                noise, f0[t] = self.network(z, t)
                z = x0[t] = self.denoise(noise, t, z)
        self.handles, self.first, self.targets, self.mask = list(handles), list(handles), targets, mask
        self.unchanged, self.finished, masa = 0, False, False
        pair = torch.cat([noisy, noisy])
        for i, t in enumerate(times):
            if i < how["t2"] and not self.finished and self.unchanged < how["limit"]:
                pair = torch.cat([pair[:1], self.drag(pair[1:], t, f0[t], x0[t])])
            elif not masa:
                count = len(self.network.unet.attn_processors)
                self.network.unet.set_attn_processor(Masa(count, how["layer"]))
                masa = True
            with torch.no_grad():
                noise, _ = self.network(pair, t)
                pair = self.denoise(noise, t, pair)
        return pair[:1], pair[1:]

    def left(self, i):
        return math.hypot(*(t - p for t, p in zip(self.targets[i], self.handles[i], strict=True)))

    def drag(self, z, t, f0, x0):
        how, updates, tracked, first = self.how, 0, 0, True
        adam = Adam(how["lr"])
        while tracked < how["B"]:
            z = z.detach().requires_grad_()
            noise, f1 = self.network(z, t)
            if first:
                self.handles = track(f0, f1.detach(), self.handles, self.first, how["r2"])
                first = False
            if all(self.left(i) < 2 for i in range(len(self.handles))):
                self.finished = True
                break
            if self.unchanged == how["limit"]:
                self.finished = True
                break
            pulled = self.pulled(f0, f1)
            loss = pulled + how["lam"] * ((self.denoise(noise, t, z) - x0) * (1 - self.mask)).abs().sum()
            (gradient,) = torch.autograd.grad(loss, z)
            self.losses.append(loss.item())
            z = adam.step(z.detach(), gradient)
            updates += 1
            if updates == how["J"] or pulled <= 0:
                found = track(f0, f1.detach(), self.handles, self.first, how["r2"])
                self.unchanged = self.unchanged + 1 if found == self.handles else 0
                self.handles = found
                self.trace.append(found)
                tracked, updates = tracked + 1, 0
        return z.detach()

    def pulled(self, f0, f1):
        how, total = self.how, 0.0
        for i, (handle, target) in enumerate(zip(self.handles, self.targets, strict=True)):
            far = self.left(i)
            if far < 2:
                continue
            ahead = [p + (q - p) / far * min(how["beta"], far) for p, q in zip(handle, target, strict=True)]
            known = patch(f0, int(self.first[i][0]), int(self.first[i][1]), how["r1"])
            total = total + (2 * how["r1"]) ** 2 * (known - patch(f1, *ahead, how["r1"])).abs().mean()
        return total
