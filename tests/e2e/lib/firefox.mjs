// Firefox ESR, driven through WebDriver BiDi, of which these tests need only five commands.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { kill, start } from './process.mjs';
import { Tab } from './tab.mjs';

const pipe = fileURLToPath(new URL('./bidi-pipe.mjs', import.meta.url));

const throughProxy = ({ hostname, port }) => ({
  'network.proxy.type': 1,
  'network.proxy.http': hostname,
  'network.proxy.http_port': Number(port),
  'network.proxy.ssl': hostname,
  'network.proxy.ssl_port': Number(port),
});

const preferences = (origin, proxy) => ({
  ...(proxy ? throughProxy(new URL(proxy)) : {}),
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  // As Chromium's --unsafely-treat-insecure-origin-as-secure, for lack of https in the lab.
  'media.devices.insecure.enabled': true,
  'media.getusermedia.insecure.enabled': true,
  'dom.securecontext.allowlist': origin ? new URL(origin).hostname : '',
  'media.autoplay.default': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // No traffic of its own: no updates, no telemetry, no captive portal check, no downloads of codecs.
  'app.update.disabledForTesting': true,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'browser.topsites.contile.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'dom.push.connection.enabled': false,
  'extensions.systemAddon.update.enabled': false,
  'extensions.update.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-manager.url': '',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.prefetch-next': false,
  'network.trr.mode': 5,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
});

async function profile(origin, proxy) {
  const folder = await mkdtemp(join(tmpdir(), 'monoport-firefox-'));
  const lines = Object.entries(preferences(origin, proxy)).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
  );
  await writeFile(join(folder, 'user.js'), lines.join(''));
  return folder;
}

// Firefox names its WebSocket on stderr once it listens.
function endpoint(child) {
  return new Promise((resolve, reject) => {
    const said = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      const match = line.match(/WebDriver BiDi listening on (ws:\S+)/);
      if (match) resolve(`${match[1]}/session`);
    });
    child.on('exit', (code) => reject(new Error(`firefox ended (${code}) before it listened:\n${said.join('\n')}`)));
    child.on('error', reject);
  });
}

class Bidi {
  constructor(child) {
    this.child = child;
    this.open = new Map();
    this.last = 0;
    /** Calls the handler with the parameters of each event of this name. */
    this.listeners = [];
    createInterface({ input: child.stdout }).on('line', (line) => this.receive(JSON.parse(line)));
    child.on('exit', () => {
      for (const { reject } of this.open.values()) reject(new Error('the connection to firefox ended'));
    });
  }

  receive(message) {
    if (message.type === 'event')
      this.listeners.filter(({ method }) => method === message.method).forEach(({ call }) => call(message.params));
    const waiting = this.open.get(message.id);
    if (!waiting) return;
    this.open.delete(message.id);
    if (message.type === 'error') waiting.reject(new Error(`${waiting.method}: ${message.error}: ${message.message}`));
    else waiting.resolve(message.result);
  }

  send(method, params = {}) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.open.set(id, { method, resolve, reject });
      this.child.stdin.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }
}

class FirefoxTab extends Tab {
  constructor(bidi, context) {
    super();
    this.bidi = bidi;
    this.context = context;
    this.console = [];
  }

  async before(fn) {
    const functionDeclaration = typeof fn === 'string' ? `() => { ${fn} }` : String(fn);
    await this.bidi.send('script.addPreloadScript', { functionDeclaration, contexts: [this.context] });
  }

  async serve(url, path) {
    const value = await readFile(path, 'base64');
    const headers = [{ name: 'Content-Type', value: { type: 'string', value: 'text/html' } }];
    const call = ({ isBlocked, request }) => {
      if (!isBlocked || request.url !== url) return;
      this.bidi
        .send('network.provideResponse', {
          request: request.request,
          statusCode: 200,
          headers,
          body: { type: 'base64', value },
        })
        .catch(() => {});
    };
    this.bidi.listeners.push({ method: 'network.beforeRequestSent', call });
    await this.bidi.send('session.subscribe', { events: ['network.beforeRequestSent'], contexts: [this.context] });
    await this.bidi.send('network.addIntercept', {
      phases: ['beforeRequestSent'],
      contexts: [this.context],
      urlPatterns: [{ type: 'string', pattern: url }],
    });
  }

  async open(url) {
    await this.bidi.send('browsingContext.navigate', { context: this.context, url, wait: 'interactive' });
  }

  async run(expression) {
    const reply = await this.bidi.send('script.evaluate', {
      expression,
      target: { context: this.context },
      awaitPromise: true,
    });
    if (reply.type === 'exception') throw new Error(reply.exceptionDetails.text);
    return reply.result.value;
  }

  async close() {
    await this.bidi.send('browsingContext.close', { context: this.context });
  }
}

/**
 * Starts a Firefox on `host` of the lab (or here). It treats `origin` as secure and accepts any certificate; `proxy` is the
 * URL of one.
 */
export async function launchFirefox({ host, origin, proxy } = {}) {
  const folder = await profile(origin, proxy);
  const firefox = start(
    [
      process.env.FIREFOX ?? 'firefox-esr',
      '--headless',
      '--no-remote',
      '--profile',
      folder,
      '--remote-debugging-port=0',
    ],
    {
      host,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: folder, MOZ_CRASHREPORTER_DISABLE: '1' },
    },
  );
  const url = await endpoint(firefox);
  const carrier = start([process.execPath, pipe, url], { host, stdio: ['pipe', 'pipe', 'inherit'] });
  const bidi = new Bidi(carrier);
  const { capabilities } = await bidi.send('session.new', {
    capabilities: { alwaysMatch: { acceptInsecureCerts: true } },
  });
  return {
    name: 'firefox',
    version: capabilities.browserVersion,
    async tab() {
      const { context } = await bidi.send('browsingContext.create', { type: 'tab' });
      return new FirefoxTab(bidi, context);
    },
    async close() {
      await kill(carrier);
      await kill(firefox);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
