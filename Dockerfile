# The image of every role: the configuration says which. Build: docker build -t steppe:local .
FROM node:20-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --no-audit --no-fund --loglevel=error && npx tsc -b && npm prune --omit=dev --no-audit --no-fund --loglevel=error

FROM node:20-bookworm-slim
# A user of its own: nothing in Steppe needs root. Its home is the volume that keeps the state.
RUN groupadd --gid 10001 steppe \
  && useradd --uid 10001 --gid steppe --no-create-home --home-dir /var/lib/steppe steppe \
  && mkdir -p /var/lib/steppe /etc/steppe && chown steppe:steppe /var/lib/steppe
WORKDIR /opt/steppe
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/packages ./packages
RUN ln -s /opt/steppe/packages/cli/bin/steppe.js /usr/local/bin/steppe
ENV NODE_ENV=production
USER steppe
VOLUME /var/lib/steppe
EXPOSE 4646 4647 4648
HEALTHCHECK --interval=2s --timeout=3s --start-period=5s --retries=10 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:4646/v1/agent/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/steppe/packages/cli/bin/steppe.js"]
CMD ["agent", "-config=/etc/steppe/agent.json"]
