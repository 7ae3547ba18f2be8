"""packages.py HEEDC: compiled functions of the library beside PyPI packages, on odd sizes.

The packages compute in f32, as the compiled code does. Files called naive.py of flash-linear-attention are loaded by themselves: the package
around them imports triton, which needs a GPU.
"""

import importlib.util
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from entmax import entmax15, sparsemax
from linformer import LinformerSelfAttention
from performer_pytorch import performer_pytorch as performer

import compare

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)


def naive(name):
    path = pathlib.Path(importlib.util.find_spec("fla").submodule_search_locations[0]) / "ops" / name / "naive.py"
    spec = importlib.util.spec_from_file_location("naive_" + name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiled(model, folder):
    path = "%s/%s.so" % (folder, model)
    subprocess.run([sys.argv[1], HERE / "oracles.heed", "--model", model, "--target=native", "-o", path], check=True)
    return compare.Model(path)


def tensors(given):
    return {name: torch.tensor(value, dtype=torch.float32) for name, value in given.items()}


def elu_plus_one(x):
    return torch.nn.functional.elu(x) + 1


def rows(model):
    for n, m in ((1, 1), (1, 9), (3, 2), (7, 7), (13, 31), (64, 65), (200, 127)):
        given = dict(q=compare.normal((n, 6), 1), k=compare.normal((m, 6), 2), v=compare.normal((m, 5), 3), w=compare.normal((9, 6), 4))
        got, t = model(**given), tensors(given)
        q, k, v, w = t["q"][None, None], t["k"][None, None], t["v"][None, None], t["w"]
        features = [performer.softmax_kernel(x, projection_matrix=w, is_query=x is q, eps=0.0) for x in (q, k)]
        score = t["q"] @ t["k"].T / 6**0.5
        wanted = dict(performer=performer.linear_attention(*features, v)[0, 0],
                      relu=performer.linear_attention(*(performer.generalized_kernel(x, projection_matrix=w) for x in (q, k)), v)[0, 0],
                      sparse=sparsemax(score, dim=-1) @ t["v"], entmax=entmax15(score, dim=-1) @ t["v"],
                      plain=performer.linear_attention(elu_plus_one(q), elu_plus_one(k), v)[0, 0])
        for name, value in wanted.items():
            compare.equal("%s at %d, %d" % (name, n, m), got["out_" + name], value.numpy(), 2e-5)


def layers(model):
    # Shared: keys are values, projected by one matrix.
    model.set("together.wv", model.weights["together.wk"])
    for name, path in (("plain", "separate"), ("shared", "together")):
        package = LinformerSelfAttention(dim=8, seq_len=40, k=4, heads=2, share_kv=name == "shared")
        for ours, theirs in (("wq", "to_q"), ("wk", "to_k"), ("wv", "to_v"), ("wo", "to_out")):
            if hasattr(package, theirs):
                getattr(package, theirs).weight.data = torch.tensor(model.under(path)[ours].T, dtype=torch.float32)
        package.to_out.bias.data.zero_()
        for n in (1, 2, 7, 13, 39, 40):
            given = dict(x=compare.normal((n, 8), n), keys=compare.normal((40, 4), 5), values=compare.normal((40, 4), 6))
            t = tensors(given)
            package.proj_k.data = t["keys"]
            if name == "plain":
                package.proj_v.data = t["values"]
            compare.equal("linformer %s at %d" % (name, n), model(**given)[name], package(t["x"][None])[0].detach().numpy(), 2e-5)


def sequences(model):
    retention, gla, simple = naive("retention"), naive("gla"), naive("simple_gla")
    delta, gated, forgetting, linear, hgrn = (naive(name) for name in ("delta_rule", "gated_delta_rule", "forgetting_attn", "linear_attn", "hgrn"))
    for heads, n in ((1, 1), (2, 2), (3, 7), (1, 33), (4, 63), (2, 200)):
        given = dict(q=compare.normal((heads, n, 6), 1), k=compare.normal((heads, n, 6), 2), v=compare.normal((heads, n, 5), 3),
                     w=compare.normal((9, 6), 4), beta=compare.sigmoid(compare.normal((heads, n), 5)),
                     step=-numpy.abs(compare.normal((heads, n), 6)) / 4, channels=-numpy.abs(compare.normal((heads, n, 6), 7)) / 4,
                     x=compare.normal((n, 7), 8), open=compare.sigmoid(compare.normal((n, 7), 9)),
                     taken=compare.sigmoid(compare.normal((n, 7), 10)), a=compare.normal((7,), 11))
        got, t = model(**given), tensors(given)
        q, k, v, beta, step, channels = (t[name][None] for name in ("q", "k", "v", "beta", "step", "channels"))
        turned = [x.transpose(1, 2) for x in (q, k, v)]
        unit = torch.nn.functional.normalize(k, dim=-1)
        features = [performer.softmax_kernel(x, projection_matrix=t["w"], is_query=x is q, eps=0.0) for x in (q, k)]
        phi = [elu_plus_one(x) for x in turned[:2]]
        wanted = dict(
            performer=performer.causal_linear_attention_noncuda(*features, v, eps=0.0),
            linear=linear.naive_recurrent_linear_attn(*phi, turned[2], scale=1.0, normalize=True)[0].transpose(1, 2),
            channel=gla.naive_recurrent_gla(*turned, channels.transpose(1, 2))[0].transpose(1, 2),
            scalar=simple.naive_recurrent_simple_gla(*turned, step.transpose(1, 2))[0].transpose(1, 2),
            pairs=simple.naive_parallel_simple_gla(*turned, step.transpose(1, 2))[0].transpose(1, 2),
            delta=delta.delta_rule_recurrence(q, unit, v, beta)[0],
            gated=gated.naive_recurrent_gated_delta_rule(turned[0], unit.transpose(1, 2), turned[2], beta.transpose(1, 2),
                                                         step.transpose(1, 2))[0].transpose(1, 2),
            forgetting=forgetting.naive_forgetting_attn(*turned, step.transpose(1, 2)).transpose(1, 2))
        for name, value in wanted.items():
            compare.equal("%s at %d, %d" % (name, heads, n), got["out_" + name], value[0].numpy(), 5e-5)
        # The package gives head h the decay 1 - 2 ^ (-5 - h): every head is compared as its first.
        for h in range(heads):
            value = retention.naive_retention(q[:, h : h + 1], k[:, h : h + 1], v[:, h : h + 1])[0, 0].numpy()
            compare.equal("retention at %d, %d" % (h, n), got["out_retention"][h], value, 5e-5)
            compare.equal("retention by a state at %d, %d" % (h, n), got["out_scan"][h], value, 5e-5)
        keep = -8.0 * t["open"] * torch.nn.functional.softplus(t["a"])
        written = torch.sqrt(1.0 - torch.exp(2.0 * keep)) * t["taken"] * t["x"]
        compare.equal("gated recurrence at %d" % n, got["out_unit"], hgrn.naive_recurrent_hgrn(written[None], keep[None])[0][0].numpy(), 2e-5)


with tempfile.TemporaryDirectory() as folder:
    for test in (rows, layers, sequences):
        test(compiled(test.__name__, folder))
compare.finish()
