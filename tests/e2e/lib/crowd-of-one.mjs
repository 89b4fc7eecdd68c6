#!/usr/bin/env node
// One address that opens many connections of a kind: crowd-of-one KIND HOST PORT COUNT EVERY_MS
// Prints a result a second after the last: {"tried":N,"stand":N}. A connection stands if the server answered it (TLS: its
// handshake is complete) and did not close it. The program closes them when its input ends.

import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { connect as connectH2 } from 'node:http2';

const [kind, host, portText, countText, everyText] = process.argv.slice(2);
const port = Number(portText);
const secure = { host, port, rejectUnauthorized: false };

const cookie = [0x21, 0x12, 0xa4, 0x42];
const transaction = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const allocate = Buffer.from([0, 3, 0, 0, ...cookie, ...transaction]);
const framedCheck = Buffer.from([0, 20, 0, 1, 0, 0, ...cookie, ...transaction]); // RFC 4571: its length, then a Binding request

const kinds = {
  http: (stands) =>
    connectTcp({ host, port }, function said() {
      this.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    }).once('data', (data) => {
      if (data.toString().startsWith('HTTP/1.1 200')) stands();
    }),
  tls: (stands) => connectTls(secure, stands),
  // TURN inside TLS: an answer to its request shows that it stands.
  turns: (stands) =>
    connectTls(secure, function said() {
      this.write(allocate);
    }).once('data', stands),
  turn: (stands) =>
    connectTcp({ host, port }, function said() {
      this.write(allocate);
    }).once('data', stands),
  // The server does not answer a stranger's check: the connection stands until the server closes it.
  ice: (stands) =>
    connectTcp({ host, port }, function said() {
      this.write(framedCheck);
      stands();
    }),
  h2: (stands) => {
    const session = connectH2(`https://${host}:${port}`, { rejectUnauthorized: false });
    session
      .request({ ':path': '/healthz' })
      .on('response', stands)
      .on('error', () => {})
      .resume();
    return session;
  },
};

let stand = 0;
const all = [];
function open() {
  let stands = false;
  const connection = kinds[kind](() => {
    stands = true;
    stand += 1;
  });
  connection.on('error', () => {});
  connection.on('close', () => {
    if (stands) stand -= 1;
    stands = false;
  });
  all.push(connection);
}

for (let i = 0; i < Number(countText); i += 1) {
  open();
  await new Promise((pass) => setTimeout(pass, Number(everyText)));
}
await new Promise((pass) => setTimeout(pass, 1000));
console.log(JSON.stringify({ tried: all.length, stand }));
process.stdin.on('end', () => process.exit()).resume();
