"""Names that a config may choose from, and that others define: a test compares each list."""

# of antispoof.losses.losses
LOSSES = (
    *("cross_entropy", "bce", "focal", "am_softmax", "oc_softmax", "samo", "aam_softmax"),
    "p2sgrad",
)
# of antispoof.ssl.tuning
METHODS = ("full", "lora", "dora", "moe_lora", "adapter", "conv_adapter", "prompts")
