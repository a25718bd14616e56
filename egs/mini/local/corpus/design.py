"""The design of the corpus: who speaks in which split, and what each attack is made with.

Counts are those of the full size. Train and dev know A01-A05; eval has them with other voices and
speakers, and A06-A11, which nobody has heard before.
"""

import dataclasses

SPLITS = ("train", "dev", "eval")
SIZES = {  # share of the full counts
    "full": {"train": 1.0, "dev": 1.0, "eval": 1.0},
    "small": {"train": 0.055, "dev": 0.12, "eval": 0.12},
}
SECONDS = (1.1, 16.0)  # of a recording as it lies in its package; what is longer is cut
LONGEST = (2.5, 4.0)  # seconds: every utterance draws its own longest duration from here

HUMANS = {  # split: {speaker/language: utterances}; no speaker stands in two splits
    "train": {
        "ast_june/fr": 200,
        "fil_cs_small/cs": 400,  # the diphone voices of train and dev speak Czech and Italian:
        "fil_nl_small/nl": 250,  # these languages have more people, lest language tells the class
        "tux_be/be": 250,
        "tux_bg/bg": 190,
        "tux_ca/ca": 150,
        "tux_ro/ro": 270,
    },
    "dev": {"ast_carlo/it": 80, "fil_nl_big/nl": 75, "tux_da/da": 35, "tux_el/el": 70},
    "eval": {
        "ast_allison/en": 180,
        "ast_allison/es": 30,
        "ast_ivrru/ru": 60,
        "fil_cs_big/cs": 90,
        "nsh/ru": 60,
        "tux_es/es": 80,
        "tux_fr/fr": 70,
        "tux_ru/ru": 60,
    },
}


@dataclasses.dataclass(frozen=True)
class Tied:
    """Utterances of an attack whose voice speaks one language only."""

    attack: str
    system: str
    voice: str
    lang: str
    sex: str
    count: int


TIED = {
    "train": (
        Tied("A02", "festival", "czech_ph", "cs", "m", 155),
        Tied("A02", "festival", "czech_dita", "cs", "f", 155),
    ),
    "dev": (
        Tied("A02", "festival", "lp_diphone", "it", "f", 25),
        Tied("A02", "festival", "pc_diphone", "it", "m", 25),
    ),
    "eval": (
        Tied("A02", "festival", "czech_machac", "cs", "m", 15),
        Tied("A02", "festival", "czech_krb", "cs", "f", 15),
        Tied("A02", "festival", "kal_diphone", "en", "m", 15),
        Tied("A02", "festival", "ked_diphone", "en", "m", 15),
        Tied("A06", "festival", "msu_ru_nsh_clunits", "ru", "m", 60),
        Tied("A07", "festival", "cmu_us_slt_arctic_hts", "en", "f", 15),
        Tied("A07", "flite", "awb", "en", "m", 15),
        Tied("A07", "flite", "rms", "en", "m", 15),
        Tied("A07", "flite", "slt", "en", "f", 15),
        Tied("A09", "piper", "joe", "en", "m", 60),
        Tied("A10", "hibari", "heart", "en", "f", 24),
        Tied("A10", "kokoro", "mixed", "es", "?", 18),
        Tied("A10", "kokoro", "mixed", "fr", "?", 18),
    ),
}
FREE = {  # split: {attack: utterances}; their languages are chosen to match the people's
    "train": {"A01": 310, "A03": 310, "A04": 310, "A05": 310},
    "dev": {"A01": 50, "A03": 50, "A04": 50, "A05": 50},
    "eval": {"A01": 60, "A03": 60, "A04": 60, "A05": 60, "A08": 60, "A11": 60},
}
READERS = {"A01": "espeak"}  # free attacks that read a text, and those that start from a recording
COPIERS = {
    "A03": "world",
    "A04": "griffin_lim",
    "A05": "lpc_vocoder",
    "A08": "lpcnet",
    "A11": "conversion",
}
FORMANT_VOICES = {  # of eSpeak NG, other ones in every split
    "train": ("m1", "m2", "klatt", "f1", "f2"),
    "dev": ("m3", "m8", "klatt3", "f3"),
    "eval": ("m4", "m7", "klatt2", "f4", "f5"),
}
KNOWN = ("A01", "A02", "A03", "A04", "A05")
UNKNOWN = ("A06", "A07", "A08", "A09", "A10", "A11")
ATTACKS = {
    "A01": "formant synthesis (eSpeak NG)",
    "A02": "diphone synthesis (Festival)",
    "A03": "copy synthesis (WORLD vocoder)",
    "A04": "copy synthesis (Griffin-Lim from 80 mel bands)",
    "A05": "copy synthesis (LPC vocoder)",
    "A06": "unit selection (Festival clunits)",
    "A07": "statistical synthesis (Flite clustergen, Festival HTS)",
    "A08": "copy synthesis (LPCNet, 1,733 bit/s)",
    "A09": "neural synthesis (Piper VITS)",
    "A10": "neural synthesis (Kokoro, Hibari)",
    "A11": "voice conversion by rule (WORLD)",
}

DATA_PACKAGES = (
    *(f"asterisk-core-sounds-{lang}-g722" for lang in ("en", "es", "fr", "it", "ru")),
    "fillets-ng-data",
    "fillets-ng-data-cs",
    "fillets-ng-data-nl",
    "tuxpaint-stamps-default",
)
PROGRAM_PACKAGES = {  # package: the systems, or voices, that need it
    "espeak-ng": ("espeak", "kokoro"),
    "festival": ("festival",),
    "festival-czech": ("czech_ph", "czech_dita", "czech_machac", "czech_krb"),
    "festvox-czech-dita": ("czech_dita",),
    "festvox-czech-krb": ("czech_krb",),
    "festvox-czech-machac": ("czech_machac",),
    "festvox-czech-ph": ("czech_ph",),
    "festvox-itapc16k": ("pc_diphone",),
    "festvox-italp16k": ("lp_diphone",),
    "festvox-kallpc16k": ("kal_diphone",),
    "festvox-kdlpc16k": ("ked_diphone",),
    "festvox-ru": ("msu_ru_nsh_clunits",),
    "festvox-us-slt-hts": ("cmu_us_slt_arctic_hts",),
    "flite": ("flite",),
    "libcodec2-1.0": ("lpcnet",),
}
