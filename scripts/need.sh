#!/usr/bin/env bash
# Checks that this machine can build borderflow, with `test` that it can test it, and with
# `numbers` that it can measure it against others.
#
# usage: scripts/need.sh build|test|numbers
#
# What is missing is installed with apt-get where that needs no question: as root, or
# with CI=true. Elsewhere one line says what to install, and the status is 1. Tools that
# only some tests or figures use never fail the check: those skip and say why.
set -euo pipefail

# Whether apt-get may be run here without asking, directly or through sudo.
may_install() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" = 0 ] && return 0
  [ "${CI:-}" = true ] && command -v sudo >/dev/null && sudo -n true 2>/dev/null
}

# Installs Debian packages. The package lists are read once, and an unreachable one among
# several sources is no reason to stop.
install() {
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  echo "need.sh: installing $*"
  if [ -z "${lists_read:-}" ]; then
    "${as_root[@]}" apt-get update -q </dev/null || echo "need.sh: apt-get update failed; going on"
    lists_read=yes
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "$@" </dev/null
}

# Whether a program against libpcap compiles and links, which is all that the build needs.
# Headers without the library, or the other way round, are found out here and not by ld.
has_libpcap() {
  local program flags=()
  program=$(mktemp)
  if command -v pkg-config >/dev/null; then
    read -r -a flags <<<"$(pkg-config --cflags --libs libpcap 2>/dev/null || true)"
  fi
  [ -z "${LIBPCAP_LIBDIR:-}" ] || flags+=("-L$LIBPCAP_LIBDIR")
  local status=0
  printf '#include <pcap.h>\nint main(void) { return pcap_lib_version() == 0; }\n' |
    cc -x c -o "$program" - ${flags[@]+"${flags[@]}"} -lpcap 2>/dev/null || status=1
  rm -f "$program"
  return "$status"
}

has_compiler() { command -v cc >/dev/null; }
has_python() { command -v python3 >/dev/null; }
has_make() { command -v make >/dev/null; }

# require CHECK NAME PACKAGE...: installs the packages if CHECK fails, or says what to do.
require() {
  local check=$1 name=$2
  shift 2
  "$check" && return 0
  if may_install && install "$@" && "$check"; then
    return 0
  fi
  echo "need.sh: $name is missing. $(advice "$name")" >&2
  exit 1
}

advice() {
  case $1 in
    libpcap)
      echo "Install it: Debian/Ubuntu 'apt-get install libpcap-dev', Fedora 'dnf install" \
        "libpcap-devel', Arch 'pacman -S libpcap', macOS 'xcode-select --install'."
      ;;
    python3)
      echo "Install it with the package manager, or from https://www.python.org."
      ;;
    *)
      echo "Install it: Debian/Ubuntu 'apt-get install build-essential', Fedora 'dnf install" \
        "gcc make', Arch 'pacman -S base-devel', macOS 'xcode-select --install'."
      ;;
  esac
}

# optional COMMAND PACKAGE: installs a tool that some tests or figures use, or says that
# they skip.
optional() {
  command -v "$1" >/dev/null && return 0
  if may_install && install "$2"; then
    return 0
  fi
  echo "need.sh: no $1 ($2): what needs it will skip"
}

# python_module MODULE: installs a module of Python that some tests use with the package manager
# or, where that has none, with pip, or says that they skip.
python_module() {
  has_python || return 0
  python3 -c "import $1" 2>/dev/null && return 0
  if may_install && { apt-cache show "python3-$1" >/dev/null 2>&1 && install "python3-$1" ||
    python3 -m pip install --quiet "$1"; }; then
    return 0
  fi
  echo "need.sh: no Python module $1: what needs it will skip"
}

# Debian keeps `ip` where only root's path looks.
PATH=$PATH:/usr/sbin:/sbin

stage=${1:-}
case $stage in
  build | test | numbers) ;;
  *)
    echo "usage: scripts/need.sh build|test|numbers" >&2
    exit 2
    ;;
esac

if ! command -v cargo >/dev/null; then
  echo "need.sh: cargo is missing. Install Rust 1.95 or later from https://rustup.rs." >&2
  exit 1
fi
require has_compiler "a C compiler" gcc libc6-dev
require has_make make make
require has_libpcap libpcap libpcap-dev

if [ "$stage" = test ]; then
  optional ip iproute2
  optional curl curl
  optional python3 python3
  optional tcpdump tcpdump
  optional promtool prometheus
  optional prometheus-alertmanager prometheus-alertmanager
  optional valgrind valgrind
  optional jq jq
  optional openssl openssl
  optional rsyslogd rsyslog
  python_module aioquic
  optional prometheus-alertmanager prometheus-alertmanager
  # How rsyslog speaks TLS, which is no command.
  if may_install && ! compgen -G '/usr/lib/*/rsyslog/lmnsd_gtls.so' >/dev/null; then
    install rsyslog-gnutls || echo "need.sh: no rsyslog-gnutls: what needs it will skip"
  fi
fi

if [ "$stage" = numbers ]; then
  require has_python python3 python3
  optional ip iproute2
  optional ethtool ethtool
  optional tcpdump tcpdump
  optional tcpreplay tcpreplay
  optional nfpcapd nfdump
  optional softflowd softflowd
fi
