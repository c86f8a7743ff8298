# A stand-in for mcr.microsoft.com/dotnet/sdk, with a package source inside: /feed.
ARG RUNTIME
FROM ${RUNTIME}
COPY sdk /usr/share/dotnet
COPY feed /feed
# No look at whether the certificates of signed packages were revoked, which waits for a network.
ENV DOTNET_NUGET_SIGNATURE_VERIFICATION=false DOTNET_NOLOGO=true DOTNET_CLI_TELEMETRY_OPTOUT=1 \
    DOTNET_GENERATE_ASPNET_CERTIFICATE=false
