"""SpAArSIST: sparser graphs in AASIST (arXiv 2606.11674, Interspeech 2026).

`ssl_aasist` with an embedding of 1024, whose pools may choose nodes by their magnitude, keep other
shares of them in training and in evaluation, and whose stacking layers may do without attention.
Parameters at D 1024, without the classifier:

    scorer      attention   released_mean   node_mean
    learned     611,784     586,696         605,384
    magnitude   611,522     586,434         605,122

The paper says "mean aggregation over retained nodes" and counts 586,434 parameters. In the code
that was released with that size no node reaches the stack node, and none attends to another:
`released_mean`. `node_mean` is what the words say. The paper trains with the learned scorer and
attention, and chooses scorer, aggregation and k_infer in evaluation: a state of such a training
loads into every other choice, which takes what it has use for.
"""

from collections.abc import Sequence

from .ssl_aasist import SslAasist


class Spaarsist(SslAasist):
    """One cached layer (B, 1, T, D), T >= 3, -> logits (B, 2).

    Args: scorer: learned or magnitude; aggregation: attention, released_mean or node_mean; k_train,
        k_infer: share of nodes that each pool keeps; the others: see SslAasist.
    """

    def __init__(
        self,
        dim: int = 1024,
        embedding: int = 1024,
        classifier: str = "ff",
        scorer: str = "learned",
        aggregation: str = "attention",
        k_train: float = 0.5,
        k_infer: float = 0.5,
        temperatures: Sequence[float] = (2.0, 2.0, 100.0, 100.0),
        dropouts: Sequence[float] = (0.2, 0.5),
    ) -> None:
        k = (k_train, k_infer)
        super().__init__(dim, embedding, classifier, k, temperatures, dropouts, scorer, aggregation)
