"""Trains the model of dates.heed with PyTorch and writes dates.safetensors and heldout.tsv.

    python examples/dates/train.py            # about four minutes on one core; needs torch, numpy, safetensors

The modules below compute what dates.heed says: a bidirectional GRU encoder, additive attention (Bahdanau et al., 2014), a GRU
decoder, greedy decoding. Training is teacher-forced cross entropy. The seed is fixed; on the same machine and the same version
of PyTorch the same weights come out. The weights are saved under the parameter paths of dates.heed.
"""

import pathlib
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import data

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent))
import training

EMBED, ENCODER, DECODER, HIDDEN = 32, 64, 128, 64
STEPS = len("1979-05-03") + 1


class Dates(nn.Module):

    def __init__(self):
        super().__init__()
        self.source_embed = nn.Parameter(torch.randn(len(data.SOURCE), EMBED) * 0.3)
        self.target_embed = nn.Parameter(torch.randn(len(data.TARGET), EMBED) * 0.3)
        self.encoder = nn.GRU(EMBED, ENCODER, batch_first=True, bidirectional=True)
        self.cell = nn.GRUCell(EMBED + 2 * ENCODER, DECODER)
        self.w0 = nn.Parameter(torch.randn(2 * ENCODER, DECODER) * 0.1)
        self.wa = nn.Parameter(torch.randn(DECODER, HIDDEN) * 0.1)
        self.ua = nn.Parameter(torch.randn(2 * ENCODER, HIDDEN) * 0.1)
        self.va = nn.Parameter(torch.randn(HIDDEN) * 0.1)
        self.wo = nn.Parameter(torch.randn(DECODER + 2 * ENCODER, len(data.TARGET)) * 0.1)

    def encode(self, source, lengths):
        packed = pack_padded_sequence(self.source_embed[source], lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        return h, torch.arange(h.shape[1])[None, :] < lengths[:, None]

    def step(self, previous, s, h, keys, mask):
        e = torch.tanh((s @ self.wa)[:, None, :] + keys) @ self.va
        alpha = torch.softmax(e.masked_fill(~mask, float("-inf")), dim=1)
        c = (alpha[:, None, :] @ h)[:, 0]
        s = self.cell(torch.cat([self.target_embed[previous], c], dim=1), s)
        return s, torch.cat([s, c], dim=1) @ self.wo, alpha

    def forward(self, source, lengths, target):
        """Teacher-forced logits [batch, STEPS, characters]."""
        h, mask = self.encode(source, lengths)
        s, keys, logits = torch.tanh(h[:, 0] @ self.w0), h @ self.ua, []
        previous = torch.full((len(source),), data.BEGIN)
        for t in range(STEPS):
            s, step_logits, _ = self.step(previous, s, h, keys, mask)
            logits.append(step_logits)
            previous = target[:, t]
        return torch.stack(logits, dim=1)

    @torch.no_grad()
    def translate(self, source, lengths):
        """Greedy decoding: characters [batch, STEPS] and the alignments [batch, STEPS, source length]."""
        h, mask = self.encode(source, lengths)
        s, keys, out, alphas = torch.tanh(h[:, 0] @ self.w0), h @ self.ua, [], []
        previous = torch.full((len(source),), data.BEGIN)
        for _ in range(STEPS):
            s, logits, alpha = self.step(previous, s, h, keys, mask)
            previous = logits.argmax(dim=1)
            out.append(previous)
            alphas.append(alpha)
        return torch.stack(out, dim=1), torch.stack(alphas, dim=1)


def tensors(batch):
    """Pairs to padded source [batch, longest], lengths [batch], target [batch, STEPS]."""
    source = [torch.tensor([data.SOURCE.index(c) for c in text]) for text, _ in batch]
    target = [[data.TARGET.index(c) for c in iso] + [data.END] for _, iso in batch]
    lengths = torch.tensor([len(s) for s in source])
    return nn.utils.rnn.pad_sequence(source, batch_first=True), lengths, torch.tensor(target)


def exact_match(model, batch):
    source, lengths, target = tensors(batch)
    return (model.translate(source, lengths)[0] == target).all(dim=1).float().mean().item()


def named_weights(model):
    """The weights under the parameter paths of dates.heed."""
    weights = {name: getattr(model, name) for name in ("source_embed", "target_embed", "w0", "wa", "ua", "va", "wo")}
    for path, module, suffix in (("encoder.forward", model.encoder, "_l0"), ("encoder.backward", model.encoder, "_l0_reverse"),
                                 ("decoder", model.cell, "")):
        for ours, theirs in (("w_ih", "weight_ih"), ("w_hh", "weight_hh"), ("b_ih", "bias_ih"), ("b_hh", "bias_hh")):
            weights[f"{path}.{ours}"] = getattr(module, theirs + suffix)
    return weights


def main():
    options = training.options(__doc__, HERE, steps=2000, batch=128)
    model = Dates()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    days, held_out = data.days(held_out=False), data.pairs(data.days(held_out=True), 1000, seed=2)

    def loss_of(step):
        source, lengths, target = tensors(data.pairs(days, options.batch, seed=1000 + step))
        return nn.functional.cross_entropy(model(source, lengths, target).flatten(0, 1), target.flatten())

    def report(step, loss):
        print(f"step {step:5d}  loss {loss:.4f}  held out {exact_match(model, held_out):.1%}", flush=True)

    training.fit(model, optimiser, 4e-3, options.steps, loss_of, report, every=250)
    accuracy = exact_match(model, held_out)
    print(f"{accuracy:.1%} of {len(held_out)} held-out dates are exactly right")
    training.save(named_weights(model), options.output / "dates.safetensors")
    with open(options.output / "heldout.tsv", "w", encoding="utf-8") as file:
        file.writelines(f"{text}\t{iso}\n" for text, iso in held_out)
    if accuracy < 0.99:
        raise SystemExit("below 99 %: train longer")


if __name__ == "__main__":
    main()
