# The image is the program and the certificates it needs to trust others: no
# shell, no package manager, not root.
#
#   docker build -t doorcode .
#   docker run --rm -v doorcode:/data doorcode keys new
#   docker run -d -p 127.0.0.1:8787:8787 -v doorcode:/data \
#     -e DOORCODE_PUBLIC_URL=https://login.example.com doorcode
#
# See docs/operate/install.md.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/doorcode ./cmd/doorcode
RUN mkdir -m 0700 /out/data && mkdir -m 1777 /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/doorcode /doorcode
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/tmp /tmp
USER 65532:65532
# Database and key are looked for here.
WORKDIR /data
VOLUME /data
# Beyond loopback only for what is published. Health, metrics and profiles stay
# on 127.0.0.1:8788 in the container.
ENV DOORCODE_ADDR=0.0.0.0:8787
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/doorcode", "health"]
ENTRYPOINT ["/doorcode"]
CMD ["serve"]
