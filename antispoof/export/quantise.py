"""Weights of eight bits: what ONNX Runtime calls dynamic quantisation."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

KINDS = ("MatMul", "Gemm")  # convolutions too, with whose operator a CPU is slower: docs/onnx.md
FIXED = ("kernels", "bank", "fb", "dct_mat", "filters")  # no weights: transforms and filter banks


def to_int8(piece: onnx.ModelProto, kinds: Sequence[str] = KINDS) -> onnx.ModelProto:
    """`piece` with weights of eight bits in its products; inputs are rounded as they come."""
    fixed = [
        node.name
        for node in piece.graph.node
        if any(name.rpartition(".")[2] in FIXED for name in node.input)
    ]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder, "int8.onnx")
        quantize_dynamic(
            piece,
            path,
            op_types_to_quantize=list(kinds),
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=fixed,
        )
        return onnx.load(path)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that is logged at every call."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
