"""The loop that trains every stage, on one CPU, one GPU or many (Hugging Face Accelerate).

OUT/log.jsonl    what happened, one JSON object a line
OUT/plot.png     its curves
OUT/checkpoint/  averaged weights and the full state (see checkpoint.py)
OUT/export/      the averaged networks as the product opens them
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import gather_object, is_bf16_available
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.errors import EngineError
from engine.progress import Step
from engine.training.averaging import Average
from engine.training.chance import Chance, layers_chance, own_chance, restore_layers
from engine.training.checkpoint import Facts, State, restore, restore_weights, save, weights_in
from engine.training.log import Log
from engine.training.run import Outcome, Reason, Run, Start, find_start
from engine.training.stage import Stage, TrainingSettings

WARM_RESTART = 200  # the least steps of warm-up for weights that go on without their optimizer's state
_TOLD_EVERY = 10  # steps
_SAVING = 20  # times as long as a checkpoint took to write, at least, until the next
_PLOT = "plot.png"
_PROCESS, _UPDATE = 1 << 40, 1 << 39  # between the seeds of processes, and of batches and updates

_log = logging.getLogger(__name__)


def train(
    kind: type[Stage[Any]],
    settings: TrainingSettings,
    run: Run,
    show: Callable[[Step], None] = lambda step: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train until the last step, the clock or `is_cancelled` ends it, at least one step; save and export.

    On a CPU, a run that was stopped and resumed gives the same weights, bit for bit, as one that was not.

    Raises:
        InvalidRequest: the data, the settings and the weights to begin with do not go together.
        EngineError: the losses are no numbers any more, or the folder cannot be written.
    """
    begun = time.monotonic()
    start = find_start(settings, run)
    accelerator = Accelerator(cpu=run.device == "cpu", mixed_precision=_mixed(settings, run.device))
    seed = start.seed + _PROCESS * accelerator.process_index
    try:
        run.out.mkdir(parents=True, exist_ok=True)
        with own_chance(accelerator.device, seed):
            training = _Training(kind, settings, run, start, accelerator, begun)
            return training.run(show, is_cancelled)
    except (OSError, SafetensorError) as error:
        raise EngineError(
            f"Training stopped because a file could not be read or written ({error}). Make room, or choose "
            f"another --out; what {run.out} holds can be gone on from with --resume."
        ) from error
    finally:
        accelerator.end_training()
        # Else the next run of this process could choose no other precision.
        AcceleratorState._reset_state(reset_partial_state=True)  # pyright: ignore[reportPrivateUsage]


def _mixed(settings: TrainingSettings, device: str) -> str:
    if settings.precision == "auto":
        return "bf16" if device == "cuda" and is_bf16_available() else "no"
    return "bf16" if settings.precision == "bfloat16" else "no"


class _Turn:
    """See `Turn`."""

    def __init__(self, accelerator: Accelerator, began: int, seed: int, most: float) -> None:
        self.step, self.began = began, began
        self.generator = torch.Generator(accelerator.device).manual_seed(seed)
        self.optimizers: Mapping[str, Optimizer] = {}
        self.norms: dict[str, Tensor] = {}
        self._accelerator, self._most = accelerator, most or math.inf

    def learn(self, optimizer: str, loss: Tensor) -> None:
        chosen = self.optimizers[optimizer]
        chosen.zero_grad(set_to_none=True)
        self._accelerator.backward(loss)
        weights = [weight for group in chosen.param_groups for weight in group["params"]]
        self.norms[f"gradient_{optimizer}"] = nn.utils.clip_grad_norm_(weights, self._most)
        chosen.step()


class _Training:
    def __init__(
        self,
        kind: type[Stage[Any]],
        settings: TrainingSettings,
        run: Run,
        start: Start,
        accelerator: Accelerator,
        begun: float,
    ) -> None:
        self._settings, self._run, self._start, self._accelerator = settings, run, start, accelerator
        self._step, self._begun, self._saved, self._saving = start.step, begun, begun, 0.0
        seed = start.seed + _PROCESS * accelerator.process_index
        former = run.resume or run.continue_from
        known = settings if former is None else kind.going_on(settings, weights_in(former))
        self._stage = kind(known, run.data, accelerator.device)
        self._turn = _Turn(accelerator, start.began, seed + _UPDATE, settings.gradient_clip)
        self._prepare()
        self._batches = self._stage.batches(seed)
        if run.resume is not None:
            self._restore(run.resume)
        self._log, self._untold = Log(run.out / "log.jsonl"), list[dict[str, Tensor]]()
        self._tell_start()

    def run(self, show: Callable[[Step], None], is_cancelled: Callable[[], bool]) -> Outcome:
        run, settings = self._run, self._settings
        while True:
            self._learn()
            show(Step("Train", self._step, settings.steps))
            now = time.monotonic()
            late = run.minutes is not None and now - self._begun >= 60 * run.minutes
            due = now - self._saved >= max(run.checkpoint_seconds, _SAVING * self._saving)
            stopped, late, due = self._agreed(is_cancelled(), late, due)
            complete = self._step >= settings.steps
            if complete or stopped or late:
                return self._finish("steps" if complete else "interrupted" if stopped else "minutes")
            if settings.evaluate_every and self._step % settings.evaluate_every == 0:
                self._evaluate()
            if due:
                self._save()

    def _prepare(self) -> None:
        """Bring the networks to the device, with weights to begin with, and make all that goes with them."""
        stage, device = self._stage, self._accelerator.device
        layout = torch.preserve_format if device.type == "cpu" else torch.channels_last
        for network in (*stage.modules.values(), *stage.critics.values()):
            # Torch describes this call only together with a precision.
            network.train().to(device=device, memory_format=layout)  # pyright: ignore[reportCallIssue]
        if self._run.continue_from is not None:
            restore_weights(self._run.continue_from, stage.modules)
        # As they are, before Accelerate wraps them: copied, saved and averaged under their own names.
        modules, networks = dict(stage.modules), {**stage.modules, **stage.critics}
        self._modules, self._average = modules, Average(modules, self._settings.ema_decay)
        for group in (stage.modules, stage.critics):
            group.update({name: self._accelerator.prepare(network) for name, network in group.items()})
        self._turn.optimizers = optimizers = stage.optimizers()
        self._rates = [[group["lr"] for group in one.param_groups] for one in optimizers.values()]
        self._state = State(networks=networks, averaged=self._average.modules, optimizers=optimizers)

    def _learn(self) -> None:
        """One step."""
        share = self._share()
        for optimizer, rates in zip(self._turn.optimizers.values(), self._rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * share
        self._turn.step = self._step
        figures = self._stage.update(next(self._batches), self._turn)
        self._step += 1
        self._average.update(self._modules, self._step)
        self._untold.append({**figures, **self._turn.norms})
        if self._step % _TOLD_EVERY == 0:
            self._tell()

    def _share(self) -> float:
        """Of the highest learning rate, at this step."""
        settings, step = self._settings, self._step
        warm_up = max(settings.warm_up, WARM_RESTART) if self._start.warm else settings.warm_up
        rising = min(1.0, (step - self._start.began + 1) / max(1, warm_up))
        if settings.schedule == "constant":
            return rising
        return rising * 0.5 * (1 + math.cos(math.pi * step / settings.steps))

    def _agreed(self, *flags: bool) -> tuple[bool, ...]:
        """Whether any process says so: all must stop and save at the same step."""
        if self._accelerator.num_processes == 1:
            return flags
        said = torch.tensor(flags, dtype=torch.int32, device=self._accelerator.device)
        heard: Any = self._accelerator.reduce(said, "sum")
        return tuple(bool(flag) for flag in heard.tolist())

    def _tell(self) -> None:
        """Log the means since the last time; where one is no number, what is on disk stays as it is."""
        untold, self._untold = self._untold, []
        if not untold:
            return
        means = {name: torch.stack([one[name].float() for one in untold]).mean() for name in untold[-1]}
        values = {name: float(value) for name, value in means.items()}
        wrong = [name for name, value in values.items() if not math.isfinite(value)]
        if wrong:
            raise EngineError(
                f"Training became unstable: by step {self._step} {wrong[0]} was no number any more. Lower "
                f"learning_rate or gradient_clip and go on with --resume {self._run.out}, if it holds a "
                "checkpoint already, or begin anew."
            )
        samples = self._step * self._settings.batch_size * self._accelerator.num_processes
        rates = {"learning_rate": self._turn_rate(), "samples": samples}
        self._write("train", {**values, **rates})

    def _turn_rate(self) -> float:
        return max(group["lr"] for one in self._turn.optimizers.values() for group in one.param_groups)

    def _tell_start(self) -> None:
        run, accelerator = self._run, self._accelerator
        how = "resume" if run.resume else "continue" if run.continue_from else "anew"
        former = run.resume or run.continue_from
        self._write(
            "start",
            {
                "stage": run.stage,
                "how": how,
                "from": None if former is None else str(former),
                "seed": self._start.seed,
                "device": str(accelerator.device),
                "processes": accelerator.num_processes,
                "precision": accelerator.mixed_precision,
                "parameters": sum(p.numel() for net in self._modules.values() for p in net.parameters()),
                "settings": asdict(self._settings),
            },
        )

    def _write(self, event: str, values: Mapping[str, Any]) -> None:
        if self._accelerator.is_main_process:
            seconds = round(time.monotonic() - self._begun, 2)
            self._log.write(event=event, step=self._step, seconds=seconds, **values)
            _log.info("%s at step %d: %s", event, self._step, values)

    def _evaluate(self) -> Mapping[str, float]:
        """Measured by the first process, and without an effect on what is drawn later."""
        figures: Mapping[str, float] = {}
        if self._accelerator.is_main_process:
            kept = layers_chance(self._accelerator.device)
            with torch.no_grad():
                figures = self._stage.evaluate(self._average.modules)
            restore_layers(kept, self._accelerator.device)
        if figures:
            self._write("evaluate", figures)
        self._accelerator.wait_for_everyone()
        return figures

    def _save(self) -> None:
        begun = time.monotonic()
        self._tell()
        chances: list[Chance] = gather_object([self._chance()])
        if self._accelerator.is_main_process:
            facts = Facts(
                stage=self._run.stage,
                step=self._step,
                began=self._start.began,
                warm=self._start.warm,
                seed=self._start.seed,
                settings=asdict(self._settings),
            )
            save(self._run.out, facts, self._state, chances, self._stage.accompany)
            self._log.plot(self._run.out / _PLOT)
        self._accelerator.wait_for_everyone()
        self._saved = time.monotonic()
        self._saving = self._saved - begun

    def _chance(self) -> Chance:
        batches, update = self._batches.generator, self._turn.generator
        layers = layers_chance(self._accelerator.device)
        return {"batches": batches.get_state(), "update": update.get_state(), **layers}

    def _restore(self, folder: Path) -> None:
        chance = restore(folder, self._state, self._accelerator.process_index)
        self._batches.generator.set_state(chance["batches"])
        self._turn.generator.set_state(chance["update"])
        restore_layers(chance, self._accelerator.device)

    def _finish(self, reason: Reason) -> Outcome:
        self._save()  # first: whatever fails from here on costs nothing
        try:
            figures = self._evaluate()
            self._write("end", {"reason": reason})
        finally:
            if self._accelerator.is_main_process:
                self._export()
                self._log.plot(self._run.out / _PLOT)
        return Outcome(self._step, reason, figures)

    def _export(self) -> None:
        folder = self._run.out / "export"
        folder.mkdir(exist_ok=True)
        self._stage.export({name: net.cpu() for name, net in self._average.modules.items()}, folder)
