# Base images without a registry, for images/build with OFFLINE=1: stand-ins of Debian's and of Microsoft's under the names
# that Dockerfiles give them. Read into that script, whose functions and variables it uses.
#
# They and all layers that are built on them stay in ${SIDEBOX_CACHE:-~/.cache/sidebox}/images/store, for the next time.
# shellcheck shell=bash disable=SC2034,SC2154

PACKAGES=libstdc++6,zlib1g,libssl3,procps,ca-certificates
SUITE=bookworm
DEBIAN=docker.io/library/debian:$SUITE-slim
MICROSOFT=mcr.microsoft.com/dotnet
# A store with more images than this, old ones mostly, is thrown away.
MOST=200

# offline_bases IMAGE...: opens the store, and makes what these images stand on.
offline_bases() {
  [ "$ENGINE" = buildah ] || fail "OFFLINE=1 works with buildah, not with $ENGINE"
  install_missing buildah debootstrap
  cache=${SIDEBOX_CACHE:-$HOME/.cache/sidebox}/images
  mkdir -p "$cache"
  exec 9>"$cache/store.lock"
  flock 9
  storage=(--root "$cache/store" --runroot "$work/run")
  pull=(--pull-never)
  if [ "$(buildah_here images --all --quiet | wc -l)" -gt $MOST ]; then
    rm -rf "$cache/store"
  fi
  case " $*" in *" toolbox"* | *=*) debian ;; esac
  case " $* " in *" toolbox-dotnet "* | *=*) dotnet ;; esac
}

install_missing() {
  local package missing=()
  for package in "$@"; do command -v "$package" >/dev/null || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "${missing[*]} missing, and there is no apt-get to install from"
  say "installing ${missing[*]}"
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$work/log" 2>&1 ||
    fail "apt-get failed: $(tail -n 5 "$work/log")"
}

# base TAG DOCKERFILE KEY FUNCTION: builds it in the folder that the function fills, unless it is there, made of the same.
base() {
  local tag=$1 file=$here/offline/$2 label=dev.sidebox.made-of key
  key=$(echo "$3" | cat - "$file" | sha256sum | cut -c 1-16)
  if [ "$(buildah_here inspect --type image --format "{{index .OCIv1.Config.Labels \"$label\"}}" "$tag" 2>/dev/null)" = "$key" ]; then
    return
  fi
  local began=$SECONDS folder=$work/base
  mkdir "$folder"
  "$4" "$folder"
  # What runs while images are built is of this machine's architecture, whatever they are for.
  ARCH=$(machine) build "$tag" "$file" "$folder" --label "$label=$key"
  rm -rf "$folder"
  say "$tag, a stand-in, in $((SECONDS - began)) s"
}

# Debian's smallest system with what .NET links to.
debian() {
  base "$DEBIAN" debian.Dockerfile "$SUITE $PACKAGES" debian_folder
}

debian_folder() {
  local mirror root=$work/userland
  # Where this machine gets its own packages; nothing means debootstrap's default.
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' | awk -v suite=$SUITE '$1 == suite { print $2; exit }')
  debootstrap --variant=minbase "--include=$PACKAGES" "$SUITE" "$root" ${mirror:+"$mirror"} >"$work/log" 2>&1 ||
    fail "debootstrap failed: $(tail -n 5 "$work/log")"
  rm -rf "$root"/var/{cache/apt,lib/apt/lists}/* "$root"/usr/share/{doc,man,locale}/*
  tar --one-file-system -C "$root" -cf "$1/userland.tar" .
  rm -rf "$root"
}

# The runtimes and the SDK, with the package feed that the .NET of the tests came with.
dotnet() {
  local major
  root=$("$checkout/tests/dotnet/prepare")/root || fail "there is no .NET to build on"
  root=$(readlink -f "$root")
  feed=${SIDEBOX_SHARED:-$checkout/../shared}/dotnet/nuget
  [ -d "$feed" ] || fail "OFFLINE=1 needs a package feed, and $feed is none: SIDEBOX_SHARED names the folder with dotnet/nuget"
  feed=$(readlink -f "$feed")
  for major in 8 10; do
    version=$(basename "$(printf '%s\n' "$root/shared/Microsoft.NETCore.App/$major".* | sort -V | tail -n 1)")
    base "$MICROSOFT/runtime:$major.0" runtime.Dockerfile "$SUITE $PACKAGES $root $version" runtime_folder
  done
  base "$MICROSOFT/sdk:10.0" sdk.Dockerfile "$SUITE $PACKAGES $root $(ls "$feed")" sdk_folder
  TOOLS=${TOOLS:-$(tools_of "$feed")}
}

runtime_folder() {
  mkdir -p "$1/dotnet/shared/Microsoft.NETCore.App"
  cp -R "$root/dotnet" "$root/host" "$1/dotnet/"
  cp -R "$root/shared/Microsoft.NETCore.App/$version" "$1/dotnet/shared/Microsoft.NETCore.App/"
}

sdk_folder() {
  cp -R "$root" "$1/dotnet"
  cp -R "$feed" "$1/feed"
}

# The feed's packages that are tools: dotnet-trace.VERSION.nupkg.
tools_of() {
  find "$1" -name 'dotnet-*.nupkg' -printf '%f\n' | sed 's/\.[0-9].*//' | sort -u | tr '\n' ' '
}
