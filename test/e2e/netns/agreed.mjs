// Ends once the agent on this host says that the members named, and no others, can be sent traffic. By blocking queries.
const wanted = process.argv.slice(2).sort().join();
for (let index = '0'; ;) {
  const answer = await fetch(`http://127.0.0.1:8500/v1/mesh/members?index=${index}&wait=10s`);
  const members = await answer.json();
  const usable = members.filter(({ status, reachable, verified }) => status === 'alive' && reachable && verified);
  const names = usable.map(({ name }) => name);
  if (names.sort().join() === wanted) break;
  index = answer.headers.get('x-consul-index') ?? '0';
}
