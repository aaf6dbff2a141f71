/** HashiCorp's consul-template, which writes a file anew on each change that concerns it, in a mesh where much changes. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type TestContext } from 'vitest';
import { eventually } from '../e2e/agent-nodes.ts';
import { CountingProxy } from './counting-proxy.ts';
import { MeshAgents } from './mesh-agents.ts';
import { goProgram, notBuilt, scratchDirectory, startProgram } from './outside-program.ts';

const minuteMs = 60_000;

/** Each line is a question of its own; what it answers follows the name. */
const template = `
service:{{ range service "web" }} {{ .ID }}={{ .Address }}:{{ .Port }}/{{ .Status }}{{ end }}
tagged:{{ range service "v2.web" }} {{ .ID }}{{ end }}
any:{{ range service "web|any" }} {{ .ID }}/{{ .Status }}@{{ .Node }}{{ end }}
near:{{ range service "web~_agent" }} {{ .ID }}{{ end }}
services:{{ range services }} {{ .Name }}[{{ .Tags | join "," }}]{{ end }}
nodes:{{ range nodes }} {{ .Node }}({{ .Meta.rack }}){{ end }}
node:{{ with node }} {{ .Node.Node }}{{ range .Services }} {{ .ID }}{{ end }}{{ end }}
cedar:{{ with node "cedar" }} {{ .Node.Address }}{{ range .Services }} {{ .ID }}{{ end }}{{ end }}
datacenters:{{ range datacenters }} {{ . }}{{ end }}
key: {{ key "app/color" }}
default: {{ keyOrDefault "app/size" "medium" }}
exists: {{ keyExists "app/flag" }}
ls:{{ range ls "app" }} {{ .Key }}={{ .Value }}{{ end }}
tree:{{ range tree "app" }} {{ .Key }}={{ .Value }}{{ end }}
`.trimStart();
const questions = template.trimEnd().split('\n').length;

/** Writes what is so after each change for a minute, and asks nothing while nothing changes. */
export async function writesWhatIsSo({ skip, onTestFinished: atEnd }: TestContext): Promise<void> {
  const reason = notBuilt('consul-template');
  skip(reason !== undefined, reason);
  const mesh = new MeshAgents(atEnd);
  await mesh.start('alder', 'birch', 'cedar');
  const register = (agent: string, body: object): Promise<unknown> =>
    mesh.ask(agent, 'PUT', '/v1/agent/service/register', { Port: 80, Check: { TTL: '10m', Status: 'passing' }, ...body });
  await register('birch', { Name: 'web', ID: 'web-1', Tags: ['v2', 'blue'] });
  await register('cedar', { Name: 'web', ID: 'web-2', Address: '10.0.0.2', Tags: ['v1'] });
  const agent = await CountingProxy.start(atEnd, mesh.http('alder'));

  const directory = scratchDirectory(atEnd);
  const output = join(directory, 'output');
  writeFileSync(join(directory, 'template'), template);
  const args = ['-consul-addr', agent.address, '-template', 'template:output'];
  const started = performance.now();
  const program = startProgram(atEnd, goProgram('consul-template'), args, directory);

  const answers: Record<string, string> = {
    service: ' web-1=127.0.0.1:80/passing web-2=10.0.0.2:80/passing',
    tagged: ' web-1',
    any: ' web-1/passing@birch web-2/passing@cedar',
    near: ' web-1 web-2',
    services: ' web[blue,v1,v2]',
    nodes: ' alder(rack-alder) birch(rack-birch) cedar(rack-cedar)',
    node: ' alder',
    cedar: ' 127.0.0.1 web-2',
    datacenters: ' grove',
    key: ' red',
    default: ' medium',
    exists: ' false',
    ls: ' color=red',
    tree: ' color=red',
  };
  /** Nearness is measured, so of that only the set is known. */
  const read = (): string => {
    if (program.hasEnded()) throw new Error(`consul-template ended:\n${program.log()}`);
    try {
      const lines = readFileSync(output, 'utf8');
      return lines.replace(
        /^near:.*$/m,
        (line) =>
          `near:${line
            .split(' ')
            .slice(1)
            .sort()
            .map((id) => ` ${id}`)
            .join('')}`,
      );
    } catch {
      return '';
    }
  };
  const says = async (change: Record<string, string>): Promise<void> => {
    Object.assign(answers, change);
    const wanted = Object.entries(answers).map(([question, answer]) => `${question}:${answer}\n`);
    await eventually('the file says what is so', () => read() === wanted.join('')).catch(() =>
      expect(read()).toBe(wanted.join('')),
    );
  };

  // A key that is not there is waited for, without asking again and again.
  await eventually('each question waits', () => agent.requests.filter((request) => request.includes('index=')).length >= 11);
  await agent.atRest();
  expect(await agent.during(2000)).toEqual([]);
  expect(read()).toBe('');
  await mesh.ask('birch', 'PUT', '/v1/kv/app/color', 'red');
  await says({});

  await register('alder', { Name: 'web', ID: 'web-0', Tags: ['v2'] });
  await says({
    service: ' web-0=127.0.0.1:80/passing web-1=127.0.0.1:80/passing web-2=10.0.0.2:80/passing',
    tagged: ' web-0 web-1',
    any: ' web-0/passing@alder web-1/passing@birch web-2/passing@cedar',
    near: ' web-0 web-1 web-2',
    node: ' alder web-0',
  });
  await mesh.ask('birch', 'PUT', '/v1/agent/check/fail/service:web-1');
  await says({
    service: ' web-0=127.0.0.1:80/passing web-2=10.0.0.2:80/passing',
    tagged: ' web-0',
    any: ' web-0/passing@alder web-1/critical@birch web-2/passing@cedar',
    near: ' web-0 web-2',
  });
  await mesh.ask('birch', 'PUT', '/v1/agent/check/pass/service:web-1');
  await mesh.ask('cedar', 'PUT', '/v1/agent/service/maintenance/web-2?enable=true');
  await says({
    service: ' web-0=127.0.0.1:80/passing web-1=127.0.0.1:80/passing',
    tagged: ' web-0 web-1',
    any: ' web-0/passing@alder web-1/passing@birch web-2/maintenance@cedar',
    near: ' web-0 web-1',
  });
  await mesh.ask('alder', 'PUT', '/v1/agent/service/deregister/web-0');
  await register('cedar', { Name: 'api', ID: 'api-1', Tags: ['x'] });
  await says({
    service: ' web-1=127.0.0.1:80/passing',
    tagged: ' web-1',
    any: ' web-1/passing@birch web-2/maintenance@cedar',
    near: ' web-1',
    services: ' api[x] web[blue,v1,v2]',
    node: ' alder',
    cedar: ' 127.0.0.1 api-1 web-2',
  });

  // Watches that the registrations woke ask again when the file is already as it is to be.
  await agent.atRest();
  const beforeKeys = agent.requests.length;
  await mesh.ask('cedar', 'PUT', '/v1/kv/app/color', 'blue');
  await mesh.ask('cedar', 'PUT', '/v1/kv/app/size', 'large');
  await mesh.ask('cedar', 'PUT', '/v1/kv/app/flag', '');
  await mesh.ask('cedar', 'PUT', '/v1/kv/app/deep/one', '1');
  await mesh.ask('cedar', 'PUT', '/v1/kv/other', 'x');
  await says({
    key: ' blue',
    default: ' large',
    exists: ' true',
    ls: ' color=blue flag= size=large',
    tree: ' color=blue deep/one=1 flag= size=large',
  });
  await mesh.ask('birch', 'DELETE', '/v1/kv/app/size');
  await says({ default: ' medium', ls: ' color=blue flag=', tree: ' color=blue deep/one=1 flag=' });
  const forKeys = agent.requests.slice(beforeKeys).filter((request) => !request.startsWith('GET /v1/kv/'));
  expect(forKeys, 'keys concern nobody else').toEqual([]);

  await mesh.kill('birch');
  await says({
    service: '',
    tagged: '',
    any: ' web-1/critical@birch web-2/maintenance@cedar',
    near: '',
  });
  await mesh.start('birch');
  await says({
    service: ' web-1=127.0.0.1:80/passing',
    tagged: ' web-1',
    any: ' web-1/passing@birch web-2/maintenance@cedar',
    near: ' web-1',
  });

  // The rest of the minute. Queries that began first may reach their end, once each.
  const written = statSync(output).mtimeMs;
  const total = agent.requests.length;
  expect(total, agent.requests.join('\n')).toBeLessThan(20 * questions);
  await agent.atRest();
  const atRest = await agent.during(Math.max(0, minuteMs - (performance.now() - started)));
  expect(atRest.length, atRest.join('\n')).toBeLessThanOrEqual(questions);
  expect(statSync(output).mtimeMs).toBe(written);
  await says({});
}
