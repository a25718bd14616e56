"""Packs go to a hub and come from one; with no network they come from the cache, or not at all."""

import errno
import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from fake_hub import COMMIT, fake_hub
from huggingface_hub import errors
from made_up import worker
from small_packs import make_sounds, make_systems, parts_of

from antispoof import Detector
from antispoof.errors import UserError
from antispoof.systems.hub import refusal, upload
from antispoof.systems.pack import make_pack, read_card

NAME, PLACE, ADDRESS = "wave_seed1", "me/tiny", "hf://me/tiny"
SCRIPT = """
import json, os, sys
from antispoof import Detector
from antispoof.systems.hub import upload
from antispoof.errors import UserError
for action, *words in json.loads(sys.argv[1]):
    try:
        if action == "token":
            os.environ["HF_TOKEN"] = words[0]
            continue
        print(json.dumps(upload(*words) if action == "up" else Detector.load(*words)("0.wav").llr))
    except UserError as error:
        print(json.dumps(str(error)))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an experiment, a pack of it and a sound."""
    folder = tmp_path_factory.mktemp("hub")
    make_pack(make_systems(folder, (NAME,)) / NAME, folder / "x.zip")
    make_sounds(folder, 1)
    return folder


def answers(place, environment, *actions):
    """What each of `actions` comes to, in a process of its own: huggingface_hub reads its
    environment once."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(actions)],
        cwd=place,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_pack_goes_up_and_comes_down_and_stays_in_the_cache(place, tmp_path):
    expected = Detector.load(place / "exp" / NAME, "cpu")(str(place / "0.wav")).llr
    card = read_card(place / "x.zip")
    assert card == parts_of(place / "x.zip")["README.md"].decode()
    up, down = ("up", "x.zip", PLACE, card), ("down", ADDRESS, "cpu")
    with fake_hub() as hub:
        environment = hub.environment(tmp_path)
        missing = ("down", "hf://me/none", "cpu")
        stated = ("down", f"{ADDRESS}@{COMMIT}", "cpu")
        wrong = (("token", "hf_other"), ("up", "x.zip", "me/other", card))
        found = answers(place, environment, up, down, down, stated, missing, *wrong)
        assert found[:4] == [ADDRESS, expected, expected, expected]
        assert found[4] == (
            "hf://me/none: cannot be fetched: the repository holds no model.zip; it is no pack"
        )
        assert found[5] == (
            "me/other: cannot be uploaded: the token is not valid; run hf auth login"
        )
        assert all(len(str(line).splitlines()) == 1 for line in found)
        assert hub.files == {
            (PLACE, "model.zip"): (place / "x.zip").read_bytes(),
            (PLACE, "README.md"): card.encode(),
        }
        whole = f"/{PLACE}/resolve/main/model.zip"
        assert [method for method, path in hub.asked if path == whole].count("GET") == 1
        assert sum(path.endswith(f"{COMMIT}/model.zip") for _, path in hub.asked) <= 1
    assert answers(place, environment, down) == [expected]  # though nobody answers any more


def no_hub(home):
    """An environment in which no hub answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    names = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_TOKEN": "hf_a_token"}
    return {**names, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def test_without_a_network_both_are_one_line(place, tmp_path, monkeypatch):
    for name, value in no_hub(tmp_path).items():
        monkeypatch.setenv(name, value)
    pack = tmp_path / "y.zip"
    status, out, error = worker(
        "utils/pack_model.py", f"exp/{NAME}", pack, "--upload", PLACE, cwd=place
    )
    assert status == 1 and len(error.splitlines()) == 1
    assert error == (
        f"utils/pack_model.py: {PLACE}: cannot be uploaded: the hub cannot be reached; is there a "
        "network?\n"
    )
    assert f"{pack}: {NAME}, " in out and pack.read_bytes() == (place / "x.zip").read_bytes()
    (line,) = answers(place, {}, ("down", ADDRESS, "cpu"))
    assert line == (
        f"{ADDRESS}: cannot be fetched: it is not in the cache, and the hub cannot be reached; is "
        "there a network?"
    )


@pytest.mark.parametrize("address", ["hf://", "hf://me", "hf://a/b/c", "hf://a b/x", "hf://a/b@"])
def test_an_address_of_another_form_is_one_line(address):
    with pytest.raises(UserError, match="wanted hf://USER/NAME, or hf://USER/NAME@REVISION"):
        Detector.load(address, "cpu")
    with pytest.raises(UserError, match="wanted USER/NAME, a repository of models"):
        upload("x.zip", address.removeprefix("hf://"), "card")


def hub_error(name, status=0, cause=None):
    """An error as huggingface_hub raises it."""
    kind = getattr(errors, name)
    if not status:
        error = kind("what the package says")
    else:
        answer = SimpleNamespace(status_code=status, headers={}, request=None)
        error = kind("what the package says", response=answer)
    error.__cause__ = cause
    return error


OFFLINE = hub_error("OfflineModeIsEnabled")
CAUSES = {  # words of the line: an error
    "x: disk full; free some space": OSError(errno.ENOSPC, "No space left on device", "x"),
    "x: Permission denied; wanted a place": OSError(errno.EACCES, "Permission denied", "x"),
    "its owners ask for consent": hub_error("GatedRepoError", 403),
    "there is no such repository, or the token": hub_error("RepositoryNotFoundError", 404),
    "there is no such revision": hub_error("RevisionNotFoundError", 404),
    "the repository holds no model.zip": hub_error("RemoteEntryNotFoundError", 404),
    "the token is not valid": hub_error("HfHubHTTPError", 401),
    "the token has no right": hub_error("HfHubHTTPError", 403),
    "the hub is asked too often": hub_error("HfHubHTTPError", 429),
    "the hub has a fault of its own (503)": hub_error("HfHubHTTPError", 503),
    "it is not in the cache, and the hub may not be asked": hub_error(
        "LocalEntryNotFoundError", cause=OFFLINE
    ),
    "it is not in the cache, and the hub has a fault of its own (500)": hub_error(
        "LocalEntryNotFoundError", cause=hub_error("HfHubHTTPError", 500)
    ),
    "KeyError: 'y'": KeyError("y"),
}


@pytest.mark.parametrize("words", CAUSES)
def test_a_refusal_says_its_own_cause_and_no_other(words):
    line = str(refusal(ADDRESS, "cannot be fetched", CAUSES[words]))
    assert line.startswith(f"{ADDRESS}: cannot be fetched: {words}")
    assert [other for other in CAUSES if f": {other}" in line] == [words]
