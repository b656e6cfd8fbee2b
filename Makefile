# Each target calls one script. Python 3.11+ with venv is all that they need: no compiler, no GPU, no root.
ENV ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install train eval test test-all-envs lint format bench wheel docs ci clean

help: ## List the targets
	@scripts/help $(MAKEFILE_LIST)

install: ## Create .venv with everything for training and development
	@scripts/install dev everyday

train: ## Train a policy: make train [ENV=classic_control/CartPole-v1] [ARGS=--help]
	@scripts/train "$(or $(ENV),classic_control/CartPole-v1)" $(ARGS)

eval: ## Play a trained policy: make eval [ENV=runs/NAME] [ARGS="--video mp4"]
	@scripts/eval "$(or $(ENV),classic_control/CartPole-v1)" $(ARGS)

test: ## Run the tests: make test [ARGS="tests/unit -k layout"]
	@scripts/test $(ARGS)

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

ci: ## Do all that CI does, in a clone of the last commit
	@scripts/ci

clean: ## Remove .venv, builds and caches (not runs/)
	@scripts/clean
