"""gpu_peers.py FOLDER [REGEX] - times the libraries of gpu_workloads.py beside PyTorch's attention, on a GPU.

One line per workload, width, type and length: TFLOP/s over the pairs that the mask leaves (a step of decoding: GB/s of keys and values),
the best of many calls by the wall clock, each with its end waited for; and heed's largest error against f32, up to 2048 keys. "-" stands
where a system has no form for the workload, or fails.
"""

import ctypes
import os
import re
import sys
import time

import gpu_workloads
import heed

ON_DEVICE = 0x100
CODES = {"f16": 2, "bf16": 3, "bool": 6, "i32": 4}


def extra_of(torch, variant, n, width, dtype):
    """The further input of a workload, and its code."""
    if variant.name == "longformer":
        return torch.arange(n, device="cuda") < 16, CODES["bool"]
    if variant.name == "bigbird":
        return torch.randint(0, n // 64, (n // 64, 3), device="cuda", dtype=torch.int32), CODES["i32"]
    if variant.name == "document":
        return torch.arange(n, device="cuda", dtype=torch.int32) // max(n // 8, 1), CODES["i32"]
    if variant.name == "additive":
        return torch.randn(width, device="cuda", dtype=dtype), None
    return None, None


def mask_of(torch, variant, extra):
    if not variant.mask:
        return None
    code = compile(variant.mask, variant.name, "eval")
    return lambda b, h, i, j: eval(code, {"i": i, "j": j, "extra": extra, "torch": torch})


def score_of(torch, variant):
    if not variant.bias:
        return None
    code = compile(variant.bias, variant.name, "eval")
    return lambda score, b, h, i, j: eval(code, {"score": score, "i": i, "j": j, "torch": torch})


def all_pairs(torch, n):
    return torch.arange(n, device="cuda")[:, None], torch.arange(n, device="cuda")[None, :]


def reference(torch, variant, q, k, v, extra):
    """In f32, with all scores in memory."""
    q, k, v = q.float(), k.float(), v.float()
    n = k.shape[1]
    i, j = all_pairs(torch, n)
    if variant.product:
        score = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
    else:
        score = torch.stack([torch.stack([torch.tanh(row + k[h]) @ extra.float() for row in q[h]]) for h in range(q.shape[0])])
    if variant.bias:
        score = score_of(torch, variant)(score, 0, 0, i, j)
    if variant.mask:
        score = score.masked_fill(~mask_of(torch, variant, extra)(0, 0, i, j), float("-inf"))
    return torch.softmax(score, -1) @ v


def peers(torch, variant, q, k, v, extra):
    """Name and call of the systems that have the workload."""
    if not variant.product:
        return {}
    from torch.nn.attention import SDPBackend, flex_attention, sdpa_kernel

    batch = [each[None] for each in (q, k, v)]
    n = k.shape[1]
    result = {}
    if not variant.bias and variant.name in ("dense", "causal", "decode"):
        sdpa = lambda: torch.nn.functional.scaled_dot_product_attention(*batch, is_causal=variant.name == "causal")  # noqa: E731
        result["sdpa"] = sdpa

        def cudnn():
            with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
                return sdpa()

        result["cudnn"] = cudnn
    elif not variant.bias:
        i, j = all_pairs(torch, n)
        mask = mask_of(torch, variant, extra)(0, 0, i, j)
        result["sdpa"] = lambda: torch.nn.functional.scaled_dot_product_attention(*batch, attn_mask=mask)
    mask, score = mask_of(torch, variant, extra), score_of(torch, variant)

    def flex():
        blocks = flex_attention.create_block_mask(mask, None, None, q.shape[1], n) if mask else None
        compiled = torch.compile(flex_attention.flex_attention)
        call = lambda: compiled(*batch, score_mod=score, block_mask=blocks)  # noqa: E731
        call()
        return call

    try:
        result["flex"] = flex()
    except Exception as error:  # what it raises depends on the version and on the compiler behind it
        print(f"# flex, {variant.name}: {type(error).__name__}", file=sys.stderr)
    return result


def tensor(data, code):
    return heed._Tensor(data.data_ptr(), code | ON_DEVICE, data.dim(), (ctypes.c_int64 * heed._MAX_RANK)(*data.shape))


def best(torch, call, seconds=0.3):
    """The fastest of many calls, or None for one that fails."""
    try:
        for _ in range(3):
            call()
        torch.cuda.synchronize()
    except Exception as error:
        print(f"# {type(error).__name__}: {error}", file=sys.stderr)
        return None
    fastest, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest


def pairs_of(torch, variant, n, extra):
    if not variant.mask:
        return n * (n if variant.queries else 1)
    i, j = all_pairs(torch, n)
    return int(mask_of(torch, variant, extra)(0, 0, i, j).broadcast_to(n, n).sum())


def line(torch, folder, variant, width, kind, n):
    dtype = torch.float16 if kind == "f16" else torch.bfloat16
    torch.manual_seed(0)
    rows = n if variant.queries else 1
    q, k, v = (torch.randn(gpu_workloads.HEADS, size, width, device="cuda", dtype=dtype) for size in (rows, n, n))
    out = torch.empty_like(q)
    extra, code = extra_of(torch, variant, n, width, dtype)
    model = heed.Model(os.path.join(folder, gpu_workloads.model_name(variant, width, kind) + ".so"))
    given = [tensor(each, CODES[kind]) for each in (q, k, v)]
    if extra is not None:
        given.append(tensor(extra, CODES[kind] if code is None else code))
    inputs, output = (heed._Tensor * len(given))(*given), (heed._Tensor * 1)(tensor(out, CODES[kind]))
    call = lambda: model._check(model._library.heed_run(model._handle, ctypes.c_int64(1), inputs, output))  # noqa: E731
    torch.cuda.synchronize()
    seconds = {"heed": best(torch, call)}
    error = "-"
    if seconds["heed"] is not None and n <= (2048 if variant.product else 512):
        wanted = reference(torch, variant, q, k, v, extra)
        error = f"{((out.float() - wanted).abs().max() / wanted.abs().max()).item():.1e}"
    for name, peer in peers(torch, variant, q, k, v, extra).items():
        seconds[name] = best(torch, peer)
    if variant.queries:
        amount = 4e-12 * width * gpu_workloads.HEADS * pairs_of(torch, variant, n, extra)
    else:
        amount = 1e-9 * (k.nbytes + v.nbytes)
    cells = [f"{amount / seconds[name]:.0f}" if seconds.get(name) else "-" for name in ("heed", "sdpa", "cudnn", "flex")]
    unit = "TFLOP/s" if variant.queries else "GB/s"
    print(f"| {variant.name} | {width} | {kind} | {n} | {unit} | {' | '.join(cells)} | {error} |", flush=True)


def main(folder, pattern="."):
    try:
        import torch
    except ImportError:
        print("speed: not run: no PyTorch")
        return 77
    if not torch.cuda.is_available():
        print("speed: not run: PyTorch finds no GPU")
        return 77
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    print("| workload | width | type | keys | unit | heed | sdpa | cudnn | flex | error |\n|---|---|---|---|---|---|---|---|---|---|")
    for variant, width, kind in gpu_workloads.models():
        name = gpu_workloads.model_name(variant, width, kind)
        if re.search(pattern, name) and os.path.exists(os.path.join(folder, name + ".so")):
            for n in gpu_workloads.LENGTHS:
                line(torch, folder, variant, width, kind, n)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
