"""peer_systems.py - the other systems of bench/peers.py: each prepares a call for a workload, or says with None that it has none."""

import importlib.util

import numpy

import peer_formulas


def has(module):
    return importlib.util.find_spec(module) is not None


class TorchBase:
    def __init__(self, threads):
        import torch

        self.torch = torch
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)

    def tensors(self, inputs):
        return {name: self.torch.from_numpy(numpy.ascontiguousarray(array)) for name, array in inputs.items()}

    def scaled(self, workload, score, h, i, j, x):
        """What the workload does to the scaled score of one pair."""
        torch = self.torch
        if workload.score == "alibi":
            return score - torch.pow(2.0, -8.0 * (h + 1) / workload.heads) * (i - j)
        if workload.score == "softcap":
            return 30.0 * torch.tanh(score / 30.0)
        if workload.score == "bias":
            return score + x["bias"][h, i - j + workload.n]
        return score


class Sdpa(TorchBase):
    """torch.nn.functional.scaled_dot_product_attention, with a mask of truth values where there is one."""

    name = "torch-sdpa"

    def prepare(self, workload, inputs):
        if workload.score != "scaled":
            return None
        torch, x = self.torch, self.tensors(inputs)
        q, k, v = (x[name][None] for name in "qkv")
        attend = torch.nn.functional.scaled_dot_product_attention
        if workload.name == "causal":
            return lambda: attend(q, k, v, is_causal=True)[0].numpy()
        allowed = workload.allowed(inputs)
        mask = None if allowed is None else torch.from_numpy(numpy.array(allowed))
        return lambda: attend(q, k, v, attn_mask=mask, enable_gqa=workload.groups > 0)[0].numpy()


class Flex(TorchBase):
    """torch's FlexAttention, compiled, with the block mask that it makes of the mask."""

    name = "torch-flex"

    def prepare(self, workload, inputs):
        if workload.score in ("sigmoid", "additive", *peer_formulas.LINEAR) or workload.n < 128 or workload.queries:
            return None
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        torch, x = self.torch, self.tensors(inputs)
        torch.compiler.reset()
        q, k, v = (x[name][None] for name in "qkv")
        allowed = workload.allowed(inputs)
        block_mask = None
        if allowed is not None:
            table = torch.from_numpy(numpy.array(allowed))
            masks = {"causal": lambda b, h, i, j: j <= i, "window 256": lambda b, h, i, j: (i - j).abs() <= 256,
                     "window 64": lambda b, h, i, j: (i - j).abs() <= 64, "ALiBi causal": lambda b, h, i, j: j <= i}
            mask = masks.get(workload.name, lambda b, h, i, j: table[i, j])
            block_mask = create_block_mask(mask, None, None, workload.n, workload.n, device="cpu")
        score_mod = None
        if workload.score != "scaled":
            def score_mod(score, b, h, i, j):
                return self.scaled(workload, score, h, i, j, x)
        call = torch.compile(flex_attention)
        return lambda: call(q, k, v, score_mod=score_mod, block_mask=block_mask)[0].numpy()


class Eager(TorchBase):
    """Linear attention as torch code that a user would write for speed."""

    name = "torch"

    def prepare(self, workload, inputs):
        if workload.score not in peer_formulas.LINEAR:
            return None
        x = self.tensors(inputs)
        return lambda: peer_formulas.LINEAR[workload.score](**x).numpy()


class Compiled(TorchBase):
    """The formula, with torch.compile."""

    name = "torch-compile"

    def prepare(self, workload, inputs):
        if workload.score in peer_formulas.LINEAR:
            x = self.tensors(inputs)
            self.torch.compiler.reset()
            call = self.torch.compile(peer_formulas.LINEAR[workload.score])
            return lambda: call(**x).numpy()
        if workload.allowed(inputs) is not None:
            return None
        torch, x = self.torch, self.tensors(inputs)
        torch.compiler.reset()
        h = torch.arange(workload.heads)[:, None, None]
        i, j = torch.arange(workload.n)[None, :, None], torch.arange(workload.n)[None, None, :]

        def formula(q, k, v):
            if workload.score == "additive":
                return torch.softmax(torch.tanh(q[:, :, None] + k[:, None]) @ x["va"], -1) @ v
            score = self.scaled(workload, q @ k.transpose(1, 2) / workload.d**0.5, h, i, j, x)
            if workload.score == "sigmoid":
                return torch.sigmoid(score - float(numpy.log(workload.n))) @ v
            return torch.softmax(score, -1) @ v

        if workload.groups:
            shared = workload.heads // workload.groups

            def grouped(q, k, v):
                return formula(q, k.repeat_interleave(shared, 0), v.repeat_interleave(shared, 0))
        call = torch.compile(grouped if workload.groups else formula)
        return lambda: call(x["q"], x["k"], x["v"]).numpy()


class OnnxRuntime:
    """The formula as an ONNX graph; its optimiser fuses what it knows."""

    name = "onnxruntime"

    def __init__(self, threads):
        self.threads = threads

    def prepare(self, workload, inputs):
        if workload.score != "scaled" or workload.allowed(inputs) is not None or workload.groups:
            return None
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        session = onnxruntime.InferenceSession(graph(workload).SerializeToString(), options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {name: inputs[name] for name in "qkv"})[0]


class OpenVino:
    """ScaledDotProductAttention of OpenVINO's opset 13."""

    name = "openvino"

    def __init__(self, threads):
        self.threads = threads

    def prepare(self, workload, inputs):
        if workload.score != "scaled" or workload.groups:
            return None
        import openvino
        from openvino import opset13

        parameters = [opset13.parameter([1, *inputs[name].shape], numpy.float32) for name in "qkv"]
        allowed = workload.allowed(inputs)
        if workload.name == "causal":
            node = opset13.scaled_dot_product_attention(*parameters, causal=True)
        elif allowed is None:
            node = opset13.scaled_dot_product_attention(*parameters)
        else:
            mask = numpy.where(allowed, 0, -numpy.inf).astype(numpy.float32)
            node = opset13.scaled_dot_product_attention(*parameters, opset13.constant(mask))
        model = openvino.Model([node], parameters)
        compiled = openvino.Core().compile_model(
            model, "CPU", {"INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
        request, arrays = compiled.create_infer_request(), [inputs[name][None] for name in "qkv"]
        return lambda: request.infer(arrays, share_inputs=True)[0][0]


def graph(workload):
    from onnx import TensorProto, helper

    rows = [workload.heads, workload.queries or workload.n, workload.d]
    keys = [workload.heads, workload.n, workload.d]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
              for name, shape in (("q", rows), ("k", keys), ("v", keys), ("out", rows))]
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [workload.d**-0.5])
    nodes = [helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]), helper.make_node("MatMul", ["q", "kt"], ["products"]),
             helper.make_node("Mul", ["products", "scale"], ["scores"]), helper.make_node("Softmax", ["scores"], ["weights"], axis=-1),
             helper.make_node("MatMul", ["weights", "v"], ["out"])]
    model = helper.make_model(helper.make_graph(nodes, "attention", values[:3], values[3:], [scale]),
                              opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model


def installed(threads):
    systems = [Sdpa(threads), Flex(threads), Eager(threads), Compiled(threads)] if has("torch") else []
    if has("onnxruntime") and has("onnx"):
        systems.append(OnnxRuntime(threads))
    if has("openvino"):
        systems.append(OpenVino(threads))
    return systems
