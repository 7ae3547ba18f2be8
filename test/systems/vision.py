"""Patches against convolutions, a Vision Transformer against torch.nn, rollout and entropy against their formulas."""

import sys

import numpy
import torch
from torch.nn import functional

import compare
from compare import equal, normal, softmax
from transformer_modules import block, tensor, within


def main():
    model = compare.Model(sys.argv[1])
    for seed, n in enumerate([1, 2, 7, 33, 50]):
        image, film, sound = normal([3, 8, 12], seed), normal([4, 8, 4], seed + 10), normal([12, 3], seed + 20)
        weight = softmax(normal([3, 2, n, n], seed + 30)).astype(numpy.float32).astype(numpy.float64)
        got = model(image=image, film=film, sound=sound, weight=weight)
        equal("patches", got["squares"], functional.unfold(tensor(image)[None], 4, stride=4)[0].T)
        kernel = normal([8, 3, 4, 4], 40)
        conv = functional.conv2d(tensor(image)[None], tensor(kernel), stride=4)[0].reshape(8, 6).T
        equal("patches and a matrix are a convolution", got["squares"].astype(numpy.float64) @ kernel.reshape(8, 48).T, conv)
        kernel = normal([8, 2, 4, 4], 41)
        conv = functional.conv3d(tensor(film)[None, None], tensor(kernel)[:, None], stride=(2, 4, 4))[0].reshape(8, 4).T
        equal("blocks of a film", got["tubes"].astype(numpy.float64) @ kernel.reshape(8, 32).T, conv)
        equal("frames", got["pieces"], sound.reshape(3, 12))

        w = model.under("patch_embedding")
        embedding = numpy.concatenate([w["token"][None], functional.unfold(tensor(image)[None], 4, stride=4)[0].T.numpy() @ w["w"] + w["b"]])
        equal("patch embedding", got["embedded"], embedding + w["position"])
        w = model.under("vision_transformer")
        with torch.no_grad():
            inner = within(w, "patch_embedding")
            x = numpy.concatenate([inner["token"][None], functional.unfold(tensor(image)[None], 4, stride=4)[0].T.numpy() @ inner["w"] + inner["b"]])
            made = block(torch.nn.TransformerEncoderLayer, within(w, "block.0"), norm_first=True, activation="gelu", layer_norm_eps=1e-6)
            y = functional.layer_norm(made(tensor(x + inner["position"])[None])[0], (8,), tensor(w["norm.gain"]), tensor(w["norm.bias"]), 1e-6)
        equal("Vision Transformer", got["logits"], y[0].numpy() @ w["w"] + w["b"])

        equal("mean over heads", got["mean_"], weight[0].mean(axis=0))
        equal("largest over heads", got["most"], weight[0].max(axis=0))
        equal("entropy", got["spread"], -(weight[0] * numpy.log(weight[0])).sum(axis=-1))
        through = numpy.eye(n)
        for layer in weight:
            through = (0.5 * layer.mean(axis=0) + 0.5 * numpy.eye(n)) @ through
        equal("rollout", got["through"], through)
        equal("a row of a rollout sums to one", got["through"].sum(axis=1), numpy.ones(n))
    uniform = numpy.full((3, 2, 50, 50), 1 / 50)
    uniform[0, 1] = numpy.eye(50)
    got = model(image=image, film=film, sound=sound, weight=uniform)
    equal("entropy between none and log n", got["spread"], [numpy.full(50, numpy.log(50)), numpy.zeros(50)])


main()
compare.finish()
