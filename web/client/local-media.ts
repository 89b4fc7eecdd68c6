import {
  cameraConstraints,
  microphoneConstraints,
  NORMAL_QUALITY,
  openDevices,
  openScreen,
  problemOf,
  type CaptureQuality,
  type DeviceProblem,
} from './capture';
import { Emitter } from './emitter';

export interface LocalDevice {
  /** The user wants it on, and it is on. A microphone keeps its track when off, disabled; a camera does not. */
  on: boolean;
  track: MediaStreamTrack | null;
  /** Device that the user chose; null: the browser's default. */
  deviceId: string | null;
  /** Why the last attempt to open it failed. */
  problem: DeviceProblem | null;
}

export interface LocalScreen {
  video: MediaStreamTrack;
  audio: MediaStreamTrack | null;
}

export interface WantedDevices {
  microphone: boolean;
  camera: boolean;
}

type DeviceName = 'microphone' | 'camera';

/**
 * This user's microphone, camera and screen. It outlives connections: its tracks stay from one call to the next.
 *
 * Every change replaces an object, so `===` tells whether something changed. Methods never reject because of a device: the
 * reason is in `problem`. Each device executes one operation at a time.
 */
export class LocalMedia extends Emitter<{ change: void }> {
  readonly #quality: CaptureQuality;
  #devices: Record<DeviceName, LocalDevice>;
  #screen: LocalScreen | null = null;
  #busy: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: { quality?: CaptureQuality; microphoneId?: string | null; cameraId?: string | null } = {}) {
    super();
    this.#quality = options.quality ?? NORMAL_QUALITY;
    this.#devices = {
      microphone: { on: false, track: null, deviceId: options.microphoneId ?? null, problem: null },
      camera: { on: false, track: null, deviceId: options.cameraId ?? null, problem: null },
    };
  }

  get microphone(): LocalDevice {
    return this.#devices.microphone;
  }

  get camera(): LocalDevice {
    return this.#devices.camera;
  }

  get screen(): LocalScreen | null {
    return this.#screen;
  }

  /** Opens devices with one question to the user; if that fails, each alone, to keep the one that works. */
  open(wanted: WantedDevices = { microphone: true, camera: true }): Promise<void> {
    return this.#exclusive(async () => {
      if (wanted.microphone && wanted.camera && (await this.#acquireBoth())) return;
      if (wanted.microphone) await this.#acquire('microphone');
      if (wanted.camera) await this.#acquire('camera');
    });
  }

  setMicrophone(on: boolean): Promise<void> {
    return this.#exclusive(async () => {
      const { track } = this.microphone;
      if (!track) {
        if (on) await this.#acquire('microphone');
        return;
      }
      track.enabled = on;
      this.#set('microphone', { on });
    });
  }

  /** Switching off stops the track, so that the camera's light goes out. */
  setCamera(on: boolean): Promise<void> {
    return this.#exclusive(async () => {
      if (on === this.camera.on) return;
      if (on) {
        await this.#acquire('camera');
      } else {
        stop(this.camera.track);
        this.#set('camera', { on: false, track: null });
      }
    });
  }

  chooseMicrophone(deviceId: string): Promise<void> {
    return this.#exclusive(() => this.#choose('microphone', deviceId));
  }

  chooseCamera(deviceId: string): Promise<void> {
    return this.#exclusive(() => this.#choose('camera', deviceId));
  }

  /** Resolves with false if the user picked nothing; rejects if the browser cannot do it. */
  async shareScreen(): Promise<boolean> {
    const stream = await openScreen();
    const video = stream?.getVideoTracks()[0];
    if (!stream || !video || this.#closed) {
      stream?.getTracks().forEach(stop);
      return false;
    }
    // Text must stay sharp; frames may be dropped for it.
    video.contentHint = 'detail';
    // The browser's own "stop sharing" bar.
    video.onended = () => this.stopScreen();
    this.stopScreen();
    this.#screen = { video, audio: stream.getAudioTracks()[0] ?? null };
    this.emit('change', undefined);
    return true;
  }

  stopScreen(): void {
    if (!this.#screen) return;
    stop(this.#screen.video);
    stop(this.#screen.audio);
    this.#screen = null;
    this.emit('change', undefined);
  }

  /** Releases every device, for good: a closed LocalMedia opens nothing any more. */
  close(): void {
    this.#closed = true;
    this.stopScreen();
    for (const name of ['microphone', 'camera'] as const) {
      stop(this.#devices[name].track);
      this.#set(name, { on: false, track: null });
    }
  }

  async #choose(name: DeviceName, deviceId: string): Promise<void> {
    const { on, track } = this.#devices[name];
    this.#set(name, { deviceId });
    if (!on && !track) return;
    // First stop: many systems cannot open two cameras at once, phones never can.
    stop(track);
    await this.#acquire(name);
    const next = this.#devices[name].track;
    if (next && !on) {
      next.enabled = false;
      this.#set(name, { on: false });
    }
  }

  /** False if trying each device alone may help. */
  async #acquireBoth(): Promise<boolean> {
    try {
      const stream = await openDevices({
        audio: microphoneConstraints(this.microphone.deviceId),
        video: cameraConstraints(this.camera.deviceId, this.#quality),
      });
      this.#accept('microphone', stream.getAudioTracks()[0] ?? null);
      this.#accept('camera', stream.getVideoTracks()[0] ?? null);
      return true;
    } catch (error) {
      if (problemOf(error) !== 'insecure') return false;
      this.#set('microphone', { problem: 'insecure' });
      this.#set('camera', { problem: 'insecure' });
      return true;
    }
  }

  async #acquire(name: DeviceName): Promise<void> {
    try {
      this.#accept(name, await this.#openOne(name, this.#devices[name].deviceId));
    } catch (error) {
      this.#set(name, { on: false, track: null, problem: problemOf(error) });
    }
  }

  /** Opens this device, or any if it is missing: without a remembered headset, the built-in microphone must work. */
  async #openOne(name: DeviceName, deviceId: string | null): Promise<MediaStreamTrack | null> {
    try {
      const stream = await openDevices(
        name === 'microphone'
          ? { audio: microphoneConstraints(deviceId) }
          : { video: cameraConstraints(deviceId, this.#quality) },
      );
      return stream.getTracks()[0] ?? null;
    } catch (error) {
      if (deviceId === null || problemOf(error) !== 'missing') throw error;
      return this.#openOne(name, null);
    }
  }

  #accept(name: DeviceName, track: MediaStreamTrack | null): void {
    if (this.#closed) {
      stop(track);
      return;
    }
    if (this.#devices[name].track !== track) stop(this.#devices[name].track);
    if (track) track.onended = () => void this.#exclusive(() => this.#unplugged(name, track));
    this.#set(name, { on: track !== null, track, problem: track ? null : 'missing' });
  }

  /** The device disappeared: goes on with another one if there is any. */
  async #unplugged(name: DeviceName, track: MediaStreamTrack): Promise<void> {
    if (this.#devices[name].track !== track) return;
    const { on } = this.#devices[name];
    this.#set(name, { on: false, track: null, deviceId: null, problem: 'missing' });
    if (on) await this.#acquire(name);
  }

  #set(name: DeviceName, change: Partial<LocalDevice>): void {
    this.#devices = { ...this.#devices, [name]: { ...this.#devices[name], ...change } };
    this.emit('change', undefined);
  }

  #exclusive(run: () => Promise<void>): Promise<void> {
    const done = this.#busy.then(() => (this.#closed ? undefined : run()));
    this.#busy = done.catch(() => undefined);
    return done;
  }
}

function stop(track: MediaStreamTrack | null): void {
  if (!track) return;
  track.onended = null;
  track.stop();
}
