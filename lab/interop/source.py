#!/usr/bin/python3
"""A moving picture in VP8 and a tone in Opus, as RTP on standard output, each packet behind its length in two bytes (RFC 4571), for stacks
that have no encoders: payload type 96 is the picture, 111 the tone. A line on standard input asks for a key frame; at its end this ends."""

import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo  # noqa: E402

PIPELINE = """
funnel name=both ! fdsink fd={fd} sync=false
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1
  ! vp8enc name=encoder deadline=1 cpu-used=8 keyframe-max-dist=300 target-bitrate=300000
  ! rtpvp8pay picture-id-mode=15-bit mtu=1100 pt=96 ! rtpstreampay ! both.
audiotestsrc is-live=true wave=sine volume=0.2 ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=111 ! rtpstreampay ! both.
"""


def main():
    Gst.init(None)
    # Only packets go to standard output: libraries that print there print to standard error from here on.
    packets = os.dup(1)
    os.dup2(2, 1)
    pipeline = Gst.parse_launch(PIPELINE.format(fd=packets))
    pad = pipeline.get_by_name("encoder").get_static_pad("src")
    loop = GLib.MainLoop()

    def key_frame():
        pad.send_event(GstVideo.video_event_new_upstream_force_key_unit(Gst.CLOCK_TIME_NONE, True, 0))

    def listen():
        for _ in sys.stdin:
            GLib.idle_add(key_frame)
        GLib.idle_add(loop.quit)

    pipeline.set_state(Gst.State.PLAYING)
    threading.Thread(target=listen, daemon=True).start()
    loop.run()
    pipeline.set_state(Gst.State.NULL)


main()
