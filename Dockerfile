# One image for the six services, the jobs and the demo: which one a container is, its command says.
FROM node:24-bookworm-slim AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY libs/ libs/
COPY services/ services/
COPY console/package.json console/
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-bookworm-slim AS console
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY libs/ libs/
COPY services/ services/
COPY console/ console/
COPY dev/ dev/
RUN npm ci --workspace console --workspace libs/client --no-audit --no-fund && node dev/build-console.ts

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production NODE_OPTIONS=--disable-warning=ExperimentalWarning CONSOLE_DIR=/app/console/dist
COPY --from=modules /app/ ./
COPY tools/loom/ tools/loom/
COPY tools/healthy.mjs tools/
COPY dev/ dev/
COPY --from=console /app/console/dist/ console/dist/
# Volumes take over the owner of what they are mounted on the first time.
RUN mkdir -p /run/loomworks/secrets && cd /run/loomworks/secrets \
 && mkdir identity memory companion credit audit gateway migrate postgres nats && chown -R node:node /run/loomworks \
 && printf '#!/bin/sh\nexec node /app/tools/loom/main.ts "$@"\n' > /usr/local/bin/loom && chmod 755 /usr/local/bin/loom
USER node
CMD ["node", "dev/service.ts", "gateway"]
