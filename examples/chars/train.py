"""Trains the model of chars.heed with PyTorch and writes chars.safetensors.

    python examples/chars/train.py            # about a quarter of an hour on one core; needs torch, safetensors

The modules below compute what chars.heed says, and have the names that its parameters have. Windows of the text are drawn at random with a
fixed seed; the last three chapters are held out. On the same machine and the same version of PyTorch the same weights come out.
"""

import math
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional

import data

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent))
import training

WIDTH, HEADS, HIDDEN, LAYERS, WINDOW = 128, 4, 320, 4, 256


def matrix(rows, columns, scale=1.0):
    return nn.Parameter(torch.randn(rows, columns) * scale * rows ** -0.5)


class Norm(nn.Module):

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(dim=-1, keepdim=True) + 1e-5) * self.gain


def rotated(x):
    """x [..., n, c]: row p turned by p, its halves together."""
    half = x.shape[-1] // 2
    angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * 10000.0 ** (-torch.arange(half, dtype=x.dtype) / half)
    a, b, cos, sin = x[..., :half], x[..., half:], torch.cos(angle), torch.sin(angle)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Attention(nn.Module):

    def __init__(self):
        super().__init__()
        self.wq, self.wk, self.wv, self.wo = (matrix(WIDTH, WIDTH, scale) for scale in (1.0, 1.0, 1.0, 0.35))

    def forward(self, x):
        q, k, v = ((x @ w).unflatten(-1, (HEADS, -1)).transpose(-2, -3) for w in (self.wq, self.wk, self.wv))
        o = functional.scaled_dot_product_attention(rotated(q), rotated(k), v, is_causal=True)
        return o.transpose(-2, -3).flatten(-2) @ self.wo


class FeedForward(nn.Module):

    def __init__(self):
        super().__init__()
        self.w1, self.w3, self.w2 = matrix(WIDTH, HIDDEN), matrix(WIDTH, HIDDEN), matrix(HIDDEN, WIDTH, 0.35)

    def forward(self, x):
        return (functional.silu(x @ self.w1) * (x @ self.w3)) @ self.w2


class Block(nn.Module):

    def __init__(self):
        super().__init__()
        self.norm_1, self.attention, self.norm_2, self.gated_feed_forward = Norm(), Attention(), Norm(), FeedForward()

    def forward(self, x):
        a = x + functional.dropout(self.attention(self.norm_1(x)), 0.1, self.training)
        return a + functional.dropout(self.gated_feed_forward(self.norm_2(a)), 0.1, self.training)


class Chars(nn.Module):

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(len(data.ALPHABET), WIDTH) * WIDTH ** -0.5)
        self.block, self.norm = nn.ModuleList(Block() for _ in range(LAYERS)), Norm()

    def forward(self, tokens):
        x = self.table[tokens]
        for block in self.block:
            x = block(x)
        return self.norm(x) @ self.table.T

    @torch.no_grad()
    def bits(self, text):
        """Bits per character over windows of the text, each character after those of its window."""
        values = torch.tensor(data.encode(text))
        total = 0.0
        for start in range(0, len(values) - 1, WINDOW):
            part = values[start : start + WINDOW + 1]
            total += functional.cross_entropy(self(part[:-1]), part[1:], reduction="sum").item()
        return total / math.log(2) / (len(values) - 1)

    @torch.no_grad()
    def likeliest(self, text):
        """After each character of the text, the likeliest to follow."""
        return data.decode(self(torch.tensor(data.encode(text))).argmax(dim=-1).tolist())


def named_weights(model):
    """The parameters under their paths in chars.heed."""
    return dict(model.named_parameters())


def main():
    options = training.options(__doc__, HERE, steps=1500, batch=8)
    text, held_out = data.parts()
    values, model, generator = torch.tensor(data.encode(text)), Chars(), torch.Generator().manual_seed(1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05, betas=(0.9, 0.98))

    def loss_of(step):
        starts = torch.randint(len(values) - WINDOW, (options.batch, 1), generator=generator)
        window = values[starts + torch.arange(WINDOW + 1)]
        return functional.cross_entropy(model(window[:, :-1]).flatten(0, 1), window[:, 1:].flatten())

    def report(step, loss):
        model.eval()
        print(f"step {step:5d}  loss {loss / math.log(2):.3f} bits  held out {model.bits(held_out[:8000]):.3f}", flush=True)
        model.train()

    training.fit(model, optimiser, 4e-3, options.steps, loss_of, report, every=100)
    training.save(named_weights(model), options.output / "chars.safetensors", torch.float16)
    training.load(model, named_weights(model), options.output / "chars.safetensors")  # as they are stored
    bits, counted = model.bits(held_out), data.counted_bits(text, held_out, 5)
    print(f"{bits:.3f} bits for each held-out character; by counts of up to 5 characters before: {counted:.3f}")
    if not bits < counted:
        raise SystemExit("no better than counting: train longer")


if __name__ == "__main__":
    main()
