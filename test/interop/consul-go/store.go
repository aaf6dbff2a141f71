package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/api/watch"
)

// The key-value store: written through one agent, read, watched and deleted through the other.
func store(here, there *api.Client) {
	missing, meta, err := there.KV().Get("interop/key", nil)
	check("KV().Get() of a key that does not exist", err)
	expect("KV().Get() of a key that does not exist", missing == nil && meta.LastIndex >= 1, "nil, with an index", missing)

	watched := make(chan *api.KVPair, 1)
	go func() {
		pair, _, err := there.KV().Get("interop/key", &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: deadline})
		check("KV().Get() that blocks", err)
		watched <- pair
	}()
	_, err = here.KV().Put(&api.KVPair{Key: "interop/key", Value: []byte("one"), Flags: 42}, nil)
	check("KV().Put()", err)
	pair := <-watched
	expect("a blocking KV().Get()", pair != nil && string(pair.Value) == "one" && pair.Flags == 42, "one, 42", pair)

	idle := time.Now()
	same, idleMeta, err := there.KV().List("interop/none/", nil)
	check("KV().List() of an empty prefix", err)
	expect("KV().List() of an empty prefix", len(same) == 0, "no pairs", same)
	_, idleMeta, err = there.KV().List("interop/none/", &api.QueryOptions{WaitIndex: idleMeta.LastIndex, WaitTime: time.Second})
	check("KV().List() that nothing answers", err)
	expect("KV().List() that nothing answers waits", time.Since(idle) >= time.Second, ">= 1s", time.Since(idle))

	pair.Value = []byte("two")
	stored, _, err := there.KV().CAS(pair, nil)
	check("KV().CAS()", err)
	expect("KV().CAS() with the index that was read", stored, true, stored)
	stored, _, err = there.KV().CAS(pair, nil)
	check("KV().CAS() again", err)
	expect("KV().CAS() with an old index", !stored, false, stored)

	_, err = there.KV().Put(&api.KVPair{Key: "interop/tree/a/b", Value: nil}, nil)
	check("KV().Put() without a value", err)
	keys, _, err := there.KV().Keys("interop/", "/", nil)
	check("KV().Keys()", err)
	expect("KV().Keys()", strings.Join(keys, " ") == "interop/key interop/tree/", "interop/key interop/tree/", keys)

	_, _, err = here.KV().Acquire(&api.KVPair{Key: "interop/lock", Session: "x"}, nil)
	status, ok := err.(api.StatusError)
	expect("KV().Acquire()", ok && status.Code == 501, "a StatusError 501", err)

	_, err = there.KV().DeleteTree("interop/", nil)
	check("KV().DeleteTree()", err)
	keys, _, err = there.KV().Keys("interop/", "", nil)
	check("KV().Keys() after", err)
	expect("KV().Keys() after DeleteTree()", len(keys) == 0, "no keys", keys)
}

// Events: Consul's own watch takes their ids for indexes, and must see each once.
func events(here *api.Client, address string) {
	plan, err := watch.Parse(map[string]interface{}{"type": "event", "name": "deploy"})
	check("watch.Parse()", err)
	seen := make(chan string, 16)
	plan.Handler = func(_ uint64, result interface{}) {
		for _, event := range result.([]*api.UserEvent) {
			seen <- string(event.Payload)
		}
	}
	go plan.Run(address)
	defer plan.Stop()
	time.Sleep(300 * time.Millisecond)
	for _, payload := range []string{"one", "two", "three"} {
		_, _, err = here.Event().Fire(&api.UserEvent{Name: "deploy", Payload: []byte(payload)}, nil)
		check("Event().Fire()", err)
		select {
		case got := <-seen:
			expect("a watch of events", got == payload, payload, got)
		case <-time.After(deadline):
			fail("a watch of events", payload, "nothing")
		}
	}
	list, meta, err := here.Event().List("deploy", nil)
	check("Event().List()", err)
	last := list[len(list)-1]
	expect("Event().IDToIndex()", here.Event().IDToIndex(last.ID) == meta.LastIndex, meta.LastIndex, last.ID)
}

// Prepared queries, by id and by name.
func queries(here, there *api.Client) {
	id, _, err := here.PreparedQuery().Create(&api.PreparedQueryDefinition{
		Name:    "interop",
		Service: api.ServiceQuery{Service: service, Near: "_agent", Tags: []string{"order", "!old"}},
		DNS:     api.QueryDNSOptions{TTL: "5s"},
	}, nil)
	check("PreparedQuery().Create()", err)
	list, _, err := here.PreparedQuery().Get(id, nil)
	check("PreparedQuery().Get()", err)
	expect("PreparedQuery().Get()", len(list) == 1 && list[0].Name == "interop" && list[0].DNS.TTL == "5s", "interop", list)
	found, _, err := here.PreparedQuery().Execute("interop", nil)
	check("PreparedQuery().Execute()", err)
	expect("PreparedQuery().Execute()", len(found.Nodes) == 1 && found.Failovers == 0, "1 node", found)
	list[0].Service.Tags = []string{"missing"}
	_, err = here.PreparedQuery().Update(list[0], nil)
	check("PreparedQuery().Update()", err)
	found, _, err = here.PreparedQuery().Execute(id, nil)
	check("PreparedQuery().Execute() by id", err)
	expect("PreparedQuery().Execute() with another tag", len(found.Nodes) == 0, "no node", found.Nodes)
	_, err = here.PreparedQuery().Delete(id, nil)
	check("PreparedQuery().Delete()", err)
	list, _, err = here.PreparedQuery().List(nil)
	check("PreparedQuery().List()", err)
	expect("PreparedQuery().List()", len(list) == 0, "no queries", list)
}

// Config entries of Consul's kinds, as the client encodes and decodes them.
func configEntries(here *api.Client) {
	entries := []api.ConfigEntry{
		&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: "web", Protocol: "http"},
		&api.ServiceRouterConfigEntry{Kind: api.ServiceRouter, Name: "web", Routes: []api.ServiceRoute{{
			Match:       &api.ServiceRouteMatch{HTTP: &api.ServiceRouteHTTPMatch{PathPrefix: "/admin"}},
			Destination: &api.ServiceRouteDestination{Service: "admin", RequestTimeout: 90 * time.Second, NumRetries: 2},
		}}},
		&api.ServiceSplitterConfigEntry{Kind: api.ServiceSplitter, Name: "web", Splits: []api.ServiceSplit{
			{Weight: 90.5}, {Weight: 9.5, Service: "canary"},
		}},
		&api.ServiceResolverConfigEntry{Kind: api.ServiceResolver, Name: "old", Redirect: &api.ServiceResolverRedirect{Service: "web"}},
		&api.ServiceIntentionsConfigEntry{Kind: api.ServiceIntentions, Name: "web", Sources: []*api.SourceIntention{
			{Name: "*", Action: api.IntentionActionDeny},
		}},
	}
	for _, entry := range entries {
		set, _, err := here.ConfigEntries().Set(entry, nil)
		check("ConfigEntries().Set() "+entry.GetKind(), err)
		expect("ConfigEntries().Set() "+entry.GetKind(), set, true, set)
		read, _, err := here.ConfigEntries().Get(entry.GetKind(), entry.GetName(), nil)
		check("ConfigEntries().Get() "+entry.GetKind(), err)
		expect("its index", read.GetModifyIndex() >= 1, ">= 1", read.GetModifyIndex())
		if router, ok := read.(*api.ServiceRouterConfigEntry); ok {
			timeout := router.Routes[0].Destination.RequestTimeout
			expect("its timeout", timeout == 90*time.Second, "1m30s", timeout)
		}
		set, _, err = here.ConfigEntries().CAS(read, read.GetModifyIndex(), nil)
		check("ConfigEntries().CAS() "+entry.GetKind(), err)
		expect("ConfigEntries().CAS() "+entry.GetKind(), set, true, set)
		list, _, err := here.ConfigEntries().List(entry.GetKind(), nil)
		check("ConfigEntries().List() "+entry.GetKind(), err)
		expect("ConfigEntries().List() "+entry.GetKind(), len(list) == 1, "1 entry", len(list))
		_, err = here.ConfigEntries().Delete(entry.GetKind(), entry.GetName(), nil)
		check("ConfigEntries().Delete() "+entry.GetKind(), err)
	}
	_, _, err := here.ConfigEntries().Get(api.ServiceRouter, "web", nil)
	status, ok := err.(api.StatusError)
	expect("ConfigEntries().Get() after Delete()", ok && status.Code == 404, "a StatusError 404", err)
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
	_, err = there.Catalog().Deregister(&api.CatalogDeregistration{Node: "db.example"}, nil)
	check("Catalog().Deregister()", err)
	eventually("an external service that is gone", func() bool {
		nodes, _, err := here.Catalog().Nodes(nil)
		check("Catalog().Nodes()", err)
		return len(nodes) == 2
	})
}

func eventually(what string, holds func() bool) {
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			fmt.Println("OK", what)
			return
		}
	}
	fail(what, "within "+deadline.String(), "not")
}
