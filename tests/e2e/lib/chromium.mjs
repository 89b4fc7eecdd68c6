// Debian's Chromium, driven by playwright-core through a pipe (no debugging port: nothing but the page uses the network).

import { chromium } from 'playwright-core';
import { fileURLToPath } from 'node:url';
import { Tab } from './tab.mjs';

const wrapper = fileURLToPath(new URL('./chromium-on-host', import.meta.url));

// What a browser sends of its own accord (updates, DNS over HTTPS, mDNS names, cast discovery) has no place in a lab.
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
  // A test may have to run where there is no address but 127.0.0.1.
  '--allow-loopback-in-peer-connection',
];

// There is a camera, and the user says no to it.
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

  /** `fn` runs in every page of this tab before the page's own scripts. */
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

  /** Presses the button that this name describes to a screen reader. */
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
 * Starts a Chromium on `host` of the lab (or here). `origin` is treated as secure, as if it were https: without that a
 * page may not use the camera. `camera: false` refuses the camera and the microphone; `fps` is what the camera makes;
 * `proxy` is the URL of one. A certificate that nobody has vouched for is accepted.
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
    /** The whole browser vanishes at once, as when its machine loses power. */
    async vanish() {
      await server.kill();
    },
    async close() {
      await server.close();
    },
  };
}
