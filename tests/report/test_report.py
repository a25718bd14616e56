"""steps/report.py: one page, whole, closed to the network, the same bytes each time."""

import base64
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest
from made_up import make_experiments, refused, worker

from antispoof.report import plots
from antispoof.report.figures import read_curve
from antispoof.report.reliability import curve

PROGRAM = "steps/report.py"
VOID = {"meta", "img", "wbr", "br", "link"}


class Page(HTMLParser):
    """Tags and images of a page; asserts that every tag is closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.images, self.words = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two systems, two seeds, their fusions, evaluated."""
    place = make_experiments(tmp_path_factory.mktemp("exp <&>"), seeds=(1, 2))
    for seed in (1, 2):
        systems = [f"exp/one_seed{seed}", f"exp/two_seed{seed}"]
        fusion = f"exp/fusion_seed{seed}"
        run("steps/fuse.py", "--data", "data/dev", "--out", fusion, *systems, cwd=place)
        for exp in (*systems, fusion):
            for trials, folder in (("all", "eval"), ("known", "eval_known")):
                run(
                    *("steps/evaluate.py", "data/eval", f"{exp}/eval/scores"),
                    *(f"{exp}/{folder}/result.json", "--trials", trials),
                    *("--by", "attack,codec,attack*codec", "--bootstrap", 50),
                    cwd=place,
                )
            (place / exp / "config.yaml").write_text("model: <mel & more>\n")
            (place / exp / "env.txt").write_text("commit: 0123456789ab\n")
            (place / exp / ".done").write_text("steps/train.py <of one> & more\n")
        for exp in systems:
            cost = {"macs": 1e6, "parameters": 1000, "latency": 2.0}
            (place / exp / "cost.json").write_text(json.dumps(cost))
        curve = "epoch,train_loss,dev_loss,dev_eer\n1,0.7,0.6,0.3\n2,0.5,0.5,0.2\n3,0.4,,0.1\n"
        (place / f"exp/one_seed{seed}/curve.csv").write_text(curve)
    pair = ("exp/one_seed1", "exp/two_seed1", "eval", "--bootstrap", 20, "--out", "c.json")
    run("steps/compare.py", *pair, cwd=place)
    (place / "data/PROVENANCE").write_text("".join(f"package {n}\n" for n in range(60)))
    return place


def run(program, *arguments, cwd):
    status, out, error = worker(program, *arguments, cwd=cwd)
    assert status == 0, error
    return out


def report(place, *arguments, out="report.html"):
    exps = sorted(str(path.relative_to(place)) for path in (place / "exp").glob("*_seed*"))
    run(PROGRAM, "--out", out, *arguments, *exps, cwd=place)
    return (place / out).read_text("utf-8")


def test_page_is_whole_and_closed(place):
    text = report(place, "--compare", "c.json")
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert "script" not in tags
    assert "link" not in tags
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    assert "@import" not in text
    assert (
        "meta",
        {"name": "viewport", "content": "width=device-width, initial-scale=1"},
    ) in page.tags
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    ids = {attrs["id"] for tag, attrs in page.tags if tag == "section"}
    assert {link[1:] for link in links} == ids
    wanted = {"results", "intervals", "det", "attacks", "scores", "calibration", "training"}
    wanted |= {"costs", "comparisons", "provenance"}
    assert ids == wanted
    words = " ".join(page.words)
    assert "model: <mel & more>" in words
    assert "commit: 0123456789ab" in words
    assert "... 20 more lines" in words
    assert "steps/train.py <of one> & more" in words  # the command
    assert "Cllr as scored" in words
    assert "2,000" in words  # parameters of the fusion: of both its systems
    assert "drawn again" in words
    assert "by attack and codec" in words  # a table of two factors
    assert "seed 2" in words
    assert str(place) not in text


def test_every_picture_is_sound_and_described(place):
    images = Page(report(place)).images
    # 2 conditions of DET and of intervals, 3 systems of scores and of reliability, 1 with a curve
    assert len(images) == 11
    for image in images:
        assert len(image["alt"]) > 20
        kind, code = image["src"].split(",", 1)
        assert kind == "data:image/svg+xml;base64"
        svg = base64.b64decode(code).decode()
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert "prefers-color-scheme: dark" in svg
        assert "#0101" not in svg  # every stand-in has become a variable
        assert set(re.findall(r"var\(--(\w+)\)", svg)) <= set(re.findall(r"--(\w+):", svg))
    alts = " ".join(image["alt"] for image in images)
    for words in (
        "DET curves of one, two, fusion on all: 60 bona fide, 100 spoof",
        "Histogram",
        "EER on known",
    ):
        assert words in alts


def test_same_input_same_bytes(place):
    assert report(place, out="a.html") == report(place, out="b.html")


def test_without_data_the_numbers_stay(place):
    page = Page(report(place, "--data", "nowhere"))
    assert len(page.images) == 3  # intervals and training
    assert "Detection error trade-off" not in " ".join(page.words)


def test_refusals(place):
    line = refused(PROGRAM, "--set", "progress", "exp/one_seed1", cwd=place)
    assert "'progress'" in line
    assert "run stage 6" in line
    scores = place / "exp/one_seed1/eval/scores"
    kept = scores.read_bytes()
    scores.write_bytes(kept.replace(b" ", b" nan", 1))
    assert "finite number" in refused(PROGRAM, "exp/one_seed1", cwd=place)
    scores.write_bytes(kept)


@pytest.mark.parametrize("name", ["scores", "llr/scores"])
def test_results_of_scores_that_have_changed_since_are_refused(place, tmp_path, name):
    shutil.copytree(place / "exp/fusion_seed1", tmp_path / "exp/fusion_seed1")
    (tmp_path / "data").symlink_to(place / "data")
    own = "exp/fusion_seed1/eval"
    given = ("data/eval", f"{own}/scores", f"{own}/result.json", "--llr", f"{own}/llr/scores")
    run("steps/evaluate.py", *given, "--bootstrap", 0, cwd=tmp_path)
    shutil.rmtree(tmp_path / "exp/fusion_seed1/eval_known")
    run(PROGRAM, "--out", "page.html", "exp/fusion_seed1", cwd=tmp_path)
    path = tmp_path / own / name
    first, rest = path.read_text().split("\n", 1)
    path.write_text(f"{first.split()[0]} 0.125\n{rest}")
    line = refused(PROGRAM, "exp/fusion_seed1", cwd=tmp_path)
    assert f"{own}/{name}: is not what the result of the trials 'all' was made of" in line
    assert "run steps/evaluate.py again" in line


def test_a_comparison_of_three_systems_is_none_for_the_page(place):
    (place / "three.json").write_text('{"systems": ["a", "b", "c"]}')
    line = refused(PROGRAM, "--compare", "three.json", "exp/one_seed1", cwd=place)
    assert "three.json: found 3 systems, wanted a file of two; leave it out" in line


def test_broken_curve(tmp_path):
    path = tmp_path / "curve.csv"
    path.write_text("epoch,train_loss\n1,high\n")
    with pytest.raises(Exception, match="no table of numbers"):
        read_curve(path)
    path.write_text("epoch,train_loss\n")
    assert read_curve(path) == {"epoch": []}


def test_det_axes_are_normal_deviates():
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    bonafide, spoof = rng.normal(2, 1, 20000), rng.normal(0, 1, 20000)
    x, y = plots._normal_deviates(bonafide, spoof, norm.ppf(0.001))
    assert x.size <= plots.MOST_POINTS
    inner = (np.abs(x) < 2) & (np.abs(y) < 2)
    np.testing.assert_allclose(x[inner] + y[inner], -2, atol=0.1)  # a line for normal scores


def test_broken_comparison(place):
    (place / "broken.json").write_text("{}")
    line = refused(PROGRAM, "--compare", "broken.json", "exp/one_seed1", cwd=place)
    assert "lacks 'counts'" in line


def test_reliability_by_hand():
    # odds 1: ratios of ln 3 and -ln 3 are 3/4 and 1/4; bins hold 3 of 4 and 1 of 4 bona fide
    ln3 = np.log(3)
    bonafide, spoof = np.array([ln3, ln3, ln3, -ln3]), np.array([-ln3, -ln3, -ln3, ln3])
    p, share, size = curve(bonafide, spoof)
    np.testing.assert_allclose(p, [0.25, 0.75])
    np.testing.assert_allclose(share, [0.25, 0.75])
    assert list(size) == [4, 4]


def test_experiments_that_the_page_says_nothing_of_are_named(place):
    exps = ("exp/one_seed1", "exp/nowhere", "exp/two_seed1")
    status, _, said = worker("steps/report.py", "--out", "some.html", *exps, cwd=place)
    assert status == 0 and said == (
        "steps/report.py: warning: exp/nowhere: has no result.json on the set 'eval' "
        "(steps/evaluate.py); it is left out\n"
    )
