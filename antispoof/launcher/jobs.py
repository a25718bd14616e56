"""What the launcher gives to jobs: values for placeholders, and GPUs."""

import os
import re
import subprocess
from collections.abc import Mapping

from ..errors import UserError

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z_]+)\}")
MOST = 9999  # jobs of one call


def fill(text: str, values: Mapping[str, object]) -> str:
    """`text` with each `{name}` replaced by `values[name]`, and `{{` and `}}` by single braces.

    Values are not looked at again. Raises UserError for a name in braces that has no value.
    """

    def value(found):
        if found[1] is None:
            return found[0][0]
        if found[1] not in values:
            raise UserError(
                f"'{text}': {found[0]} has no value here, wanted one of "
                f"{', '.join(f'{{{name}}}' for name in values)}; a brace itself is written twice"
            )
        return str(values[found[1]])

    return PLACEHOLDER.sub(value, text)


def expand(values: str) -> list[str]:
    """The values that FIRST:LAST or A,B,... stands for, as text. Raises UserError."""
    first, colon, last = values.partition(":")
    if colon and first.isdigit() and last.isdigit() and int(first) <= int(last):
        if int(last) - int(first) >= MOST:
            raise UserError(f"'{values}': wanted at most {MOST} jobs")
        return [str(number) for number in range(int(first), int(last) + 1)]
    if colon or not all(values.split(",")):
        raise UserError(f"'{values}': wanted FIRST:LAST or A,B,...")
    return values.split(",")


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may name: that of the environment, or else what nvidia-smi lists.

    As CUDA does, what follows a word that names no device is left out.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        try:
            done = subprocess.run(
                ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return []
        parts = re.findall(r"\(UUID: (MIG-[^)]+)\)", done.stdout)
        return parts or re.findall(r"^GPU (\d+):", done.stdout, re.MULTILINE)
    found = []
    for word in given.split(","):
        if not re.fullmatch(r"\d+|(GPU|MIG)-\S+", word.strip()):
            break
        found.append(word.strip())
    return list(dict.fromkeys(found))


def places(each: int, slots: int) -> list[str | None]:
    """One entry for each job that may run at the same time: its CUDA_VISIBLE_DEVICES, or None.

    `each` is how many GPUs a job uses; where it is 0 or there is no GPU, there are `slots` jobs.
    Raises UserError where there are some, but too few for one job.
    """
    found = gpus() if each else []
    if not found:
        return [None] * slots
    if len(found) < each:
        raise UserError(
            f"--gpu {each}: found {len(found)} ({','.join(found)}), wanted a GPU for each process "
            "of a job; set CUDA_VISIBLE_DEVICES, or use fewer processes or --device cpu"
        )
    starts = range(0, len(found) - each + 1, each)
    return [",".join(found[start : start + each]) for start in starts]
