"""What the oracle's programs share: a checkpoint opened with the reference library's own class, and
its forward pass in float32 or in float64.

The modeling classes convert to float32 inside (norms, softmax, delta rule), so model.double() alone
is not float64. `Exact` turns those conversions into float64 ones, everywhere but in the rotary
tables: their angles are float32 products of a float32 frequency by definition of these models, and
the truth keeps them."""
import contextlib
import json
import logging
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np
import torch
import transformers
from torch.overrides import TorchFunctionMode

logging.getLogger("transformers").setLevel(logging.ERROR)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)


class Exact(TorchFunctionMode):
    """Within it every conversion to float32 is one to float64, except inside a rotary module."""

    inside_rotary = False

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if Exact.inside_rotary:
            return func(*args, **kwargs)
        if func is torch.Tensor.float:
            return args[0].double()
        args = tuple(torch.float64 if a is torch.float32 else a for a in args)
        kwargs = {k: torch.float64 if v is torch.float32 else v for k, v in kwargs.items()}
        return func(*args, **kwargs)


def keep_rotary(model):
    """Marks the rotary modules, which stay float32 inside under Exact."""

    def wrap(forward):
        def inner(*args, **kwargs):
            before, Exact.inside_rotary = Exact.inside_rotary, True
            try:
                return forward(*args, **kwargs)
            finally:
                Exact.inside_rotary = before

        return inner

    for module in model.modules():
        if type(module).__name__.endswith("RotaryEmbedding"):
            module.forward = wrap(module.forward)


def open_model(folder, exact=False, weights=None):
    """The checkpoint in `folder` as its own class, computing in float32 or float64; `weights`
    (name to float64 array) replaces the values of the parameters named."""
    with open(os.path.join(folder, "config.json")) as f:
        name = json.load(f)["architectures"][0]
    model, report = getattr(transformers, name).from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    for kind, names in report.items():
        if names:
            raise SystemExit(f"{folder}: {kind}: {sorted(names)}")
    model.eval()
    if exact:
        model.double()
        keep_rotary(model)
    if weights:
        own = dict(model.named_parameters()) | dict(model.named_buffers())
        with torch.no_grad():
            for name, value in weights.items():
                own[name].copy_(torch.from_numpy(np.array(value)).reshape(own[name].shape))
    return model


def mode(exact):
    return Exact() if exact else contextlib.nullcontext()


def outputs(model):
    """[(layer, head width, the Linear that closes its attention)], in the order of the layers."""
    config, found = model.config.get_text_config(), []
    for name, module in model.named_modules():
        last = name.rsplit(".", 1)[-1]
        if "layers." not in name or last not in ("o_proj", "out_proj"):
            continue
        layer = int(name.rsplit("layers.", 1)[1].split(".")[0])
        linear = last == "out_proj"
        heads = config.linear_num_value_heads if linear else config.num_attention_heads
        found.append((layer, linear, module.in_features // heads, module))
    return sorted(found, key=lambda x: x[0])


def forward(model, ids, exact=False, temper=None):
    """{"logits": [T, V], "hidden": [L + 1, T, D], "heads": {layer: [T, H*d]}} as numpy arrays.
    `temper` is (layer, head, factor): that slice of what enters o_proj is multiplied."""
    heads, hooks = {}, []

    def hook(layer, width):
        def before(module, args):
            x = args[0]
            if temper and layer == temper[0]:
                x = x.clone()
                x[..., temper[1] * width:(temper[1] + 1) * width] *= temper[2]
            heads[layer] = x[0].numpy().copy()
            return (x,)

        return before

    for layer, _, width, module in outputs(model):
        hooks.append(module.register_forward_pre_hook(hook(layer, width)))
    try:
        with torch.no_grad(), mode(exact):
            out = model(input_ids=torch.tensor([ids]), output_hidden_states=True, use_cache=False)
    finally:
        for h in hooks:
            h.remove()
    logits = out.logits[0]
    want = torch.float64 if exact else torch.float32
    if logits.dtype != want:
        raise SystemExit(f"logits are {logits.dtype}, expected {want}")
    return {"logits": logits.numpy().copy(),
            "hidden": np.stack([h[0].numpy() for h in out.hidden_states]), "heads": heads}


def greedy(model, ids, n, exact=False):
    """(ids generated, margin between the best and the second logit of each step), through the
    library's own generate() with its cache."""
    settings = transformers.GenerationConfig(
        do_sample=False, max_new_tokens=n, eos_token_id=None, pad_token_id=0,
        return_dict_in_generate=True, output_logits=True)
    model.generation_config = settings
    prompt = torch.tensor([ids])
    with torch.no_grad(), mode(exact):
        out = model.generate(prompt, attention_mask=torch.ones_like(prompt),
                             generation_config=settings)
    best = [torch.topk(x[0].double(), 2).values for x in out.logits]
    return out.sequences[0, len(ids):].tolist(), [float(b[0] - b[1]) for b in best]
