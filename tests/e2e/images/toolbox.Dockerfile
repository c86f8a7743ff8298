# Microsoft's dotnet-trace on the .NET runtime, waiting for somebody to come in.
FROM mcr.microsoft.com/dotnet/runtime:10.0
COPY tools /tools
ENV PATH=/tools:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    DOTNET_ROOT=/usr/share/dotnet DOTNET_ROLL_FORWARD=Major DOTNET_CLI_TELEMETRY_OPTOUT=1
# Ends on SIGTERM at once, which a shell that waits for input would not.
CMD ["/bin/bash", "-c", "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"]
