#!/usr/bin/env bash
# Builds the images, where a registry answers or not.
#
#   deploy/images/build.sh                      compiles, on the bases that the Containerfiles name
#   deploy/images/build.sh target/release       takes the programs from that folder; the base is made of Debian's packages
#   deploy/images/build.sh DIR --try            ... and starts each program once: user, entry point, what it may write to, secrets from files
#
# The folder holds tts-worker, gateway, viva and eval-worker (an image whose programs are not all there is left out, and said so).
# Needs buildah, and for the second form mmdebstrap, as root: apt-get install buildah mmdebstrap. VERSION and REVISION label the images;
# BASE_TAR names a tarball of a base to use (and to keep) instead of making one each time; ISOLATION is buildah's, chroot where
# neither namespaces nor cgroups can be had.
# shellcheck disable=SC2016
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

dir=${1-} try=${2-}
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)}
revision=${REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}
suite=bookworm # as in the Containerfiles
isolation=${ISOLATION:-chroot}
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Docker's format: an OCI image has no place for a health check.
build() { # NAME CONTAINERFILE ARGUMENTS...
  buildah build --format docker --isolation "$isolation" --label org.opencontainers.image.created="$(date -u +%FT%TZ)" \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" -t "localhost/$1:$version" -f "$2" "${@:3}" .
}

if [[ -z $dir ]]; then
  build viva-cpu deploy/images/Containerfile.cpu
  build viva-gpu deploy/images/Containerfile.gpu
  exit
fi

# A base of Debian's packages: what `debian:bookworm-slim` is, less what reads manuals in other languages.
base=${BASE_TAR:-$work/base.tar}
if [[ ! -s $base ]]; then
  mmdebstrap --mode=root --variant=essential --include=ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='rm -rf "$1"/var/cache/* "$1"/var/log/* "$1"/var/lib/apt/lists/* "$1"/etc/apt/sources.list*' \
    "$suite" "$base"
fi
mkdir "$work/base" "$work/programs"
ln "$base" "$work/base/base.tar" 2>/dev/null || cp "$base" "$work/base/base.tar"
printf 'FROM scratch\nADD base.tar /\n' | buildah build --quiet -t localhost/viva-base:$suite -f - "$work/base"

given() { # NAME CONTAINERFILE PROGRAM...
  local name=$1 file=$2 program
  shift 2
  rm -rf "$work/programs"/*
  for program; do
    if [[ ! -x $dir/$program ]]; then
      echo "$name: left out, $dir has no $program" >&2
      return
    fi
    cp "$dir/$program" "$work/programs/"
  done
  printf 'FROM scratch\nCOPY . /out/\n' | buildah build --quiet -t localhost/viva-programs -f - "$work/programs"
  # Older buildahs build every stage, used or not: those that need a registry, or packages inside, go.
  awk '/^FROM/ { skip = / AS (compile|models)$/ } !skip' "$file" >"$work/Containerfile"
  build "$name" "$work/Containerfile" --build-arg BASE=localhost/viva-base:$suite --build-arg PROGRAMS=localhost/viva-programs
  built+=("$name")
}

built=()
given viva-cpu deploy/images/Containerfile.cpu tts-worker gateway viva
given viva-gpu deploy/images/Containerfile.gpu eval-worker
((${#built[@]})) || exit 1

for name in "${built[@]}"; do
  bytes=$(buildah inspect --type image --format '{{.FromImageID}}' "localhost/$name:$version" | xargs -I{} buildah images --json {} \
    | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["size"])')
  echo "localhost/$name:$version  $bytes"
done

[[ $try == --try ]] || exit 0

# As the image's user, through the entry point. With podman and runc also as deploy/compose.yaml has it: root file system read-only, no
# capabilities; buildah alone can do neither.
run() { # NAME COMMAND...
  if command -v podman >/dev/null && command -v runc >/dev/null; then
    podman --runtime "$(command -v runc)" --cgroup-manager cgroupfs run --rm --read-only --cap-drop ALL --security-opt no-new-privileges \
      --network none --no-healthcheck --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 "localhost/$1:$version" "${@:2}"
  else
    local container
    container=$(buildah from "localhost/$1:$version")
    buildah run --isolation "$isolation" "$container" -- /usr/local/bin/entrypoint "${@:2}"
    local code=$?
    buildah rm "$container" >/dev/null
    return $code
  fi
}
fail=0
ask() { # NAME COMMAND...
  echo "== $1: ${*:2}"
  run "$@" 2>&1 || fail=1
}
for name in "${built[@]}"; do
  user=$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' "localhost/$name:$version")
  [[ $user == 10001:10001 ]] || { echo "$name runs as $user"; fail=1; }
  ask "$name" sh -c '[ "$(id -u):$(id -g)" = 10001:10001 ] && touch /var/lib/viva/data/x && ! touch /usr/x 2>/dev/null && echo "user $(id -u), writes to its volume only"'
  ask "$name" sh -c 'echo postgres://from-a-file >/var/lib/viva/data/u; DATABASE_URL_FILE=/var/lib/viva/data/u entrypoint sh -c "[ \$DATABASE_URL = postgres://from-a-file ] && echo a secret came from its file"'
done
for name in "${built[@]}"; do
  case $name in
    viva-cpu) programs=(tts-worker gateway viva) ;;
    *) programs=(eval-worker) ;;
  esac
  for program in "${programs[@]}"; do ask "$name" "$program" --version; done
done
exit $fail
