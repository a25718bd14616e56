"""Nothing in a checkpoint runs, whatever it is; and a damaged one is refused in one line."""

import argparse
import os
import pickle
from pathlib import Path

import pytest
import torch
from ssl_models import fairseq_settings, fairseq_weights, hugging_face

from antispoof.errors import UserError
from antispoof.ssl import convert, load_local
from antispoof.ssl.pickles import read_pickled


class Runs:
    """Pickles as a call of `function` with `argument`."""

    def __init__(self, function, argument):
        self.call = function, (argument,)

    def __reduce__(self):
        return self.call


def touch(path):
    Path(path).touch()


CALLS = [
    (os.system, "touch {}", r"(posix|nt)\.system"),
    (eval, "open({!r}, 'w')", "eval"),
    (exec, "open({!r}, 'w')", "exec"),
    (touch, "{}", r"test_checkpoint_safety\.touch"),
]
FORMS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-1.6"])


@FORMS
@pytest.mark.parametrize(("function", "argument", "name"), CALLS)
def test_a_pickle_that_calls_is_refused_by_name(tmp_path, function, argument, name, zipped):
    ran = tmp_path / "ran"
    bad = Runs(function, argument.format(str(ran)))
    places = (
        {"cfg": {"model": {}, "task": bad}, "model": {}},
        {"args": argparse.Namespace(arch=bad), "model": {}},
        {"model": {"weight": bad}},
    )
    for state in places:
        torch.save(state, tmp_path / "in.pt", _use_new_zipfile_serialization=zipped)
        with pytest.raises(UserError, match=f"in.pt: names .*{name}"):
            convert(tmp_path / "in.pt")
        with pytest.raises(UserError, match="in.pt"):
            load_local(tmp_path / "in.pt")
    assert not ran.exists()


@pytest.mark.parametrize(("function", "argument", "name"), CALLS)
def test_a_folder_with_a_pickle_that_calls_is_refused_too(tmp_path, function, argument, name):
    ran = tmp_path / "ran"
    hugging_face("wav2vec2_large", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    bad = Runs(function, argument.format(str(ran)))
    torch.save({"weight": bad}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=f"pytorch_model.bin: names .*{name}"):
        convert(tmp_path)
    assert not ran.exists()


def test_what_bears_a_harmless_name_is_not_called_either(tmp_path):
    """numpy.save exists and could be called; its name gets a stand-in that does nothing."""
    call = b"cnumpy\nsave\n" + pickle.dumps((str(tmp_path / "ran"), 1), 2)[2:-1] + b"R"
    body = b"\x80\x02}X\x03\x00\x00\x00cfg" + call + b"s."
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    head = (torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION, machine)
    data = b"".join(pickle.dumps(item, 2) for item in head) + body + pickle.dumps([], 2)
    (tmp_path / "in.pt").write_bytes(data)
    pickle.loads(body)  # the pickle is a working one
    (tmp_path / "ran.npy").unlink()
    assert [*read_pickled(tmp_path / "in.pt")] == ["cfg"]
    with pytest.raises(UserError, match="holds cfg; wanted fairseq's"):
        convert(tmp_path / "in.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["in.pt"]


EXPRESSIONS = [
    "__import__('pathlib').Path({!r}).touch() or [(16,10,5)]",
    "[(16,10,5)] * 10 ** 9",
    "[(16,10,5)] if open({!r}, 'w') else []",
    "[(16, 10)]",
    "[1]",
    "[]",
    "(" * 900,
    "0" * 2000,
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_text_that_s3prl_would_evaluate_is_only_read(tmp_path, text):
    hugging_face("wav2vec2_large", tmp_path / "hf")
    checkpoint, _ = convert(tmp_path / "hf")
    ran = tmp_path / "ran"
    checkpoint["model_cfg"]["conv_feature_layers"] = text.format(str(ran))
    torch.save(checkpoint, tmp_path / "bad.pt")
    with pytest.raises(UserError, match="conv_feature_layers.*it was not run"):
        load_local(tmp_path / "bad.pt")
    cfg = {"model": {**fairseq_settings(), **checkpoint["model_cfg"]}, "task": {}}
    torch.save({"cfg": cfg, "model": checkpoint["model_weight"]}, tmp_path / "in.pt")
    with pytest.raises(UserError, match="conv_feature_layers.*it was not run"):
        convert(tmp_path / "in.pt")
    assert not ran.exists()


CONTENTS = [b"", b"not a checkpoint", pickle.dumps([1]), pickle.dumps([1], 2), b"PK\x03\x04rest"]


@pytest.mark.parametrize("content", CONTENTS)
def test_other_files_are_refused_in_one_line(tmp_path, content):
    (tmp_path / "in.pt").write_bytes(content)
    for read in (convert, load_local):
        with pytest.raises(UserError, match="in.pt: ") as error:
            read(tmp_path / "in.pt")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("state", [[1, 2], {"model_cfg": 1, "task_cfg": {}, "model_weight": {}}])
def test_other_contents_are_refused_in_one_line(tmp_path, state):
    torch.save(state, tmp_path / "in.pt")
    for read in (convert, load_local):
        with pytest.raises(UserError, match="in.pt: ") as error:
            read(tmp_path / "in.pt")
        assert "\n" not in str(error.value)


@FORMS
def test_a_file_that_ends_early_is_refused(tmp_path, zipped):
    settings = fairseq_settings()
    state = {"cfg": {"model": settings, "task": {}}, "model": fairseq_weights(settings)}
    torch.save(state, tmp_path / "whole.pt", _use_new_zipfile_serialization=zipped)
    data = (tmp_path / "whole.pt").read_bytes()
    for kept in (100, len(data) // 2, len(data) - 1):
        (tmp_path / "in.pt").write_bytes(data[:kept])
        with pytest.raises(UserError, match="in.pt: "):
            convert(tmp_path / "in.pt")
