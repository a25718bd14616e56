"""Why a sound has its score: occlusion, layer weights, kept nodes, and their pictures."""
