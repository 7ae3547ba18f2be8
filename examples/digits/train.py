"""Trains the model of digits.heed with PyTorch and writes digits.safetensors and heldout.tsv.

    python examples/digits/train.py           # about four minutes on one core; needs torch, numpy, scikit-learn, safetensors

The images are scikit-learn's copy of the "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI, 1998, CC BY 4.0):
1,797 images of 8 x 8 pixels with 17 shades. A fifth of them, drawn by a fixed seed, is held out: written to heldout.tsv, never trained on.
Training images are shifted and turned a little at random. The parameters are saved under the paths of digits.heed.
"""

import pathlib
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent))
import training

WIDTH, HEADS, HIDDEN, LAYERS = 32, 4, 64, 3
SHADES = "0123456789abcdefg"


def split():
    """Images [n, 8, 8] and labels to train on, and those held out."""
    from sklearn.datasets import load_digits
    images, labels = load_digits().images, load_digits().target
    order = numpy.random.default_rng(0).permutation(len(labels))
    held_out = len(labels) // 5
    return images[order[held_out:]], labels[order[held_out:]], images[order[:held_out]], labels[order[:held_out]]


class Block(nn.Module):

    def __init__(self):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        for name in ("wq", "wk", "wv", "wo"):
            setattr(self, name, nn.Parameter(torch.randn(WIDTH, WIDTH) * WIDTH ** -0.5))
        self.w1, self.b1 = nn.Parameter(torch.randn(WIDTH, HIDDEN) * WIDTH ** -0.5), nn.Parameter(torch.zeros(HIDDEN))
        self.w2, self.b2 = nn.Parameter(torch.randn(HIDDEN, WIDTH) * HIDDEN ** -0.5), nn.Parameter(torch.zeros(WIDTH))

    def forward(self, x):
        u = self.norm_1(x)
        q, k, v = ((u @ w).unflatten(-1, (HEADS, -1)).transpose(1, 2) for w in (self.wq, self.wk, self.wv))
        weight = torch.softmax(q @ k.transpose(-1, -2) / (WIDTH / HEADS) ** 0.5, dim=-1)
        a = x + functional.dropout((weight @ v).transpose(1, 2).flatten(2) @ self.wo, 0.1, self.training)
        return a + functional.dropout(functional.gelu(self.norm_2(a) @ self.w1 + self.b1) @ self.w2 + self.b2, 0.1, self.training), weight


class Digits(nn.Module):

    def __init__(self):
        super().__init__()
        self.patch_w, self.patch_b = nn.Parameter(torch.randn(4, WIDTH) * 0.5), nn.Parameter(torch.zeros(WIDTH))
        self.token, self.position = nn.Parameter(torch.randn(WIDTH) * 0.1), nn.Parameter(torch.randn(17, WIDTH) * 0.1)
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(LAYERS)), nn.LayerNorm(WIDTH)
        self.w, self.b = nn.Parameter(torch.randn(WIDTH, 10) * WIDTH ** -0.5), nn.Parameter(torch.zeros(10))

    def forward(self, images):
        """Scores [batch, 10], and what reached the class token from each patch [batch, 4, 4]."""
        patches = functional.unfold(images[:, None] / 16, 2, stride=2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(images), 1, -1), patches @ self.patch_w + self.patch_b], dim=1) + self.position
        one = torch.eye(17, dtype=x.dtype)
        reach = one
        for block in self.blocks:
            x, weight = block(x)
            reach = (0.5 * weight.mean(dim=1) + 0.5 * one) @ reach
        return self.norm(x[:, 0]) @ self.w + self.b, reach[:, 0, 1:].unflatten(-1, (4, 4))


def named_weights(model):
    """The parameters under their paths in digits.heed."""
    weights = {"patches.w": model.patch_w, "patches.b": model.patch_b, "patches.token": model.token, "patches.position": model.position,
               "norm.gain": model.norm.weight, "norm.bias": model.norm.bias, "w": model.w, "b": model.b}
    for k, block in enumerate(model.blocks):
        for name in ("wq", "wk", "wv", "wo"):
            weights[f"block.{k}.{name}"] = getattr(block, name)
        for name in ("norm_1", "norm_2"):
            weights[f"block.{k}.{name}.gain"], weights[f"block.{k}.{name}.bias"] = getattr(block, name).weight, getattr(block, name).bias
        for name in ("w1", "b1", "w2", "b2"):
            weights[f"block.{k}.feed_forward.{name}"] = getattr(block, name)
    return weights


def disturb(images, generator):
    """Shifts of up to a pixel, turns of up to 15 degrees, other sizes by up to 10 %."""
    count = len(images)
    angle, size = (torch.rand(count, generator=generator) - 0.5) * 0.52, 1 + (torch.rand(count, generator=generator) - 0.5) * 0.2
    shift = (torch.rand(count, 2, generator=generator) - 0.5) * 0.4
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    grid = functional.affine_grid(torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1),
                                  (count, 1, 8, 8), align_corners=False)
    return functional.grid_sample(images[:, None], grid, align_corners=False)[:, 0]


def main():
    options = training.options(__doc__, HERE, steps=4000, batch=96)
    images, labels, held_images, held_labels = (torch.from_numpy(part) for part in split())
    images, held_images = images.float(), held_images.float()
    model, generator = Digits(), torch.Generator().manual_seed(1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)

    def loss_of(step):
        chosen = torch.randint(len(images), (options.batch,), generator=generator)
        scores, _ = model(disturb(images[chosen], generator))
        return functional.cross_entropy(scores, labels[chosen], label_smoothing=0.05)

    def report(step, loss):
        print(f"step {step}: loss {loss:.3f}", flush=True)

    training.fit(model, optimiser, 3e-3, options.steps, loss_of, report, every=500)

    model.eval()
    with torch.no_grad():
        right = (model(held_images)[0].argmax(dim=1) == held_labels).float().mean().item()
    print(f"{100 * right:.1f} % of the held-out images")
    training.save(named_weights(model), options.output / "digits.safetensors")
    with open(options.output / "heldout.tsv", "w", encoding="utf-8") as file:
        for image, label in zip(held_images.int().tolist(), held_labels.tolist()):
            file.write("%d\t%s\n" % (label, "".join(SHADES[shade] for row in image for shade in row)))


if __name__ == "__main__":
    main()
