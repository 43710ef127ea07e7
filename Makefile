# make site   the study of the bundled photographs, as _site/ (HTML and PDF)
# make test   linters, type checker and the tests that are quick, in under four minutes
# make check  the same, and the slow tests: browsers, the whole site, real weights, and each path a
#             user takes, in processes of its own
# They set up .venv themselves. STUDY=name builds another study of data/studies/.
# make fuzz   a thousand damaged files for each parser; FUZZ_SEED and FUZZ_MUTANTS choose others
# make peers  others' estimators, which tests/test_peers.py compares ours with (needs a C compiler)
# make test-lowest, make test-newest   the quick tests with the lowest and with the newest packages
#             that pyproject.toml allows, in environments of their own without torch
# make bench  speed and memory against them and against the bare Fourier transform, as ratios;
#             and where the time of a build goes

PYTHON ?= python3
STUDY ?= bundled
VENV := .venv
RUN := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: site test check fuzz test-lowest test-newest bench peers lint clean
.DELETE_ON_ERROR:

site: $(VENV)/site.done
	$(RUN) -m analysis build --study $(STUDY)

# A worker a core, each with one thread; files keep the order that tests/conftest.py gives them.
PYTEST := -m pytest -n auto --dist loadfile --no-loadscope-reorder
THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
TESTS := $(THREADS) $(RUN) $(PYTEST)

test: $(VENV)/test.done lint
	$(TESTS) -m "not slow"

check: $(VENV)/test.done lint
	$(TESTS)

fuzz: $(VENV)/test.done
	$(THREADS) $(RUN) -m pytest -n auto tests/test_fuzz.py

# What old and new packages warn of among themselves is no error; nor is it that torch is not there.
OTHERS := $(PYTEST) -m "not slow" -W default

test-lowest: .venv-lowest/done
	env -u CI $(THREADS) .venv-lowest/bin/python $(OTHERS)

.venv-lowest/done: requirements/lowest.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --no-deps --no-compile -r requirements/lowest.txt
	.venv-lowest/bin/python -m pip install --quiet --no-deps --editable .
	touch $@

test-newest:
	$(PYTHON) -m venv --clear .venv-newest
	.venv-newest/bin/python -m pip install --quiet --editable '.[site,dev,fast,survey,heic]'
	env -u CI $(THREADS) .venv-newest/bin/python $(OTHERS)

peers: $(VENV)/peers.done

bench: $(VENV)/peers.done
	$(RUN) tests/benchmarks/bench.py
	$(RUN) tests/benchmarks/bench_survey.py
	$(RUN) tests/benchmarks/bench_site.py

lint: $(VENV)/test.done
	$(RUN) -m ruff format --check analysis tests data
	$(RUN) -m ruff check analysis tests data
	$(RUN) -m mypy

clean:
	rm -rf _site data/cache $(VENV) .venv-lowest .venv-newest .quarto .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip uninstall --quiet --yes setuptools

# --require-hashes: a file that is not one of those locked is refused; --only-binary: nor is its
# source built instead, by tools that no lock names; --no-deps: the locks are complete;
# --no-compile: bytecode is written for what is used.
LOCKED := $(RUN) -m pip install --quiet --require-hashes --only-binary :all: --no-deps --no-compile

$(VENV)/site.done: requirements/build.txt requirements/site.txt pyproject.toml | $(VENV)/bin/python
	$(LOCKED) -r requirements/site.txt -r requirements/build.txt
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/test.done: requirements/test.txt requirements/torch.txt $(VENV)/site.done
	$(LOCKED) -r requirements/test.txt
	$(RUN) -m pip install --quiet --no-compile -r requirements/torch.txt
	touch $@

$(VENV)/peers.done: requirements/peers.txt $(VENV)/test.done
	$(RUN) -m pip install --quiet --no-deps -r requirements/peers.txt
	touch $@
