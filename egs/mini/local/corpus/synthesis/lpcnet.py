"""A08: LPCNet (Valin and Skoglund, 2019) at 1,733 bit/s, as FreeDV uses it, from libcodec2."""

import _ctypes
import contextlib
import ctypes

import numpy as np

from ..environment import codec2
from .batch import one_by_one, source

GAIN = 0.8 * 32768  # of a wave of peak 0.7; the coder's own level
TAKES_STATE = ("lpcnet_samples_per_frame", "lpcnet_bits_per_frame", "lpcnet_freedv_destroy")


@one_by_one
def lpcnet(request):
    """A recording, coded and spoken again by the network."""
    wave = np.round(source(request) * GAIN).astype(np.int16)
    with fresh_library() as library:
        coder = library.lpcnet_freedv_create(1)
        size, bits = library.lpcnet_samples_per_frame(coder), library.lpcnet_bits_per_frame(coder)
        frames = np.pad(wave, (0, size + -len(wave) % size)).reshape(-1, size)
        spoken, code = np.zeros_like(frames), np.zeros(bits, np.int8)
        for heard, said in zip(frames, spoken, strict=True):
            library.lpcnet_enc(coder, heard.ctypes.data, code.ctypes.data)
            library.lpcnet_dec(coder, code.ctypes.data, said.ctypes.data)
        library.lpcnet_freedv_destroy(coder)
    return spoken.ravel() / 32768


@contextlib.contextmanager
def fresh_library():
    """libcodec2, loaded anew, so that no recording depends on the one before.

    Its network draws samples from a generator that cannot be seeded (nnet_rand) but is put back
    by unloading; its analysis adds noise from libc's rand().
    """
    library = ctypes.CDLL(codec2())
    ctypes.CDLL(None).srand(1)
    try:
        library.lpcnet_freedv_create.restype = ctypes.c_void_p
        library.lpcnet_freedv_create.argtypes = [ctypes.c_int]
        library.lpcnet_enc.argtypes = library.lpcnet_dec.argtypes = [ctypes.c_void_p] * 3
        for name in TAKES_STATE:
            getattr(library, name).argtypes = [ctypes.c_void_p]
        yield library
    finally:
        _ctypes.dlclose(library._handle)
