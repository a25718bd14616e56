"""egs/mini: the plan against a slow form: counts, languages, voices, materials, ids, seeds."""

import hashlib
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from plain_mini import seed_of

from corpus import design, plan
from corpus.recordings import Recording
from corpus.request import stable_seed

SCALES = [("full", 1.0, 1.0), ("small", 0.055, 0.12), ("tiny", 0.001, 0.02)]


def test_a_seed_is_of_all_its_parts_in_order():
    for parts in (("a", "b"), ("b", "a"), ("ab",), ("é", 3, 0.5), ("voice", "fr", "m1")):
        assert stable_seed(*parts) == seed_of(*parts)


def shares(total, weights):
    """One at a time to who lacks most of its fair share, the first by name where two do."""
    whole = sum(Fraction(w) for w in weights.values())
    fair = {key: total * Fraction(weights[key]) / whole for key in weights}
    given = {key: int(value) for key, value in fair.items()}
    for _ in range(total - sum(given.values())):
        rests = sorted(
            (given[key] - fair[key], str(key)) for key in fair if given[key] <= fair[key]
        )
        given[next(key for key in fair if str(key) == rests[0][1])] += 1
    return given


def test_shares_go_to_the_largest_rests():
    cases = [(7, {"a": 1, "b": 1, "c": 2}), (10, {"z": 3, "y": 3, "x": 0}), (5, {"a": 0.2, "b": 9})]
    cases += [(n, {"m": 1, "f": 1, "k": 1, "d": 1, "e": 1}) for n in range(8)]
    for total, weights in cases:
        assert plan.share_out(total, weights) == shares(total, weights)


def planned(split, scale):
    """{(attack, system, voice, language, sex, speaker): count} of a split."""

    def some(count):
        return max(1, round(count * scale))

    people = {tuple(key.split("/")): some(n) for key, n in design.HUMANS[split].items()}
    found = Counter({("-", "", "", lang, "", who): n for (who, lang), n in people.items()})
    for group in (("A01", "A02", "A03", "A04", "A05"), ("A06", "A07", "A08", "A09", "A10", "A11")):
        tied = [t for t in design.TIED[split] if t.attack in group]
        free = {a: some(n) for a, n in design.FREE[split].items() if a in group}
        for t in tied:
            found[t.attack, t.system, t.voice, t.lang, t.sex, ""] += some(t.count)
        every = sum(some(t.count) for t in tied) + sum(free.values())
        weights = {}
        for lang in dict.fromkeys(lang for _, lang in people):
            part = sum(n for (_, spoken), n in people.items() if spoken == lang)
            fair = every * part / sum(people.values())
            gone = sum(some(t.count) for t in tied if t.lang == lang)
            weights[lang] = max(fair - gone, 0.15 * fair)
        for attack, count in free.items():
            for lang, number in plan.share_out(count, weights).items():
                found += one_language(split, attack, lang, number, people)
    return +found


def one_language(split, attack, lang, number, people):
    if attack == "A01":
        voices = sorted(design.FORMANT_VOICES[split], key=lambda v: seed_of("voice", lang, v))
        each = {voice: number // len(voices) for voice in voices}
        for voice in sorted(voices)[: number % len(voices)]:
            each[voice] += 1
        return Counter({(attack, "espeak", v, lang, "?", ""): n for v, n in each.items()})
    system = {"A03": "world", "A04": "griffin_lim", "A05": "lpc_vocoder", "A08": "lpcnet"}
    system = system.get(attack, "conversion")
    own = {who: n for (who, spoken), n in people.items() if spoken == lang}
    each = plan.share_out(number, own)
    return Counter({(attack, system, "", lang, "", who): n for who, n in each.items()})


@pytest.mark.parametrize("split", ["train", "dev", "eval"])
@pytest.mark.parametrize(("size", "train", "rest"), SCALES)
def test_cells_are_those_of_the_design(split, size, train, rest):
    scale = train if split == "train" else rest
    assert design.SIZES.get(size, {split: scale})[split] == scale
    cells = plan.split_cells(split, scale)
    assert {cell.split for cell in cells} == {split}
    assert all(cell.count >= 1 and cell.materials == () for cell in cells)
    found = Counter()
    for c in cells:
        found[c.attack, c.system, c.voice, c.lang, c.sex, c.speaker] += c.count
    assert found == planned(split, scale)


def test_the_order_of_voices_differs_by_language():
    for lang in ("cs", "fr", "nl"):
        hashes = {v: seed_of("voice", lang, v) for v in design.FORMANT_VOICES["train"]}
        assert plan.turned("train", lang) == sorted(hashes, key=hashes.get)
    assert plan.turned("train", "cs") != plan.turned("train", "nl")


def test_the_design_speaks_of_one_speaker_voice_and_attack_in_one_way():
    speakers = Counter(
        who for row in design.HUMANS.values() for who in {k.split("/")[0] for k in row}
    )
    voices = Counter(voice for row in design.FORMANT_VOICES.values() for voice in row)
    voices.update({t.voice for row in design.TIED.values() for t in row if t.attack != "A10"})
    assert {*speakers.values(), *voices.values()} == {1}
    learnt = {t.attack for s in ("train", "dev") for t in design.TIED[s]}
    learnt |= {*design.FREE["train"], *design.FREE["dev"]}
    judged = {t.attack for t in design.TIED["eval"]} | {*design.FREE["eval"]}
    assert (learnt, judged) == (set(design.KNOWN), {*design.KNOWN, *design.UNKNOWN})
    assert judged == set(design.ATTACKS) and len(design.ATTACKS) == 11
    assert list(design.KNOWN) + list(design.UNKNOWN) == sorted(design.ATTACKS)


@pytest.mark.parametrize(("voice", "package"), [
    ("czech_ph", "festvox-czech-ph"), ("czech_dita", "festvox-czech-dita"),
    ("czech_machac", "festvox-czech-machac"), ("czech_krb", "festvox-czech-krb"),
    ("lp_diphone", "festvox-italp16k"), ("pc_diphone", "festvox-itapc16k"),
    ("kal_diphone", "festvox-kallpc16k"), ("ked_diphone", "festvox-kdlpc16k"),
    ("msu_ru_nsh_clunits", "festvox-ru"), ("cmu_us_slt_arctic_hts", "festvox-us-slt-hts"),
    ("flite", "flite"), ("lpcnet", "libcodec2-1.0"), ("espeak", "espeak-ng"),
    ("kokoro", "espeak-ng"), ("festival", "festival"),
])  # fmt: skip
def test_each_voice_has_the_package_that_it_comes_in(voice, package):
    needs = {p for p, needed_by in design.PROGRAM_PACKAGES.items() if voice in needed_by}
    more = {"festival-czech"} if voice.startswith("czech_") else set()
    assert needs == {package, *more}


def test_voices_of_festival_are_of_the_sex_and_language_that_they_have():
    rows = {t.voice: (t.lang, t.sex) for row in design.TIED.values() for t in row}
    women = {"czech_dita": "cs", "czech_krb": "cs", "lp_diphone": "it", "slt": "en", "heart": "en"}
    women["cmu_us_slt_arctic_hts"] = "en"
    men = {"czech_ph": "cs", "czech_machac": "cs", "pc_diphone": "it", "kal_diphone": "en"}
    men |= {"ked_diphone": "en", "msu_ru_nsh_clunits": "ru", "joe": "en", "awb": "en", "rms": "en"}
    wanted = {v: (lang, "f") for v, lang in women.items()}
    wanted |= {v: (lang, "m") for v, lang in men.items()}
    assert {v: row for v, row in rows.items() if v != "mixed"} == wanted


def recording(name, seconds=3.0, speaker="tux_be", lang="be", sex="f"):
    return Recording(name, Path("/x", name), speaker, lang, sex, "p", seconds, "")


def cell(**more):
    values = {
        "attack": "-",
        "system": "",
        "voice": "",
        "lang": "be",
        "sex": "",
        "speaker": "tux_be",
    }
    return plan.Cell(split="dev", count=2, **values | more)


def test_recordings_are_the_speakers_own_of_a_fit_length_in_an_order_of_the_attack():
    there = [recording(f"r{n}") for n in range(9)]
    there += [recording("shortest", 1.1), recording("longest", 16.0)]
    rest = [recording("short", 1.09), recording("long", 16.01), recording("a", lang="ru")]
    rest += [recording("b", speaker="tux_bg", sex="m")]
    for attack in ("-", "A03"):
        found = plan.with_materials(cell(attack=attack), [*rest, *there], ["a text"])
        wanted = sorted(there, key=lambda r: seed_of(attack, r.name))
        assert (found.sex, found.materials) == ("f", tuple(wanted))
    assert plan.with_materials(cell(), rest, []).sex == "?"


def test_texts_are_of_the_language_in_an_order_of_the_voice():
    texts = {"be": [f"text {n}" for n in range(9)], "ru": ["other"]}
    for voice in ("m1", "f1"):
        asked = cell(attack="A01", system="espeak", voice=voice, speaker="", sex="?")
        found = plan.with_materials(asked, [recording("a")], texts)
        wanted = sorted(texts["be"], key=lambda t: seed_of("A01", "espeak", voice, t))
        assert (found.sex, found.materials) == ("?", tuple(wanted))
    assert plan.with_materials(cell(speaker="", lang="xx"), [], texts).materials == ()


def test_ids_are_ranks_of_hashes_and_materials_are_dealt_in_turn():
    one, two = cell(materials=tuple("abcde")), cell(attack="A01", system="espeak", voice="m1")
    far = plan.Cell("eval", "-", "", "", "be", "", "s", 1, ("x", "y"))
    wanted = {}
    for split, cells in (("dev", (one, two)), ("eval", (far,))):
        slots = [(c, n) for c in cells for n in range(c.count)]
        keys = {
            hashlib.sha256(
                f"{split}/{c.attack}/{c.system}/{c.voice}/{c.lang}/{c.speaker}/{n}".encode()
            ).digest(): (c, n)
            for c, n in slots
        }
        for rank, key in enumerate(sorted(keys)):
            c, n = keys[key]
            wanted[f"M_{split[0].upper()}_{rank:05d}"] = (c, c.materials[n :: c.count])
    found = plan.number([one, far, two])
    assert [u.utt for u in found] == sorted(wanted)
    assert {u.utt: (u.cell, u.materials) for u in found} == wanted


def test_a_request_is_of_the_attempts_material():
    copied = plan.Utterance("M_D_00004", cell(sex="f", voice="v"), (recording("a"), recording("b")))
    for attempt, name in enumerate("ab"):
        asked = copied.request(attempt)
        assert (asked.path, asked.text) == (f"/x/{name}", "")
        assert asked.seed == seed_of("M_D_00004", name)
    read = plan.Utterance("M_D_00004", cell(speaker="", system="espeak", sex="?"), ("one", "two"))
    asked = read.request(1)
    assert (asked.utt, asked.system, asked.voice) == ("M_D_00004", "espeak", "")
    assert (asked.lang, asked.sex, asked.text, asked.path) == ("be", "?", "two", "")
    assert asked.seed == seed_of("M_D_00004", "two")
    share = seed_of("seconds", "M_D_00004") / 2**32
    assert asked.max_seconds == round(2.5 + 1.5 * share, 3)
    assert copied.request(0).max_seconds == asked.max_seconds
