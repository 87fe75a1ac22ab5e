"""A stage small enough to train in a second: a line fitted by a network with dropout, and a critic along."""

from dataclasses import dataclass

import torch
from safetensors.torch import save_file
from torch import nn

from engine.settings import setting
from engine.training.stage import DrawnBatches, Stage, TrainingSettings, adamw


@dataclass(frozen=True, kw_only=True)
class TinySettings(TrainingSettings):
    steps: int = setting(60, 1, 10_000, help="Steps in all")
    batch_size: int = setting(8, 1, 64, help="Samples a step")
    learning_rate: float = setting(0.01, 1e-8, 1, help="The highest learning rate")
    warm_up: int = setting(5, 0, 100, help="Steps of warm-up")
    ema_decay: float = setting(0.9, 0, 0.99, help="Of the average")
    evaluate_every: int = setting(0, 0, 1000, help="Steps between measurements")
    width: int = setting(16, 1, 64, help="Hidden features")
    breaks_at: int = setting(-1, -1, 1000, help="Step whose loss is no number")


class TinyStage(Stage):
    settings_type = TinySettings

    def __init__(self, settings, data, device):
        self.settings, self.device = settings, device
        layers = nn.Linear(1, settings.width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(settings.width, 1)
        self.modules = {"line": nn.Sequential(*layers)}
        self.critics = {"critic": nn.Linear(1, 1)}

    def optimizers(self):
        networks = {"line": self.modules["line"], "critic": self.critics["critic"]}
        return {name: adamw(network, self.settings) for name, network in networks.items()}

    def batches(self, seed):
        shape = self.settings.batch_size, 1
        generator = torch.Generator(self.device).manual_seed(seed)
        return DrawnBatches(lambda g: torch.rand(shape, generator=g, device=self.device), generator)

    def update(self, batch, turn):
        noise = 0.01 * torch.randn(batch.shape, generator=turn.generator, device=batch.device)
        loss = (self.modules["line"](batch) - (3 * batch - 1) + noise).square().mean()
        if turn.step == self.settings.breaks_at:
            loss = loss * float("nan")
        turn.learn("line", loss)
        criticism = (self.critics["critic"](batch) - batch).square().mean()
        turn.learn("critic", criticism)
        return {"loss": loss.detach(), "criticism": criticism.detach()}

    def evaluate(self, modules):
        torch.rand(7)  # a layer that draws while measuring must not change what is learnt
        x = torch.linspace(0, 1, 11, device=self.device)[:, None]
        return {"error": float((modules["line"](x) - (3 * x - 1)).abs().mean())}

    def export(self, modules, folder):
        save_file(modules["line"].state_dict(), folder / "line.safetensors")
