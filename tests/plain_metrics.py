"""The official algorithms written down point by point: slow, and the judge of the fast ones."""


def plain_curve(bonafide, spoof):
    """The official curve, point by point: bona fide first inside a tie."""
    walk = sorted([(s, 0) for s in bonafide] + [(s, 1) for s in spoof])
    k, j, points = 0, 0, [(0, 0)]
    for _, is_spoof in walk:
        k, j = (k, j + 1) if is_spoof else (k + 1, j)
        points.append((k, j))
    nb, ns = len(bonafide), len(spoof)
    thresholds = [walk[0][0] - 0.001, *(score for score, _ in walk)]
    return [k / nb for k, _ in points], [(ns - j) / ns for _, j in points], thresholds


def plain_eer(bonafide, spoof):
    frr, far, thresholds = plain_curve(bonafide, spoof)
    gaps = [abs(a - b) for a, b in zip(frr, far, strict=True)]
    first = gaps.index(min(gaps))
    return (frr[first] + far[first]) / 2, thresholds[first]


def plain_least(bonafide, spoof, miss, fa):
    frr, far, _ = plain_curve(bonafide, spoof)
    return min(miss * a + fa * b for a, b in zip(frr, far, strict=True))
