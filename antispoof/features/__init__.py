"""Front ends: s3prl upstreams whose features are cached, and those that models hold inside."""
