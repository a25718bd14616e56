"""What the tests of the graph back ends share: models of random weights, and comparisons."""

import torch
from formulas_graph import Plain, fixed_mask
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from antispoof.models import build_model


def random_model(name, seed=0, drop=False, **conf):
    """A model in float64 of which no number is the one that it began with, and its weights.

    Dropout does nothing, or with `drop` multiplies by the numbers of `fixed_mask`.
    """
    torch.manual_seed(seed)
    model = build_model(name, **conf).double()
    for key, module in list(model.named_modules()):
        if isinstance(module, nn.Dropout):
            parent, _, own = key.rpartition(".")
            stand_in = FixedDropout(key) if drop else nn.Dropout(0.0)
            setattr(model.get_submodule(parent), own, stand_in)
    return model, random_weights(model)


def random_weights(model):
    """Give random numbers to all weights and statistics of `model`; returns copies by name."""
    learnt = {name for name, _ in model.named_parameters()}
    for key, tensor in model.state_dict().items():
        if key not in learnt and "running_" not in key:
            continue  # windows and filters are no weights
        if key.endswith(("bias", "running_mean")) or ".bias_" in key:
            nn.init.normal_(tensor, 0, 0.3)
        elif tensor.dim() == 1:  # scales and variances of batch norms
            nn.init.uniform_(tensor, 0.4, 1.6)
        else:
            vector = tensor.dim() == 2 and tensor.shape[1] == 1  # of an attention
            deviation = 2.0 if vector else tensor[0].numel() ** -0.5
            # a sigmoid near 1 would be the same for several nodes
            nn.init.normal_(tensor, 0, 0.2 * deviation if ".scorer." in key else deviation)
    state = {n: v.detach().clone().requires_grad_() for n, v in model.named_parameters()}
    return state | {n: v.clone() for n, v in model.named_buffers()}


class FixedDropout(nn.Module):
    """Multiplies as `Plain.drop` does."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def forward(self, x):
        return x * fixed_mask(self.name, x)


def same_in_training(model, state, plain_logits, own_logits, inputs):
    """Logits, gradients of every weight and of the inputs, and running statistics are equal.

    plain_logits: a function of a `Plain` and the inputs; own_logits: of the inputs.
    """
    plain, mine = Plain(state, training=True), [x.clone().requires_grad_() for x in inputs]
    theirs = [x.clone().requires_grad_() for x in inputs]
    wanted, found = plain_logits(plain, *theirs), own_logits(*mine)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    toward = torch.linspace(-1, 2, wanted.numel(), dtype=wanted.dtype).view_as(wanted)
    (wanted * toward).sum().backward()
    (found * toward).sum().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == (state[name].grad is None), name
        if parameter.grad is not None:
            close(parameter.grad, state[name].grad, name)
    for own, other in zip(mine, theirs, strict=True):
        close(own.grad, other.grad, "input")
    buffers = dict(model.named_buffers())
    norms = [n for n, m in model.named_modules() if isinstance(m, _BatchNorm)]
    ran = {name.rpartition(".")[0] for name in plain.moved}
    for name, value in plain.moved.items():
        close(buffers[name], value, name)
    for name in norms:
        assert buffers[f"{name}.num_batches_tracked"] == (name in ran), name


def close(found, wanted, name):
    atol = 1e-8 + 1e-7 * float(wanted.abs().max())
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=atol, msg=name)


def cut(x, lengths):
    """The utterances of a padded batch, each alone; time is the second axis."""
    return [one[None, : int(n)] for one, n in zip(x, lengths, strict=True)]
