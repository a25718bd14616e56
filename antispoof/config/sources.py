"""What a config says of source tracing, for those that build, train or score a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError

NONE = "-"  # in a table of sources: none, as of bona fide speech


def traced_by(config: Mapping[str, Any]) -> str:
    """The table utt2<labels> whose values a model tells apart; empty: it detects spoofs."""
    return config.get("trace", {}).get("labels", "")


def sources_of(config: Mapping[str, Any]) -> list[str]:
    """The sources that a model tells apart, in the order of its logits; [] of a detector."""
    return list(config["trace"]["classes"]) if traced_by(config) else []


def require_detector(config: Mapping[str, Any], place: str | Path) -> None:
    """Raise UserError where the experiment at `place` traces sources, and so detects no spoof."""
    if traced_by(config):
        raise UserError(
            f"{place}: tells sources apart by utt2{traced_by(config)}, wanted one that detects "
            "spoofs; use steps/trace.py"
        )


def require_tracer(config: Mapping[str, Any], place: str | Path) -> None:
    """Raise UserError where the experiment at `place` does not trace sources."""
    if not sources_of(config):
        raise UserError(
            f"{place}: detects spoofs, wanted one that traces sources; train it by a config with "
            "`trace: {labels: attack}`"
        )


def check_trace(path: str | Path, config: Mapping[str, Any]) -> None:
    """Raise UserError where `trace` and the keys of training do not fit each other."""
    metric, labels = config["select"]["metric"], traced_by(config)
    if not labels:
        classes = config.get("trace", {}).get("classes")
        if metric == "dev_f1_error" or classes:
            what = "trace.classes" if classes else "select.metric: dev_f1_error"
            raise UserError(f"{path}: '{what}' needs 'trace.labels'")
        return
    wanted = {
        "loss": (config["loss"], ("cross_entropy",)),
        "class_weights": (config["class_weights"], ([1.0, 1.0],)),
        "without_attacks": (config["without_attacks"], ([],)),
        "select.metric": (metric, ("dev_f1_error", "dev_loss", "train_loss")),
    }
    for key, (value, allowed) in wanted.items():
        if value not in allowed:
            words = " or ".join(str(one) for one in allowed)
            raise UserError(f"{path}: '{key}' is {value!r}; with 'trace.labels', wanted {words}")
