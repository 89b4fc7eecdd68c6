#!/usr/bin/env node
// Carries WebDriver BiDi between a pipe and a browser's WebSocket, one JSON message a line. It runs on the browser's
// host of the lab, over that host's own loopback, so the lab's links carry nothing but the call.

import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const socket = new WebSocket(process.argv[2], { maxPayload: 0 });
socket.on('open', () => {
  createInterface({ input: process.stdin })
    .on('line', (line) => socket.send(line))
    .on('close', () => socket.close());
});
socket.on('message', (data) => process.stdout.write(`${data}\n`));
socket.on('close', () => process.exit(0));
socket.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
