# The toolbox with Microsoft's own tools on the .NET runtime, for what the small one does not do: `dotnet-dump analyze`,
# `dotnet-gcdump` with all its options, and so on. Ten times the size of `toolbox`.
# Its context is made by images/build: AMD64-OR-ARM64/sidebox and the folder files.
ARG SDK=mcr.microsoft.com/dotnet/sdk:10.0
ARG RUNTIME=mcr.microsoft.com/dotnet/runtime:10.0

FROM --platform=$BUILDPLATFORM ${SDK} AS tools
# Each a package, or package@version.
ARG TOOLS="dotnet-trace dotnet-dump dotnet-counters dotnet-gcdump"
# A package source instead of those that the SDK is set up for.
ARG FEED=
# What the SDK puts on the PATH is a program of the builder's architecture; a script starts the same tool on any.
RUN set -eu; \
    for tool in $TOOLS; do \
      dotnet tool install "$tool" --tool-path /tools ${FEED:+--source "$FEED"}; \
      name=${tool%@*}; \
      library=$(find "/tools/.store/$name" -name "$name.dll" -path '*/tools/*/any/*'); \
      printf '#!/bin/sh\nexec dotnet %s "$@"\n' "$library" >"/tools/$name"; \
    done

FROM ${RUNTIME}
# Microsoft's images come without ps; libssl is there, but nothing promises it.
RUN set -eu; \
    if ! command -v ps >/dev/null || ! ldconfig -p | grep -q 'libssl\.so\.3'; then \
      apt-get update -qq; \
      apt-get install --yes --no-install-recommends bash tar procps libssl3; \
      rm -rf /var/lib/apt/lists/*; \
    fi
COPY --from=tools /tools /tools
ARG TARGETARCH
COPY ${TARGETARCH}/sidebox /usr/bin/sidebox
COPY files/bashrc /etc/bash.bashrc
# The tools are .NET programs: they publish no diagnostics socket among the application's, and run on a newer .NET than
# the one that they were built for. For HOME and ENV see toolbox.Dockerfile.
ENV PATH=/tools:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp/.toolbox \
    ENV=/etc/bash.bashrc \
    LANG=C.UTF-8 \
    SIDEBOX_IMAGE=toolbox-dotnet \
    DOTNET_ROOT=/usr/share/dotnet \
    DOTNET_ROLL_FORWARD=Major \
    DOTNET_EnableDiagnostics=0 \
    DOTNET_NOLOGO=true \
    DOTNET_CLI_TELEMETRY_OPTOUT=1
USER 1654:1654
ENTRYPOINT ["/usr/bin/sidebox", "init", "--"]
