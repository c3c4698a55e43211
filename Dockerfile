# Keywatch in a container: Node 24 runs the TypeScript as it is, so there is no build but the dependencies.
#
# A container must listen on all of its addresses to be reached, and Keywatch refuses that without tokens: give it a
# configuration (docker-compose.yml shows one with secrets). Without any, it listens inside the container only.
ARG NODE_IMAGE=node:24.18.0-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No install script runs: the one native package (DuckDB) ships its binary in a package of its own.
RUN npm install --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE keywatch.schema.json keywatch.example.yml ./
COPY src ./src
COPY detectors ./detectors
COPY dashboards ./dashboards
# Fills the cache of stripped types, so that no start pays for it.
RUN node src/keywatch.mjs check --config keywatch.example.yml >/dev/null 2>&1 || true
# The code belongs to root and is read-only for the process; data is the one place it writes to.
RUN install -d -o node -g node -m 0700 /app/data
USER node
VOLUME /app/data
EXPOSE 8080 4318
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz', { signal: AbortSignal.timeout(4000) }).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=64", "--no-allocation-site-pretenuring", "src/keywatch.mjs", "start"]
