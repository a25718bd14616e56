# Short names for what scripts do. Nothing here is needed to run a recipe.
.PHONY: setup lint test docs

setup:
	tools/setup.sh

lint: setup
	tests/lint.sh

test:
	tests/run.sh

docs: setup
	tools/venv/bin/mkdocs build --strict
