"""The report in a real browser, at the width of a phone and of a desktop."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import page_experiments
import pages
import pytest
from made_up import make_experiments

from antispoof.evaluation.evaluate import evaluate
from antispoof.evaluation.scores import join
from antispoof.report import figures, sections
from antispoof.report.collect import read_runs
from antispoof.report.page import page

shown = pages.read
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed to look with")
# The page stands in a frame of the width to look at; what is seen is told in the frame's parent.
HARNESS = """<!doctype html><body style="margin:0">
<iframe style="width:{width}px; height:900px; border:0" srcdoc="{page}"></iframe>
<pre id="seen"></pre>
<script>
const frame = document.querySelector("iframe");
const errors = [];
frame.addEventListener("load", async () => {{
  const inner = frame.contentDocument, view = frame.contentWindow;
  view.addEventListener("error", event => errors.push(event.message));
  for (const details of inner.querySelectorAll("details")) details.open = true;
  const images = [...inner.images];
  await Promise.all(images.map(image => image.decode().catch(error => errors.push(`${{error}}`))));
  const texts = [...inner.querySelectorAll("td, th, p, li, h1, h2, figcaption, summary, pre")]
    .filter(node => node.textContent.trim());
  document.getElementById("seen").textContent = JSON.stringify({{
    width: view.innerWidth, errors,
    wide: inner.documentElement.scrollWidth,
    scrolling: [...inner.querySelectorAll(".scroll")].filter(n => n.scrollWidth > n.clientWidth)
      .map(node => node.textContent.trim().slice(0, 80)),
    images: images.map(image => [image.naturalWidth, image.clientWidth, image.clientHeight]),
    sizes: texts.map(node => parseFloat(view.getComputedStyle(node).fontSize)),
    hidden: texts.filter(node => !node.getClientRects().length).map(node => node.textContent),
  }});
}});
</script>"""


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    place = make_experiments(
        tmp_path_factory.mktemp("browser"), systems=("one", "two_of_a_long_name")
    )
    exps = sorted((place / "exp").iterdir())
    for exp in exps:
        trials = join(place / "data/eval", exp / "eval/scores")
        result = evaluate(trials, by=["attack", "codec", "attack*codec"], replicates=20)
        result.update(set="eval", trials=None)
        (exp / "eval/result.json").write_text(json.dumps(result))
        (exp / "config.yaml").write_text("model: " + 40 * "a_long_line " + "\n")
    (exps[0] / "curve.csv").write_text(
        "epoch,train_loss,dev_loss,dev_eer\n1,1,1,0.5\n2,0.5,0.6,0.1\n"
    )
    runs = read_runs(exps, "eval")
    scored = figures.read_scored(runs, place / "data", "eval")
    drawn = {
        **figures.score_pictures(runs, scored),
        "interval": figures.interval_pictures(runs),
        "training": figures.training_pictures(runs),
        "order": [],
    }
    tables = {
        "calibration": sections.calibration(runs, scored),
        "comparisons": "",
        "costs": sections.costs(runs),
        "counts": sections.counts(runs),
        "order": "",
    }
    return page(runs, "eval", place / "data", drawn, tables)


def look(text, tmp_path, width):
    """What a page is in a browser of a width, as HARNESS says it."""
    (tmp_path / "look.html").write_text(HARNESS.format(width=width, page=html.escape(text)))
    command = [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ]
    command += [f"--user-data-dir={tmp_path}/profile", "--window-size=1400,1000"]
    command += ["--virtual-time-budget=20000", "--dump-dom", (tmp_path / "look.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = re.search(r'<pre id="seen">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


def test_tables_of_four_systems_fit_into_a_desktop(shown, tmp_path):
    assert shown.page["attacks"].tables[0].header[1:] == page_experiments.SYSTEMS
    assert look(shown.text, tmp_path, 1280)["scrolling"] == []


@pytest.mark.parametrize("width", [390, 1280])
def test_seen_in_a_browser(text, tmp_path, width):
    seen = look(text, tmp_path, width)
    assert (seen["width"], seen["errors"], seen["hidden"]) == (width, [], [])
    assert seen["wide"] <= width  # nothing sticks out: tables scroll by themselves
    # 1 condition of DET and of intervals, 2 systems of scores and of reliability, 1 curve
    assert len(seen["images"]) == 7
    for natural, shown, height in seen["images"]:
        assert natural > 0
        assert 280 <= shown <= width
        assert height >= 60
    assert min(seen["sizes"]) >= 12
    assert Path(tmp_path / "look.html").stat().st_size < 5e6
