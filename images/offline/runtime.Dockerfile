# A stand-in for mcr.microsoft.com/dotnet/runtime: the same folders, user and variables, but no ICU.
FROM docker.io/library/debian:bookworm-slim
COPY dotnet /usr/share/dotnet
RUN ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet \
 && useradd --uid 1654 --create-home --shell /bin/false app
ENV APP_UID=1654 DOTNET_RUNNING_IN_CONTAINER=true DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
