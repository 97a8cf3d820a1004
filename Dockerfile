# docker build --target cpu -t callcoach:cpu .
# docker build --target gpu -t callcoach:gpu .
#
# For a reproducible image pin both bases by digest:
#   --build-arg PYTHON_IMAGE=python:3.11.13-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm
ARG CUDA_IMAGE=nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04

FROM ${CUDA_IMAGE} AS cuda

FROM ${PYTHON_IMAGE} AS build
ARG EXTRAS="dask postgres s3"
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv /opt/callcoach
COPY pyproject.toml requirements.lock ./
COPY deploy/lock_subset.py deploy/
# Its build tool is the lock's, too: nothing that is not pinned comes into the image.
RUN python deploy/lock_subset.py build ${EXTRAS} > /tmp/requirements.txt \
 && /opt/callcoach/bin/pip install --no-deps --require-hashes --only-binary :all: -r /tmp/requirements.txt
COPY README.md LICENSE THIRD_PARTY.md prefect.yaml ./
COPY configs configs
COPY pipeline pipeline
COPY flows flows
RUN /opt/callcoach/bin/pip install --no-deps --no-build-isolation --editable . \
 && /opt/callcoach/bin/pip check

FROM ${PYTHON_IMAGE} AS cpu
ENV PATH=/opt/callcoach/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/callcoach \
    PREFECT_HOME=/var/lib/callcoach/prefect \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1 \
    HF_HUB_DISABLE_TELEMETRY=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PYANNOTE_METRICS_ENABLED=0 \
    DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=1
RUN useradd --uid 10001 --home-dir /var/lib/callcoach --create-home callcoach
COPY --from=build /opt/callcoach /opt/callcoach
COPY --from=build /app /app
WORKDIR /app
USER 10001
VOLUME /var/lib/callcoach
HEALTHCHECK --interval=5m --timeout=60s --start-period=60s CMD ["callcoach", "doctor"]
CMD ["callcoach", "--help"]

# The recognizer's library brings its own kernels and asks for cuBLAS and cuDNN; the driver is the host's.
FROM cpu AS gpu
COPY --from=cuda /usr/local/cuda-12.6/targets/x86_64-linux/lib/libcublas*.so.12* /usr/local/cuda/lib/
COPY --from=cuda /usr/lib/x86_64-linux-gnu/libcudnn*.so.9* /usr/local/cuda/lib/
ENV LD_LIBRARY_PATH=/usr/local/cuda/lib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    CALLCOACH_RECOGNIZER__DEVICE=cuda
