# `make demo` and `make test` do all of their own set-up, in .venv; what is already installed is left alone.
# More arguments go through ARGS: make demo ARGS="--trainer.max_steps 20", make test ARGS="tests/data -x"
PYTHON ?= python3.11
VENV ?= .venv
RUN_DIR ?= runs/shapes
ARGS ?=

EVALUATION ?=
# More than are committed: few are learnt by heart. They are drawn in a minute.
PAIRS ?= 8000
COMPOSE = $(VENV)/bin/python -m lightning_compose
# Where the processor has instructions for it (x86, Linux), bfloat16 takes two thirds of the time; BFLOAT16= turns it off.
BFLOAT16 ?= $(shell grep --quiet --no-messages --extended-regexp "avx512_bf16|amx_bf16" /proc/cpuinfo && \
	echo --trainer.precision bf16-mixed --model.backbone.init_args.fused_attention false)
# Two processes, a core each, are much faster than one with two threads.
SHAPES = --config configs/shapes.yaml --trainer.accelerator cpu --trainer.devices 2 --trainer.strategy ddp $(BFLOAT16)
# More than are committed, and others: the more prompts, the narrower the interval of the difference.
JUDGED = --evaluation.prompts "$(RUN_DIR)-prompts.jsonl" $(EVALUATION)

# OpenMP's idle threads spin: beside a second process that makes small operations ten times slower.
export OMP_WAIT_POLICY ?= PASSIVE

# Make's targets cannot hold spaces.
$(if $(word 2,$(RUN_DIR)),$(error Expected RUN_DIR without spaces, got "$(RUN_DIR)"))

.PHONY: demo test check docs
.DELETE_ON_ERROR:

# How well the base composes, fine-tuning it, how well it composes then, and both side by side.
demo: export OMP_NUM_THREADS ?= 1
demo: $(VENV)/.demo $(RUN_DIR)-pairs/index.json $(RUN_DIR)-prompts.jsonl
	$(COMPOSE) test $(SHAPES) $(JUDGED) --run_dir "$(RUN_DIR)-base"
	$(COMPOSE) fit $(SHAPES) --data.root "$(RUN_DIR)-pairs" --run_dir "$(RUN_DIR)" $(ARGS)
	$(COMPOSE) test $(SHAPES) $(JUDGED) --run_dir "$(RUN_DIR)" --ckpt_path last
	$(COMPOSE) compare "$(RUN_DIR)-base" "$(RUN_DIR)" --out "$(RUN_DIR)/before_after"

$(RUN_DIR)-pairs/index.json: | $(VENV)/.demo
	$(COMPOSE) shapes --out "$(@D)" --pairs $(PAIRS) --seed 11

$(RUN_DIR)-prompts.jsonl: | $(VENV)/.demo
	$(COMPOSE) shapes prompts --out "$@" --per_category 24 --seed 7

# One thread a process: the tests' operations are small, and their ranks and workers share the cores.
# By file: what the tests of a file share, such as a trained model, is made once.
test: export OMP_NUM_THREADS ?= 1
test: $(VENV)/.test
	$(VENV)/bin/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile $(ARGS)

check: $(VENV)/.check
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/.docs
	$(VENV)/bin/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs docs/_build/html

$(VENV)/.test: EXTRA = [test]
$(VENV)/.check: EXTRA = [dev]
$(VENV)/.docs: EXTRA = [docs]
$(VENV)/.demo $(VENV)/.test $(VENV)/.check $(VENV)/.docs: setup.cfg pyproject.toml constraints.txt
	@command -v $(PYTHON) > /dev/null || \
		{ echo "Expected Python 3.11 as '$(PYTHON)', found none: install it, or name yours: make PYTHON=..."; exit 1; }
	@# pip, not python: where ensurepip is missing, a failed venv leaves a python behind.
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV); the first time takes some minutes."
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".$(EXTRA)"
	@touch $@
