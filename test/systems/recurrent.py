"""Recurrent networks against PyTorch's modules with the same weights, and against the equations of Cho et al. (2014) in NumPy."""

import sys

import numpy
import torch

import compare
from compare import equal, normal, sigmoid


def module(kind, weights, *sizes, **options):
    """A module of torch.nn in f64. weights: ours in one direction, or {"forward": ..., "backward": ...}."""
    made = kind(*sizes, batch_first=True, dtype=torch.float64, **options)
    with torch.no_grad():
        for name, value in made.named_parameters():
            ours, direction = name.replace("_l0", ""), "forward."
            if ours.endswith("_reverse"):
                ours, direction = ours[:-len("_reverse")], "backward."
            value.copy_(torch.from_numpy(weights[(direction if options.get("bidirectional") else "") + ours.replace("weight", "w").replace("bias", "b")]))
    return made


def run(made, x, *state):
    with torch.no_grad():
        return made(torch.from_numpy(x)[None], *state)[0][0].numpy()


def paper_step(x, h, w, u):
    r = sigmoid(w[0] @ x + u[0] @ h)
    z = sigmoid(w[1] @ x + u[1] @ h)
    return (1 - z) * h + z * numpy.tanh(w[2] @ x + u[2] @ (r * h))


def paper(x, w, u):
    h, rows = numpy.zeros(u.shape[-1]), []
    for step in x:
        rows.append(h := paper_step(step, h, w, u))
    return numpy.array(rows).reshape(len(x), -1)


def torch_step(x, h, w):
    """One step of the GRU as torch.nn.GRU documents it."""
    a, b = w["w_ih"] @ x + w["b_ih"], w["w_hh"] @ h + w["b_hh"]
    (ar, az, an), (br, bz, bn) = a.reshape(3, -1), b.reshape(3, -1)
    z = sigmoid(az + bz)
    return (1 - z) * numpy.tanh(an + sigmoid(ar + br) * bn) + z * h


def main():
    model = compare.Model(sys.argv[1])
    under = model.under
    h0, c0 = normal([4], 8), normal([4], 9)
    examples = [{"x": normal([n, 5], n), "y": normal([t, 3], 100 + t), "h0": h0, "c0": c0}
                for n, t in [(1, 1), (2, 5), (7, 0), (16, 3), (33, 40), (70, 2)]]
    results = model.batch(examples)                       # one batch, each example with its own length
    for example, got in zip(examples, results):
        x, y, n = example["x"], example["y"], len(example["x"])
        equal("rnn %d" % n, got["elman"], run(module(torch.nn.RNN, under("rnn"), 5, 4), x))
        equal("gru %d" % n, got["gated"], run(module(torch.nn.GRU, under("gru"), 5, 4), x))
        equal("lstm %d" % n, got["memory"], run(module(torch.nn.LSTM, under("lstm"), 5, 4), x))
        equal("gru both %d" % n, got["gated_both"], run(module(torch.nn.GRU, under("gated_both"), 5, 3, bidirectional=True), x))
        equal("lstm both %d" % n, got["memory_both"], run(module(torch.nn.LSTM, under("memory_both"), 5, 3, bidirectional=True), x))
        equal("gru paper %d" % n, got["paper"], paper(x, **under("gru_paper")))
        equal("gru paper back %d" % n, got["paper_back"], paper(x[::-1], **under("paper_back"))[::-1])
        start = tuple(torch.from_numpy(s)[None, None] for s in (h0, c0))
        equal("lstm from %d" % n, got["h"], run(module(torch.nn.LSTM, under("lstm_from"), 5, 4), x, start))
        with torch.no_grad():
            last = module(torch.nn.LSTM, under("lstm_from"), 5, 4)(torch.from_numpy(x)[None], start)[1][1]
        equal("cell %d" % n, got["c"][-1], last[0, 0].numpy())

        s, rows = h0, []                                  # Sutskever et al.: the vector is the first state
        for step in y:
            rows.append(s := torch_step(step, s, under("state_decoder.cell")))
        equal("state decoder", got["state"], numpy.array(rows).reshape(-1, 4))
        w, s, rows, out = under("context_decoder"), numpy.tanh(h0 @ model.weights["context_decoder.v"]), [], []
        readout = under("maxout_readout")
        for step in y:                                    # Cho et al.: the vector enters each step
            s = paper_step(numpy.concatenate([step, h0]), s, w["cell.w"], w["cell.u"])
            rows.append(s)
            out.append((s @ readout["uo"] + step @ readout["vo"] + c0 @ readout["co"]).reshape(-1, 2).max(axis=1))
        equal("context decoder", got["fixed"], numpy.array(rows).reshape(-1, 4))
        equal("maxout", got["predicts"], numpy.array(out).reshape(-1, 2))

    # What comes later changes nothing before: an example cut short gives the same rows.
    whole = model(x=examples[-1]["x"], y=examples[-1]["y"], h0=h0, c0=c0)
    short = model(x=examples[-1]["x"][:31], y=examples[-1]["y"], h0=h0, c0=c0)
    for name in ("elman", "gated", "paper", "memory", "h"):
        equal("prefix of " + name, short[name], whole[name][:31], 0)

    # An update gate of 1 keeps the state, of either form's meaning; an LSTM that forgets nothing and takes nothing keeps its cell.
    model.set("state_decoder.cell.b_ih", [0] * 4 + [100] * 4 + [0] * 4)
    model.set("lstm_from.b_ih", [-100] * 4 + [100] * 4 + [0] * 8)
    got = model(**examples[3])
    equal("a closed gate keeps the state", got["state"], numpy.tile(h0, (len(got["state"]), 1)))
    equal("a closed cell keeps its content", got["c"], numpy.tile(c0, (len(got["c"]), 1)))


main()
compare.finish()
