"""RawNet2 and the three streams of WavLM + AASIST, from their publications alone."""

import math

import torch
from formulas_graph import Plain, ssl_aasist
from torch.nn import functional as F
from torchaudio.functional import compute_deltas
from torchaudio.transforms import LFCC, AmplitudeToDB, MelSpectrogram


def sinc_bank(count, taps):
    """Differences of ideal low-passes between mel edges, under a Hamming window (SincNet)."""
    top = 2595 * math.log10(1 + 8000 / 700)
    edges = [700 * (10 ** (top * band / count / 2595) - 1) for band in range(count + 1)]
    bank = torch.zeros(count, taps, dtype=torch.float64)
    for band in range(count):
        for tap in range(taps):
            n = tap - (taps - 1) / 2
            ideal = [
                2 * f / 16000 if n == 0 else math.sin(2 * math.pi * f * n / 16000) / (math.pi * n)
                for f in edges[band : band + 2]
            ]
            window = 0.54 - 0.46 * math.cos(2 * math.pi * tap / (taps - 1))
            bank[band, tap] = (ideal[1] - ideal[0]) * window
    return bank


def rawnet2_block(plain, name, x, first):
    """BN - LeakyReLU - conv - BN - LeakyReLU - conv, residual, max of 3, feature map scaling."""
    out = x if first else F.leaky_relu(plain.norm(f"{name}.first.0", x), 0.3)
    out = plain.conv(f"{name}.conv1", out, 1)
    out = F.leaky_relu(plain.norm(f"{name}.second.0", out), 0.3)
    out = plain.conv(f"{name}.conv2", out, 1)
    wider = out.shape[1] != x.shape[1]
    out = F.max_pool1d(out + (plain.conv(f"{name}.shortcut", x) if wider else x), 3)
    scale = torch.sigmoid(plain.linear(f"{name}.scale", out.mean(2)))[:, :, None]
    return out * scale + scale


def gru(plain, name, x, layers):
    """(B, T, C) -> the last output (B, N), gate by gate."""
    for layer in range(layers):
        own = [
            plain.state[f"{name}.{kind}_l{layer}"]
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        size = own[1].shape[1]
        state, states = x.new_zeros(len(x), size), []
        for step in range(x.shape[1]):
            of_input = (x[:, step] @ own[0].t() + own[2]).split(size, 1)
            of_state = (state @ own[1].t() + own[3]).split(size, 1)
            reset = torch.sigmoid(of_input[0] + of_state[0])
            update = torch.sigmoid(of_input[1] + of_state[1])
            new = torch.tanh(of_input[2] + reset * of_state[2])
            state = (1 - update) * new + update * state
            states.append(state)
        x = torch.stack(states, 1)
    return x[:, -1]


def rawnet2(plain, waves, bank, blocks, layers):
    """Waveforms (B, S) -> logits (B, 2)."""
    x = F.max_pool1d(F.conv1d(waves[:, None], bank[:, None]).abs(), 3)
    x = F.selu(plain.norm("norm", x))
    for number in range(blocks):
        x = rawnet2_block(plain, f"blocks.{number}", x, number == 0)
    x = F.selu(plain.norm("last_norm", x)).transpose(1, 2)
    return plain.linear("output", plain.linear("hidden", gru(plain, "recurrent", x, layers)))


def attentive_statistics(plain, name, x):
    """(B, C, T) -> mean and deviation (B, 2C), by a softmax over time for each channel."""
    weights = plain.conv(f"{name}.score", torch.tanh(plain.conv(f"{name}.squeeze", x))).softmax(2)
    mean = (weights * x).sum(2)
    variance = (weights * x * x).sum(2) - mean * mean
    return torch.cat([mean, variance.sqrt()], 1)


def mel_frames(wave):
    """(S,) -> (T, 128): dB of a sound of peak 1, to mean 0 and deviation 1."""
    mel = MelSpectrogram(16000, n_fft=1024, hop_length=160, n_mels=128, f_min=20, f_max=7600)
    decibel = AmplitudeToDB("power", top_db=80)(mel.double()(wave / wave.abs().max()))
    return ((decibel - decibel.mean()) / (decibel.std(unbiased=False) + 1e-5)).t()


def lfcc_image(wave):
    """(S,) -> (60, T): 20 coefficients, deltas, double deltas."""
    window = {"n_fft": 512, "win_length": 320, "hop_length": 160}
    static = LFCC(n_filter=20, n_lfcc=20, log_lf=True, speckwargs=window).double()(wave)
    delta = compute_deltas(static)
    return torch.cat([static, delta, compute_deltas(delta)])


def wavlm_aasist(plain, states, waves, conf):
    """States (B, T, D) and waveforms (B, S), without padding -> logits (B, 2)."""
    x = plain.linear("narrow", states).transpose(1, 2)
    streams = [plain.linear("pooled", attentive_statistics(plain, "pool", x))]
    prefix = "mel_stream."
    own = {n[len(prefix) :]: v for n, v in plain.state.items() if n.startswith(prefix)}
    inner = Plain(own, plain.training, plain.drops, prefix)
    streams.append(ssl_aasist(inner, torch.stack([mel_frames(w) for w in waves]), conf))
    plain.moved |= {prefix + name: value for name, value in inner.moved.items()}
    x = torch.stack([lfcc_image(w) for w in waves])[:, None]
    for number in range(4):
        x = plain.conv(f"lfcc_blocks.{number}.0", x, 1)
        x = F.max_pool2d(F.relu(plain.norm(f"lfcc_blocks.{number}.1", x)), 2)
    streams.append(plain.linear("lfcc_out", x.mean((2, 3))))
    x = F.relu(plain.linear("fusion.0", torch.cat(streams, 1)))
    logit = plain.linear("fusion.3", plain.drop("fusion.2", x))
    return torch.cat([torch.zeros_like(logit), logit], 1)
