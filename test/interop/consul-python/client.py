"""Debian's Consul clients for Python, and nothing else, against Skein's agents.

    client.py suite HTTP_ADDRESS HTTP_ADDRESS    writes through one agent, and reads through the other
    client.py watch HTTP_ADDRESS                 says what it sees of "web", until its input ends

Any mismatch ends the program with status 1 and says what was expected. PYTHONPATH decides which of the two clients it
is. The older, python3-consul, asks with GET where Consul itself has refused that since its version 1.0; the newer,
python3-consul2, does not.
"""

import json
import sys
import threading
import time

import consul

DEADLINE_SECONDS = 10
IS_OLD = not hasattr(consul.Consul, "Config")


def client(address):
    host, port = address.rsplit(":", 1)
    return consul.Consul(host=host, port=int(port))


def expect(what, wanted, got):
    if wanted != got:
        sys.exit("FAILED %s: expected %r, got %r" % (what, wanted, got))
    print("OK", what)


def expect_raised(what, kind, text, call):
    try:
        got = call()
    except kind as error:
        if text not in str(error):
            sys.exit("FAILED %s: expected an error with %r, got %s" % (what, text, error))
        print("OK", what)
        return
    sys.exit("FAILED %s: expected %s, got %r" % (what, kind.__name__, got))


def wait_for(what, read, wanted):
    """Blocks on `read(index)`, query after query, until its data are as wanted."""
    index, data, last = None, None, 0
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        index, data = read(index)
        time.sleep(0.01)
        if int(index) < max(1, last):
            sys.exit("FAILED %s: an index that goes back, from %s to %s" % (what, last, index))
        last = int(index)
        if wanted(data):
            print("OK", what)
            return data
    sys.exit("FAILED %s: not within %d s, but %r" % (what, DEADLINE_SECONDS, data))


def change(what, call):
    """The old client asks for a change with GET. As Consul does, the agent refuses that, and changes nothing."""
    expect(what + (" with GET is refused" if IS_OLD else ""), not IS_OLD, call())


def by_put(c, path, **params):
    """What the old client means: the same request, with the method that Consul has asked for since version 1.0."""
    if IS_OLD:
        expect("PUT " + path, True, c.http.put(lambda response: response.code == 200, path, params=params))


def services(here, there):
    check = consul.Check.ttl("10m")
    expect("agent.service.register()", True, here.agent.service.register(
        "py", service_id="py-1", address="127.0.0.1", port=8080, tags=["v1", "blue"], check=check))

    def read(index):
        return there.health.service("py", index=index, wait="10s")

    def states(data):
        return [check["Status"] for entry in data for check in entry["Checks"] if check["CheckID"] == "service:py-1"]

    data = wait_for("health.service() finds it", read, lambda data: len(data) == 1)
    service = data[0]["Service"]
    expect("its place", ("127.0.0.1", 8080, ["v1", "blue"]), (service["Address"], service["Port"], service["Tags"]))
    expect("a TTL check that nobody updated", ["critical"], states(data))
    expect("health.service() that passes", [], there.health.service("py", passing=True)[1])

    for verb, status in (("pass", "passing"), ("warn", "warning"), ("fail", "critical"), ("pass", "passing")):
        update = getattr(here.agent.check, "ttl_" + verb)
        change("agent.check.ttl_%s()" % verb, lambda: update("service:py-1", notes="it is " + status))
        by_put(here, "/v1/agent/check/%s/service:py-1" % verb, note="it is " + status)
        wait_for("health.service() says " + status, read, lambda data: states(data) == [status])
        expect("its note", "it is " + status, here.agent.checks()["service:py-1"]["Output"])
    expect("health.service() that passes", 1, len(there.health.service("py", passing=True, tag="v1")[1]))
    expect("health.checks()", ["passing"], [check["Status"] for check in there.health.checks("py")[1]])
    expect("health.state()", True, "service:py-1" in [check["CheckID"] for check in there.health.state("any")[1]])
    expect("agent.services()", ["py-1"], list(here.agent.services()))

    expect("agent.service.maintenance()", True, here.agent.service.maintenance("py-1", True, "a new disk"))
    wait_for("maintenance takes it out", lambda index: there.health.service("py", passing=True, index=index, wait="10s"),
             lambda data: data == [])
    expect("agent.service.maintenance() ends", True, here.agent.service.maintenance("py-1", False))
    expect("agent.maintenance()", True, here.agent.maintenance(True, "a new kernel"))
    wait_for("maintenance of the node", lambda index: there.health.state("critical", index=index, wait="10s"),
             lambda data: [check["CheckID"] for check in data] == ["_node_maintenance"])
    expect("agent.maintenance() ends", True, here.agent.maintenance(False))

    expect("agent.check.register()", True, here.agent.check.register(
        "tcp", check=consul.Check.tcp(here.http.host, here.http.port, "1s"), check_id="own", service_id="py-1"))
    wait_for("a TCP check passes", lambda index: there.health.checks("py", index=index, wait="10s"),
             lambda data: {check["CheckID"]: check["Status"] for check in data} == {"own": "passing", "service:py-1": "passing"})
    url = "%s/v1/status/leader" % here.http.base_uri
    expect("agent.check.register() over HTTP", True, here.agent.check.register(
        "http", check=consul.Check.http(url, "1s", timeout="5s"), check_id="own", service_id="py-1"))
    wait_for("an HTTP check passes", lambda index: there.health.checks("py", index=index, wait="10s"),
             lambda data: [check["Status"] for check in data if check["Name"] == "http"] == ["passing"])
    expect_raised("a script is refused", consul.base.BadRequest, "Scripts are disabled", lambda: here.agent.check.register(
        "script", check={"args": ["true"], "interval": "1s"}))

    change("agent.check.deregister()", lambda: here.agent.check.deregister("own"))
    by_put(here, "/v1/agent/check/deregister/own")
    change("agent.service.deregister()", lambda: here.agent.service.deregister("py-1"))
    by_put(here, "/v1/agent/service/deregister/py-1")
    wait_for("it is gone", read, lambda data: data == [])


def catalog(here, there):
    members = here.agent.members()
    expect("agent.members()", [1, 1], [member["Status"] for member in members])
    node = here.agent.self()["Config"]["NodeName"]
    expect("catalog.datacenters()", ["grove"], here.catalog.datacenters())
    expect("catalog.nodes()", sorted(member["Name"] for member in members), [each["Node"] for each in here.catalog.nodes()[1]])
    expect("catalog.node()", node, there.catalog.node(node)[1]["Node"]["Node"])
    expect("health.node()", ["serfHealth"], [check["CheckID"] for check in there.health.node(node)[1]])
    expect("status.leader()", True, ":" in here.status.leader())
    expect("status.peers()", 2, len(here.status.peers()))
    wait_for("coordinate.nodes()", lambda index: here.coordinate.nodes(), lambda data: len(data) == 2)

    expect("catalog.register()", True, here.catalog.register(
        "db.example", "10.9.0.1", service={"service": "db", "id": "db1", "port": 5432, "tags": ["primary"]},
        check={"name": "tcp", "status": "passing", "service_id": "db1"}))
    found = wait_for("catalog.service()", lambda index: there.catalog.service("db", index=index, wait="10s"),
                     lambda data: len(data) == 1)[0]
    expect("its fields", ("db.example", "10.9.0.1", "db1", 5432, ["primary"]), tuple(
        found[key] for key in ("Node", "Address", "ServiceID", "ServicePort", "ServiceTags")))
    expect("catalog.services()", ["primary"], there.catalog.services()[1]["db"])
    expect("catalog.deregister()", True, there.catalog.deregister("db.example"))
    wait_for("catalog.service() once it is gone", lambda index: here.catalog.service("db", index=index, wait="10s"),
             lambda data: data == [])
    expect_raised("another datacenter", consul.ConsulException, "No path to datacenter",
                  lambda: here.catalog.services(dc="elsewhere"))


def store(here, there):
    index, missing = there.kv.get("py/key")
    expect("kv.get() of a key that does not exist", (True, None), (int(index) >= 1, missing))
    woken = []
    waiter = threading.Thread(target=lambda: woken.append(client(sys.argv[3]).kv.get("py/key", index=index, wait="10s")))
    waiter.start()
    expect("kv.put()", True, here.kv.put("py/key", "one", flags=7))
    waiter.join()
    expect("kv.get() that blocks", (b"one", 7), (woken[0][1]["Value"], woken[0][1]["Flags"]))
    expect("its index", True, int(woken[0][0]) > int(index))
    modified = here.kv.get("py/key")[1]["ModifyIndex"]
    expect("kv.put() with another index", False, here.kv.put("py/key", "two", cas=modified + 1))
    expect("kv.put() with its index", True, here.kv.put("py/key", "two", cas=modified))
    expect("kv.put() of bytes", True, here.kv.put("py/tree/bytes", b"\x00\xff"))
    wait_for("kv.get() of a tree", lambda index: there.kv.get("py/", recurse=True, index=index, wait="10s"),
             lambda data: data is not None and [each["Value"] for each in data] == [b"two", b"\x00\xff"])
    expect("kv.get() of keys", ["py/key", "py/tree/"], there.kv.get("py/", keys=True, separator="/")[1])
    expect("kv.delete()", True, here.kv.delete("py/key"))
    expect("kv.get() after kv.delete()", None, here.kv.get("py/key")[1])
    expect("kv.delete() of a tree", True, here.kv.delete("py/", recurse=True))
    expect("kv.get() after that", None, here.kv.get("py/", recurse=True)[1])
    expect_raised("kv.put() that locks", consul.ConsulException, "501", lambda: here.kv.put("py/lock", "x", acquire="id"))
    expect_raised("session.create()", consul.ConsulException, "needs consensus", lambda: here.session.create("x"))


def events(here, there):
    index, before = there.event.list(name="py-deploy")
    expect("event.list()", [], before)
    expect("event.fire()", "py-deploy", here.event.fire("py-deploy", "v2")["Name"])
    seen = wait_for("event.list() that blocks", lambda index: there.event.list(name="py-deploy", index=index, wait="10s"),
                    lambda data: len(data) == 1)
    expect("its payload", b"v2" if IS_OLD else "djI=", seen[0]["Payload"])


def suite():
    here, there = client(sys.argv[2]), client(sys.argv[3])
    catalog(here, there)
    services(here, there)
    store(here, there)
    events(here, there)
    print("OK all")


def watch():
    """The long poll that the client's documentation shows, with the usual patience for failures."""
    c, requests = client(sys.argv[2]), [0]

    def say(what):
        print(json.dumps(what), flush=True)

    def poll():
        index = None
        while True:
            requests[0] += 1
            try:
                seen, data = c.health.service("web", passing=True, index=index, wait="10s")
            except Exception as error:
                say({"by": "python", "ids": [], "error": str(error)})
                time.sleep(0.2)
                continue
            if int(seen) < 1:
                sys.exit("FAILED X-Consul-Index: expected at least 1, got %s" % seen)
            if seen != index:
                say({"by": "python", "ids": sorted(entry["Service"]["ID"] for entry in data), "index": int(seen)})
            index = None if index is not None and int(seen) < int(index) else seen

    threading.Thread(target=poll, daemon=True).start()
    sys.stdin.read()
    say({"python": requests[0]})


if sys.argv[1:2] == ["suite"] and len(sys.argv) == 4:
    suite()
elif sys.argv[1:2] == ["watch"] and len(sys.argv) == 3:
    watch()
else:
    sys.exit("usage: client.py suite HTTP_ADDRESS HTTP_ADDRESS | client.py watch HTTP_ADDRESS")
