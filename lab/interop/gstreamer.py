#!/usr/bin/python3
"""GStreamer's webrtcbin (C): encodes and decodes by itself. README.md of this folder lists the commands."""

import json
import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

CONNECTION = "webrtcbin name=connection bundle-policy=max-bundle latency=300"
SENDER = """
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1
  ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=300 target-bitrate=300000 ! rtpvp8pay picture-id-mode=15-bit pt=96
  ! application/x-rtp,media=video,payload=96,encoding-name=VP8 ! connection.
audiotestsrc is-live=true wave=sine volume=0.2 ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=111
  ! application/x-rtp,media=audio,payload=111,encoding-name=OPUS ! connection.
"""
REFUSED = """
audiotestsrc is-live=true wave=sine ! audioconvert ! audioresample ! mulawenc ! rtppcmupay pt=0
  ! application/x-rtp,media=audio,payload=0,encoding-name=PCMU,clock-rate=8000 ! connection.
"""
CAPS = {
    "video": "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000,rtcp-fb-nack=(boolean)true,rtcp-fb-nack-pli=(boolean)true",
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2",
    "refused": "application/x-rtp,media=audio,encoding-name=PCMU,payload=0,clock-rate=8000",
}
DIRECTION = {
    "sendonly": GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY,
    "recvonly": GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
    "sendrecv": GstWebRTC.WebRTCRTPTransceiverDirection.SENDRECV,
}
TYPE = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}

counts = {"pictures": 0, "sounds": 0}
lines = os.dup(1)  # libraries that print to standard output print to standard error from here on
os.dup2(2, 1)


def say(message):
    os.write(lines, (json.dumps(message) + "\n").encode())


def counted(kind):
    def probe(_pad, _info):
        counts[kind] += 1
        if kind == "pictures" and counts[kind] == 1:
            say({"event": "picture"})
        return Gst.PadProbeReturn.OK
    return probe


class Client:
    def __init__(self, loop):
        self.loop = loop
        self.pipeline = self.connection = None

    def open(self, direction, refused):
        sends = direction != "recvonly"
        self.pipeline = Gst.parse_launch(f"pipeline.( {CONNECTION} {SENDER * sends} {REFUSED * (sends and refused)} )")
        self.connection = self.pipeline.get_by_name("connection")
        self.connection.connect("pad-added", self.hear)
        self.connection.connect("notify::connection-state", lambda *_: say({"event": self.connection.get_property("connection-state").value_nick}))
        if not sends:
            for kind in ["video", "audio"] + (["refused"] if refused else []):
                self.connection.emit("add-transceiver", DIRECTION[direction], Gst.Caps.from_string(CAPS[kind]))
        self.settle(direction)
        self.pipeline.set_state(Gst.State.PLAYING)
        if refused:
            self.connection.emit("create-data-channel", "refused", None)

    def settle(self, direction):
        """Sets the direction of a sender, which webrtcbin makes sendrecv, and enables NACK, which is off by default."""
        index = 0
        while transceiver := self.connection.emit("get-transceiver", index):
            transceiver.set_property("direction", DIRECTION[direction])
            transceiver.set_property("do-nack", True)
            index += 1

    def hear(self, _connection, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        video = pad.get_property("transceiver").get_property("kind") == GstWebRTC.WebRTCKind.VIDEO
        tail = "rtpvp8depay request-keyframe=true wait-for-keyframe=true ! vp8dec" if video else "rtpopusdepay ! opusdec"
        bin = Gst.parse_bin_from_description(f"queue ! {tail} ! fakesink name=sink sync=false async=false", True)
        self.pipeline.add(bin)
        bin.sync_state_with_parent()
        bin.get_by_name("sink").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, counted("pictures" if video else "sounds"))
        pad.link(bin.get_static_pad("sink"))

    def describe(self, type, then):
        """Applies a local description, and calls `then` with it once it has all candidates."""
        def created(promise, *_):
            reply = promise.get_reply()  # keeps a reference: the description lives as long as the reply
            if not reply or not reply.has_field(type):
                return then({"error": reply.to_string() if reply else "no reply"})
            self.connection.emit("set-local-description", reply.get_value(type), Gst.Promise.new_with_change_func(local, None, None))

        def local(promise, *_):
            GLib.timeout_add(20, gathered)

        def gathered():
            if self.connection.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
                return True
            then({"sdp": self.connection.get_property("local-description").sdp.as_text()})
            return False

        self.connection.emit(f"create-{type}", None, Gst.Promise.new_with_change_func(created, None, None))

    def apply(self, type, sdp, then):
        def applied(promise, *_):
            reply = promise.get_reply()
            failed = promise.wait() != Gst.PromiseResult.REPLIED or (reply and reply.has_field("error"))
            then({"error": reply.to_string() if reply else "not applied"} if failed else {})

        _, parsed = GstSdp.SDPMessage.new_from_text(sdp)
        description = GstWebRTC.WebRTCSessionDescription.new(TYPE[type], parsed)
        self.connection.emit("set-remote-description", description, Gst.Promise.new_with_change_func(applied, None, None))

    def act(self, order):
        do = order["do"]

        def done(result):
            say({"done": do, **result})

        if do == "offer":
            self.open(order["direction"], order.get("refused", False))
            GLib.idle_add(lambda: self.describe("offer", done))
        elif do == "accept":
            self.apply("answer", order["sdp"], done)
        elif do == "answer":
            self.apply("offer", order["sdp"], lambda result: done(result) if result else self.describe("answer", done))
        elif do == "count":
            done(counts)
        elif do == "close":
            self.pipeline.send_event(Gst.Event.new_eos())  # this version's webrtcbin has no other way to say goodbye: RTCP BYE
            self.pipeline.get_bus().timed_pop_filtered(Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
            self.pipeline.set_state(Gst.State.NULL)
            done({})

    def listen(self):
        for line in sys.stdin:
            GLib.idle_add(self.act, json.loads(line))
        GLib.idle_add(self.loop.quit)


def main():
    Gst.init(None)
    loop = GLib.MainLoop()
    client = Client(loop)
    say({"event": "ready"})
    threading.Thread(target=client.listen, daemon=True).start()
    loop.run()
    if client.pipeline:
        client.pipeline.set_state(Gst.State.NULL)


main()
