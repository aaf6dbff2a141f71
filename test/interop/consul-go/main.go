// HashiCorp's own Go client, and nothing else, against Skein's agents. Any mismatch ends the program with status 1
// and says what was expected.
//
//	consul-go suite HTTP_ADDRESS HTTP_ADDRESS    writes through one agent, and reads through the other
//	consul-go minute HTTP_ADDRESS HTTP_ADDRESS   blocks for a minute on what does not change, and then does
//	consul-go watch HTTP_ADDRESS                 says what it sees of "web", until its input ends
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/consul/api"
)

func main() {
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "suite":
		suite(args[1], args[2])
	case len(args) == 3 && args[0] == "minute":
		minute(args[1], args[2])
	case len(args) == 2 && args[0] == "watch":
		watchWeb(args[1])
	default:
		fmt.Fprintln(os.Stderr, "usage: consul-go suite HTTP_ADDRESS HTTP_ADDRESS | minute HTTP_ADDRESS HTTP_ADDRESS | watch HTTP_ADDRESS")
		os.Exit(2)
	}
}

func suite(hereAddress, thereAddress string) {
	here, there := client(hereAddress), client(thereAddress)
	node := agents(here)
	register(here, there, node)
	store(here, there)
	events(here, hereAddress)
	queries(here, there)
	configEntries(here, there)
	external(here, there)
	ttl(here, there)
	checkKinds(here, there)
	reads(there, node)
	maintenance(here, there, node)
	absent(here)

	fails("Agent().ServiceDeregister() of an unknown id", here.Agent().ServiceDeregister("no-such-id"), 404, "Unknown service ID")
	check("Agent().ServiceDeregister()", here.Agent().ServiceDeregister(service))
	waitFor(there, 1, func(entries []*api.ServiceEntry) bool { return len(entries) == 0 })
	fmt.Println("OK deregistered, and gone from the other agent")
}
