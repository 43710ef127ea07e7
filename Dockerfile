# The two commands on a machine of their own:
#   docker build -t timestep-spectra .
#   docker run --rm -v "$PWD/site:/out" timestep-spectra cp -r _site/. /out
#   docker run --rm timestep-spectra
# The index of all platforms, as docker-library/repo-info lists it.
FROM python:3.11-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b

RUN apt-get update \
  && apt-get install --yes --no-install-recommends chromium gcc git libc6-dev make poppler-utils \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /work
COPY requirements requirements
COPY pyproject.toml README.md LICENSE Makefile ./
COPY analysis analysis
# The environment first: it is kept while only pages and data change.
RUN make .venv/site.done
COPY . .
RUN make site
CMD ["make", "test"]
