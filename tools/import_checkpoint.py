#!/usr/bin/env python3
"""Turn weights that others published into an experiment folder that steps/score.py takes.

IN holds the weights of AASIST or AASIST-L (clovaai/aasist), of SSL_Anti-spoofing, SLS,
XLSR-Conformer, TCM, XLSR-Mamba or Nes2Net with their fairseq front end, or of AntiDeepfake; which
of them, its names tell. Nothing in IN is run. Of those with a fairseq front end, it is built as
conf/upstream/<name>.yaml says and then takes the weights of IN, which must fit without one missing
or unknown; steps/score.py builds it so again. Of AntiDeepfake the front end is IN's own, and is
written to EXP; EXP/trained_on says on which corpora it was trained, and steps/score.py and
steps/evaluate.py warn of them.
"""

import argparse

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """example:
  tools/import_checkpoint.py downloads/AASIST-L.pth exp/aasist_l_published
  steps/score.py exp/aasist_l_published data/eval exp/aasist_l_published/eval/scores"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="IN", help="a state dict of PyTorch, or .safetensors")
    parser.add_argument("exp_dir", metavar="EXP", help="folder to write config.yaml and best.pt to")
    parser.add_argument(
        "--upstream",
        default="",
        help="name in conf/upstream/, for weights with a front end (default: xls_r_300m_aasist for "
        "the others, xls_r_300m for SLS)",
    )
    return parser.parse_args(argv)


def main():
    args = parse()
    from pathlib import Path

    from antispoof.scoring.published import import_published  # late: --help answers at once
    from antispoof.torch_utils.checkpoint import save_checkpoint
    from antispoof.training.experiment import claim

    best = Path(args.exp_dir) / "best.pt"
    if best.exists():
        raise UserError(f"{best}: is there already; remove {args.exp_dir}, or name another folder")
    config, model = import_published(args.source, args.upstream, args.exp_dir)
    claim(args.exp_dir, config)
    save_checkpoint(best, {"model": model.state_dict(), "epoch": 0})
    count = sum(parameter.numel() for parameter in model.parameters())
    print(f"model: {config['model']}, {count:,} parameters")
    if config["upstream"]:
        print(f"front end: {config['upstream']}, layers {config['layers']}")
    print(f"{args.exp_dir}: config.yaml, env.txt, best.pt")


if __name__ == "__main__":
    with one_line_errors("tools/import_checkpoint.py"):
        main()
