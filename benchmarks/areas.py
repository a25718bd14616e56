"""Which files make an area of the code, and which tests are to notice what is wrong in them."""

from fault_lists import ROOT

AREAS = {
    "metrics": ["antispoof/metrics/[!b]*.py"],
    "statistics": [
        *("antispoof/metrics/bootstrap.py", "antispoof/evaluation/compare.py"),
        "antispoof/evaluation/logistic.py",
    ],
    "evaluation": [
        *("antispoof/evaluation/evaluate.py", "antispoof/evaluation/rank.py"),
        *("antispoof/evaluation/fusion.py", "antispoof/evaluation/asv.py"),
        *("antispoof/evaluation/score_files.py", "antispoof/evaluation/scores.py"),
        *("antispoof/evaluation/fusion_rules.py", "antispoof/evaluation/fusion_record.py"),
        *("antispoof/evaluation/paired.py", "antispoof/evaluation/results.py"),
        *("antispoof/evaluation/layout.py"),
    ],
    "audit": ["antispoof/audit/audit.py", "antispoof/audit/cues.py"],
    "data": [
        *("antispoof/data/*.py", "antispoof/scoring/inputs.py", "antispoof/paths.py"),
        *("antispoof/files.py", "utils/validate_data_dir.py"),
    ],
    "augment": ["antispoof/augment/*.py"],
    "features": [
        "antispoof/features/*.py",
        *(f"antispoof/ssl/{name}.py" for name in ("conventions", "cpu_convolutions", "fetch")),
        *(f"antispoof/ssl/{name}.py" for name in ("finetuned", "s3prl", "upstream")),
    ],
    "checkpoints": [
        *(f"antispoof/ssl/{name}.py" for name in ("convert", "fairseq", "huggingface", "local")),
        *("antispoof/ssl/pickles.py", "antispoof/scoring/published.py"),
    ],
    "models": [
        *("antispoof/models/*.py", "antispoof/layers/*.py", "antispoof/losses/[!l]*.py"),
        "antispoof/torch_utils/masks.py",
    ],
    "training": [
        *("antispoof/training/*.py", "antispoof/losses/losses.py", "antispoof/config/*.py"),
        *(f"antispoof/detector/{name}.py" for name in ("batches", "build", "score")),
        *("antispoof/torch_utils/distributed.py", "antispoof/torch_utils/checkpoint.py"),
    ],
    "launcher": [
        "utils/run.py",
        "utils/settings.py",
        "antispoof/launcher/jobs.py",
        "antispoof/launcher/stamps.py",
    ],
    "report": ["antispoof/report/*.py", "utils/show_results.py"],
}
# Tests of an area by the beginning of their names, the sharpest first. Whole recipes, which take
# minutes, are left out: what they alone notice counts as unnoticed.
TESTS = {
    "metrics": "plain_metrics metrics evaluate_tandem",
    "statistics": "plain_statistics bootstrap compare calibration",
    "evaluation": "plain_scores plain_evaluation plain_fusion plain_ranking evaluate fuse rank "
    "export_scores loaded_maps fusion_is_recorded",
    "audit": "plain_audit audit",
    "data": "plain_tables plain_files plain_data plain_audio tables files kaldi data_dir bad_sound "
    "loading",
    "augment": "plain_augment augment rawboost",
    "features": "formulas_features plain_features plain_upstreams conventions features extraction "
    "copies finetune",
    "checkpoints": "plain_checkpoints checkpoint_safety convert import_checkpoint",
    "models": "formulas models parity",
    "training": "plain_training plain_losses plain_schedule plain_loading plain_config losses "
    "keys base selection config curve loading phases trainer score_switch team",
    "launcher": "launcher processes",
    "report": "page pictures plain_table report show_results",
}


def files_of(area):
    """Files of an area, from the root."""
    paths = {path for pattern in AREAS[area] for path in ROOT.glob(pattern)}
    return sorted(str(path.relative_to(ROOT)) for path in paths if path.stat().st_size)


def tests_of(file):
    """Test files that are to notice a fault of `file`, in the order in which they run."""
    (area,) = [area for area in AREAS if file in files_of(area)]
    found = []
    for start in TESTS[area].split():
        paths = sorted(ROOT.glob(f"tests/**/test_{start}*.py"), key=lambda path: path.name)
        names = [str(path.relative_to(ROOT)) for path in paths]
        found += [name for name in names if name not in found]
    return found
