"""Published layouts of back ends that read frames in their order, and of Nes2Net: their names.

| layout | programs | how it is known |
|---|---|---|
| xlsr_conformer | conformer-based-classifier-for-anti-spoofing | `attn.fn.rel_pos_emb` |
| xlsr_conformer_tcm | tcm_add | `attn.fn.ht_proj` |
| xlsr_mamba | XLSR-Mamba | `conformer.norm_f.weight` |
| nes2net, nes2net_x | Nes2Net_ASVspoof_ITW | `Nested_Res2Net_TDNN`; X has `weighted_sum` |

All hold a fairseq front end under `ssl_model.model.` What they store as a convolution of one tap,
or with axes of length one, is the same numbers in another shape.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from ..errors import UserError
from ..models.xlsr_conformer_tcm import sinusoids
from ..torch_utils.checkpoint import MISFITS, first_line

State = Mapping[str, torch.Tensor]
_FRONT = ((r"^LL\.", "project.linear."), (r"^first_bn\.", "project.norm."))
_BLOCK = r"^conformer\.encoder_blocks\.(\d+)\."
_CONFORMER = (
    *_FRONT,
    (r"^conformer\.class_token$", "token"),
    (r"^conformer\.fc5\.", "output."),
    (_BLOCK + r"ff1\.fn\.", r"blocks.\1.first."),
    (_BLOCK + r"ff2\.fn\.", r"blocks.\1.second."),
    (r"\.(first|second)\.fn\.net\.0\.", r".\1.wide."),
    (r"\.(first|second)\.fn\.net\.3\.", r".\1.narrow."),
    (_BLOCK + r"attn\.norm\.", r"blocks.\1.attention_norm."),
    (_BLOCK + r"attn\.fn\.", r"blocks.\1.attention."),
    (r"\.attention\.(proj|to_out)\.", ".attention.join."),
    (r"\.attention\.ht_proj\.", ".attention.spread."),
    (r"\.attention\.ht_norm\.", ".attention.norm."),
    (r"\.attention\.pos_embed$", ".attention.own"),
    (r"\.attention\.rel_pos_emb\.weight$", ".attention.table"),
    (_BLOCK + r"conv\.net\.0\.", r"blocks.\1.conv.norm_in."),
    (_BLOCK + r"conv\.net\.2\.", r"blocks.\1.conv.wide."),
    (_BLOCK + r"conv\.net\.4\.conv\.", r"blocks.\1.conv.conv."),
    (_BLOCK + r"conv\.net\.5\.", r"blocks.\1.conv.norm."),
    (_BLOCK + r"conv\.net\.7\.", r"blocks.\1.conv.narrow."),
    (_BLOCK + r"post_norm\.", r"blocks.\1.norm."),
)
_MAMBA = (
    *_FRONT,
    (r"^conformer\.forward_layers\.", "onward."),
    (r"^conformer\.backward_layers\.", "backward_."),
    (r"\.mixer\.", ".mamba."),
    (r"\.in_proj\.", ".enter."),
    (r"\.conv1d\.", ".conv."),
    (r"\.x_proj\.", ".select."),
    (r"\.dt_proj\.", ".step."),
    (r"\.A_log$", ".log_decay"),
    (r"\.D$", ".skip"),
    (r"\.out_proj\.", ".leave."),
    (r"^conformer\.norm_f\.", "norm."),
    (r"^conformer\.f_attention_pool\.(?:.*\.)?", "pools.0.score."),
    (r"^conformer\.b_attention_pool\.(?:.*\.)?", "pools.1.score."),
    (r"^conformer\.LL\.", "hidden."),
    (r"^conformer\.classifier\.", "output."),
)
_NES2NET = (
    (r"^Nested_Res2Net_TDNN\.", ""),
    (r"^Build_in_Res2Nets\.", "blocks."),
    (r"^bns\.", "norms."),
    (r"^bn\.", "norm."),
    (r"^fc\.", "output."),
    (r"^pooling\.linear1\.", "pool.squeeze."),
    (r"^pooling\.linear2\.", "pool.score."),
    (r"\.conv1\.", ".spread."),
    (r"\.bn1\.", ".spread_norm."),
    (r"\.bns\.", ".norms."),
    (r"\.weighted_sum\.", ".weights."),
    (r"\.conv3\.", ".join."),
    (r"\.bn3\.", ".join_norm."),
    (r"\.se\.se\.1\.", ".excite.0."),
    (r"\.se\.se\.3\.", ".excite.2."),
)
NAMES = {  # layout: (their name, ours), applied one after another
    "xlsr_conformer": _CONFORMER,
    "xlsr_conformer_tcm": _CONFORMER,
    "xlsr_mamba": _MAMBA,
    "nes2net": _NES2NET,
    "nes2net_x": _NES2NET,
}
SAMPLES = {name: 64600 if name.startswith("nes2net") else 66800 for name in NAMES}
PLACES = "conformer.positional_emb"
WHOLE = "wanted all that its program writes"


def layout_of(names: State) -> str | None:
    """The layout, a name in NAMES, of published weights, or None."""
    if "Nested_Res2Net_TDNN.fc.weight" in names:
        return "nes2net_x" if any(".weighted_sum." in name for name in names) else "nes2net"
    if "conformer.norm_f.weight" in names:
        return "xlsr_mamba"
    found = {match[1] for name in names if (match := re.search(r"\.attn\.fn\.(\w+)", name))}
    if "ht_proj" in found:
        return "xlsr_conformer_tcm"
    return "xlsr_conformer" if "rel_pos_emb" in found else None


def arguments_of(layout: str, state: State) -> dict[str, Any]:
    """What the model is made with, as far as the shapes of its weights say it."""
    if layout.startswith("nes2net"):
        start = "Nested_Res2Net_TDNN.Build_in_Res2Nets"
        splits = 1 + _count(state, rf"{re.escape(start)}\.(\d+)\.")
        scale = 1 + _count(state, rf"{re.escape(start)}\.0\.convs\.(\d+)\.")
        wide, narrow = state[f"{start}.0.se.se.1.weight"].shape[1::-1][:2]
        pooling = "astp" if any(".pooling." in name for name in state) else "mean"
        return {"splits": splits, "scale": scale, "squeeze": wide // narrow, "pooling": pooling}
    width = len(state["LL.weight"])
    if layout == "xlsr_mamba":
        depth = _count(state, r"conformer\.forward_layers\.(\d+)\.")
        return {"width": width, "depth": depth, "final": "released"}
    first = "conformer.encoder_blocks.0.attn.fn"
    if layout == "xlsr_conformer":
        heads = width // state[f"{first}.rel_pos_emb.weight"].shape[1]
    else:
        heads = state[f"{first}.pos_embed"].shape[-2]
    return {"width": width, "heads": heads, "depth": _count(state, _BLOCK)}


def prepared(layout: str, state: State, path: Any) -> dict[str, torch.Tensor]:
    """`state` with one weight of query, key and value, and without the sinusoids, which are ours.

    Raises UserError for other numbers in their place.
    """
    found = dict(state)
    if layout == "xlsr_conformer_tcm" and PLACES in found:
        places = found.pop(PLACES)
        frames = torch.zeros(1, places.shape[-2], places.shape[-1])
        if not torch.allclose(places.view_as(frames)[0], sinusoids(frames), atol=1e-2):
            raise UserError(f"{path}: {PLACES} holds other numbers than sinusoids of its positions")
    for name in [name for name in found if name.endswith(".attn.fn.to_q.weight")]:
        other = name.replace("to_q", "to_kv")
        if other in found:
            found[name.replace("to_q", "qkv")] = torch.cat([found.pop(name), found.pop(other)])
    return found


def same_shape(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """`found` in the shape of `wanted`, where axes of length one are all that differs."""
    if found.squeeze().shape != wanted.squeeze().shape:
        return found
    return found.reshape(wanted.shape)


@contextlib.contextmanager
def only_misfits(path: Any, layout: str) -> Iterator[None]:
    """Inside, what a lacking name or another shape raises becomes a UserError of one line."""
    try:
        yield
    except KeyError as error:
        found = f"no {error.args[0]}" if error.args else "a name too few"
        raise UserError(f"{path}: as weights of '{layout}', found {found}; {WHOLE}") from None
    except (*MISFITS, ArithmeticError, AssertionError) as error:
        found = f"shapes of no such model ({first_line(error)})"
        raise UserError(f"{path}: as weights of '{layout}', found {found}; {WHOLE}") from None


def _count(state, pattern):
    """How many parts a list in the model has, at least one; names of a file may skip numbers."""
    return max(len({match[1] for name in state if (match := re.match(pattern, name))}), 1)
