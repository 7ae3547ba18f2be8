"""stacks.py HEED-RUN STACKS LAYERS: small models, and layers of published models, beside transformers with the same weights."""

import math
import sys

import numpy as np
import torch
import transformers
from numeric import Check, Draw, single
from transformers.models.deepseek_v2 import modeling_deepseek_v2
from transformers.models.diffllama import modeling_diffllama
from transformers.models.gemma2 import modeling_gemma2
from transformers.models.gpt_oss import modeling_gpt_oss
from transformers.models.mamba2 import modeling_mamba2
from transformers.models.recurrent_gemma import modeling_recurrent_gemma

torch.set_default_dtype(torch.float64)
NEAR = 1e-5  # transformers computes some parts in f32


def randomise(module, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_((torch.randn(value.shape, generator=generator) * 0.4 + (value.dim() == 1)).float())
    return module.double().eval()


def weights(module, leave_out=()):
    return {name: value.numpy() for name, value in module.state_dict().items() if name not in leave_out}


def tokens(n):
    return np.random.default_rng(n).integers(0, 11, n).astype(np.int32)


def whole_models(check, source):
    llama = randomise(transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=11, hidden_size=8, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=12, rms_norm_eps=1e-5,
        max_position_embeddings=16, attn_implementation="eager")), 1)
    mamba = randomise(transformers.MambaForCausalLM(transformers.MambaConfig(
        vocab_size=11, hidden_size=8, num_hidden_layers=2, state_size=4, time_step_rank=2, expand=2, conv_kernel=4, use_mambapy=False)), 2)
    check.source = source
    for name, theirs, left in (("tiny_llama", llama, ()), ("tiny_mamba", mamba, ("lm_head.weight",))):
        for n in (1, 5, 16):
            with torch.no_grad():
                wanted = theirs(torch.from_numpy(tokens(n).astype(np.int64))[None], use_cache=False).logits[0]
            check.near("%s %d" % (name, n), check.run(name, dict(tokens=tokens(n)), weights(theirs, left))["logits"], wanted, NEAR)


def turn(width, n):
    """cos and sin as transformers wants them, for halves."""
    angle = torch.arange(n)[:, None] * 10000.0 ** (-torch.arange(width // 2) * 2 / width)
    both = torch.cat([angle, angle], -1)[None]
    return both.cos(), both.sin()


def mask(n):
    return torch.full((n, n), -torch.inf).triu(1)[None, None]


def layers(check, source, draw):
    check.source, n = source, 9
    x = draw.normal(n, 8)
    states = torch.from_numpy(x)[None]
    w, wanted = {}, {}
    with torch.no_grad():
        config = transformers.Mamba2Config(hidden_size=8, num_heads=4, head_dim=4, expand=2, n_groups=2, state_size=6, conv_kernel=4, chunk_size=4,
                                           num_hidden_layers=1, vocab_size=11, time_step_limit=(0.0, float("inf")))
        mixer = randomise(modeling_mamba2.Mamba2Mixer(config, 0), 3)
        w.update({"ssd." + name: value for name, value in weights(mixer).items()})
        wanted["ssd"] = mixer(states)[0]

        config = transformers.DeepseekV2Config(hidden_size=8, num_attention_heads=2, num_key_value_heads=2, q_lora_rank=None, kv_lora_rank=5,
                                               qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=4, attn_implementation="eager")
        theirs = randomise(modeling_deepseek_v2.DeepseekV2Attention(config, 0), 4)
        angle = torch.arange(n)[:, None] * torch.ones(1)  # of one pair
        wanted["latent"] = theirs(states, mask(n), position_embeddings=torch.polar(torch.ones_like(angle), angle)[None])[0][0]
        get = weights(theirs)
        up = get["kv_b_proj.weight"].reshape(2, 8, 5).transpose(0, 2, 1)
        w.update({"latent.latent.w_down": get["kv_a_proj_with_mqa.weight"][:5].T, "latent.latent.w_turn": get["kv_a_proj_with_mqa.weight"][5:].T,
                  "latent.latent.rms_norm.gain": get["kv_a_layernorm.weight"], "latent.queries.wq": get["q_proj.weight"].T,
                  "latent.w_key": up[..., :4], "latent.w_value": up[..., 4:], "latent.wo": get["o_proj.weight"].T})

        # Theirs pairs the first half of the heads with the second: ours, as in the paper, neighbours.
        config = transformers.DiffLlamaConfig(hidden_size=8, num_attention_heads=4, num_key_value_heads=4, head_dim=2, rms_norm_eps=1e-5,
                                              attn_implementation="eager")
        theirs = randomise(modeling_diffllama.DiffLlamaAttention(config, 1), 5)
        still = torch.ones(1, n, 2), torch.zeros(1, n, 2)
        wanted["difference"] = theirs(states, still, mask(n))[0][0]
        get = weights(theirs)
        order = [0, 1, 4, 5, 2, 3, 6, 7]
        for name, key in (("wq", "q_proj"), ("wk", "k_proj"), ("wv", "v_proj")):
            w["difference." + name] = get[key + ".weight"][order].T
        w.update({"difference." + name: get[name] for name in ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")})
        w.update({"difference.wo": get["o_proj.weight"].T, "difference.gain": np.ones(4)})

        q, k, v = draw.normal(2, n, 4), draw.normal(2, n, 4), draw.normal(2, n, 3)
        logit = draw.normal(2)
        part = [torch.from_numpy(value)[None] for value in (q, k, v)]
        module = torch.nn.Module().eval()
        module.num_key_value_groups, module.sinks, module.is_causal = 1, torch.from_numpy(logit), True
        wanted["sunk"] = modeling_gpt_oss.eager_attention_forward(module, *part, mask(n), 0.5)[0][0].transpose(0, 1)
        w["sunk.logit"] = logit
        wanted["capped"] = modeling_gemma2.eager_attention_forward(module, *part, torch.zeros(n, n), scaling=0.5, softcap=1.5)[0][0].transpose(0, 1)

        config = transformers.RecurrentGemmaConfig(hidden_size=8, lru_width=8, num_attention_heads=2)
        theirs = randomise(modeling_recurrent_gemma.RecurrentGemmaRglru(config), 6)
        # A first position that is not 0 keeps the paper's input gate there, and an empty state.
        wanted["lru"] = theirs(states, torch.arange(1, n + 1)[None])[0]
        get = weights(theirs)
        gate = lambda name: single(np.concatenate(
            [x[:, 4 * h : 4 * h + 4] @ get[name + "_weight"][h] + get[name + "_bias"][h] for h in range(2)], 1))
        given = dict(x=x, q=q, k=k, v=v, r=gate("recurrent_gate"), i=gate("input_gate"), a=get["recurrent_param"])
    out = check.run("published", given, w)
    for name, value in wanted.items():
        check.near(name, out[name], value, NEAR)


check = Check(None, sys.argv[1].split())
whole_models(check, sys.argv[2])
layers(check, sys.argv[3], Draw(6))
check.done()
