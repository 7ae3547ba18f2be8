"""names.py ROOT: no source of the compiler, the dialect or the runtime has the name of an attention system, a paper's author or a model."""

import os
import re
import sys

NAMES = """alibi attend_by bahdanau bert bigbird cho cosformer deltanet differential_attention encoder_block entmax favor feed_forward gpt gpt2
griffin gru hyena jamba layer_norm linformer llama local_p longformer longnet logsparse lstm luong mamba mistral mixture_of_heads moba moh
multi_head nsa performer retention retnet rfa rms_norm rnn rollout rope rotary seq2seq shaw sigmoid_attend sinusoid softcap sparsek
swiglu t5 tensor_product transformer transformer_xl vaswani vision_transformer vit""".split()

word = re.compile(r"(?<![a-z0-9])(%s)(?![a-z0-9])" % "|".join(NAMES), re.IGNORECASE)
found, files = [], 0
for folder in ("compiler", "dialect", "runtime"):
    for path, _, names in os.walk(os.path.join(sys.argv[1], folder)):
        for name in names:
            if name == "Codes.def" or not name.endswith((".cpp", ".h", ".td", ".def", ".c", ".txt", ".inc", ".py")):
                continue
            files += 1
            with open(os.path.join(path, name), encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if word.search(line):
                        found.append("%s:%d: %s" % (os.path.join(path, name), number, line.strip()))
if files < 100:
    found.append("only %d files were read" % files)
print("\n".join(found))
sys.exit(bool(found))
