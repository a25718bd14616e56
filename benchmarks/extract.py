#!/usr/bin/env python3
"""How fast is extraction? Ours against others' code, one utterance at a time, same clips, one run.

--model wav2vec2: against s3prl, wav2vec 2.0 of random weights, 1024 wide like XLS-R, with --layers
layers. --model distillmos: against the code of its package, on clips as long as the embedded
corpus's. On a CPU ours runs as --jobs jobs of one thread each, and the other with as many threads;
on a GPU one job of each. Both read the sounds and write all layers as Kaldi archives; neither is
charged for loading the model. Prints both rates, their ratio, the largest difference and, of
wav2vec 2.0, which share of the machine's own rate of matrix products ours reaches.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import kaldiio
import numpy as np
import soundfile
import torch
from torch.utils.flop_counter import FlopCounterMode

from antispoof.config import UPSTREAM
from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.audio import read_wave
from antispoof.data.tables import read_table
from antispoof.errors import one_line_errors
from antispoof.features.archive import ShareWriter, join_shares, layer_name
from antispoof.features.extraction import extract
from antispoof.features.plan import BATCH_SECONDS, plan_batches
from antispoof.progress import Progress
from antispoof.ssl import convert, load_local, save
from antispoof.ssl.upstream import FrozenUpstream

sys.path.append(str(Path(__file__).parent))  # PYTHONSAFEPATH leaves it out
from plain_distillmos import Package

LENGTHS = {"wav2vec2": (1.5, 5.0), "distillmos": (0.8, 2.7)}  # of clips, in seconds


def make_model(folder, layers):
    """A random wav2vec 2.0 in s3prl's form; returns its path."""
    import transformers

    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=1024, num_hidden_layers=layers, num_attention_heads=16, intermediate_size=4096,
        feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True, vocab_size=32,
    )  # fmt: skip
    transformers.Wav2Vec2Model(config).save_pretrained(folder / "hf")
    save(convert(folder / "hf", normalize=True)[0], folder / "model.pt")
    return folder / "model.pt"


def make_clips(folder, count, least, most):
    """{utterance: path} of `count` sounds of `least` to `most` s, and {utterance: seconds}."""
    rng = np.random.default_rng(0)
    seconds = {f"clip{n:03d}": float(rng.uniform(least, most)) for n in range(count)}
    for utt, length in seconds.items():
        soundfile.write(
            folder / f"{utt}.flac", 0.1 * rng.standard_normal(int(16000 * length)), 16000
        )
    return {utt: str(folder / f"{utt}.flac") for utt in seconds}, seconds


def s3prl(model, device):
    """wave (S,) -> [(T, D)] of each layer, by s3prl."""
    upstream = load_local(model).to(device)
    return lambda wave: [states[0] for states in upstream([wave])["hidden_states"]]


def one_by_one(states_of, wavs, folder, device, threads):
    """Seconds that `states_of` takes, wave after wave, and {(layer, utterance): place}."""
    torch.set_num_threads(threads)
    folder.mkdir()
    places = {}
    with torch.inference_mode():
        states_of(torch.zeros(16000, device=device))
        started = time.perf_counter()
        for utt, path in wavs.items():
            wave = torch.from_numpy(read_wave(path, utt)).to(device)
            for index, states in enumerate(states_of(wave)):
                ark = folder / f"{index}.ark"
                with open(ark, "ab") as stream:
                    places[index, utt] = f"{ark}:{stream.tell() + len(utt) + 1}"
                    kaldiio.save_ark(stream, {utt: states.cpu().numpy()})
        return time.perf_counter() - started, places


def our_job(job, jobs, config, wavs, seconds, folder, device, ready, spans):
    """One job of ours; puts when it began and ended into `spans`."""
    torch.set_num_threads(1)
    upstream = FrozenUpstream(config, device)
    writer = ShareWriter(folder, job, jobs, upstream.layer_indices, None)
    share = plan_batches(seconds, BATCH_SECONDS[torch.device(device).type])[job - 1 :: jobs]
    ready.wait()
    started = time.perf_counter()
    extract(upstream, share, wavs, writer, Progress(len(wavs), "utterances", f"job {job}"))
    spans.put((started, time.perf_counter()))


def ours(config, wavs, seconds, folder, device, jobs):
    """Seconds that our extraction takes."""
    context = multiprocessing.get_context("spawn")
    ready, spans = context.Barrier(jobs), context.Queue()
    rest = (jobs, config, wavs, seconds, folder, device, ready, spans)
    workers = [context.Process(target=our_job, args=(n, *rest)) for n in range(1, jobs + 1)]
    for worker in workers:
        worker.start()
    found = [spans.get() for _ in workers]
    for worker in workers:
        worker.join()
    join_shares(folder, jobs, list(wavs))
    return max(end for _, end in found) - min(start for start, _ in found)


def difference(theirs, folder):
    """Largest difference from {(layer, utterance): place} over all utterances and layers."""
    tables = {i: read_table(folder / layer_name(i) / "feats.scp") for i, _ in theirs}
    return max(
        float(np.abs(read_entry(at, utt, MATRIX) - read_entry(tables[i][utt], utt, MATRIX)).max())
        for (i, utt), at in theirs.items()
    )


def matrix_rate(device, threads):
    """Floating-point operations per second of a large matrix product."""
    torch.set_num_threads(threads)
    size = 2048 if device == "cpu" else 8192
    a = torch.randn(size, size, device=device)
    float((a @ a)[0, 0])
    started = time.perf_counter()
    for _ in range(4):
        b = a @ a
    float(b[0, 0])
    return 4 * 2 * size**3 / (time.perf_counter() - started)


def work_of(model, seconds):
    """Floating-point operations of the model in `seconds` of sound."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        load_local(model)([torch.zeros(48000)])
    return counter.get_total_flops() / 3.0 * seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=("wav2vec2", "distillmos"), default="wav2vec2")
    parser.add_argument("--layers", type=int, default=6, help="of wav2vec2")
    parser.add_argument("--clips", type=int, default=48)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    jobs = 1 if device == "cuda" else args.jobs
    config = {**UPSTREAM, "name": args.model, "layers": "all"}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        wavs, seconds = make_clips(folder, args.clips, *LENGTHS[args.model])
        if args.model == "distillmos":
            other, states_of = "its package", Package(device)
        else:
            model = make_model(folder, args.layers)
            config |= {"name": "wav2vec2_local", "checkpoint": str(model)}
            other, states_of = "s3prl", s3prl(model, device)
        theirs, places = one_by_one(states_of, wavs, folder / "theirs", device, args.jobs)
        mine = ours(config, wavs, seconds, folder / "ours", device, jobs)
        print(f"device: {torch.cuda.get_device_name() if device == 'cuda' else 'cpu'}, {jobs} jobs")
        print(f"{f'{other}, one by one:':<24} {args.clips / theirs:.2f} utterances/s")
        print(f"{'ours:':<24} {args.clips / mine:.2f} utterances/s")
        print(f"ratio: {theirs / mine:.2f}")
        print(f"largest difference: {difference(places, folder / 'ours'):.1e}")
        if args.model == "wav2vec2":
            work = work_of(model, sum(seconds.values()))
            share = work / mine / matrix_rate(device, args.jobs)
            print(f"share of the matrix-product rate: {100 * share:.0f} %")


if __name__ == "__main__":
    with one_line_errors("benchmarks/extract.py"):
        main()
