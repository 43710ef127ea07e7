# The two commands on a machine of their own:
#   docker build -t timestep-spectra .
#   docker run --rm -v "$PWD/site:/out" timestep-spectra cp -r _site/. /out
#   docker run --rm timestep-spectra
FROM python:3.11-slim-bookworm

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
