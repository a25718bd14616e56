"""ASVspoof 2021 DF in small: thirteen columns, and sounds in the folders of four archives."""

from antispoof.data.tables import read_table

LIST = "keys/DF/CM/trial_metadata.txt"
PART = "ASVspoof2021_DF_eval_part0{}/ASVspoof2021_DF_eval/flac"
SETS = {"eval": (8, 10)}
FACTORS = {
    "eval": ["codec", "source", "trim", "subset", "vocoder", "task", "team", "gender", "language"],
}
SUM = {"eval": {"eval": (6, 7), "progress": (1, 2), "hidden": (1, 1)}}
BONAFIDE = [
    "LA_0054 DF_E_3000010 nocodec asvspoof - bonafide",
    "LA_0023 DF_E_3000011 mp3m4a asvspoof - bonafide",
    "VCC2SF1 DF_E_3000012 high_ogg vcc2018 - bonafide",
    "VCC2SF1 DF_E_3000013 high_mp3 vcc2018 - bonafide",
    "TEF1 DF_E_3000014 nocodec vcc2020 - bonafide",
    "TEF1 DF_E_3000015 low_m4a vcc2020 - bonafide",
]
ROWS = [
    "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -",
    "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval "
    "neural_vocoder_nonautoregressive Task1 team20 FF E",
    "VCC2TM2 DF_E_4999945 oggm4a vcc2018 SPO-N16 spoof notrim eval "
    "traditional_vocoder SPO N16 FM -",
    "LA_0054 DF_E_2088017 high_m4a asvspoof - bonafide notrim progress bonafide - - - -",
    "LA_0044 DF_E_4999962 oggm4a asvspoof A19 spoof trim hidden traditional_vocoder - - - -",
    "LA_0023 DF_E_2000012 low_mp3 asvspoof A07 spoof notrim progress unknown - - - -",
    "LA_0054 DF_E_2088018 low_ogg asvspoof - bonafide trim hidden bonafide - - - -",
    *(f"{row} notrim eval bonafide - - - -" for row in BONAFIDE),
    *(
        f"TEF2 DF_E_40000{n} nocodec vcc2020 Task2-team{n} spoof notrim eval "
        f"neural_vocoder_autoregressive Task2 team{n} FM M"
        for n in range(10, 15)
    ),
]


def build(tree):
    """Write keys/ and the folders of the four archives."""
    for index, row in enumerate(ROWS):
        words = row.split()
        tree.sound(f"{PART.format(index % 4)}/{words[1]}.flac", words[5])
    tree.lines(LIST, ROWS)


def published_rows_are_read(out, said):
    """The five, with - where there is nothing; bona fide speech has no vocoder."""
    tables = {
        name: read_table(out / "eval" / name) for name in ("utt2attack", "utt2vocoder", "utt2task")
    }
    utts = [f"{row.split()[0]}-{row.split()[1]}" for row in ROWS[:5]]
    found = [tuple(table[utt] for table in tables.values()) for utt in utts]
    assert found == [
        ("A14", "traditional_vocoder", "-"),
        ("Task1-team20", "neural_vocoder_nonautoregressive", "Task1"),
        ("SPO-N16", "traditional_vocoder", "SPO"),
        ("-", "-", "-"),
        ("A19", "traditional_vocoder", "-"),
    ]


def one_folder(tree):
    """All archives in one place."""
    for part in range(4):
        for path in sorted((tree.root / PART.format(part)).iterdir()):
            tree.move(path.relative_to(tree.root), f"ASVspoof2021_DF_eval/flac/{path.name}")


def one_part_less(tree):
    """Of four."""
    tree.move("ASVspoof2021_DF_eval_part02", "elsewhere")


def partial_says_which(out, said):
    """A part that is absent, in what is said and written."""
    assert "ASVspoof2021_DF_eval_part02 is not there, 0 / 152958" in said
    assert len((out / "eval/missing").read_text().splitlines()) == 4


TRAPS = {
    "the published rows": (None, published_rows_are_read),
    "all archives in one folder": (one_folder, published_rows_are_read),
    "one archive is absent": (
        one_part_less,
        "found / expected: ASVspoof2021_DF_eval_part00 5 / 152955, "
        "ASVspoof2021_DF_eval_part01 5 / 152958, ASVspoof2021_DF_eval_part02 is not there, "
        "0 / 152958, ASVspoof2021_DF_eval_part03 4 / 152958",
    ),
    "one archive is absent and that is allowed": (one_part_less, partial_says_which),
    "a vocoder that nobody knows": (
        lambda tree: tree.replace(LIST, "eval traditional_vocoder", "eval tradition"),
        ":3: found the vocoder 'tradition', wanted 'neural_vocoder_autoregressive'",
    ),
}
