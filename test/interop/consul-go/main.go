// Registers a service through one agent and finds it through another, with HashiCorp's own client and nothing
// else. Any mismatch ends the program with status 1 and says what was expected.
//
//	consul-go HTTP_ADDRESS HTTP_ADDRESS
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/consul/api"
)

const (
	service  = "order-service"
	deadline = 10 * time.Second
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: consul-go HTTP_ADDRESS HTTP_ADDRESS")
		os.Exit(2)
	}
	here, there := client(os.Args[1]), client(os.Args[2])

	self, err := here.Agent().Self()
	check("Agent().Self()", err)
	node, ok := self["Config"]["NodeName"].(string)
	expect("Agent().Self()", ok && node != "", "a node name", self["Config"]["NodeName"])

	members, err := here.Agent().Members(false)
	check("Agent().Members()", err)
	expect("Agent().Members()", len(members) == 2, "2 members", len(members))

	leader, err := here.Status().Leader()
	check("Status().Leader()", err)
	expect("Status().Leader()", leader != "", "an address", leader)

	// The other agent waits for a service that does not exist yet, as a client that starts early does.
	_, meta := find(there, nil)
	expect("an index before the service exists", meta.LastIndex >= 1, "at least 1", meta.LastIndex)
	found := make(chan []*api.ServiceEntry, 1)
	go func() {
		entries, _ := waitFor(there, meta.LastIndex, func(entries []*api.ServiceEntry) bool { return len(entries) == 1 })
		found <- entries
	}()

	check("Agent().ServiceRegister()", here.Agent().ServiceRegister(&api.AgentServiceRegistration{
		Name:    service,
		Address: "127.0.0.1",
		Port:    8080,
		Tags:    []string{"order"},
	}))

	entries := <-found
	expect("Health().Service() through the other agent", len(entries) == 1, "1 entry", len(entries))
	entry := entries[0]
	expect("Node.Node", entry.Node.Node == node, node, entry.Node.Node)
	expect("Node.ID", entry.Node.ID != "" && entry.Node.ID == self["Config"]["NodeID"], self["Config"]["NodeID"], entry.Node.ID)
	expect("Service.ID", entry.Service.ID == service, service, entry.Service.ID)
	expect("Service.Address", entry.Service.Address == "127.0.0.1", "127.0.0.1", entry.Service.Address)
	expect("Service.Port", entry.Service.Port == 8080, 8080, entry.Service.Port)
	expect("Service.Tags", len(entry.Service.Tags) == 1 && entry.Service.Tags[0] == "order", "[order]", entry.Service.Tags)
	expect("Checks.AggregatedStatus()", entry.Checks.AggregatedStatus() == api.HealthPassing, api.HealthPassing, entry.Checks.AggregatedStatus())

	_, meta = find(there, nil)
	expect("KnownLeader", meta.KnownLeader, true, meta.KnownLeader)
	none, _, err := there.Health().Service(service, "missing", true, nil)
	check("Health().Service() with another tag", err)
	expect("Health().Service() with another tag", len(none) == 0, "no entry", len(none))

	services, _, err := there.Catalog().Services(nil)
	check("Catalog().Services()", err)
	expect("Catalog().Services()", len(services[service]) == 1, "tags of "+service, services)

	store(here, there)
	events(here, os.Args[1])
	queries(here, there)
	configEntries(here)
	external(here, there)
	checks(here, there)
	reads(there, node)
	parked(there)

	err = here.Agent().ServiceDeregister("no-such-id")
	status, ok := err.(api.StatusError)
	expect("ServiceDeregister() of an unknown id", ok && status.Code == 404, "a StatusError 404", err)

	check("Agent().ServiceDeregister()", here.Agent().ServiceDeregister(service))
	waitFor(there, 1, func(entries []*api.ServiceEntry) bool { return len(entries) == 0 })
	fmt.Println("OK deregistered, and gone from the other agent")
}

// A TTL check decides whether the other agent shows the instance as passing.
func checks(here, there *api.Client) {
	check("Agent().ServiceRegister() with a TTL check", here.Agent().ServiceRegister(&api.AgentServiceRegistration{
		Name:    service,
		Address: "127.0.0.1",
		Port:    8080,
		Tags:    []string{"order"},
		Check:   &api.AgentServiceCheck{TTL: "1m"},
	}))
	waitFor(there, 1, func(entries []*api.ServiceEntry) bool { return len(entries) == 0 })
	fmt.Println("OK a TTL check that nobody updated is critical")
	check("Agent().UpdateTTL()", here.Agent().UpdateTTL("service:"+service, "fine", api.HealthPassing))
	waitFor(there, 1, func(entries []*api.ServiceEntry) bool { return len(entries) == 1 })
	fmt.Println("OK a TTL check that was updated is passing")
	list, err := here.Agent().Checks()
	check("Agent().Checks()", err)
	own := list["service:"+service]
	expect("Agent().Checks()", own != nil && own.Status == api.HealthPassing && own.Output == "fine", "passing, fine", own)
}

// Filters, nearness, metadata of nodes, coordinates and health as the client asks for them, through the other agent.
func reads(there *api.Client, node string) {
	filtered := func(filter string) int {
		entries, _, err := there.Health().Service(service, "", false, &api.QueryOptions{Filter: filter})
		check("Health().Service() with a filter", err)
		return len(entries)
	}
	expect("a filter that holds", filtered(`Service.Port == 8080 and "order" in Service.Tags`) == 1, 1, "another number")
	expect("a filter that does not", filtered(`Node.Node == nobody or Checks.Status == critical`) == 0, 0, "another number")
	_, _, err := there.Health().Service(service, "", false, &api.QueryOptions{Filter: "Service.Prt == 1"})
	status, ok := err.(api.StatusError)
	expect("a filter that cannot hold", ok && status.Code == 400, "a StatusError 400", err)

	nodes, _, err := there.Catalog().Nodes(&api.QueryOptions{Near: node})
	check("Catalog().Nodes() by nearness", err)
	expect("the first node by nearness", len(nodes) == 2 && nodes[0].Node == node, node, nodes)
	nodes, _, err = there.Catalog().Nodes(&api.QueryOptions{NodeMeta: map[string]string{"no-such": "label"}})
	check("Catalog().Nodes() by metadata", err)
	expect("nodes with metadata that none has", len(nodes) == 0, 0, len(nodes))
	list, _, err := there.Catalog().NodeServiceList(node, nil)
	check("Catalog().NodeServiceList()", err)
	expect("Catalog().NodeServiceList()", list.Node.Node == node && len(list.Services) == 1, "1 service of "+node, list)

	coordinates, _, err := there.Coordinate().Nodes(nil)
	check("Coordinate().Nodes()", err)
	for _, each := range coordinates {
		expect("Coord.IsValid()", each.Coord.IsValid(), "a valid coordinate of "+each.Node, each.Coord)
	}
	maps, err := there.Coordinate().Datacenters()
	check("Coordinate().Datacenters()", err)
	expect("Coordinate().Datacenters()", len(maps) == 1, 1, len(maps))

	aggregate, _, err := there.Agent().AgentHealthServiceByName("no-such-service")
	check("Agent().AgentHealthServiceByName()", err)
	expect("the health of a service that is not here", aggregate == api.HealthCritical, api.HealthCritical, aggregate)
	_, err = there.Agent().Metrics()
	check("Agent().Metrics()", err)
	_, _, err = there.Session().List(nil)
	status, ok = err.(api.StatusError)
	expect("Session().List()", ok && status.Code == 501, "a StatusError 501", err)
}

// A query that nothing changes for ends by its wait, not before, with the index that it had.
func parked(there *api.Client) {
	const wait = 3 * time.Second
	_, meta := find(there, nil)
	begun := time.Now()
	_, after := find(there, &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: wait})
	expect("a blocking query without a change", time.Since(begun) >= wait, wait, time.Since(begun))
	expect("its index", after.LastIndex == meta.LastIndex, meta.LastIndex, after.LastIndex)
}

func client(address string) *api.Client {
	made, err := api.NewClient(&api.Config{Address: address})
	check("NewClient("+address+")", err)
	return made
}

func find(client *api.Client, options *api.QueryOptions) ([]*api.ServiceEntry, *api.QueryMeta) {
	entries, meta, err := client.Health().Service(service, "order", true, options)
	check("Health().Service()", err)
	return entries, meta
}

// Blocks, query after query, until the entries are as wanted. A query that returns without the wanted change is
// repeated from its index; one that never returns, or never changes, fails at the deadline.
func waitFor(client *api.Client, index uint64, wanted func([]*api.ServiceEntry) bool) ([]*api.ServiceEntry, *api.QueryMeta) {
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		entries, meta := find(client, &api.QueryOptions{WaitIndex: index, WaitTime: deadline})
		if wanted(entries) {
			fmt.Printf("OK blocking query: %d entries\n", len(entries))
			return entries, meta
		}
		index = meta.LastIndex
	}
	fail("blocking query", "the wanted change within "+deadline.String(), "nothing")
	return nil, nil
}

func check(what string, err error) {
	if err != nil {
		fail(what, "no error", err)
	}
	fmt.Println("OK", what)
}

func expect(what string, holds bool, wanted, got interface{}) {
	if !holds {
		fail(what, wanted, got)
	}
	fmt.Println("OK", what)
}

func fail(what string, wanted, got interface{}) {
	fmt.Fprintf(os.Stderr, "FAILED %s: expected %v, got %v\n", what, wanted, got)
	os.Exit(1)
}
