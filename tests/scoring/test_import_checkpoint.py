"""Published weights become experiments that score; what does not fit is named and refused."""

import numpy as np
import pytest
import soundfile
import torch
from made_up import ROOT, refused, worker
from ssl_models import fairseq_settings, fairseq_weights, sounds

from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.models import build_model
from antispoof.scoring.build import build_system
from antispoof.scoring.published import import_published, our_name
from antispoof.ssl import convert, save
from antispoof.torch_utils.checkpoint import load_checkpoint

PROGRAM = "tools/import_checkpoint.py"
WEIGHTS = ROOT / "tests/weights/aasist"
SAMPLES = 64600
# (spoof, bona fide) of the program that the weights come from, in float32 on a CPU
PARITY = {
    "AASIST": {"chirp": (0.208872378, -0.566883564), "zeros": (-3.008209, 1.443554)},
    "AASIST-L": {"chirp": (-4.155158997, 5.002922058), "zeros": (0.235376477, 0.251812845)},
}
FRONT_END = "ssl_model.model."


def wave(name):
    """A tone of 220 Hz and a chirp from 100 to 7600 Hz; or silence."""
    t, duration = np.arange(SAMPLES) / 16000, SAMPLES / 16000
    chirp = np.sin(2 * np.pi * (100 * t + 0.5 * (7500 / duration) * t * t))
    x = 0.3 * np.sin(2 * np.pi * 220 * t) + 0.3 * chirp
    return torch.from_numpy((x if name == "chirp" else 0 * x).astype(np.float32))


@pytest.mark.parametrize("sound", ["chirp", "zeros"])
@pytest.mark.parametrize("name", PARITY)
def test_logits_of_the_published_weights(name, sound):
    config, model = import_published(WEIGHTS / f"{name}.pth")
    assert config["model"] == name.lower().replace("-", "_")
    with torch.inference_mode():
        logits = model.eval()(wave(sound)[None], torch.tensor([SAMPLES]))[0]
    torch.testing.assert_close(logits, torch.tensor(PARITY[name][sound]), rtol=0, atol=1e-5)


def test_an_imported_experiment_scores(tmp_path):
    status, out, error = worker(PROGRAM, WEIGHTS / "AASIST-L.pth", "exp/published", cwd=tmp_path)
    assert (status, error) == (0, "")
    assert "aasist_l, 85,306 parameters" in out
    assert {p.name for p in (tmp_path / "exp/published").iterdir()} == {
        *("config.yaml", "env.txt", "best.pt")
    }
    soundfile.write(tmp_path / "chirp.wav", wave("chirp").numpy(), 16000, subtype="FLOAT")
    write_table(tmp_path / "data/wav.scp", {"chirp": tmp_path / "chirp.wav"})
    (tmp_path / "data/PROVENANCE").write_text("corpus: X\nset: eval\n")
    (tmp_path / "exp/published/trained_on").write_text("X: eval\n")
    status, said, error = worker("steps/score.py", "exp/published", "data", "out", cwd=tmp_path)
    assert (status, error.count("Error")) == (0, 0), error
    assert "score.py: warning: exp/published was trained on X, set 'eval': its scores" in error
    assert "warning" not in said
    spoof, bonafide = PARITY["AASIST-L"]["chirp"]
    assert float(read_table(tmp_path / "out")["chirp"]) == pytest.approx(bonafide - spoof, abs=1e-4)
    assert "remove exp/published" in refused(
        PROGRAM, WEIGHTS / "AASIST-L.pth", "exp/published", cwd=tmp_path
    )


def state_of(name):
    return torch.load(WEIGHTS / f"{name}.pth", map_location="cpu", weights_only=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("out_layer.bias"), "missing: out.bias"),
        (lambda s: s.update({"new.weight": torch.zeros(1)}), "unknown: new.weight"),
        (lambda s: s.update({"master1": torch.zeros(1, 1, 3)}), "misshapen: graph.branches.0.mas"),
        (lambda s: s.pop("pos_S"), "wanted the weights of AASIST"),
        (lambda s: s.update({"pos_S": torch.zeros(())}), "wanted the weights of AASIST"),
        (lambda s: s.update({"epoch": 3}), "names and tensors alone"),
        (lambda s: s.clear(), "holds nothing"),
        (lambda s: s["out_layer.bias"].fill_(torch.nan), "'out_layer.bias' is not of finite real"),
        (lambda s: s.update({"pos_S": s["pos_S"] * 1j}), "'pos_S' is not of finite real numbers"),
        (lambda s: s.update({"pos_S": s["pos_S"].to_sparse()}), "'pos_S' is not of finite real"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, change, message):
    state = dict(state_of("AASIST-L"))
    change(state)
    torch.save(state, tmp_path / "in.pth")
    with pytest.raises(UserError, match=message) as caught:
        import_published(tmp_path / "in.pth")
    assert "\n" not in str(caught.value)


class Harmful:
    """What a pickle may hold that is no weight."""

    def __reduce__(self):
        return print, ("harm done",)


def test_nothing_in_the_file_is_run(tmp_path):
    torch.save({"weights": Harmful()}, tmp_path / "in.pth")
    line = refused(PROGRAM, tmp_path / "in.pth", "exp/x", cwd=tmp_path)
    assert "print, which no checkpoint needs; it was not run" in line
    assert not (tmp_path / "exp").exists()
    assert "no such file" in refused(PROGRAM, "none.pth", "exp/x", cwd=tmp_path)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A recipe's folder with a small upstream; the published file fine-tuned another one."""
    settings = fairseq_settings()
    torch.save({"cfg": {"model": settings, "task": {}}, "model": fairseq_weights(settings)},
               tmp_path / "base.pt")  # fmt: skip
    save(convert(tmp_path / "base.pt")[0], tmp_path / "small.pt")
    (tmp_path / "conf/upstream").mkdir(parents=True)
    for norm in ("before", "after"):
        (tmp_path / f"conf/upstream/{norm}.yaml").write_text(
            "name: wav2vec2_local\ncheckpoint: small.pt\nwaveform_norm: false\n"
            f"final_norm: {norm}\nframes: fairseq\n"
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def public_names(layout):
    """The names in a published state dict of `layout`, its front end apart."""
    if layout == "sls":
        linear = [f"fc{n}.{kind}" for n in (0, 1, 3) for kind in ("weight", "bias")]
        return [*linear, *(f"first_bn.{kind}" for kind in NORM)]
    linear = [f"{n}.{kind}" for n in ("LL", "attention.0", "attention.3") for kind in NORM[:2]]
    norms = [f"{n}.{kind}" for n in ("first_bn1", "attention.2") for kind in NORM]
    return [*state_of("AASIST"), *linear, *norms]  # it is AASIST's network behind another front


def theirs(layout, ours):
    """A published state dict of `layout`: a random front end, and a back end of our model."""
    names = {our_name(n, layout).removeprefix("back_end."): n for n in public_names(layout)}
    assert names.keys() == ours.keys()  # one for one
    front_end = {k: v + 0.01 for k, v in fairseq_weights(fairseq_settings()).items()}
    return {
        **{f"module.{FRONT_END}{name}": tensor for name, tensor in front_end.items()},
        **{f"module.{names[name]}": tensor for name, tensor in ours.items()},
    }


LAYOUTS = {
    "ssl_aasist": ("after", {"dim": 32}, 1),
    "sls": ("before", {"dim": 32, "layers": 2}, 2),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_with_a_front_end(place, layout):
    norm, conf, layers = LAYOUTS[layout]
    torch.manual_seed(0)
    back_end = build_model(layout, **conf).eval()
    torch.save(theirs(layout, back_end.state_dict()), place / "in.pth")
    status, _, error = worker(PROGRAM, "in.pth", "exp/x", "--upstream", norm, cwd=place)
    assert (status, "Error" in error) == (0, False), error
    config, model = import_published(place / "in.pth", norm)
    assert len(config["layers"]) == layers
    again = build_system(config)
    again.load_state_dict(load_checkpoint(place / "exp/x/best.pt")["model"])
    weights = again.front_end.upstream.model.state_dict()
    assert torch.equal(
        weights["layer_norm.bias"], fairseq_weights(fairseq_settings())["layer_norm.bias"] + 0.01
    )
    x, lengths = torch.stack(sounds(SAMPLES)), torch.tensor([SAMPLES])
    with torch.inference_mode():
        states, frames = again.eval().front_end(x, lengths)
        wanted = back_end(states, frames)
        for built in (again, model.eval()):
            torch.testing.assert_close(built(x, lengths), wanted)
    assert frames.tolist() == [201]


def test_a_front_end_of_another_size_is_refused(place):
    back_end = build_model("ssl_aasist", dim=32)
    state = theirs("ssl_aasist", back_end.state_dict())
    del state[f"module.{FRONT_END}encoder.layers.1.fc1.bias"]
    state[f"module.{FRONT_END}more"] = torch.zeros(2)
    torch.save(state, place / "in.pth")
    line = refused(PROGRAM, "in.pth", "exp/x", "--upstream", "after", cwd=place)
    assert "missing: front_end.upstream.model.encoder.layers.1.fc1.bias" in line
    assert "unknown: front_end.upstream.model.more" in line
