"""utils/subset_data_dir.py: balanced parts, drawn parts, clips, and what is refused."""

import collections

import numpy as np
import pytest
import soundfile
from made_up import make_set, refused, worker
from sounds import make_corpus, make_data

from antispoof.data.audio import read_wave
from antispoof.data.data_dir import read_data_dir, read_durations, read_trials
from antispoof.data.tables import read_table, write_table

SUBSET = "utils/subset_data_dir.py"


def take(in_dir, out_dir, *options):
    """The tables of a part; asserts that it is made."""
    status, _, error = worker(SUBSET, *options, in_dir, out_dir, cwd=in_dir.parent)
    assert status == 0, error
    return read_data_dir(out_dir)


@pytest.fixture
def data(tmp_path):
    """60 bona fide; attacks of 25, 25, 10 and 25."""
    data = make_set(tmp_path, "train")
    rare = [utt for utt, attack in read_table(data / "utt2attack").items() if attack == "A03"]
    for path in data.glob("*"):
        if path.is_file():
            table = read_table(path)
            write_table(path, {utt: v for utt, v in table.items() if utt not in rare[10:]})
    for name in ("known", "unknown"):
        utts = (data / "trials" / name).read_text().splitlines()
        text = "".join(f"{utt}\n" for utt in utts if utt not in rare[10:])
        (data / "trials" / name).write_text(text)
    return data


def test_each_attack_has_as_many_as_the_rarest_and_the_classes_are_even(data, tmp_path):
    tables = take(data, tmp_path / "data/part", "--balance", "attack")
    counts = collections.Counter(tables["utt2attack"].values())
    assert counts == {"A01": 10, "A02": 10, "A03": 10, "A04": 10, "-": 40}
    for name, table in tables.items():
        assert table.items() <= read_table(data / name).items()
    known = read_trials(tmp_path / "data/part", "known")
    assert len(known) == 20 + 40
    assert not (tmp_path / "data/part/trial_counts").exists()


def test_another_factor_is_even_within_each_class(data, tmp_path):
    tables = take(data, tmp_path / "data/part", "--balance", "codec")
    pairs = zip(tables["utt2label"].values(), tables["utt2codec"].values(), strict=True)
    counts = collections.Counter(pairs)
    for label in ("bonafide", "spoof"):
        assert counts[label, "gsm"] == counts[label, "none"] > 10


def test_sets_of_one_attack_and_of_several_are_equally_long(data, tmp_path):
    """As long as the attack with the fewest seconds, to one utterance; all bona fide stays."""
    rng = np.random.default_rng(3)
    lengths = {utt: f"{rng.uniform(1, 4):.4f}" for utt in read_table(data / "wav.scp")}
    write_table(data / "utt2dur", lengths)
    made = read_table(data / "utt2attack")
    sums = collections.Counter()
    for utt, attack in made.items():
        sums[attack] += float(lengths[utt])
    least = min(seconds for attack, seconds in sums.items() if attack != "-")
    for attacks in ("A01", "A03", "A04,A02", "A01,A02,A03,A04"):
        out = tmp_path / "data" / attacks.replace(",", "_")
        tables = take(data, out, "--attacks", attacks)
        own = [utt for utt, label in tables["utt2label"].items() if label == "spoof"]
        counts = collections.Counter(tables["utt2attack"][utt] for utt in own)
        assert set(counts) == set(attacks.split(","))
        assert max(counts.values()) - min(counts.values()) <= 1
        seconds = sum(float(tables["utt2dur"][utt]) for utt in own)
        assert least - 1e-6 <= seconds < least + 4
        assert len(tables["wav.scp"]) - len(own) == sum(v == "-" for v in made.values())
    line = refused(SUBSET, "--attacks", "A01,B7", data, tmp_path / "data/no", cwd=tmp_path)
    assert "--attacks: found 'B7', wanted some of A01, A02, A03, A04" in line


def test_the_seed_decides_and_nothing_else(data, tmp_path):
    options = ("--balance", "attack", "--count", 30)
    parts = {
        name: list(take(data, tmp_path / "data" / name, *options, "--seed", seed)["wav.scp"])
        for name, seed in (("one", 1), ("again", 1), ("two", 2))
    }
    assert parts["one"] == parts["again"] != parts["two"]
    assert all(len(utts) == 30 for utts in parts.values())


def test_clips_are_the_beginning_of_each_sound(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    make_corpus(tmp_path / "corpus", {"train": 6})
    data = make_data(tmp_path / "data", tmp_path / "corpus") / "train"
    wavs = read_table(data / "wav.scp")
    tables = take(data, tmp_path / "data/clips", "--seconds", 1.15)
    seconds = read_durations(tmp_path / "data/clips")
    assert sorted(set(seconds.values())) == [1.0, 1.1, 1.15]
    for utt, place in tables["wav.scp"].items():
        whole, found = read_wave(wavs[utt], utt), read_wave(place, utt)
        assert len(found) == round(seconds[utt] * 16000)
        assert np.abs(whole[: len(found)] - found).max() <= 2**-23
    status, out, error = worker("utils/validate_data_dir.py", tmp_path / "data/clips", cwd=tmp_path)
    assert (status, out.endswith(": valid\n")) == (0, True), error
    stereo = np.zeros((16000, 2)) + 0.1
    soundfile.write(wavs["train_000"], stereo, 16000)
    line = refused(SUBSET, "--seconds", 1, data, tmp_path / "data/other", cwd=tmp_path)
    assert "train_000: found 2 channels" in line
    take(data, tmp_path / "data/other", "--seconds", 1, "--allow", "mixdown")


def test_what_cannot_be_done_is_one_line(data, tmp_path):
    out = tmp_path / "data/part"
    cases = {
        (): "wanted --balance, --count or --seconds",
        ("--balance", "colour"): "wanted one of attack, codec, dur, label, spk",
        ("--count", "1000"): "found 145 utterances",
        ("--count", "0"): "wanted --count from 1",
        ("--seconds", "nan"): "--seconds from 0.1",
    }
    for options, words in cases.items():
        if options == ("--count", "1000"):
            words = f"found {len(read_table(data / 'wav.scp'))} utterances"
        assert words in refused(SUBSET, *options, data, out, cwd=tmp_path), options
        assert not out.exists()
    assert "is there already" in refused(SUBSET, "--count", 3, data, data, cwd=tmp_path)


def test_a_log_that_a_launcher_began_is_no_data_directory(tmp_path):
    data = make_data(tmp_path / "data", make_corpus(tmp_path / "corpus", {"eval": 6})) / "eval"
    (tmp_path / "part/log").mkdir(parents=True)
    status, out, error = worker(SUBSET, "--count", "3", data, "part", cwd=tmp_path)
    assert status == 0, error
    assert "part: 3 of " in out
    assert "is there already" in refused(SUBSET, "--count", 3, data, "part", cwd=tmp_path)
