#!/usr/bin/env python3
"""Say of sound files whether they are spoofed speech: an LLR, P(spoof) and a decision for each.

What it does, its options and its example stand in antispoof/detector/command.py, which
`antispoof detect` runs too.
"""

import sys

from antispoof.detector.command import detect
from antispoof.errors import one_line_errors


def main():
    sys.exit(detect("steps/detect.py"))


if __name__ == "__main__":
    with one_line_errors("steps/detect.py"):
        main()
