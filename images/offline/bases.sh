# Base images without a registry, for images/build with OFFLINE=1: stand-ins of Debian's and of Microsoft's, which the
# Dockerfiles take through their build arguments. Read into that script, whose functions and variables it uses.
# shellcheck shell=bash disable=SC2034,SC2154

PACKAGES=libstdc++6,zlib1g,libssl3,procps,ca-certificates
SUITE=bookworm
BASE=localhost/sidebox-offline

# offline_bases IMAGE...: makes what these images stand on.
offline_bases() {
  [ "$ENGINE" = buildah ] || fail "OFFLINE=1 works with buildah, not with $ENGINE"
  [ "$(id -u)" = 0 ] || fail "OFFLINE=1 needs root: debootstrap makes device files and mounts"
  command -v debootstrap >/dev/null || fail "debootstrap is missing; on Debian: apt-get install debootstrap"
  storage=(--root "$work/storage" --runroot "$work/run")
  pull=(--pull-never)
  arguments+=("DEBIAN=$BASE/debian" "RUNTIME=$BASE/runtime" "SDK=$BASE/sdk")
  case " $* " in *" toolbox"*) debian ;; esac
  case " $* " in *" toolbox-dotnet "*) dotnet ;; esac
}

# Debian's smallest system with what .NET links to; kept, since it is the same every time.
debian() {
  local cache=${SIDEBOX_CACHE:-$HOME/.cache/sidebox}/images
  local archive=$cache/debian-$SUITE-${PACKAGES//,/-}.tar
  mkdir -p "$cache" "$work/debian"
  (
    flock 9
    [ -f "$archive" ] || userland "$archive"
  ) 9>"$cache/debian.lock"
  ln -f "$archive" "$work/debian/userland.tar" 2>/dev/null || cp "$archive" "$work/debian/userland.tar"
  build "$BASE/debian" "$here/offline/debian.Dockerfile" "$work/debian"
}

userland() {
  local mirror
  say "making a Debian userland"
  # Where this machine gets its own packages; nothing means debootstrap's default.
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' | awk -v suite=$SUITE '$1 == suite { print $2; exit }')
  debootstrap --variant=minbase "--include=$PACKAGES" "$SUITE" "$work/userland" ${mirror:+"$mirror"} >"$work/log" 2>&1 ||
    fail "debootstrap failed: $(tail -n 5 "$work/log")"
  rm -rf "$work"/userland/var/{cache/apt,lib/apt/lists}/* "$work"/userland/usr/share/{doc,man,locale}/*
  tar --one-file-system -C "$work/userland" -cf "$1.part" .
  mv "$1.part" "$1"
  rm -rf "$work/userland"
}

# The runtime and the SDK, with the package feed that the .NET of the tests came with.
dotnet() {
  local root feed version
  root=$("$checkout/tests/dotnet/prepare")/root || fail "there is no .NET to build toolbox-dotnet from"
  root=$(readlink -f "$root")
  feed=$(readlink -f "${SIDEBOX_SHARED:-$checkout/../shared}/dotnet/nuget")
  version=$(basename "$(printf '%s\n' "$root"/shared/Microsoft.NETCore.App/10.* | sort -V | tail -n 1)")
  mkdir -p "$work/dotnet/dotnet/shared/Microsoft.NETCore.App"
  cp -R "$root/dotnet" "$root/host" "$work/dotnet/dotnet/"
  cp -R "$root/shared/Microsoft.NETCore.App/$version" "$work/dotnet/dotnet/shared/Microsoft.NETCore.App/"
  build "$BASE/runtime" "$here/offline/runtime.Dockerfile" "$work/dotnet" "DEBIAN=$BASE/debian"
  mkdir "$work/sdk"
  cp -R "$root" "$work/sdk/sdk"
  cp -R "$feed" "$work/sdk/feed"
  build "$BASE/sdk" "$here/offline/sdk.Dockerfile" "$work/sdk" "RUNTIME=$BASE/runtime"
  arguments+=("FEED=/feed")
  [ -n "${TOOLS:-}" ] || arguments+=("TOOLS=$(tools_of "$feed")")
}

# The feed's packages that are tools: dotnet-trace.VERSION.nupkg.
tools_of() {
  find "$1" -name 'dotnet-*.nupkg' -printf '%f\n' | sed 's/\.[0-9].*//' | sort -u | tr '\n' ' '
}
