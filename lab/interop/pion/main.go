// Pion (Go): takes and hands out packets, answers NACKs and sends them. `pion SOURCE`: the path of source.py.
// README.md of the folder above lists the commands.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media/samplebuilder"
)

type order struct {
	Do        string `json:"do"`
	Direction string `json:"direction"`
	Refused   bool   `json:"refused"`
	SDP       string `json:"sdp"`
}

type fields map[string]interface{}

var (
	connection       *webrtc.PeerConnection
	pictures, sounds int64
	output           sync.Mutex
)

func say(line fields) {
	output.Lock()
	defer output.Unlock()
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func tell(event string) { say(fields{"event": event}) }

// source starts source.py. It returns a function that requests a key frame of it.
func source(tracks map[uint8]*webrtc.TrackLocalStaticRTP) (func(), error) {
	child := exec.Command(os.Args[1])
	child.Stderr = os.Stderr
	orders, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	packets, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	go forward(bufio.NewReader(packets), tracks)
	return seldom(func() { fmt.Fprintln(orders) }), child.Start()
}

// forward reads packets behind their lengths (RFC 4571) and gives each to the track of its payload type.
func forward(packets io.Reader, tracks map[uint8]*webrtc.TrackLocalStaticRTP) {
	for {
		var length uint16
		if binary.Read(packets, binary.BigEndian, &length) != nil {
			return
		}
		bytes := make([]byte, length)
		packet := rtp.Packet{}
		if _, err := io.ReadFull(packets, bytes); err != nil || packet.Unmarshal(bytes) != nil {
			return
		}
		_ = tracks[packet.PayloadType].WriteRTP(&packet)
	}
}

// seldom limits act to two calls a second.
func seldom(act func()) func() {
	var last time.Time
	return func() {
		if time.Since(last) > 500*time.Millisecond {
			last = time.Now()
			act()
		}
	}
}

func send(direction webrtc.RTPTransceiverDirection) error {
	picture, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "picture", "pion")
	if err != nil {
		return err
	}
	tone, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "tone", "pion")
	if err != nil {
		return err
	}
	keyFrame, err := source(map[uint8]*webrtc.TrackLocalStaticRTP{96: picture, 111: tone})
	if err != nil {
		return err
	}
	for _, track := range []webrtc.TrackLocal{picture, tone} {
		transceiver, err := connection.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: direction})
		if err != nil {
			return err
		}
		go heed(transceiver.Sender(), keyFrame)
	}
	return nil
}

// heed reads a receiver's RTCP about a track. The library's own responder has answered its NACKs by then.
func heed(sender *webrtc.RTPSender, keyFrame func()) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			if _, ok := packet.(*rtcp.PictureLossIndication); ok {
				keyFrame()
			}
		}
	}
}

func receive() error {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := connection.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return err
		}
	}
	return nil
}

func hear(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	if track.Kind() == webrtc.RTPCodecTypeAudio {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			atomic.AddInt64(&sounds, 1)
		}
	}
	watch(track)
}

// watch counts the frames that a decoder could show: complete, and preceded by a key frame since the last loss.
func watch(track *webrtc.TrackRemote) {
	ask := seldom(func() {
		_ = connection.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
	})
	builder := samplebuilder.New(50, &codecs.VP8Packet{}, 90000, samplebuilder.WithMaxTimeDelay(400*time.Millisecond))
	whole := false
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		builder.Push(packet)
		for sample := builder.Pop(); sample != nil; sample = builder.Pop() {
			isKey := sample.Data[0]&1 == 0
			whole = isKey || (whole && sample.PrevDroppedPackets == 0)
			if !whole {
				ask()
			} else if atomic.AddInt64(&pictures, 1) == 1 {
				tell("picture")
			}
		}
	}
}

// watcher is a connection without RTX: the library's default codecs offer RTX, but it drops packets that arrive by RTX.
func watcher(configuration webrtc.Configuration) (*webrtc.PeerConnection, error) {
	engine, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	pli := []webrtc.RTCPFeedback{{Type: "nack", Parameter: "pli"}}
	for kind, codec := range map[webrtc.RTPCodecType]webrtc.RTPCodecParameters{
		webrtc.RTPCodecTypeVideo: {RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: pli}, PayloadType: 96},
		webrtc.RTPCodecTypeAudio: {RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111},
	} {
		if err := engine.RegisterCodec(codec, kind); err != nil {
			return nil, err
		}
	}
	if err := webrtc.RegisterDefaultInterceptors(engine, registry); err != nil {
		return nil, err
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry))
	return api.NewPeerConnection(configuration)
}

func open(wanted order) (err error) {
	configuration := webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle}
	if wanted.Direction == "recvonly" {
		connection, err = watcher(configuration)
	} else {
		connection, err = webrtc.NewPeerConnection(configuration)
	}
	if err != nil {
		return err
	}
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { tell(state.String()) })
	connection.OnTrack(hear)
	if wanted.Direction == "recvonly" {
		err = receive()
	} else {
		err = send(webrtc.NewRTPTransceiverDirection(wanted.Direction))
	}
	if err != nil || !wanted.Refused {
		return err
	}
	return refused()
}

// refused adds sections that the server refuses: one with PCMU alone, and one of data. The former is recvonly, as this
// library cannot send two tracks of a kind with different codecs: it takes a kind's codecs from the first section of that
// kind in an answer.
func refused() error {
	tone, err := connection.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	if err != nil {
		return err
	}
	pcmu := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}
	if err = tone.SetCodecPreferences([]webrtc.RTPCodecParameters{{RTPCodecCapability: pcmu, PayloadType: 0}}); err != nil {
		return err
	}
	_, err = connection.CreateDataChannel("refused", nil)
	return err
}

// described applies a local description and returns it once it has all candidates.
func described(description webrtc.SessionDescription, err error) (fields, error) {
	if err != nil {
		return nil, err
	}
	complete := webrtc.GatheringCompletePromise(connection)
	if err = connection.SetLocalDescription(description); err != nil {
		return nil, err
	}
	<-complete
	return fields{"sdp": connection.LocalDescription().SDP}, nil
}

func act(wanted order) (fields, error) {
	switch wanted.Do {
	case "offer":
		if err := open(wanted); err != nil {
			return nil, err
		}
		return described(connection.CreateOffer(nil))
	case "accept":
		return nil, connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: wanted.SDP})
	case "answer":
		if err := connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: wanted.SDP}); err != nil {
			return nil, err
		}
		return described(connection.CreateAnswer(nil))
	case "count":
		return fields{"pictures": atomic.LoadInt64(&pictures), "sounds": atomic.LoadInt64(&sounds)}, nil
	case "close":
		return nil, connection.Close()
	}
	return nil, errors.New("no such order")
}

func main() {
	tell("ready")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		wanted := order{}
		if err := json.Unmarshal(lines.Bytes(), &wanted); err != nil {
			panic(err)
		}
		answer, err := act(wanted)
		if answer == nil {
			answer = fields{}
		}
		answer["done"] = wanted.Do
		if err != nil {
			answer["error"] = err.Error()
		}
		say(answer)
	}
}
