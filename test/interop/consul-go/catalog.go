package main

import (
	"time"

	"github.com/hashicorp/consul/api"
)

// Catalog, health, filters, nearness, metadata of nodes and coordinates as the client asks for them, through the
// agent that does not own the service.
func reads(there *api.Client, node string) {
	filtered := func(filter string) int {
		entries, _, err := there.Health().Service(service, "", false, &api.QueryOptions{Filter: filter})
		check("Health().Service() with a filter", err)
		return len(entries)
	}
	expect("a filter that holds", filtered(`Service.Port == 8080 and "order" in Service.Tags`) == 1, 1, "another number")
	expect("a filter that does not", filtered(`Node.Node == nobody or Checks.Status == critical`) == 0, 0, "another number")
	_, _, err := there.Health().Service(service, "", false, &api.QueryOptions{Filter: "Service.Prt == 1"})
	fails("a filter that cannot hold", err, 400, "Prt")
	tagged, _, err := there.Health().ServiceMultipleTags(service, []string{"order", "none"}, false, nil)
	check("Health().ServiceMultipleTags()", err)
	expect("Health().ServiceMultipleTags()", len(tagged) == 0, 0, len(tagged))

	datacenters, err := there.Catalog().Datacenters()
	check("Catalog().Datacenters()", err)
	expect("Catalog().Datacenters()", len(datacenters) == 1 && datacenters[0] == "grove", "grove", datacenters)
	services, meta, err := there.Catalog().Services(nil)
	check("Catalog().Services()", err)
	expect("Catalog().Services()", len(services[service]) == 1 && services[service][0] == "order", "tags of "+service, services)
	expect("its index", meta.LastIndex >= 1, ">= 1", meta.LastIndex)
	places, _, err := there.Catalog().Service(service, "order", nil)
	check("Catalog().Service()", err)
	expect("Catalog().Service()", len(places) == 1 && places[0].Node == node && places[0].ServicePort == 8080 && places[0].Address == "127.0.0.1", "one on "+node, places)
	places, _, err = there.Catalog().ServiceMultipleTags(service, []string{"order", "none"}, nil)
	check("Catalog().ServiceMultipleTags()", err)
	expect("Catalog().ServiceMultipleTags()", len(places) == 0, 0, len(places))

	nodes, _, err := there.Catalog().Nodes(&api.QueryOptions{Near: node})
	check("Catalog().Nodes() by nearness", err)
	expect("the first node by nearness", len(nodes) == 2 && nodes[0].Node == node, node, nodes)
	nodes, _, err = there.Catalog().Nodes(&api.QueryOptions{NodeMeta: map[string]string{"no-such": "label"}})
	check("Catalog().Nodes() by metadata", err)
	expect("nodes with metadata that none has", len(nodes) == 0, 0, len(nodes))
	one, _, err := there.Catalog().Node(node, nil)
	check("Catalog().Node()", err)
	expect("Catalog().Node()", one.Node.Node == node && one.Services[service].Port == 8080, "a service of "+node, one)
	nobody, _, err := there.Catalog().Node("nobody", nil)
	check("Catalog().Node() of nobody", err)
	expect("Catalog().Node() of nobody", nobody == nil, nil, nobody)
	list, _, err := there.Catalog().NodeServiceList(node, nil)
	check("Catalog().NodeServiceList()", err)
	expect("Catalog().NodeServiceList()", list.Node.Node == node && len(list.Services) == 1, "1 service of "+node, list)
	_, _, err = there.Catalog().Services(&api.QueryOptions{Datacenter: "elsewhere"})
	fails("another datacenter", err, 500, "No path to datacenter")

	checks, _, err := there.Health().Node(node, nil)
	check("Health().Node()", err)
	expect("Health().Node()", len(checks) == 2 && checks.AggregatedStatus() == api.HealthPassing, "serfHealth and one more", checks)
	for state, count := range map[string]int{api.HealthAny: 3, api.HealthPassing: 3, api.HealthCritical: 0, api.HealthWarning: 0} {
		checks, _, err = there.Health().State(state, &api.QueryOptions{Filter: `ServiceName != "` + quiet + `"`})
		check("Health().State() "+state, err)
		expect("Health().State() "+state, len(checks) == count, count, len(checks))
	}
	connected, _, err := there.Health().Connect(service, "", true, nil)
	check("Health().Connect()", err)
	expect("Health().Connect()", len(connected) == 0, "nothing", connected)
	aggregate, _, err := there.Agent().AgentHealthServiceByName("no-such-service")
	check("Agent().AgentHealthServiceByName()", err)
	expect("the health of a service that is not here", aggregate == api.HealthCritical, api.HealthCritical, aggregate)

	coordinates, _, err := there.Coordinate().Nodes(nil)
	check("Coordinate().Nodes()", err)
	for _, each := range coordinates {
		expect("Coord.IsValid()", each.Coord.IsValid(), "a valid coordinate of "+each.Node, each.Coord)
	}
	maps, err := there.Coordinate().Datacenters()
	check("Coordinate().Datacenters()", err)
	expect("Coordinate().Datacenters()", len(maps) == 1, 1, len(maps))
}

// A host without an agent: written at one agent, removed at the other.
func external(here, there *api.Client) {
	_, err := here.Catalog().Register(&api.CatalogRegistration{
		Node:     "db.example",
		Address:  "10.9.0.1",
		NodeMeta: map[string]string{"external-node": "true"},
		Service:  &api.AgentService{ID: "db1", Service: "db", Port: 5432},
		Check: &api.AgentCheck{
			Node: "db.example", CheckID: "db1:tcp", Name: "tcp", Status: api.HealthPassing, ServiceID: "db1",
			Definition: api.HealthCheckDefinition{TCP: "10.9.0.1:5432", IntervalDuration: 10 * time.Second},
		},
	}, nil)
	check("Catalog().Register()", err)
	eventually("an external service through the other agent", func() bool {
		entries, _, err := there.Health().Service("db", "", true, nil)
		check("Health().Service() of an external service", err)
		if len(entries) == 0 {
			return false
		}
		entry := entries[0]
		expect("the check of an external service, as soon as it is there", len(entry.Checks) == 1, "1 check", entry.Checks)
		return entry.Node.Address == "10.9.0.1" && entry.Checks[0].Definition.TCP == "10.9.0.1:5432"
	})
	nodes, _, err := there.Catalog().Nodes(&api.QueryOptions{NodeMeta: map[string]string{"external-node": "true"}})
	check("Catalog().Nodes() that are external", err)
	expect("Catalog().Nodes() that are external", len(nodes) == 1 && nodes[0].Node == "db.example", "db.example", nodes)
	_, err = there.Catalog().Deregister(&api.CatalogDeregistration{Node: "db.example", ServiceID: "db1"}, nil)
	check("Catalog().Deregister() of a service", err)
	_, err = there.Catalog().Deregister(&api.CatalogDeregistration{Node: "db.example"}, nil)
	check("Catalog().Deregister()", err)
	eventually("an external node that is gone", func() bool {
		nodes, _, err := here.Catalog().Nodes(nil)
		check("Catalog().Nodes()", err)
		return len(nodes) == 2
	})
	_, err = here.Catalog().Register(&api.CatalogRegistration{Node: "no-address"}, nil)
	fails("Catalog().Register() without an address", err, 400, "ust provide")
}
