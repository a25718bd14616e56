"""Augmented data directories: who makes which sound, and every table by plain code."""

import json

import numpy as np
import pytest
import soundfile
import yaml
from plain_data import drawer, load_worker, write_set

from antispoof.augment.data_dir import Share, claim_directory, join, load_augmentation, sound_path
from antispoof.data.data_dir import read_data_dir, read_trials, trial_counts
from antispoof.data.tables import read_table
from antispoof.errors import UserError

# With a suffix, `ab-c` and `ab` change places.
LENGTHS = {"ab": 1600, "ab-c": 1723, "b": 900, "c": 1000, "d": 1100, "e": 1200, "f": 1300}
CODEC = {utt: ("gsm" if utt in ("b", "c") else "-") for utt in LENGTHS}
TABLES = {
    "utt2label": {utt: "spoof" if n % 3 else "bonafide" for n, utt in enumerate(LENGTHS)},
    "utt2spk": {utt: f"s{n % 2}" for n, utt in enumerate(LENGTHS)},
    "utt2attack": {utt: f"A{n}" if n % 3 else "-" for n, utt in enumerate(LENGTHS)},
    "utt2codec": CODEC,
    "utt2place": {utt: f"at {n}" for n, utt in enumerate(LENGTHS)},
}
CHAIN = [
    {"time_mask": {"share": [0.1, 0.4], "p": 0.6}},
    {"codec": {"of": {"alaw": [], "mp3": [16, 32]}, "p": 0.5}},
    {"codec": {"of": {"ulaw": []}, "p": 0.4}},
]
SUFFIX = "_x"


@pytest.fixture
def data(tmp_path):
    folder = write_set(tmp_path / "in", LENGTHS, TABLES)
    (folder / "trials").mkdir()
    (folder / "trials" / "some").write_text("ab\nab-c\nc\n")
    (folder / "trials" / "one").write_text("f\n")
    return folder


def settings_of(chain=CHAIN, seed=5, **more):
    return {"augment": chain, "allow": [], "seed": seed, "suffix": SUFFIX, **more}


class Count:
    def __init__(self):
        self.done = 0

    def advance(self, count=1):
        self.done += count


def make(data, out, settings, job=1, jobs=1):
    """Run one job; returns its share and what it counted."""
    tables, count = read_data_dir(data), Count()
    share = Share(tables, out, settings, job, jobs)
    share.run(count)
    return share, count.done


def plain_draws(utt, seed=5):
    """What CHAIN draws for an utterance: [(name, record)]."""
    rng, drawn = drawer("augment", seed, utt), []
    if rng.random() < 0.6:
        count = int(LENGTHS[utt] * (0.1 + 0.3 * rng.random()))
        start = int(rng.integers(LENGTHS[utt] - count + 1))
        drawn.append({"name": "time_mask", "start": start, "count": count})
    if rng.random() < 0.5:
        codec = ["alaw", "mp3"][rng.integers(2)]
        kbps = 64.0 if codec == "alaw" else [16.0, 32.0][rng.integers(2)]
        drawn.append({"name": "codec", "codec": codec, "kbps": kbps})
    if rng.random() < 0.4:
        drawn.append({"name": "codec", "codec": "ulaw", "kbps": 64.0})
    return drawn


@pytest.mark.parametrize("order", [(3, 1, 2), (1, 2, 3), (2, 3, 1)])
def test_jobs_share_the_utterances_and_the_last_writes_the_tables(data, tmp_path, order):
    out, made = tmp_path / "out", []
    tables = read_data_dir(data)
    for job in order:
        assert join(data, tables, out, SUFFIX, 3) is False
        assert not (out / "wav.scp").exists()
        share, count = make(data, out, settings_of(), job, 3)
        assert share.utts == sorted(LENGTHS)[job - 1 :: 3]
        assert count == len(share.utts)
        assert share.note.name == f"{job}of3"
        made += share.utts
    assert sorted(made) == sorted(LENGTHS)
    assert join(data, tables, out, SUFFIX, 3) is True
    assert join(data, tables, out, SUFFIX, 4) is False


def test_every_table_is_carried_over_or_says_what_was_drawn(data, tmp_path):
    out = tmp_path / "out"
    make(data, out, settings_of())
    assert join(data, read_data_dir(data), out, SUFFIX, 1)
    found = read_data_dir(out)
    for name in ("utt2label", "utt2spk", "utt2attack", "utt2place"):
        assert found[name] == {utt + SUFFIX: value for utt, value in TABLES[name].items()}
    kinds = set()
    for utt, count in LENGTHS.items():
        drawn, new = plain_draws(utt), utt + SUFFIX
        words = [CODEC[utt]] if CODEC[utt] != "-" else []
        for record in drawn:
            if record["name"] == "codec":
                kbps = f"_{record['kbps']:.0f}k" if record["codec"] == "mp3" else ""
                words.append(record["codec"] + kbps)
        assert found["utt2codec"][new] == ("+".join(words) or "-")
        assert found["utt2augment"][new] == ("+".join(r["name"] for r in drawn) or "-")
        assert found["utt2dur"][new] == f"{count / 16000:.4f}"
        assert found["wav.scp"][new] == str((out / "sounds" / f"{new}.flac").absolute())
        kinds.add((CODEC[utt], len(words)))
    assert len(kinds) >= 4  # with and without a codec before, none and some now
    lines = [json.loads(line) for line in (out / "draws.jsonl").read_text().splitlines()]
    assert [line["from"] for line in lines] == sorted(LENGTHS)
    for line in lines:
        utt = line["from"]
        assert (line["utt"], line["drawn"]) == (utt + SUFFIX, plain_draws(utt))
        assert line["seconds"] == LENGTHS[utt] / 16000
    assert read_trials(out, "some") == ["ab-c_x", "ab_x", "c_x"]
    assert read_trials(out, "one") == ["f_x"]


def test_without_codecs_before_there_are_those_of_the_chain(data, tmp_path):
    (data / "utt2codec").unlink()
    make(data, tmp_path / "out", settings_of(["time_mask"]))
    join(data, read_data_dir(data), tmp_path / "out", SUFFIX, 1)
    assert set(read_table(tmp_path / "out/utt2codec").values()) == {"-"}
    assert set(read_table(tmp_path / "out/utt2augment").values()) == {"time_mask"}


@pytest.mark.parametrize("loud", [False, True])
def test_a_sound_is_divided_by_its_peak_where_that_is_above_one(data, tmp_path, loud):
    wave = np.sin(np.arange(1600)).astype(np.float32) * 0.5
    soundfile.write(tmp_path / "in_ab.wav", wave * (5 if loud else 1), 16000, subtype="FLOAT")
    share, _ = make(data, tmp_path / "out", settings_of([{"time_mask": {"share": [0, 0]}}]))
    found, rate = soundfile.read(share.path("ab"))
    info = soundfile.info(share.path("ab"))
    assert (rate, info.channels, info.format, info.subtype) == (16000, 1, "FLAC", "PCM_16")
    peak = float(np.abs(wave * 5).max()) if loud else 1.0
    np.testing.assert_allclose(found, wave * (5 / peak if loud else 1), atol=1.1 / 32768)
    note = json.loads(share.note.read_text().splitlines()[0])
    assert note["divided_by"] == pytest.approx(peak)
    assert note["divided_by"] >= 1


def test_the_seed_and_what_is_allowed_come_from_the_settings(data, tmp_path):
    for seed in (5, 6):
        share, _ = make(data, tmp_path / f"out{seed}", settings_of(seed=seed))
        notes = [json.loads(line) for line in share.note.read_text().splitlines()]
        assert [n["drawn"] for n in notes] == [plain_draws(utt, seed) for utt in sorted(LENGTHS)]
    soundfile.write(tmp_path / "in_b.wav", np.zeros((1800, 2)), 32000)
    with pytest.raises(UserError, match="b: found 2 channels"):
        make(data, tmp_path / "no", settings_of())
    allowed = settings_of(["time_mask"], allow=["resample", "mixdown"])
    share, _ = make(data, tmp_path / "yes", allowed)
    assert soundfile.info(share.path("b")).frames == 900


def test_a_job_goes_on_where_it_was_killed_and_makes_again_what_is_lost(data, tmp_path):
    out = tmp_path / "out"
    share, _ = make(data, out, settings_of())
    lines = share.note.read_text()
    assert len(lines.splitlines()) == 7
    before = {path.name: path.stat().st_mtime_ns for path in (out / "sounds").iterdir()}
    share.note.unlink()
    part = share.note.with_name(".1of1.part")
    part.write_text("".join(lines.splitlines(keepends=True)[:4]) + lines.splitlines()[4][:-3])
    share.path("b").unlink()  # noted, but not there
    again = Share(read_data_dir(data), out, settings_of(), 1, 1)
    assert list(again.finished) == sorted(LENGTHS)[:4]
    count = Count()
    again.run(count)
    assert count.done == 7
    after = {path.name: path.stat().st_mtime_ns for path in (out / "sounds").iterdir()}
    changed = {name[: -len("_x.flac")] for name in after if after[name] != before[name]}
    assert changed == {"b", "d", "e", "f"}
    assert sorted(share.note.read_text().splitlines()) == sorted(lines.splitlines())
    assert not part.exists()


def test_a_folder_belongs_to_its_settings(tmp_path):
    claim_directory(tmp_path / "out", {"seed": 1, "augment": [{"trim": None}]})
    path = tmp_path / "out" / "augment.yaml"
    assert yaml.safe_load(path.read_text()) == {"seed": 1, "augment": [{"trim": None}]}
    before = path.stat().st_mtime_ns
    claim_directory(tmp_path / "out", {"seed": 1, "augment": [{"trim": None}]})
    for other in ({"seed": 2, "augment": [{"trim": None}]}, {"seed": 1, "augment": ["trim"]}):
        with pytest.raises(UserError, match="augment.yaml: holds sounds of other settings"):
            claim_directory(tmp_path / "out", other)
    assert path.stat().st_mtime_ns == before


def test_an_id_names_a_file_of_its_folder(tmp_path):
    assert sound_path(tmp_path, "a.b c") == tmp_path / "sounds" / "a.b c.flac"
    with pytest.raises(UserError, match="a/b: holds a '/'"):
        sound_path(tmp_path, "a/b")


def test_a_config_says_a_chain_and_what_is_allowed(tmp_path):
    path = tmp_path / "augment_x.yaml"
    path.write_text("augment: [trim]\n")
    assert load_augmentation(path) == {"allow": [], "augment": ["trim"]}
    path.write_text("augment: [trim]\nallow: [mixdown]\n")
    assert load_augmentation(path)["allow"] == ["mixdown"]
    path.write_text("augment: [trim]\nallow: [mixdwn]\n")
    with pytest.raises(UserError, match="'allow' .*'mixdwn', wanted .*'mixdown'"):
        load_augmentation(path)


BASE = ["--config", "c", "--seed", "4"]


@pytest.mark.parametrize(("words", "wanted"), [
    ([], (1, 1, "_aug4")), (["--share", "2/2"], (2, 2, "_aug4")),
    (["--share", "1/3"], (1, 3, "_aug4")),
    (["--suffix=-b"], (1, 1, "-b")), (["--share", "0/2"], None), (["--share", "3/2"], None),
    (["--share", "2"], None), (["--share", "a/2"], None), (["--suffix", ""], None),
    (["--suffix", "a b"], None), (["--suffix", "a/b"], None), (["--suffix", "a\n"], None),
])  # fmt: skip
def test_a_worker_takes_its_share_and_suffix(words, wanted, capsys):
    parse = load_worker("steps/augment_data_dir.py").parse
    if wanted is None:
        with pytest.raises(SystemExit):
            parse([*BASE, *words, "in", "out"])
        assert f"{words[0]} " in capsys.readouterr().err
        return
    args = parse([*BASE, *words, "in", "out"])
    assert (args.job, args.jobs, args.suffix) == wanted
    assert (args.in_dir, args.out_dir, args.seed) == ("in", "out", 4)


def test_a_folder_is_never_made_out_of_itself(tmp_path, monkeypatch):
    parse = load_worker("steps/augment_data_dir.py").parse
    monkeypatch.chdir(tmp_path)
    for out in ("in", "./in", "x/../in", str(tmp_path / "in")):
        with pytest.raises(SystemExit):
            parse([*BASE, "in", out])
    assert parse([*BASE, "in", "in2"]).out_dir == "in2"


def test_what_is_known_of_the_sizes_of_lists_is_carried_over(data, tmp_path):
    (data / "trial_counts").write_text("one 0 1\nsome 1 2 published\n")
    make(data, tmp_path / "out", settings_of())
    assert join(data, read_data_dir(data), tmp_path / "out", SUFFIX, 1)
    assert trial_counts(tmp_path / "out") == trial_counts(data)
    assert trial_counts(data)[1] == "some"
