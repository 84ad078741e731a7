#!/usr/bin/env python3
"""One checkpoint of each family as GGUF, in F32, F16 and Q8_0, with the logits of the weights that
the file really holds.
    gguf_make.py FOLDER      reads FOLDER/cases/NAME, writes FOLDER/cases/NAME-TYPE

Tensor and key names are the gguf package's own. The transforms are those of the usual converter:
llama's q and k rows are permuted for interleaved rotation; qwen35 norms have 1 added, A_log is
stored as -exp(A_log), value heads stand in tiled order; gemma4 carries rope_freqs. The truth puts
the dequantised tensors, with the transforms undone in float64, back into the reference class."""
import json
import os
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

from exact import open_model
from reference import reference, write

SOURCES = {"llama-3": "llama", "qwen3-1": "qwen3", "qwen35-1": "qwen35", "gemma4-1": "gemma4"}
TYPES = {"F32": Type.F32, "F16": Type.F16, "Q8_0": Type.Q8_0}
GLOBAL = {"embed_tokens": "token_embd", "norm": "output_norm",
          "embed_tokens_per_layer": "per_layer_token_embd",
          "per_layer_model_projection": "per_layer_model_proj",
          "per_layer_projection_norm": "per_layer_proj_norm"}
LAYER = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "post_attention_layernorm": "ffn_norm", "linear_attn.in_proj_qkv": "attn_qkv",
         "linear_attn.in_proj_z": "attn_gate", "linear_attn.in_proj_a": "ssm_alpha",
         "linear_attn.in_proj_b": "ssm_beta", "linear_attn.conv1d": "ssm_conv1d",
         "linear_attn.norm": "ssm_norm", "linear_attn.out_proj": "ssm_out",
         "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
         "per_layer_input_gate": "inp_gate", "per_layer_projection": "proj",
         "post_per_layer_input_norm": "post_norm"}


class Plain:
    """One tensor's way into the file and back: nothing to change."""

    def into(self, x):
        return x

    def back(self, x):
        return x


class Rows(Plain):
    """Rows (or, with axis 1, columns) in another order: file[i] = x[order[i]]."""

    def __init__(self, order, axis=0):
        self.order, self.axis = np.array(order), axis

    def into(self, x):
        return np.take(x, self.order, self.axis)

    def back(self, x):
        return np.take(x, np.argsort(self.order), self.axis)


class Plus(Plain):
    def into(self, x):
        return x + np.float32(1)

    def back(self, x):
        return x - 1


class Decay(Rows):
    def into(self, x):
        return -np.exp(super().into(x))

    def back(self, x):
        return super().back(np.log(-x))


class Squeeze(Rows):
    def into(self, x):
        return super().into(x[:, 0, :])

    def back(self, x):
        return super().back(x)[:, None, :]


def interleaved(heads, width):
    """file row h*d + 2i + s is row h*d + s*(d/2) + i."""
    return [h * width + s * (width // 2) + i
            for h in range(heads) for i in range(width // 2) for s in range(2)]


def tiled(c, width):
    """file head j*K + i is value head i*(V/K) + j, each `width` rows."""
    keys, values = c.linear_num_key_heads, c.linear_num_value_heads
    heads = [i * (values // keys) + j for j in range(values // keys) for i in range(keys)]
    return [h * width + e for h in heads for e in range(width)]


def behind(order, first):
    return list(range(first)) + [first + i for i in order]


def change(arch, c, name):
    if arch == "llama" and name in ("attn_q", "attn_k"):
        heads = c.num_attention_heads if name == "attn_q" else c.num_key_value_heads
        return Rows(interleaved(heads, c.head_dim))
    if arch != "qwen35":
        return Plain()
    if name.endswith("norm") and name != "ssm_norm":
        return Plus()
    if name == "ssm_a":
        return Decay(tiled(c, 1))
    if name in ("ssm_dt", "ssm_alpha", "ssm_beta"):
        return Rows(tiled(c, 1))
    wide = tiled(c, c.linear_value_head_dim) if name.startswith(("ssm", "attn")) else None
    keys = 2 * c.linear_num_key_heads * c.linear_key_head_dim
    if name == "attn_gate":
        return Rows(wide)
    if name == "ssm_out":
        return Rows(wide, 1)
    if name == "attn_qkv":
        return Rows(behind(wide, keys))
    if name == "ssm_conv1d":
        return Squeeze(behind(wide, keys))
    return Plain()


def file_name(arch, name):
    """(name in the file without its ending, its ending) of a tensor of the checkpoint."""
    path = name.removesuffix(".weight").split("language_model.")[-1].removeprefix("model.")
    if not path.startswith("layers."):
        return GLOBAL[path], ".weight"
    _, n, rest = path.split(".", 2)
    if rest == "linear_attn.A_log":
        return f"blk.{n}.ssm_a", ""
    if rest == "linear_attn.dt_bias":
        return f"blk.{n}.ssm_dt", ".bias"
    if rest == "layer_scalar":
        return f"blk.{n}.layer_output_scale", ".weight"
    if rest == "post_attention_layernorm" and arch in ("qwen35", "gemma4"):
        return f"blk.{n}.post_attention_norm", ".weight"
    return f"blk.{n}.{LAYER[rest]}", ".weight"


def settings(w, arch, c, wanted):
    rope = c.rope_parameters
    w.add_name("assay-oracle")
    w.add_quantization_version(2)
    w.add_file_type({"F32": 0, "F16": 1, "Q8_0": 7}[wanted])
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.num_hidden_layers)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_vocab_size(c.vocab_size)
    if arch != "gemma4":
        w.add_feed_forward_length(c.intermediate_size)
        w.add_rope_freq_base(rope["rope_theta"])
        w.add_rope_dimension_count(int(c.head_dim * rope.get("partial_rotary_factor", 1)))
    if arch in ("qwen3", "qwen35"):
        w.add_key_length(c.head_dim)
        w.add_value_length(c.head_dim)
    if arch == "qwen35":
        w.add_full_attention_interval(c.layer_types.index("full_attention") + 1)
        w.add_ssm_conv_kernel(c.linear_conv_kernel_dim)
        w.add_ssm_state_size(c.linear_key_head_dim)
        w.add_ssm_group_count(c.linear_num_key_heads)
        w.add_ssm_time_step_rank(c.linear_num_value_heads)
        w.add_ssm_inner_size(c.linear_num_value_heads * c.linear_value_head_dim)
        w.add_rope_dimension_sections(rope["mrope_section"] + [0])
    if arch == "gemma4":
        gemma_settings(w, c, rope)


def gemma_settings(w, c, rope):
    wide = c.per_layer_config["full_attention"].head_dim
    narrow = c.per_layer_config["sliding_attention"].head_dim
    own = c.num_hidden_layers - c.num_kv_shared_layers
    wide_from = own if c.use_double_wide_mlp else c.num_hidden_layers
    w.add_feed_forward_length([c.intermediate_size * (1 if n < wide_from else 2)
                               for n in range(c.num_hidden_layers)])
    w.add_key_length(wide)
    w.add_value_length(wide)
    w.add_key_length_swa(narrow)
    w.add_value_length_swa(narrow)
    w.add_rope_dimension_count(wide)
    w.add_rope_dimension_count_swa(narrow)
    w.add_rope_freq_base(rope["full_attention"]["rope_theta"])
    w.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
    w.add_sliding_window(c.sliding_window)
    w.add_sliding_window_pattern([t == "sliding_attention" for t in c.layer_types])
    w.add_shared_kv_layers(c.num_kv_shared_layers)
    w.add_embedding_length_per_layer_input(c.hidden_size_per_layer_input)
    w.add_final_logit_softcapping(c.final_logit_softcapping)
    turns = int(rope["full_attention"]["partial_rotary_factor"] * wide // 2)
    factors = [1.0] * turns + [1e30] * (wide // 2 - turns)
    w.add_tensor("rope_freqs.weight", np.array(factors, np.float32))


def type_of(name, x, wanted):
    """Vectors, the convolution and the small gains stay F32; rows that no block divides, F16."""
    if x.ndim < 2 or name.endswith(("ssm_conv1d", "layer_output_scale")):
        return Type.F32
    if TYPES[wanted] == Type.Q8_0 and x.shape[1] % 32:
        return Type.F16
    return TYPES[wanted]


def convert(source, arch, wanted, path):
    """Writes the file; returns the weights it holds, as the reference class wants them."""
    model = open_model(source)
    c, held = model.config.get_text_config(), {}
    w = gguf.GGUFWriter(path, arch)
    settings(w, arch, c, wanted)
    weights = dict(model.named_parameters()) | {
        n: b for n, b in model.named_buffers() if n.endswith("layer_scalar")}
    for name, x in weights.items():
        if "visual" in name or name == "lm_head.weight":
            continue
        stem, end = file_name(arch, name)
        way = change(arch, c, stem.rsplit(".", 1)[-1])
        x = np.ascontiguousarray(way.into(x.detach().numpy()), dtype=np.float32)
        kind = type_of(stem, x, wanted)
        packed = gguf.quants.quantize(x, kind)
        w.add_tensor(stem + end, packed, raw_dtype=kind)
        held[name] = way.back(gguf.quants.dequantize(packed, kind).astype(np.float64))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return held


def make(folder, name, arch, wanted):
    source = os.path.join(folder, "cases", name)
    out = f"{source}-{wanted}"
    os.makedirs(out, exist_ok=True)
    held = convert(os.path.join(source, "model"), arch, wanted, os.path.join(out, "model.gguf"))
    with open(os.path.join(source, "case.json")) as f:
        ids = json.load(f)["ids"]
    arrays, case = reference(os.path.join(source, "model"), ids, held)
    case["model"] = "model.gguf"
    write(out, arrays, case)
    with np.load(os.path.join(source, "truth.npz")) as plain:
        off = np.abs(plain["logits"] - arrays["logits"]).max()
    print(f"{name}-{wanted}: logits differ from those of the checkpoint by {off:.1e}", flush=True)


if __name__ == "__main__":
    for name, arch in SOURCES.items():
        for wanted in TYPES:
            make(sys.argv[1], name, arch, wanted)
