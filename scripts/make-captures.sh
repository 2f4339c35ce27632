#!/usr/bin/env bash
# Makes the captures of captures/ again, with real clients and servers in network
# namespaces of their own, and the one of a scenario with the simulator.
#
# usage: scripts/make-captures.sh [NAME...]     (as root; all of them without a name)
#
# New captures have new ports and intervals: run `make golden` afterwards and look at what
# changed. Needs iproute2, ethtool, iputils-ping, curl, python3 and a release build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly HOME_NS=borderflow-home ABROAD_NS=borderflow-abroad WIRE_NS=borderflow-wire
scratch=$(mktemp -d)
children=()
made=()

# Ends what this script began, and nothing else.
tear_down() {
  local child namespace
  for child in ${children[@]+"${children[@]}"}; do
    kill "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  done
  children=()
  for namespace in ${made[@]+"${made[@]}"}; do
    ip netns delete "$namespace"
  done
  made=()
}
trap 'tear_down; rm -rf "$scratch"' EXIT

at_home() { ip netns exec "$HOME_NS" "$@"; }
abroad() { ip netns exec "$ABROAD_NS" "$@"; }

# One end of the wire: a namespace with one interface, and every address on that link.
add_end() {
  local namespace=$1 tap=$2 mac=$3
  ip netns add "$namespace"
  made+=("$namespace")
  ip -n "$WIRE_NS" link add "$tap" type veth peer name eth0 netns "$namespace"
  ip -n "$namespace" link set eth0 address "$mac"
  ip netns exec "$namespace" sysctl -qw net.ipv6.conf.eth0.router_solicitations=0 \
    net.ipv6.conf.eth0.addr_gen_mode=1 net.ipv6.conf.eth0.accept_dad=0
  ip -n "$WIRE_NS" link set "$tap" up
  ip -n "$namespace" link set lo up
  ip -n "$namespace" link set eth0 up
  # A tap must see packets as they are on a wire: cut, and with their checksums.
  ip netns exec "$namespace" ethtool -K eth0 tx off tso off gso off gro off >/dev/null
  ip -n "$namespace" route add default dev eth0
  ip -n "$namespace" -6 route add default dev eth0
}

# set_up NAME [OPTION...]: a wire between home and abroad; options are those of wire.py.
set_up() {
  local name=$1
  shift
  ip netns add "$WIRE_NS"
  made+=("$WIRE_NS")
  ip netns exec "$WIRE_NS" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
    net.ipv6.conf.default.disable_ipv6=1
  add_end "$HOME_NS" home 02:00:00:00:00:01
  add_end "$ABROAD_NS" abroad 02:00:00:00:00:02
  mkfifo "$scratch/$name.ready"
  ip netns exec "$WIRE_NS" python3 scripts/wire.py home abroad "$scratch/$name.pcap" "$@" \
    >"$scratch/$name.ready" &
  children+=($!)
  read -r _ <"$scratch/$name.ready"
}

home_has() { ip -n "$HOME_NS" addr add "$1" dev eth0; }
abroad_has() { ip -n "$ABROAD_NS" addr add "$1" dev eth0; }

# serve NAMESPACE ADDRESS: a web server that takes and gives files, on port 80.
serve() {
  cat >"$scratch/server.py" <<'SERVER'
import http.server, socket, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"")

    def do_GET(self):
        self.answer(bytes(int(self.path.strip("/"))))

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET

    # Without the name of this host, for which there is nobody to ask.
    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

server = Server((sys.argv[1], 80), Handler)
print("ready", flush=True)
server.serve_forever()
SERVER
  local pipe="$scratch/server.$RANDOM"
  mkfifo "$pipe"
  ip netns exec "$1" python3 "$scratch/server.py" "$2" >"$pipe" &
  children+=($!)
  read -r _ <"$pipe"
}

# upload BYTES URL: from home.
upload() {
  head -c "$1" /dev/zero >"$scratch/body"
  at_home curl -sS --fail --max-time 60 -H Expect: -T "$scratch/body" "$2" >/dev/null
}

# Keeps what the wire has seen as captures/NAME.pcap.
keep() {
  sleep 0.3
  tear_down
  mv "$scratch/$1.pcap" "captures/$1.pcap"
  echo "captures/$1.pcap: $(stat -c %s "captures/$1.pcap") bytes"
}

make_server_response_is_an_export() {
  set_up "$1"
  home_has 10.0.0.80/32
  abroad_has 77.88.8.8/32
  serve "$HOME_NS" 10.0.0.80
  abroad curl -sS --fail --max-time 60 -o /dev/null http://10.0.0.80/300000
  abroad curl -sS --fail --max-time 60 -o /dev/null http://10.0.0.80/50000
  keep "$1"
}

make_ipv6() {
  set_up "$1"
  home_has fd00:10::5/128
  abroad_has 2a02:6b8::feed:ff/128
  serve "$ABROAD_NS" 2a02:6b8::feed:ff
  upload 200000 "http://[2a02:6b8::feed:ff]/"
  # 4,000 bytes do not fit a packet: fragments behind an extension header.
  at_home ping -6 -q -c 3 -i 0.2 -s 4000 2a02:6b8::feed:ff >/dev/null
  keep "$1"
}

make_vlan_qinq() {
  set_up "$1" --tags 200:10
  home_has 10.0.0.5/32
  abroad_has 77.88.8.8/32
  serve "$ABROAD_NS" 77.88.8.8
  upload 150000 http://77.88.8.8/
  at_home ping -q -c 2 -i 0.2 77.88.8.8 >/dev/null
  keep "$1"
}

make_retransmission_and_reordering() {
  set_up "$1" --lose 9 --swap 7
  home_has 10.0.0.5/32
  abroad_has 77.88.8.8/32
  serve "$ABROAD_NS" 77.88.8.8
  upload 300000 http://77.88.8.8/
  keep "$1"
}

make_icmp_and_fragments() {
  set_up "$1"
  home_has 10.0.0.5/32
  abroad_has 77.88.8.8/32
  at_home ping -q -c 3 -i 0.2 -s 56 77.88.8.8 >/dev/null
  at_home ping -q -c 3 -i 0.2 -s 8000 77.88.8.8 >/dev/null
  # A datagram of 20,000 bytes to a port where nobody listens: fragments, and an answer.
  at_home python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(bytes(20000), ("77.88.8.8", 9))'
  keep "$1"
}

make_override_abroad_in_home_network() {
  set_up "$1"
  home_has 10.0.0.5/32
  abroad_has 10.9.0.7/32
  abroad_has 10.8.0.7/32
  serve "$ABROAD_NS" 10.9.0.7
  serve "$ABROAD_NS" 10.8.0.7
  upload 120000 http://10.9.0.7/
  upload 60000 http://10.8.0.7/
  keep "$1"
}

make_eu_site() {
  set_up "$1"
  home_has 10.0.0.5/32
  local address
  for address in 88.198.10.1 130.59.31.80 8.8.8.8; do
    abroad_has "$address/32"
    serve "$ABROAD_NS" "$address"
    upload 100000 "http://$address/"
  done
  keep "$1"
}

make_first_alert() {
  target/release/borderflow simulate tests/golden/first-alert/scenario.toml \
    -o "captures/$1.pcap" --truth "$scratch/truth.jsonl"
}

readonly ALL=(first-alert server-response-is-an-export ipv6 vlan-qinq
  retransmission-and-reordering icmp-and-fragments override-abroad-in-home-network eu-site)
[ $# -gt 0 ] || set -- "${ALL[@]}"
for name in "$@"; do
  case " ${ALL[*]} " in
    *" $name "*) "make_${name//-/_}" "$name" ;;
    *)
      echo "make-captures.sh: there is no capture '$name'; there are: ${ALL[*]}" >&2
      exit 2
      ;;
  esac
done
