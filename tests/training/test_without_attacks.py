"""Training without an attack: none of its spoofs is read, and what stays is counted in the log."""

import pytest
import torch
from sounds import make_corpus, make_data

from antispoof.config import read_yaml, write_config
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.scoring.inputs import Waveforms
from antispoof.training.experiment import claim, load_experiment, read_experiment
from antispoof.training.trainer import train

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8]}
crop: {train: random, test: full, seconds: 0.5, pad: none}
epochs: 2
batch_size: 8
"""
TWO = "phases=[{epochs: 1}, {epochs: 1, balanced: true}]"
LINES = [  # of 12 spoofs A01 to A03 in turn among 24, and of 6 among 12
    "data/train: left out are 4 spoofs of A01; 8 spoofs and 12 bona fide utterances stay",
    "data/dev: left out are 2 spoofs of A01; 4 spoofs and 6 bona fide utterances stay",
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    make_data(tmp_path / "data", make_corpus(tmp_path / "corpus", {"train": 24, "dev": 12}))
    (tmp_path / "train_x.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fit(exp, *overrides, data="data"):
    exp.mkdir(exist_ok=True)
    config, lines = load_experiment("train_x.yaml", 1, overrides), []
    cpu = torch.device("cpu")
    train(config, f"{data}/train", f"{data}/dev", "dump", exp, cpu, lines.append)
    return [(exp / name).read_bytes() for name in ("best.pt", "curve.csv")], lines


def spoofs_of(place, attack):
    """{set: its utterances of an attack}."""
    tables = {name: read_table(place / "data" / name / "utt2attack") for name in ("train", "dev")}
    return {name: [u for u, a in table.items() if a == attack] for name, table in tables.items()}


def test_no_spoof_of_the_attack_is_read_in_training_or_to_choose(place, monkeypatch):
    out, read = {u for utts in spoofs_of(place, "A01").values() for u in utts}, set()
    for utt in out:  # whoever reads one of them stops
        (place / "corpus/wav" / f"{utt}.flac").unlink()
    own = Waveforms._read
    monkeypatch.setattr(Waveforms, "_read", lambda self, utt: read.add(utt) or own(self, utt))
    _, lines = fit(place / "exp", "without_attacks=[A01]", TWO)
    assert lines[:2] == LINES
    every = {u for name in ("train", "dev") for u in read_table(f"data/{name}/wav.scp")}
    assert read == every - out
    with pytest.raises(UserError, match="no such file"):
        fit(place / "whole")


def test_it_is_the_training_on_tables_that_lack_the_attack(place):
    for name, utts in spoofs_of(place, "A01").items():
        for path in (place / "data" / name).glob("*2*"):
            kept = {u: value for u, value in read_table(path).items() if u not in utts}
            write_table(place / "fewer" / name / path.name, kept)
        path = place / "data" / name / "wav.scp"
        kept = {u: value for u, value in read_table(path).items() if u not in utts}
        write_table(place / "fewer" / name / "wav.scp", kept)
    found, _ = fit(place / "a", "without_attacks=[A01]", TWO)
    fewer, lines = fit(place / "b", TWO, data="fewer")
    assert found == fewer
    assert not [line for line in lines if "left out" in line]


def test_several_attacks_are_counted_one_by_one(place):
    _, lines = fit(place / "exp", "without_attacks=[A03, A01]")
    assert lines[0].startswith("data/train: left out are 4 spoofs of A01, 4 spoofs of A03; 4 spoof")
    write_table("data/dev/utt2attack", {  # an attack that dev does not have leaves it as it is
        u: a if a == "-" else "A02" for u, a in read_table("data/dev/utt2attack").items()
    })  # fmt: skip
    _, lines = fit(place / "other", "without_attacks=[A01]")
    assert lines[1] == LINES[1].replace("2 spoofs of A01; 4", "0 spoofs of A01; 6")


def test_what_cannot_be_left_out_is_refused_in_a_line(place):
    with pytest.raises(
        UserError, match=r"train/utt2attack: found no spoof of 'A09', wanted one of A"
    ):
        fit(place / "exp", "without_attacks=[A09]")
    with pytest.raises(UserError, match=r"data/dev: found no spoof but those of A01, A02, A03"):
        fit(place / "exp", "without_attacks=[A01, A02, A03]")
    for name in ("dev", "train"):  # dev is looked at first
        path = place / "data" / name / "utt2attack"
        table = read_table(path)
        utt = next(u for u, attack in table.items() if attack == "A02")
        write_table(path, {**table, utt: "-"})
        with pytest.raises(
            UserError, match=rf"{name}/utt2attack: {utt}: found '-', wanted the att"
        ):
            fit(place / "exp", "without_attacks=[A01]")
        path.unlink()
        with pytest.raises(UserError, match=f"data/{name}/utt2attack: no such table"):
            fit(place / "exp", "without_attacks=[A01]")
        write_table(path, table)
    assert not (place / "exp/last.pt").exists()
    (place / "data/train/utt2attack").unlink()
    fit(place / "exp", "epochs=1")  # who leaves nothing out needs no table


def test_weights_that_know_the_attack_are_no_start(place):
    for name, known in (("all", []), ("some", ["A02"]), ("none", ["A02", "A01"])):
        (place / name).mkdir()
        config = load_experiment("train_x.yaml", 1, [f"without_attacks={known}", "epochs=1"])
        claim(place / name, config)
        cpu, fold = torch.device("cpu"), lambda line: None
        train(config, "data/train", "data/dev", "dump", place / name, cpu, fold)
    for name in ("all", "some"):
        with pytest.raises(
            UserError, match=f"{name}/config.yaml: 'init_from' has learned from A01,"
        ):
            fit(place / "exp", "without_attacks=[A01]", f"init_from={name}")
    fit(place / "exp", "without_attacks=[A01]", "init_from=none")
    assert (place / "exp/best.pt").exists()


def test_a_folder_from_before_the_key_loads_and_goes_on(place):
    config = load_experiment("train_x.yaml", 1)
    claim(place / "exp", config)
    old = {k: v for k, v in read_yaml(place / "exp/config.yaml").items() if k != "without_attacks"}
    write_config(place / "exp/config.yaml", old)
    assert read_experiment(place / "exp")["without_attacks"] == []
    claim(place / "exp", config)
    with pytest.raises(UserError, match=r"another experiment \(without_attacks: .*'A01'"):
        claim(place / "exp", load_experiment("train_x.yaml", 1, ["without_attacks=[A01]"]))
