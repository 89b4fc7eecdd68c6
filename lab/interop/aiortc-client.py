#!/usr/bin/python3
"""aiortc (Python): encodes, decodes, retransmits by RTX and requests lost packets by itself. README.md of this folder
lists the commands."""

import asyncio
import fractions
import json
import sys
import time

import numpy
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

counts = {"pictures": 0, "sounds": 0}
connection = None


def say(message):
    print(json.dumps(message), flush=True)


class Source(MediaStreamTrack):
    """A source that produces a frame at a fixed rate."""

    def __init__(self):
        super().__init__()
        self.begun, self.made = None, 0

    async def recv(self):
        self.begun = self.begun or time.monotonic()
        await asyncio.sleep(max(0, self.begun + self.made / self.rate - time.monotonic()))
        frame = self.make()
        frame.pts = self.made * (self.clock // self.rate)
        frame.time_base = fractions.Fraction(1, self.clock)
        self.made += 1
        return frame


class Camera(Source):
    """A picture with a moving bar."""

    kind, rate, clock = "video", 15, 90000

    def make(self):
        picture = numpy.full((180, 320, 3), 90, numpy.uint8)
        left = (self.made * 4) % 280
        picture[:, left:left + 40] = (200, 160, 40)
        return VideoFrame.from_ndarray(picture, format="rgb24")


class Microphone(Source):
    """A tone."""

    kind, rate, clock = "audio", 50, 48000

    def make(self):
        times = (numpy.arange(960) + self.made * 960) / self.clock
        frame = AudioFrame.from_ndarray((6000 * numpy.sin(2 * numpy.pi * 440 * times)).astype(numpy.int16).reshape(1, -1), layout="mono")
        frame.sample_rate = self.clock
        return frame


async def hear(track):
    kind = "pictures" if track.kind == "video" else "sounds"
    try:
        while True:
            await track.recv()
            counts[kind] += 1
            if kind == "pictures" and counts[kind] == 1:
                say({"event": "picture"})
    except MediaStreamError:
        pass


def refuse(direction):
    """Adds sections that the server refuses: one with PCMU alone, and one of data."""
    tone = connection.addTransceiver("audio", direction)
    tone.setCodecPreferences([codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/PCMU"])
    connection.createDataChannel("refused")


async def offer(direction, refused):
    global connection
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.on("connectionstatechange", lambda: say({"event": connection.connectionState}))
    connection.on("track", lambda track: asyncio.ensure_future(hear(track)))
    for kind, track in ("video", Camera), ("audio", Microphone):
        connection.addTransceiver(kind if direction == "recvonly" else track(), direction)
    if refused:
        refuse(direction)
    await connection.setLocalDescription(await connection.createOffer())
    return {"sdp": connection.localDescription.sdp}


async def answer(sdp):
    await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    return {"sdp": connection.localDescription.sdp}


async def act(order):
    do = order["do"]
    if do == "offer":
        return await offer(order["direction"], order.get("refused", False))
    if do == "accept":
        await connection.setRemoteDescription(RTCSessionDescription(order["sdp"], "answer"))
    elif do == "answer":
        return await answer(order["sdp"])
    elif do == "count":
        return counts
    elif do == "close":
        await connection.close()
    return {}


async def main():
    lines = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    say({"event": "ready"})
    while line := await lines.readline():
        order = json.loads(line)
        try:
            say({"done": order["do"], **await act(order)})
        except Exception as error:  # any complaint of the library about a description is a result of the test
            say({"done": order["do"], "error": repr(error)})


asyncio.run(main())
