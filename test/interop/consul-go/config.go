package main

import (
	"time"

	"github.com/hashicorp/consul/api"
)

// Config entries of Consul's kinds, as the client encodes and decodes them: written through one agent, read through
// the other.
func configEntries(here, there *api.Client) {
	entries := []api.ConfigEntry{
		&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: "web", Protocol: "http", Meta: map[string]string{"by": "interop"}},
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
		kind, name := entry.GetKind(), entry.GetName()
		set, _, err := here.ConfigEntries().Set(entry, nil)
		check("ConfigEntries().Set() "+kind, err)
		expect("ConfigEntries().Set() "+kind, set, true, set)
		read, _, err := here.ConfigEntries().Get(kind, name, nil)
		check("ConfigEntries().Get() "+kind, err)
		index := read.GetModifyIndex()
		expect("its index", index >= 1 && read.GetCreateIndex() <= index, ">= 1", index)
		eventually("the other agent has it", func() bool {
			list, meta, err := there.ConfigEntries().List(kind, nil)
			check("ConfigEntries().List() "+kind, err)
			return len(list) == 1 && list[0].GetName() == name && meta.LastIndex >= 1
		})
		expectFields(read)

		set, _, err = here.ConfigEntries().CAS(read, index+1, nil)
		check("ConfigEntries().CAS() "+kind, err)
		expect("ConfigEntries().CAS() of what is there already, with another index", set, true, set)
		if changed, isDefaults := read.(*api.ServiceConfigEntry); isDefaults {
			other := *changed
			other.Protocol = "tcp"
			set, _, err = here.ConfigEntries().CAS(&other, index+1, nil)
			check("ConfigEntries().CAS() "+kind, err)
			expect("ConfigEntries().CAS() with another index", !set, false, set)
		}
		set, _, err = here.ConfigEntries().CAS(read, index, nil)
		check("ConfigEntries().CAS() "+kind, err)
		expect("ConfigEntries().CAS() with its index", set, true, set)
		deleted, _, err := here.ConfigEntries().DeleteCAS(kind, name, index+1, nil)
		check("ConfigEntries().DeleteCAS() "+kind, err)
		expect("ConfigEntries().DeleteCAS() with another index", !deleted, false, deleted)
		if kind == api.ServiceDefaults {
			read, _, err = here.ConfigEntries().Get(kind, name, nil)
			check("ConfigEntries().Get() "+kind, err)
			deleted, _, err = here.ConfigEntries().DeleteCAS(kind, name, read.GetModifyIndex(), nil)
			check("ConfigEntries().DeleteCAS() "+kind, err)
			expect("ConfigEntries().DeleteCAS() with its index", deleted, true, deleted)
		} else {
			_, err = here.ConfigEntries().Delete(kind, name, nil)
			check("ConfigEntries().Delete() "+kind, err)
		}
		_, _, err = here.ConfigEntries().Get(kind, name, nil)
		fails("ConfigEntries().Get() after it was deleted", err, 404, "Config entry not found")
	}
	_, _, err := here.ConfigEntries().Set(&api.ServiceSplitterConfigEntry{
		Kind: api.ServiceSplitter, Name: "web", Splits: []api.ServiceSplit{{Weight: 10}},
	}, nil)
	fails("ConfigEntries().Set() of weights that are not 100", err, 400, "100")
	_, _, err = here.ConfigEntries().Get("no-such-kind", "x", nil)
	expect("ConfigEntries().Get() of an unknown kind", err != nil, "an error", err)
}

// What the client must find again of what it wrote.
func expectFields(read api.ConfigEntry) {
	switch entry := read.(type) {
	case *api.ServiceConfigEntry:
		expect("its protocol", entry.Protocol == "http" && entry.Meta["by"] == "interop", "http", entry)
	case *api.ServiceRouterConfigEntry:
		to := entry.Routes[0].Destination
		expect("its route", to.RequestTimeout == 90*time.Second && to.Service == "admin" && to.NumRetries == 2, "1m30s to admin", to)
		expect("its match", entry.Routes[0].Match.HTTP.PathPrefix == "/admin", "/admin", entry.Routes[0].Match.HTTP)
	case *api.ServiceSplitterConfigEntry:
		expect("its splits", len(entry.Splits) == 2 && entry.Splits[0].Weight == 90.5 && entry.Splits[1].Service == "canary", "90.5", entry.Splits)
	case *api.ServiceResolverConfigEntry:
		expect("its redirect", entry.Redirect.Service == "web", "web", entry.Redirect)
	case *api.ServiceIntentionsConfigEntry:
		expect("its source", entry.Sources[0].Name == "*" && entry.Sources[0].Action == api.IntentionActionDeny, "deny *", entry.Sources[0])
	default:
		fail("ConfigEntries().Get()", "one of five kinds", read)
	}
}
