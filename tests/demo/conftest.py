"""A small model for the page, and speech of the embedded corpus."""

import tempfile

import pytest
from page_server import embedded_speech, make_model

from antispoof import Detector


@pytest.fixture(scope="session")
def wavs(tmp_path_factory):
    return list(embedded_speech(tmp_path_factory.mktemp("mini") / "data").values())[::20]


@pytest.fixture(scope="session")
def model(tmp_path_factory, wavs):
    return make_model(tmp_path_factory.mktemp("model") / "m", wavs)


@pytest.fixture(scope="session")
def detector(model):
    return Detector.load(model, "cpu")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, empty."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"
