"""Products through oneDNN are those of PyTorch, forward, backward, counted, and of any input."""

import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from antispoof.torch_utils.onednn import FastLinear, Products, product

SIZES = [(300, 64, 128), (7, 5, 3), (513, 1024, 128)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_product(size, dtype):
    torch.manual_seed(0)
    rows, inner, outer = size
    x, weight = torch.randn(rows, inner, dtype=dtype), torch.randn(outer, inner, dtype=dtype)
    bias = torch.randn(outer, dtype=dtype)
    for b in (bias, None):
        torch.testing.assert_close(product(x, weight, b), F.linear(x, weight, b), atol=2e-4, rtol=0)
    back = torch.randn(inner, outer, dtype=dtype).t()  # as it comes from a transposed weight
    torch.testing.assert_close(product(x, back), x @ back.t(), atol=2e-4, rtol=0)


def test_rows_that_overlap_in_memory():
    sound = torch.randn(5000 * 64)
    rows = sound.as_strided((2000, 192), (128, 1), 64)
    weight = torch.randn(96, 192)
    torch.testing.assert_close(product(rows, weight), rows @ weight.t(), atol=2e-4, rtol=0)


def test_a_layer_of_it_learns_the_same():
    torch.manual_seed(0)
    layer, x = FastLinear(64, 128), torch.randn(4, 50, 64, requires_grad=True)
    plain = torch.nn.Linear(64, 128)
    plain.load_state_dict(layer.state_dict())
    found = []
    for own in (layer, plain):
        x.grad = None
        own(x).square().sum().backward()
        found.append([own.weight.grad, own.bias.grad, x.grad])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3)
    again = torch.randn(3, 20, 64, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer.double(), again)


def test_what_others_compute_goes_through_it():
    layer, x = torch.nn.Linear(256, 512), torch.randn(2, 90, 256)
    seen = []

    class Seen(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    with torch.inference_mode():
        with Seen(), Products():
            fast = layer(x)
        torch.testing.assert_close(fast, layer(x), atol=1e-4, rtol=0)
    assert ("mkldnn._linear_pointwise.default" in seen) == torch.backends.mkldnn.is_available()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        product(x[0], layer.weight)
    assert counter.get_total_flops() == 2 * 90 * 256 * 512


def test_products_are_replaced_without_the_compiler_whose_import_takes_a_second():
    text = "import sys, torch\nfrom antispoof.torch_utils.onednn import Products\n"
    text += "with Products():\n    torch.nn.Linear(2, 2)(torch.ones(3, 2))\n"
    text += "print('torch._dynamo' in sys.modules)\n"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
