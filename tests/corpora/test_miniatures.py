"""Each recipe's preparation on its corpus in small, with the traps that the corpus has."""

import shutil
from pathlib import Path

import pytest
from made_up import ROOT
from miniature import NAMES, Tree, grow, load, prepare, sources, validate

from antispoof.about import FILE, read_about
from antispoof.data.data_dir import factors, read_data_dir, trial_counts
from antispoof.data.tables import read_table

EVERY = {"label", "spk", "attack", "dur"}
TRAPS = [(name, trap) for name in NAMES for trap in load(name).TRAPS]
LISTED = [name for name in NAMES if load(name).LIST]
COUNTED = [name for name in NAMES if getattr(load(name), "COUNTED", True)]


@pytest.fixture(scope="session")
def grown(tmp_path_factory):
    """The tree of each corpus, by its recipe; not to be changed."""
    trees = {}

    def of(recipe):
        if recipe not in trees:
            trees[recipe] = grow(recipe, tmp_path_factory.mktemp(recipe) / "a corpus")
        return trees[recipe]

    return of


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Sounds that a recipe converts go to a folder of the test."""
    sources()  # which are looked for in the user's own
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def copied(grown, tmp_path):
    """A copy of a recipe's tree, to be changed."""

    def of(recipe):
        shutil.copytree(grown(recipe).root, tmp_path / "corpus", symlinks=True)
        return Tree(tmp_path / "corpus")

    return of


def succeed(recipe, tree, out, *options):
    """What preparation says that ends well."""
    status, said, error = prepare(recipe, tree, out, "--allow-partial", *options)
    assert status == 0, error
    return said


def refused(recipe, tree, out, *options):
    """The one line that says why preparation refuses."""
    status, said, error = prepare(recipe, tree, out, *options)
    assert (status, said) == (1, ""), (said, error)
    assert len(error.splitlines()) == 1, error
    assert not out.exists()
    return error


def test_every_recipe_with_a_corpus_has_one_in_small():
    workers = {path.parents[1].name for path in ROOT.glob("egs/*/local/prepare_data.py")}
    assert set(NAMES) == workers - {"mini", "custom"}  # custom: a folder of any kind


@pytest.mark.parametrize("recipe", NAMES)
def test_the_tables_hold_what_is_in_the_tree(recipe, grown, tmp_path):
    said, mini = succeed(recipe, grown(recipe), tmp_path / "data"), load(recipe)
    assert {path.name for path in (tmp_path / "data").iterdir()} == set(mini.SETS)
    for name, counts in mini.SETS.items():
        data = tmp_path / "data" / name
        labels = list(read_data_dir(data)["utt2label"].values())
        assert (labels.count("bonafide"), labels.count("spoof")) == counts
        assert set(factors(data)) - {"id"} == EVERY | set(mini.FACTORS[name])
        assert f"{name}: bona fide {counts[0]}" in said
        lists = getattr(mini, "SUM", {}).get(name, {})
        assert trial_counts(data)[0] == {"all": counts, **lists}
        text, known = (data / "PROVENANCE").read_text(), read_about(ROOT / f"egs/{recipe}/{FILE}")
        for key, shown in (("name", "corpus"), ("licence", "licence"), ("home", "from")):
            assert f"{shown}: {known[key]}\n" in text  # as `./run.sh --list` says it
        assert f"\nset: {name}\n" in text
        if mini.LIST:
            assert "sha256: " in text
        status, _, error = validate(data)
        assert status == 0, error


@pytest.mark.parametrize("recipe", NAMES)
def test_ids_begin_with_their_speaker_and_end_in_what_the_corpus_has(recipe, grown, tmp_path):
    succeed(recipe, grown(recipe), tmp_path / "data")
    for name in load(recipe).SETS:
        speakers = read_table(tmp_path / "data" / name / "utt2spk")
        published = tmp_path / "data" / name / "utt2id"
        for utt, own in read_table(published).items() if published.exists() else ():
            begin = f"{speakers[utt]}-" if speakers[utt] != "-" else ""
            assert utt.startswith(begin)
            assert utt[len(begin) :] == own.replace("/", "-").replace(" ", "_")


@pytest.mark.parametrize("recipe", COUNTED)
def test_a_corpus_in_small_is_refused_as_the_whole_one(recipe, grown, tmp_path):
    error = refused(recipe, grown(recipe), tmp_path / "data")
    assert "(found / expected)" in error
    assert error.rstrip().endswith("--allow-partial writes what is there")


@pytest.mark.parametrize("recipe", sorted(set(NAMES) - set(COUNTED)))
def test_counts_that_nobody_publishes_are_not_asserted(recipe, grown, tmp_path):
    status, said, error = prepare(recipe, grown(recipe), tmp_path / "data")
    assert status == 0, error
    assert "(how many are expected is not known)" in said


@pytest.mark.parametrize(("recipe", "trap"), TRAPS)
def test_a_trap_of_the_corpus(recipe, trap, grown, copied, tmp_path):
    change, wanted = load(recipe).TRAPS[trap]
    tree, out = copied(recipe) if change else grown(recipe), tmp_path / "data"
    if change:
        change(tree)
    if callable(wanted):
        wanted(out, succeed(recipe, tree, out))
    else:
        assert wanted in refused(recipe, tree, out)


@pytest.mark.parametrize("recipe", [n for n in NAMES if not getattr(load(n), "ANYWHERE", False)])
def test_a_folder_above_the_corpus_is_refused_and_the_right_one_named(recipe, copied, tmp_path):
    tree = copied(recipe)
    outer = Tree(tmp_path / "outer")
    outer.root.mkdir()
    tree.root.rename(outer.root / "LA")
    error = refused(recipe, outer, tmp_path / "data")
    assert "looked for " in error
    assert ", found LA" in error
    assert f"it is in {outer.root / 'LA'}: --corpus {outer.root / 'LA'}" in error


@pytest.mark.parametrize("recipe", NAMES)
def test_a_folder_that_is_no_corpus_is_refused(recipe, tmp_path):
    tree = Tree(tmp_path / "empty")
    assert "no such folder" in refused(recipe, tree, tmp_path / "data", "--allow-partial")
    tree.lines("notes.txt", ["nothing"])
    error = refused(recipe, tree, tmp_path / "data", "--allow-partial")
    assert "looked for " in error and "found notes.txt" in error


def sounds_of(recipe, tree, out):
    """(set, id, path) of every sound that stays in the corpus."""
    succeed(recipe, tree, out)
    return [
        (name, *item)
        for name in load(recipe).SETS
        for item in sorted(read_table(out / name / "wav.scp").items())
        if Path(item[1]).is_relative_to(tree.root)
    ]


@pytest.mark.parametrize("recipe", LISTED)
def test_a_missing_sound_is_named_and_the_rest_written_if_allowed(recipe, copied, tmp_path):
    tree = copied(recipe)
    name, utt, path = sounds_of(recipe, tree, tmp_path / "data")[-1]
    shutil.rmtree(tmp_path / "data")
    (tree.root / path).unlink()
    file = path.rpartition("/")[2]
    error = refused(recipe, tree, tmp_path / "data")
    if f"/{file}" not in error:  # where the list does not say what it ends in
        file = f"{file.rpartition('.')[0]}.*"
    assert f"/{file}" in error
    said = succeed(recipe, tree, tmp_path / "data")
    total = sum(load(recipe).SETS[name])
    assert f"partial: {name}: found {total - 1} / expected {total} sounds; no " in said
    assert f"/{file}" in said
    missing = read_table(tmp_path / "data" / name / "missing")
    assert list(missing) == [utt]
    assert missing[utt].endswith(f"/{file}")
    assert utt not in read_table(tmp_path / "data" / name / "utt2label")
    assert "partial: 1 sounds" in (tmp_path / "data" / name / "PROVENANCE").read_text()


@pytest.mark.parametrize("recipe", [n for n in NAMES if not getattr(load(n), "CACHED", False)])
def test_a_sound_that_is_cut_is_found_by_validation(recipe, copied, tmp_path):
    tree = copied(recipe)
    name, utt, path = sounds_of(recipe, tree, tmp_path / "data")[0]
    tree.cut(path)
    status, _, error = validate(tmp_path / "data" / name)
    assert status == 1
    assert utt in error


@pytest.mark.parametrize("recipe", LISTED)
def test_a_list_with_other_ends_of_lines_is_the_same_list(recipe, copied, tmp_path):
    tree = copied(recipe)
    succeed(recipe, tree, tmp_path / "data")
    path = tree.root / load(recipe).LIST
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    succeed(recipe, tree, tmp_path / "again")
    for table in (tmp_path / "data").glob("*/*2*"):
        other = tmp_path / "again" / table.relative_to(tmp_path / "data")
        assert other.read_bytes() == table.read_bytes()


@pytest.mark.parametrize("recipe", LISTED)
def test_an_id_that_stands_twice_is_refused(recipe, copied, tmp_path):
    tree = copied(recipe)
    path = tree.root / load(recipe).LIST
    lines = path.read_text("utf-8").splitlines()
    tree.append(load(recipe).LIST, lines[-1])
    error = refused(recipe, tree, tmp_path / "data", "--allow-partial")
    assert f"{path}:{len(lines) + 1}: '" in error
    assert "stands here a second time" in error
