"""What published systems mean by "the features" of a wav2vec 2.0, HuBERT or WavLM model.

Four things differ silently between programs; each is stated here once and pinned by a test.

Layers. s3prl's `hidden_states` of a model with L layers are the inputs of its L layers and then the
encoder's output: L + 1 entries, where entry l (0 < l < L) is the output of layer l. Models that
normalise before each block ("pre-norm": XLS-R, XLSR-53, the large models trained on 60,000 h) end
in a LayerNorm of the encoder's own; there the last entry is the output of layer L *after* it, and
the output before it, which fairseq's `layer_results` and torchaudio's `extract_features` give, is
not among s3prl's. `set_final_norm` chooses. Models that normalise after each block have no such
norm. Hugging Face transformers 5 gives L + 1 `hidden_states` too, the last *before* the norm, and
`last_hidden_state` after it; transformers 4 gave the last one after it.

Waveform. Models trained with `normalize` want each utterance at mean 0 and variance 1. s3prl,
fairseq and torchaudio add 1e-5 to the variance, Hugging Face 1e-7: for quiet speech (variance 1e-4)
that is 5 % of the amplitude. torchaudio's pipelines normalise a batch as one, all utterances
together; s3prl each by itself.

Frames. The convolutions give floor((S - 400) / 320) + 1 frames for S samples, 201 for 64,600:
fairseq's count, and what an s3prl upstream itself gives. `s3prl.nn.S3PRLUpstream`, around it, makes
ceil(S / 320) of them, 202, by repeating the last frame.

Batches. See `make_batch_exact`.

| system | layers | final norm | waveform normalised | frames at 64,600 |
|---|---|---|---|---|
| SLS | outputs of layers 1 to 24 | before | no | 201 |
| SSL_Anti-spoofing (AASIST) | the last | after | no | 201 |
| SpAArSIST | output of layer 24 | before | yes | 201 |
"""

import math
from collections.abc import Callable, Iterable

import torch

from ..errors import UserError
from ..torch_utils.masks import valid_mask
from .families import TRANSFORMERS

STRIDE = 320  # samples per frame at 16 kHz, of every model here
# (kernel, stride) of the seven convolutions of every published model of these families.
CONVOLUTIONS = ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2))
FINAL_NORM = ("before", "after")
FRAMES = ("fairseq", "s3prl")


def frame_count(
    samples: int,
    convention: str = "fairseq",
    convolutions: Iterable[tuple[int, int]] = CONVOLUTIONS,
) -> int:
    """Frames of a waveform of `samples` samples; 0 where it is shorter than one (400 samples)."""
    if convention == "s3prl":
        return math.ceil(samples / STRIDE)
    for kernel, stride in convolutions:
        samples = max(0, (samples - kernel) // stride + 1)
    return samples


def match_frames(hidden: torch.Tensor, count: int) -> torch.Tensor:
    """(T, D) -> (count, D): cut, or the last frame repeated, as s3prl.nn.S3PRLUpstream does."""
    if len(hidden) >= count:
        return hidden[:count]
    return torch.cat([hidden, hidden[-1:].expand(count - len(hidden), -1)])


def counter_of(upstream: torch.nn.Module) -> Callable[[int], int] | None:
    """Samples -> frames, of an upstream whose count is known here; None of another."""
    if is_transformer(upstream):
        return frame_count
    return getattr(upstream, "frame_count", None)


def is_transformer(upstream: torch.nn.Module) -> bool:
    """Whether `upstream` is of a family whose conventions are known here."""
    package = type(upstream).__module__.split(".")[-2:-1]
    return package != [] and package[0] in TRANSFORMERS


def has_final_norm(upstream: torch.nn.Module) -> bool:
    """Whether the encoder of `upstream` ends in a LayerNorm of its own (a pre-norm model)."""
    if is_transformer(upstream):
        return bool(upstream.model.encoder.layer_norm_first)
    return hasattr(upstream, "final_norm")  # one of our own


def set_final_norm(upstream: torch.nn.Module, where: str) -> None:
    """Make the last of `hidden_states` the output `before` or `after` the final LayerNorm.

    To be called once, on a fresh upstream. Where there is no final LayerNorm, both are the
    same and nothing changes. Raises UserError for another word, or for `before` with an upstream of
    another family, where it has no meaning.
    """
    if where not in FINAL_NORM:
        raise UserError(f"final_norm: '{where}', wanted one of {', '.join(FINAL_NORM)}")
    if where == "before" and not (is_transformer(upstream) or has_final_norm(upstream)):
        raise UserError(f"final_norm: before: {type(upstream).__module__} has no final LayerNorm")
    if where == "after" or not has_final_norm(upstream):
        return
    if not is_transformer(upstream):
        upstream.final_norm = where
        return
    last = f"self.model.encoder.layers[{len(upstream.model.encoder.layers) - 1}]"
    upstream.add_hook(last, lambda _, output: output[0].transpose(0, 1), "before the final norm")
    trim = upstream.hook_postprocess or (lambda states: states)

    def without_norm(
        states,
    ):  # the encoder's own entry is needed until here: it has the true length
        return trim(states)[:-1]

    upstream.hook_postprocess = without_norm


def set_waveform_norm(upstream: torch.nn.Module, on: bool) -> None:
    """Normalise each waveform to mean 0 and variance 1 first, or not, whatever the checkpoint says.

    Raises UserError for an upstream of another family.
    """
    if not is_transformer(upstream):
        raise UserError(f"waveform_norm: {type(upstream).__module__} has no such setting")
    if hasattr(upstream, "wav_normalize"):  # wav2vec2, data2vec
        upstream.wav_normalize = bool(on)
    else:  # hubert, wavlm
        settings = upstream.task_cfg if hasattr(upstream, "task_cfg") else upstream.cfg
        settings.normalize = bool(on)


def batch_exact(upstream: torch.nn.Module) -> bool:
    """Whether a padded batch of `upstream` equals its utterances one by one, of any lengths.

    True for wav2vec 2.0 with layer-norm convolutions (large, XLSR-53, XLS-R), and for every model
    after `make_batch_exact`. Upstreams of other families say it themselves (`exact_in_batches`);
    those that do not are to be called with one at a time.
    """
    if not is_transformer(upstream):
        return getattr(upstream, "exact_in_batches", False)
    if getattr(upstream, "exact_lengths", None) is not None:
        return True
    model = upstream.model
    return (
        not hasattr(model, "forward_padding_mask")
        and _group_norm(model) is None
        and not _stacked_pos_conv(model)
    )


def make_batch_exact(upstream: torch.nn.Module) -> bool:
    """Change `upstream` so that a padded batch equals its utterances one by one (to rounding).

    What s3prl does by itself, and what is changed; one utterance alone gives what it gave:

    - Group norm in the first convolution (base models, wav2vec 2.0 large of 960 h) takes its mean
      and variance over time, padding included. Here: over each utterance's own samples.
      Without this only utterances of equal length in samples may share a batch.
    - HuBERT and WavLM mark as padding the frames after samples / floor(longest / frames), not those
      after the convolutions' count: short utterances keep a few frames of padding, which the others
      attend to. Here: the convolutions' count. Without this, only equal counts of frames.
    - data2vec's positional convolutions are five in a row, and the padding does not stay zero
      between them. Here it does.

    Its states behind an utterance's own `frame_count` remain meaningless. Returns `batch_exact`.
    """
    if not is_transformer(upstream) or batch_exact(upstream):
        return batch_exact(upstream)
    model = upstream.model
    upstream.exact_lengths = []  # in samples, of the utterances of the batch in the making
    convolutions = [(c[0].kernel_size[0], c[0].stride[0]) for c in _convolutions(model)]

    def take_lengths(_, args):
        upstream.exact_lengths = [len(wave) for wave in args[0]]

    def is_padding(frames, layers, device):  # (B, T)
        counts = [frame_count(n, convolutions=layers) for n in upstream.exact_lengths]
        return ~valid_mask(torch.tensor(counts, device=device), frames)

    upstream.register_forward_pre_hook(take_lengths)
    if hasattr(model, "forward_padding_mask"):
        model.forward_padding_mask = lambda features, _mask: is_padding(
            features.shape[1], convolutions, features.device
        )
    norm = _group_norm(model)
    if norm is not None:
        norm.forward = _by_utterance(norm.forward, is_padding, convolutions[:1])
    for block in _stacked_pos_conv(model)[1:]:
        block.register_forward_pre_hook(_zero_padding(is_padding, convolutions))
    return True


def _zero_padding(is_padding, convolutions):
    """A hook that zeroes the padding of a module's input (B, C, T)."""

    def hook(_, args):
        (x,) = args
        return (x.masked_fill(is_padding(x.shape[-1], convolutions, x.device)[:, None], 0),)

    return hook


def _by_utterance(forward, is_padding, first):
    """A group norm's `forward` that sees each utterance without its padding."""

    def forward_each(x):  # (B, C, T)
        padding = is_padding(x.shape[-1], first, x.device)
        if not padding.any():
            return forward(x)
        normed = torch.zeros_like(x)
        for index, count in enumerate((~padding).sum(1).tolist()):
            normed[index, :, :count] = forward(x[index : index + 1, :, :count])[0]
        return normed

    return forward_each


def _convolutions(model):
    return model.feature_extractor.conv_layers


def _group_norm(model):
    norms = [m for m in _convolutions(model)[0] if isinstance(m, torch.nn.GroupNorm)]
    return norms[0] if norms else None


def _stacked_pos_conv(model):
    """The positional convolutions where they are several in a row (data2vec), else nothing."""
    blocks = list(model.encoder.pos_conv)
    return blocks if all(isinstance(block, torch.nn.Sequential) for block in blocks) else []
