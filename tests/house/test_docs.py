"""The pages say what is there: links, programs, options, paths and numbers, and the site builds."""

import functools
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from made_up import ROOT
from tree import FILES, RECIPES, name, offenders, text

PAGES = [path for path in FILES if path.suffix == ".md"]
README = ROOT / "README.md"
OTHERS = {
    "source",
    "pip",
    "make",
    "ffmpeg",
    "tests/run.sh",
    "tests/lint.sh",
    "cd",
}  # with options of others
TOP = r"(?:antispoof|benchmarks|conf|docs|egs|steps|tests|tools|utils)/"


def build(root, site):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def test_the_site_builds_in_strict_mode_and_needs_no_network(tmp_path):
    done = build(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    built = [page for page in PAGES if not name(page).startswith("utils/")]  # those are templates
    assert len(pages) > len(built)
    for page in pages:
        assert not re.search(r'(src|<link[^>]*href)="(https?:)?//', text(page)), page


def test_a_broken_link_of_any_page_stops_the_build(tmp_path):
    for path in FILES:
        (tmp_path / name(path)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, tmp_path / name(path))
    assert build(tmp_path, tmp_path / "site").returncode == 0
    for page in ("CONTRIBUTING.md", "docs/models.md"):
        kept = text(tmp_path / page)
        (tmp_path / page).write_text(kept + "\n[gone](nowhere.md)\n")
        done = build(tmp_path, tmp_path / "site")
        assert done.returncode != 0 and f"'{page}' contains a link 'nowhere.md'" in done.stderr
        (tmp_path / page).write_text(kept)


def test_every_page_of_docs_is_in_the_navigation():
    nav = yaml.safe_load(text(ROOT / "mkdocs.yml"))["nav"]
    listed = [target for entry in nav for target in entry.values()]
    assert {name(page) for page in PAGES if page.parent == ROOT / "docs"} <= set(listed)


def test_links_lead_to_files_that_are_there():
    gone = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text(page)):
            if "://" not in link and not (page.parent / link).exists():
                gone.append(f"{name(page)}: {link}")
    assert gone == []


def there(path):
    """Whether `path` is in the root or, as a file of conf/, in a recipe."""
    recipes = [recipe.parent for recipe in RECIPES] if path.startswith("conf/") else []
    return any((folder / path).exists() for folder in (ROOT, *recipes))


def commands(page):
    """Every command of a page's sh blocks, and of blocks set in by four spaces, as words."""
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text(page), re.DOTALL)
             for line in block.splitlines()]  # fmt: skip
    lines += re.findall(rf"^    ((?:\./run\.sh|{TOP}\S+ ).*)$", text(page), re.MULTILINE)
    for line in lines:
        for part in re.split(r" && |; ", re.split(r"\s+#", line)[0]):
            if part.strip():
                yield shlex.split(part)


@functools.cache
def options_of(*program):
    """The options that `program --help` names."""
    done = subprocess.run([*program, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (program, done.stderr)
    return frozenset(re.findall(r"(?<![\w-])--[a-z][\w-]*", done.stdout))


def local(recipe):
    """The worker that reads a recipe's corpus."""
    return f"egs/{recipe}/local/prepare_data.py"


def unknown_options(program, words):
    known = options_of(program)
    if program == "benchmarks/mutation.py":
        commands = [word for word in words if word in ("faults", "sample", "measure", "draw")]
        known |= options_of(program, *commands[:1])
    for index, word in enumerate(words):
        if words[index - 1] == "--train-options":  # options of another program, as one word
            yield from unknown_options("steps/train.py", word.split())
        elif words[index - 1] == "--local-options" and not words[0].startswith("-"):
            yield from unknown_options(local(words[0]), word.split())
        elif word.startswith("--") and word.partition("=")[0] not in known:
            yield f"{program} {word}"


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page))], ids=name)
def test_commands_name_programs_files_and_options_that_exist(page):
    wrong = []
    for program, *words in commands(page):
        if program in OTHERS:
            continue
        if not (ROOT / program).is_file() or not (ROOT / program).stat().st_mode & 0o111:
            wrong.append(program)
        elif any(word.startswith("--") for word in words):
            wrong += unknown_options(program, words)
        for word in words:
            wrong += [word] if word.startswith("conf/") and not there(word) else []
    assert wrong == []


def code(page):
    """The inline code of a page."""
    prose = re.sub(r"^ *```.*?^ *```", "", text(page), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", prose)


def test_every_option_in_the_text_is_one_of_some_program():
    programs = [path for path in FILES if re.fullmatch(r"(steps|utils|tools)/\w+\.py", name(path))]
    others = {"--nnodes", "--logdir", "--utt_extra_files", "--extra_files"}  # torchrun's, Kaldi's
    known = {"--help", *others}.union(*map(options_of, ["./run.sh", *programs]))
    others = ("tools/setup.sh", local("mini"), local("decro"), "benchmarks/chaos.py")
    known = known.union(*map(options_of, others))
    found = {
        (name(page), option)
        for page in PAGES
        for span in code(page)
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", span)
    }
    assert len(found) > 20
    unknown = {pair for pair in found if pair[1] not in known}
    for page, option in sorted(unknown):  # a page of a recipe names options of its own worker too
        recipe = re.fullmatch(r"egs/(\w+)/\w+\.md", page)
        if recipe and option in options_of(local(recipe[1])):
            unknown.remove((page, option))
    assert unknown == set()


def test_every_path_in_the_text_is_there():
    found, gone = 0, []
    for page in PAGES:
        for span in code(page):
            path = re.match(rf"{TOP}[\w./-]*", span)
            if path and path[0] == span and "NAME" not in span and "PROVENANCE" not in span:
                found += 1
                gone += [] if there(span) else [f"{name(page)}: {span}"]
    assert found > 40
    assert gone == []


def test_every_pattern_of_files_in_the_text_matches_one():
    spans = {(name(page), span) for page in PAGES for span in code(page)}
    patterns = {pair for pair in spans if re.fullmatch(rf"{TOP}[\w./-]*\*[\w./*-]*", pair[1])}
    assert len(patterns) > 4
    assert [pair for pair in sorted(patterns) if not any(ROOT.glob(pair[1]))] == []


def test_the_readme_is_short_and_has_six_links():
    assert len(text(README).splitlines()) <= 90
    assert len(re.findall(r"\]\(", text(README))) == 6


def rows(page):
    """{first cell: set of the other cells} of every row of the page's tables."""
    found = {}
    for first, rest in re.findall(r"^\| ([^|]+) \| (.*) \|$", text(page), re.MULTILINE):
        found.setdefault(first, set()).update(rest.split(" | "))
    return found


def test_the_numbers_of_the_readme_are_the_recorded_ones():
    recorded, shown = rows(ROOT / "egs/mini/RESULTS.md"), rows(README)
    numbers = {first: cells for first, cells in shown.items() if any("±" in c for c in cells)}
    assert len(numbers) == 14
    for first, cells in numbers.items():
        assert cells <= recorded[first], first


def test_the_glossary_explains_twelve_words():
    assert len(re.findall(r"^\*\*[^*]+\*\*.*\. ", text(ROOT / "docs/glossary.md"), re.M)) == 12


def test_sources_are_named_and_not_numbered():
    numbered = r"(?i)\bdocument[ _](00|o0)\d\b"
    assert offenders(FILES, numbered, but=("tests/house/test_docs.py",)) == []
    references = text(ROOT / "REFERENCES.md")
    for source in ("Qishan Zhang", "Bigford", "arXiv 2606.11674"):
        assert source in references
