"""Modules of torch.nn with the weights of the library's layers, in f64."""

import numpy
import torch


def tensor(x):
    return torch.from_numpy(numpy.ascontiguousarray(x))


def attention(module, w):
    """Sets a torch.nn.MultiheadAttention: its matrices are [out, in], with q, k and v in one where all have one width."""
    parts = [tensor(w["w" + c].T) for c in "qkv"]
    if module.in_proj_weight is not None:
        module.in_proj_weight.copy_(torch.cat(parts))
    else:
        module.q_proj_weight.copy_(parts[0]), module.k_proj_weight.copy_(parts[1]), module.v_proj_weight.copy_(parts[2])
    module.out_proj.weight.copy_(tensor(w["wo"].T))
    if "bq" in w:
        module.in_proj_bias.copy_(torch.cat([tensor(w["b" + c]) for c in "qkv"]))
        module.out_proj.bias.copy_(tensor(w["bo"]))


def within(w, path):
    return {name[len(path) + 1:]: value for name, value in w.items() if name.startswith(path + ".")}


def block(kind, w, **options):
    """A Transformer layer of torch.nn with the weights of one of our blocks."""
    made = kind(8, 2, 12, dropout=0.0, batch_first=True, dtype=torch.float64, **options).eval()
    with torch.no_grad():
        attention(made.self_attn, within(w, "attention"))
        if hasattr(made, "multihead_attn"):
            attention(made.multihead_attn, within(w, "cross_attention"))
        for linear, name in ((made.linear1, "1"), (made.linear2, "2")):
            linear.weight.copy_(tensor(w["feed_forward.w" + name].T)), linear.bias.copy_(tensor(w["feed_forward.b" + name]))
        for name in ("1", "2", "3"):
            if hasattr(made, "norm" + name):
                norm = getattr(made, "norm" + name)
                norm.weight.copy_(tensor(w["norm_%s.gain" % name])), norm.bias.copy_(tensor(w["norm_%s.bias" % name]))
    return made
