import type { ReactNode } from 'react';
import type { Call, CallSummary } from '../../client';
import { useCall } from '../hooks/use-call';
import { useSummary } from '../hooks/use-summary';
import { formatRate } from '../model/wording';

/** What a user can tell the person who looks after the network. */
export function NetworkFacts({ call }: { call: Call }) {
  const { state, mappedAddress, room } = useCall(call);
  const summary = useSummary(call);
  const pair = summary?.pair;
  return (
    <>
      <dl className="facts">
        <Fact name="Connection">{STATE_WORDS[state]}</Fact>
        <Fact name="Your address">
          <code>{mappedAddress ?? '–'}</code>
        </Fact>
        <Fact name="Server">
          <code>{pair?.remote ?? '–'}</code>
        </Fact>
        <Fact name="Transport">{pair ? pair.protocol.toUpperCase() : '–'}</Fact>
        <Fact name="Round trip">{pair?.rtt_ms != null ? `${pair.rtt_ms} ms` : '–'}</Fact>
        <Fact name="Receiving">{pair ? formatRate(pair.in_bps) : '–'}</Fact>
        <Fact name="Sending">{pair ? formatRate(pair.out_bps) : '–'}</Fact>
        <Fact name="Lost packets">{summary ? lossWords(summary) : '–'}</Fact>
        <Fact name="Video sent">{summary ? videoWords(summary) : '–'}</Fact>
        <Fact name="Room">{room}</Fact>
      </dl>
      <p className="panel-note">Your address is the one that the server sees. Everything runs between your browser and this server. No other host is involved.</p>
    </>
  );
}

const STATE_WORDS = {
  connecting: 'Connecting…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  left: 'Left',
} as const;

function lossWords({ remote }: CallSummary): string {
  const lost = remote.reduce((sum, { packetsLost }) => sum + Math.max(0, packetsLost), 0);
  const received = remote.reduce((sum, { packetsReceived }) => sum + packetsReceived, 0);
  if (received === 0) return '–';
  return `${((100 * lost) / (lost + received)).toFixed(1)} %`;
}

function videoWords({ outbound }: CallSummary): string {
  const videos = outbound.filter(({ kind, frameWidth }) => kind === 'video' && frameWidth);
  if (videos.length === 0) return '–';
  return videos.map(({ frameWidth, frameHeight, codec }) => `${frameWidth} × ${frameHeight} ${codec ?? ''}`.trim()).join(', ');
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
