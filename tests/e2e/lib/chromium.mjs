// Debian's Chromium, driven by playwright-core through a pipe (no debugging port: nothing but the page uses the network).

import { chromium } from 'playwright-core';
import { fileURLToPath } from 'node:url';
import { Tab } from './tab.mjs';

const wrapper = fileURLToPath(new URL('./chromium-on-host', import.meta.url));

// Switches off the browser's own traffic (updates, DNS over HTTPS, mDNS names, cast discovery).
// Local network access checks: a page that a test provides in the server's place (`serve`) may speak to the server on loopback.
const quiet = [
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-domain-reliability',
  '--no-first-run',
  '--no-default-browser-check',
  '--no-pings',
  '--disable-features=WebRtcHideLocalIpsWithMdns,MediaRouter,DialMediaRouteProvider,OptimizationHints,Translate,AsyncDns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets',
];

const media = (fps) => [
  `--use-fake-device-for-media-stream=fps=${fps}`,
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  // A test may run where 127.0.0.1 is the only address.
  '--allow-loopback-in-peer-connection',
];

// A camera exists, and the user refuses it.
const cameraDenied = [
  '--use-fake-device-for-media-stream',
  '--deny-permission-prompts',
  '--autoplay-policy=no-user-gesture-required',
];

class ChromiumTab extends Tab {
  constructor(page) {
    super();
    this.page = page;
    this.console = [];
    page.on('console', (message) => this.console.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.console.push(`uncaught: ${error}`));
  }

  run(expression) {
    return this.page.evaluate(expression);
  }

  /** Runs `fn` in every page of this tab before the page's own scripts. */
  async before(fn) {
    await this.page.addInitScript(fn);
  }

  /** Answers requests for `url` with a file of these tests, as if the server had it. */
  async serve(url, path) {
    await this.page.route(url, (route) => route.fulfill({ path, contentType: 'text/html' }));
  }

  async open(url) {
    await this.page.goto(url, { waitUntil: 'domcontentloaded' });
  }

  /** Presses the button with this accessible name. */
  async press(name) {
    await this.page.getByRole('button', { name }).first().click();
  }

  async fill(label, text) {
    await this.page.getByLabel(label).first().fill(text);
  }

  async screenshot(path) {
    await this.page.screenshot({ path });
  }

  async close() {
    await this.page.close();
  }
}

/**
 * Starts a Chromium on `host` of the lab (or here). It treats `origin` as secure, as if it were https: without that a
 * page may not use the camera. `camera: false` refuses the camera and the microphone; `fps` is the camera's frame rate;
 * `proxy` is the URL of one. The browser accepts any certificate.
 */
export async function launchChromium({ host = '', origin, camera = true, fps = 30, proxy, args = [] } = {}) {
  const server = await chromium.launchServer({
    executablePath: wrapper,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--ignore-certificate-errors',
      ...quiet,
      ...(camera ? media(fps) : cameraDenied),
      ...(origin ? [`--unsafely-treat-insecure-origin-as-secure=${origin}`] : []),
      ...(proxy ? [`--proxy-server=${proxy}`] : []),
      ...args,
    ],
    env: { ...process.env, LAB_HOST: host },
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  const browser = await chromium.connect(server.wsEndpoint());
  return {
    name: 'chromium',
    version: browser.version(),
    async tab(options = {}) {
      const context = await browser.newContext(options);
      return new ChromiumTab(await context.newPage());
    },
    /** Kills the whole browser at once, as when its machine loses power. */
    async vanish() {
      await server.kill();
    },
    async close() {
      await server.close();
    },
  };
}
