"""Score files in the forms that other tools read, each with a reader stricter than theirs.

| form      | line                                        | header                 |
|-----------|---------------------------------------------|------------------------|
| 2019      | `utt attack key score`; `-` for bona fide   |                        |
| 2021      | `utt score`                                 |                        |
| asvspoof5 | `utt score`, a tab between                  | `filename` `cm-score`  |
| utt_score | `utt score`, in C order as Kaldi's tables   |                        |
| df_arena  | `file_name score` (Speech DF Arena)         |                        |
| spoof_bench | `utterance_id score` (speech_spoof_bench) |                        |

Higher is more bona fide in all. Names of trials on leaderboards: `.boards`.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from ..data.tables import require_end
from ..errors import UserError

NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Form:
    """What a file looks like."""

    blank: str = " "
    header: str = ""
    labelled: bool = False  # attack and key stand between utterance and score


FORMS = {
    "2019": Form(labelled=True),
    "2021": Form(),
    "asvspoof5": Form(blank="\t", header="filename\tcm-score"),
    "utt_score": Form(),
    "df_arena": Form(),
    "spoof_bench": Form(),
}


def to_text(
    form: str,
    scores: dict[str, float],
    labels: dict[str, str] | None = None,
    attacks: dict[str, str] | None = None,
) -> str:
    """The file's text of {utterance: score}; {utterance: word} of labels and attacks for 2019."""
    _require_words(form, labels, attacks)
    shape, labels, attacks = FORMS[form], labels or {}, attacks or {}
    lines = [shape.header] if shape.header else []
    for utt in sorted(scores, key=str.encode):
        between = [attacks[utt], labels[utt]] if shape.labelled else []
        lines.append(shape.blank.join([utt, *between, repr(float(scores[utt]))]))
    return "".join(f"{line}\n" for line in lines)


def read_text(
    form: str,
    text: str,
    place: str | Path,
    labels: dict[str, str],
    attacks: dict[str, str] | None = None,
) -> dict[str, float]:
    """{utterance: score} of a file's text.

    Raises UserError with `place:line` for another header, width or separator, an id that is unknown
    or there twice, a number that is none, a key or attack other than those given; and for ids of
    `labels` that are missing. A file that ends without a line feed was cut off: refused.
    """
    _require_words(form, labels, attacks)
    shape, scores = FORMS[form], {}
    require_end(text, place)
    lines = text[:-1].split("\n")
    if shape.header and lines[0] != shape.header:
        raise UserError(f"{place}:1: found {lines[0]!r}, wanted the header {shape.header!r}")
    for number, line in enumerate(lines, 1):
        if not (shape.header and number == 1):
            utt, score = _parse(form, line, f"{place}:{number}", labels, attacks)
            if utt in scores:
                raise UserError(f"{place}:{number}: '{utt}' stands here a second time")
            scores[utt] = score
    missing = [utt for utt in labels if utt not in scores]
    if missing:
        raise UserError(f"{place}: '{missing[0]}' is missing ({len(missing)} in all)")
    if form == "utt_score" and list(scores) != sorted(scores, key=str.encode):
        raise UserError(f"{place}: is out of order; sort the file with LC_ALL=C sort")
    return scores


def _require_words(form, labels, attacks):
    """ValueError where a form has labels and attacks between, and there are none."""
    if FORMS[form].labelled and (labels is None or attacks is None):
        raise ValueError(f"the form {form} has an attack and a key in each line: give both")


def _parse(form, line, place, labels, attacks):
    shape = FORMS[form]
    words = line.split(shape.blank)
    if len(words) != (4 if shape.labelled else 2) or any(w != w.strip() or not w for w in words):
        blank = "tab" if shape.blank == "\t" else "blank"
        wanted = "`utt attack key score`" if shape.labelled else "`utt score`"
        raise UserError(f"{place}: found {line!r}, wanted {wanted}, one {blank} between")
    utt, score = words[0], words[-1]
    if utt not in labels:
        raise UserError(f"{place}: found '{utt}', which is no trial of the set")
    if not NUMBER.fullmatch(score) or not math.isfinite(float(score)):
        raise UserError(f"{place}: {utt}: found the score '{score}', wanted a finite number")
    if shape.labelled and words[1:3] != [attacks[utt], labels[utt]]:
        raise UserError(
            f"{place}: {utt}: found '{words[1]} {words[2]}', wanted '{attacks[utt]} {labels[utt]}'"
        )
    return utt, float(score)
