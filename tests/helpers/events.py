"""TensorBoard files, as TensorBoard itself reads them."""

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read(path):
    """{step: (wall time, {tag: value})} of a file, or of all files of a folder."""
    reader = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
    found = {}
    for tag in reader.Tags()["scalars"]:
        for event in reader.Scalars(tag):
            time, values = found.setdefault(event.step, (event.wall_time, {}))
            assert event.wall_time == time, "the scalars of a step have one time"
            values[tag] = event.value
    return dict(sorted(found.items()))


def scalars(path):
    """{step: {tag: value}}: what two runs that learn the same have in common."""
    return {step: values for step, (_, values) in read(path).items()}


def outputs(exp):
    """{path below a folder: bytes}; of events, whose times are those of the run, the scalars."""
    files = {str(path.relative_to(exp)): path for path in exp.rglob("*") if path.is_file()}
    return {
        name: scalars(path) if "tfevents" in name else path.read_bytes()
        for name, path in files.items()
    }
