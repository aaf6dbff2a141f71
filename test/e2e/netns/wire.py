"""
Hosts on one machine and the wire between them: COUNT network namespaces without names, each with a TUN device that is
the host's only way out, and this process, which carries IP packets from one to another, or does not.

    wire.py COUNT SEED

Host I has the address 10.77.0.(I + 1). The first line on standard output is JSON, `{"namespaces": [PATH, ...]}`, for
`nsenter --net=PATH`. Then each line on standard input is a command, answered by a line once it holds:

    cut FROM TO            nothing gets from any of FROM to any of TO (lists of host numbers: 0,1,2); adds up
    loss FROM TO PERCENT   each packet is lost with this chance, drawn from SEED, by path and number of the packet
    delay FROM TO MS       each packet arrives so much later, in order
    heal                   undoes all of these

It ends with its standard input. Namespaces without names end with the last process in them, so a test that crashes
leaves nothing behind. Needs root and /dev/net/tun; nothing but Python's own library.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI, IFF_UP = 0x0001, 0x1000, 0x1
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C
PACKET_BYTES_MAX = 2048
# What a path may hold at a time: far more than agents send, and a bound all the same.
PACKETS_UNDER_WAY_MAX = 20_000


def address(host):
    return "10.77.0.%d" % (host + 1)


def set_up(sock, device, ip=None):
    """Gives a device an address in a net of 256, and switches it on."""
    name = device.encode()
    for request, value in ((SIOCSIFADDR, ip), (SIOCSIFNETMASK, ip and "255.255.255.0")):
        if value is not None:
            fcntl.ioctl(sock, request, struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(value)))
    flags = struct.unpack("16sH22x", fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH22x", name, 0)))[1]
    fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | IFF_UP))


def new_host(host):
    """Makes a namespace with a TUN device, which stays the one of this process. Returns both as files."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace can be made: run as root")
    namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
    # Names the current namespace for good, whatever this process is in later.
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        set_up(sock, "lo")
        set_up(sock, "wire", address(host))
    return namespace, tun


class Path:
    """The way from one host to another."""

    def __init__(self, seed, source, target):
        self.draws = random.Random("%s %d %d" % (seed, source, target))
        self.arrives_at = 0.0
        self.heal()

    def heal(self):
        self.is_cut = False
        self.loss = 0.0
        self.delay_s = 0.0

    def arrival(self, now):
        """When a packet that is sent now arrives; None when it does not."""
        lost = self.draws.random() < self.loss
        if lost or self.is_cut:
            return None
        self.arrives_at = max(self.arrives_at, now + self.delay_s)
        return self.arrives_at


class Wire:
    def __init__(self, count, seed):
        hosts = [new_host(host) for host in range(count)]
        self.namespaces = [namespace for namespace, _ in hosts]
        self.tuns = [tun for _, tun in hosts]
        self.paths = {(a, b): Path(seed, a, b) for a in range(count) for b in range(count) if a != b}
        self.under_way = []
        self.sent = 0

    def take(self, source):
        """Reads what a host has sent."""
        while True:
            try:
                packet = os.read(self.tuns[source], PACKET_BYTES_MAX)
            except BlockingIOError:
                return
            # IPv4 between hosts; a host's IPv6 talks to routers that are not there.
            if len(packet) < 20 or packet[0] >> 4 != 4 or packet[16:19] != b"\x0a\x4d\x00":
                continue
            path = self.paths.get((source, packet[19] - 1))
            now = time.monotonic()
            at = path.arrival(now) if path is not None else None
            if at is None or len(self.under_way) >= PACKETS_UNDER_WAY_MAX:
                continue
            if at <= now:
                self.deliver(packet)
            else:
                self.sent += 1
                heapq.heappush(self.under_way, (at, self.sent, packet))

    def deliver(self, packet):
        try:
            os.write(self.tuns[packet[19] - 1], packet)
        except BlockingIOError:
            pass  # A full queue loses packets, as on a real wire.

    def deliver_due(self):
        """Returns how many milliseconds there are until the next packet; None when there is none."""
        while self.under_way:
            left_s = self.under_way[0][0] - time.monotonic()
            if left_s > 0:
                return left_s * 1000
            self.deliver(heapq.heappop(self.under_way)[2])
        return None

    def obey(self, line):
        verb, *words = line.split()
        if verb == "heal":
            for path in self.paths.values():
                path.heal()
            return
        sources, targets = ([int(host) for host in word.split(",")] for word in words[:2])
        for path in (self.paths[a, b] for a in sources for b in targets if a != b):
            if verb == "cut":
                path.is_cut = True
            elif verb == "loss":
                path.loss = float(words[2]) / 100
            elif verb == "delay":
                path.delay_s = float(words[2]) / 1000
            else:
                raise ValueError("unknown command: " + line)

    def run(self, commands):
        poll = select.poll()
        sources = {tun: host for host, tun in enumerate(self.tuns)}
        for source in (*sources, commands):
            poll.register(source, select.POLLIN)
        rest = b""
        while True:
            for ready, _ in poll.poll(self.deliver_due()):
                if ready != commands:
                    self.take(sources[ready])
                    continue
                text = os.read(commands, 4096)
                if text == b"":
                    return
                *lines, rest = (rest + text).split(b"\n")
                for line in lines:
                    self.obey(line.decode())
                    print("done", flush=True)


def main():
    wire = Wire(int(sys.argv[1]), sys.argv[2])
    paths = ["/proc/%d/fd/%d" % (os.getpid(), namespace) for namespace in wire.namespaces]
    print(json.dumps({"namespaces": paths}), flush=True)
    wire.run(sys.stdin.fileno())


main()
