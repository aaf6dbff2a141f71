package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"
)

// What an agent says of itself and of the mesh. Gives its name.
func agents(here *api.Client) string {
	self, err := here.Agent().Self()
	check("Agent().Self()", err)
	node, ok := self["Config"]["NodeName"].(string)
	expect("Agent().Self()", ok && node != "", "a node name", self["Config"]["NodeName"])
	for _, section := range []string{"Config", "DebugConfig", "Coord", "Member", "Meta", "xDS"} {
		expect("Agent().Self() "+section, self[section] != nil, "an object", self[section])
	}
	name, err := here.Agent().NodeName()
	check("Agent().NodeName()", err)
	expect("Agent().NodeName()", name == node, node, name)

	members, err := here.Agent().Members(false)
	check("Agent().Members()", err)
	expect("Agent().Members()", len(members) == 2, "2 members", len(members))
	for _, member := range members {
		// 1 is alive, as Serf counts.
		expect("Agent().Members() "+member.Name, member.Status == 1 && member.Addr == "127.0.0.1" && member.Port != 0, "alive at 127.0.0.1", *member)
		expect("its id", member.Name != node || member.Tags["id"] == self["Config"]["NodeID"], self["Config"]["NodeID"], member.Tags["id"])
	}
	segments, err := here.Agent().MembersOpts(api.MembersOpts{Segment: api.AllSegments})
	check("Agent().MembersOpts() of all segments", err)
	expect("Agent().MembersOpts() of all segments", len(segments) == 2, 2, len(segments))

	leader, err := here.Status().Leader()
	check("Status().Leader()", err)
	expect("Status().Leader()", leader != "", "an address", leader)
	peers, err := here.Status().Peers()
	check("Status().Peers()", err)
	expect("Status().Peers()", len(peers) == 2, "2 addresses", peers)

	version, err := here.Agent().Version()
	check("Agent().Version()", err)
	expect("Agent().Version()", version["HumanVersion"] != nil, "a version", version)
	_, err = here.Agent().Host()
	check("Agent().Host()", err)
	metrics, err := here.Agent().Metrics()
	check("Agent().Metrics()", err)
	expect("Agent().Metrics()", len(metrics.Gauges)+len(metrics.Counters) > 0, "some", metrics)

	stop := make(chan struct{})
	_, err = here.Agent().MonitorJSON("debug", stop, nil)
	check("Agent().MonitorJSON()", err)
	close(stop)
	return node
}

// The other agent waits for a service that does not exist yet, as a client that starts early does.
func register(here, there *api.Client, node string) {
	_, meta := find(there, nil)
	expect("an index before the service exists", meta.LastIndex >= 1, "at least 1", meta.LastIndex)
	found := make(chan []*api.ServiceEntry, 1)
	go func() {
		entries, _ := waitFor(there, meta.LastIndex, func(entries []*api.ServiceEntry) bool { return len(entries) == 1 })
		found <- entries
	}()

	check("Agent().ServiceRegister()", here.Agent().ServiceRegister(&api.AgentServiceRegistration{
		Name:            service,
		Address:         "127.0.0.1",
		Port:            8080,
		Tags:            []string{"order"},
		Meta:            map[string]string{"version": "3"},
		Weights:         &api.AgentWeights{Passing: 7, Warning: 2},
		TaggedAddresses: map[string]api.ServiceAddress{"wan": {Address: "198.51.100.1", Port: 80}},
	}))

	entries := <-found
	expect("Health().Service() through the other agent", len(entries) == 1, "1 entry", len(entries))
	entry := entries[0]
	expect("Node.Node", entry.Node.Node == node, node, entry.Node.Node)
	expect("Node.ID", len(entry.Node.ID) == 36, "a UUID", entry.Node.ID)
	expect("Node.Datacenter", entry.Node.Datacenter == "grove", "grove", entry.Node.Datacenter)
	got := entry.Service
	expect("Service.ID", got.ID == service, service, got.ID)
	expect("Service.Address", got.Address == "127.0.0.1" && got.Port == 8080, "127.0.0.1:8080", fmt.Sprint(got.Address, got.Port))
	expect("Service.Tags", len(got.Tags) == 1 && got.Tags[0] == "order", "[order]", got.Tags)
	expect("Service.Meta", got.Meta["version"] == "3", "version 3", got.Meta)
	expect("Service.Weights", got.Weights == api.AgentWeights{Passing: 7, Warning: 2}, "7, 2", got.Weights)
	expect("Service.TaggedAddresses", got.TaggedAddresses["wan"].Address == "198.51.100.1", "198.51.100.1", got.TaggedAddresses)
	expect("Service.CreateIndex", got.CreateIndex >= 1 && got.ModifyIndex >= got.CreateIndex, ">= 1", got.CreateIndex)
	status := entry.Checks.AggregatedStatus()
	expect("Checks.AggregatedStatus()", status == api.HealthPassing, api.HealthPassing, status)

	_, meta = find(there, nil)
	expect("KnownLeader", meta.KnownLeader, true, meta.KnownLeader)
	expect("LastContact", meta.LastContact < 2*time.Second, "below 2s", meta.LastContact)
	none, _, err := there.Health().Service(service, "missing", true, nil)
	check("Health().Service() with another tag", err)
	expect("Health().Service() with another tag", none != nil && len(none) == 0, "no entry", none)

	// A client behind an address that changes agents: it must not hang, and finds out by an index that goes back or on.
	for what, index := range map[string]uint64{"of another agent": elsewhere(here), "from the future": 1 << 62} {
		begun := time.Now()
		entries, after := find(there, &api.QueryOptions{WaitIndex: index, WaitTime: time.Minute})
		expect("an index "+what, len(entries) == 1 && time.Since(begun) < 5*time.Second && after.LastIndex == meta.LastIndex, meta.LastIndex, after.LastIndex)
	}

	own, ownMeta, err := here.Agent().Service(service, nil)
	check("Agent().Service()", err)
	expect("Agent().Service()", own.ContentHash != "" && own.ContentHash == ownMeta.LastContentHash, "a hash", own.ContentHash)
	_, _, err = here.Agent().Service(service, &api.QueryOptions{WaitHash: own.ContentHash, WaitTime: 100 * time.Millisecond})
	check("Agent().Service() that blocks on the hash", err)
	local, err := here.Agent().ServicesWithFilter(`Meta.version == "3"`)
	check("Agent().ServicesWithFilter()", err)
	expect("Agent().ServicesWithFilter()", len(local) == 1 && local[service] != nil, service, local)
}

func elsewhere(client *api.Client) uint64 {
	_, meta := find(client, nil)
	return meta.LastIndex
}

// A TTL check decides whether the other agent shows the instance as passing.
func ttl(here, there *api.Client) {
	definition := &api.AgentServiceRegistration{
		Name:    service,
		Address: "127.0.0.1",
		Port:    8080,
		Tags:    []string{"order"},
		Check:   &api.AgentServiceCheck{TTL: "1m"},
	}
	check("Agent().ServiceRegister() with a TTL check", here.Agent().ServiceRegister(definition))
	waitFor(there, 1, func(entries []*api.ServiceEntry) bool { return len(entries) == 0 })
	id := "service:" + service
	for _, update := range []struct{ status, sent string }{
		{api.HealthPassing, "pass"}, {api.HealthWarning, "warn"}, {api.HealthCritical, "fail"}, {api.HealthPassing, "passing"},
	} {
		check("Agent().UpdateTTL() "+update.sent, here.Agent().UpdateTTL(id, "it is "+update.sent, update.sent))
		list, err := here.Agent().Checks()
		check("Agent().Checks()", err)
		own := list[id]
		expect("Agent().Checks()", own != nil && own.Status == update.status && own.Output == "it is "+update.sent, update, own)
		eventually("the other agent says "+update.status, func() bool {
			checks, _, err := there.Health().Checks(service, nil)
			check("Health().Checks()", err)
			return len(checks) == 1 && checks[0].Status == update.status
		})
	}
	// The ways of older programs.
	for status, set := range map[string]func(string, string) error{
		api.HealthWarning: here.Agent().WarnTTL, api.HealthCritical: here.Agent().FailTTL,
	} {
		check("Agent().WarnTTL(), FailTTL()", set(id, "older"))
		filtered, err := here.Agent().ChecksWithFilter(`CheckID == "` + id + `"`)
		check("Agent().ChecksWithFilter()", err)
		expect("Agent().ChecksWithFilter()", len(filtered) == 1 && filtered[id].Status == status, status, filtered[id])
	}
	check("Agent().PassTTL()", here.Agent().PassTTL(id, "fine"))
	check("Agent().ServiceRegister() of the same again", here.Agent().ServiceRegister(definition))
	aggregate, info, err := here.Agent().AgentHealthServiceByID(service)
	check("Agent().AgentHealthServiceByID()", err)
	expect("the same again stays passing", aggregate == api.HealthPassing && len(info.Checks) == 1, api.HealthPassing, aggregate)
	waitFor(there, 1, func(entries []*api.ServiceEntry) bool { return len(entries) == 1 })
	fails("Agent().UpdateTTL() of an unknown check", here.Agent().UpdateTTL("no-such-check", "", api.HealthPassing), 404, "Unknown check ID")
}

// Checks that the agent runs, of several kinds on one instance: each shows its own state, and the worst one counts.
func checkKinds(here, there *api.Client) {
	const name = "many-checks"
	code := int64(http.StatusOK)
	web := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		writer.WriteHeader(int(atomic.LoadInt64(&code)))
		fmt.Fprint(writer, "I answer ", atomic.LoadInt64(&code))
	}))
	defer web.Close()
	open, err := net.Listen("tcp", "127.0.0.1:0")
	check("net.Listen()", err)
	defer open.Close()
	shut, err := net.Listen("tcp", "127.0.0.1:0")
	check("net.Listen()", err)
	check("Close()", shut.Close())

	check("Agent().ServiceRegister() with five checks", here.Agent().ServiceRegister(&api.AgentServiceRegistration{
		Name: name,
		Port: 1,
		Checks: api.AgentServiceChecks{
			{CheckID: "http", Name: "HTTP", HTTP: web.URL, Method: "GET", Header: map[string][]string{"X-From": {"skein"}}, Interval: "1s", Timeout: "5s"},
			{CheckID: "tcp", Name: "TCP", TCP: open.Addr().String(), Interval: "1s"},
			{CheckID: "tcp-shut", Name: "TCP to nobody", TCP: shut.Addr().String(), Interval: "1s", FailuresBeforeCritical: 0},
			{CheckID: "ttl", Name: "TTL", TTL: "10m", Status: api.HealthPassing},
			{CheckID: "alias", Name: "alias", AliasService: service},
		},
	}))
	states := func() map[string]*api.HealthCheck {
		byID := map[string]*api.HealthCheck{}
		checks, _, err := there.Health().Checks(name, nil)
		check("Health().Checks()", err)
		for _, each := range checks {
			byID[each.CheckID] = each
		}
		return byID
	}
	are := func(wanted string) {
		eventually("the checks are "+wanted, func() bool {
			got := states()
			for _, pair := range strings.Fields(wanted) {
				id, status, _ := strings.Cut(pair, "=")
				if got[id] == nil || got[id].Status != status {
					return false
				}
			}
			return true
		})
	}
	are("http=passing tcp=passing tcp-shut=critical ttl=passing alias=passing")
	own, err := here.Agent().Checks()
	check("Agent().Checks()", err)
	expect("the output of an HTTP check", strings.Contains(own["http"].Output, "I answer 200"), "I answer 200", own["http"].Output)
	expect("the type of an HTTP check", own["http"].Type == "http" && own["tcp"].Type == "tcp" && own["ttl"].Type == "ttl", "http", own["http"].Type)
	passing, _, err := there.Health().Service(name, "", true, nil)
	check("Health().Service() that passes", err)
	expect("an instance with a check that fails", len(passing) == 0, "is not among those that pass", passing)
	all, _, err := there.Health().Service(name, "", false, nil)
	check("Health().Service()", err)
	status := all[0].Checks.AggregatedStatus()
	expect("its aggregated status", len(all) == 1 && len(all[0].Checks) == 6 && status == api.HealthCritical, "critical, of 6 with serfHealth", status)

	check("Agent().CheckDeregister()", here.Agent().CheckDeregister("tcp-shut"))
	eventually("the instance passes without it", func() bool {
		passing, _, err := there.Health().Service(name, "", true, nil)
		check("Health().Service() that passes", err)
		return len(passing) == 1
	})
	atomic.StoreInt64(&code, http.StatusTooManyRequests)
	are("http=warning tcp=passing")
	atomic.StoreInt64(&code, http.StatusInternalServerError)
	check("Close()", open.Close())
	are("http=critical tcp=critical ttl=passing")

	check("Agent().CheckRegister() for a service", here.Agent().CheckRegister(&api.AgentCheckRegistration{
		ID: "added", Name: "added later", ServiceID: name, AgentServiceCheck: api.AgentServiceCheck{TTL: "10m", Status: api.HealthWarning},
	}))
	are("added=warning")
	check("Agent().CheckRegister() for the node", here.Agent().CheckRegister(&api.AgentCheckRegistration{
		ID: "disk", Name: "disk", Notes: "of the node", AgentServiceCheck: api.AgentServiceCheck{TTL: "10m", Status: api.HealthPassing},
	}))
	check("Agent().ServiceRegisterOpts() that replaces the checks", here.Agent().ServiceRegisterOpts(&api.AgentServiceRegistration{
		Name: name, Port: 1, Check: &api.AgentServiceCheck{CheckID: "only", TTL: "10m", Status: api.HealthPassing},
	}, api.ServiceRegisterOpts{ReplaceExistingChecks: true}))
	eventually("only the new check is left", func() bool { return len(states()) == 1 && states()["only"] != nil })
	fails("Agent().ServiceRegister() of two kinds in one check", here.Agent().ServiceRegister(&api.AgentServiceRegistration{
		Name: "bad", Check: &api.AgentServiceCheck{TTL: "1m", TCP: "127.0.0.1:1", Interval: "1s"},
	}), 400, "Invalid check")
	fails("Agent().ServiceRegister() of a script", here.Agent().ServiceRegister(&api.AgentServiceRegistration{
		Name: "bad", Check: &api.AgentServiceCheck{Args: []string{"true"}, Interval: "1s"},
	}), 400, "Scripts are disabled")
	check("Agent().ServiceDeregister()", here.Agent().ServiceDeregister(name))
	check("Agent().CheckDeregister() of the node", here.Agent().CheckDeregister("disk"))
}

// Maintenance takes an instance, and then a whole node, out of what passes, says why, and ends without a trace.
func maintenance(here, there *api.Client, node string) {
	passing := func(count int) {
		waitFor(there, 1, func(entries []*api.ServiceEntry) bool { return len(entries) == count })
	}
	passing(1)
	check("Agent().EnableServiceMaintenance()", here.Agent().EnableServiceMaintenance(service, "a new disk"))
	passing(0)
	checks, _, err := there.Health().Checks(service, &api.QueryOptions{Filter: `CheckID == "_service_maintenance:` + service + `"`})
	check("Health().Checks()", err)
	expect("the check of maintenance", len(checks) == 1 && checks[0].Status == api.HealthCritical && checks[0].Notes == "a new disk", "its reason", checks)
	all, _, err := there.Health().Service(service, "", false, nil)
	check("Health().Service()", err)
	status := all[0].Checks.AggregatedStatus()
	expect("the status of maintenance", status == api.HealthMaint, api.HealthMaint, status)
	check("Agent().DisableServiceMaintenance()", here.Agent().DisableServiceMaintenance(service))
	passing(1)
	fails("Agent().EnableServiceMaintenance() of an unknown id", here.Agent().EnableServiceMaintenance("no-such-id", ""), 404, "Unknown service ID")

	check("Agent().EnableNodeMaintenance()", here.Agent().EnableNodeMaintenance("a new kernel"))
	passing(0)
	onNode, _, err := there.Health().Node(node, nil)
	check("Health().Node()", err)
	status = onNode.AggregatedStatus()
	expect("the status of a node in maintenance", status == api.HealthMaint, api.HealthMaint, status)
	check("Agent().DisableNodeMaintenance()", here.Agent().DisableNodeMaintenance())
	passing(1)
}

// What needs consensus fails with a text that a user of the client sees and understands.
func absent(here *api.Client) {
	const reason = "needs consensus"
	_, _, err := here.Session().List(nil)
	fails("Session().List()", err, 501, reason)
	_, _, err = here.Session().Create(nil, nil)
	fails("Session().Create()", err, 501, reason)
	lock, err := here.LockKey("interop/lock")
	check("LockKey()", err)
	_, err = lock.Lock(nil)
	expect("Lock()", err != nil && strings.Contains(err.Error(), reason), reason, err)
	fmt.Println("   ", err)
	semaphore, err := here.SemaphorePrefix("interop/semaphore", 2)
	check("SemaphorePrefix()", err)
	_, err = semaphore.Acquire(nil)
	expect("Acquire() of a semaphore", err != nil && strings.Contains(err.Error(), reason), reason, err)
	_, _, err = here.KV().Acquire(&api.KVPair{Key: "interop/lock", Session: "x"}, nil)
	fails("KV().Acquire()", err, 501, "a lock needs all agents to agree")
	_, _, _, err = here.Txn().Txn(api.TxnOps{{KV: &api.KVTxnOp{Verb: api.KVSet, Key: "interop/txn", Value: []byte("1")}}}, nil)
	expect("Txn().Txn()", err != nil && strings.Contains(err.Error(), reason), reason, err)
	fmt.Println("   ", err)
	_, _, err = here.ACL().TokenList(nil)
	fails("ACL().TokenList()", err, 401, "ACL support disabled")
	_, err = here.Coordinate().Update(&api.CoordinateEntry{Node: "x"}, nil)
	fails("Coordinate().Update()", err, 400, "")
}
