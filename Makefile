# make site   the study of the bundled photographs, as _site/ (HTML and PDF)
# make test   linters, type checker and the tests that are quick, in under four minutes
# make check  the same, and the slow tests: browsers, the whole site, real weights, and each path a
#             user takes, in processes of its own
# They set up .venv themselves. STUDY=name builds another study of data/studies/.
# make peers  others' estimators, which tests/test_peers.py compares ours with (needs a C compiler)
# make bench  speed and memory against them and against the bare Fourier transform, as ratios;
#             and where the time of a build goes

PYTHON ?= python3
STUDY ?= bundled
VENV := .venv
RUN := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: site test check bench peers lint clean
.DELETE_ON_ERROR:

site: $(VENV)/site.done
	$(RUN) -m analysis build --study $(STUDY)

# A worker a core, each with one thread; files keep the order that tests/conftest.py gives them.
TESTS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	$(RUN) -m pytest -n auto --dist loadfile --no-loadscope-reorder

test: $(VENV)/test.done lint
	$(TESTS) -m "not slow"

check: $(VENV)/test.done lint
	$(TESTS)

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
	rm -rf _site data/cache $(VENV) .quarto .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip uninstall --quiet --yes setuptools

# --no-deps: the lock is complete; --no-compile: bytecode is written for what is used.
$(VENV)/site.done: requirements/site.txt pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --no-deps --no-compile -r requirements/site.txt
	$(RUN) -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/test.done: requirements/test.txt $(VENV)/site.done
	$(RUN) -m pip install --quiet -r requirements/test.txt
	touch $@

$(VENV)/peers.done: requirements/peers.txt $(VENV)/test.done
	$(RUN) -m pip install --quiet --no-deps -r requirements/peers.txt
	touch $@
