import {
  Call,
  Emitter,
  LocalMedia,
  NORMAL_QUALITY,
  SMALL_CAMERA_BITRATE,
  SMALL_QUALITY,
  signalingUrl,
  type WantedDevices,
} from '../../client';
import { recallPictures } from './pictures';
import { recall, remember } from './preferences';
import { makeRoomName } from './room-name';
import { roomLink, type Route } from './route';

/** `asking`: the browser may be showing its question for camera and microphone. */
export interface VisitSnapshot {
  stage: 'lobby' | 'call' | 'left';
  room: string;
  name: string;
  media: LocalMedia;
  asking: boolean;
  call: Call | null;
}

/** One opened page: its present screen, its call and its devices. Independent of React. */
export class Visit extends Emitter<{ change: VisitSnapshot }> {
  readonly route: Route;
  #snapshot: VisitSnapshot;
  /** A user who left with the camera off rejoins with it off. */
  #wanted: WantedDevices = { microphone: true, camera: true };

  constructor(route: Route) {
    super();
    this.route = route;
    this.#snapshot = {
      stage: 'lobby',
      room: route.room ?? this.#firstRoom(),
      name: route.name ?? recall('name') ?? '',
      media: this.#makeMedia(),
      asking: false,
      call: null,
    };
  }

  get snapshot(): VisitSnapshot {
    return this.#snapshot;
  }

  /** Opens devices; joins at once where there is nothing to choose. */
  async start(): Promise<void> {
    const { role, room, join } = this.route;
    if (role !== 'watch') await this.#openDevices();
    const { name, stage } = this.#snapshot;
    if (stage === 'lobby' && (join || (role === 'watch' && room !== null))) this.join(name, this.#snapshot.room);
  }

  join(name: string, room: string): void {
    const { role, codec, token, small } = this.route;
    const { media } = this.#snapshot;
    // A name in the address belongs to that link (a kiosk, a test) and is not this user's choice.
    if (name && name !== this.route.name) remember('name', name);
    this.#showRoom(room);
    const call = new Call({
      url: signalingUrl(location.href),
      room,
      name,
      role,
      media,
      pictures: recallPictures(),
      ...(codec ? { codec } : {}),
      ...(token ? { token } : {}),
      ...(small ? { cameraBitrate: SMALL_CAMERA_BITRATE } : {}),
    });
    call.on('change', ({ state }) => {
      if (state === 'left' && this.#snapshot.call === call) this.#ended();
    });
    call.on('trouble', ({ reason, detail, retryIn }) => {
      console.info(`monoport: ${reason}${detail ? ` (${detail})` : ''}, next attempt in ${Math.round(retryIn)} ms`);
    });
    this.#update({ stage: 'call', name, room, call });
  }

  leave(): void {
    this.#snapshot.call?.leave();
  }

  /** Joins again with the devices as before. */
  async rejoin(): Promise<void> {
    const { name, room } = this.#snapshot;
    if (this.route.role !== 'watch') await this.#openDevices();
    this.join(name, room);
  }

  /** Back to the lobby. */
  async reopen(): Promise<void> {
    this.#update({ stage: 'lobby' });
    if (this.route.role !== 'watch') await this.#openDevices();
  }

  async #openDevices(): Promise<void> {
    this.#update({ asking: true });
    await this.#snapshot.media.open(this.#wanted);
    this.#update({ asking: false });
  }

  #ended(): void {
    const { media } = this.#snapshot;
    this.#wanted = { microphone: media.microphone.on, camera: media.camera.on };
    media.close();
    this.#update({ stage: 'left', call: null, media: this.#makeMedia() });
  }

  #makeMedia(): LocalMedia {
    return new LocalMedia({
      quality: this.route.small ? SMALL_QUALITY : NORMAL_QUALITY,
      microphoneId: recall('microphone'),
      cameraId: recall('camera'),
    });
  }

  #firstRoom(): string {
    if (this.route.role === 'watch') return '';
    return this.route.join ? 'default' : makeRoomName();
  }

  /** Puts the room into the address, so that a reload and a copied address lead to it. */
  #showRoom(room: string): void {
    const link = new URL(roomLink(location.origin, this.route.role, room));
    const query = new URLSearchParams(location.search);
    query.set('room', room);
    link.search = query.toString();
    history.replaceState(null, '', link);
    document.title = `${room} · Monoport`;
  }

  #update(change: Partial<VisitSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    this.emit('change', this.#snapshot);
  }
}
