"""A whole graph from parts: a loop over the rows of a batch, each of its own length.

    x (B, samples) or (B, L, frames, D), lengths (B,) int64 -> score (B,), and llr (B,) where known

A row goes through its chain alone, cut to its own length, so that padding changes nothing and every
score is that of the utterance by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .pieces import OPSET


@dataclass(frozen=True)
class Crop:
    """How a part of an utterance is cut out, or a short one filled: as `data.crop.fit` does it.

    policy: first, centre or full; pad: zero, tile or none; axis: of time.
    """

    length: int
    policy: str
    pad: str
    axis: int


Chain = Sequence[Crop | onnx.ModelProto]  # from a row to its score (1,)


class Nodes:
    """Nodes and constants that a graph is made of. `add` returns the name of the output."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def name(self) -> str:
        return f"{self.prefix}n{len(self.nodes)}_{len(self.constants)}"

    def constant(self, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(value, self.name()))
        return self.constants[-1].name

    def whole(self, *values: int) -> str:
        """An int64 vector."""
        return self.constant(np.array(values, np.int64))

    def add(self, kind: str, *inputs: str, **attributes: int) -> str:
        output = self.name()
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def put(self, piece: onnx.ModelProto, x: str) -> str:
        """The nodes of a traced part that reads `x`; returns its output."""
        prefix = f"{self.name()}_"
        graph = onnx.compose.add_prefix_graph(piece.graph, prefix)
        self.nodes.append(helper.make_node("Identity", [x], [graph.input[0].name]))
        self.nodes += graph.node
        self.constants += graph.initializer
        return graph.output[0].name

    def cut(self, x: str, crop: Crop) -> str:
        """The nodes of a crop of `x`."""
        if crop.policy == "full":
            return x
        length, zero, axis = self.whole(crop.length), self.whole(0), self.whole(crop.axis)
        found = self.add("Gather", self.add("Shape", x), axis)
        if crop.pad == "zero":
            missing = self.add("Max", self.add("Sub", length, found), zero)
            x = self.add("Pad", x, self.add("Concat", zero, missing, axis=0), "", axis)
            found = self.add("Max", found, length)
        start = zero
        if crop.policy == "centre":
            spare = self.add("Max", self.add("Sub", found, length), zero)
            start = self.add("Div", spare, self.whole(2))
        if crop.pad != "tile":
            return self.add("Slice", x, start, self.add("Add", start, length), axis)
        numbers = self.constant(np.arange(crop.length))
        at = self.add("Add", self.add("Mod", numbers, found), start)
        return self.add("Gather", x, at, axis=crop.axis)


def batched(chains: Sequence[Chain], shape: Sequence[int | str]) -> onnx.GraphProto:
    """The graph "x", "lengths" -> "scores" (B, chains). shape: of x, with names for what varies."""
    axis = 1 if len(shape) == 2 else 2
    outer = Nodes("outer_")
    batch = outer.add("Squeeze", outer.add("Shape", "lengths"))
    turn = outer.constant(np.array(True))
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(chains)])
    outer.nodes.append(
        helper.make_node("Loop", [batch, turn], ["scores"], body=_row(chains, axis), name="rows")
    )
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape)),
        helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
    ]
    return helper.make_graph(outer.nodes, "detector", inputs, [scores], outer.constants)


def _row(chains, axis):
    """The body of the loop: row number, condition -> condition, scores (chains,)."""
    body = Nodes("row_")
    number = body.add("Unsqueeze", "number", body.whole(0))
    length = body.add("Gather", "lengths", number)
    own = body.add(
        "Slice", body.add("Gather", "x", number), body.whole(0), length, body.whole(axis)
    )
    found = []
    for chain in chains:
        x = own
        for part in chain:
            x = body.cut(x, part) if isinstance(part, Crop) else body.put(part, x)
        found.append(x)
    joined = helper.make_node("Concat", found, ["row_scores"], axis=0)
    goes_on = helper.make_node("Identity", ["goes_in"], ["goes_on"])
    inputs = [
        helper.make_tensor_value_info("number", TensorProto.INT64, []),
        helper.make_tensor_value_info("goes_in", TensorProto.BOOL, []),
    ]
    outputs = [
        helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("row_scores", TensorProto.FLOAT, [len(chains)]),
    ]
    nodes = [*body.nodes, joined, goes_on]
    return helper.make_graph(nodes, "row", inputs, outputs, body.constants)


def add_outputs(graph: onnx.GraphProto, columns: Sequence[str], nodes: Nodes) -> None:
    """Make `columns`, names of vectors (B,) that `nodes` end in, the outputs, by their names."""
    graph.node.extend(nodes.nodes)
    graph.initializer.extend(nodes.constants)
    del graph.output[:]
    for name in columns:
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch"]))


def model_of(graph: onnx.GraphProto, metadata: dict[str, str]) -> onnx.ModelProto:
    """A checked model of the graph, with what is known of it."""
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="antispoof"
    )
    model.ir_version = 9
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return model
