"""The small models of models.heed against transformers and torch.nn, with the weights that those have, from a safetensors file."""

import os
import sys
import tempfile

import numpy
import safetensors.torch
import torch
import transformers
from torch.nn import functional

import compare
import heed
from compare import equal, true
from transformer_modules import block

SMALL = {"vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}


def randomise(module, seed):
    """Norms, biases and tables too: initial values of 0 and 1 would hide what is left out."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(torch.randn(value.shape, generator=generator) * 0.5 + (1 if value.dim() == 1 else 0))
    return module.eval()


def ours(library, module, prefix="", leave_out=()):
    """Our model, with the weights of theirs written to a file under their own names."""
    weights = {prefix + name: value.contiguous() for name, value in module.state_dict().items() if name not in leave_out}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors")
        safetensors.torch.save_file(weights, path)
        return heed.Model(library, weights=path)


def draw(n, seed, count=11):
    return numpy.random.default_rng(seed).integers(0, count, n).astype(numpy.int32)


def long(x):
    return torch.from_numpy(x.astype(numpy.int64))[None]


def check_bert(library):
    theirs = randomise(transformers.BertModel(transformers.BertConfig(max_position_embeddings=16, **SMALL)), 1)
    model = ours(library, theirs, "bert.")
    for n in (1, 5, 16):
        tokens, kinds = draw(n, n), draw(n, n + 1, 2)
        states, pooled = model({"tokens": tokens, "kinds": kinds})
        wanted = theirs(long(tokens), token_type_ids=long(kinds))
        equal("BERT %d" % n, states, wanted.last_hidden_state[0])
        equal("BERT pooled %d" % n, pooled, wanted.pooler_output[0])
    batch = model.run([{"tokens": draw(n, n), "kinds": draw(n, n, 2)} for n in (3, 16)])
    padded = numpy.zeros((2, 16), numpy.int64), numpy.zeros((2, 16), numpy.int64), numpy.zeros((2, 16), numpy.int64)
    for row, n in enumerate((3, 16)):
        padded[0][row, :n], padded[1][row, :n], padded[2][row, :n] = draw(n, n), draw(n, n, 2), 1
    wanted = theirs(torch.from_numpy(padded[0]), token_type_ids=torch.from_numpy(padded[1]), attention_mask=torch.from_numpy(padded[2]))
    for row, n in enumerate((3, 16)):
        equal("BERT, a ragged batch is a padded one", batch[row][0], wanted.last_hidden_state[row, :n])


def check_gpt2(library):
    config = transformers.GPT2Config(vocab_size=11, n_embd=8, n_layer=2, n_head=2, n_positions=16, bos_token_id=1, eos_token_id=2)
    theirs = randomise(transformers.GPT2LMHeadModel(config), 2)
    model = ours(library, theirs, leave_out=["lm_head.weight"])
    for n in (1, 7, 16):
        equal("GPT-2 %d" % n, model({"tokens": draw(n, n)})[0], theirs(long(draw(n, n))).logits[0])
    equal("GPT-2 does not look ahead", model({"tokens": draw(16, 16)[:5]})[0], model({"tokens": draw(16, 16)})[0][:5], 0)
    try:
        model({"tokens": draw(17, 1)})
        true("a position past the table is refused", False)
    except heed.Error as error:
        true("a position past the table is refused", "n <= 16" in str(error))


def check_vit(library):
    config = transformers.ViTConfig(**{**SMALL, "vocab_size": None}, image_size=(8, 12), patch_size=4, num_labels=5)
    theirs = randomise(transformers.ViTForImageClassification(config), 3)
    model = ours(library, theirs)
    for seed in range(3):
        image = compare.normal([3, 8, 12], seed).astype(numpy.float32)
        equal("ViT", model({"image": image})[0], theirs(torch.from_numpy(image)[None]).logits[0])


def check_longformer(library):
    config = transformers.LongformerConfig(max_position_embeddings=42, attention_window=[4, 4], type_vocab_size=1, pad_token_id=1, **SMALL)
    theirs = randomise(transformers.LongformerModel(config), 4)
    model = ours(library, theirs, "longformer.")
    for n, chosen in ((1, []), (5, [0]), (17, [0, 3]), (40, [0, 39]), (23, [])):
        tokens, chosen_mask = draw(n, n) % 9 + 2, numpy.isin(numpy.arange(n), chosen)      # 1 would be taken for padding
        states, pooled = model({"tokens": tokens, "kinds": numpy.zeros(n, numpy.int32), "global": chosen_mask})
        wanted = theirs(long(tokens), attention_mask=torch.ones(1, n, dtype=torch.long), global_attention_mask=long(chosen_mask))
        equal("Longformer %d" % n, states, wanted.last_hidden_state[0])
        equal("Longformer pooled %d" % n, pooled, wanted.pooler_output[0])


def check_bigbird(library):
    """In evaluation, transformers takes block 0 for every random block, and its lists count it again."""
    config = transformers.BigBirdConfig(max_position_embeddings=60, block_size=2, num_random_blocks=2, attention_type="block_sparse",
                                        sep_token_id=3, bos_token_id=1, eos_token_id=2, **SMALL)
    theirs = randomise(transformers.BigBirdModel(config), 5)
    model = ours(library, theirs, "bert.")
    for n in (20, 22, 60):
        tokens, kinds = draw(n, n) % 9 + 2, draw(n, n, 2)
        states, pooled = model({"tokens": tokens, "kinds": kinds, "random": numpy.zeros((2, 2, n // 2, 2), numpy.int32)})
        wanted = theirs(long(tokens), token_type_ids=long(kinds))
        true("transformers stays sparse", theirs.config.attention_type == "block_sparse" and theirs.attention_type == "block_sparse")
        equal("BigBird %d" % n, states, wanted.last_hidden_state[0])
        equal("BigBird pooled %d" % n, pooled, wanted.pooler_output[0])


def check_transformer(library):
    model = compare.Model(library)
    encoder = [block(torch.nn.TransformerEncoderLayer, model.under("transformer.encoder.block.%d" % layer)) for layer in range(2)]
    decoder = [block(torch.nn.TransformerDecoderLayer, model.under("transformer.decoder.block.%d" % layer)) for layer in range(2)]
    table = torch.from_numpy(model.weights["transformer.table"])

    def embed(tokens):
        position, column = torch.arange(len(tokens), dtype=torch.float64)[:, None], torch.arange(8)
        angle = position / 10000 ** (column // 2 * 2 / 8)
        return functional.embedding(torch.from_numpy(tokens.astype(numpy.int64)), table)[None] * 8 ** .5 + torch.where(
            column % 2 == 1, torch.cos(angle), torch.sin(angle))

    for m, n in ((1, 1), (4, 9), (20, 20)):
        source, target = draw(m, m), draw(n, n + 1)
        memory, y = embed(source), embed(target)
        for made in encoder:
            memory = made(memory)
        for made in decoder:
            y = made(y, memory, tgt_mask=torch.triu(torch.ones(n, n, dtype=torch.bool), 1))
        equal("Transformer %d %d" % (m, n), model(source=source, target=target)["logits"], (y @ table.T)[0])
    dog = [model(source=numpy.array(words), target=target)["logits"] for words in ([1, 2, 3], [3, 2, 1])]
    true("'Allen walks dog' is not 'dog walks Allen'", (abs(dog[0] - dog[1]) > 1e-4).any())


def main():
    with torch.no_grad():
        for name, check in (("bert", check_bert), ("gpt2", check_gpt2), ("vit", check_vit), ("longformer", check_longformer),
                            ("bigbird", check_bigbird), ("transformer", check_transformer)):
            check("%s.%s.so" % (sys.argv[1], name))


main()
compare.finish()
