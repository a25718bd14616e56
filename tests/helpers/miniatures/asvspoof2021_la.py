"""ASVspoof 2021 LA in small: eight columns, subsets, ASV scores by rows, FLACs that are refused."""

from antispoof.data.tables import read_table

LIST = "keys/LA/CM/trial_metadata.txt"
ASV = "keys/LA/ASV/ASVTorch_Kaldi"
AUDIO = "ASVspoof2021_LA_eval/flac"
SETS = {"eval": (9, 9)}
FACTORS = {"eval": ["codec", "transmission", "trim", "subset"]}
SUM = {"eval": {"eval": (6, 6), "progress": (2, 2), "hidden": (1, 1)}}
FIRST = [  # as they are published
    "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval",
    "LA_0020 LA_E_7294490 g722 loc_tx bonafide bonafide notrim eval",
    "LA_0021 LA_E_7310647 none - bonafide bonafide only_speech hidden",
]
SPOKEN = ["LA_0009", "LA_0020", "LA_0031"]
CODECS = ["none -", "alaw sin_tx", "pstn mad_tx", "gsm loc_tx", "opus ita_tx"]


def lines():
    """Of the key: the three of FIRST, and more of each subset."""
    yield from FIRST
    number = 1000000
    for subset in ("eval", "progress", "hidden"):
        trim = "only_speech" if subset == "hidden" else "notrim"
        for label in ("bonafide", "spoof"):
            have = sum(f"{label} {trim} {subset}" in line for line in FIRST)
            total = SUM["eval"][subset][label == "spoof"]
            for index in range(total - have):
                number += 13
                codec = CODECS[(number // 13) % len(CODECS)]
                attack = "bonafide" if label == "bonafide" else ("A08", "A19")[index % 2]
                speaker = SPOKEN[index % 3]
                yield f"{speaker} LA_E_{number} {codec} {attack} {label} {trim} {subset}"


def asv_rows():
    """(row of the key, score): another order than the CM key, and a trial for two speakers."""
    rows = []
    for subset in ("hidden", "eval", "progress"):
        trim = "only_speech" if subset == "hidden" else "notrim"
        for n in range(4):
            tail = f"alaw ita_tx bonafide nontarget {trim} {subset}"
            trial = f"LA_E_501367{n // 2}-alaw-ita_tx"  # each stands twice
            rows.append((f"LA_000{n % 2}-alaw-ita_tx {trial} {tail}", -9.8 + n))
            tail = f"none none bonafide target {trim} {subset}"
            rows.append((f"LA_0020-none LA2021-LA_E_166264{n} {tail}", 16.04 - n))
            tail = f"gsm loc_tx A07 spoof {trim} {subset}"
            rows.append((f"LA_0031-gsm-loc_tx LA2021-LA_E_407169{n} {tail}", 4.5 + n))
    return rows


def build(tree):
    """Write ASVspoof2021_LA_eval/ and keys/."""
    rows = list(lines())
    for row in rows:
        words = row.split()
        tree.sound(f"{AUDIO}/{words[1]}.flac", words[5])
    tree.lines(LIST, rows)
    tree.lines(
        "ASVspoof2021_LA_eval/ASVspoof2021.LA.cm.eval.trl.txt", [row.split()[1] for row in rows]
    )
    tree.lines("keys/LA/ASV/trial_metadata.txt", [row for row, _ in asv_rows()])
    scored = [f"{' '.join(row.split()[:2])} {score}" for row, score in asv_rows()]
    tree.lines(f"{ASV}/score.txt", scored)
    tree.flac_with_a_wrong_checksum(f"{AUDIO}/LA_E_9332881.flac")
    tree.flac_without_a_length(f"{AUDIO}/LA_E_7294490.flac")


def published_rows_are_read(out, said):
    """The three, with - for bona fide; and only `eval` is what others publish."""
    data = out / "eval"
    utts = ["LA_0009-LA_E_9332881", "LA_0020-LA_E_7294490", "LA_0021-LA_E_7310647"]
    wanted = {
        "utt2attack": ["A07", "-", "-"],
        "utt2label": ["spoof", "bonafide", "bonafide"],
        "utt2codec": ["alaw", "g722", "none"],
        "utt2transmission": ["ita_tx", "loc_tx", "-"],
        "utt2trim": ["notrim", "notrim", "only_speech"],
        "utt2dur": ["1.0000"] * 3,
    }
    for table, values in wanted.items():
        found = read_table(data / table)
        assert [found[utt] for utt in utts] == values, table
    assert "LA_0021-LA_E_7310647" in (data / "trials/hidden").read_text()
    assert (data / "trial_counts").read_text().count(" published\n") == 1
    assert "eval 6 6 published\n" in (data / "trial_counts").read_text()


def asv_rows_are_joined_by_position(out, said):
    """In the order of the key, none lost; `none` is - as for the countermeasure."""
    lines = (out / "eval/asv_scores").read_text().splitlines()
    assert lines[0] == "kind attack codec transmission subset score"
    assert lines[1:4] == [
        "nontarget - alaw ita_tx hidden -9.8",
        "target - none - hidden 16.04",
        "spoof A07 gsm loc_tx hidden 4.5",
    ]
    assert len(lines) == 1 + 36


def all_is_there(out, said):
    """As of the tree that was not changed."""
    published_rows_are_read(out, said)
    asv_rows_are_joined_by_position(out, said)


def no_asv_is_said(out, said):
    """And what was looked for."""
    assert not (out / "eval/asv_scores").exists()
    assert f"ASV scores: none; looked for {ASV}/score.txt" in said


def no_key_is_said(out, said):
    """Not the scores, which are there."""
    assert not (out / "eval/asv_scores").exists()
    assert "ASV scores: none; looked for keys/LA/ASV/trial_metadata.txt or keys/ASV" in said


def columns_of_2019(tree):
    """The list of 2019 in its place."""
    tree.lines(LIST, ["LA_0039 LA_E_2834763 - A11 spoof"])


def key_next_to_the_sounds(tree):
    """As some users keep it; then ASV scores are where they were."""
    tree.move(LIST, "ASVspoof2021_LA_eval/trial_metadata.txt")


def old_package(tree):
    """The keys of the first stage: another folder, and another word."""
    tree.move("keys/LA/CM", "keys/CM")
    tree.move("keys/LA/ASV", "keys/ASV")
    path = tree.root / "keys/CM/trial_metadata.txt"
    path.write_text(path.read_text().replace("hidden", "hidden_track"))


TRAPS = {
    "the published rows": (None, published_rows_are_read),
    "ASV rows in another order, trials that stand twice": (None, asv_rows_are_joined_by_position),
    "the key next to the sounds": (key_next_to_the_sounds, all_is_there),
    "the other spelling of the ASV folder": (
        lambda tree: tree.move(ASV, "keys/LA/ASV/ASVtorch_kaldi"),
        all_is_there,
    ),
    "an old package with hidden_track": (old_package, all_is_there),
    "no ASV scores": (lambda tree: tree.move(ASV, "keys/LA/ASV/elsewhere"), no_asv_is_said),
    "the columns of 2019": (columns_of_2019, ":1: found 5 columns, wanted 8: speaker utt codec"),
    "a word that is no subset": (
        lambda tree: tree.replace(LIST, "notrim progress", "notrim dev"),
        "found the subset 'dev', wanted 'eval', 'progress', 'hidden', 'hidden_track'",
    ),
    "ASV scores without their key": (
        lambda tree: tree.move("keys/LA/ASV/trial_metadata.txt", "keys/LA/ASV/elsewhere.txt"),
        no_key_is_said,
    ),
    "an ASV score that is no number": (
        lambda tree: tree.replace(f"{ASV}/score.txt", " 16.04", " nan"),
        "score.txt:2: found the score 'nan', wanted a number",
    ),
    "a subset of the ASV key that nobody knows": (
        lambda tree: tree.replace("keys/LA/ASV/trial_metadata.txt", " progress", " prog"),
        "found the subset 'prog', wanted 'eval', 'progress', 'hidden', 'hidden_track'",
    ),
    "an ASV score less": (
        lambda tree: tree.lines(f"{ASV}/score.txt", ["LA_0001-x LA_E_1 1.0"]),
        "found 1 rows, wanted those of",
    ),
    "a word that is no class": (
        lambda tree: tree.replace(LIST, "A07 spoof", "A07 fake"),
        ":1: found the label 'fake', wanted 'bonafide', 'spoof'",
    ),
}
