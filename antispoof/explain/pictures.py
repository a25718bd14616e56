"""Where the pictures of --explain go: one file, or a folder with a picture of each sound."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError, printable
from ..files import atomic_open, make_folder
from .occlusion import Curve, Explanation


class Pictures:
    """Explains sounds, and writes a picture of each.

    Args: detector; place: of one sound NAME.png, else a folder, in which each picture has the path
    of its sound; sounds: files and folders. Raises UserError for one picture of several sounds.
    """

    def __init__(self, detector: Any, place: Path, sounds: Sequence[Path]) -> None:
        self.detector, self.place = detector, place
        self.single = place.suffix.lower() == ".png"
        if self.single and (len(sounds) > 1 or sounds[0].is_dir()):
            found = f"{len(sounds)} files" if len(sounds) > 1 else f"the folder {sounds[0]}"
            raise UserError(f"--explain {place}: found {found}, wanted one file; name a folder")

    def path(self, file: Path) -> Path:
        """The picture of a sound."""
        if self.single:
            return self.place
        parts = ["up" if part == ".." else part for part in file.parts if part != file.anchor]
        return self.place.joinpath(*parts[:-1], f"{parts[-1]}.png")

    def write(self, file: Path) -> str:
        """Explain `file`; returns what is printed of it, on a line. Raises UserError."""
        from .picture import draw  # late: drawing takes a second to import

        found, path = self.detector.explain(file), self.path(file)
        make_folder(path.parent)
        with atomic_open(path, "wb") as stream:
            draw(found, stream)
        shown = printable(path).replace("\n", "\\n")
        return f"{shown}: {summary(found)}"


def explaining(
    args: Any, detector: Any, say: Callable[..., None], complain: Callable[..., None]
) -> Callable[[Path], int]:
    """A function that explains a file where --explain asks for it; it returns 1 where it could not.

    say: `print`; complain: what names an error. Lines go to stderr where programs read stdout.
    """
    if args.explain is None:
        return lambda file: 0
    pictures = Pictures(detector, args.explain, args.places)
    stream = sys.stderr if args.json or args.csv else sys.stdout

    def explain(file: Path) -> int:
        try:
            say(pictures.write(file), file=stream, flush=True)
        except UserError as error:
            complain(args, error)
            return 1
        return 0

    return explain


def summary(found: Explanation) -> str:
    """The areas of both curves and of random orders, and what they say, on a line."""
    areas = ", ".join(
        f"{name} area {curve.area:.2f} (random {_random(curve)})"
        for name, curve in (("deletion", found.deletion), ("insertion", found.insertion))
    )
    return f"{found.times[0]:.2f} to {found.times[-1]:.2f} s, {areas}. {found.check}"


def _random(curve: Curve) -> str:
    areas = curve.random_areas
    return f"{areas.mean():.2f}, {areas.min():.2f} to {areas.max():.2f}"
