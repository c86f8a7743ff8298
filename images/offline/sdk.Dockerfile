# A stand-in for mcr.microsoft.com/dotnet/sdk, whose package source lies in the image.
FROM mcr.microsoft.com/dotnet/runtime:10.0
COPY dotnet /usr/share/dotnet
COPY feed /feed
RUN mkdir -p /root/.nuget/NuGet \
 && echo '<configuration><packageSources><clear/><add key="feed" value="/feed"/></packageSources></configuration>' \
    > /root/.nuget/NuGet/NuGet.Config
# No audit of packages, which waits for a network, and no server that outlives its command.
# Nor a look at whether the certificates of signed packages were revoked, which waits too.
ENV DOTNET_NUGET_SIGNATURE_VERIFICATION=false NuGetAudit=false UseSharedCompilation=false MSBUILDDISABLENODEREUSE=1 \
    DOTNET_NOLOGO=true DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
