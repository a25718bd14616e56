"""What the page refuses, in one line: what is no sound, too much of it, and strangers."""

import contextlib
import re
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from page_server import ask, convert, score, served
from sounds import bad_sounds

from antispoof.demo import limits, uploads
from antispoof.demo.about import About
from antispoof.demo.app import WAITING, create_app
from antispoof.demo.serve import listen
from antispoof.errors import UserError


@pytest.fixture(scope="module")
def page(detector):
    """The address of the page."""
    with served(create_app(detector, About("tiny"))) as address:
        yield address


def test_what_is_no_sound_is_one_line_and_leaves_nothing(page, temporary, tmp_path):
    for what, (place, words) in bad_sounds(tmp_path / "bad").items():
        if what in ("missing", "a folder", "pipe", "pipe with offset", "stereo", "8 kHz"):
            continue
        name = Path(place).name
        status, found = score(page, Path(place).read_bytes(), name)
        assert 400 <= status < 500, what
        assert words in found["error"] and found["error"].startswith(f"{name}: "), found
        assert len(found["error"].splitlines()) == 1
        assert str(temporary) not in found["error"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("encoded_chunked", [False, True])
def test_what_is_too_large_is_one_line(page, monkeypatch, encoded_chunked):
    monkeypatch.setattr(limits, "BYTES", 1_000_000)
    body = bytes(1_000_001)
    parts = (body[n : n + 65536] for n in range(0, len(body), 65536))
    status, found = score(page, parts if encoded_chunked else body, "big.wav")
    assert status == 413
    assert found["error"].startswith("big.wav: found more than 1 MB, wanted at most that; cut it")
    status, found = score(page, bytes(1_000_000), "large.wav")  # as much as is taken
    assert (status, found["error"][:28]) == (422, "large.wav: cannot be decoded")


def test_a_body_without_end_is_not_read_to_its_end(page, monkeypatch):
    monkeypatch.setattr(limits, "BYTES", 1_000_000)
    sent = []

    def endless():
        while len(sent) < 10_000:
            sent.append(1)
            yield bytes(65536)

    with pytest.raises(OSError):
        score(page, endless(), "endless.wav")
    assert len(sent) < 1000


def _read_whole(link):
    """What comes until the other side closes; head and body may come in two pieces."""
    with link.makefile("rb") as stream:
        return stream.read().decode()


def test_bodies_that_do_not_come_give_up_their_places(page, wavs, monkeypatch):
    """As many as may wait send a head and no more; then the page takes sounds again."""
    monkeypatch.setattr(limits, "PATIENCE", 2)
    host, port = urlsplit(page).hostname, urlsplit(page).port
    head = f"POST /detect?name=slow HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 9\r\n\r\n"
    body = Path(wavs[0]).read_bytes()
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection((host, port), 60)) for _ in range(WAITING)
        ]
        for link in slow:
            link.sendall(head.encode())
        time.sleep(0.5)
        assert score(page, body)[0] == 503
        answers = [_read_whole(link) for link in slow]
        assert all(answer.startswith("HTTP/1.1 408 ") for answer in answers)
        assert "slow: not all of it came in 2 s" in answers[0]
    assert score(page, body)[0] == 200


def test_a_rate_that_no_sound_has_is_one_line(page, wavs, tmp_path):
    data = bytearray(convert(wavs[0], tmp_path / "x.wav").read_bytes())
    data[24:28] = (1_999_993).to_bytes(4, "little")
    status, found = score(page, bytes(data), "x.wav")
    assert (status, found["error"]) == (422, "x.wav: found 1999993 Hz, wanted 100 to 1000000 Hz")


LONG = {"x.wav": [], "x.wma": [], "x.flac": [], "x.mp3": ["-b:a", "8k"], "x.webm": ["-b:a", "6k"]}


@pytest.mark.parametrize("name", LONG)
def test_what_is_too_long_is_one_line_whatever_its_header_says(page, monkeypatch, tmp_path, name):
    monkeypatch.setattr(limits, "SECONDS", 60)
    soundfile.write(tmp_path / "source.wav", np.zeros(8000 * 62), 8000)
    path = tmp_path / name
    convert(tmp_path / "source.wav", path, *LONG[name])
    if name == "x.flac":  # its header says a second; its damaged frame makes FFmpeg read it all
        data = bytearray(path.read_bytes())
        data[21] &= 0xF0
        data[22:42] = (8000).to_bytes(4, "big") + bytes(16)
        data[data.index(b"\xff\xf8") + 7] ^= 0xFF
        path.write_bytes(data)
    status, found = score(page, path.read_bytes(), name)
    assert status == 413
    assert found["error"].startswith(f"{name}: found more than 1 minutes of sound")


def test_what_has_too_many_samples_is_one_line(page, monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "SAMPLES", 100_000)
    soundfile.write(tmp_path / "x.wav", np.zeros((16000, 7)), 48000)
    status, found = score(page, (tmp_path / "x.wav").read_bytes())
    assert status == 413
    assert found["error"].startswith("x.wav: found more samples than ")


STRANGERS = {
    "a name that leads here": {"Host": "attacker.example"},
    "a name that begins like ours": {"Host": "localhost.attacker.example:8000"},
    "no name": {"Host": ""},
    "a post of another site": {"Origin": "https://attacker.example"},
    "a post of a file or a sandbox": {"Origin": "null"},
    "a post of another program here": {"Origin": "http://127.0.0.1:1"},
    "a post without its origin": {"Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.parametrize("what", STRANGERS)
def test_others_are_refused(page, wavs, what):
    body, headers = Path(wavs[0]).read_bytes(), STRANGERS[what]
    status, found, text = ask(page, "POST", "/detect?name=x", body, **headers)
    assert (status, len(text.splitlines())) == (403, 1)
    assert found["Content-Security-Policy"].startswith("default-src 'none'; ")
    if "Host" in headers:
        assert ask(page, **headers)[0] == 403


def test_the_page_itself_and_programs_of_this_machine_are_served(page, wavs):
    body, own = Path(wavs[0]).read_bytes(), page.rstrip("/")
    for headers in ({}, {"Origin": own, "Sec-Fetch-Site": "same-origin"}):
        assert ask(page, "POST", "/detect?name=x", body, **headers)[0] == 200
    assert ask(page, Host="localhost:9999")[0] == 200
    assert [ask(page, path=path)[0] for path in ("/x", "/detect", "/../page.py")] == [404, 405, 404]


def test_only_this_machine_reaches_it_and_a_port_is_taken_once():
    with listen(0) as listening:
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(UserError, match=f"--port {port}: Address already in use"):
            listen(port)
    with pytest.raises(UserError, match="--port 70000: "):
        listen(70000)


def test_files_of_the_page_name_no_other_place_and_hold_no_script(page):
    status, headers, text = ask(page)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Server"] is None
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in str(policy) and "http" not in str(policy)
    assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) == [""]
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    for path in ("/page.css", "/page.js", "/timeline.js"):
        status, headers, more = ask(page, path=path)
        assert status == 200 and headers["X-Content-Type-Options"] == "nosniff"
        text += more
    assert "//" not in re.sub(r"^//.*|; //.*", "", text, flags=re.M)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\sounds\\a.wav", "a.wav"),
        ("a\nb\x1b[31m.wav", "a b [31m.wav"),
        ("", "sound"),
        ("x" * 300 + ".wav", "x" * 96 + ".wav"),
    ],
)
def test_a_name_is_one_short_line_without_folders(page, given, shown):
    status, found = score(page, b"no sound", given)
    assert (status, found["error"].partition(": ")[0]) == (422, shown)


def test_the_file_is_private_while_it_is_read(wavs, temporary, monkeypatch):
    seen, read = [], uploads.open_sound

    def look(path):
        seen.append((path.parent.parent, oct(path.parent.stat().st_mode & 0o777)))
        return read(path)

    monkeypatch.setattr(uploads, "open_sound", look)
    sound = uploads.sound_of(Path(wavs[0]).read_bytes(), "name of it.wav")
    assert (sound.name, sound.place) == ("name of it", "name of it.wav")
    assert seen == [(temporary, "0o700")]
    assert list(temporary.iterdir()) == []
