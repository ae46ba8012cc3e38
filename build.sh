#!/usr/bin/env bash
# Sets up, builds, serves and tests Klatch. `./build.sh help` lists what it can do.
#
# Needs rustup and Node; on Debian it gets the rest by apt. What it installs and what cargo compiles stays in
# a cache outside the checkout, so that a second clone starts warm.
# shellcheck disable=SC2317 # functions that are called by name, in a script that leaves from one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly TRUNK_VERSION=0.21.14
readonly GECKODRIVER_VERSION=0.37.1
readonly ESBUILD_VERSION=0.28.2
readonly CARGO_DENY_VERSION=0.20.2
readonly NODE_MINIMUM=18
# Debian packages; `name=version` asks for at least that version.
readonly COMPILER_PACKAGES=(build-essential)
readonly STATIC_PACKAGES=(musl-tools)
readonly TEST_PACKAGES=(
  chromium=120 chromium-driver=120 firefox-esr=128 coturn=4.6 pebble=2.3 xvfb sox iproute2 nftables procps openssl libnss3-tools systemd
  fonts-noto-core fonts-noto-color-emoji fonts-noto-cjk
)
# What `test all` needs besides.
readonly LONG_TEST_PACKAGES=(nginx caddy)
readonly CONTAINER_PACKAGES=(podman runc)
# Outside judges, for `test all` alone.
readonly JUDGE_PACKAGES=(testssl.sh=3.0)
readonly OBSERVATORY_VERSION=1.4.8
readonly OBSERVATORY_NODE_MINIMUM=20
readonly AUTOBAHN_VERSION=25.10.1
readonly MAX_PAGE_BYTES=200000
readonly MAX_PAGE_REQUESTS=6
readonly MAX_BINARY_BYTES=10000000
readonly MAX_TARGET_GIB=20
# Browsers that hang must not hang the run; long enough for the slowest machine that is worth waiting for.
readonly BROWSER_SECONDS=3900
readonly LONG_SECONDS=10800

CHECKOUT=$PWD
CACHE=${KLATCH_CACHE:-${XDG_CACHE_HOME:-${HOME:?set it, or KLATCH_CACHE, so that there is a place for the cache}/.cache}/klatch}
[[ $CACHE == /* ]] || CACHE=$CHECKOUT/$CACHE
LOGS=$CHECKOUT/target/logs
KLATCH=$CHECKOUT/target/bin/klatch

usage() {
  cat <<'HELP'
Usage: ./build.sh VERB

  run [FLAG…]     build, and serve on http://localhost:8080; flags go to klatch (see `run --help`)
  test            everything a change must pass: format, lints, licences, unit, broker and browser tests, sizes
  test all        the same, and the long tests: soaks of the broker and of rooms (KLATCH_SOAK_MINUTES each), long faults,
                  nginx and Caddy in front, the program in its container, what outside judges say (MDN's Observatory, testssl,
                  Autobahn), and whether another folder builds the same page
  dist            a folder to copy to a server, target/dist: the program with the client inside, for any Linux of this machine's
                  kind; completions for shells, what systemd, containers and proxies want to know of it, and the licences
                  of all that it is built from
  bench [NAME [ROUNDS]]
                  measure against floors: load, tls, idle, join, relay, relay-memory, size, start; `attack`: what
                  members of other rooms notice while the broker is attacked, and whether its memory returns; and `faults`:
                  what cuts, kills and updates do to calls. Fails where a target is missed, or a call did not get over it
  dev             the page on http://localhost:8081, rebuilt as you edit, with a broker on port 8080
  help            this

Needs rustup, Node and, for what is missing, apt. Tools and compiled dependencies are kept in
${KLATCH_CACHE:-~/.cache/klatch}, which may be deleted at any time.
HELP
}

main() {
  local verb=${1:-help}
  (($# == 0)) || shift
  case $verb in
    run) run "$@" ;;
    test) run_tests "$@" ;;
    dist) dist "$@" ;;
    bench) bench "$@" ;;
    dev) dev "$@" ;;
    help | -h | --help) usage ;;
    *)
      echo "build.sh: there is no \`$verb\`; \`./build.sh help\` lists what there is." >&2
      exit 2
      ;;
  esac
  # Rather than let bash read on in a file that may have been edited meanwhile.
  exit
}

# ---- verbs

run() {
  set_up
  build_client
  build_broker
  step "Serving; Ctrl-C stops it"
  trap - EXIT
  exec "$KLATCH" "$@"
}

dist() {
  no_arguments dist "$@"
  set_up
  build_client
  local target
  target=$(static_target) || true
  if [[ -n $target ]]; then
    step "Building the broker, static"
    holding target build_static "$target"
  else
    build_broker
  fi
  local binary=${target:+$CHECKOUT/target/bin/klatch-static}
  binary=${binary:-$KLATCH}
  check_sizes "$binary"
  lay_out "$binary" "${target:-$(rustc --print host-tuple)}"
  finish
  [[ -n $target ]] || note "It is for systems with glibc $(ldd --version | sed -n '1s/.* //p') or newer: a static one can't be had here, as said above."
  printf '%s bytes\t%s\n' "$(stat -c %s target/dist/klatch)" "$CHECKOUT/target/dist/klatch"
}

run_tests() {
  local long=false
  case $* in
    '') ;;
    all) long=true ;;
    *) usage_error "\`test\` takes \`all\` or nothing." ;;
  esac
  rm -rf "$LOGS"
  TESTING=true
  set_up
  set_up_checks
  if $long; then
    set_up_proxies
    apt_install "${CONTAINER_PACKAGES[@]}"
    set_up_judges
  fi

  step "Format" "Run \`cargo fmt\`."
  cargo fmt --all --check

  check_dependencies
  build_client
  lint

  step "Native tests"
  logged native cargo test --workspace --exclude klatch-tests --no-fail-fast
  page_tests
  build_broker
  check_sizes "$KLATCH"

  step "End-to-end tests" "Screenshots and logs are in $ARTIFACTS."
  # Compiled apart, so that the time limit is not spent on it.
  cargo test -p klatch-tests --no-run
  # One at a time: a test is a room full of browsers.
  RUST_TEST_THREADS=1 logged browsers limited "$BROWSER_SECONDS" cargo test -p klatch-tests --no-fail-fast

  if $long; then
    step "Long native tests"
    logged native-long limited "$LONG_SECONDS" \
      cargo test --workspace --exclude klatch-tests --no-fail-fast -- --ignored "${WITHOUT[@]}"
    step "Long end-to-end tests" "Screenshots and logs are in $ARTIFACTS."
    RUST_TEST_THREADS=1 logged browsers-long limited "$LONG_SECONDS" cargo test -p klatch-tests --no-fail-fast -- --ignored
    build_the_page_again
  fi

  finish
  print_disk
  echo "Screenshots and logs: $ARTIFACTS"
  ((!${#LEFT_OUT[@]})) || printf 'LEFT OUT: %s\n' "${LEFT_OUT[@]}"
  print_total
}

bench() {
  set_up
  set_up_checks
  build_client
  build_broker
  step "Benchmarks"
  cargo run --release -p klatch-tests --bin bench -- "$@"
}

dev() {
  local page=http://localhost:8081
  set_up
  # The broker embeds a page even where Trunk serves the one that is being worked on.
  build_client
  step "Building a debug broker"
  holding target cargo build -p klatch-broker
  install_binary "$CARGO_TARGET_DIR/debug/klatch" target/bin/klatch-debug
  step "Serving $page; Ctrl-C stops it"
  # Whichever ends first, by itself or by Ctrl-C, takes the other with it.
  trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
  target/bin/klatch-debug --allow-origin "$page" --public-url "$page" "$@" &
  env -u NO_COLOR -u RUST_BACKTRACE trunk serve --port 8082 --dist target/dev-dist &
  front 8081 8080 8082 &
  wait -n
}

# front PORT BROKER PAGE, to be run in the background: /ws and /healthz go to the broker, the rest to Trunk. Trunk's
# own proxy leaves the WebSocket's subprotocol out of the answer, and browsers then close the socket.
front() {
  exec node - "$@" <<'JS'
const http = require("http"), net = require("net");
const [port, broker, page] = process.argv.slice(2).map(Number);
const target = (url) => /^\/(ws|healthz)(\/|$)/.test(url) ? broker : page;
http.createServer((request, response) => {
  const { method, url, headers } = request;
  const onward = http.request({ host: "localhost", port: target(url), method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on("error", () => response.writeHead(502).end("Not built yet: reload in a moment.\n"));
  request.pipe(onward);
}).on("upgrade", (request, socket, head) => {
  const onward = net.connect(target(request.url), "localhost", () => {
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (let i = 0; i < request.rawHeaders.length; i += 2) lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    onward.write(`${lines.join("\r\n")}\r\n\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  onward.on("error", () => socket.destroy()).on("close", () => socket.destroy());
  socket.on("error", () => onward.destroy()).on("close", () => onward.destroy());
}).listen(port, "localhost");
JS
}

# ---- what has to be on the machine

set_up() {
  step "Setting up"
  mkdir -p "$CACHE/tools" target "$LOGS" || die "The cache $CACHE can't be written to: set KLATCH_CACHE to a folder that can."
  set_up_rust
  command -v cc >/dev/null && command -v make >/dev/null || apt_install "${COMPILER_PACKAGES[@]}"
  set_up_node
  set_up_target

  local bindgen
  bindgen=$(pinned Trunk.toml wasm_bindgen)
  cargo_tool wasm-bindgen-cli "$bindgen" wasm-bindgen --no-default-features
  cargo_tool trunk "$TRUNK_VERSION" trunk
  local binaryen
  binaryen=$(pinned Trunk.toml wasm_opt)
  npm_tool binaryen "${binaryen#version_}.0.0" "${binaryen#version_}" wasm-opt
  npm_tool esbuild "$ESBUILD_VERSION" "$ESBUILD_VERSION" esbuild
  rm -rf "$CACHE/build"
  export TRUNK_SKIP_VERSION_CHECK=true

  step "Fetching dependencies" "Without a network, a build needs a cache that has been filled before. In CI, Cargo.lock must be committed and match."
  if [[ ${CI:-} == true ]]; then cargo fetch --locked; else cargo fetch; fi
  # The standard library's own, which Trunk, being offline, does not fetch.
  env "${SMALL_PAGE[@]}" cargo fetch --quiet --locked --target wasm32-unknown-unknown
}

set_up_rust() {
  local channel
  channel=$(pinned rust-toolchain.toml channel)
  command -v rustup >/dev/null || die "rustup is missing: install it as https://rustup.rs says, then run this again."
  unset RUSTUP_TOOLCHAIN
  # A toolchain that is missing is installed below, where it shows.
  export RUSTUP_AUTO_INSTALL=0
  toolchain_is_there "$channel" && return
  step "Installing Rust $channel" "\`rustup toolchain install\` in this folder must work (rustup 1.28 or newer)."
  rustup toolchain install
  toolchain_is_there "$channel" || die "Rust $channel is not what \`cargo\` runs here: is another cargo before rustup's on PATH?"
}

toolchain_is_there() {
  [[ $(rustc --version 2>/dev/null) == "rustc $1 "* ]] &&
    [[ -d $(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null) ]] &&
    [[ -d $(rustc --print sysroot)/lib/rustlib/src/rust/library ]] &&
    cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}

set_up_node() {
  local version
  version=$(node --version 2>/dev/null) || die "Node is missing: install Node $NODE_MINIMUM or newer with npm (on Debian: apt install nodejs npm)."
  node_is "$NODE_MINIMUM" || die "Node $version is too old: install Node $NODE_MINIMUM or newer."
}

node_is() {
  local version
  version=$(node --version)
  version=${version#v}
  ((${version%%.*} >= $1))
}

# Cargo keys packages of a workspace by their path inside it, so two clones that share a target folder would take
# each other's output for their own. A wrapper with a path of its own keeps a clone's packages apart, while
# dependencies are shared; clippy brings its own wrapper, but looks at its arguments (see `lint`).
set_up_target() {
  CLONE=$(printf %s "$CHECKOUT" | sha256sum | cut -c 1-16)
  if [[ -z ${CARGO_TARGET_DIR:-} ]]; then
    export CARGO_TARGET_DIR=$CACHE/target
    mkdir -p "$CARGO_TARGET_DIR"
    local gib
    gib=$(du -s --block-size=1G "$CARGO_TARGET_DIR" | cut -f 1)
    if ((gib > MAX_TARGET_GIB)); then
      note "The compiled files in the cache have grown to $gib GiB: starting them anew."
      holding target rm -rf "$CARGO_TARGET_DIR"
    fi
  fi
  export RUSTC_WORKSPACE_WRAPPER=$CACHE/wrappers/$CLONE
  if [[ ! -x $RUSTC_WORKSPACE_WRAPPER ]]; then
    mkdir -p "$CACHE/wrappers"
    printf '#!/bin/sh\nexec "$@"\n' >"$RUSTC_WORKSPACE_WRAPPER.$$"
    chmod +x "$RUSTC_WORKSPACE_WRAPPER.$$"
    mv "$RUSTC_WORKSPACE_WRAPPER.$$" "$RUSTC_WORKSPACE_WRAPPER"
  fi
  [[ ${CI:-} != true ]] || export CARGO_INCREMENTAL=0
}

set_up_checks() {
  step "Setting up browsers and checks" "The tests need Chromium with its driver and Firefox."
  apt_install "${TEST_PACKAGES[@]}"
  cargo_tool geckodriver "$GECKODRIVER_VERSION" geckodriver
  cargo_tool cargo-deny "$CARGO_DENY_VERSION" cargo-deny --no-default-features
  rm -rf "$CACHE/build"
  CHROMIUM=$(first_of chromium chromium-browser google-chrome)
  CHROMEDRIVER=$(first_of chromedriver)
  FIREFOX=$(first_of firefox-esr firefox)
  GECKODRIVER=$(first_of geckodriver)
  ARTIFACTS=$CACHE/artifacts/$(date -u +%Y%m%dT%H%M%SZ)-$$
  mkdir -p "$ARTIFACTS"
  # The last five runs are enough to look back at.
  find "$CACHE/artifacts" -mindepth 1 -maxdepth 1 -type d | sort -r | tail -n +6 | xargs -r rm -rf
  export CHROMIUM CHROMEDRIVER FIREFOX GECKODRIVER KLATCH_BIN=$KLATCH KLATCH_ARTIFACTS=$ARTIFACTS
  note "$("$CHROMIUM" --version 2>/dev/null), $("$FIREFOX" --version 2>/dev/null)"
}

# Tests start proxies by themselves. What Debian starts because their packages are new is stopped.
set_up_proxies() {
  local package new=()
  for package in "${LONG_TEST_PACKAGES[@]}"; do debian_has "$package" || new+=("$package"); done
  apt_install "${LONG_TEST_PACKAGES[@]}"
  if ((${#new[@]})) && [[ -d /run/systemd/system ]] && debian_has "${new[0]}"; then as_root systemctl disable --now "${new[@]}"; fi
}

# Whom `test all` asks besides. Who can't be had on this machine is left out, which is said, and once more at the end.
set_up_judges() {
  step "Setting up outside judges"
  apt_install "${JUDGE_PACKAGES[@]}"
  if node_is "$OBSERVATORY_NODE_MINIMUM"; then
    set_up_observatory
  else
    leave_out the_observatory_passes_everything "the MDN HTTP Observatory, which needs Node $OBSERVATORY_NODE_MINIMUM"
  fi
  if autobahn_is_there; then
    export KLATCH_WSTEST=$AUTOBAHN/wstest
  else
    leave_out autobahn_finds_no_failure "Autobahn's test suite, which can't be had here (why stands above, under \"Setting up outside judges\")"
  fi
}

# Without the list of sites that browsers know to be HTTPS alone, which it would fetch: none of ours is on it.
set_up_observatory() {
  local root=$CACHE/tools/observatory-$OBSERVATORY_VERSION
  local package=node_modules/@mdn/mdn-http-observatory
  if [[ ! -d $root ]]; then
    rm -rf "$root.$$"
    npm install --prefix "$root.$$" --ignore-scripts --no-audit --no-fund "@mdn/mdn-http-observatory@$OBSERVATORY_VERSION"
    echo '{}' >"$root.$$/$package/conf/hsts-preload.json"
    mv "$root.$$" "$root"
  fi
  export KLATCH_OBSERVATORY=$root/$package/src/scan.js
}

# Installs it where it is not. It needs a Python that only Debian still has somewhere, so that it may fail for no fault of ours.
autobahn_is_there() {
  AUTOBAHN=$CACHE/tools/autobahn-$AUTOBAHN_VERSION
  "$AUTOBAHN/wstest" --help >/dev/null 2>&1 && return
  note "Installing Autobahn's test suite $AUTOBAHN_VERSION, with a Python 2.7 of its own."
  rm -rf "$AUTOBAHN" "$AUTOBAHN".*
  if tests/judges/autobahn.sh "$AUTOBAHN.$$" "$AUTOBAHN_VERSION"; then mv "$AUTOBAHN.$$" "$AUTOBAHN"; else return 1; fi
}

# leave_out TEST WHAT
leave_out() {
  note "LEFT OUT: $2"
  LEFT_OUT+=("$2")
  WITHOUT+=(--skip "$1")
}

# Installs what is missing or older than asked for.
apt_install() {
  local wanted=() spec
  command -v dpkg-query >/dev/null || {
    note "This is not Debian: taking for granted that there is ${*%%=*}."
    return 0
  }
  for spec; do debian_has "$spec" || wanted+=("${spec%%=*}"); done
  ((${#wanted[@]})) || return 0

  local command="apt-get install ${wanted[*]}"
  ((EUID == 0)) || command -v sudo >/dev/null || die "Debian packages are missing: run \`$command\` as root, then this again."
  step "Installing ${wanted[*]}" "Run \`$command\` as root, then this again."
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${wanted[@]}"
  for spec; do debian_has "$spec" || die "apt can't give ${spec/=/ in version } or newer, which is needed."; done
}

as_root() {
  local sudo=(sudo)
  [[ -t 0 ]] || sudo+=(-n)
  ((EUID)) || sudo=()
  "${sudo[@]}" "$@"
}

debian_has() {
  local name=${1%%=*} minimum=${1#"${1%%=*}"} status
  status=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$name" 2>/dev/null) || return 1
  [[ $status == "installed "* ]] || return 1
  [[ -z $minimum ]] || dpkg --compare-versions "${status#installed }" ge "${minimum#=}"
}

# cargo_tool PACKAGE VERSION BINARY [FLAG…] puts that version on PATH, building it if it isn't in the cache.
cargo_tool() {
  local package=$1 version=$2 binary=$3
  shift 3
  local root=$CACHE/tools/$package-$version quiet=()
  [[ -t 2 ]] || quiet=(--quiet)
  if ! answers_with "$version" "$root/bin/$binary"; then
    step "Building $package $version (some minutes, once)" "Look at the compiler's words above."
    # Built for little compile time: they run for seconds.
    holding tools env -u RUSTC_WORKSPACE_WRAPPER CARGO_TARGET_DIR="$CACHE/build" \
      CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=0 \
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
      cargo install "${quiet[@]}" --force --root "$root" "$package" --version "$version" --locked "$@"
    answers_with "$version" "$root/bin/$binary" || die "$root/bin/$binary was built and doesn't run: delete $root and run this again."
  fi
  export PATH=$root/bin:$PATH
}

# npm_tool PACKAGE VERSION NUMBER BINARY puts that version, which calls itself NUMBER, on PATH. Of binaryen, because
# Debian's can't read what today's compiler writes.
npm_tool() {
  local package=$1 version=$2 number=$3 binary=$4
  local root=$CACHE/tools/$package-$version
  local bin=$root/node_modules/.bin
  if ! answers_with "$number" "$bin/$binary"; then
    step "Installing $package $version" "npm must be able to fetch the package $package@$version."
    rm -rf "$root" "$root.$$"
    npm install --prefix "$root.$$" --ignore-scripts --no-audit --no-fund "$package@$version"
    mv "$root.$$" "$root"
    answers_with "$number" "$bin/$binary" || die "$binary $number was installed and doesn't run: is Node new enough?"
  fi
  export PATH=$bin:$PATH
}

# Whether a program runs and its version is the one asked for: a file that is there may be half a file.
answers_with() {
  local line
  [[ -x $2 ]] && line=$("$2" --version 2>/dev/null) && [[ " ${line%%$'\n'*} " == *" $1 "* ]]
}

first_of() {
  local name
  for name; do command -v "$name" && return; done
  die "None of these is on PATH: $*. The browser tests need it."
}

pinned() {
  sed -n "s/^$2 *= *\"\(.*\)\".*/\1/p" "$1"
}

# ---- building and checking

# What makes the page small beyond its profile; `trunk build` alone works too and gives 30 KB more. The standard
# library is compiled along, for size, and what panics stops there without a word: nobody reads a page's console. Stable
# Rust does this only as if it were a nightly one (RUSTC_BOOTSTRAP); the toolchain is pinned, so it does it the same each
# time. SHA-2 in its compact form.
readonly SMALL_PAGE=(
  RUSTC_BOOTSTRAP=1
  "CARGO_UNSTABLE_BUILD_STD=std,panic_abort"
  CARGO_UNSTABLE_BUILD_STD_FEATURES=optimize_for_size
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS='-Zunstable-options -Cpanic=immediate-abort -Zfmt-debug=none -Zlocation-detail=none --cfg sha2_backend="soft" --cfg sha2_backend_soft="compact"'
)

build_client() {
  local stamp=target/client.stamp
  if [[ -f $stamp && -d dist && $(<"$stamp") == "$(client_state)" ]]; then
    note "The client is up to date."
    return
  fi
  step "Building the client"
  rm -f "$stamp"
  holding target build_page_here
  client_state >"$stamp"
}

# Without the wrapper that keeps clones apart, as its place would be in the names of functions and so in their order. What there is of
# our own packages may therefore be another clone's.
build_page_here() {
  cargo clean --quiet --profile wasm-release --target wasm32-unknown-unknown -p klatch-shared -p klatch-mesh -p klatch-client
  build_page
}

# build_page [WHAT ELSE `env` IS TOLD…]
build_page() {
  # Trunk wants `true` or `false` where everyone else sets NO_COLOR=1, and buries the compiler's words under a backtrace.
  env -u NO_COLOR -u RUST_BACKTRACE -u RUSTC_WORKSPACE_WRAPPER "$@" "${SMALL_PAGE[@]}" trunk build --release
}

# Whoever builds the page anywhere else must get the same bytes: so they can tell that a host serves this one. Everything that has a
# place has another here: the sources, what is compiled, and what was fetched.
build_the_page_again() {
  step "The page from another folder" "It holds something of where it was built: the first difference stands above."
  local elsewhere home=${CARGO_HOME:-$HOME/.cargo} part
  elsewhere=$(mktemp -d "$CACHE/elsewhere.XXXXXX")
  mkdir "$elsewhere/home" "$elsewhere/klatch"
  for part in "$home/registry" "$home"/config*; do [[ ! -e $part ]] || ln -s "$part" "$elsewhere/home"; done
  tar --exclude=./target --exclude=./dist --exclude=./.git -cf - . | tar -xf - -C "$elsewhere/klatch"
  build_page --chdir "$elsewhere/klatch" CARGO_HOME="$elsewhere/home" CARGO_TARGET_DIR="$elsewhere/target"
  local same=true
  "$KLATCH" --print-client-hash | (cd "$elsewhere/klatch/dist" && sha256sum --check --strict) || same=false
  diff -rq dist "$elsewhere/klatch/dist" || same=false
  rm -rf "$elsewhere"
  $same
}

# What the client is made from, and what was made. Trunk itself would run all its steps again each time.
client_state() {
  {
    find client shared assets Cargo.toml Cargo.lock Trunk.toml rust-toolchain.toml build.sh dist -type f -print0
  } 2>/dev/null | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}

build_broker() {
  step "Building the broker"
  holding target build_and_keep
}

# The copy is this clone's: the one in the target folder may be the next clone's a moment later.
build_and_keep() {
  cargo build --release -p klatch-broker
  install_binary "$CARGO_TARGET_DIR/release/klatch" "$KLATCH"
}

# Says for which target a program can be built here that needs no C library of the system; fails where for none.
static_target() {
  local target
  target=$(uname -m)-unknown-linux-musl
  {
    # In a shell of its own: what is missing here is a reason to do without.
    (command -v musl-gcc >/dev/null || apt_install "${STATIC_PACKAGES[@]}") && command -v musl-gcc >/dev/null &&
      { [[ -d $(rustc --print target-libdir --target "$target" 2>/dev/null) ]] || rustup target add "$target"; }
  } >&2 || return 1
  echo "$target"
}

# build_static TARGET, with a C compiler for what is not Rust in it.
build_static() {
  env "CC_${1//-/_}=musl-gcc" cargo build --release -p klatch-broker --target "$1"
  # Of a static one there is no list of libraries.
  ! LC_ALL=C ldd "$CARGO_TARGET_DIR/$1/release/klatch" 2>/dev/null | grep -q '=>' || die "The binary for $1 is not static."
  install_binary "$CARGO_TARGET_DIR/$1/release/klatch" target/bin/klatch-static
}

# lay_out BINARY TARGET: what a host copies, with sums to see that all of it came. It is also what the container file is built in.
lay_out() {
  step "Laying out target/dist"
  rm -rf target/dist
  mkdir -p target/dist/completions
  cp "$1" target/dist/klatch
  find packaging -type f ! -name '*.mjs' -exec cp -t target/dist {} +
  cp LICENSE-APACHE LICENSE-MIT target/dist
  node packaging/licences.mjs target/dist/THIRD-PARTY-LICENSES.txt LICENSE-APACHE \
    "klatch-broker@$2" klatch-client@wasm32-unknown-unknown
  # The standard library's, with those of the crates in it, as whoever made the compiler gathered them.
  cp "$(rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html" target/dist/THIRD-PARTY-LICENSES-RUST.html
  "$1" --completions bash >target/dist/completions/klatch.bash
  "$1" --completions zsh >target/dist/completions/_klatch
  "$1" --completions fish >target/dist/completions/klatch.fish
  (cd target/dist && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >"$CACHE/sums.$$" && mv "$CACHE/sums.$$" SHA256SUMS)
}

install_binary() {
  mkdir -p "$(dirname "$2")"
  cmp -s "$1" "$2" && return
  cp "$1" "$2.$$"
  mv "$2.$$" "$2"
}

lint() {
  local clone=(--cfg "klatch_clone=\"$CLONE\"") wasm=(--target wasm32-unknown-unknown)
  step "Clippy, native"
  cargo clippy --workspace --exclude klatch-client --all-targets --keep-going -- -D warnings "${clone[@]}"
  step "Clippy, WebAssembly"
  cargo clippy "${wasm[@]}" -p klatch-client --all-targets --keep-going -- -D warnings "${clone[@]}"
  cargo clippy "${wasm[@]}" -p klatch-shared -p klatch-mesh --lib --keep-going -- -D warnings "${clone[@]}"
  # To run, they need a nightly compiler and libFuzzer; to be compiled, neither.
  step "Clippy, fuzz targets"
  CUSTOM_LIBFUZZER_PATH=/nowhere/libfuzzer.a cargo clippy --manifest-path fuzz/Cargo.toml --keep-going -- -D warnings "${clone[@]}"
  step "Documentation"
  export RUSTDOCFLAGS="-D warnings ${clone[*]}"
  cargo doc --workspace --exclude klatch-client --exclude klatch-tests --no-deps
  cargo doc "${wasm[@]}" -p klatch-client --no-deps
  unset RUSTDOCFLAGS
}

check_dependencies() {
  step "Licences, bans, sources" "deny.toml says what is allowed."
  cargo deny --offline check --hide-inclusion-graph licenses bans sources
}

page_tests() {
  grep -rqs 'wasm_bindgen_test' client/src client/tests || return 0
  step "Client tests, in Chromium"
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner WASM_BINDGEN_TEST_TIMEOUT=120 \
    logged page limited "$BROWSER_SECONDS" cargo test -p klatch-client --target wasm32-unknown-unknown --no-fail-fast
}

# check_sizes BINARY, and of the page.
check_sizes() {
  step "Sizes" "See what made it grow; the limits are in build.sh."
  node - dist "$1" "$MAX_PAGE_BYTES" "$MAX_PAGE_REQUESTS" "$MAX_BINARY_BYTES" <<'JS'
const fs = require("fs"), path = require("path"), zlib = require("zlib");
const [dist, binary, ...limits] = process.argv.slice(2);
const [maxBytes, maxRequests, maxBinary] = limits.map(Number);
const files = fs.readdirSync(dist, { recursive: true })
  .filter((name) => fs.statSync(path.join(dist, name)).isFile());
const loaded = new Set(["index.html"]);
// What a loaded text mentions, a browser may fetch.
for (const name of loaded) {
  if (!/\.(html|js|css|webmanifest)$/.test(name)) continue;
  // Under data-rel stands what the door of a room does not wait for.
  const text = fs.readFileSync(path.join(dist, name), "utf8").replace(/<link [^>]*data-rel=[^>]*>/g, "");
  for (const other of files) if (text.includes(other)) loaded.add(other);
}
let total = 0;
for (const name of files) {
  const raw = fs.readFileSync(path.join(dist, name));
  const small = zlib.brotliCompressSync(raw).length;
  if (loaded.has(name)) total += small;
  console.log(`${String(raw.length).padStart(9)} ${String(small).padStart(8)} brotli  ${name}${loaded.has(name) ? "" : " (not in the first load)"}`);
}
const size = fs.statSync(binary).size;
console.log(`page: ${total} bytes of ${maxBytes}, ${loaded.size} requests of ${maxRequests}; binary: ${size} bytes of ${maxBinary}`);
const fail = (what) => { console.error(`build.sh: ${what}`); process.exitCode = 1; };
if (total > maxBytes) fail(`the page has ${total} bytes as brotli, more than ${maxBytes}.`);
if (loaded.size > maxRequests) fail(`the page takes ${loaded.size} requests, more than ${maxRequests}.`);
if (size > maxBinary) fail(`the binary has ${size} bytes, more than ${maxBinary}.`);
JS
}

# ---- how it is told

# step NAME [WHAT TO DO IF IT FAILS]
step() {
  close_step
  STEP=$1 HINT=${2:-What it said stands above.} STEP_START=$SECONDS
  printf '\n== [%s] %s\n' "$(clock "$SECONDS")" "$1"
}

close_step() {
  [[ -z ${STEP:-} ]] || TIMES+=("$(clock $((SECONDS - STEP_START)))  $STEP")
  STEP='' HINT=''
}

finish() {
  close_step
  printf '\n== [%s] Done\n' "$(clock "$SECONDS")"
  printf '%s\n' "${TIMES[@]}"
}

on_exit() {
  local status=$?
  ((status)) || return 0
  [[ -z $STEP ]] || printf '\nbuild.sh: "%s" failed after %s. %s\n' "$STEP" "$(clock "$SECONDS")" "$HINT" >&2
  [[ -z $TESTING ]] || print_total failed
}

print_disk() {
  local folder
  for folder in tools target artifacts; do
    [[ ! -d $CACHE/$folder ]] || printf '%s\t%s\n' "$(du -sh "$CACHE/$folder" | cut -f 1)" "$CACHE/$folder"
  done
}

# The sum of what the test runners said, as the last line; what a test says that it left out it has not passed. A runner that was
# stopped says nothing, and neither does a lint: with `failed`, at least one did.
print_total() {
  mkdir -p "$LOGS" && touch "$LOGS/none.log"
  # What the first run ignores, the long one runs, but for what it was told to leave out.
  awk -v long="$(compgen -G "$LOGS/*-long.log")" -v left="${#LEFT_OUT[@]}" -v failed="${1:-}" '/LEFT OUT: / { o++ } /^test result:/ { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^ignored/) s += $(i-1) } }
    END { if (failed && !f) f = 1; printf "Total: %d passed, %d failed, %d skipped\n", p - o, f, (long ? left : s) + o }' "$LOGS"/*.log
}

clock() { printf '%2d:%02d' $(($1 / 60)) $(($1 % 60)); }

note() { printf '%s\n' "$*"; }

die() {
  printf 'build.sh: %s\n' "$*" >&2
  trap - EXIT
  exit 1
}

usage_error() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 2
}

no_arguments() { (($# == 1)) || usage_error "\`$1\` takes nothing more."; }

# logged NAME COMMAND…: what the tests print is also kept.
logged() {
  local name=$1
  shift
  "$@" | tee "$LOGS/$name.log"
}

# Bounds a command where nobody watches; at a terminal Ctrl-C does, which would not reach another session.
limited() {
  local seconds=$1 session status=0
  shift
  if [[ -t 2 ]]; then
    "$@"
    return
  fi
  setsid timeout --kill-after 30 "$seconds" "$@" &
  session=$!
  wait "$session" || status=$?
  # Drivers and browsers lead process groups of their own; what outlived its test is still of this session.
  pkill -KILL --session "$session" || true
  ((status != 124 && status != 137)) || echo "build.sh: it was stopped, as it was not done after $seconds s." >&2
  return "$status"
}

# holding NAME COMMAND…: one at a time among all checkouts that share the cache.
holding() {
  local lock=$CACHE/$1.lock
  shift
  exec 9>"$lock"
  flock --nonblock 9 || {
    note "Another checkout is at it; waiting."
    flock 9
  }
  "$@" 9>&-
  exec 9>&-
}

TIMES=() TESTING='' LEFT_OUT=() WITHOUT=()
STEP='' HINT=''
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
main "$@"
