"""Writes a BERT model in Hugging Face's form as GGUF, for llama.cpp and Ollama, in float32.

llama.cpp's own converter does the same for every architecture but needs PyTorch, which is twenty times the size of
all that is needed here. This one takes an all-MiniLM-like model: BERT with a WordPiece vocabulary and mean pooling.

    to_gguf.py <folder of the model> <file.gguf>
"""

import json
import pathlib
import sys

import gguf
import numpy

# What the parts of a layer, and of the model, are called in GGUF.
LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
MODEL = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
}
SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def tensors(path):
    """Yields name and values of each tensor in a safetensors file: a length, a JSON table, the values."""
    data = numpy.memmap(path, mode="r")
    start = 8 + int(data[:8].view("<u8")[0])
    for name, entry in json.loads(bytes(data[8:start])).items():
        if name == "__metadata__" or entry["dtype"] != "F32":  # position_ids are integers and count from 0
            continue
        first, last = entry["data_offsets"]
        yield name, data[start + first : start + last].view("<f4").reshape(entry["shape"])


def gguf_name(name):
    """Returns GGUF's name of a tensor, or None for the pooler, which sentence embeddings do not use."""
    part, kind = name.rsplit(".", 1)
    if part.startswith("encoder.layer."):
        _, _, layer, part = part.split(".", 3)
        return "blk.%s.%s.%s" % (layer, LAYER[part], kind)
    if part.startswith("pooler."):
        return None
    return MODEL[part] + "." + kind


def vocabulary(lines):
    """Returns tokens and their types. GGUF marks where a word begins, WordPiece where one goes on."""
    tokens, types = [], []
    for token in lines:
        control = token in SPECIAL.values()
        if not control:
            token = token[2:] if token.startswith("##") else "\u2581" + token
        tokens.append(token)
        types.append(gguf.TokenType.CONTROL if control else gguf.TokenType.NORMAL)
    return tokens, types


def main(folder, file):
    config = read_json(folder / "config.json")
    if config["architectures"] != ["BertModel"] or not read_json(folder / "1_Pooling/config.json")["pooling_mode_mean_tokens"]:
        sys.exit("%s is no BERT model with mean pooling" % folder)
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    tokens, types = vocabulary(lines)
    ids = {name: lines.index(token) for name, token in SPECIAL.items()}

    out = gguf.GGUFWriter(file, "bert")
    out.add_name("all-MiniLM-L6-v2")
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    out.add_block_count(config["num_hidden_layers"])
    out.add_context_length(config["max_position_embeddings"])
    out.add_embedding_length(config["hidden_size"])
    out.add_feed_forward_length(config["intermediate_size"])
    out.add_head_count(config["num_attention_heads"])
    out.add_layer_norm_eps(config["layer_norm_eps"])
    out.add_causal_attention(False)
    out.add_pooling_type(gguf.PoolingType.MEAN)
    out.add_tokenizer_model("bert")
    out.add_tokenizer_pre("default")
    out.add_token_type_count(config["type_vocab_size"])
    out.add_token_list(tokens)
    out.add_token_types(types)
    out.add_bos_token_id(ids["cls"])
    out.add_eos_token_id(ids["sep"])
    out.add_unk_token_id(ids["unk"])
    out.add_sep_token_id(ids["sep"])
    out.add_pad_token_id(ids["pad"])
    out.add_mask_token_id(ids["mask"])
    for name, values in tensors(folder / "model.safetensors"):
        if renamed := gguf_name(name):
            out.add_tensor(renamed, values)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
