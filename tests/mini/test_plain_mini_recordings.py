"""egs/mini: what made-up packages hold, who speaks it, which text is read in which split."""

import json

import pytest
from mini_packages import sound, write_table
from plain_mini import seed_of

from corpus import design, environment, recordings, texts

ASTERISK = "asterisk-core-sounds-{0}-g722/usr/share/asterisk/sounds/{0}"
STAMPS = "tuxpaint-stamps-default/usr/share/tuxpaint/stamps"
RUSSIAN = "festvox-ru/usr/share/festival/voices/russian/msu_ru_nsh_clunits"
GAME = "usr/share/games/fillets-ng"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Empty packages, each in a folder of its name."""
    folders = {p: tmp_path / p for p in (*design.DATA_PACKAGES, "festvox-ru")}
    write_table(tmp_path / "table", folders)
    monkeypatch.setenv(environment.VARIABLE, str(tmp_path / "table"))
    yield tmp_path
    environment.packages.cache_clear()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def dialogue(name, role, english, text):
    quoted = json.dumps(text, ensure_ascii=False)
    return f'dialogId("{name}", "{role}", "{english}")\n\n  dialogStr({quoted})\n'


def rows(found):
    return [(r.name, r.speaker, r.lang, r.sex, r.package, r.seconds, r.text) for r in found]


def test_prompts_are_of_five_people(tree):
    people = {
        "en": "allison f",
        "es": "allison f",
        "fr": "june f",
        "it": "carlo m",
        "ru": "ivrru f",
    }
    for number, lang in enumerate(people):
        root = tree / ASTERISK.format(lang)
        write(root / "sub/hello.g722", bytes([number]) * (8000 + 400 * number))
        for name in ("beeperr", "tones", "ascending-2", "dtmf", "music-on", "boing", "silence/9"):
            write(root / f"{name}.g722", name.encode())
        write(root / "hello.gsm", b"x")
    wanted = []
    for number, (lang, person) in enumerate(people.items()):
        speaker, sex = person.split()
        package = f"asterisk-core-sounds-{lang}-g722"
        name, seconds = f"{package}/{lang}/sub/hello.g722", 1 + number / 20
        wanted.append((name, f"ast_{speaker}", lang, sex, package, pytest.approx(seconds), ""))
    assert rows(recordings.collect()) == wanted


def test_stamps_are_of_nine_volunteers_at_16_khz_or_more(tree):
    men, women = ("bg", "ca", "da", "fr", "ru"), ("be", "el", "es", "ro")
    for number, lang in enumerate((*men, *women, "xx")):
        sound(tree / STAMPS / f"a/dog_desc_{lang}.ogg", 1 + number / 8, number, 16000)
        sound(tree / STAMPS / f"a/cat_desc_{lang}.ogg", 1, 50 + number, 15999)
    write(tree / STAMPS / "a/dog.txt", "A dog .\nbg.utf8= куче=а \nca=Un gos.\nda.utf8=Hund")
    package, found = "tuxpaint-stamps-default", recordings.collect()
    assert [r.lang for r in found] == sorted((*men, *women))
    said = {"bg": "куче=а", "da": "Hund"}
    for number, lang in enumerate((*men, *women)):
        (one,) = (r for r in found if r.lang == lang)
        assert (one.speaker, one.sex) == (f"tux_{lang}", "m" if lang in men else "f")
        assert (one.name, one.package) == (f"{package}/a/dog_desc_{lang}.ogg", package)
        assert one.seconds == pytest.approx(1 + number / 8, abs=1e-4)
        assert one.text == said.get(lang, "")
        assert one.path.is_file()


def test_a_stamps_text_begins_with_english(tree):
    write(tree / "x.txt", "  A hen. \nsv.utf8=En höna\nfr=Une poule\nde.utf8=Henne\n")
    assert recordings.stamp_texts(tree / "x.txt") == {
        "en": "A hen.",
        "sv": "En höna",
        "de": "Henne",
    }
    write(tree / "x.txt", b"")
    assert recordings.stamp_texts(tree / "x.txt") == {"en": ""}
    write(tree / "x.txt", b"caf\xe9")
    assert recordings.stamp_texts(tree / "x.txt") == {"en": "caf\N{REPLACEMENT CHARACTER}"}
    assert recordings.stamp_texts(tree / "none.txt") == {}


def test_the_russian_voice_is_one_man_without_marks_of_stress(tree):
    write(tree / RUSSIAN / "etc/txt.done.data", '( ru_1 "М+олоко и (\\"") " )\n( ru_2 "Да, +я" )\n')
    for number in (1, 2):
        sound(tree / RUSSIAN / f"wav/ru_{number}.wav", 1.5 * number, number)
    rest = ("nsh", "ru", "m", "festvox-ru")
    assert rows(recordings.collect()) == [
        ("festvox-ru/ru_1", *rest, 1.5, 'Молоко и (\\"") '),
        ("festvox-ru/ru_2", *rest, 3.0, "Да, я"),
    ]


def test_fish_are_two_actors_of_each_language(tree):
    for number, lang in enumerate(("cs", "nl")):
        lines = dialogue("a", "font_small", "One, two.", f'"{lang}" jedna')
        lines += dialogue("b", "big", "Three.", f"{lang} tři") + dialogue(
            "c", "font_crab", "F", "x"
        )
        write(tree / f"fillets-ng-data/{GAME}/script/cave/more_dialogs_{lang}.lua", lines)
        for place, line in enumerate("abcd"):
            root = tree / f"fillets-ng-data-{lang}/{GAME}/sound"
            sound(root / f"cave/{lang}/{line}.ogg", 1.5, 10 * number + place)
            sound(root / f"bay/{lang}/{line}.ogg", 1.5, 100 + 10 * number + place)
    found = recordings.collect()
    assert [(r.name, r.speaker, r.sex, r.text) for r in found] == [
        (f"fillets-ng-data-{lang}/cave/{lang}/{line}.ogg", f"fil_{lang}_{fish}", sex, text)
        for lang in ("cs", "nl")
        for line, fish, sex, text in (
            ("a", "small", "f", f'"{lang}" jedna'),
            ("b", "big", "m", f"{lang} tři"),
        )
    ]
    assert {(r.lang, r.package, r.seconds) for r in found} == {
        (lang, f"fillets-ng-data-{lang}", 1.5) for lang in ("cs", "nl")
    }
    assert recordings.dialogues("nl")["cave", "a"] == ("small", "One, two.", '"nl" jedna')


def test_one_text_in_two_languages_is_two_texts(tree):
    def one(name, content, lang, text):
        write(tree / name, content)
        return recordings.Recording(name, tree / name, "s", lang, "f", "p", 2.0, text)

    found = [
        one("a", "1", "fr", "Non, non!"),
        one("b", "2", "es", "non non"),
        one("c", "3", "fr", "NON — non"),
        one("d", "4", "fr", ""),
        one("e", "5", "fr", ""),
        one("f", "4", "ru", "да"),  # the bytes of d
        one("g", "6", "ru", "да"),
    ]
    kept = recordings._without_duplicates(found)
    assert [r.name for r in kept] == ["a", "b", "d", "e"]


def test_texts_are_the_same_where_letters_and_digits_are():
    assert recordings.normalise(" Ｆull—WIDTH ½, it's_so\n2! ") == "full width 1 2 it s_so 2"
    assert recordings.normalise("STRASSE") == recordings.normalise("Straße!")
    assert recordings.normalise("e\u0301t\xe9") == "\xe9t\xe9"


@pytest.mark.parametrize(("text", "readable"), [
    ("a" * 18, True), ("a" * 17, False), ("b" * 58, True), ("b" * 59, False),
    ("Eighteen letters, don't-you?!", True), ("Two words of this_kind here", False),
    ("Eight 8 letters in it", False), ("2nd of the words in it", False),
    ("No signs (at all) in it", False),
    (" begins with a blank here", False), ("ends in a comma, as it is,", False),
])  # fmt: skip
def test_only_whole_sentences_are_readable(text, readable):
    assert texts.is_readable(text) == readable


@pytest.fixture
def read(tree):
    """Two stamps and a game in two languages; returns what is read where."""
    stamps = (
        "A sheep that eats grass.\nfr.utf8=Un mouton qui mange.\nxx.utf8=Qqq wwww eeee rrrr tt.\n"
    )
    write(tree / STAMPS / "a/sheep.txt", stamps)
    for lang in ("es", "de"):
        lines = dialogue(
            "a", "font_small", f"Words for {lang}, as such.", f"Palabras {lang} son estas."
        )
        write(
            tree / f"fillets-ng-data/{GAME}/script/cave/dialogs_{lang.replace('de', 'nl')}.lua",
            lines,
        )
        write(tree / f"fillets-ng-data/{GAME}/script/cave/dialogs_pl.lua", lines)
    return tree


def test_texts_come_from_stamps_games_and_people(read):
    spoken = [
        recordings.Recording("n", read, "s", "it", "f", "p", 2.0, " Una frase ben letta. "),
        recordings.Recording("m", read, "s", "it", "f", "p", 2.0, "Breve."),
    ]
    assert texts.candidates(spoken) == {
        ("en", "A sheep that eats grass."), ("fr", "Un mouton qui mange."),
        ("xx", "Qqq wwww eeee rrrr tt."), ("en", "Words for es, as such."),
        ("es", "Palabras es son estas."), ("en", "Words for de, as such."),
        ("nl", "Palabras de son estas."), ("it", "Una frase ben letta."),
    }  # fmt: skip
    assert set(texts.DIALOGUE_LANGUAGES) == {"bg", "cs", "es", "fr", "it", "nl", "ru"}


def test_a_text_that_nobody_reads_goes_where_its_hash_says(tree):
    lines = [f"word {letter * 6} and others" for letter in "abcdefghijklmnop"]
    for number, line in enumerate(lines):
        write(tree / STAMPS / f"a/{number}.txt", f"{line}\nru.utf8={line} да\n")
    people = {"eval": {("a", "ru"), ("b", "en")}, "dev": {("c", "en")}, "train": {("d", "en")}}
    chosen = texts.by_split([], people)
    for line in lines:
        home = ("dev", "eval", "train")[seed_of("en", recordings.normalise(line)) % 3]
        assert [s for s in chosen if line in chosen[s]["en"]] == [home]
    assert chosen["eval"]["ru"] == sorted(f"{line} да" for line in lines)
    assert chosen["dev"].keys() == {"en"}


def test_a_text_that_somebody_reads_stays_with_who_does(tree):
    def said(speaker, text, package="p", lang="en"):
        return recordings.Recording(speaker, tree, speaker, lang, "f", package, 2.0, text)

    lines = [f"word {letter * 6} and others" for letter in "abcdefgh"]
    for number, line in enumerate([*lines, "Word AAAAAA, and others"]):
        write(tree / STAMPS / f"a/{number}.txt", f"{line}\n")
    spoken = [said("c", line) for line in lines[:3]] + [said("stranger", lines[3])]
    spoken += [said("b", lines[4], "festvox-ru"), said("c", lines[5], lang="fr")]
    chosen = texts.by_split(spoken, {"eval": {("b", "en")}, "dev": {("c", "en")}})
    assert {"Word AAAAAA, and others", *lines[1:3]} <= set(chosen["dev"]["en"])
    assert lines[0] not in chosen["dev"]["en"]  # the same text, once
    everything = {*chosen["dev"]["en"], *chosen["eval"]["en"]}
    assert not everything & {lines[3], lines[4]}
    assert {lines[5], lines[6], lines[7]} <= everything
    assert not set(chosen["eval"]["en"]) & set(lines[:3])
