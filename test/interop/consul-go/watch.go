package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/api/watch"
)

const (
	quiet    = "quiet-service"
	waitTime = 10 * time.Second
)

// Blocks for a minute on a service that does not change, while others do, and then sees its first change at once: with
// the loop that the client's users write, and with the client's own watch.
func minute(hereAddress, thereAddress string) {
	here := client(hereAddress)
	check("Agent().ServiceRegister()", here.Agent().ServiceRegister(&api.AgentServiceRegistration{
		Name: quiet, Port: 1, Check: &api.AgentServiceCheck{TTL: "1h", Status: api.HealthPassing},
	}))
	there, requests := counted(thereAddress)
	eventually("the service is there", func() bool {
		entries, _, err := there.Health().Service(quiet, "", true, nil)
		check("Health().Service()", err)
		return len(entries) == 1
	})
	watching, watchRequests := counted(thereAddress)
	plan, err := watch.Parse(map[string]interface{}{"type": "service", "service": quiet, "passingonly": true})
	check("watch.Parse()", err)
	seen := make(chan int, 1024)
	plan.Handler = func(_ uint64, result interface{}) { seen <- len(result.([]*api.ServiceEntry)) }
	go plan.RunWithClientAndHclog(watching, nil)
	defer plan.Stop()
	expect("the first sight of a watch", <-seen == 1, 1, "another")

	_, meta, err := there.Health().Service(quiet, "", true, nil)
	check("Health().Service()", err)
	atomic.StoreInt64(requests, 0)
	stop := time.AfterFunc(61*time.Second, func() {
		check("Agent().UpdateTTL()", here.Agent().UpdateTTL("service:"+quiet, "", api.HealthCritical))
	})
	defer stop.Stop()
	index, begun := meta.LastIndex, time.Now()
	for {
		entries, next, err := there.Health().Service(quiet, "", true, &api.QueryOptions{WaitIndex: index, WaitTime: waitTime})
		check("Health().Service() that blocks", err)
		expect("an index that does not go back", next.LastIndex >= index && next.LastIndex >= 1, index, next.LastIndex)
		index = next.LastIndex
		if len(entries) == 0 {
			break
		}
		expect("a minute without a change", time.Since(begun) < 80*time.Second, "a change after it", time.Since(begun))
	}
	made := atomic.LoadInt64(requests)
	fmt.Printf("    %d requests in %s, and %d by a watch\n", made, time.Since(begun).Round(time.Second), atomic.LoadInt64(watchRequests))
	// Six waits and a bit; a change of the node it runs on would be a reason for one more.
	expect("requests in a minute", time.Since(begun) > time.Minute && made >= 6 && made <= 10, "6 to 10", made)
	select {
	case count := <-seen:
		expect("the second sight of a watch", count == 0, 0, count)
	case <-time.After(deadline):
		fail("the second sight of a watch", "in time", "none")
	}
	made = atomic.LoadInt64(watchRequests)
	expect("requests of a watch in a minute", made <= 6, "at most 6", made)
	check("Agent().ServiceDeregister()", here.Agent().ServiceDeregister(quiet))
	fmt.Println("OK a minute")
}

// What one watcher saw, as a line of JSON.
type sight struct {
	By    string   `json:"by"`
	IDs   []string `json:"ids"`
	Index uint64   `json:"index"`
	Error string   `json:"error,omitempty"`
}

// Watches "web" in both ways through failures of the agent, and prints what passes. Once the input ends it says how
// many requests that took.
func watchWeb(address string) {
	looping, loops := counted(address)
	watching, watches := counted(address)
	var lock sync.Mutex
	say := func(what interface{}) {
		lock.Lock()
		defer lock.Unlock()
		line, err := json.Marshal(what)
		check("json.Marshal()", err)
		fmt.Println(string(line))
	}
	plan, err := watch.Parse(map[string]interface{}{"type": "service", "service": "web", "passingonly": true})
	check("watch.Parse()", err)
	plan.Handler = func(index uint64, result interface{}) {
		say(sight{By: "go watch", IDs: ids(result.([]*api.ServiceEntry)), Index: index})
	}
	go plan.RunWithClientAndHclog(watching, nil)
	go func() {
		index := uint64(0)
		for {
			entries, meta, err := looping.Health().Service("web", "", true, &api.QueryOptions{WaitIndex: index, WaitTime: waitTime})
			if err != nil {
				say(sight{By: "go loop", IDs: []string{}, Error: err.Error()})
				time.Sleep(200 * time.Millisecond)
				continue
			}
			if meta.LastIndex < 1 {
				fail("X-Consul-Index", "at least 1", meta.LastIndex)
			}
			if meta.LastIndex != index {
				say(sight{By: "go loop", IDs: ids(entries), Index: meta.LastIndex})
			}
			// An index that goes back means that it starts anew.
			if meta.LastIndex < index {
				index = 0
			} else {
				index = meta.LastIndex
			}
		}
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	check("io.Copy()", err)
	say(map[string]int64{"go loop": atomic.LoadInt64(loops), "go watch": atomic.LoadInt64(watches)})
}

func ids(entries []*api.ServiceEntry) []string {
	found := make([]string, 0, len(entries))
	for _, entry := range entries {
		found = append(found, entry.Service.ID)
	}
	sort.Strings(found)
	return found
}
