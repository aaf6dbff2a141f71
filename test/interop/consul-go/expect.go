package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"
)

const (
	service  = "order-service"
	deadline = 10 * time.Second
)

func client(address string) *api.Client {
	made, err := api.NewClient(&api.Config{Address: address})
	check("NewClient("+address+")", err)
	return made
}

// A client whose requests are counted.
func counted(address string) (*api.Client, *int64) {
	requests := new(int64)
	transport := roundTripper(func(request *http.Request) (*http.Response, error) {
		atomic.AddInt64(requests, 1)
		return http.DefaultTransport.RoundTrip(request)
	})
	made, err := api.NewClient(&api.Config{Address: address, HttpClient: &http.Client{Transport: transport}})
	check("NewClient("+address+")", err)
	return made, requests
}

type roundTripper func(*http.Request) (*http.Response, error)

func (send roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	return send(request)
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

func eventually(what string, holds func() bool) {
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			fmt.Println("OK", what)
			return
		}
	}
	fail(what, "within "+deadline.String(), "not")
}

func check(what string, err error) {
	if err != nil {
		fail(what, "no error", err)
	}
	fmt.Println("OK", what)
}

// The error of a status, whose text the client shows.
func fails(what string, err error, code int, text string) {
	var status api.StatusError
	isStatus := errors.As(err, &status) && status.Code == code
	expect(what, isStatus && strings.Contains(err.Error(), text), fmt.Sprintf("a StatusError %d with %q", code, text), err)
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
