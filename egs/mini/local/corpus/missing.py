"""Which attacks cannot be made, and why: packages that are not there, systems that fail."""

from antispoof.errors import UserError

from . import design, environment

TOLERATED = 0.02  # of an attack's utterances may stay out, each named; more is a broken system


def missing_systems():
    """{attack: reason} of the attacks for which a Debian package is not there."""
    there, missing = environment.packages(), {}
    for package, needed_by in design.PROGRAM_PACKAGES.items():
        for attack, system, voice in voices():
            if {system, voice} & set(needed_by) and there and package not in there:
                missing[attack] = f"{system}: Debian package {package} is not there; install it"
    return missing


def voices():
    """All (attack, system, voice) of the design; the voice is '' where it does not matter."""
    tied = {(cell.attack, cell.system, cell.voice) for row in design.TIED.values() for cell in row}
    free = {(*pair, "") for pair in (design.READERS | design.COPIERS).items()}
    return sorted(tied | free)


def wholly_failed(outcomes):
    """{attack: reason} where not one of a batch could be made."""
    if any(outcome.record for outcome in outcomes):
        return {}
    cell, reasons = outcomes[0].utterance.cell, outcomes[0].failures
    reason = reasons[-1][1] if reasons else "no material"
    return {cell.attack: f"{cell.system} {cell.voice}: {len(outcomes)} failed at once: {reason}"}


def broken_attacks(plan, failures):
    """{attack: reason} of those of which more than a tolerated share failed."""
    broken = {}
    for attack in sorted({u.cell.attack for u in plan}):
        planned = [u for u in plan if u.cell.attack == attack]
        failed = [u for u in planned if u.utt in failures]
        if len(failed) > TOLERATED * len(planned):
            system, reason = failed[0].cell.system, failures[failed[0].utt]
            broken[attack] = f"{system}: {len(failed)} of {len(planned)} failed: {reason}"
    return broken


def stop_if(missing, allow_partial):
    """Raise UserError where something is missing that may not be."""
    if missing and (not allow_partial or "-" in missing):
        reasons = "; ".join(f"{attack} ({reason})" for attack, reason in sorted(missing.items()))
        raise UserError(
            f"cannot make {reasons}. Mend it and run again (what is built stays), or go on "
            "without these attacks by --allow-partial"
        )
