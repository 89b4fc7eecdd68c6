// The kinds of network, in the order in which they are shown. Each is a file in lab/kind.

export const kinds = [
  'open',
  'full-cone',
  'address-restricted',
  'port-restricted',
  'symmetric',
  'carrier-grade',
  'same-nat',
  'forgetful',
  'mtu-1280',
  'ipv6-only',
  'ipv6-broken',
  'udp-blocked',
  'one-tcp-port',
  'tls-only',
  'http-proxy',
  'tls-proxy',
];

export const browsers = ['chromium', 'firefox'];
export const browserName = { chromium: 'Chromium', firefox: 'Firefox' };
