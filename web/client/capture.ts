/** Gets tracks from the browser, and explains failures. */

/**
 * - `refused`: the user or a policy refused
 * - `missing`: there is no such device
 * - `busy`: another program has it, or the system cannot open it
 * - `insecure`: the page came over plain http, where browsers have no devices at all
 * - `failed`: anything else
 */
export type DeviceProblem = 'refused' | 'missing' | 'busy' | 'insecure' | 'failed';

export interface CaptureQuality {
  width: number;
  height: number;
  frameRate: number;
}

export const NORMAL_QUALITY: CaptureQuality = { width: 1280, height: 720, frameRate: 30 };
/** For many browsers on one machine. */
export const SMALL_QUALITY: CaptureQuality = { width: 320, height: 180, frameRate: 15 };

/** With `deviceId`, that device or none (`exact`): browsers may ignore a preference. */
export function microphoneConstraints(deviceId: string | null): MediaTrackConstraints {
  return {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
}

export function cameraConstraints(deviceId: string | null, quality: CaptureQuality): MediaTrackConstraints {
  return {
    width: { ideal: quality.width },
    height: { ideal: quality.height },
    frameRate: { ideal: quality.frameRate, max: quality.frameRate },
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
}

/** Opens devices; rejects with an error that `problemOf` can read. */
export async function openDevices(constraints: MediaStreamConstraints): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new DOMException('no devices in an insecure context', 'SecurityError');
  return navigator.mediaDevices.getUserMedia(constraints);
}

export function problemOf(error: unknown): DeviceProblem {
  if (typeof window !== 'undefined' && !window.isSecureContext) return 'insecure';
  switch (error instanceof Error || error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}

/** True where this browser can share a screen (phones mostly cannot). */
export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

/** Asks the user for a screen, window or tab; null if the user changed their mind. */
export async function openScreen(): Promise<MediaStream | null> {
  try {
    return await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true });
  } catch (error) {
    if (problemOf(error) === 'refused') return null;
    throw error;
  }
}

/** Devices by kind. Labels and ids are empty until the user has allowed a device once; those are left out. */
export async function listDevices(): Promise<MediaDeviceInfo[]> {
  if (!navigator.mediaDevices?.enumerateDevices) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ deviceId, label }) => deviceId !== '' && label !== '');
}
