"""What a system says that is not calibrated: scores, and no LLR."""

import math
from dataclasses import replace
from typing import Any

from ..errors import UserError

NOT_CALIBRATED = "not calibrated: run steps/calibrate.py"


def raw(found: Any) -> Any:
    """The `Detection` in which a score, at hand as its LLR, is named as one; errors stay.

    There is a decision where there is a threshold on the score.
    """
    if isinstance(found, UserError):
        return found
    return replace(
        found,
        llr=math.nan,
        p_spoof=math.nan,
        decision="none" if math.isnan(found.threshold) else found.decision,
        windows=tuple(replace(window, llr=None, score=window.llr) for window in found.windows),
        warnings=(*found.warnings, NOT_CALIBRATED),
        score=None if math.isnan(found.llr) else found.llr,
    )
