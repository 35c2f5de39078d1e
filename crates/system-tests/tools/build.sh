#!/bin/sh
# Prints the folder of the programs of go.mod beside this file: prometheus, promtool and amtool in the versions that
# docker-compose.monitoring.yml pulls. Compiles them first where this machine does not have them yet, which takes five to
# ten minutes on two cores. For one by hand: "$(crates/system-tests/tools/build.sh)/promtool" test rules ...
set -eu
cd "$(dirname "$0")"
command -v go >/dev/null || { echo 'Go is not installed (1.26 or later; Debian has older ones)' >&2; exit 1; }
key=$({ go version; cat go.mod go.sum build.sh; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/glasshouse/tools
folder=$cache/$key
if [ ! -e "$folder" ]; then
  mkdir -p "$cache"
  # One compiles; whoever comes meanwhile waits, and finds the programs.
  exec 9>"$cache/lock"
  flock 9
  if [ ! -e "$folder" ]; then
    rm -rf "$folder.part"
    # The tags leave out service discovery in clouds, which no file here uses and which is most of the code.
    go build -mod=readonly -trimpath -buildvcs=false -p 2 -tags netgo,remove_all_sd -ldflags '-s -w' -o "$folder.part/" tool >&2
    mv "$folder.part" "$folder"
  fi
fi
echo "$folder"
