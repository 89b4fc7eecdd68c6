// A UDP socket at the other end of a process's IPC channel: sends what it is told to, tells what it receives.

import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (data, from) => process.send({ message: data.toString(), from }));
process.on('message', ({ message, port, address }) => socket.send(message, port, address));
process.on('disconnect', () => process.exit());
