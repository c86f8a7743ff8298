# The toolbox that is injected unless somebody asks for another: a shell, a small userland, and the program that
# answers to the names of Microsoft's tools. No package manager, no library: bash, busybox and sidebox are static.
# Its context is made by images/build: AMD64-OR-ARM64/sidebox and the folder files.
ARG DEBIAN=docker.io/library/debian:bookworm-slim

# Unpacks the packages of the wanted architecture on the builder's own: nothing of another one is ever run.
FROM --platform=$BUILDPLATFORM ${DEBIAN} AS userland
ARG TARGETARCH
COPY files /files
RUN sh -eu /files/userland "$TARGETARCH" /userland

FROM scratch
ARG TARGETARCH
COPY --from=userland /userland /
COPY ${TARGETARCH}/sidebox /usr/bin/sidebox
# HOME must not be the shared /tmp itself: tools make ~/.dotnet, and /tmp/.dotnet belongs to the application's mutexes.
# ENV names what an interactive sh reads; bash reads /etc/bash.bashrc by itself.
ENV PATH=/tools:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp/.toolbox \
    ENV=/etc/bash.bashrc \
    LANG=C.UTF-8 \
    SIDEBOX_IMAGE=toolbox
# The user `app` of Microsoft's .NET images; the injector says another where the application has another.
USER 1654:1654
ENTRYPOINT ["/usr/bin/sidebox", "init", "--"]
