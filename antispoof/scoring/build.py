"""From an experiment's config to its whole model: the one place that knows what `feats` builds."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from ..config.sources import sources_of
from ..errors import UserError
from ..losses.cosine import use_cosines
from ..losses.losses import BOTH, COSINES, loss_settings
from ..losses.samo import use_attractors
from ..losses.sources import use_sources
from ..models import MODELS, build_model
from ..models.back_end import BackEnd, FrameBackEnd
from ..paths import ROOT
from ..ssl.finetuned import FineTuned, FrontEnd
from ..ssl.parts import parts_of
from ..ssl.upstream import load_upstream_config, open_upstream
from ..torch_utils.bounded import Bounded, numbers_in


def build_system(
    config: dict[str, Any], weights: dict[str, Any] | None = None, place: str | Path = "config"
) -> torch.nn.Module:
    """The model of a resolved experiment config, on the CPU, in training mode.

    It takes what `antispoof.scoring.inputs` gives for the config. With `feats: ssl`,
    `layers` and `dim` of the model are those of the front end where the config does not say them.
    weights: what it will be given; a config that asks for far more is refused before the memory is
    taken, by the name `place`. Raises UserError.
    """
    name, conf = config["model"], config["model_conf"]
    if config["feats"] != "ssl":
        if name in MODELS and MODELS[name].reads == "both":
            raise UserError(
                f"config: model '{name}' reads the waveform next to an upstream's states; wanted "
                f"'feats: ssl', found 'feats: {config['feats']}'"
            )
        return _within(weights, place, config, conf)
    with torch.random.fork_rng(devices=[]):  # the back end starts as it does on cached features
        front_end = build_front_end(config)
    for key, found in (("layers", len(config["layers"])), ("dim", front_end.dim)):
        if conf.get(key, found) != found:
            raise UserError(
                f"config: model_conf.{key} is {conf[key]}, but {config['upstream']} gives {found}"
            )
        if name in MODELS and key in MODELS[name].shaped_by:
            conf = {**conf, key: found}
    return FineTuned(front_end, _within(weights, place, config, conf))


def _within(weights, place, config, conf):
    """The back end, which is no larger than its weights are."""
    if weights is None:
        return build_back_end(config, conf)
    stored = numbers_in(weights)
    refusal = (
        f"{place}: model_conf asks for far more numbers than the {stored} that its weights hold; "
        "it is not built"
    )
    with Bounded(stored, refusal):
        return build_back_end(config, conf)


def build_back_end(config: dict[str, Any], conf: dict[str, Any]) -> BackEnd:
    """The model by its name, with the last layer that the loss, or `trace`, needs.

    Raises UserError.
    """
    model = build_model(config["model"], **conf)
    if sources := sources_of(config):
        return use_sources(model, len(sources))
    if isinstance(model, FrameBackEnd) and config["loss"] in (*COSINES, "samo"):
        raise UserError(
            f"config: 'loss' is '{config['loss']}', which turns the last layer into cosines; model "
            f"'{config['model']}' gives logits of frames: wanted cross_entropy, bce or focal"
        )
    if config["loss"] == "samo":
        conf = loss_settings("samo", config["loss_conf"])
        return use_attractors(model, int(conf["speakers"]), conf["scale"])
    if config["loss"] not in COSINES:
        return model
    scale = loss_settings(config["loss"], config["loss_conf"]).get("scale", 1.0)
    return use_cosines(model, COSINES[config["loss"]], scale, config["loss"] in BOTH)


def upstream_settings(config: dict[str, Any]) -> dict[str, Any]:
    """What is said of the upstream: in the experiment itself, or else in conf/upstream/ today."""
    if "upstream_conf" not in config:
        return load_upstream_config(f"conf/upstream/{config['upstream']}.yaml")
    place = config.get("upstream_checkpoint")
    return {**config["upstream_conf"], "checkpoint": str(ROOT / place) if place else ""}


def build_front_end(config: dict[str, Any]) -> FrontEnd:
    """The `FrontEnd` of a resolved experiment config with `feats: ssl`. Raises UserError."""
    name, settings = config["upstream"], upstream_settings(config)
    upstream, _ = open_upstream(settings)
    if parts_of(upstream) is None:
        raise UserError(
            f"upstream {name}: 'feats: ssl' needs a wav2vec 2.0, HuBERT, WavLM, data2vec, "
            "Distill-MOS or Whisper model; use 'feats: cached'"
        )
    if settings["options"]:
        raise UserError(f"upstream {name}: 'feats: ssl' takes no 'options'; use 'feats: cached'")
    return FrontEnd(upstream, settings, config["layers"], config["finetune"])


def parameter_groups(model: torch.nn.Module, config: dict[str, Any]) -> Iterable[Any]:
    """What an optimiser takes: the trainable parameters, those of an SSL front end at its rate."""
    if not isinstance(model, FineTuned):
        return model.parameters()
    groups = [{"params": list(model.back_end.parameters())}]
    trainable = [p for p in model.front_end.parameters() if p.requires_grad]
    if trainable:
        groups.append({"params": trainable, "lr": config["finetune"]["lr"]})
    return groups
