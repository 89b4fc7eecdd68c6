#!/usr/bin/env node
// A flow of datagrams or of a TCP connection, and its receiver, which prints a result when its input ends:
//
//   flow udp-receive PORT            {"packets","late":N that arrived after a later one,"bytes","ms":[delay of each]}
//   flow udp-send ADDRESS PORT PACKETS SIZE GAP_MS
//   flow tcp-receive PORT            {"bytes"}
//   flow tcp-send ADDRESS PORT       as fast as it goes, until its input ends
//
// A datagram begins with its number and the time at which it was sent: both ends are of one machine.

import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

const [what, ...rest] = process.argv.slice(2);
const [port, address] = what.endsWith('send') ? [Number(rest[1]), rest[0]] : [Number(rest[0])];
const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;
const atTheEnd = (say) =>
  process.stdin.resume().on('end', () => {
    console.log(JSON.stringify(say()));
    process.exit();
  });

const roles = {
  'udp-receive'() {
    const ms = [];
    const count = { packets: 0, late: 0, bytes: 0, highest: -1 };
    createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
      .on('message', (data) => {
        const number = data.readUInt32BE(0);
        count.packets += 1;
        count.bytes += data.length;
        count.late += number < count.highest;
        count.highest = Math.max(count.highest, number);
        ms.push(now() - data.readDoubleBE(4));
      })
      .bind(port, () => console.log('ready'));
    atTheEnd(() => ({ ...count, ms }));
  },
  async 'udp-send'() {
    const [count, size, gap] = rest.slice(2).map(Number);
    const socket = createSocket('udp4');
    const begun = now();
    for (let number = 0; number < count;) {
      for (; number < count && number * gap <= now() - begun; number += 1) {
        const data = Buffer.alloc(size);
        data.writeUInt32BE(number, 0);
        data.writeDoubleBE(now(), 4);
        await new Promise((sent) => socket.send(data, port, address, sent));
      }
      await new Promise((tick) => setTimeout(tick, 1));
    }
    socket.close();
  },
  'tcp-receive'() {
    let bytes = 0;
    createServer((socket) => socket.on('data', (data) => (bytes += data.length))).listen(port, () =>
      console.log('ready'),
    );
    atTheEnd(() => ({ bytes }));
  },
  'tcp-send'() {
    const data = Buffer.alloc(1 << 14);
    const socket = connect(port, address);
    const write = () => {
      while (socket.write(data));
    };
    socket.on('connect', write).on('drain', write);
    atTheEnd(() => ({}));
  },
};
await roles[what]();
