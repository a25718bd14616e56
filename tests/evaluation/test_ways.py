"""What a set says of other speakers and attacks, and of what it has too few to say."""

from types import SimpleNamespace

import numpy as np
import pytest

from antispoof.errors import UserError
from antispoof.evaluation.compare import compare, lines, sentence
from antispoof.evaluation.evaluate import evaluate
from antispoof.evaluation.paired import kinds_of
from antispoof.evaluation.scores import Trials
from antispoof.evaluation.ways import units_text, ways_of
from antispoof.metrics.titles import shown
from antispoof.report.result_tables import interval_text


def made_up(folder, speakers=12, attacks=6, trials=240, **more):
    """Trials of so many speakers and attacks, whose last third is bona fide."""
    ids = [f"u{number:03}" for number in range(trials)]
    is_bonafide = np.arange(trials) >= 2 * trials // 3
    rng = np.random.default_rng(1)
    tables = {"spk": [f"s{number % speakers}" for number in range(trials)]}
    made = [f"a{number % attacks}" for number in range(trials)]
    tables["attack"] = ["-" if b else name for name, b in zip(made, is_bonafide, strict=True)]
    for name, values in {**tables, **more}.items():
        text = "".join(f"{utt} {value}\n" for utt, value in zip(ids, values, strict=True))
        (folder / f"utt2{name}").write_text(text)
    return Trials(folder, ids, rng.normal(2.0 * is_bonafide), is_bonafide)


def test_speakers_and_attacks_are_drawn_where_there_are_enough(tmp_path):
    ways, few = ways_of(made_up(tmp_path))
    assert list(ways) == ["speakers", "attacks"] and few == {}
    assert (ways["attacks"][0] == -1).all()
    assert units_text(ways, few) == "12 speakers and 6 attacks"


@pytest.mark.parametrize("speakers, attacks", [(4, 6), (12, 4)])
def test_a_few_speak_of_themselves_alone(tmp_path, speakers, attacks):
    ways, few = ways_of(made_up(tmp_path, speakers, attacks))
    if speakers == 4:
        assert units_text(ways, few) == "6 attacks; for these 4 speakers alone"
    else:
        assert units_text(ways, few) == "12 speakers; for these 4 attacks alone"


@pytest.mark.parametrize("bonafide, drawn", [(1, False), (4, False), (5, True)])
def test_each_class_has_speakers_enough_or_none_are_drawn(tmp_path, bonafide, drawn):
    spk = [f"s{n % 12}" if n < 160 else f"b{n % bonafide}" for n in range(240)]
    trials = made_up(tmp_path, spk=spk)
    ways, few = ways_of(trials)
    few_text = f"{12 + bonafide} speakers ({bonafide} in one class)"
    assert ("speaker" in kinds_of(trials)[0]) == ("speaker" in kinds_of(trials)[1]) == drawn
    kinds = set(evaluate(trials, replicates=20)["intervals"]["eer"])
    assert kinds == ({"iid", "crossed", "speaker"} if drawn else {"iid", "crossed"})
    assert ("speakers" in ways) == drawn
    assert few == ({} if drawn else {"speakers": few_text})
    text = units_text(ways, few)
    assert text.startswith("17 speakers (5 in one class) and ") == drawn
    assert drawn or text == f"6 attacks; for these {few_text} alone"


def test_one_of_a_kind_and_nothing_but_few_are_said_in_words(tmp_path):
    trials = made_up(tmp_path, 1, 4)
    assert units_text(*ways_of(trials)) == "for this one speaker alone; for these 4 attacks alone"
    assert units_text({}, {}) == ""


def test_a_sentence_says_nothing_of_others_by_four(tmp_path):
    trials = made_up(tmp_path, 4, 4)
    runs = [[(trials.split(trials.scores * k),) * 2] for k in (1, -1)]
    kinds = {"iid": None, "speaker": trials.speakers()}
    found = compare(*runs, kinds, few=ways_of(trials)[1], metrics=["eer"], replicates=50)["eer"]
    assert found["few"] == ["speaker", "attack"]
    text = sentence(["a", "b"], "eer", found)
    assert "beyond what other trials would bring" in text and "speakers" not in text


def test_a_trial_of_an_unknown_speaker_is_one_of_its_own(tmp_path):
    speakers = ["-" if number < 10 else f"s{number % 12}" for number in range(240)]
    ways, _ = ways_of(made_up(tmp_path, spk=speakers))
    assert units_text({"speakers": ways["speakers"]}, {}) == "22 speakers (12 in one class)"


def test_a_source_is_drawn_where_it_holds_several_trials(tmp_path):
    ways, _ = ways_of(made_up(tmp_path, source=[f"c{number % 7}" for number in range(240)]))
    assert list(ways) == ["speakers", "attacks", "sources"]
    ways, _ = ways_of(made_up(tmp_path, source=[f"{number}.wav" for number in range(240)]))
    assert list(ways) == ["speakers", "attacks"]


def test_a_result_has_the_interval_and_says_over_what(tmp_path):
    found = evaluate(made_up(tmp_path), replicates=20)
    assert found["crossed"] == {
        "over": "speakers and attacks",
        "units": "12 speakers and 6 attacks",
    }
    low, high = found["intervals"]["eer"]["crossed"]
    assert low < found["pooled"]["eer"] < high


def test_a_set_of_few_has_none(tmp_path):
    found = evaluate(made_up(tmp_path, 3, 3), replicates=20)
    assert set(found["intervals"]["eer"]) == {"iid"}


def compared(folder, seeds=1):
    trials = made_up(folder)
    rng = np.random.default_rng(2)

    def run(noise):
        scores = trials.split(trials.scores + rng.normal(0, noise, 240))
        return scores, scores

    ways, _ = ways_of(trials)
    runs = [[run(noise) for _ in range(seeds)] for noise in (0.1, 3.0)]
    return compare(*runs, {"iid": None, "speaker": trials.speakers()}, ways=ways, replicates=50)


def test_a_comparison_draws_both_and_its_sentence_rests_on_that(tmp_path):
    found = compared(tmp_path)["eer"]
    low, high = found["trials"]["crossed"]["interval"]
    assert low < found["difference"] < high < 0
    text = sentence(["a", "b"], "eer", found)
    assert "beyond what other speakers and attacks would bring" in text


def test_several_seeds_make_its_interval_wider(tmp_path):
    found = compared(tmp_path, seeds=2)["eer"]
    narrow, wide = (found[key]["crossed"]["interval"] for key in ("trials", "mixed"))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    units = dict.fromkeys(("iid", "speaker", "crossed"), "so many")
    printed = "\n".join(lines(["a", "b"], ["1", "2"], {"eer": found}, units))
    assert "over speakers and attacks and seeds" in printed


def test_a_table_says_over_what_its_intervals_are(tmp_path):
    run = SimpleNamespace(results={"all": evaluate(made_up(tmp_path), replicates=20)})
    assert interval_text([run]) == "95 % interval over speakers and attacks"


def test_a_trial_without_an_attack_is_named(tmp_path):
    trials = made_up(tmp_path)
    (tmp_path / "utt2attack").write_text("u000 a1\n")
    with pytest.raises(UserError, match="'u001' is missing"):
        ways_of(trials)


def test_tables_show_what_draws_most_first():
    kinds = {"iid": [0.0, 1.0], "crossed": [0.2, 0.3], "speaker": [0.4, 0.5]}
    assert shown(kinds) == [0.2, 0.3]
    del kinds["crossed"]
    assert shown(kinds) == [0.4, 0.5]
    assert shown({}) is None
