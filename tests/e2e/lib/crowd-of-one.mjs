#!/usr/bin/env node
// One address that opens many connections of a kind: crowd-of-one KIND HOST PORT COUNT EVERY_MS
// Prints a result once the server has answered or closed each of them: {"tried":N,"stand":N}. A connection stands if the server
// answered it (TLS: its handshake is complete), and answered it once more when all were decided. An ICE-TCP connection of a
// stranger gets no answer: it stands until the server closes it, and each close prints the result anew. The program closes all
// when its input ends.

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

const get = Buffer.from(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);

/** Writes the request; anything that comes is the answer. */
const says = (request) => (connection, answered) => connection.once('data', answered).write(request);

/** Each kind opens a connection, asks the server for something, and asks again. */
const kinds = {
  http: {
    open: () => connectTcp({ host, port }),
    ask: (connection, answered) =>
      connection.on('data', (data) => data.toString().startsWith('HTTP/1.1 200') && answered()).write(get),
  },
  tls: {
    open: () => connectTls(secure),
    ask: (connection, answered) => connection.once('secureConnect', answered),
    again: says(get),
  },
  turns: { open: () => connectTls(secure), ask: says(allocate) },
  turn: { open: () => connectTcp({ host, port }), ask: says(allocate) },
  ice: {
    open: () => connectTcp({ host, port }),
    ask: (connection, answered) => connection.resume().write(framedCheck, (error) => error || answered()),
    again: (_, answered) => answered(),
  },
  h2: {
    open: () => connectH2(`https://${host}:${port}`, { rejectUnauthorized: false }),
    ask: (session, answered) =>
      session
        .request({ ':path': '/healthz' })
        .on('response', answered)
        .on('error', () => {})
        .resume(),
  },
};
const { open, ask, again = ask } = kinds[kind];

/** Resolves with whether the server answered; otherwise it closed the connection. */
const isAnswered = (connection, question) =>
  new Promise((done) => {
    if (connection.destroyed) return done(false);
    connection.once('close', () => done(false));
    question(connection, () => done(true));
  });

const all = [];
for (let i = 0; i < Number(countText); i += 1) {
  const connection = open().on('error', () => {});
  all.push({ connection, answered: isAnswered(connection, ask) });
  await new Promise((pass) => setTimeout(pass, Number(everyText))); // the pace of the crowd
}
await Promise.all(all.map(({ answered }) => answered));
const standing = new Set();
for (const { connection, answered } of all)
  if ((await answered) && (await isAnswered(connection, again))) standing.add(connection);

const tell = () => console.log(JSON.stringify({ tried: all.length, stand: standing.size }));
for (const connection of kind === 'ice' ? standing : []) {
  connection.once('close', () => {
    standing.delete(connection);
    tell();
  });
}
tell();
process.stdin.on('end', () => process.exit()).resume();
