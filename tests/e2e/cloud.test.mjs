#!/usr/bin/env node
// The server is a virtual machine behind a 1:1 NAT: it does not know its outer address, and no option names it.

import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { diagnostic, equal, suite } from './lib/tap.mjs';
import { pairText } from '../../lab/matrix/words.mjs';

const lab = await enter('cloud', { kinds: ['symmetric'] });
const { test, after, explain, end } = suite({ limit: 90 * slowness });
const inner = process.env.LAB_INNER;
const server = await startServer({ ...lab, address: inner });
after(() => server.stop());
explain(() => server.tail());
// A server with `--announce` for its public name and for its address on the private network.
const told = await startServer({ ...lab, address: inner }, { port: 9000, args: ['--announce', `vm.lab,${inner}`] });
after(() => told.stop());
explain(() => told.tail());

const launch = async (host) => {
  const origin = [lab.address, inner, 'vm.lab']
    .flatMap((name) => [server, told].map(({ port }) => `http://${name}:${port}`))
    .join();
  const browser = await launchChromium({ host, origin });
  after(() => browser.close());
  return browser;
};
const [outside, inside] = await Promise.all([lab.homes[0].client, process.env.LAB_COLLEAGUE].map(launch));
const join = (browser, name, address, { port }) =>
  Participant.join(browser, { origin: `http://${address}:${port}`, room: 'cloud', name, query: { video: 'small' } });

const home = await join(outside, 'home', lab.address, server);
const colleague = await join(inside, 'colleague', inner, server);

for (const [who, other, address, where] of [
  [home, 'colleague', lab.address, 'from outside, by its outer address'],
  [colleague, 'home', inner, 'from its own network, by its inner address'],
]) {
  await test(`without --announce a call works ${where}`, async () => {
    await who.connected();
    await who.sees([other]);
    const pair = await who.selectedPair();
    diagnostic(pairText(pair));
    equal(`${pair.remote.address}:${pair.remote.port}`, `${address}:${server.port}`, 'the other end of the path');
  });
}

await Promise.all([home.close(), colleague.close()]);

await test('with --announce of a name and an address both are offered, and each client takes the one that it can reach', async () => {
  const [remote, local] = await Promise.all([
    join(outside, 'remote', 'vm.lab', told),
    join(inside, 'local', inner, told),
  ]);
  for (const [who, other, address] of [
    [remote, 'local', lab.address],
    [local, 'remote', inner],
  ]) {
    await who.sees([other]);
    const offered = await who.tab.evaluate(() => {
      const { sdp } = window.witness.connections.at(-1).remoteDescription;
      return [...sdp.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+ \d+) typ host/gim)].map(([, address]) => address);
    });
    equal([...new Set(offered)].sort(), [`${inner} 9000`, `${lab.address} 9000`], `what ${who.name} is offered`);
    const pair = await who.selectedPair();
    diagnostic(pairText(pair));
    equal(`${pair.remote.address}:${pair.remote.port}`, `${address}:9000`, 'the other end of the path');
  }
});

await end();
