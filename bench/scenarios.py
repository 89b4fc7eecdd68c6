"""The scenarios: each is the options of a server and of a load generator."""

from dataclasses import dataclass, field

PLAIN = ["--cipher", "openssl", "--send", "single"]  # one EVP call and one sendto a packet: the reference for every gain


@dataclass
class Scenario:
    name: str
    title: str
    load: list
    server: list = field(default_factory=list)
    workers: int = 1
    viewers: int = 0
    receivers: int = 0  # clients that packets are forwarded to: viewers, or everybody in a meeting
    runs: int = 1
    quick: bool = False
    awake: bool = True  # the server's cores are kept from lowering their clock
    peers: str = ""  # the column of PEERS to compare with

    @property
    def plain(self):
        return self.name.endswith("-plain")


def viewers(count, *more, rate=None):
    return ["--viewers", str(count), "--join-rate", str(rate or max(50, count // 5)), *more]


def scenario(name, title, load, **more):
    number = int(load[load.index("--viewers") + 1])
    return Scenario(name, title, load, viewers=number, receivers=more.pop("receivers", number), **more)


MEETING = ["--publishers", "10", "--viewers", "0", "--meeting", "--audio", "--video-bps", "1500000"]
AUDIO = viewers(100, "--no-video", "--audio")
FEEDBACK = ["--feedback", "100ms"]  # as browsers send it
LAYERS = ["--layers", "3", *FEEDBACK]
STAGE = ["--publishers", "10", "--viewers", "0", "--meeting", "--audio", "--talk", "--stage", *LAYERS]
SOUND_ROOM = ["--publishers", "100", "--viewers", "0", "--meeting", "--no-video", "--audio", "--talk", *FEEDBACK]

SCENARIOS = [
    scenario("10", "1→10", viewers(10), peers="1→10", runs=3, quick=True),
    scenario("10-plain", "1→10, plain", viewers(10), server=PLAIN),
    scenario("100", "1→100", viewers(100), peers="1→100"),
    scenario("100-plain", "1→100, plain", viewers(100), server=PLAIN),
    scenario("400", "1→400", viewers(400), peers="1→400", runs=3, quick=True),
    scenario("400-plain", "1→400, plain", viewers(400), server=PLAIN, runs=3, quick=True),
    scenario("400-batch", "1→400, without GSO", viewers(400), server=["--send", "batch"]),
    scenario("400-openssl", "1→400, OpenSSL with GSO", viewers(400), server=["--cipher", "openssl"]),
    scenario("400-cm", "1→400, AES-CM clients", viewers(400, "--cm")),
    scenario("400-cm-plain", "1→400, AES-CM clients, plain", viewers(400, "--cm"), server=PLAIN),
    scenario("400-workers-2", "1→400, two workers", viewers(400), workers=2, runs=3),
    scenario("400-even", "1→400, evenly spaced", viewers(400, "--even"), quick=True),
    scenario("400-even-plain", "1→400, evenly spaced, plain", viewers(400, "--even"), server=PLAIN),
    scenario("400-feedback", "1→400, feedback from all", viewers(400, *FEEDBACK), runs=3, quick=True),
    scenario("400-layers", "1→400 in three layers, a third each", viewers(400, "--spread", *LAYERS), runs=3),
    scenario("400-step", "1→400 in three layers, a step each 2 s", viewers(400, "--step", *LAYERS), runs=3),
    scenario("1000", "1→1,000", viewers(1000)),
    scenario("100-tcp", "1→100, ICE-TCP", viewers(100, "--tcp"), quick=True),
    scenario("100-turn-tcp", "1→100, TURN over TCP", viewers(100, "--turn", "tcp")),
    scenario("100-turn-tls", "1→100, TURN over TLS", viewers(100, "--turn", "tls"), quick=True),
    scenario("audio", "audio 1→100", AUDIO, peers="audio 1→100", runs=5, quick=True),
    scenario("audio-drowsy", "audio 1→100, cores not kept awake", AUDIO, awake=False, runs=5),
    scenario("audio-plain", "audio 1→100, plain", AUDIO, server=PLAIN),
    scenario("meeting", "meeting of 10", MEETING, receivers=10, peers="meeting of 10", runs=3),
    scenario("meeting-plain", "meeting of 10, plain", MEETING, receivers=10, server=PLAIN),
    scenario("meeting-stage", "meeting of 10 in layers, speaker large", STAGE, receivers=10, runs=3),
    scenario("sound-100", "sound room of 100", SOUND_ROOM, receivers=100, runs=3),
    scenario("idle", "1,000 sessions, no media", ["--publishers", "0", *viewers(1000)], runs=3),
    scenario("idle-drowsy", "1,000 sessions, no media, cores not kept awake", ["--publishers", "0", *viewers(1000)], awake=False),
]

# Reference values, µs of server CPU a forwarded packet: other servers, measured earlier on a machine of the same kind (2-core EPYC)
# with the same load: one publisher, 1.5 Mbit/s in packets of 1200 bytes, 30 frames a second, AES-GCM, over a veth pair; medians.
PEERS = {
    "mediasoup, no downlink feedback": {"1→10": 17.2, "1→100": 10.3, "1→400": 9.6, "audio 1→100": 13.2, "meeting of 10": 13.1},
    "mediasoup, transport-cc from viewers": {"1→10": 30.0, "1→100": 15.4, "1→400": 16.7, "audio 1→100": 11.4, "meeting of 10": 12.8},
    "Galene (Go, Pion)": {"1→10": 32.9, "1→100": 20.0, "1→400": 13.6, "audio 1→100": 30.4, "meeting of 10": 28.8},
    "the original Monoport (Go, Pion)": {"1→10": 33.3, "1→100": 19.8, "1→400": 14.3, "audio 1→100": 27.4, "meeting of 10": 23.9},
    "Janus, libsrtp on OpenSSL, 2 loops": {"1→10": 28.2, "1→100": 18.5, "1→400": 14.9, "audio 1→100": 27.7, "meeting of 10": 20.6},
    "Janus as Debian ships it": {"1→10": 48.8, "1→100": 35.5, "1→400": 35.2, "audio 1→100": 48.3, "meeting of 10": 31.3},
}
