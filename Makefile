# Each target calls one script. Python 3.11+ with venv is all that they need: no compiler, no GPU, no root.
ENV ?=
ARGS ?=
VARIANT ?= cpu
REGISTRY ?=
DRY_RUN ?=

.DEFAULT_GOAL := help
.PHONY: help install train eval play test sanity mutation test-all-envs lint format bench wheel docs ci clean
.PHONY: image image-cpu image-check image-test lock publish shell devcontainer-test

help: ## List the targets
	@scripts/help $(MAKEFILE_LIST)

install: ## Create .venv with everything for training and development
	@scripts/install dev everyday

train: ## Train a policy: make train [ENV=ocean/breakout] [ARGS=--help]
	@scripts/train "$(or $(ENV),ocean/breakout)" $(ARGS)

eval: ## Play a trained policy: make eval [ENV=runs/NAME] [ARGS="--video mp4"]
	@scripts/eval "$(or $(ENV),ocean/breakout)" $(ARGS)

play: ## Play in this terminal, or watch a policy: make play [ENV=ocean/pong] [ARGS="--run runs/NAME"]
	@scripts/play "$(or $(ENV),ocean/breakout)" $(ARGS)

test: ## Run the tests: make test [ARGS="tests/unit -k layout"]
	@scripts/test $(ARGS)

sanity: ## Train the tiny tasks that catch a trainer's bugs: make sanity [ARGS="memory --seeds 3"]
	@scripts/sanity $(ARGS)

mutation: ## Put bugs into PPO, one at a time, and see the tasks catch them; writes docs/sanity.md
	@scripts/mutation $(ARGS)

test-all-envs: ## Install and test every environment: make test-all-envs [ENV=nethack]
	@scripts/test-all-envs $(ENV) $(ARGS)

lint: ## Check style, types, imports and the C warnings
	@scripts/lint

format: ## Rewrite the Python files in the house style
	@scripts/format

bench: ## Measure speed beside the peers
	@scripts/bench $(ARGS)

wheel: ## Build dist/*.tar.gz and, from it, dist/*.whl
	@scripts/wheel

docs: ## Build the documentation site into build/site
	@scripts/docs

# The image: these need docker with buildx.
image: ## Build the image puffertank, with CUDA and the tools for developing
	@scripts/image cuda

image-cpu: ## Build puffertank:cpu, the slim image without CUDA
	@scripts/image cpu

image-check: ## Check the files that make the image
	@scripts/image-check

image-test: ## Test every environment inside the image: make image-test [VARIANT=cpu|dev-cpu|cuda] [ENV=nethack]
	@scripts/image-test $(VARIANT) $(ENV)

lock: ## Lock the packages of the image: make lock [ARGS=--upgrade]
	@scripts/lock $(ARGS)

publish: ## Publish the images: make publish REGISTRY=localhost:5000 [DRY_RUN=1]
	@scripts/publish "$(REGISTRY)" $(ARGS)

shell: ## Open a shell in the image: make shell [ARGS="-v $$PWD/runs:/workspace/runs"]
	@scripts/shell $(ARGS)

devcontainer-test: ## Open the dev container and work in it: make devcontainer-test [ARGS="cpu cuda"]
	@scripts/devcontainer-test $(ARGS)

ci: ## Do all that CI does, in a clone of the last commit
	@scripts/ci

clean: ## Remove .venv, builds and caches (not runs/)
	@scripts/clean
