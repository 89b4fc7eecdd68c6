// A UDP socket in a child process: sends the datagrams that arrive on the IPC channel, and reports received ones there.

import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (data, from) => process.send({ message: data.toString(), from }));
process.on('message', ({ message, port, address }) => socket.send(message, port, address));
process.on('disconnect', () => process.exit());
