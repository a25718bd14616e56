"""steps/demo.py in a real browser: sounds that are chosen, dropped, recorded; widths and keys."""

import json
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
from chromium import CHROMIUM, Browser
from made_up import worker
from page_server import program
from sounds import bad_sounds

from antispoof import Detector
from antispoof.demo.limits import BYTES

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed to look with")
SHOWN = "!document.getElementById('result').hidden"
REFUSED = "document.getElementById('error').textContent"
# What no reader may miss: text of the lowest contrast with what is behind it, and the smallest.
SEEN = """(() => {
  const light = text => {
    const parts = text.match(/[\\d.]+/g).map(Number).slice(0, 3).map(v => v / 255);
    const own = parts.map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * own[0] + 0.7152 * own[1] + 0.0722 * own[2];
  };
  const behind = node => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  const found = {contrast: 99, size: 99, out: []};
  for (const node of document.body.querySelectorAll("*")) {
    const own = [...node.childNodes].some(n => n.nodeType == 3 && n.data.trim());
    if (!own || !node.getClientRects().length) continue;
    const style = getComputedStyle(node), box = node.getBoundingClientRect();
    const [low, high] = [light(style.color), light(behind(node))].sort((a, b) => a - b);
    found.contrast = Math.min(found.contrast, (high + 0.05) / (low + 0.05));
    found.size = Math.min(found.size, parseFloat(style.fontSize));
    if (box.right > innerWidth || box.left < 0) found.out.push(node.textContent);
  }
  return {...found, wide: document.documentElement.scrollWidth};
})()"""


@pytest.fixture(scope="module")
def demo(model):
    """(address, process) of the program."""
    with program(model) as found:
        yield found


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def page(tab, demo):
    tab.size(1280)
    tab.open("about:blank")
    tab.events.clear()
    tab.open(demo[0])
    return tab


def numbers(page):
    """(LLR, P(spoof), threshold, verdict) as the page holds them, before they are rounded."""
    exact = "+document.getElementById('{}').dataset.exact"
    found = [page.run(exact.format(name)) for name in ("llr", "probability", "threshold")]
    return *found, page.run("document.getElementById('verdict').textContent")


def wanted(found):
    return found.llr, found.p_spoof, found.threshold


NEAR = {"rel": 1e-5, "abs": 1e-5}
WORDS = {"bonafide": "Bona fide", "spoof": "Spoof"}


def test_a_sound_is_chosen_and_judged_at_the_prior_that_the_page_says(page, demo, wavs, detector):
    for path in (wavs[0], wavs[-1]):
        page.give("#file", path)
        page.wait(f"{SHOWN} && document.getElementById('source').textContent"
                  f".startsWith({json.dumps(Path(path).name)})")  # fmt: skip
        expected = detector(path)
        *found, verdict = numbers(page)
        assert found == pytest.approx(wanted(expected), **NEAR)
        assert verdict == WORDS[expected.decision]
    for percent in (50, 99.5, 0.1):
        page.run(f"(() => {{const own = document.getElementById('prior'); own.value = {percent};"
                 "own.dispatchEvent(new Event('input'))})()")  # fmt: skip
        other = Detector(detector.system, prior=percent / 100)(wavs[-1])
        *found, verdict = numbers(page)
        assert found == pytest.approx(wanted(other), **NEAR)
        assert verdict == WORDS[other.decision]
    assert page.complaints() == []
    asked = [each for each in page.requests() if not each.startswith(("data:", "blob:"))]
    assert asked and all(each.startswith(demo[0]) for each in asked)


def test_a_sound_is_dropped_and_its_windows_stand_in_a_table(page, wavs, detector, tmp_path):
    long = np.concatenate([soundfile.read(path)[0] for path in wavs[:4]])
    name = "<img src=x onerror=alert(1)> é.flac"
    soundfile.write(tmp_path / name, long, 16000)
    x, y = page.run("(() => {const box = document.getElementById('drop').getBoundingClientRect();"
                    "return [box.x + 9, box.y + 9]})()")  # fmt: skip
    page.drop(tmp_path / name, x, y)
    page.wait(SHOWN)
    expected = detector(tmp_path / name)
    assert numbers(page)[:3] == pytest.approx(wanted(expected), **NEAR)
    assert page.run("document.getElementById('source').textContent").startswith(f"{name}, ")
    rows = page.run("[...document.querySelectorAll('#rows tr')].map(row => row.cells[1].innerText)")
    shown = [f"{own.llr:.2f}".replace("-", "−") for own in expected.windows]
    page.run("document.getElementById('pieces').open = true")
    rows = page.run("[...document.querySelectorAll('#rows tr')].map(row => row.cells[1].innerText)")
    assert rows == shown and len(shown) > 4
    drawn = page.run("""(() => {
      const own = document.getElementById("timeline"), c = own.getContext("2d");
      return new Set(new Uint32Array(c.getImageData(0, 0, own.width, own.height).data.buffer)).size
    })()""")
    assert drawn > 100  # colours
    assert page.complaints() == []


def test_what_is_no_sound_or_too_much_is_one_line_on_the_page(page, tmp_path, wavs):
    bad = bad_sounds(tmp_path / "bad")
    with open(tmp_path / "big.wav", "wb") as stream:
        stream.truncate(BYTES + 1)
    places = [bad[what][0] for what in ("empty", "text", "truncated", "NaN", "no sample")]
    for place in [*places, tmp_path / "big.wav"]:
        page.give("#file", place)
        line = page.wait(REFUSED)
        assert line.startswith(f"{Path(place).name}: ") and len(line.splitlines()) == 1
        assert not page.run(SHOWN)
        page.run("document.getElementById('error').textContent = ''")
    page.give("#file", wavs[0])
    page.wait(SHOWN)
    assert page.run(REFUSED) == "" and page.complaints() == []


def test_silence_gets_no_verdict_whatever_the_prior(page, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(48000), 16000)
    page.give("#file", tmp_path / "silent.wav")
    page.wait(SHOWN)
    page.run("(() => {const own = document.getElementById('prior'); own.value = 90;"
             "own.dispatchEvent(new Event('input'))})()")  # fmt: skip
    assert numbers(page)[3] == "No verdict"
    assert page.run("document.getElementById('warnings').textContent").startswith("silent")
    assert page.complaints() == []


def test_a_system_that_is_not_calibrated_shows_its_score(tab, model, wavs, tmp_path):
    shutil.copytree(model, tmp_path / "raw_seed1")
    (tmp_path / "raw_seed1/calibration.json").unlink()
    expected = Detector.load(tmp_path / "raw_seed1", "cpu")(wavs[0])
    with program(tmp_path / "raw_seed1") as (address, _):
        tab.size(1280)
        tab.events.clear()
        tab.open(address)
        tab.give("#file", wavs[0])
        tab.wait(SHOWN)
        shown = tab.run("document.getElementById('words').textContent")
        verdict = tab.run("document.getElementById('verdict').textContent")
        complaints = tab.complaints()
    score = f"{expected.score:.2f}".replace("-", "−")
    assert shown.startswith(f"The model is not calibrated: its score of this sound is {score}, ")
    assert (verdict, complaints) == ("No verdict", [])


def test_what_the_microphone_hears_is_recorded_and_scored(page):
    record = "document.getElementById('record')"
    page.run(f"{record}.click()")
    page.wait(f"{record}.textContent.startsWith('Stop (1')")
    page.run(f"{record}.click()")
    page.wait(f"{SHOWN} || {REFUSED}")
    assert page.run(REFUSED) == ""
    source = page.run("document.getElementById('source').textContent")
    found = re.match(r"recording\.webm, (\d+\.\d) s, resampled from 48000 Hz", source)
    assert found and 0.8 < float(found[1]) < 10
    assert np.isfinite(numbers(page)[:3]).all()
    assert page.run(f"{record}.textContent") == "Record" and page.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read_at_every_width_in_light_and_dark(page, wavs, width, dark):
    page.size(width, dark=dark)
    page.give("#file", wavs[0])
    page.wait(SHOWN)
    page.run("document.getElementById('pieces').open = true")
    page.run("document.getElementById('error').textContent = 'x: what is wrong'")
    seen = page.run(SEEN)
    assert seen["contrast"] >= 4.5
    assert seen["size"] >= 12
    assert (seen["out"], seen["wide"]) == ([], width)
    assert len(page.picture()) > 20_000


def test_keys_reach_all_that_can_be_done(page, wavs):
    page.give("#file", wavs[0])
    page.wait(SHOWN)
    assert page.run("document.activeElement.id") == "verdict"  # what a reader hears first
    page.run("document.activeElement.blur(); scrollTo(0, 0)")
    reached = []
    for _ in range(14):
        for kind in ("keyDown", "keyUp"):
            key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
            page.call("Input.dispatchKeyEvent", type=kind, **key)
        reached.append(page.run("document.activeElement.id"))
    assert {"file", "record", "prior", "player"} <= set(reached)
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "spinbutton", "image", "Audio", "progressbar"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value"))
        for node in tree
        if not node["ignored"] and node["role"]["value"] in roles
    ]
    assert {"button", "spinbutton", "image"} <= {role for role, _ in named}
    assert all(name for _, name in named), named


def test_the_program_says_two_lines_and_ends_by_a_signal(model, wavs):
    with program(model) as (_, process):
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert process.stderr.read() == ""
        assert process.returncode == 130


def test_a_model_that_is_not_there_is_one_line(tmp_path):
    status, out, error = worker("steps/demo.py", "--model", "gone", "--port", 0, cwd=tmp_path)
    assert (status, out) == (1, "")
    first, second = error.splitlines()
    assert first == "steps/demo.py: loads gone"
    assert second.startswith("steps/demo.py: gone/config.yaml: no such experiment")
