"""steps/demo.py with a model of a hub asks for it once: all on the page is of one model."""

from fake_hub import fake_hub
from page_server import ask, program

from antispoof.systems.pack import make_pack


def test_a_model_of_a_hub_is_asked_for_once(model, tmp_path, monkeypatch):
    make_pack(model, tmp_path / "x.zip")
    with fake_hub() as hub:
        hub.files["me/tiny", "model.zip"] = (tmp_path / "x.zip").read_bytes()
        for name, value in hub.environment(tmp_path / "home").items():
            monkeypatch.setenv(name, value)
        with program("hf://me/tiny") as (address, _):
            text = ask(address)[2]
        place = "/me/tiny/resolve/main/model.zip"
        methods = [method for method, path in hub.asked if path == place]
    assert "hf://me/tiny" in text
    assert methods.count("HEAD") == 1 and methods.count("GET") <= 1
