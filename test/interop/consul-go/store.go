package main

import (
	"bytes"
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

	pairs, _, err := there.KV().List("interop/", nil)
	check("KV().List()", err)
	expect("KV().List()", len(pairs) == 2 && pairs[0].Key == "interop/key" && string(pairs[0].Value) == "two", "2 pairs", pairs)
	created, _, err := there.KV().CAS(&api.KVPair{Key: "interop/key", Value: []byte("three")}, nil)
	check("KV().CAS() with index 0", err)
	expect("KV().CAS() with index 0 of a key that exists", !created, false, created)
	deleted, _, err := there.KV().DeleteCAS(pair, nil)
	check("KV().DeleteCAS() with an old index", err)
	expect("KV().DeleteCAS() with an old index", !deleted, false, deleted)
	deleted, _, err = there.KV().DeleteCAS(pairs[0], nil)
	check("KV().DeleteCAS()", err)
	expect("KV().DeleteCAS() with the index that was read", deleted, true, deleted)
	_, err = there.KV().Delete("interop/tree/a/b", nil)
	check("KV().Delete()", err)
	missing, meta, err = there.KV().Get("interop/tree/a/b", nil)
	check("KV().Get() of a key that was deleted", err)
	expect("KV().Get() of a key that was deleted", missing == nil && meta.LastIndex >= 1, "nil, with an index", missing)
	_, err = there.KV().Put(&api.KVPair{Key: "interop/päth with?odd#bytes/%2f", Value: []byte{0, 255, 10}}, nil)
	check("KV().Put() of odd bytes", err)
	odd, _, err := there.KV().Get("interop/päth with?odd#bytes/%2f", nil)
	check("KV().Get() of odd bytes", err)
	expect("KV().Get() of odd bytes", odd != nil && bytes.Equal(odd.Value, []byte{0, 255, 10}), "the same", odd)
	_, err = there.KV().Put(&api.KVPair{Key: "interop/large", Value: make([]byte, 600_000)}, nil)
	fails("KV().Put() of too much", err, 413, "too large")

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
