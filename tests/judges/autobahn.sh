#!/usr/bin/env bash
# autobahn.sh FOLDER VERSION: puts that version of Autobahn's test suite there, as FOLDER/wstest, with the Python 2.7 that it needs.
#
# Nobody packages that Python any more: it is Debian's of 2021, unpacked in the folder rather than installed, and so of no consequence
# for the system. Needs apt, a C compiler and, for the suite, PyPI.
set -euo pipefail

readonly RELEASE=bullseye
readonly PACKAGES=(
  python2.7 python2.7-minimal libpython2.7-minimal libpython2.7-stdlib libpython2.7-dev python-pip-whl libssl1.1 libffi7
)

main() {
  local folder=$1 version=$2
  rm -rf "$folder" && mkdir -p "$folder"
  cd "$folder"
  unpack
  prepare_pip
  # What is compiled looks for the headers where Debian would have them.
  CFLAGS="-I$PWD/usr/include/python2.7 -I$PWD/usr/include" \
    python2 -m pip install --quiet --no-cache-dir --disable-pip-version-check --target packages "autobahntestsuite==$version" 2>pip.log ||
    { cat pip.log >&2 && exit 1; }
  # A namespace without a file of its own is none to a Python that finds it by PYTHONPATH.
  touch packages/zope/__init__.py
  leave_a_way_in
}

# Downloads the packages from a list of sources of our own, so that the system's stays as it is.
unpack() {
  mkdir -p apt/lists/partial apt/cache/archives/partial apt/debs
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $RELEASE main" >apt/sources.list
  local options=(
    -qq -o "Dir::Etc::SourceList=$PWD/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" -o Debug::NoLocking=true -o APT::Sandbox::User=
    -o Acquire::Languages=none
  )
  apt-get "${options[@]}" update
  (cd apt/debs && apt-get "${options[@]}" download "${PACKAGES[@]}")
  local package
  for package in apt/debs/*.deb; do dpkg-deb --extract "$package" .; done
  rm -rf apt
}

# Debian keeps pip and what it needs as wheels, which it builds others from only once they are unpacked.
prepare_pip() {
  local wheel
  for wheel in usr/share/python-wheels/*.whl; do python2 -m zipfile -e "$wheel" usr/lib/python2.7/dist-packages; done
  rm -rf usr/share/python-wheels
}

python2() {
  LD_LIBRARY_PATH=$(echo "$PWD"/usr/lib/*-linux-gnu) PYTHONPATH='' usr/bin/python2.7 "$@"
}

leave_a_way_in() {
  cat >wstest <<'SH'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$(echo "$here"/usr/lib/*-linux-gnu)" PYTHONPATH="$here/packages"
exec "$here/usr/bin/python2.7" -B "$here/packages/bin/wstest" "$@"
SH
  chmod +x wstest
  ./wstest --help >/dev/null
}

main "$@"
