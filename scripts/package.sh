#!/usr/bin/env bash
# Builds in release and makes what people download: target/package/sala-VERSION-TARGET.tar.gz with its SHA-256, and
# target/package/image, from which `podman build` or `docker build` makes the container image.
# Usage: scripts/package.sh [--image NAME]. With --image it makes the image, too.
# SALA_BINARY names a program that is built already, SALA_RENDER the one that makes documents, SALA_PACKAGE another folder to write to.
# The program needs the C library of the machine that it was built on, or a newer one.
set -euo pipefail
cd "$(dirname "$0")/.."

image=""
if [[ ${1:-} == --image ]]; then
  image=${2:?--image NAME}
elif [[ $# -gt 0 ]]; then
  echo "usage: scripts/package.sh [--image NAME]" >&2
  exit 2
fi

binary=${SALA_BINARY:-}
if [[ -z $binary ]]; then
  make release >&2
  binary=${CARGO_TARGET_DIR:-target}/release/sala
fi
render=${SALA_RENDER:-$(scripts/render.sh)}
out=${SALA_PACKAGE:-${CARGO_TARGET_DIR:-target}/package}
version=$("$binary" --version | cut -d' ' -f2)
host=$(rustc -vV | sed -n 's/^host: //p')
name=sala-$version-$host

rm -rf "${out:?}/$name" "$out/image"
mkdir -p "$out/$name" "$out/image"
install -m 755 "$binary" "$out/$name/sala"
install -m 755 "$render" "$out/$name/sala-render"
install -m 644 crates/render/fonts/OFL.txt "$out/$name/"
install -m 644 LICENSE README.md openapi.json packaging/sala.service "$out/$name/"
cp -R docs "$out/$name/docs"
install -m 755 "$binary" "$out/image/sala"
install -m 755 "$render" "$out/image/sala-render"
install -m 644 packaging/Containerfile "$out/image/Containerfile"

# The same files give the same archive: names in order, no owner, the time of the last commit.
stamp=$(git log -1 --format=%ct 2>/dev/null || date +%s)
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$stamp" -C "$out" -cf - "$name" | gzip -n >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
rm -rf "${out:?}/$name"
echo "$out/$name.tar.gz"

if [[ -n $image ]]; then
  builder=$(command -v podman || command -v docker) || { echo "podman or docker is needed for an image" >&2; exit 1; }
  "$builder" build -t "$image" "$out/image"
fi
