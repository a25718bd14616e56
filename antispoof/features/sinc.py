"""A fixed bank of band-pass filters, as RawNet2 and AASIST begin with."""

import torch

from .. import SAMPLE_RATE


def sinc_filters(count: int, taps: int) -> torch.Tensor:
    """(count, taps) impulse responses of neighbouring bands; `taps` is odd.

    The edges of the bands lie evenly between 0 and 8 kHz on the mel scale. Each filter is the
    difference of two ideal low-pass filters, 2f/r sinc(2f/r n), under a Hamming window. Source:
    Ravanelli and Bengio 2018 (SincNet), with the fixed mel bands of Tak et al., ICASSP 2021.
    The sine is of a float32 number, as in the filters that the published weights of AASIST were
    trained with; the fifth digit of their logits depends on it.
    """
    top = 2595 * torch.tensor(1 + SAMPLE_RATE / 2 / 700, dtype=torch.float64).log10()
    mels = torch.linspace(0, 1, count + 1, dtype=torch.float64) * top
    edges = 2 * 700 * (10 ** (mels / 2595) - 1)  # 2f
    at = torch.arange(taps) - (taps - 1) / 2
    sincs = torch.sinc(edges.float()[:, None] * at / SAMPLE_RATE)
    low_passes = (edges / SAMPLE_RATE)[:, None] * sincs
    window = torch.hamming_window(taps, periodic=False, dtype=torch.float64)
    return ((low_passes[1:] - low_passes[:-1]) * window).float()
