# syntax=docker/dockerfile:1
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY server server
COPY tools tools
COPY gateway gateway
RUN python -m venv /opt/app && /opt/app/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11-slim
# Runs with a read-only file system; --local keeps its file in the volume.
ENV PATH=/opt/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 XDG_DATA_HOME=/data
RUN useradd --system --uid 10001 --no-create-home app && install --directory --owner=app --mode=0700 /data
COPY --from=build /opt/app /opt/app
VOLUME /data
USER 10001
EXPOSE 8000
ENTRYPOINT ["cloudflare-ai-gateway-mcp"]
