#!/usr/bin/python3
"""Publishes a test picture and a tone by WHIP, with GStreamer's webrtcbin, as streaming programs do: one POST of the whole offer,
no trickle. Prints one line a step; ends when its standard input does, with a DELETE.

usage: whip-publish.py http://HOST:PORT/whip/ROOM?name=N [CODEC]"""

import sys
import threading
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {
    "vp8": "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=300 target-bitrate=300000 ! rtpvp8pay picture-id-mode=15-bit pt=96",
}
PIPELINE = """
webrtcbin name=connection bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1 ! {encoder}
  ! application/x-rtp,media=video,payload=96,encoding-name={name} ! connection.
audiotestsrc is-live=true wave=sine volume=0.2 ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=111
  ! application/x-rtp,media=audio,payload=111,encoding-name=OPUS ! connection.
"""


def say(text):
    print(text, flush=True)


def main():
    Gst.init(None)
    endpoint, codec = sys.argv[1], (sys.argv[2:] or ["vp8"])[0]
    pipeline = Gst.parse_launch(PIPELINE.format(encoder=ENCODERS[codec], name=codec.upper()))
    connection = pipeline.get_by_name("connection")
    loop = GLib.MainLoop()
    resource = []

    def post():
        offer = connection.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(endpoint, offer.encode(), {"Content-Type": "application/sdp"}, method="POST")
        say("posting")
        with urllib.request.urlopen(request) as response:
            body = response.read()
            resource.append(urllib.parse.urljoin(endpoint, response.headers["Location"]))
            say(f"posted {response.status} {response.headers['Location']}")
        _, sdp = GstSdp.SDPMessage.new_from_text(body.decode())
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        connection.emit("set-remote-description", answer, Gst.Promise.new())

    def gathered(*_):
        if connection.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(post)

    def created(promise, *_):
        reply = promise.get_reply()  # keeps a reference: the offer lives as long as the reply
        offer = reply.get_value("offer")
        connection.emit("set-local-description", offer, Gst.Promise.new())

    def negotiate(*_):
        connection.emit("create-offer", None, Gst.Promise.new_with_change_func(created, None, None))

    def connected(*_):
        say(f"connection {connection.get_property('connection-state').value_nick}")

    connection.connect("on-negotiation-needed", negotiate)
    connection.connect("notify::ice-gathering-state", gathered)
    connection.connect("notify::connection-state", connected)
    pipeline.set_state(Gst.State.PLAYING)
    threading.Thread(target=lambda: (sys.stdin.read(), GLib.idle_add(loop.quit)), daemon=True).start()
    loop.run()
    for url in resource:
        with urllib.request.urlopen(urllib.request.Request(url, method="DELETE")) as response:
            say(f"deleted {response.status}")
    pipeline.set_state(Gst.State.NULL)


main()
