#!/usr/bin/env bash
# Prints the path of a consul that runs on this machine, fetching one if need be. Exit 1 and a reason otherwise.
#
#   1. CONSUL_BIN, when set: that one or none.
#   2. `consul` on PATH.
#   3. The Debian package, unpacked and kept under the folder given as argument; else .cache/consul of this repository;
#      else, in an installed package, ~/.cache/remora/consul.
#
# The package is fetched with this machine's own apt and whatever mirror it is set up for, but in a world of its own:
# private sources, lists, cache and dpkg status, so that nothing outside the cache folder is read for writing, and no
# root is needed. Only the Debian archive key is trusted; apt checks signature and hashes, and this script says the
# last hash once more. CONSUL_APT_URI names another mirror, for the day the suite leaves the ordinary ones.
set -euo pipefail

readonly LIMIT_S=20
readonly SUITE=${CONSUL_APT_SUITE:-bullseye} # the last Debian suite with a consul package
readonly KEYRING=${CONSUL_APT_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

say() { printf 'get-consul: %s\n' "$*" >&2; }
give_up() { say "$*"; exit 1; }
runs() { [ -x "$1" ] && "$1" version >/dev/null 2>&1; }

if [ -n "${CONSUL_BIN:-}" ]; then
  runs "$CONSUL_BIN" || give_up "CONSUL_BIN=$CONSUL_BIN does not run"
  echo "$CONSUL_BIN"
  exit 0
fi
if found=$(command -v consul) && runs "$found"; then
  echo "$found"
  exit 0
fi

home=$(cd "$(dirname "$0")/../.." && pwd)
if [ $# -gt 0 ]; then cache=$1
elif [ -d "$home/src" ]; then cache=$home/.cache/consul
else cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/remora/consul; fi
mkdir -p "$cache" 2>/dev/null || give_up "cannot keep one under $cache; set CONSUL_BIN"
cache=$(cd "$cache" && pwd)
consul=$cache/root/usr/bin/consul
if runs "$consul"; then
  echo "$consul"
  exit 0
fi

# All that may take long happens in a second run of this script, which the first one watches. Whoever ends this one ends
# that one too, and it is waited for, so that nothing is left running.
if [ -z "${GET_CONSUL_WATCHED:-}" ]; then
  command -v timeout >/dev/null || give_up 'no `timeout` on this machine; set CONSUL_BIN'
  GET_CONSUL_WATCHED=1 timeout --kill-after=2 "$LIMIT_S" bash "$0" "$cache" &
  watched=$!
  trap 'trap - TERM INT; kill -TERM "$watched" 2>/dev/null; wait "$watched" || true; exit 143' TERM INT
  status=0
  wait "$watched" || status=$?
  [ "$status" -ne 124 ] || give_up "not done within $LIMIT_S s (slow mirror or no network); set CONSUL_BIN"
  exit "$status"
fi

for tool in apt-get apt-cache dpkg dpkg-deb flock sha256sum; do
  command -v "$tool" >/dev/null || give_up "no $tool on this machine; set CONSUL_BIN"
done
[ -r "$KEYRING" ] || give_up "no $KEYRING (package debian-archive-keyring); set CONSUL_BIN"

# Test files run side by side; one of them fetches, the others wait and find it done.
exec 9>"$cache/.lock"
flock 9
if runs "$consul"; then
  echo "$consul"
  exit 0
fi

world=$(mktemp -d "$cache/world.XXXXXX")
trap 'rm -rf "$world"' EXIT
trap 'exit 124' TERM
arch=$(dpkg --print-architecture)
mkdir -p "$world/archives/partial"
: >"$world/status"
# The `#clear` lines switch off hooks of this machine's own configuration, which apt reads first.
cat >"$world/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::Etc::sourcelist "$world/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "/dev/null";
Dir::State::lists "$world/lists";
Dir::State::status "$world/status";
Dir::State::extended_states "$world/extended_states";
Dir::Cache "$world";
Dir::Cache::archives "$world/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Sandbox::User "$(id -un)";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "1";
CONF

# Mirrors, best first: the operator's, Debian's own of the lists that are here, then what `apt-get update` would ask
# (images without lists), Debian's code name before any other.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirrors() {
  [ -z "${CONSUL_APT_URI:-}" ] || echo "$CONSUL_APT_URI"
  apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 2>/dev/null | awk -F'|' '$1 == "Debian" && $2 == "main" { print $3 }' || true
  local would
  would=$(apt-get --print-uris update 2>/dev/null || true)
  sed -n "s#^'\(.*\)/dists/${codename:-none}/InRelease' .*#\1/#p" <<<"$would"
  sed -n "s#^'\(.*\)/dists/[^']*/InRelease' .*#\1/#p" <<<"$would"
}
mapfile -t uris < <(mirrors | grep -E '^(https?|tor\+https?|mirror)' | awk '!seen[$0]++')
[ ${#uris[@]} -gt 0 ] || give_up 'apt has no mirror set up; set CONSUL_BIN or CONSUL_APT_URI'

private_apt() { "$1" -q -c "$world/apt.conf" "${@:2}"; }
for uri in "${uris[@]}"; do
  rm -rf "$world/lists" "$world/deb"
  mkdir -p "$world/lists/partial" "$world/deb"
  echo "deb [arch=$arch signed-by=$KEYRING target=Packages] $uri $SUITE main" >"$world/sources.list"
  if ! private_apt apt-get update --error-on=any >"$world/log" 2>&1 || ! (cd "$world/deb" && private_apt apt-get download consul >>"$world/log" 2>&1); then
    say "one mirror has no signed $SUITE with consul: $(grep -m1 -E '^[EW]:' "$world/log" | sed -E 's#[a-z+]+://[^ ]*#<mirror>#g' || true)"
    continue
  fi
  package=$(ls "$world"/deb/consul_*.deb)
  hash=$(private_apt apt-cache show --no-all-versions consul | sed -n 's/^SHA256: //p' | head -n 1)
  echo "$hash  $package" | sha256sum --check --quiet --strict - >&2
  dpkg-deb -x "$package" "$world/root"
  runs "$world/root/usr/bin/consul" || give_up 'the consul of the package does not run here; set CONSUL_BIN'
  rm -rf "$cache/root"
  mv "$world/root" "$cache/root"
  say "fetched $("$consul" version | sed -n 1p) from $SUITE"
  echo "$consul"
  exit 0
done
exit 1
