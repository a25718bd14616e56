"""What is wrong with the settings of an augmentation, in words; the chain adds its place."""

import math
from typing import Any


def require(holds: object, key: str, found: object, wanted: str) -> None:
    """Raise ValueError unless `holds`."""
    if not holds:
        raise ValueError(f"'{key}' is {found}, wanted {wanted}")


def require_range(key: str, value: Any, low: float = -math.inf, high: float = math.inf) -> None:
    """Raise ValueError unless `value` is two finite numbers, in order, within [low, high]."""
    numbers = isinstance(value, (list, tuple)) and all(
        type(v) in (int, float) and math.isfinite(v) for v in value
    )
    if not numbers or len(value) != 2 or not low <= value[0] <= value[1] <= high:
        bounds = f" from {low:g} to {high:g}" if math.isfinite(low) else ""
        raise ValueError(f"'{key}' is {value}, wanted [lowest, highest]{bounds}")
