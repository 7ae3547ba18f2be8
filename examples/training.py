"""training.py - what the train.py and check.py of the examples share. Needs torch and safetensors."""

import argparse
import pathlib

import torch
from safetensors.torch import load_file, save_file
from torch import nn


def options(description, folder, steps, batch):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--output", type=pathlib.Path, default=folder, help="folder for what is written")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the same sums in the same order
    return chosen


def fit(model, optimiser, highest, steps, loss_of, report, every):
    """Descends loss_of(step), with a rate that rises to `highest` and falls again; calls report(step, loss) now and then."""
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, highest, total_steps=steps)
    for step in range(steps):
        loss = loss_of(step)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if (step + 1) % every == 0:
            report(step + 1, loss.item())


def save(named, path, dtype=torch.float32):
    """A weights file of the parameters, each under its path in the model's .heed file."""
    save_file({name: value.detach().to(dtype).contiguous() for name, value in named.items()}, path)


def load(model, named, path):
    """The model with the values of a weights file; named: the model's parameters by path."""
    values = load_file(path)
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(values[name])
    return model.eval()
